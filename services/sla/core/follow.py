"""What each event does to a case's clock: one readable table. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from services.kernel.contracts import events
from services.kernel.contracts.codec import EventId, Undecodable
from services.kernel.domain.directory import Target
from services.kernel.domain.timer import VOICE, RestWhy, Rules, Timer, arm, recalculated
from services.sla.core import timer as clock
from services.sla.core.ladder import look

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

RESTS: Mapping[type[events.Event], RestWhy] = {
    events.CaseResolved: "resolved",
    events.CaseRejected: "rejected",
    events.CaseWithdrawn: "withdrawn",
}
"""From when on the office owes nothing."""

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
    events.QuestionMarked,
    events.QuestionAnswered,
    events.RejectionRefused,
    events.FeedbackPlanned,
    events.FeedbackEnded,
    events.CaseConfirmed,
    events.CaseClosed,
    events.CaseWithdrawn,
    events.CaseMerged,
    events.CaseUnmerged,
    events.NoticeDelivered,
    events.NoticeFailed,
)
"""All that the clock goes by, in the life of a case."""

CITIZEN = "citizen"
OFFICE = frozenset({"officer", "head", "sdm", "collector"})
PLACES = (events.CaseAssigned, events.ServiceChanged)
"""What happens to a case by whomever: new limits may lie long past, and of a ladder that would have been at
its top for months not every repetition of those months is to be told at once."""


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
        reachable=event.has_phone or event.channel == "whatsapp",
        directory_version=event.directory_version,
    )
    return arm(timer, rules.running(timer))


def follow(
    timer: Timer, event: events.CaseEvent, rules: Rules, n: int
) -> tuple[Timer, tuple[events.CaseEvent, ...]]:
    """The clock after the `n`-th event of another room, and what it says of the time before.

    What fell due before the event and was not seen in time (the clock was down, or a moment behind) fires
    first: an act came too late, whenever that is found out.
    """
    timer, late = look(event.ticket, timer, event.at, rules)
    if isinstance(event, events.Notice):
        return _told(timer, event, rules), late
    return _after(timer, event, rules, n), late


def recalculate(
    timer: Timer, event: events.SlaRecalculated, before: Rules, after: Rules
) -> tuple[Timer, tuple[events.CaseEvent, ...]]:
    """The clock under the version that `event` names, and what had fallen due under the one before."""
    timer, late = look(event.ticket, timer, event.at, before)
    return recalculated(timer, after, event.at), late


def _told(timer: Timer, event: events.Notice, rules: Rules) -> Timer:
    """Only what reached the citizen himself, about an event of this case's room `case`, is of any use."""
    about = subject(event)
    if event.audience != CITIZEN or about is None:
        return timer
    if isinstance(event, events.NoticeDelivered):
        return clock.deliver(timer, about, event.at, event.channel, rules.running(timer))
    return clock.fail(timer, about, event.at)


def subject(event: events.Notice) -> int | None:
    """The number of the event of this case's room `case` that a notice is about, if it is about one."""
    try:
        about = EventId.parse(event.about)
    except Undecodable:
        return None
    return about.n if (about.ticket, about.room) == (event.ticket, "case") else None


def _after(timer: Timer, event: events.CaseEvent, rules: Rules, n: int) -> Timer:
    if not isinstance(event, events.Act):
        return timer
    if event.by.role in OFFICE or isinstance(event, PLACES):
        timer = clock.stir(timer, event.at)
    if event.state != "awaiting_citizen":
        timer = clock.close_questions(timer, event.at, rules.running(timer))
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
        return clock.merge(timer, event.at)
    if isinstance(event, events.CaseUnmerged):
        return clock.unmerge(timer)
    if isinstance(event, events.QuestionMarked):
        return _marked(timer, event, rules)
    if isinstance(event, events.FeedbackPlanned):
        return clock.plan_call(timer)
    if isinstance(event, events.FeedbackEnded):
        return clock.end_call(timer, event.at)
    return _done(timer, event, n)


def _done(timer: Timer, event: events.Act, n: int) -> Timer:
    """Limits met, a question put, the case resolved or at its end."""
    by = event.by.id or event.by.role
    met = MEETS.get(type(event))
    if met is not None:
        timer = clock.meet(timer, met, event.at)
    if isinstance(event, events.QuestionAsked):
        timer = clock.ask(timer, event.question, n, event.at, by)
    why = RESTS.get(type(event))
    if why is not None:
        timer = clock.rest(timer, event.at, why, by)
    if isinstance(event, events.CaseResolved):
        timer = clock.resolve(timer, event.at, n)
    return clock.end(timer, event.at) if type(event) in ENDS else timer


def _marked(timer: Timer, event: events.QuestionMarked, rules: Rules) -> Timer:
    """An operator put the question by voice."""
    asked = next((q.event for q in timer.questions if q.n == event.question), None)
    if asked is None:
        return timer
    return clock.deliver(timer, asked, event.at, VOICE, rules.running(timer))


def _placed(
    timer: Timer, service: str | None, department: str, priority: str, rules: Rules
) -> Timer:
    """Department for the lists; another service or priority sets the clock that belongs to it.

    A service that the case's own directory version does not know (it is newer) leaves the clock as it is,
    until it is recalculated by a version that knows it.
    """
    later = timer.later_service
    if service is not None:
        known = service in rules.district.service_by_id
        service, later = (service, None) if known else (None, service)
    placed = timer._replace(
        department=department,
        service=service or timer.service,
        later_service=later,
        priority=priority,
    )
    if (placed.service, placed.priority) == (timer.service, timer.priority):
        return placed
    return arm(placed, rules.running(placed))
