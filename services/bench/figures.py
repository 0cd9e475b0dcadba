"""What a benchmark says: named figures with their unit, baseline, ratio and goal."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

RUNS = 3


@dataclass(frozen=True)
class Figure:
    """`baseline` and `ratio` are None where the goal is absolute; `goal` is a sentence such as
    `ratio ≥ 0.7`, and None, as `met`, where the figure is told for what it explains."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    goal: str | None = None
    met: bool | None = None


def plain(name: str, value: float, unit: str) -> Figure:
    """A figure without a goal."""
    return Figure(name, _short(value), unit)


def against(
    name: str, ours: Sequence[float], bare: Sequence[float], unit: str, *, least: float | None
) -> Figure:
    """Ours over the baseline's, median of the runs each; `least` None: no goal."""
    value, baseline = statistics.median(ours), statistics.median(bare)
    ratio = value / baseline
    goal = None if least is None else f"ratio ≥ {least:g}"
    met = None if least is None else ratio >= least
    return Figure(name, _short(value), unit, _short(baseline), round(ratio, 3), goal, met)


def limited(
    name: str, value: float, unit: str, *, limit: float, sense: Literal["≤", "≥", "<"]
) -> Figure:
    """A figure with an absolute goal."""
    met = {"≤": value <= limit, "≥": value >= limit, "<": value < limit}[sense]
    return Figure(name, _short(value), unit, goal=f"{sense} {limit:g} {unit}", met=met)


def as_json(figures: Sequence[Figure]) -> str:
    """One object, as `samvad bench --json` prints it."""
    return json.dumps({"figures": [asdict(figure) for figure in figures]}, ensure_ascii=False)


def _short(value: float) -> float:
    """Four significant digits: more would pretend to a precision that a shared machine has not."""
    return float(f"{value:.4g}")
