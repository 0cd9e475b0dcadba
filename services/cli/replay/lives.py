"""Cases as a partition of the topic has them, and their clocks worked out again. Knows no store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.kernel.contracts.codec import EventId, Received, Record, Undecodable, decode, receive
from services.kernel.contracts.events import (
    EVENTS,
    CaseEvent,
    CaseFiled,
    Clock,
    Event,
    SlaLapsed,
    SlaRecalculated,
)
from services.kernel.domain.errors import Unknown
from services.kernel.domain.timer import Rules, Timer
from services.sla.core.catching_up import ROOMS, Told
from services.sla.core.follow import USED
from services.sla.core.replay import lived

USES: Mapping[str, type[Event]] = {
    model.TYPE: model
    for model in EVENTS.values()
    if model in USED or "sla" in model.ROOMS
}
Version = tuple[str, int]


@dataclass
class Recorded:
    """A case's records, raw, each number of a room once; of types that the clock does not use none."""

    records: dict[EventId, Received] = field(default_factory=dict)


@dataclass(frozen=True)
class Life:
    """A clock worked out again. `recorded`: what the living clock had announced, in order, stamped before
    the end; `announced`: what it must have."""

    ticket: str
    timer: Timer
    rules: Rules
    announced: tuple[CaseEvent, ...]
    recorded: tuple[CaseEvent, ...]


@dataclass(frozen=True)
class Fault:
    """A case that cannot be worked out, and why."""

    ticket: str
    why: str


class Partition:
    """What a partition has, by case. Values are read when a case is folded."""

    def __init__(self, only: Collection[str] | None = None) -> None:
        """`only`: these tickets; None: all."""
        self._only = None if only is None else set(only)
        self._cases: dict[str, Recorded] = {}
        self.foreign = 0

    def __len__(self) -> int:
        return len(self._cases)

    def take(self, record: Record) -> None:
        try:
            received = receive(record)
        except Undecodable:
            self.foreign += 1
            return
        if self._only is not None and received.id.ticket not in self._only:
            return
        case = self._cases.setdefault(received.id.ticket, Recorded())
        if received.type in USES:
            case.records.setdefault(received.id, received)

    def versions(self) -> set[Version]:
        """The directory versions by which its cases count."""
        found: set[Version] = set()
        for case in self._cases.values():
            for event in _events(case, (CaseFiled.TYPE, SlaRecalculated.TYPE)):
                if isinstance(event, (CaseFiled, SlaRecalculated)):
                    found.add((event.district, event.directory_version))
        return found

    def lives(self, rules: Mapping[Version, Rules], until: datetime) -> Iterator[Life | Fault]:
        """Every case that was filed by `until`, one after the other."""
        for ticket, case in self._cases.items():
            life = _life(ticket, case, rules, until)
            if life is not None:
                yield life


def _life(
    ticket: str, case: Recorded, rules: Mapping[Version, Rules], until: datetime
) -> Life | Fault | None:
    filing: CaseFiled | None = None
    told: list[Told] = []
    recalculated: list[SlaRecalculated] = []
    recorded: dict[int, CaseEvent] = {}
    try:
        for received in case.records.values():
            event = decode(received, USES).event
            if isinstance(event, CaseFiled):
                filing = event
            elif isinstance(event, CaseEvent) and received.id.room in ROOMS:
                told.append(Told(received.id.room, received.id.n, event))
            elif isinstance(event, (Clock, SlaLapsed, SlaRecalculated)):
                recorded[received.id.n] = event
                if isinstance(event, SlaRecalculated):
                    recalculated.append(event)
    except Undecodable as error:
        return Fault(ticket, f"undecodable: {error}")
    if filing is None:
        return Fault(ticket, "nothing says that it was filed")
    if filing.at > until:
        return None
    district = filing.district

    def rules_at(version: int) -> Rules:
        found = rules.get((district, version))
        if found is None:
            raise Unknown(f"no version {version} of {district}")
        return found

    try:
        timer, announced = lived(filing, told, recalculated, rules_at, until)
    except Unknown as error:
        return Fault(ticket, error.reason)
    said = tuple(
        event for _, event in sorted(recorded.items()) if _before(event, until)
    )
    return Life(ticket, timer, rules_at(timer.directory_version), announced, said)


def _before(event: CaseEvent, until: datetime) -> bool:
    """A rung fires when now > its instant; a recalculation is known at its own."""
    return event.at <= until if isinstance(event, SlaRecalculated) else event.at < until


def _events(case: Recorded, kinds: Iterable[str]) -> Iterator[Event | None]:
    wanted = set(kinds)
    for received in case.records.values():
        if received.type in wanted:
            try:
                yield decode(received, USES).event
            except Undecodable:
                continue


def rows_of(events: Iterable[CaseEvent]) -> list[dict[str, object]]:
    """Events of a clock as rows to be compared and stored: everything but the district and the ticket."""
    return [
        {"type": event.TYPE, **event.model_dump(exclude={"ticket", "district"})} for event in events
    ]
