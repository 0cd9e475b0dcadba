"""What the crowd asked for and was answered. The line is judged by this alone, not by its own word."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

SHOWN = 300


@dataclass
class Filing:
    """One citizen's wish, however often it was sent under its key. `tickets`: all that he was told."""

    key: str
    district: str
    phone: str
    body: dict[str, Any]
    tickets: set[str] = field(default_factory=set)
    status_url: str = ""

    @property
    def ticket(self) -> str:
        """The one ticket. Raises ValueError where there is none or more than one."""
        (ticket,) = self.tickets
        return ticket


@dataclass
class Deed:
    """One act, however often it was sent under its key. `versions`: the outcomes that were told, empty
    where the answer tells none (the citizen's page)."""

    key: str
    ticket: str
    action: str
    role: str
    accepted: int = 0
    versions: set[int] = field(default_factory=set)


@dataclass
class Logbook:
    """`broken`: connections that broke, by kind. `unavailable`: 503 with Retry-After. `repeated`: requests
    sent again for either. `twice`: requests pressed twice at once. `faults`: what no answer may be."""

    filings: dict[str, Filing] = field(default_factory=dict)
    deeds: dict[str, Deed] = field(default_factory=dict)
    sent: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    unavailable: int = 0
    repeated: int = 0
    twice: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, what: str, status: int, text: str) -> None:
        self.faults.append(f"{what}: {status} {text[:SHOWN]}")

    def deeds_of(self, ticket: str) -> list[Deed]:
        """What was done with a case, in the order in which it was first asked for."""
        return [deed for deed in self.deeds.values() if deed.ticket == ticket]

    @property
    def tickets(self) -> set[str]:
        return {ticket for filing in self.filings.values() for ticket in filing.tickets}
