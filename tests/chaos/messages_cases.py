"""Cases whose citizens are told of every step, and what is owed to each of them for it.

A case is a receipt in the store and events for the topic. Every citizen has a number of his own and is told
of a step once, so an SMS, which carries no key of ours, is known by its number and its registered text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from services.kernel.adapters.outbox import to_entry
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import Announced, Message, announce
from services.kernel.contracts.envelope import Filing, new_data_key, seal
from services.kernel.contracts.events import (
    Act,
    CaseAssigned,
    CaseConfirmed,
    CaseEvent,
    CaseFiled,
    CaseReplied,
    CaseResolved,
    FeedbackPlanned,
    QuestionAsked,
    Room,
)
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain import tickets
from services.kernel.domain.directory import Language
from services.kernel.domain.naming import Names
from services.notify.adapters.book_file import RULES, TEMPLATES, load_book
from services.notify.core.book import Book, Rule
from tests.daytime import write_daytime_book

FIRST_TICKET = 4_000_000
"""Far from what other tests file: they share the topic, though not the store."""
PATIENCE_MINUTES = 60
"""How long a channel's receipt is waited for: longer than all lives together are ahead of the clock."""
UNREGISTERED = "citizen_callback"
"""The text of one message in some: no provider has approved it, so that every channel refuses it."""
FEEDBACK_EVERY = 10
# district: a service, its department, who carries SMS there
DISTRICTS = {
    "janjgir-champa": ("hand-pump", "phe", "sms"),
    "sakti": ("bijli-gul", "bijli", "kannel"),
}
WEB_EVERY = 2
"""One case in so many is filed on the web, where SMS is the first channel and WhatsApp the second."""


@dataclass(frozen=True)
class Owed:
    """One message that is owed. `id`: notify's key of it. `providers`: of its channels in order, as the
    stand-ins call them. `phone`: the last ten digits. `text`: the id of its text with DLT."""

    id: str
    ticket: str
    order: int
    event_id: str
    phone: str
    providers: tuple[str, str]
    text: str
    registered: bool
    announced: bool


@dataclass(frozen=True)
class Case:
    """`receipt`: its document. `events`: for the topic, in order; a message is owed for each."""

    receipt: dict[str, Any]
    events: tuple[Message, ...]
    owed: tuple[Owed, ...]


@dataclass
class Docket:
    """Makes cases by `book`."""

    book: Book
    settings: Settings
    made: int = 0
    _rules: dict[str, Rule] = field(init=False)
    _names: Names = field(init=False)

    def __post_init__(self) -> None:
        self._rules = {r.event: r for r in self.book.rules if r.audience == "citizen" and r.when is None}
        self._names = Names(self.settings.contact_secret.get_secret_value())

    def cases(self, messages: int) -> list[Case]:
        """So many cases that at least `messages` are owed for them."""
        made: list[Case] = []
        while sum(len(case.owed) for case in made) < messages:
            made.append(self._case(self.made))
            self.made += 1
        return made

    def _case(self, number: int) -> Case:
        ticket, phone = tickets.make(26, FIRST_TICKET + number), f"+917{number:09d}"
        district = list(DISTRICTS)[number % len(DISTRICTS)]
        service, department, sms = DISTRICTS[district]
        web = number // len(DISTRICTS) % WEB_EVERY == 0
        language: Language = "en" if number % 4 == 1 else "hi"
        key = new_data_key()
        about: dict[str, Any] = {"ticket": ticket, "district": district, "at": datetime.now(UTC)}
        filed = CaseFiled(
            **about,
            kind="complaint",
            channel="web" if web else "whatsapp",
            language=language,
            service=service,
            directory_version=1,
            has_phone=True,
            sealed=seal(Filing(text="made up", name="Made Up", phone=phone), key, ticket),
        )
        by = {"role": "officer"}
        placed = {"service": service, "department": department, "directory_version": 1}
        acts: list[Act] = [
            CaseAssigned(**about, **placed, by=by, state="assigned", reason="by the test"),
            QuestionAsked(**about, by=by, state="awaiting_citizen", question=1),
            CaseReplied(**about, by=by, state="awaiting_citizen"),
            CaseResolved(**about, by=by, state="resolved"),
        ]
        if number % FEEDBACK_EVERY == 0:
            acts.append(FeedbackPlanned(**about, by=by, state="resolved"))
        acts.append(CaseConfirmed(**about, by={"role": "citizen"}, state="closed"))
        announced = [announce(filed, "intake", 1)]
        announced += [announce(act, "case", n) for n, act in enumerate(acts, start=1)]
        providers = (sms, "whatsapp") if web else ("whatsapp", sms)
        events: list[CaseEvent] = [filed, *acts]
        return Case(
            receipt={
                "_id": ticket,
                "channel": filed.channel,
                "client": "chaos",
                "key": ticket,
                "wrapped_key": self.settings.keys.wrap(key, ticket),
                "received_at": filed.at,
                "event": to_entry(announced[0]),
            },
            events=tuple(_message(one) for one in announced),
            owed=tuple(
                self._owed(one, event, order, phone, language, providers)
                for order, (one, event) in enumerate(zip(announced, events, strict=True))
            ),
        )

    def _owed(
        self,
        announced: Announced,
        event: CaseEvent,
        order: int,
        phone: str,
        language: Language,
        providers: tuple[str, str],
    ) -> Owed:
        rule = self._rules[event.TYPE]
        event_id = str(announced.id)
        return Owed(
            id=f"{event_id}:{self._names.phone(phone)}",
            ticket=event.ticket,
            order=order,
            event_id=event_id,
            phone=phone[-10:],
            providers=providers,
            text=self.book.templates[rule.template].wordings["sms", language].registered,
            registered=rule.template != UNREGISTERED,
            announced=rule.announced,
        )


def _message(announced: Announced) -> Message:
    room: Room = announced.id.room
    return announced.message(COMPLAINTS, f"/samvad/{room}")


def portions(cases: Sequence[Case], count: int) -> list[list[Message]]:
    """The events in `count` portions: each but the last begins some cases, each but the first goes on with
    those of the one before it. So most of a case's messages wait for one another."""
    size = -(-len(cases) // (count - 1))
    slices = [cases[i * size : (i + 1) * size] for i in range(count - 1)]
    return [
        [
            *(event for case in begun for event in case.events[:3]),
            *(event for case in gone_on for event in case.events[3:]),
        ]
        for begun, gone_on in zip([*slices, []], [[], *slices], strict=True)
    ]


def write_book(folder: Path) -> Book:
    """A book by which nothing is held back and nothing overtaken: what is owed must be sent."""
    path = write_daytime_book(folder) / RULES
    rules = yaml.safe_load(path.read_text(encoding="utf-8"))
    for rule in rules["rules"]:
        rule.pop("stale", None)
        rule.pop("answered_by", None)  # nobody talks here: who filed by WhatsApp is told by notify
    del rules["groups"]
    for wait in rules["waits"].values():
        wait["receipt_minutes"] = PATIENCE_MINUTES
    path.write_text(yaml.safe_dump(rules, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_book(folder)


def write_register(folder: Path) -> Path:
    """What the providers have approved: the book's texts but for one."""
    path = write_daytime_book(folder) / TEMPLATES
    texts = yaml.safe_load(path.read_text(encoding="utf-8"))
    del texts["templates"][UNREGISTERED]
    path.write_text(yaml.safe_dump(texts, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder
