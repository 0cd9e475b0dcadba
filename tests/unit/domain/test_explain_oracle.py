"""An explanation against an oracle that walks a case's life minute by minute and asks everything anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain.clock import Calendars, ClockPlan
from services.kernel.domain.directory import (
    WEEKDAYS,
    Allowance,
    Calendar,
    District,
    Holiday,
    Ladder,
    Text,
    Window,
)
from services.kernel.domain.explain import Account, Pause, explain
from services.kernel.domain.timer import Question, Rest, Running, Timer, arm, holds

MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
NOTHING = timedelta(0)
DAYS = 6
HOLI = Text("होली", "Holi")
Label = tuple[str, Text | Pause | None]

# Zones, and a day near which the case lives.
ZONES = (
    ("Asia/Kolkata", date(2026, 3, 4)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
)


@dataclass(frozen=True)
class Life:
    timer: Timer
    running: Running
    calendar: Calendar


@st.composite
def lives(draw: st.DrawFn, *, unit: timedelta, resting: bool) -> Life:
    """A case with questions and rests that overlap as they like, at instants of whole `unit`s."""
    zone, day = draw(st.sampled_from(ZONES))
    edges = sorted(draw(st.sets(st.integers(0, 1439), min_size=2, max_size=4)))
    windows = tuple(
        Window(time(*divmod(a, 60)), time(*divmod(b, 60)))
        for a, b in zip(edges[::2], edges[1::2], strict=False)
    )
    if sum(b - a for a, b in zip(edges[::2], edges[1::2], strict=False)) < 60:
        windows = (Window(time(10), time(18)),)
    worked = draw(st.sets(st.sampled_from(WEEKDAYS), min_size=3))
    off = draw(st.sets(st.integers(-2, 4), max_size=2))
    calendar = Calendar(
        "drawn",
        zone,
        dict.fromkeys(sorted(worked), windows),
        tuple(Holiday(day + timedelta(days=n), HOLI) for n in sorted(off)),
    )
    within = st.integers(0, DAYS * timedelta(days=1) // unit)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    filed = start + draw(st.integers(0, timedelta(days=1) // unit)) * unit

    def spans(most: int) -> Iterator[tuple[datetime, datetime]]:
        for a, b in draw(st.lists(st.tuples(within, within), max_size=most)):
            yield filed + min(a, b) * unit, filed + max(a, b) * unit

    questions = tuple(
        Question(n, n, since, "someone", since, "sms", None, draw(st.sampled_from((closed, None))))
        for n, (since, closed) in enumerate(spans(3), 1)
    )
    rests = tuple(Rest(since, "resolved", "other", until) for since, until in spans(2))
    limit = draw(
        st.one_of(
            st.integers(0, 30).map(lambda hours: Allowance(working_seconds=hours * 3600)),
            st.integers(0, 3).map(lambda days: Allowance(calendar_days=days)),
        )
    )
    pause = Allowance(calendar_days=draw(st.integers(0, 3)))
    plan = ClockPlan("policy", "drawn", Ladder("ladder", ()), 75, pause, {"resolve": limit})
    running = Running(plan, Calendars(_district(calendar)))
    timer = Timer("d", filed, "complaint", "normal", None, None, None, 1)
    since = filed + draw(within) * unit
    timer = timer._replace(
        questions=questions,
        rests=rests,
        resting=Rest(since, "withdrawn", "citizen") if resting else None,
    )
    return Life(arm(timer, running), running, calendar)


def _district(calendar: Calendar) -> District:
    empty: dict[str, tuple[()]] = dict.fromkeys(
        ("blocks", "departments", "offices", "officers", "services", "policies", "ladders"), ()
    )
    return District(
        id="d", code="D", name=HOLI, zone=calendar.zone, calendars=(calendar,),
        collector="", call_centre=None, emergency=None, **empty,  # type: ignore[arg-type]
    )  # fmt: skip


class Oracle:
    """What a minute of a case's life is."""

    def __init__(self, life: Life, until: datetime) -> None:
        self.zone = ZoneInfo(life.calendar.zone)
        self.calendar = life.calendar
        self.days = life.timer.targets["resolve"].due.allowed.calendar_days is not None
        pauses = [
            (q.asked_at, min(q.until, q.closed_at or q.until), Pause("question", q.by, q.n, q.how))
            for q in life.timer.questions
            if q.until is not None
        ]
        rests = [*life.timer.rests, *([life.timer.resting] if life.timer.resting else [])]
        pauses += [(r.since, r.until or until, Pause(r.why, r.by)) for r in rests]
        self.pauses = sorted(pauses, key=lambda one: one[:2])

    def label(self, at: datetime) -> Label:
        for since, until, pause in self.pauses:
            if since <= at < until:
                return "paused", pause
        if self.days:
            return "worked", None
        wall = at.astimezone(self.zone)
        if any(holiday.day == wall.date() for holiday in self.calendar.holidays):
            return "holiday", HOLI
        clock = wall.time().replace(tzinfo=None)
        windows = self.calendar.week.get(WEEKDAYS[wall.weekday()], ())
        inside = any(window.start <= clock < window.end for window in windows)
        return ("worked" if inside else "off_hours"), None

    def runs(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime, Label]]:
        found: list[tuple[datetime, datetime, Label]] = []
        at = start
        while at < end:
            label = self.label(at)
            if found and found[-1][2] == label:
                found[-1] = (found[-1][0], at + MINUTE, label)
            else:
                found.append((at, at + MINUTE, label))
            at += MINUTE
        return found


def resolve(life: Life, at: datetime) -> Account:
    (account,) = explain(life.timer, life.running, at).accounts
    return account


@settings(max_examples=60, deadline=None)
@given(lives(unit=MINUTE, resting=True), st.integers(0, 24 * 60))
def test_every_minute_is_told_as_what_it_was(life: Life, minutes: int) -> None:
    """As of the last instant that is stamped, or later: before it, what was stamped later is left out."""
    at = _last(life.timer) + minutes * MINUTE
    account = resolve(life, at)
    told = [(one.start, one.end, (one.kind, one.pause or one.name)) for one in account.stretches]
    walked = Oracle(life, at).runs(life.timer.filed_at, at)
    assert told == walked
    counted = (end - start for start, end, label in walked if label[0] == "worked")
    assert account.burnt == sum(counted, NOTHING)


@settings(max_examples=60, deadline=None)
@given(lives(unit=MINUTE, resting=False))
def test_it_is_due_at_the_first_instant_at_which_the_time_is_used_up(life: Life) -> None:
    """Unless the clock stands then; and the stretches up to there count exactly what is allowed."""
    limit = life.timer.targets["resolve"].due
    account = resolve(life, max(limit.due_at, _last(life.timer)))
    oracle, held = Oracle(life, account.at), holds(life.timer)
    at, left = life.timer.filed_at, account.allowed
    give_up = at + timedelta(days=2 * DAYS)
    while at < give_up and (left > NOTHING or any(a <= at < b for a, b in held)):
        if oracle.label(at)[0] == "worked":
            left -= MINUTE
        at += MINUTE
    if at < give_up:
        assert limit.due_at == at
    else:
        assert limit.due_at >= give_up


def _last(timer: Timer) -> datetime:
    """When everything is stamped and every pause over."""
    stamps = [timer.filed_at, *(until for _, until in holds(timer))]
    stamps += [q.closed_at for q in timer.questions if q.closed_at is not None]
    return max([*stamps, *([timer.resting.since] if timer.resting else [])])


@settings(max_examples=150, deadline=None)
@given(
    lives(unit=TICK, resting=True),
    st.integers(0, DAYS * timedelta(days=1) // TICK),
)
def test_to_the_microsecond_it_adds_up_whenever_it_is_asked(life: Life, ticks: int) -> None:
    account = resolve(life, life.timer.filed_at + ticks * TICK)
    assert sum((one.length for one in account.stretches), NOTHING) == ticks * TICK
    ends = [account.started_at, *(one.end for one in account.stretches)]
    assert [one.start for one in account.stretches] == ends[:-1]
    assert ends[-1] == account.until
    assert all(one.length > NOTHING for one in account.stretches)
    worked = (one.length for one in account.stretches if one.kind == "worked")
    assert account.burnt == sum(worked, NOTHING) == account.allowed - account.left
    neighbours = zip(account.stretches, account.stretches[1:], strict=False)
    assert all(
        (a.kind, a.name, a.pause) != (b.kind, b.name, b.pause) for a, b in neighbours
    ), "one stretch was cut in two"
    if account.met_at is None and account.at <= account.due_at:
        assert account.burnt <= account.allowed


@settings(max_examples=150, deadline=None)
@given(lives(unit=TICK, resting=False))
def test_at_the_due_instant_exactly_what_is_allowed_is_used_up(life: Life) -> None:
    """As of the due instant itself: what is stamped later is not known then, and makes no difference."""
    account = resolve(life, life.timer.targets["resolve"].due.due_at)
    assert account.due_at == account.at
    assert account.burnt == account.allowed
    assert account.state == "running", "an act at the due instant is in time"
