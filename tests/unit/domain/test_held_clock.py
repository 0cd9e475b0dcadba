"""Counting while the clock stands at times: worked out by hand, and what must hold of any holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import WEEKDAYS, Allowance, Calendar, Holiday, Text, Window
from services.kernel.domain.holds import HeldClock, Span

MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
_DAY = (Window(time(10), time(18)),)
_LUNCH = (Window(time(10), time(13, 30)), Window(time(14), time(17, 30)))
_LATE = (Window(time(0), time(1)), Window(time(20), time(0)))  # the night shift of two dates is one
_HOLI = (Holiday(date(2026, 3, 4), Text("होली", "Holi")),)


def ist(wall: str) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo("Asia/Kolkata")).astimezone(UTC)


def span(since: str, until: str) -> Span:
    return ist(since), ist(until)


OFFICE = WorkingCalendar(
    Calendar("office", "Asia/Kolkata", dict.fromkeys(WEEKDAYS[:5], _DAY), _HOLI)
)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
# with the midnight in UTC at which the stretch begins in which each is asked
CALENDARS = (
    (OFFICE, MARCH),
    (WorkingCalendar(Calendar("lunch", "Asia/Kolkata", dict.fromkeys(WEEKDAYS[:6], _LUNCH))), MARCH),
    (
        WorkingCalendar(Calendar("spring", "Europe/Berlin", dict.fromkeys(WEEKDAYS, _LATE))),
        datetime(2026, 3, 26, tzinfo=UTC),  # an hour is skipped on the 29th
    ),
    (
        WorkingCalendar(
            Calendar("autumn", "Europe/Berlin", dict.fromkeys(WEEKDAYS, (Window(time(1), time(4)),)))
        ),
        datetime(2026, 10, 22, tzinfo=UTC),  # an hour comes twice on the 25th
    ),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[WorkingCalendar, datetime, list[Span]]:
    """A start in three days, and holds of up to three days that begin in ten, to the millisecond."""
    calendar, begin = draw(st.sampled_from(CALENDARS))
    instants = st.integers(0, 10 * 86_400_000)
    spans = []
    for since, length in draw(
        st.lists(st.tuples(instants, st.integers(0, 3 * 86_400_000)), max_size=4)
    ):
        spans.append((begin + since * MS, begin + (since + length) * MS))
    return calendar, begin + draw(st.integers(0, 3 * 86_400_000)) * MS, spans


@settings(max_examples=150, deadline=None)
@given(situations(), st.integers(0, 10**8), st.integers(0, 10**8))
def test_add_and_between_are_inverse(
    situation: tuple[WorkingCalendar, datetime, list[Span]], first: int, second: int
) -> None:
    calendar, start, spans = situation
    clock = HeldClock(calendar, spans)
    a, b = first * MS, second * MS
    due = clock.add(start, a + b)
    assert clock.between(start, due) == a + b
    assert clock.add(clock.add(start, a), b) == due
    assert not any(since <= due < until for since, until in spans)
    if due > start:  # a moment before, something was left, or the clock stood
        stood = any(since <= due - MS < until for since, until in spans)
        assert stood or clock.between(start, due - MS) < a + b


@settings(max_examples=60, deadline=None)
@given(situations(), st.integers(0, 10**8), st.integers(0, 9), st.integers(0, 10**6))
def test_how_the_holds_are_told_makes_no_difference(
    situation: tuple[WorkingCalendar, datetime, list[Span]], allowed: int, days: int, seed: int
) -> None:
    """In another order, twice, or each in two pieces."""
    calendar, start, spans = situation
    pieces: list[Span] = []
    for since, until in spans:
        middle = since + (until - since) // 3
        pieces += [(since, until), (since, middle), (middle, until), (middle, middle)]
    Random(seed).shuffle(pieces)
    one, other = HeldClock(calendar, spans), HeldClock(calendar, pieces)
    assert one.add(start, allowed * MS) == other.add(start, allowed * MS)
    assert one.add_days(start, days) == other.add_days(start, days)


@settings(max_examples=60, deadline=None)
@given(situations(), st.integers(0, 10**8))
def test_another_hold_never_brings_a_deadline_nearer(
    situation: tuple[WorkingCalendar, datetime, list[Span]], allowed: int
) -> None:
    calendar, start, spans = situation
    due = [HeldClock(calendar, spans[:n]).add(start, allowed * MS) for n in range(len(spans) + 1)]
    assert due == sorted(due)
    assert due[0] == calendar.add(start, allowed * MS)


@pytest.mark.parametrize(
    ("since", "until", "due"),
    [
        ("2026-03-02 11:00", "2026-03-02 13:00", "2026-03-03 12:00"),  # two hours of Monday
        ("2026-03-02 18:00", "2026-03-03 10:00", "2026-03-03 10:00"),  # begun when all is used up
        ("2026-03-02 17:00", "2026-03-05 11:00", "2026-03-05 12:00"),  # over Holi; an hour was left
        ("2026-03-01 10:00", "2026-03-02 11:00", "2026-03-03 11:00"),  # begun before it counted
        ("2026-03-02 18:30", "2026-03-03 12:00", "2026-03-02 18:00"),  # too late to matter
        ("2026-03-02 08:00", "2026-03-02 09:00", "2026-03-02 18:00"),  # over before it counted
    ],
)
def test_eight_hours_of_monday_with_one_hold(since: str, until: str, due: str) -> None:
    clock = HeldClock(OFFICE, [span(since, until)])
    assert clock.add(ist("2026-03-02 10:00"), 8 * HOUR) == ist(due)


def test_what_is_used_up_when_a_hold_begins_falls_due_when_it_ends() -> None:
    start = ist("2026-03-02 10:00")
    clock = HeldClock(OFFICE, [span("2026-03-02 14:00", "2026-03-02 16:30")])
    assert clock.add(start, 4 * HOUR) == ist("2026-03-02 16:30")
    assert clock.add(start, 4 * HOUR - MS) == ist("2026-03-02 14:00") - MS
    days = HeldClock(OFFICE, [span("2026-03-09 10:00", "2026-03-11 11:30")])
    assert days.add_days(start, 7) == ist("2026-03-11 11:30")


def test_a_warning_counts_down_to_whole_seconds_of_the_time_that_ran() -> None:
    start = ist("2026-03-02 10:00")
    clock = HeldClock(OFFICE, [span("2026-03-02 11:00", "2026-03-02 12:00")])
    hours = Allowance(working_seconds=7 * 3600 + 1)
    assert clock.warn_at(start, hours, 75) == ist("2026-03-02 16:15")  # of 5 h 15 min and 0.75 s
    days = Allowance(calendar_days=3)
    assert clock.warn_at(start, days, 50) == ist("2026-03-03 23:00")
    assert clock.due_at(start, days) == ist("2026-03-05 11:00")


def test_how_much_of_an_allowance_is_used_up() -> None:
    start, at = ist("2026-03-02 10:00"), ist("2026-03-05 12:00")
    clock = HeldClock(OFFICE, [span("2026-03-02 17:00", "2026-03-03 11:00")])
    assert clock.counted(start, at, Allowance(working_seconds=60)) == 16 * HOUR
    assert clock.counted(start, at, Allowance(calendar_days=1)) == 56 * HOUR
    assert clock.allowed(start, Allowance(working_seconds=60)) == timedelta(minutes=1)
    assert clock.allowed(start, Allowance(calendar_days=2)) == 48 * HOUR


@pytest.mark.parametrize(
    "allowance",
    [
        Allowance(),
        Allowance(working_seconds=1, calendar_days=1),
        Allowance(working_seconds=-1),
        Allowance(calendar_days=-1),
    ],
)
def test_an_allowance_is_one_of_two_kinds_and_not_negative(allowance: Allowance) -> None:
    with pytest.raises(ValueError, match="allowance"):
        HeldClock(OFFICE).due_at(ist("2026-03-02 10:00"), allowance)
