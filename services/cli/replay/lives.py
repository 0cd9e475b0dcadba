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
    Room,
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
    """A case's records, raw, each number of a room once; of types that the clock does not use none.
    `last`: the highest number of each room, with its stamp, whatever its type."""

    records: dict[EventId, Received] = field(default_factory=dict)
    last: dict[Room, tuple[int, datetime]] = field(default_factory=dict)


@dataclass(frozen=True)
class Life:
    """A clock worked out again, as of `until`.

    `announced` is what it must have said, `recorded` what the living one has said, each stamped before
    `until`; both in order. `hindsight`: what must have been said where something that was done after `until`
    made more of it fall due (taken out of a merger, another service, a recalculation). `heard`: up to which
    number each room is taken into account, None where there is more that was stamped later; `said`: how
    much the living clock has said altogether.
    """

    ticket: str
    until: datetime
    timer: Timer
    rules: Rules
    announced: tuple[CaseEvent, ...]
    recorded: tuple[CaseEvent, ...]
    hindsight: tuple[CaseEvent, ...]
    heard: Mapping[Room, int] | None
    said: int


@dataclass(frozen=True)
class Fault:
    """A case that cannot be worked out, and why."""

    ticket: str
    why: str


@dataclass(frozen=True)
class _Case:
    """A case's events."""

    ticket: str
    filing: CaseFiled
    told: list[Told]
    recorded: list[CaseEvent]

    def lived(
        self, rules: Mapping[Version, Rules], until: datetime
    ) -> tuple[Timer, tuple[CaseEvent, ...]]:
        """Raises Unknown."""
        changes = [event for event in self.recorded if isinstance(event, SlaRecalculated)]
        return lived(self.filing, self.told, changes, lambda n: _rules(rules, self.filing, n), until)

    def last(self) -> datetime:
        """The latest stamp of all."""
        events = (self.filing, *(one.event for one in self.told), *self.recorded)
        return max(event.at for event in events)


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
        ticket, room, n = received.id.ticket, received.id.room, received.id.n
        if self._only is not None and ticket not in self._only:
            return
        case = self._cases.setdefault(ticket, Recorded())
        if room not in case.last or case.last[room][0] < n:
            case.last[room] = (n, received.time)
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
        for ticket, recorded in self._cases.items():
            life = _life(ticket, recorded, rules, until)
            if life is not None:
                yield life


def _life(
    ticket: str, recorded: Recorded, rules: Mapping[Version, Rules], until: datetime
) -> Life | Fault | None:
    try:
        case = _read(ticket, recorded)
        if case is None:
            return Fault(ticket, "nothing says that it was filed")
        if case.filing.at > until:
            return None
        timer, announced = case.lived(rules, until)
        said = tuple(event for event in case.recorded if _before(event, until))
        hindsight = announced
        if said != announced and (last := case.last()) > until:
            hindsight = tuple(e for e in case.lived(rules, last)[1] if _before(e, until))
    except Undecodable as error:
        return Fault(ticket, f"undecodable: {error}")
    except Unknown as error:
        return Fault(ticket, error.reason)
    return Life(
        ticket,
        until,
        timer,
        _rules(rules, case.filing, timer.directory_version),
        announced,
        said,
        hindsight,
        _heard(recorded, until),
        recorded.last.get("sla", (0, until))[0],
    )


def _read(ticket: str, recorded: Recorded) -> _Case | None:
    """Raises Undecodable."""
    filing: CaseFiled | None = None
    told: list[Told] = []
    said: dict[int, CaseEvent] = {}
    for received in recorded.records.values():
        event = decode(received, USES).event
        if isinstance(event, CaseFiled):
            filing = event
        elif isinstance(event, CaseEvent) and received.id.room in ROOMS:
            told.append(Told(received.id.room, received.id.n, event))
        elif isinstance(event, (Clock, SlaLapsed, SlaRecalculated)):
            said[received.id.n] = event
    if filing is None:
        return None
    return _Case(ticket, filing, told, [event for _, event in sorted(said.items())])


def _rules(rules: Mapping[Version, Rules], filing: CaseFiled, version: int) -> Rules:
    """Raises Unknown."""
    found = rules.get((filing.district, version))
    if found is None:
        raise Unknown(f"no version {version} of {filing.district}")
    return found


def _heard(recorded: Recorded, until: datetime) -> Mapping[Room, int] | None:
    last = {room: recorded.last.get(room, (0, until)) for room in ROOMS}
    if any(at > until for _, at in last.values()):
        return None
    return {room: n for room, (n, _) in last.items()}


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
