"""Who is told what, as values: rules, templates, wordings. `book_file.py` reads them from data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.kernel.domain.directory import Language

Audience = Literal["citizen", "officer", "holder"]
"""citizen: who filed. officer: whom the event names. holder: who holds the case when it happens."""
Channel = Literal["whatsapp", "sms"]
Condition = Literal["confidential", "danger", "urgent", "reopened"]

AUDIENCES: tuple[Audience, ...] = ("citizen", "officer", "holder")
CHANNELS: tuple[Channel, ...] = ("whatsapp", "sms")
CONDITIONS: tuple[Condition, ...] = ("confidential", "danger", "urgent", "reopened")


@dataclass(frozen=True)
class Wording:
    """A text with `{variables}`. `registered`: WhatsApp's template name, or the DLT template id."""

    text: str
    registered: str


@dataclass(frozen=True)
class Template:
    """One message in every channel and language; `variables` as WhatsApp's parameters are ordered."""

    id: str
    variables: tuple[str, ...]
    wordings: Mapping[tuple[Channel, Language], Wording]


@dataclass(frozen=True)
class Rule:
    """On `event`, `audience` is told `template`. Of an event's rules for an audience the first
    counts whose condition holds."""

    event: str
    audience: Audience
    template: str
    when: Condition | None = None


@dataclass(frozen=True)
class Route:
    """The channel of an audience, by the channel that the case was filed through."""

    otherwise: Channel
    filed_by: Mapping[str, Channel]

    def channel(self, filed_by: str) -> Channel:
        return self.filed_by.get(filed_by, self.otherwise)


@dataclass(frozen=True)
class Book:
    """The whole of the data. `longest`: UTF-16 units a variable may have; `words`: fixed words."""

    rules: tuple[Rule, ...]
    templates: Mapping[str, Template]
    routes: Mapping[Audience, Route]
    longest: Mapping[str, int]
    words: Mapping[str, Mapping[Language, str]]

    @property
    def events(self) -> frozenset[str]:
        """The types of event that anybody is told of."""
        return frozenset(rule.event for rule in self.rules)

    def rules_of(self, event: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.event == event)
