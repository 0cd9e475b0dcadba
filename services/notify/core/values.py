"""The variables of texts: which there are, and what an event of a case puts in them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from services.kernel.contracts.events import (
    EVENTS,
    CaseAssigned,
    CaseEvent,
    CaseMerged,
    CaseRejected,
    CaseUnmerged,
    Clock,
    RejectionProposed,
    ServiceChanged,
)
from services.kernel.domain import tickets
from services.kernel.domain.directory import District, Language
from services.notify.core.book import Book
from services.notify.core.people import Facts

STAMP = "at"
"""When it happened, in local time: it tells two texts of one case apart."""
SHORT_REASON = "short_reason"
"""The reason of a rejection in the few words that an SMS has room for."""
WORDS = "words"
LINK = "link"
LATE = frozenset({WORDS, LINK})
"""Filled in when a message is sent: what they hold is nobody else's to read, and is stored nowhere."""
DISCREET = frozenset(
    {"ticket", "district", "call_centre", "emergency", "control_room", "days", STAMP, LINK}
)
"""Variables that say nothing of what a case is about or who works it."""
ALWAYS = DISCREET | {"service", "department"}
"""Variables that every event offers."""
SUMMARY = frozenset({"count", "tickets"})
"""Variables of a summary of several messages."""
NONE = "-"
UNKNOWN_SERVICE = "unknown_service"
NO_WORDS = "no_words"
MISSING_WORDS = (UNKNOWN_SERVICE, NO_WORDS, "acknowledge", "first_response", "resolve")
"""What `words` of the data must have: for a case without a service, an act without words, the limits."""


def word_of_reason(reason: str) -> str:
    """Under which name the data's fixed words have a reason's few words."""
    return f"reason_{reason}"


def offered(event: str) -> frozenset[str]:
    """The variables that templates for this type of event may use."""
    model = EVENTS[event]
    more: set[str] = set()
    if "sealed" in model.model_fields and event != "samvad.case.filed.v1":
        more.add(WORDS)
    if issubclass(model, (CaseRejected, RejectionProposed)):
        more |= {"reason", SHORT_REASON}
    if issubclass(model, (CaseMerged, CaseUnmerged)):
        more.add("parent")
    if issubclass(model, Clock):
        more |= {"target", "due"}
    return ALWAYS | more


def values(
    event: CaseEvent,
    ticket: str,
    facts: Facts,
    directory: District,
    book: Book,
    language: Language,
    reasons: Mapping[str, Mapping[Language, str]],
) -> dict[str, str]:
    """What the event offers but for what is filled in late. `ticket`: the case as its reader knows it."""
    found = {
        "ticket": tickets.show(directory.code, ticket),
        "district": directory.name.say(language),
        "call_centre": directory.call_centre.phone,
        "emergency": directory.emergency.number,
        "control_room": directory.emergency.control_room,
        "days": str(directory.reopen_days),
        STAMP: local(event.at, directory),
    }
    named = event.service if isinstance(event, (CaseAssigned, ServiceChanged)) else None
    service = directory.service_by_id.get(named or facts.service or "")
    found["service"] = (
        service.name.say(language) if service else book.words[UNKNOWN_SERVICE][language]
    )
    id_ = (
        event.department
        if isinstance(event, (CaseAssigned, ServiceChanged))
        else facts.department
    )
    department = directory.department_by_id.get(id_ or "")
    found["department"] = department.name.say(language) if department else id_ or NONE
    if isinstance(event, (CaseRejected, RejectionProposed)):
        text = reasons.get(event.reason)
        found["reason"] = text[language] if text else event.reason
        few = book.words.get(word_of_reason(event.reason))
        found[SHORT_REASON] = few[language] if few else NONE
    if isinstance(event, (CaseMerged, CaseUnmerged)):
        found["parent"] = tickets.show(directory.code, event.parent)
    if isinstance(event, Clock):
        found["target"] = book.words[event.target][language]
        found["due"] = local(event.due_at, directory)
    return found


def local(at: datetime, directory: District) -> str:
    """On the district's wall clock, as people here write it."""
    return at.astimezone(ZoneInfo(directory.zone)).strftime("%d-%m-%Y %H:%M")
