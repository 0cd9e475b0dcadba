"""A case's clock as a value: armed when it is filed, moved by events, fired by time. Pure.

A *rung* is anything that falls due once: the warning and the breach of a target and the steps of the
ladder after the breach. Its identity is (cycle, target, step), for an acknowledgement also which of the
offices it was asked of, so it fires once whatever comes again. Rungs are not stored: they follow from the
targets, the directory and what has fired. A rung fires when now > its instant: an act at the due instant
is in time. What was done and when it was held is kept apart from the limits, since a changed service sets
other limits, and they too are met by what was done before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, TypeVar

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.clock import Calendars, ClockPlan, Due, dues
from services.kernel.domain.directory import TARGETS, OfficerRole, Target

Step = Literal["warning", "breach", "escalation"]
_STEPS: tuple[Step, ...] = ("warning", "breach", "escalation")
_EVERY = timedelta(seconds=1)
V = TypeVar("V")


@dataclass(frozen=True)
class TargetClock:
    """One limit of a case. `ladder_from`: whence its ladder counts where that is not the breach (a case
    reopened after its breach, or transferred after an acknowledgement that came too late)."""

    due: Due
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    ladder_from: datetime | None = None


@dataclass(frozen=True)
class Rung:
    """Something that falls due at `at`. `rung` counts the ladder's steps from 1, `to` is its role.
    `transfer`: after how many transfers an acknowledgement was asked for; 0 for other targets."""

    cycle: int
    target: Target
    step: Step
    at: datetime
    rung: int = 0
    to: OfficerRole | None = None
    transfer: int = 0

    @property
    def id(self) -> str:
        return f"{self.cycle}/{self.transfer}/{self.target}/{self.step}/{self.rung}"


@dataclass(frozen=True)
class Timer:
    """What the clock knows of a case. `held_since`: nothing falls due (resolved or merged); `ended`:
    nothing ever will, unless it is reopened. `fired` has the ids of the rungs of this cycle, `met` when
    what a target asks for was done, `transferred` when another office was asked for its acknowledgement,
    `holds` the stretches from resolved to reopened."""

    district: str
    filed_at: datetime
    kind: str
    priority: str
    service: str | None
    department: str | None
    block: str | None
    directory_version: int
    named_official: str | None = None
    cycle: int = 1
    targets: Mapping[Target, TargetClock] = field(default_factory=dict)
    met: Mapping[Target, datetime] = field(default_factory=dict)
    transferred: tuple[datetime, ...] = ()
    holds: tuple[tuple[datetime, datetime], ...] = ()
    fired: tuple[str, ...] = ()
    held_since: datetime | None = None
    ended: bool = False
    last_fired: datetime | None = None


@dataclass(frozen=True)
class Running:
    """What the directory says of a case's clock, with the calendars to count by; `plan` None: no clock."""

    plan: ClockPlan | None
    calendars: Calendars


def arm(timer: Timer, running: Running) -> Timer:
    """Set the limits running: from the filing, acknowledgement from the last transfer, less the holds.

    A recorded breach stays with its due instant, even where that limit is not asked for any more.
    """
    recorded = {t: clock for t, clock in timer.targets.items() if clock.breached_at is not None}
    if running.plan is None:
        return replace(timer, targets=recorded)
    calendar = running.calendars.working(running.plan.calendar)
    limits = dues(running.plan, calendar, timer.filed_at)
    if timer.transferred and "acknowledge" in limits:
        anew = dues(running.plan, calendar, timer.transferred[-1])
        limits["acknowledge"] = anew["acknowledge"]
    if "resolve" in limits:
        for since, until in timer.holds:
            limits["resolve"] = _moved(limits["resolve"], since, until, calendar)
    targets = {
        target: replace(timer.targets[target], due=due)
        if target in timer.targets
        else TargetClock(due)
        for target, due in limits.items()
    }
    return replace(timer, targets={**targets, **recorded})


def deadline(timer: Timer, running: Running) -> datetime | None:
    """When the case must be resolved, as long as it must be."""
    clock = timer.targets.get("resolve")
    if clock is None or running.plan is None or "resolve" not in running.plan.allowances:
        return None
    return clock.due.due_at


def rungs(timer: Timer, running: Running) -> tuple[Rung, ...]:
    """What has yet to fall due, in due order; nothing while it is held."""
    plan = running.plan
    if plan is None or timer.held_since is not None or timer.ended:
        return ()
    found = [
        rung
        for target, clock in timer.targets.items()
        if target in plan.allowances and target not in timer.met
        for rung in _of_target(timer, target, clock, plan, running.calendars)
        if rung.id not in timer.fired
    ]
    return tuple(sorted(found, key=lambda r: (r.at, _STEPS.index(r.step), r.target, r.rung)))


def _rung_of(timer: Timer, target: Target) -> partial[Rung]:
    transfer = len(timer.transferred) if target == "acknowledge" else 0
    return partial(Rung, timer.cycle, target, transfer=transfer)


def _until_breach(timer: Timer, target: Target, clock: TargetClock) -> list[Rung]:
    if clock.breached_at is not None:
        return []
    rung = _rung_of(timer, target)
    found = [rung("breach", clock.due.due_at)]
    if clock.due.warn_at is not None and clock.warned_at is None:
        found.insert(0, rung("warning", clock.due.warn_at))
    return found


def _of_target(
    timer: Timer, target: Target, clock: TargetClock, plan: ClockPlan, calendars: Calendars
) -> list[Rung]:
    rung = _rung_of(timer, target)
    found = _until_breach(timer, target, clock)
    calendar = calendars.working(plan.calendar)
    start = clock.ladder_from or clock.breached_at or clock.due.due_at
    steps = [step for step in plan.ladder.rungs if step.on == target]
    found.extend(
        rung("escalation", calendar.add(start, step.after_seconds * _EVERY), number, step.to)
        for number, step in enumerate(steps, start=1)
    )
    return found


def next_at(timer: Timer, running: Running) -> datetime | None:
    """The one instant at which something next falls due."""
    plan = running.plan
    if plan is None or timer.held_since is not None or timer.ended:
        return None
    return min(
        (
            rung.at
            for target, clock in timer.targets.items()
            if target in plan.allowances and target not in timer.met
            for rung in _next_of_target(timer, target, clock, plan, running.calendars)
            if not timer.fired or rung.id not in timer.fired
        ),
        default=None,
    )


def _next_of_target(
    timer: Timer, target: Target, clock: TargetClock, plan: ClockPlan, calendars: Calendars
) -> list[Rung]:
    """Enough of a target's rungs to know the first: while it is not breached its ladder, which costs the
    most to work out, begins at its breach or later."""
    if clock.breached_at is not None or clock.ladder_from is not None:
        return _of_target(timer, target, clock, plan, calendars)
    return _until_breach(timer, target, clock)


def fire(timer: Timer, now: datetime, running: Running) -> tuple[Timer, tuple[Rung, ...]]:
    """The timer after everything that fell due before `now`, and those rungs in due order."""
    first = next_at(timer, running)
    if first is None or first >= now:
        return timer, ()
    due = tuple(rung for rung in rungs(timer, running) if rung.at < now)
    targets = dict(timer.targets)
    for rung in due:
        if rung.step == "warning":
            targets[rung.target] = replace(targets[rung.target], warned_at=rung.at)
        elif rung.step == "breach":
            targets[rung.target] = replace(targets[rung.target], breached_at=rung.at)
    last = max(rung.at for rung in due)
    fired = replace(
        timer,
        targets=targets,
        fired=(*timer.fired, *(rung.id for rung in due)),
        last_fired=max(last, timer.last_fired or last),
    )
    return fired, due


def meet(timer: Timer, targets: frozenset[Target], at: datetime) -> Timer:
    """The acts that `targets` ask for were done at `at`: their rungs are stopped."""
    new = {target: at for target in TARGETS if target in targets and target not in timer.met}
    return replace(timer, met={**timer.met, **new}) if new else timer


def hold(timer: Timer, at: datetime) -> Timer:
    """Nothing falls due from here on, until `resume` or `reopen`."""
    return timer if timer.held_since is not None else replace(timer, held_since=at)


def resume(timer: Timer) -> Timer:
    """As if it had never been held: what fell due meanwhile fires, stamped with its due instant."""
    return replace(timer, held_since=None)


def end(timer: Timer) -> Timer:
    """The case has ended: nothing falls due any more."""
    return replace(timer, ended=True)


def reopen(timer: Timer, at: datetime, cycle: int, running: Running) -> Timer:
    """A new cycle: what was burnt is kept, the time from resolved to reopened does not count.

    Limits other than to resolve were met once and stay met. A breach that was recorded stays; its ladder
    begins anew with the cycle, counted from the reopening.
    """
    since = timer.met.get("resolve") or timer.held_since or at
    targets = dict(timer.targets)
    clock = targets.get("resolve")
    if clock is not None and clock.breached_at is not None:
        targets["resolve"] = replace(clock, ladder_from=at)
    opened = replace(
        timer,
        cycle=cycle,
        targets=targets,
        met=_without(timer.met, "resolve"),
        holds=(*timer.holds, (since, at)),
        fired=(),
        held_since=None,
        ended=False,
    )
    return arm(opened, running)


def _moved(due: Due, since: datetime, until: datetime, calendar: WorkingCalendar) -> Due:
    """`due`, with what was left of it at `since` counted from `until` on."""

    def moved(instant: datetime) -> datetime:
        if instant < since:
            return instant  # it was over already and keeps its instant
        if due.allowed.calendar_days is not None:
            return instant + (until - since)
        return calendar.add(until, calendar.between(since, instant))

    warn = moved(due.warn_at) if due.warn_at is not None else None
    return replace(due, due_at=moved(due.due_at), warn_at=warn)


def transfer(timer: Timer, at: datetime, running: Running) -> Timer:
    """Another office is asked for its acknowledgement, in full time from the transfer.

    Where the acknowledgement is overdue and still owed, its ladder climbs on. Where it came too late, that
    breach stays recorded, and the ladder begins anew when the new office's time is used up.
    """
    clock = timer.targets.get("acknowledge")
    climbs_from = (clock.ladder_from or clock.breached_at) if clock is not None else None
    if climbs_from is not None and climbs_from <= at and "acknowledge" not in timer.met:
        return timer
    asked = replace(
        timer,
        targets=_without(timer.targets, "acknowledge"),
        met=_without(timer.met, "acknowledge"),
        transferred=(*timer.transferred, at),
    )
    armed = arm(asked, running)
    if clock is None or clock.breached_at is None:
        return armed
    anew = armed.targets.get("acknowledge")
    again = replace(clock, ladder_from=anew.due.due_at if anew is not None else at)
    return replace(armed, targets={**armed.targets, "acknowledge": again})


def _without(values: Mapping[Target, V], target: Target) -> dict[Target, V]:
    return {name: value for name, value in values.items() if name != target}
