"""The benchmarks run and tell what they are to tell. Their numbers are for `make bench`, not for tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.bench.book import write_short_book
from services.bench.figures import Figure, against, as_json, limited, plain
from services.kernel.contracts.events import CaseFiled
from services.notify.adapters.book_file import load_book
from tests.bench.running import FIELDS, goals, short_figures


def test_a_ratio_is_of_the_medians_and_meets_its_goal_or_not() -> None:
    figure = against("rate", [90.0, 30.0, 100.0], [100.0, 500.0, 90.0], "cases/s", least=0.9)
    assert (figure.value, figure.baseline, figure.ratio) == (90.0, 100.0, 0.9)
    assert (figure.goal, figure.met) == ("ratio ≥ 0.9", True)
    assert against("rate", [89.0], [100.0], "cases/s", least=0.9).met is False
    assert against("rate", [1.0], [2.0], "cases/s", least=None).met is None


@pytest.mark.parametrize(
    ("value", "sense", "met"),
    [(5.0, "≤", True), (5.1, "≤", False), (5.0, "≥", True), (4.9, "≥", False), (5.0, "<", False)],
)
def test_a_limit_is_met_or_not(value: float, sense: str, met: bool) -> None:
    figure = limited("wait", value, "ms", limit=5, sense=sense)  # type: ignore[arg-type]
    assert figure.met is met
    assert figure.goal == f"{sense} 5 ms"


def test_figures_as_json_have_all_their_fields() -> None:
    text = as_json([plain("cost", 1.23456, "core-ms"), Figure("x", 1.0, "y")])
    figures = json.loads(text)["figures"]
    assert [set(figure) for figure in figures] == [FIELDS, FIELDS]
    assert figures[0]["value"] == 1.235


def test_the_short_book_tells_the_citizen_of_the_number_and_nothing_else(tmp_path: Path) -> None:
    book = load_book(write_short_book(tmp_path / "book"))
    assert {rule.event for rule in book.rules} == {CaseFiled.TYPE}
    assert {rule.audience for rule in book.rules} == {"citizen"}


def test_every_benchmark_runs_in_its_short_form(tmp_path: Path) -> None:
    names = ["intake", "pipeline", "latency", "lifecycle", "memory", "sla"]
    assert goals(short_figures(tmp_path, *names)).keys() == {
        "intake accepted",
        "pipeline",
        "pipeline over case by case",
        "202 to provider, p50",
        "202 to provider, p99",
        "lives, 100 stored, one message",
        "lives, 300 stored ÷ 100 stored",
        "memory at rest",
        "memory under load",
        "fired",
        "fired, over APScheduler that does the same",
        "due to published, p99",
        "due to published beyond the sleep, p99",
        "memory of sla, all armed",
        "armed by events",
        "explanation of a year",
    }
