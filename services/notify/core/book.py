"""Who is told what, as values: rules, templates, wordings, channels and waits. `book_file.py` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Literal, get_args

from services.kernel.domain.directory import Language

Audience = Literal[
    "citizen", "co_complainants", "officer", "holder", "head", "sdm", "collector", "operator"
]
"""citizen: who filed. co_complainants: who filed the cases that were merged into this one. officer: whom
the event names. holder: who holds the case when it happens. head, sdm: of the case's department and of
its block; collector: of the district. operator: the call centre. Of an escalation head, sdm and collector
are whom the rung is for."""
Channel = Literal["whatsapp", "sms", "email"]
Condition = Literal["confidential", "danger", "urgent", "reopened"]
Intake = Literal["whatsapp", "phone", "web"]
"""How a citizen comes to us."""

AUDIENCES: tuple[Audience, ...] = get_args(Audience)
CITIZENS: tuple[Audience, ...] = ("citizen", "co_complainants")
CHANNELS: tuple[Channel, ...] = get_args(Channel)
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
INTAKES: tuple[Intake, ...] = get_args(Intake)


@dataclass(frozen=True)
class Wording:
    """A text with `{variables}`. `registered`: WhatsApp's template name, or the DLT template id; empty for
    e-mail, which alone has a `subject`."""

    text: str
    registered: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Button:
    """A reply that WhatsApp offers inside the 24 h window. `id` is what comes back, before the ticket."""

    id: str
    titles: Mapping[Language, str]


@dataclass(frozen=True)
class Template:
    """One message in every channel and language; `variables` as WhatsApp's parameters are ordered."""

    id: str
    variables: tuple[str, ...]
    wordings: Mapping[tuple[Channel, Language], Wording]
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True)
class Rule:
    """On `event`, `audience` is told `template`. Of an event's rules for an audience the first
    counts whose condition holds.

    `at_once`: an answer to what the person has just done, or danger: no quiet hours. `gathered`: with
    others of its kind in one summary. `stale`: types of event after which it is no news any more.
    `announced`: its delivery, or that it cannot be delivered, is an event of the case. `answered_by`:
    channels that have answered the person themselves when he did it there: he is told nothing more then.
    """

    event: str
    audience: Audience
    template: str
    when: Condition | None = None
    at_once: bool = False
    gathered: bool = False
    announced: bool = False
    stale: frozenset[str] = frozenset()
    answered_by: frozenset[Intake] = frozenset()


@dataclass(frozen=True)
class Quiet:
    """Local wall-clock times between which nobody is disturbed: from `start` to `end`, over midnight
    where `end` is earlier."""

    start: time
    end: time


@dataclass(frozen=True)
class Route:
    """The channels of an audience in their order, by the channel that the case was filed through."""

    otherwise: tuple[Channel, ...]
    filed_by: Mapping[str, tuple[Channel, ...]] = field(default_factory=dict)
    quiet: Quiet | None = None

    def channels(self, filed_by: str) -> tuple[Channel, ...]:
        return self.filed_by.get(filed_by, self.otherwise)


@dataclass(frozen=True)
class Waits:
    """How long a channel may take. `receipt`: without a receipt for so long (`urgent_receipt` for an urgent
    one), or not handed over for so long, the next channel is taken. `assumed`: what was accepted counts as
    delivered after it, where the provider gives no receipts; `receipt` where nothing else is said."""

    receipt: timedelta
    urgent_receipt: timedelta
    assumed: timedelta


@dataclass(frozen=True)
class Summary:
    """Several `gathered` messages to one person become one of `template`, every `every` of the clock."""

    template: str
    every: timedelta


@dataclass(frozen=True)
class Book:
    """The whole of the data. `longest`: UTF-16 units a variable may have; `words`: fixed words."""

    rules: tuple[Rule, ...]
    templates: Mapping[str, Template]
    routes: Mapping[Audience, Route]
    waits: Mapping[Channel, Waits]
    summary: Summary
    longest: Mapping[str, int]
    words: Mapping[str, Mapping[Language, str]]
    free: frozenset[str] = frozenset()
    """Templates of messages without a case, whose asker gives their values. A rule may use them too."""

    @property
    def events(self) -> frozenset[str]:
        """The types of event that anybody is told of, or that make a message no news."""
        return frozenset(rule.event for rule in self.rules).union(*(r.stale for r in self.rules))

    def rules_of(self, event: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.event == event)

    def stale_after(self, event: str) -> frozenset[tuple[str, Audience]]:
        """Of which events, told to whom, the messages are no news any more after `event`."""
        return frozenset((rule.event, rule.audience) for rule in self.rules if event in rule.stale)
