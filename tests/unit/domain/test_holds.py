"""A clock that stands at times, against one that counts minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import (
    WEEKDAYS,
    Allowance,
    Calendar,
    DayOverride,
    Holiday,
    Text,
    Window,
)
from services.kernel.domain.holds import HeldClock, joined

SLOT = timedelta(minutes=10)
START = datetime(2026, 3, 27, 0, 0, tzinfo=UTC)  # a Friday; Europe's clocks are put on two days later
SLOTS = 6 * 24 * 8
LUNCH = (Window(time(9), time(13)), Window(time(14), time(17, 30)))
LATE = (Window(time(20), time(0)),)


@cache
def calendar(name: str) -> WorkingCalendar:
    week = dict.fromkeys(WEEKDAYS[:5], LUNCH)
    made = Calendar(
        id=name,
        zone="Asia/Kolkata",
        week=week,
        holidays=(Holiday(date(2026, 3, 31), Text("छुट्टी", "Holiday")),),
        exceptions=(DayOverride(date(2026, 3, 28), (Window(time(9), time(11)),)),),
    )
    if name == "berlin":
        made = replace(made, zone="Europe/Berlin", week=dict.fromkeys(WEEKDAYS, LATE), exceptions=())
    if name == "always":
        made = replace(
            made,
            week={day: (Window(time(0), time(0)),) for day in WEEKDAYS},
            holidays=(),
            exceptions=(),
        )
    return WorkingCalendar(made)


@cache
def worked(name: str) -> tuple[bool, ...]:
    """For each slot of the time that is looked at, whether it counts."""
    return tuple(
        calendar(name).between(START + n * SLOT, START + (n + 1) * SLOT) == SLOT
        for n in range(8 * SLOTS)
    )


NAMES = st.sampled_from(("lunch", "berlin", "always"))
HOLDS = st.lists(st.tuples(st.integers(0, SLOTS), st.integers(0, 300)), max_size=4)


def spans(holds: list[tuple[int, int]]) -> list[tuple[datetime, datetime]]:
    return [(START + since * SLOT, START + (since + length) * SLOT) for since, length in holds]


@settings(max_examples=300, deadline=None)
@given(name=NAMES, holds=HOLDS, start=st.integers(0, SLOTS), allowed=st.integers(0, 120))
def test_it_is_the_first_instant_outside_every_hold_at_which_the_time_is_used_up(
    name: str, holds: list[tuple[int, int]], start: int, allowed: int
) -> None:
    counts = worked(name)
    held = {n for since, length in holds for n in range(since, since + length)}
    at, used = start, 0
    while used < allowed or at in held:
        used += at not in held and counts[at]
        at += 1
    clock = HeldClock(calendar(name), spans(holds))
    due = clock.add(START + start * SLOT, allowed * SLOT)
    assert due == START + at * SLOT
    assert clock.between(START + start * SLOT, due) == allowed * SLOT


@settings(max_examples=200, deadline=None)
@given(
    name=NAMES,
    holds=HOLDS,
    a=st.integers(0, SLOTS),
    length=st.integers(0, SLOTS),
    seconds=st.integers(0, 599),
)
def test_what_is_counted_between_two_instants(
    name: str, holds: list[tuple[int, int]], a: int, length: int, seconds: int
) -> None:
    counts = worked(name)
    held = {n for since, span in holds for n in range(since, since + span)}
    running = [n for n in range(a, a + length) if n not in held]
    clock = HeldClock(calendar(name), spans(holds))
    start, end = START + a * SLOT, START + (a + length) * SLOT
    assert clock.between(start, end) == sum(counts[n] for n in running) * SLOT
    assert clock.elapsed(start, end) == len(running) * SLOT
    # cut anywhere, the parts make the whole
    middle = min(end, start + timedelta(seconds=seconds))
    assert clock.between(start, middle) + clock.between(middle, end) == clock.between(start, end)


@settings(max_examples=100, deadline=None)
@given(holds=HOLDS, start=st.integers(0, SLOTS), days=st.integers(0, 20))
def test_calendar_days_are_put_off_by_as_long_as_it_stood(
    holds: list[tuple[int, int]], start: int, days: int
) -> None:
    held = {n for since, length in holds for n in range(since, since + length)}
    at, left = start, days * 144
    while left or at in held:
        left -= at not in held
        at += 1
    clock = HeldClock(calendar("lunch"), spans(holds))
    assert clock.add_days(START + start * SLOT, days) == START + at * SLOT
    due = clock.due_at(START + start * SLOT, Allowance(calendar_days=days))
    assert clock.counted(START + start * SLOT, due, Allowance(calendar_days=days)) == timedelta(days=days)


def test_holds_that_touch_or_overlap_are_one_and_empty_ones_none() -> None:
    def at(n: int) -> datetime:
        return START + n * SLOT

    assert joined([(at(5), at(7)), (at(1), at(3)), (at(3), at(4)), (at(6), at(6)), (at(5), at(6))]) == (
        (at(1), at(4)),
        (at(5), at(7)),
    )
