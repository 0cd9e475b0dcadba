"""A benchmark in its short form, as a process, and what it must leave behind: figures, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

FIELDS = {"name", "value", "unit", "baseline", "ratio", "goal", "met"}


def short_figures(home: Path, *names: str) -> dict[str, dict[str, Any]]:
    """The figures of these benchmarks by their names."""
    done = subprocess.run(
        [sys.executable, "-m", "services.cli.main", "bench", "--short", "--json", *names],
        cwd=PROJECT,
        env={**os.environ, "SAMVAD_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)["figures"]
    assert all(set(figure) == FIELDS and figure["value"] >= 0 for figure in told)
    assert not list((home / "bench").glob("*-*")), "stacks of the benchmarks are taken away"
    assert _processes_of(home) == []
    return {figure["name"]: figure for figure in told}


def goals(figures: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: figure["goal"] for name, figure in figures.items() if figure["goal"]}


def _processes_of(home: Path) -> list[str]:
    """Processes with `home` in their settings, each as its command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(home).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found
