"""What may be on the topic of cases, as a model that is fed record by record. Pure.

It shares nothing with those who write but the contract and the lifecycle table. Numbers are judged first:
a record that comes before its predecessor waits for it, so that every other rule sees each room in the
order of its numbers, and one fault is blamed once. `_suspect` are the cases of which something is wrong
or not known: what is blamed on them must be sure.

What it cannot know: whether the last records of a room are missing, for the topic does not tell how many
there were; whether one wish was carried out as two acts, for the second has an instant and an envelope of
its own; whether the person who is named did it.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import NamedTuple

from services.cli.topic.findings import Fault, Findings, Kind, Tally
from services.cli.topic.life import DIGEST_BYTES, Blame, Life
from services.kernel.contracts.codec import ROOMS, EventId, Received, Record, Undecodable, receive
from services.kernel.contracts.events import EVENTS, Act, CaseFiled, Event, Room


class _Heard(NamedTuple):
    """A record without its bytes; `order`: the how manyth that was fed."""

    order: int
    digest: bytes
    event: Event | None


_Waiting = dict[tuple[Room, int], _Heard]


def check(records: Iterable[Record]) -> Findings:
    """What a whole recording comes to."""
    model = TopicModel()
    for record in records:
        model.feed(record)
    return model.findings()


class TopicModel:
    """Feed it the records of a topic, each partition in its order; ask for the findings at any time.

    Records of different partitions may come in any order of their own.
    """

    def __init__(self) -> None:
        self._lives: dict[str, Life] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._doubts: dict[str, list[Fault]] = {}
        self._turns: dict[str, list[Fault]] = {}
        self._suspect: set[str] = set()
        self._tally = Tally()
        self._records = self._repeated = self._foreign = 0

    def feed(self, record: Record) -> None:
        self._records += 1
        try:
            received = receive(record, EVENTS)
        except Undecodable:
            if not self._filed_again(record):
                self._foreign += 1
            return
        event_id = received.id
        ticket, room, n = event_id.ticket, event_id.room, event_id.n
        life = self._lives.get(ticket)
        if life is None:
            life = self._lives[ticket] = Life(record.partition)
        elif life.partition != record.partition and not life.split:
            life.split = True
            where = f"in partition {record.partition}, the case in {life.partition}"
            self._blame("disordered", event_id, where)
            self._turns.pop(ticket, None)  # of two partitions it is not known what came first
        heard = _Heard(self._records, _digest(received), received.event)
        if before := self._digest_of(life, event_id):
            self._again(event_id, heard, before)
        elif n == life.heard(room) + 1 and (room == "intake" or life.intake):
            self._apply(life, event_id, heard)
            if ticket in self._waiting:
                self._catch_up(life, event_id)
        else:
            self._waiting.setdefault(ticket, {})[room, n] = heard

    def _filed_again(self, record: Record) -> bool:
        """Whether it would file a case that is filed: no consumer takes it, and it should not be there."""
        try:
            received = receive(record)
        except Undecodable:
            return False
        if received.type != CaseFiled.TYPE or received.id.room != "intake" or received.id.n == 1:
            return False
        self._blame("doubled", received.id, "filed a second time")
        return True

    def findings(self) -> Findings:
        """As things stand. What still waits for its predecessor is judged as if that never came."""
        tally = self._tally.copy()
        for turns in self._turns.values():
            for fault in turns:
                tally.add(fault)
        for ticket, waiting in self._waiting.items():
            self._close(ticket, copy(self._lives[ticket]), waiting, tally)
        for ticket, doubts in self._doubts.items():
            if ticket not in self._suspect and ticket not in self._waiting:
                for fault in doubts:
                    tally.add(fault)
        return Findings(
            records=self._records,
            cases=len(self._lives),
            repeated=self._repeated,
            foreign=self._foreign,
            lost=tally.counts["lost"],
            disordered=tally.counts["disordered"],
            doubled=tally.counts["doubled"],
            illegal=tally.counts["illegal"],
            faults=tuple(tally.faults),
        )

    def _apply(self, life: Life, event_id: EventId, heard: _Heard) -> None:
        if heard.event is None:
            self._suspect.add(event_id.ticket)
        blame = _judge(life, event_id, heard)
        if blame is not None and blame.sure:
            self._blame(blame.kind, event_id, blame.why)
        elif blame is not None:
            fault = _fault(blame.kind, event_id, blame.why)
            self._doubts.setdefault(event_id.ticket, []).append(fault)

    def _blame(self, kind: Kind, event_id: EventId, why: str) -> None:
        self._suspect.add(event_id.ticket)
        self._tally.add(_fault(kind, event_id, why))

    def _again(self, event_id: EventId, heard: _Heard, before: bytes) -> None:
        if heard.digest == before:
            self._repeated += 1
        else:
            self._blame("doubled", event_id, "came before with another content")

    def _digest_of(self, life: Life, event_id: EventId) -> bytes:
        """What the number was known by when it first came; empty if it has not."""
        if digest := life.digest(event_id.room, event_id.n):
            return digest
        if waiting := self._waiting.get(event_id.ticket):
            heard = waiting.get((event_id.room, event_id.n))
            return heard.digest if heard is not None else b""
        return b""

    def _catch_up(self, life: Life, event_id: EventId) -> None:
        """`event_id` has just come: what waited for it follows."""
        ticket, waiting = event_id.ticket, self._waiting[event_id.ticket]
        is_first = (event_id.room, event_id.n) == ("intake", 1)
        if is_first and any(room != "intake" for room, _ in waiting):
            self._out_of_turn(life, event_id, "came after what follows from it")
        for room in ROOMS:
            before = self._records if room == event_id.room else 0
            while (heard := waiting.pop((room, life.heard(room) + 1), None)) is not None:
                next_id = EventId(ticket, room, life.heard(room) + 1)
                if heard.order < before:
                    self._out_of_turn(life, next_id, "came before its predecessor")
                before = heard.order
                self._apply(life, next_id, heard)
        if not waiting:
            del self._waiting[ticket]

    def _out_of_turn(self, life: Life, event_id: EventId, why: str) -> None:
        if not life.split:
            self._suspect.add(event_id.ticket)
            fault = _fault("disordered", event_id, why)
            self._turns.setdefault(event_id.ticket, []).append(fault)

    def _close(self, ticket: str, life: Life, waiting: _Waiting, tally: Tally) -> None:
        """The numbers that `waiting` waits for are lost; what comes after each is judged without it."""
        for room in ROOMS:
            expected = life.heard(room) + 1
            numbers = sorted(n for in_room, n in waiting if in_room == room)
            if room == "intake" and not life.intake and not numbers:
                tally.add(_fault("lost", EventId(ticket, room, 1), _never(1, 1)))
            for n in numbers:
                if n > expected:
                    lost = EventId(ticket, room, expected)
                    tally.add(_fault("lost", lost, _never(expected, n - 1)), n - expected)
                    life.forget(room)
                event_id = EventId(ticket, room, n)
                blame = _judge(life, event_id, waiting[room, n])
                if blame is not None and blame.sure:
                    tally.add(_fault(blame.kind, event_id, blame.why))
                expected = n + 1


def _judge(life: Life, event_id: EventId, heard: _Heard) -> Blame | None:
    is_image = life.hear(event_id.room, heard.digest)
    doubled = Blame("doubled", "the very image of an earlier one of its room")
    wordless = isinstance(heard.event, Act) and heard.event.sealed is None
    if is_image and not wordless:
        return doubled
    blame = life.follow(event_id.room, heard.event)
    # no two envelopes are alike, but two acts without words may be, done by one person in one millisecond
    return doubled if is_image and blame is not None and blame.sure else blame


def _digest(received: Received) -> bytes:
    """By which a record is known again: 64 bits of its type, time and value."""
    content = hash((received.type, received.time, received.record.value))
    return content.to_bytes(DIGEST_BYTES, "little", signed=True)


def _fault(kind: Kind, event_id: EventId, why: str) -> Fault:
    return Fault(kind, event_id.ticket, str(event_id), why)


def _never(first: int, last: int) -> str:
    return "never came" if first == last else f"numbers {first} to {last} never came"
