"""A case's clock as a value: armed when it is filed, moved by events, fired by time. Pure.

A *rung* is anything that falls due once: the warning and the breach of a target and the steps of the
ladder after the breach. Its identity is (cycle, target, step), so it fires once in a cycle whatever comes
again. Rungs are not stored: they follow from the targets, the directory and what has fired. A rung fires
when now > its instant: an act at the due instant is in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from services.kernel.domain.clock import Calendars, ClockPlan, Due, dues
from services.kernel.domain.directory import OfficerRole, Target

Step = Literal["warning", "breach", "escalation"]
_STEPS: tuple[Step, ...] = ("warning", "breach", "escalation")
_EVERY = timedelta(seconds=1)


@dataclass(frozen=True)
class TargetClock:
    """One limit of a case. `met_at`: when the act that it asks for was done. `ladder_from`: whence its
    ladder counts in this cycle where that is not the breach (a case reopened after its breach)."""

    due: Due
    met_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    ladder_from: datetime | None = None


@dataclass(frozen=True)
class Rung:
    """Something that falls due at `at`. `rung` counts the ladder's steps from 1, `to` is its role."""

    cycle: int
    target: Target
    step: Step
    at: datetime
    rung: int = 0
    to: OfficerRole | None = None

    @property
    def id(self) -> str:
        return f"{self.cycle}/{self.target}/{self.step}/{self.rung}"


@dataclass(frozen=True)
class Timer:
    """What the clock knows of a case. `held_since`: nothing falls due (resolved or merged); `ended`:
    nothing ever will, unless it is reopened. `fired` has the ids of the rungs of this cycle."""

    district: str
    filed_at: datetime
    kind: str
    priority: str
    service: str | None
    department: str | None
    block: str | None
    directory_version: int
    cycle: int = 1
    targets: Mapping[Target, TargetClock] = field(default_factory=dict)
    fired: tuple[str, ...] = ()
    held_since: datetime | None = None
    ended: bool = False
    last_fired: datetime | None = None

    @property
    def deadline(self) -> datetime | None:
        """When the case must be resolved."""
        target = self.targets.get("resolve")
        return target.due.due_at if target is not None else None


@dataclass(frozen=True)
class Running:
    """What the directory says of a case's clock, with the calendars to count by; `plan` None: no clock."""

    plan: ClockPlan | None
    calendars: Calendars


def arm(timer: Timer, running: Running) -> Timer:
    """Set the limits running from the filing. Limits met and breaches recorded before stay so."""
    if running.plan is None:
        return replace(timer, targets={})
    calendar = running.calendars.working(running.plan.calendar)
    limits = dues(running.plan, calendar, timer.filed_at)
    targets = {
        target: replace(timer.targets.get(target, TargetClock(due)), due=due)
        for target, due in limits.items()
    }
    return replace(timer, targets=targets)


def rungs(timer: Timer, running: Running) -> tuple[Rung, ...]:
    """What has yet to fall due, in due order; nothing while it is held."""
    if running.plan is None or timer.held_since is not None or timer.ended:
        return ()
    found = [
        rung
        for target, clock in timer.targets.items()
        if clock.met_at is None
        for rung in _of_target(timer.cycle, target, clock, running.plan, running.calendars)
        if rung.id not in timer.fired
    ]
    return tuple(sorted(found, key=lambda r: (r.at, _STEPS.index(r.step), r.target, r.rung)))


def _of_target(
    cycle: int, target: Target, clock: TargetClock, plan: ClockPlan, calendars: Calendars
) -> list[Rung]:
    found: list[Rung] = []
    if clock.due.warn_at is not None and clock.warned_at is None:
        found.append(Rung(cycle, target, "warning", clock.due.warn_at))
    if clock.breached_at is None:
        found.append(Rung(cycle, target, "breach", clock.due.due_at))
    calendar = calendars.working(plan.calendar)
    start = clock.ladder_from or clock.breached_at or clock.due.due_at
    steps = [step for step in plan.ladder.rungs if step.on == target]
    found.extend(
        Rung(
            cycle,
            target,
            "escalation",
            calendar.add(start, step.after_seconds * _EVERY),
            number,
            step.to,
        )
        for number, step in enumerate(steps, start=1)
    )
    return found


def next_at(timer: Timer, running: Running) -> datetime | None:
    """The one instant at which something next falls due."""
    return next((rung.at for rung in rungs(timer, running)), None)


def fire(timer: Timer, now: datetime, running: Running) -> tuple[Timer, tuple[Rung, ...]]:
    """The timer after everything that fell due before `now`, and those rungs in due order."""
    due = tuple(rung for rung in rungs(timer, running) if rung.at < now)
    if not due:
        return timer, ()
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
    met = {
        name: replace(clock, met_at=at)
        for name, clock in timer.targets.items()
        if name in targets and clock.met_at is None
    }
    return replace(timer, targets={**timer.targets, **met}) if met else timer


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
    opened = replace(timer, cycle=cycle, ended=False, held_since=None, fired=())
    clock = timer.targets.get("resolve")
    if running.plan is None or clock is None:
        return opened
    again = replace(clock, met_at=None)
    if clock.breached_at is not None:
        again = replace(again, ladder_from=at)
    else:
        since = clock.met_at or timer.held_since or at
        again = replace(again, due=_moved(clock.due, since, at, running.plan, running.calendars))
    return replace(opened, targets={**timer.targets, "resolve": again})


def _moved(
    due: Due, since: datetime, at: datetime, plan: ClockPlan, calendars: Calendars
) -> Due:
    """`due`, with what was left of it at `since` counted from `at` on."""
    if due.allowed.calendar_days is not None:
        warn = due.warn_at + (at - since) if due.warn_at is not None else None
        return replace(due, due_at=due.due_at + (at - since), warn_at=warn)
    calendar = calendars.working(plan.calendar)

    def moved(instant: datetime) -> datetime:
        # what lay before `since` was over already and keeps its instant
        return calendar.add(at, calendar.between(since, instant)) if instant > since else instant

    warn = moved(due.warn_at) if due.warn_at is not None else None
    return replace(due, due_at=moved(due.due_at), warn_at=warn)


def rearm_acknowledgement(timer: Timer, at: datetime, running: Running) -> Timer:
    """A transfer asks the new office for its acknowledgement, in full time from the transfer."""
    clock = timer.targets.get("acknowledge")
    if running.plan is None or clock is None or clock.breached_at is not None:
        return timer
    calendar = running.calendars.working(running.plan.calendar)
    due = dues(running.plan, calendar, at)["acknowledge"]
    fired = tuple(rung for rung in timer.fired if "/acknowledge/" not in rung)
    return replace(
        timer, targets={**timer.targets, "acknowledge": TargetClock(due)}, fired=fired
    )
