"""A benchmark in its short form, as a process, and what it must leave behind: figures, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.test_bench import FIELDS, _processes_of
from tests.conftest import PROJECT


def short_figures(name: str, home: Path) -> dict[str, dict[str, Any]]:
    """Its figures by their names."""
    done = subprocess.run(
        [sys.executable, "-m", "services.cli.main", "bench", "--short", "--json", name],
        cwd=PROJECT,
        env={**os.environ, "SAMVAD_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    figures = {figure["name"]: figure for figure in json.loads(done.stdout)["figures"]}
    assert all(set(figure) == FIELDS and figure["value"] >= 0 for figure in figures.values())
    assert not list((home / "bench").glob("*-*")), "stacks of the benchmark are taken away"
    assert _processes_of(home) == []
    return figures


def goals(figures: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: figure["goal"] for name, figure in figures.items() if figure["goal"]}
