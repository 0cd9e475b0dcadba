"""What each event does to a case's clock: one readable table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from services.kernel.contracts import events
from services.kernel.domain.clock import Calendars, targets_for
from services.kernel.domain.directory import District, Kind, Priority, Target
from services.sla.core import timer as clock
from services.sla.core.ladder import said
from services.sla.core.timer import Running, Timer

ACKNOWLEDGE: frozenset[Target] = frozenset({"acknowledge"})
RESPOND: frozenset[Target] = frozenset({"acknowledge", "first_response"})
ALL: frozenset[Target] = frozenset({"acknowledge", "first_response", "resolve"})

MEETS: Mapping[type[events.Event], frozenset[Target]] = {
    events.CaseAcknowledged: ACKNOWLEDGE,
    events.CaseStarted: ACKNOWLEDGE,
    events.RejectionProposed: ACKNOWLEDGE,
    events.CaseReplied: RESPOND,
    events.QuestionAsked: RESPOND,
    events.CaseResolved: ALL,
    events.CaseRejected: ALL,
}
"""The limits that an act meets. A question to the citizen is a response: somebody has looked at it."""

ENDS: frozenset[type[events.Event]] = frozenset(
    {events.CaseConfirmed, events.CaseClosed, events.CaseRejected, events.CaseWithdrawn}
)

USED: tuple[type[events.Event], ...] = (
    events.CaseFiled,
    *MEETS,
    events.CaseAssigned,
    events.CaseTransferred,
    events.CaseTakenOver,
    events.CaseReopened,
    events.ServiceChanged,
    events.CaseConfirmed,
    events.CaseClosed,
    events.CaseWithdrawn,
    events.CaseMerged,
    events.CaseUnmerged,
)


class Rules:
    """One directory version with its calendars, ready for many cases."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.calendars = Calendars(district)
        self._running: dict[tuple[str | None, str, str], Running] = {}

    def running(self, timer: Timer) -> Running:
        """What counts for this case: its service, kind and priority as they are now."""
        of = (timer.service, timer.kind, timer.priority)
        known = self._running.get(of)
        if known is None:
            plan = targets_for(
                self.district, of[0], cast(Kind, of[1]), cast(Priority, of[2])
            )
            known = self._running[of] = Running(plan, self.calendars)
        return known


def filed(event: events.CaseFiled, rules: Rules) -> Timer:
    """The clock of a new case."""
    service = rules.district.service_by_id.get(event.service) if event.service else None
    timer = Timer(
        district=event.district,
        filed_at=event.at,
        kind=event.kind,
        priority=event.priority,
        service=service.id if service else None,
        department=service.department if service else None,
        block=event.place.block,
        named_official=event.named_official,
        directory_version=event.directory_version,
    )
    return clock.arm(timer, rules.running(timer))


def follow(
    timer: Timer, event: events.CaseEvent, rules: Rules
) -> tuple[Timer, tuple[events.CaseEvent, ...]]:
    """The clock after an event of room `case`, and what it says of the time before.

    What fell due before the act and was not seen in time (the clock was down, or a moment behind) fires
    first: the act came too late, whenever that is found out.
    """
    running = rules.running(timer)
    timer, missed = clock.fire(timer, event.at, running)
    late = said(event.ticket, timer, missed, running, rules.district)
    return _after(timer, event, rules), late


def _after(timer: Timer, event: events.CaseEvent, rules: Rules) -> Timer:
    if isinstance(event, events.CaseAssigned):  # and transferred, taken over, reopened
        timer = _placed(timer, event.service, event.department, timer.priority, rules)
    if isinstance(event, events.CaseReopened):
        return clock.reopen(timer, event.at, event.cycle, rules.running(timer))
    if isinstance(event, events.CaseTransferred):
        return clock.transfer(timer, event.at, rules.running(timer))
    if isinstance(event, events.ServiceChanged):
        priority = event.priority or timer.priority
        return _placed(timer, event.service, event.department, priority, rules)
    if isinstance(event, events.CaseMerged):
        return clock.hold(timer, event.at)
    if isinstance(event, events.CaseUnmerged):
        return clock.resume(timer)
    met = MEETS.get(type(event))
    if met is not None:
        timer = clock.meet(timer, met, event.at)
    if isinstance(event, events.CaseResolved):
        timer = clock.hold(timer, event.at)
    return clock.end(timer) if type(event) in ENDS else timer


def _placed(
    timer: Timer, service: str | None, department: str, priority: str, rules: Rules
) -> Timer:
    """Department for the lists; another service or priority sets the clock that belongs to it.

    A service that the case's own directory version does not know (it is newer) leaves the clock as it is.
    """
    known = service if service in rules.district.service_by_id else timer.service
    placed = replace(timer, department=department, service=known, priority=priority)
    if (placed.service, placed.priority) == (timer.service, timer.priority):
        return placed
    return clock.arm(placed, rules.running(placed))
