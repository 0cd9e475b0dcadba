"""Runs schemathesis against an OpenAPI document of the running line, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKS = Path(__file__).with_name("openapi_checks.py")
SECONDS = 90
ACTS = 3
"""How many times as much is tried of acts: most of what is made up does not fit the state of its case."""
PHASES = ("examples", "coverage", "fuzzing")
"""What a document gives as examples; every value and limit that it names, one by one; what is made up."""


@dataclass(frozen=True)
class Report:
    """How a run went. `accepted`: of the requests that fit the document, by operation."""

    code: int
    text: str
    requests: int
    operations: int
    accepted: Mapping[str, int]


def run(
    url: str,
    folder: Path,
    *,
    examples: int,
    known: Mapping[str, Sequence[str]],
    bearer: str | None = None,
    phases: Sequence[str] = PHASES,
) -> Report:
    """Ask every operation of the document at `url`, `examples` times of what is made up.

    `known`: values that exist, by `<place>.<name>` of the parameter. The same requests each time: nothing
    is drawn by chance or learnt from answers.
    """
    config = folder / "schemathesis.toml"
    config.write_text(_config(examples, known, bearer, phases), encoding="utf-8")
    report = folder / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", url, "--no-color", "--report", "json", "--report-json-path", str(report)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=SECONDS,
    )
    told: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}
    return Report(
        code=done.returncode,
        text=done.stdout + done.stderr,
        requests=told.get("test_cases", {}).get("generated", 0),
        operations=told.get("operations", {}).get("tested", 0),
        accepted={
            name: sum(phase["accepted"] for phase in phases.values())
            for name, phases in told.get("valid_rates", {}).items()
        },
    )


def _config(
    examples: int,
    known: Mapping[str, Sequence[str]],
    bearer: str | None,
    phases: Sequence[str],
) -> str:
    lines = [
        f"hooks = {json.dumps(str(CHECKS))}",
        "warnings = false",
        "continue-on-failure = true",
        "[cache]",
        "enabled = false",
        "[generation]",
        "deterministic = true",
        f"max-examples = {examples}",
        "[phases.fuzzing.error-feedback]",
        "enabled = false",
        "[phases.stateful]",
        "enabled = false",
        "[checks.not_a_server_error]",
        'expected-statuses = ["2xx", "3xx", "4xx", 503]',
        "[checks.positive_data_acceptance]",
        "enabled = false",
    ]
    for phase in PHASES:
        lines += [f"[phases.{phase}]", f"enabled = {str(phase in phases).lower()}"]
        lines += [f"[phases.{phase}.extra-data-sources]", "responses = false"]
    if bearer is not None:
        lines += ["[auth.openapi.HTTPBearer]", f"bearer = {json.dumps(bearer)}"]
    lines += [
        "[[operations]]",
        'include-path = "/api/v1/cases/{ticket}/actions"',
        f"generation.max-examples = {examples * ACTS}",
    ]
    for number, values in enumerate(known.values()):
        lines += [f"[dictionaries.d{number}]", f"values = {json.dumps(list(values))}"]
    lines.append("[parameters]")
    for number, place in enumerate(known):
        lines.append(f'{json.dumps(place)} = {{ dictionary = "d{number}", probability = 0.7 }}')
    return "\n".join(lines) + "\n"
