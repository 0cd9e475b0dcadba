"""Planning: an event of a case → the messages that are to be sent because of it. Pure.

What a message needs is chosen here once and stored: template, language, channels and the values of its
variables, none of which is personal. The address, the people's words and the link by which a citizen
follows his case are not: they are looked up when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.kernel.contracts.base import Sealed
from services.kernel.contracts.events import Act, CaseEvent, CaseFiled, SlaEscalated
from services.kernel.domain.directory import District, Language
from services.kernel.domain.naming import Names
from services.notify.core.book import Audience, Book, Channel, Condition, Rule
from services.notify.core.people import Facts, Person, people
from services.notify.core.provider import ProviderName
from services.notify.core.quiet import quiet_until, window_end
from services.notify.core.values import LATE, WORDS, values
from services.notify.core.wording import shorten

OLD_NEWS = timedelta(minutes=15)
"""So old is an event no news to be told at once, however urgent the case."""
BY_USER_ID: tuple[Channel, ...] = ("whatsapp",)
"""How a person is reached who shows no number."""


@dataclass(frozen=True)
class PlannedMessage:
    """One message to one recipient. `id` is its identity for ever: (event or caller's key, recipient).

    `thread`: whose order it keeps, the ticket's or, without one, that of what is written to the recipient.
    `not_before`: kept back until then, by quiet hours or for a summary (`gathered`). `source`: the ticket
    whose filing holds a citizen's address. `numberless`: who cannot be called either. `sealed`: the words of
    the event, where the text has room.
    """

    id: str
    event_id: str
    event: str
    event_at: datetime
    ticket: str | None
    thread: str
    district: str
    zone: str
    audience: Audience
    person: str | None
    source: str | None
    recipient: str
    channels: tuple[Channel, ...]
    providers: tuple[ProviderName, ...]
    template: str
    language: Language
    urgent: bool
    at_once: bool
    announced: bool
    gathered: bool
    not_before: datetime | None
    values: Mapping[str, str] = field(default_factory=dict)
    sealed: Sealed | None = None
    wrapped_key: str | None = None
    key: str | None = None
    numberless: bool = False


@dataclass(frozen=True)
class Planner:
    """The data that planning goes by. `reasons`: why a case is rejected, in words by their ids."""

    book: Book
    contacts: Names
    reasons: Mapping[str, Mapping[Language, str]]

    def plan(
        self,
        event_id: str,
        event: CaseEvent,
        facts: Facts,
        directory: District,
        now: datetime,
        joined: Mapping[str, Facts] | None = None,
    ) -> tuple[PlannedMessage, ...]:
        """The messages of one event; the same event gives the same ids, however often it is handled.

        `joined`: the cases that were merged into this one, by ticket, for their citizens. Nobody is told
        of one event twice: of several reasons to tell a person the first rule counts.
        """
        messages: dict[str, PlannedMessage] = {}
        told: set[Audience] = set()
        for rule in self.book.rules_of(event.TYPE):
            if rule.audience in told or not holds(rule.when, event, facts):
                continue
            told.add(rule.audience)
            if is_answered(rule, event):
                continue
            for person in people(rule.audience, event, facts, directory, joined or {}):
                message = self._message(event_id, event, rule, person, facts, directory, now)
                messages.setdefault(message.recipient, message)
        return tuple(messages.values())

    def _message(
        self,
        event_id: str,
        event: CaseEvent,
        rule: Rule,
        person: Person,
        facts: Facts,
        directory: District,
        now: datetime,
    ) -> PlannedMessage:
        book = self.book
        recipient = person.name(self.contacts, directory.id)
        template = book.templates[rule.template]
        route = book.routes[rule.audience]
        urgent = facts.danger or facts.priority != "normal"
        # what comes hours late, after a stop, need not come one by one
        gathered = rule.gathered and not (urgent and now - event.at < OLD_NEWS)
        not_before = window_end(now, book.summary.every) if gathered else None
        at_once = rule.at_once and not _by_staff(event)
        if not (urgent or at_once):
            quiet = quiet_until(not_before or now, route.quiet, ZoneInfo(directory.zone))
            not_before = quiet or not_before
        ticket = person.source or event.ticket
        offered = values(event, ticket, facts, directory, book, person.language, self.reasons)
        sealed = event.sealed if isinstance(event, Act) and WORDS in template.variables else None
        channels = route.channels(person.filed_by) if person.user_id is None else BY_USER_ID
        return PlannedMessage(
            id=f"{event_id}:{recipient}",
            event_id=event_id,
            event=event.TYPE,
            event_at=event.at,
            ticket=event.ticket,
            thread=event.ticket,
            district=event.district,
            zone=directory.zone,
            audience=rule.audience,
            person=person.officer,
            source=person.source,
            recipient=recipient,
            channels=channels,
            providers=tuple(provider_of(channel, directory) for channel in channels),
            template=rule.template,
            language=person.language,
            urgent=urgent,
            at_once=at_once,
            announced=rule.announced,
            gathered=gathered,
            numberless=person.user_id is not None,
            not_before=not_before,
            values={
                name: shorten(offered[name], book.longest[name])
                for name in template.variables
                if name not in LATE
            },
            sealed=sealed,
        )


def is_answered(rule: Rule, event: CaseEvent) -> bool:
    """Whether the channel in which the citizen did it has told him already."""
    if isinstance(event, CaseFiled):
        return event.channel in rule.answered_by
    return isinstance(event, Act) and event.via in rule.answered_by


def _by_staff(event: CaseEvent) -> bool:
    """Whether somebody else did it than the citizen, or an operator to whom he spoke."""
    return isinstance(event, Act) and event.by.role not in ("citizen", "operator")


def holds(when: Condition | None, event: CaseEvent, facts: Facts) -> bool:
    if when == "confidential":
        return facts.confidential
    if when == "danger":
        return facts.danger
    if when == "urgent":
        return facts.priority != "normal"
    if when == "reopened":
        return isinstance(event, SlaEscalated) and event.why == "reopened"
    return True


def provider_of(channel: Channel, directory: District) -> ProviderName:
    """Who carries a channel for the district."""
    if channel == "sms":
        return directory.sms_gateway
    return "whatsapp" if channel == "whatsapp" else "smtp"
