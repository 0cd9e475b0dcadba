"""What the clock knows of a case, as a value, and the limits that follow from it. Pure.

The facts are instants that we recorded: filed, asked, delivered, answered, resolved, reopened, moved. The
limits are always worked out from all of them anew, so the order in which facts become known makes no
difference. What falls due and what acts do is decided in `sla/core`; here is what others show as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast

from services.kernel.domain.clock import Calendars, ClockPlan, Due, due, targets_for
from services.kernel.domain.directory import (
    PAUSE_LIMIT,
    TARGETS,
    District,
    Kind,
    Priority,
    Target,
)
from services.kernel.domain.holds import HeldClock, Span

RestWhy = Literal["resolved", "rejected", "withdrawn"]
VOICE = "voice"
"""How a question was delivered that an operator put by telephone; else it is a channel's name."""
HELD: Target = "resolve"
"""The one limit that holds touch: a question is a response already, and a resolution meets every limit."""
UNDELIVERED = timedelta(days=2)
"""How long the confirmation window waits to be begun by the delivery of the resolution."""
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class TargetClock(NamedTuple):
    """One limit of a case. `ladder_from`: whence its ladder counts where that is not the breach (a case
    reopened after its breach, or transferred after an acknowledgement that came too late). `repeats`: how
    often the top rung came again, `topped_at`: when it was last reached."""

    due: Due
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    ladder_from: datetime | None = None
    repeats: int = 0
    topped_at: datetime | None = None


class Question(NamedTuple):
    """The n-th question to the citizen, announced as the `event`-th event of room `case`, `by` whom (an
    id, or a role). It stops the clock from `delivered_at` (`how`) to `closed_at`, but no longer than to
    `until`, which follows from its delivery and the limit of the policy: see `arm`."""

    n: int
    event: int
    asked_at: datetime
    by: str | None = None
    delivered_at: datetime | None = None
    how: str | None = None
    until: datetime | None = None
    closed_at: datetime | None = None

    @property
    def pause(self) -> Span | None:
        """When it stops the clock; of an open question, as long as it may."""
        if self.delivered_at is None or self.until is None:
            return None
        until = self.until if self.closed_at is None else min(self.until, self.closed_at)
        return (self.delivered_at, until) if self.delivered_at < until else None


class Rest(NamedTuple):
    """The office owes nothing `since` then, until the case is reopened."""

    since: datetime
    why: RestWhy
    by: str | None = None
    until: datetime | None = None


class Resolution(NamedTuple):
    """The resolution that waits for the citizen's word: the `event`-th event of room `case`. `failed_at`:
    known not to be deliverable. `calling`: a feedback call is planned; `called_at`: when one ended."""

    at: datetime
    event: int
    delivered_at: datetime | None = None
    failed_at: datetime | None = None
    calling: bool = False
    called_at: datetime | None = None


class Timer(NamedTuple):
    """`fired` has the ids of the rungs of this cycle, `met` when what a target asks for was done,
    `transferred` when another office was asked for its acknowledgement, `rests` the stretches from resolved
    to reopened, `resting` the present one. `merged_since`: it counts on, but nothing falls due. `ended_at`:
    nothing ever will, unless it is reopened. `stirred_at`: when the office last did something.
    `later_service`: what the case is about now, where this version of the directory does not know it."""

    district: str
    filed_at: datetime
    kind: str
    priority: str
    service: str | None
    department: str | None
    block: str | None
    directory_version: int
    named_official: str | None = None
    reachable: bool = True
    cycle: int = 1
    targets: Mapping[Target, TargetClock] = _NOTHING
    met: Mapping[Target, datetime] = _NOTHING
    transferred: tuple[datetime, ...] = ()
    questions: tuple[Question, ...] = ()
    rests: tuple[Rest, ...] = ()
    fired: tuple[str, ...] = ()
    resting: Rest | None = None
    merged_since: datetime | None = None
    ended_at: datetime | None = None
    resolution: Resolution | None = None
    stirred_at: datetime | None = None
    later_service: str | None = None
    last_fired: datetime | None = None


@dataclass(frozen=True)
class Running:
    """What the directory says of a case's clock, with the calendars to count by; `plan` None: no clock."""

    plan: ClockPlan | None
    calendars: Calendars


class Rules:
    """One directory version with its calendars, ready for many cases."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.calendars = Calendars(district)
        self._running: dict[tuple[str | None, str, str], Running] = {}

    def running(self, timer: Timer) -> Running:
        """What counts for this case: its service, kind and priority as they are now. Raises Unknown."""
        of = (timer.service, timer.kind, timer.priority)
        known = self._running.get(of)
        if known is None:
            plan = targets_for(
                self.district, of[0], cast(Kind, of[1]), cast(Priority, of[2])
            )
            known = self._running[of] = Running(plan, self.calendars)
        return known


def holds(timer: Timer) -> list[Span]:
    """Every stretch in which the clock stood or, while a question is open, may stand. The present rest is
    none: nobody knows its end."""
    pauses = (question.pause for question in timer.questions)
    rests = ((rest.since, rest.until) for rest in timer.rests if rest.until is not None)
    return [*rests, *(pause for pause in pauses if pause is not None)]


def held_clock(timer: Timer, running: Running, target: Target) -> HeldClock | None:
    """What `target` counts on. None where the case has no clock."""
    if running.plan is None:
        return None
    calendar = running.calendars.working(running.plan.calendar)
    return HeldClock(calendar, holds(timer) if target == HELD else ())


def started_at(timer: Timer, target: Target) -> datetime:
    """Whence a limit counts: the filing; for the acknowledgement, the last office that was asked for it."""
    if target == "acknowledge" and timer.transferred:
        return timer.transferred[-1]
    return timer.filed_at


def arm(timer: Timer, running: Running) -> Timer:
    """Set the limits running, from all that is known.

    A recorded breach stays with its due instant, even where that limit is not asked for any more.
    """
    if timer.questions:
        timer = timer._replace(questions=tuple(_limited(q, running) for q in timer.questions))
    recorded = {t: clock for t, clock in timer.targets.items() if clock.breached_at is not None}
    plan = running.plan
    if plan is None:
        return timer._replace(targets=recorded)
    calendar = running.calendars.working(plan.calendar)
    free = HeldClock(calendar)
    held = HeldClock(calendar, found) if (found := holds(timer)) else free
    targets: dict[Target, TargetClock] = {}
    for target in TARGETS:
        allowance = plan.allowances.get(target)
        if allowance is None:
            continue
        clock = held if target == HELD else free
        limit = due(clock, allowance, started_at(timer, target), plan.warn_percent)
        known = timer.targets.get(target)
        targets[target] = known._replace(due=limit) if known is not None else TargetClock(limit)
    return timer._replace(targets={**targets, **recorded})


def _limited(question: Question, running: Running) -> Question:
    """With the limit of its pause as the policy has it now, so that it makes no difference whether the
    delivery or another service becomes known first."""
    if question.delivered_at is None:
        return question
    return question._replace(until=pause_ends(running, question.delivered_at))


def deadline(timer: Timer, running: Running) -> datetime | None:
    """When the case must be resolved, as long as it must be; of a paused one, at the latest."""
    clock = timer.targets.get("resolve")
    if clock is None or running.plan is None or "resolve" not in running.plan.allowances:
        return None
    return clock.due.due_at


def paused_until(timer: Timer) -> datetime | None:
    """When the clock goes on at the latest; None while no delivered question is open."""
    ends = (q.pause[1] for q in timer.questions if q.closed_at is None and q.pause is not None)
    return max(ends, default=None)


def pause_ends(running: Running, delivered_at: datetime) -> datetime:
    """How long a question that is delivered at that instant may stop the clock."""
    plan = running.plan
    if plan is None:
        clock, limit = HeldClock(running.calendars.always), PAUSE_LIMIT
    else:
        clock, limit = HeldClock(running.calendars.working(plan.calendar)), plan.pause_limit
    return clock.due_at(delivered_at, limit)


def lapses_at(timer: Timer, running: Running) -> datetime | None:
    """When a resolved case is to be closed by rule; None where it waits for nothing, or for a call.

    The window begins when the resolution is delivered; at the resolution where it cannot be, or was not
    within `UNDELIVERED`, which is known only then.
    """
    resolution = timer.resolution
    if resolution is None or resolution.calling or timer.ended_at is not None:
        return None
    days = running.calendars.district.confirm_days
    delivered, patience = resolution.delivered_at, resolution.at + UNDELIVERED
    if delivered is not None and delivered <= patience:
        over = running.calendars.always.add_days(delivered, days)
    else:
        known = resolution.failed_at or (patience if timer.reachable else resolution.at)
        over = max(running.calendars.always.add_days(resolution.at, days), min(known, patience))
    return max(over, resolution.called_at or over)


def recalculated(timer: Timer, rules: Rules, at: datetime) -> Timer:
    """The clock under another version of the directory from `at` on, as if it had always been so.

    Recorded breaches stay; what is past by the new limits falls due at once. Nothing may be stamped before
    `at` any more, or it would have been judged by the limits of before. Raises Unknown where that version
    lacks what the case is about: it stays as it is then.
    """
    named = timer.later_service
    found = named is not None and named in rules.district.service_by_id
    moved = timer._replace(
        directory_version=rules.district.version,
        service=named if found else timer.service,
        later_service=None if found else named,
        last_fired=max(at, timer.last_fired or at),
    )
    return arm(moved, rules.running(moved))
