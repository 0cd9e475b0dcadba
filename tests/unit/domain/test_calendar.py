"""Working time by example: closings, holidays, odd hours, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import (
    WEEKDAYS,
    Calendar,
    DayOverride,
    Holiday,
    Text,
    Window,
)

HOUR = timedelta(hours=1)
DIWALI = Text("दीपावली", "Diwali")
OFFICE = (Window(time(10), time(18)),)


def office(zone: str = "Asia/Kolkata", **rest: object) -> WorkingCalendar:
    week = dict.fromkeys(WEEKDAYS[:5], OFFICE)
    return WorkingCalendar(Calendar("office", zone, week, **rest))  # type: ignore[arg-type]


def daily(zone: str, *windows: tuple[time, time]) -> WorkingCalendar:
    week = dict.fromkeys(WEEKDAYS, tuple(Window(a, b) for a, b in windows))
    return WorkingCalendar(Calendar("daily", zone, week))


def ist(*when: int) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo("Asia/Kolkata"))  # type: ignore[misc,arg-type]


def test_eight_hours_filed_at_opening_are_due_at_closing() -> None:
    assert office().add(ist(2026, 11, 25, 10), 8 * HOUR) == ist(2026, 11, 25, 18)


def test_the_next_second_belongs_to_the_next_day() -> None:
    due = office().add(ist(2026, 11, 25, 10), 8 * HOUR + timedelta(seconds=1))
    assert due == ist(2026, 11, 26, 10, 0, 1)


def test_the_weekend_does_not_count() -> None:
    assert office().add(ist(2026, 11, 27, 17), 2 * HOUR) == ist(2026, 11, 30, 11)
    assert office().add(ist(2026, 11, 28, 12), HOUR) == ist(2026, 11, 30, 11)


def test_filed_at_closing_starts_with_the_next_opening() -> None:
    assert office().add(ist(2026, 11, 25, 18), HOUR) == ist(2026, 11, 26, 11)


def test_several_windows_a_day() -> None:
    calendar = daily("Asia/Kolkata", (time(10), time(13)), (time(14), time(17)))
    assert calendar.add(ist(2026, 11, 25, 12), 2 * HOUR) == ist(2026, 11, 25, 15)
    assert calendar.windows_on(date(2026, 11, 25)) == (
        (ist(2026, 11, 25, 10), ist(2026, 11, 25, 13)),
        (ist(2026, 11, 25, 14), ist(2026, 11, 25, 17)),
    )


def test_an_end_of_midnight_means_24_00() -> None:
    calendar = daily("Asia/Kolkata", (time(22), time(0)))
    assert calendar.add(ist(2026, 11, 25, 22), 2 * HOUR) == ist(2026, 11, 26)
    always = daily("Asia/Kolkata", (time(0), time(0)))
    assert always.add(ist(2026, 11, 25, 9), 48 * HOUR) == ist(2026, 11, 27, 9)


def test_holidays_and_exceptions() -> None:
    calendar = office(
        holidays=(Holiday(date(2026, 11, 9), DIWALI), Holiday(date(2026, 11, 10), DIWALI)),
        exceptions=(
            DayOverride(date(2026, 11, 10), (Window(time(10), time(12)),)),  # open all the same
            DayOverride(date(2026, 11, 11), ()),  # closed
            DayOverride(date(2026, 11, 14), OFFICE),  # a working Saturday
        ),
    )
    assert calendar.add(ist(2026, 11, 6, 18), 2 * HOUR) == ist(2026, 11, 10, 12)
    assert calendar.add(ist(2026, 11, 10, 12), HOUR) == ist(2026, 11, 12, 11)
    assert calendar.add(ist(2026, 11, 13, 18), HOUR) == ist(2026, 11, 14, 11)
    kinds = [
        (s.kind, s.name) for s in calendar.segments(ist(2026, 11, 8, 12), ist(2026, 11, 10, 12))
    ]
    assert kinds == [
        ("off_hours", None),
        ("holiday", DIWALI),
        ("off_hours", None),
        ("worked", None),
    ]


def test_an_hour_that_the_zone_skips_does_not_count() -> None:
    night = daily("Europe/Berlin", (time(1), time(4)))
    midnight = datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert night.between(midnight, midnight + 24 * HOUR) == 2 * HOUR
    skipped = daily("Europe/Berlin", (time(2, 15), time(2, 45)), (time(12), time(13)))
    assert skipped.windows_on(date(2026, 3, 29)) == (
        (datetime(2026, 3, 29, 10, tzinfo=UTC), datetime(2026, 3, 29, 11, tzinfo=UTC)),
    )


def test_an_edge_inside_a_skipped_hour_moves_to_its_end() -> None:
    calendar = daily("Europe/Berlin", (time(2, 30), time(4)))
    assert calendar.windows_on(date(2026, 3, 29)) == (
        (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC)),
    )


def test_an_hour_that_comes_twice_counts_twice() -> None:
    night = daily("Europe/Berlin", (time(1), time(4)))
    start = datetime(2026, 10, 24, 23, tzinfo=UTC)  # 01:00 in Berlin
    assert night.add(start, 4 * HOUR) == start + 4 * HOUR
    half = daily("Europe/Berlin", (time(2), time(2, 30)))
    assert half.between(start, start + 12 * HOUR) == HOUR


def test_the_same_wall_clock_time_days_later() -> None:
    calendar = office()
    assert calendar.add_days(ist(2026, 11, 25, 20, 15), 7) == ist(2026, 12, 2, 20, 15)
    assert calendar.add_days(ist(2026, 11, 25, 20, 15), 0) == ist(2026, 11, 25, 20, 15)
    berlin = office("Europe/Berlin")
    zone = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 3, 27, 9, tzinfo=zone)
    due = berlin.add_days(before, 3)
    assert due == datetime(2026, 3, 30, 9, tzinfo=zone)
    assert due - before.astimezone(UTC) == timedelta(days=3) - HOUR


def test_days_later_at_a_time_that_is_skipped_or_comes_twice() -> None:
    berlin = office("Europe/Berlin")
    zone = ZoneInfo("Europe/Berlin")
    skipped = berlin.add_days(datetime(2026, 3, 28, 2, 30, tzinfo=zone), 1)
    assert skipped == datetime(2026, 3, 29, 1, tzinfo=UTC)  # 03:00, the end of the gap
    twice = berlin.add_days(datetime(2026, 10, 24, 2, 30, tzinfo=zone), 1)
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first 02:30
    apia = office("Pacific/Apia")
    gone = apia.add_days(datetime(2011, 12, 29, 12, tzinfo=ZoneInfo("Pacific/Apia")), 1)
    assert gone == datetime(2011, 12, 30, 10, tzinfo=UTC)  # 31 December, 00:00


def test_results_are_utc_whatever_came_in() -> None:
    calendar = office()
    assert calendar.add(ist(2026, 11, 25, 10), HOUR).tzinfo is UTC
    assert calendar.add(ist(2026, 11, 25, 10), timedelta(0)).tzinfo is UTC
    assert calendar.add_days(ist(2026, 11, 25, 10), 0).tzinfo is UTC


def test_after_the_last_known_holiday_the_weekly_pattern_goes_on() -> None:
    calendar = office(holidays=(Holiday(date(2026, 11, 9), DIWALI),))
    assert calendar.add(ist(2040, 11, 5, 10), 8 * HOUR) == ist(2040, 11, 5, 18)


def test_the_search_is_bounded() -> None:
    once = WorkingCalendar(
        Calendar("once", "Asia/Kolkata", {}, (), (DayOverride(date(2026, 11, 25), OFFICE),))
    )
    assert once.add(ist(2026, 11, 1), 8 * HOUR) == ist(2026, 11, 25, 18)
    with pytest.raises(ValueError, match="twenty years"):
        once.add(ist(2026, 11, 1), 9 * HOUR)
    with pytest.raises(ValueError, match="twenty years"):
        office().between(ist(2026, 1, 1), ist(2050, 1, 1))
    with pytest.raises(ValueError, match="twenty years"):
        office().segments(ist(2026, 1, 1), ist(2050, 1, 1))


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        (Calendar("x", "Asia/Kolkata", {}), "no working time"),
        (Calendar("x", "Asia/Kolkata", {"mon": ()}), "no working time"),
        (Calendar("x", "Asia/Nowhere", {"mon": OFFICE}), "no zone"),
        (Calendar("x", "", {"mon": OFFICE}), "no zone"),
        (Calendar("x", "Asia/Kolkata", {"monday": OFFICE}), "no weekday"),
        (Calendar("x", "Asia/Kolkata", {"mon": (Window(time(18), time(10)),)}), "does not end"),
        (Calendar("x", "Asia/Kolkata", {"mon": (Window(time(9), time(9)),)}), "does not end"),
        (
            Calendar(
                "x",
                "Asia/Kolkata",
                {"mon": OFFICE},
                (),
                (DayOverride(date(2026, 1, 1), ()), DayOverride(date(2026, 1, 1), OFFICE)),
            ),
            "two exceptions",
        ),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(calendar: Calendar, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        WorkingCalendar(calendar)


def test_wrong_arguments_are_refused() -> None:
    calendar = office()
    with pytest.raises(ValueError, match="negative"):
        calendar.add(ist(2026, 11, 25), timedelta(seconds=-1))
    with pytest.raises(ValueError, match="negative"):
        calendar.add_days(ist(2026, 11, 25), -1)
    with pytest.raises(ValueError, match="zone"):
        calendar.add(datetime(2026, 11, 25), HOUR)


def test_touching_and_overlapping_windows_count_once() -> None:
    calendar = daily(
        "Asia/Kolkata", (time(10), time(14)), (time(13), time(15)), (time(15), time(16))
    )
    assert calendar.windows_on(date(2026, 11, 25)) == (
        (ist(2026, 11, 25, 10), ist(2026, 11, 25, 16)),
    )
