"""Why a deadline is where it is: the life of a limit in stretches that add up to the second. Pure.

Each stretch is worked time, closed hours, a holiday, or a pause, in which the clock stood whatever the
calendar says. What was burnt is exactly what the worked stretches make together. A limit in calendar days
counts closed hours as well, so there everything outside a pause is `worked`.

A pause is shown whole, closed hours and all. Of pauses that overlap the first is named for what both cover.
A merged case counts on.

A case is explained as of any instant: what was stamped later is left out. The service, its limits and the
calendar are those of now, since a change of them applies from the filing on. Not kept is when an earlier
office acknowledged, so before its last transfer a case has no account of that limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.kernel.domain.calendar import HORIZON_DAYS, SegmentKind
from services.kernel.domain.clock import Due, due
from services.kernel.domain.directory import TARGETS, Allowance, Target, Text
from services.kernel.domain.errors import Invalid
from services.kernel.domain.holds import HeldClock
from services.kernel.domain.timer import (
    HELD,
    Rest,
    RestWhy,
    Running,
    Timer,
    arm,
    held_clock,
    lapses_at,
    paused_until,
    started_at,
)

StretchKind = SegmentKind | Literal["paused"]
PauseWhy = RestWhy | Literal["question"]
State = Literal["running", "paused", "breached", "met", "met_late", "ended"]
"""`ended`: the case ended before it was met. A pause is told of a limit only that is not breached."""

_NOTHING = timedelta(0)
_LONGEST = timedelta(days=HORIZON_DAYS)


@dataclass(frozen=True)
class Pause:
    """Who stopped the clock and why. `how`: in which way the question reached the citizen."""

    why: PauseWhy
    by: str | None = None
    question: int | None = None
    how: str | None = None


@dataclass(frozen=True)
class Stretch:
    """`[start, end)` of one kind. `name` is the holiday's."""

    start: datetime
    end: datetime
    kind: StretchKind
    name: Text | None = None
    pause: Pause | None = None

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True)
class Account:
    """One limit as of `at`. `stretches` reach from `started_at` to `until`: `at`, or when an acknowledgement
    or response was given. `left` is negative once it is overdue; `due_at` of a paused one is the latest that
    it can become, and `waits` for what it stands. `breached_at` is the first breach on record: of an
    acknowledgement it may be an earlier office's, from before `started_at`."""

    target: Target
    state: State
    at: datetime
    allowance: Allowance
    allowed: timedelta
    burnt: timedelta
    started_at: datetime
    until: datetime
    due_at: datetime
    warn_at: datetime | None
    warned_at: datetime | None
    met_at: datetime | None
    breached_at: datetime | None
    repeats: int
    waits: Pause | None
    stretches: tuple[Stretch, ...]

    @property
    def left(self) -> timedelta:
        return self.allowed - self.burnt


@dataclass(frozen=True)
class Explanation:
    """All limits of a case as of `at`. `paused_until` is there while an answer is waited for; `lapses_at`
    while a resolved case waits for the citizen's word; `resting`: the office owes nothing for now;
    `calendar` None: it has no clock."""

    at: datetime
    calendar: str | None
    paused_until: datetime | None
    lapses_at: datetime | None
    resting: bool
    ended_at: datetime | None
    accounts: tuple[Account, ...]


def explain(timer: Timer, running: Running, at: datetime) -> Explanation:
    """Raises Unknown where the directory lacks what the case is about, Invalid for an instant more than
    twenty years after the filing."""
    if at - timer.filed_at > _LONGEST:
        raise Invalid("is more than twenty years after the filing", field="at")
    then = as_of(timer, running, at)
    waits = paused_until(then)
    plan = running.plan
    accounts = tuple(
        _account(then, running, target, at)
        for target in TARGETS
        if plan is not None and target in then.targets and _kept(timer, target, at)
    )
    return Explanation(
        at=at,
        calendar=plan.calendar if plan is not None else None,
        paused_until=waits if waits is not None and waits > at else None,
        lapses_at=lapses_at(then, running),
        resting=then.resting is not None,
        ended_at=then.ended_at,
        accounts=accounts,
    )


def as_of(timer: Timer, running: Running, at: datetime) -> Timer:
    """The clock without what was stamped after `at`."""

    def known(instant: datetime | None) -> datetime | None:
        return instant if instant is not None and instant <= at else None

    questions = tuple(
        q._replace(delivered_at=known(q.delivered_at), closed_at=known(q.closed_at))
        for q in timer.questions
        if q.asked_at <= at
    )
    begun = [rest for rest in (*timer.rests, timer.resting) if rest and rest.since <= at]
    rests = tuple(rest for rest in begun if known(rest.until))
    resolution = timer.resolution
    if resolution is not None and resolution.at > at:
        resolution = None
    if resolution is not None:
        resolution = resolution._replace(
            delivered_at=known(resolution.delivered_at),
            failed_at=known(resolution.failed_at),
            called_at=known(resolution.called_at),
        )
    met = {target: when for target, when in timer.met.items() if when <= at}
    resting = next((rest._replace(until=None) for rest in begun if not known(rest.until)), None)
    if resting is not None and resting.why != "withdrawn":
        met.setdefault("resolve", resting.since)
    then = timer._replace(
        targets={
            target: clock._replace(
                warned_at=known(clock.warned_at),
                breached_at=known(clock.breached_at),
                repeats=clock.repeats if known(clock.topped_at) else 0,
            )
            for target, clock in timer.targets.items()
        },
        met=met,
        transferred=tuple(when for when in timer.transferred if when <= at),
        questions=questions,
        rests=rests,
        resting=resting,
        resolution=resolution,
        ended_at=known(timer.ended_at),
    )
    return then if then == timer else arm(then, running)


def _kept(timer: Timer, target: Target, at: datetime) -> bool:
    """Whether it is known what had become of `target` by then."""
    return target != "acknowledge" or not timer.transferred or at >= timer.transferred[-1]


def _account(timer: Timer, running: Running, target: Target, at: datetime) -> Account:
    clock, start, met_at = timer.targets[target], started_at(timer, target), timer.met.get(target)
    counting = held_clock(timer, running, target)
    assert counting is not None
    limit = _limit(timer, running, target, counting)
    until = max(start, at)
    if target != HELD:  # of that the rest that begins when it is met tells
        over = met_at or timer.ended_at
        until = max(start, min(at, over)) if over is not None else until
    stretches = tuple(_stretches(timer, target, counting, limit.allowed, start, until))
    worked = (stretch.length for stretch in stretches if stretch.kind == "worked")
    state = _state(timer, target, limit, at)
    return Account(
        target=target,
        state=state,
        at=at,
        allowance=limit.allowed,
        allowed=counting.allowed(start, limit.allowed),
        burnt=sum(worked, _NOTHING),
        started_at=start,
        until=until,
        due_at=limit.due_at,
        warn_at=limit.warn_at,
        warned_at=clock.warned_at,
        met_at=met_at,
        breached_at=clock.breached_at,
        repeats=clock.repeats,
        waits=_waits(timer, at) if state == "paused" else None,
        stretches=stretches,
    )


def _limit(timer: Timer, running: Running, target: Target, counting: HeldClock) -> Due:
    """What `target` counts to. Where an earlier office's acknowledgement came too late, the record holds
    that limit; the office that has the case now has one of its own."""
    limit, start, plan = timer.targets[target].due, started_at(timer, target), running.plan
    if start == timer.filed_at or limit.due_at > start or plan is None:
        return limit
    return due(counting, plan.allowances.get(target, limit.allowed), start, plan.warn_percent)


def _state(timer: Timer, target: Target, limit: Due, at: datetime) -> State:
    breached_at, met_at = timer.targets[target].breached_at, timer.met.get(target)
    recorded = breached_at is not None and breached_at >= started_at(timer, target)
    late = recorded or (met_at or at) > limit.due_at
    if met_at is not None:
        return "met_late" if late else "met"
    if timer.ended_at is not None:
        return "ended"
    if late:
        return "breached"
    waits = paused_until(timer) if target == HELD else None
    return "paused" if waits is not None and waits > at else "running"


def _waits(timer: Timer, at: datetime) -> Pause | None:
    """The open question that stops the clock now; of several the first."""
    found = [(q.pause, q) for q in timer.questions if q.closed_at is None and q.pause is not None]
    now = [q for span, q in sorted(found, key=lambda one: one[0]) if span[1] > at]
    return Pause("question", now[0].by, now[0].n, now[0].how) if now else None


def _stretches(
    timer: Timer,
    target: Target,
    counting: HeldClock,
    allowance: Allowance,
    start: datetime,
    until: datetime,
) -> Iterator[Stretch]:
    """From `start` to `until` without a gap."""
    paused = list(_pauses(timer, start, until)) if target == HELD else []
    at = start
    for pause in (*paused, None):
        end = pause.start if pause is not None else until
        if at < end:
            yield from _counted(counting, allowance, at, end)
        if pause is not None:
            yield pause
            at = pause.end


def _counted(
    counting: HeldClock, allowance: Allowance, start: datetime, end: datetime
) -> Iterator[Stretch]:
    if allowance.calendar_days is not None:
        yield Stretch(start, end, "worked")
        return
    for found in counting.calendar.segments(start, end):
        yield Stretch(found.start, found.end, found.kind, found.name)


def _pauses(timer: Timer, start: datetime, until: datetime) -> Iterator[Stretch]:
    """Where the clock stood, in order and apart: of two reasons at a time the earlier is named."""
    found: list[tuple[datetime, datetime, Pause]] = []
    for question in timer.questions:
        if question.pause is not None:
            pause = Pause("question", question.by, question.n, question.how)
            found.append((*question.pause, pause))
    rests: list[Rest] = [*timer.rests, *([timer.resting] if timer.resting else [])]
    found += [(rest.since, rest.until or until, Pause(rest.why, rest.by)) for rest in rests]
    stood: Stretch | None = None
    for since, end, pause in sorted(found, key=lambda one: one[:2]):
        since, end = max(since, stood.end if stood is not None else start), min(end, until)
        if since >= end:
            continue
        if stood is not None and (stood.end, stood.pause) == (since, pause):
            since = stood.start
        elif stood is not None:
            yield stood
        stood = Stretch(since, end, "paused", pause=pause)
    if stood is not None:
        yield stood
