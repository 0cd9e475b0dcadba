"""The benchmark of sending runs and tells what it is to tell; its numbers are for `make bench`."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.bench.book import write_short_book
from services.bench.latency import part
from services.notify.adapters.book_file import load_book
from tests.bench.running import goals, short_figures


@pytest.mark.parametrize(("share", "value"), [(0.5, 51.0), (0.99, 100.0), (1.0, 100.0)])
def test_a_part_of_the_delays_is_the_one_below_which_so_many_lie(share: float, value: float) -> None:
    assert part([float(number) for number in range(1, 101)], share) == value


def test_no_hour_is_quiet_in_the_short_book(tmp_path: Path) -> None:
    book = load_book(write_short_book(tmp_path / "book"))
    assert book.routes
    assert all(route.quiet is None for route in book.routes.values())


def test_the_benchmark_of_sending_runs_in_its_short_form(tmp_path: Path) -> None:
    """That every message was sent once, and that the bare loops store what ours stores, it checks itself."""
    figures = short_figures(tmp_path, "notify")
    assert goals(figures) == {
        "messages sent": "ratio ≥ 0.7",
        "202 to provider, 20 cases/s, one message, p99": "≤ 150 ms",
        "due to called, p99, while another provider hangs": "ratio ≤ 1.2",
    }
    assert figures["messages sent, over bare aiohttp"]["ratio"] > 0
    assert 1 <= figures["messages to a claim"]["value"] <= 64
