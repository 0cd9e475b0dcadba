"""Working time against an oracle that walks minute by minute and asks the wall clock each time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import (
    WEEKDAYS,
    Calendar,
    DayOverride,
    Holiday,
    Text,
    Window,
)

MINUTE = timedelta(minutes=1)
OFFICE = (Window(time(10), time(18)),)

# Zones and a day on which each does something odd.
ODD = (
    ("Asia/Kolkata", date(2026, 11, 8)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Asia/Beirut", date(2026, 3, 29)),  # 00:00 is skipped
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour comes twice
    ("America/St_Johns", date(2010, 11, 7)),  # from 00:01 back into the day before
    ("Pacific/Apia", date(2011, 12, 30)),  # the day does not exist
)


class Oracle:
    """Whether the wall clock at an instant is inside a window of its date, a minute at a time."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.zone = ZoneInfo(calendar.zone)

    def kind(self, at: datetime) -> tuple[str, Text | None]:
        wall = at.astimezone(self.zone)
        override = [e for e in self.calendar.exceptions if e.day == wall.date()]
        holiday = [h for h in self.calendar.holidays if h.day == wall.date()]
        windows = self.calendar.week.get(WEEKDAYS[wall.weekday()], ())
        if override:
            windows = override[0].windows
        elif holiday:
            return "holiday", holiday[0].name
        clock = wall.time().replace(tzinfo=None)
        inside = any(w.start <= clock and (clock < w.end or w.end == time(0)) for w in windows)
        return ("worked" if inside else "off_hours"), None

    def between(self, a: datetime, b: datetime) -> timedelta:
        counted = timedelta(0)
        while a < b:
            if self.kind(a)[0] == "worked":
                counted += MINUTE
            a += MINUTE
        return counted

    def add(self, start: datetime, allowed: timedelta, limit: datetime) -> datetime | None:
        while allowed > timedelta(0):
            if start >= limit:
                return None
            if self.kind(start)[0] == "worked":
                allowed -= MINUTE
            start += MINUTE
        return start


MINUTES = st.integers(0, 24 * 60 - 1).map(lambda m: time(m // 60, m % 60))


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, ...]:
    edges = sorted(draw(st.sets(MINUTES, min_size=0, max_size=4)))
    pairs = [Window(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    if len(edges) % 2:
        pairs.append(Window(edges[-1], time(0)))  # to 24:00
    return tuple(pairs)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    zone, day = draw(st.sampled_from(ODD))
    days = st.integers(-3, 3).map(lambda n: day + timedelta(days=n))
    week = draw(st.fixed_dictionaries(dict.fromkeys(WEEKDAYS, windows())))
    if not any(week.values()):
        week["mon"] = OFFICE
    off = draw(st.sets(days, max_size=2))
    special = draw(st.sets(days, max_size=2))
    calendar = Calendar(
        "drawn",
        zone,
        week,
        tuple(Holiday(d, Text(str(d), str(d))) for d in sorted(off)),
        tuple(DayOverride(d, draw(windows())) for d in sorted(special)),
    )
    minutes = draw(st.integers(-4 * 24 * 60, 3 * 24 * 60))
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + minutes * MINUTE
    return calendar, start


@settings(max_examples=150, deadline=None)
@given(situations(), st.integers(0, 4 * 24 * 60))
def test_between_and_segments_agree_with_the_oracle(
    situation: tuple[Calendar, datetime], minutes: int
) -> None:
    calendar, start = situation
    working, oracle = WorkingCalendar(calendar), Oracle(calendar)
    end = start + minutes * MINUTE
    assert working.between(start, end) == oracle.between(start, end)
    assert working.between(end, start) == -working.between(start, end)
    segments = working.segments(start, end)
    at = start
    for place, segment in enumerate(segments):
        assert segment.start == at
        assert segment.end > at
        if place:
            before = segments[place - 1]
            assert (before.kind, before.name) != (segment.kind, segment.name)
        at = segment.end
        minute = segment.start
        while minute < segment.end:
            assert oracle.kind(minute) == (segment.kind, segment.name)
            minute += MINUTE
    assert at == end


@settings(max_examples=30, deadline=None)
@given(
    situations(),
    st.lists(st.tuples(st.integers(-4000, 4000), st.integers(0, 200)), min_size=2, max_size=5),
)
def test_segments_are_the_same_in_whichever_order_they_are_asked_for(
    situation: tuple[Calendar, datetime], spans: list[tuple[int, int]]
) -> None:
    """What is remembered of one span, near or years away, serves the next."""
    calendar, start = situation
    asked_before = WorkingCalendar(calendar)
    for after, length in spans:
        a = start + after * timedelta(hours=7)
        b = a + length * timedelta(hours=1)
        assert asked_before.segments(a, b) == WorkingCalendar(calendar).segments(a, b)


@settings(max_examples=150, deadline=None)
@given(situations(), st.integers(0, 20 * 60))
def test_add_agrees_with_the_oracle(situation: tuple[Calendar, datetime], minutes: int) -> None:
    calendar, start = situation
    limit = start + timedelta(days=9)
    expected = Oracle(calendar).add(start, minutes * MINUTE, limit)
    if expected is None:  # the oracle gave up: the answer lies behind its limit
        try:
            assert WorkingCalendar(calendar).add(start, minutes * MINUTE) > limit
        except ValueError:
            assert not any(calendar.week.values())
    else:
        assert WorkingCalendar(calendar).add(start, minutes * MINUTE) == expected


@settings(max_examples=200, deadline=None)
@given(
    situations(),
    st.integers(0, 86_400_000),
    st.integers(0, 10**8),
    st.integers(0, 10**8),
)
def test_add_and_between_are_inverse(
    situation: tuple[Calendar, datetime], shift: int, first: int, second: int
) -> None:
    calendar, start = situation
    working = WorkingCalendar(calendar)
    start += timedelta(milliseconds=shift)
    a, b = timedelta(milliseconds=first), timedelta(milliseconds=second)
    try:
        due = working.add(start, a + b)
    except ValueError:
        assert not any(calendar.week.values())  # a few exceptions alone hold no more
        return
    assert working.between(start, due) == a + b
    assert working.add(working.add(start, a), b) == due
    assert working.add(start, timedelta(0)) == start
    if a + b:  # the earliest such instant
        assert working.between(start, due - timedelta(milliseconds=1)) < a + b


@settings(max_examples=100, deadline=None)
@given(situations(), st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_burnt_part_never_ends_after_now(
    situation: tuple[Calendar, datetime], first: int, second: int
) -> None:
    calendar, start = situation
    working = WorkingCalendar(calendar)
    middle = start + timedelta(milliseconds=first)
    end = middle + timedelta(milliseconds=second)
    burnt = working.between(start, end)
    assert working.between(start, middle) + working.between(middle, end) == burnt
    assert working.add(start, burnt) <= end


@settings(max_examples=100, deadline=None)
@given(situations())
def test_the_windows_of_a_date_are_what_counts_on_it(
    situation: tuple[Calendar, datetime],
) -> None:
    calendar, start = situation
    zone = ZoneInfo(calendar.zone)
    day = start.astimezone(zone).date()
    oracle = Oracle(calendar)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    counted = set()
    for _ in range(3 * 24 * 60):
        if at.astimezone(zone).date() == day and oracle.kind(at)[0] == "worked":
            counted.add(at)
        at += MINUTE
    covered = set()
    for begin, end in WorkingCalendar(calendar).windows_on(day):
        assert begin < end
        while begin < end:
            covered.add(begin)
            begin += MINUTE
    assert covered == counted


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ODD), st.integers(-5000, 5000), st.integers(0, 400))
def test_days_later_reads_the_same_clock(odd: tuple[str, date], minutes: int, days: int) -> None:
    zone, day = odd
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + minutes * MINUTE
    wall = start.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(days=days)
    office = WorkingCalendar(Calendar("office", zone, dict.fromkeys(WEEKDAYS[:5], OFFICE)))
    due = office.add_days(start, days).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    there = wall.replace(tzinfo=ZoneInfo(zone))
    exists = there.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall
    assert due == wall if exists else due > wall
