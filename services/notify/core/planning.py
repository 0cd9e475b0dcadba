"""Planning: an event of a case → the messages that are to be sent because of it. Pure.

What a message needs is chosen here once and stored: template, language, channel and the values of
its variables, none of which is personal. The address is not: it is looked up when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.kernel.contracts.events import (
    EVENTS,
    CaseAssigned,
    CaseEvent,
    ServiceChanged,
    SlaEscalated,
)
from services.kernel.domain import tickets
from services.kernel.domain.directory import District, Language, Officer
from services.kernel.domain.duty import may_have
from services.notify.core.book import Audience, Book, Channel, Condition, Rule
from services.notify.core.contacts import Contacts, reachable
from services.notify.core.wording import shorten

ALWAYS = frozenset({"ticket", "district", "call_centre", "emergency", "control_room", "service"})
"""Variables that every event offers."""
DISCREET = ALWAYS - {"service"}
"""Variables that say nothing of what a case is about or who works it."""
UNKNOWN_SERVICE = "unknown_service"


def offered(event: str) -> frozenset[str]:
    """The variables that templates for this type of event may use."""
    model = EVENTS[event]
    if issubclass(model, (CaseAssigned, ServiceChanged)):
        return ALWAYS | {"department"}
    return ALWAYS


@dataclass(frozen=True)
class Facts:
    """What planning needs to know of a case beside the event.

    `phone`: the citizen's, None when he has none or was erased. `holder`: the officer who holds the
    case when the event is handled. A case whose filing cannot be read counts as confidential.
    """

    channel: str = ""
    language: Language = "hi"
    priority: str = "normal"
    danger: bool = False
    confidential: bool = True
    named_official: str | None = None
    service: str | None = None
    holder: str | None = None
    phone: str | None = None


@dataclass(frozen=True)
class PlannedMessage:
    """One message to one recipient. `id` is its identity for ever; `person` an officer's id."""

    id: str
    event_id: str
    event: str
    event_at: datetime
    ticket: str
    district: str
    audience: Audience
    person: str | None
    recipient: str
    channel: Channel
    template: str
    language: Language
    urgent: bool
    values: Mapping[str, str]


def plan(
    event_id: str,
    event: CaseEvent,
    facts: Facts,
    directory: District,
    book: Book,
    contacts: Contacts,
) -> tuple[PlannedMessage, ...]:
    """The messages of one event; the same event gives the same ids, however often it is handled."""
    messages: list[PlannedMessage] = []
    told: set[Audience] = set()
    for rule in book.rules_of(event.TYPE):
        if rule.audience in told or not _holds(rule.when, event, facts):
            continue
        told.add(rule.audience)
        message = _message(event_id, event, rule, facts, directory, book, contacts)
        if message is not None:
            messages.append(message)
    return tuple(messages)


def _holds(when: Condition | None, event: CaseEvent, facts: Facts) -> bool:
    if when == "confidential":
        return facts.confidential
    if when == "danger":
        return facts.danger
    if when == "urgent":
        return facts.priority != "normal"
    if when == "reopened":
        return isinstance(event, SlaEscalated) and event.why == "reopened"
    return True


def _message(
    event_id: str,
    event: CaseEvent,
    rule: Rule,
    facts: Facts,
    directory: District,
    book: Book,
    contacts: Contacts,
) -> PlannedMessage | None:
    language = facts.language
    person: str | None = None
    if rule.audience == "citizen":
        if facts.phone is None:
            return None
        recipient = contacts.phone(facts.phone)
    else:
        officer = _officer(rule.audience, event, facts, directory)
        if officer is None:
            return None
        person, language = officer.id, officer.language
        recipient = contacts.officer(directory.id, officer.id)
    values = _values(event, facts, directory, book, language)
    template = book.templates[rule.template]
    return PlannedMessage(
        id=f"{event_id}:{rule.audience}:{recipient}",
        event_id=event_id,
        event=event.TYPE,
        event_at=event.at,
        ticket=event.ticket,
        district=event.district,
        audience=rule.audience,
        person=person,
        recipient=recipient,
        channel=book.routes[rule.audience].channel(facts.channel),
        template=rule.template,
        language=language,
        urgent=facts.danger or facts.priority != "normal",
        values={name: shorten(values[name], book.longest[name]) for name in template.variables},
    )


def _officer(
    audience: Audience, event: CaseEvent, facts: Facts, directory: District
) -> Officer | None:
    """Who is meant, if he can be reached and may know of the case."""
    id_ = facts.holder if audience == "holder" else None
    if audience == "officer" and isinstance(event, (CaseAssigned, SlaEscalated)):
        id_ = event.officer
    officer = directory.officer_by_id.get(id_) if id_ is not None else None
    if officer is None or officer.retired or reachable(officer.phone) is None:
        return None
    # the case keeps away from whom it names and from his office; so does what is told of it
    return officer if may_have(officer, facts.named_official, directory) else None


def _values(
    event: CaseEvent, facts: Facts, directory: District, book: Book, language: Language
) -> dict[str, str]:
    values = {
        "ticket": tickets.show(directory.code, event.ticket),
        "district": directory.name.say(language),
        "call_centre": directory.call_centre.phone,
        "emergency": directory.emergency.number,
        "control_room": directory.emergency.control_room,
    }
    named = event.service if isinstance(event, (CaseAssigned, ServiceChanged)) else None
    service = directory.service_by_id.get(named or facts.service or "")
    values["service"] = (
        service.name.say(language) if service else book.words[UNKNOWN_SERVICE][language]
    )
    if isinstance(event, (CaseAssigned, ServiceChanged)):
        department = directory.department_by_id.get(event.department)
        values["department"] = department.name.say(language) if department else event.department
    return values
