"""How lengths of time, windows and days are written."""

from __future__ import annotations

from datetime import time

import pytest

from services.kernel.adapters.directory import values
from services.kernel.domain.directory import WEEKDAYS, Allowance, Window

DAY = 8 * 3600


@pytest.mark.parametrize(
    ("text", "allowance"),
    [
        ("30 working minutes", Allowance(working_seconds=1800)),
        ("1 working minute", Allowance(working_seconds=60)),
        ("8 working hours", Allowance(working_seconds=28_800)),
        ("3 working days", Allowance(working_seconds=3 * DAY)),
        ("1 Working  Day", Allowance(working_seconds=DAY)),
        ("7 days", Allowance(calendar_days=7)),
        ("१५ days", Allowance(calendar_days=15)),
    ],
)
def test_a_length_is_read(text: str, allowance: Allowance) -> None:
    assert values.read_length(text, DAY) == allowance


def test_a_working_day_is_as_long_as_the_district_says() -> None:
    assert values.read_length("2 working days", 7 * 3600).working_seconds == 14 * 3600
    assert values.read_working_seconds("at once", DAY) == 0


@pytest.mark.parametrize(
    "text", ["", "8", "hours", "8 hours", "-1 days", "1.5 working days", "1 week", "9" * 5000]
)
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="working"):
        values.read_length(text, DAY)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("10:00-18:00", Window(time(10), time(18))),
        ("9:30 - 13:00", Window(time(9, 30), time(13))),
        ("00:00-24:00", Window(time(0), time(0))),
        ("14:00-24:00", Window(time(14), time(0))),
        ("10:00\u201318:00", Window(time(10), time(18))),
    ],
)
def test_a_window_is_read(text: str, window: Window) -> None:
    assert values.read_window(text) == window


@pytest.mark.parametrize("text", ["22:00-06:00", "10:00-10:00", "24:00-24:00", "10:60-11:00", "10"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="`"):
        values.read_window(text)


def test_days_are_read() -> None:
    assert values.read_weekdays("sat") == ("sat",)
    assert values.read_weekdays("mon-fri") == WEEKDAYS[:5]
    assert values.read_weekdays("daily") == WEEKDAYS
