"""Who is meant by an audience, for one event of one case. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.kernel.contracts.events import CaseAssigned, CaseEvent, ServiceChanged, SlaEscalated
from services.kernel.domain.directory import District, Language, Officer
from services.kernel.domain.duty import may_have
from services.kernel.domain.naming import Names
from services.notify.core.book import Audience
from services.notify.core.contacts import reachable


@dataclass(frozen=True)
class Facts:
    """What planning needs to know of a case beside the event.

    `phone`: the citizen's, None when he has none or was erased; `user_id`: by which WhatsApp reaches him
    then. `holder`: the officer who holds the case when the event is handled. A case whose filing cannot be
    read counts as confidential.
    """

    channel: str = ""
    language: Language = "hi"
    priority: str = "normal"
    danger: bool = False
    confidential: bool = True
    named_official: str | None = None
    service: str | None = None
    department: str | None = None
    block: str | None = None
    holder: str | None = None
    phone: str | None = None
    user_id: str | None = None


@dataclass(frozen=True)
class Person:
    """A recipient. A citizen is named by his number, which his filing fixed, or without one by his user id;
    an officer by his id, since his number may change between two deliveries of a record; the call centre by
    its district."""

    language: Language
    officer: str | None = None
    phone: str | None = None
    user_id: str | None = None
    source: str | None = None
    filed_by: str = ""

    def name(self, contacts: Names, district: str) -> str:
        if self.phone is not None:
            return contacts.phone(self.phone)
        if self.user_id is not None:
            return contacts.user(self.user_id)
        if self.officer is not None:
            return contacts.officer(district, self.officer)
        return contacts.call_centre(district)


def people(
    audience: Audience,
    event: CaseEvent,
    facts: Facts,
    directory: District,
    joined: Mapping[str, Facts],
) -> Iterator[Person]:
    """Those of an audience who can be reached and may know of the case."""
    if audience == "citizen":
        yield from _citizen(event.ticket, facts)
    elif audience == "co_complainants":
        for ticket, theirs in sorted(joined.items()):
            yield from _citizen(ticket, theirs)
    elif audience == "operator":
        if directory.call_centre.email:
            yield Person("hi")
    else:
        officer = directory.officer_by_id.get(_officer(audience, event, facts, directory) or "")
        if officer is not None and _may_be_told(officer, facts, directory):
            yield Person(officer.language, officer=officer.id)


def _citizen(ticket: str, facts: Facts) -> Iterator[Person]:
    if facts.phone is not None or facts.user_id is not None:
        yield Person(
            facts.language,
            phone=facts.phone,
            user_id=facts.user_id if facts.phone is None else None,
            source=ticket,
            filed_by=facts.channel,
        )


def _may_be_told(officer: Officer, facts: Facts, directory: District) -> bool:
    # the case keeps away from whom it names and from his office; so does what is told of it
    known = reachable(officer.phone) is not None or bool(officer.email)
    return known and not officer.retired and may_have(officer, facts.named_official, directory)


def _officer(
    audience: Audience, event: CaseEvent, facts: Facts, directory: District
) -> str | None:
    """The id of the officer whom a staff audience means."""
    if audience == "holder":
        return facts.holder
    if isinstance(event, SlaEscalated):
        # a rung is for one of them, whoever that is now
        return event.officer if event.to == audience else None
    if audience == "officer":
        return event.officer if isinstance(event, CaseAssigned) else None
    if audience == "collector":
        return directory.collector
    if audience == "head":
        named = event.department if isinstance(event, (CaseAssigned, ServiceChanged)) else None
        department = directory.department_by_id.get(named or facts.department or "")
        return department.head if department is not None else None
    block = directory.block_by_id.get(facts.block or "")
    if block is None:
        return None
    return next(
        (
            officer.id
            for officer in directory.officers
            if officer.role == "sdm"
            and officer.subdivision == block.subdivision
            and not officer.retired
        ),
        None,
    )
