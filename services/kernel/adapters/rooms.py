"""Rooms of the case document: a batch of records folded into guarded writes.

    take → one find → fold each case's events in the pure core → one unordered bulk → the losers read
    again and folded again → outboxes published → (the worker commits the offsets)

Of two writers of a room one loses (see `room_store.py`), and a record that comes again finds itself
applied; its outbox is then published once more, since the first publisher may have died in between.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from services.kernel.adapters import metrics
from services.kernel.adapters.guard import Failure
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Outbox, to_entry
from services.kernel.adapters.room_store import FOLLOWS, Draft, RoomStore
from services.kernel.contracts.codec import Received, Undecodable, announce, decode, trace_id
from services.kernel.contracts.events import CaseEvent, Event, Room
from services.kernel.domain.errors import Reject, Retry, Unavailable

log = get_logger()
Fields = Mapping[str, Any]
Context = TypeVar("Context")

GAP_SECONDS = 60.0
MOST_GAPS = 10_000
ROUNDS = 8
"""How often losers are folded again before the batch is handed back as a retry."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an event or an act makes of a room: its fields, and the events that it announces.

    `fields` is the room whole, so that what is left out is taken away; None leaves it as it is. `guards`
    are fields of other rooms (dotted) with the values that were read: the write requires them unchanged
    (None: absent).
    """

    fields: Fields | None = None
    announces: Sequence[CaseEvent] = ()
    guards: Fields = field(default_factory=dict)


NO_CHANGE = Change()


def enter(draft: Draft, room: Room, change: Change, traceparent: str | None = None) -> None:
    """Carry `change` into the draft, its events numbered and in the outbox. All or nothing: it raises
    before it touches the draft (see `codec.announce`)."""
    entries = [
        to_entry(announce(event, room, draft.n + i, traceparent))
        for i, event in enumerate(change.announces, start=1)
    ]
    if change.fields is not None:
        draft.room = dict(change.fields)
    draft.guards.update(change.guards)
    draft.outbox.extend(entries)
    draft.n += len(entries)


class Core(Protocol[Context]):
    """What a service says of its room. `apply` is pure; `prepare` and `before_write` may wait.

    `prepare` reads what the batch needs beside the documents and may raise Retry. `before_write` writes
    what must be there before the room says so; it is called again when a write lost, so it must be
    idempotent. `after_write` is told of the drafts that were written and published.
    """

    room: Room
    uses: Mapping[str, type[Event]]

    async def prepare(
        self, drafts: Mapping[str, Draft], batch: Sequence[Received]
    ) -> Context: ...

    def apply(self, draft: Draft, received: Received, context: Context) -> Change: ...

    async def before_write(self, drafts: Sequence[Draft], context: Context) -> None: ...

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None: ...


class Gaps:
    """Events that came before their predecessor. A gap closes when the publisher sends both again; one
    that is open for long is an alarm."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._since: OrderedDict[tuple[str, Room], float] = OrderedDict()

    def found(self, received: Received) -> None:
        metrics.GAPS.labels(self._room).inc()
        log.warning(
            "room.gap",
            ticket=received.id.ticket,
            room=received.id.room,
            n=received.id.n,
            trace=trace_id(received.traceparent),
        )
        self._since.setdefault((received.id.ticket, received.id.room), time.monotonic())
        while len(self._since) > MOST_GAPS:
            self._since.popitem(last=False)

    def filled(self, received: Received) -> None:
        if self._since:
            self._since.pop((received.id.ticket, received.id.room), None)

    def measure(self) -> None:
        before = time.monotonic() - GAP_SECONDS
        late = sum(since < before for since in self._since.values())
        metrics.OPEN_GAPS.labels(self._room).set(late)


class RoomConsumer(Generic[Context]):
    """The guard's handler for a service that owns a room."""

    def __init__(self, core: Core[Context], rooms: RoomStore, outbox: Outbox) -> None:
        self.core = core
        self.follows = FOLLOWS[core.room]
        self.uses = core.uses
        self._rooms = rooms
        self._outbox = outbox
        self._gaps = Gaps(core.room)

    async def handle(self, batch: Sequence[Received]) -> list[Failure]:
        """Apply a batch. What comes back are the cases that failed, each with its first bad record."""
        self._gaps.measure()
        by_ticket: dict[str, list[Received]] = {}
        for received in batch:
            if received.id.room in self.follows:  # what was parked is not chosen by the guard
                by_ticket.setdefault(received.id.ticket, []).append(received)
        failures: dict[str, Failure] = {}
        todo = by_ticket
        for _ in range(ROUNDS):
            if not todo:
                return list(failures.values())
            todo = await self._round(todo, failures)
        raise Retry(f"room {self.core.room}: writes lost {ROUNDS} times")

    async def _round(
        self, todo: Mapping[str, list[Received]], failures: dict[str, Failure]
    ) -> dict[str, list[Received]]:
        drafts = await self._read(list(todo))
        fresh: dict[str, list[Received]] = {}
        for ticket, records in todo.items():
            failures.pop(ticket, None)
            fresh[ticket], failure = self._fresh(drafts[ticket], records)
            if failure is not None:
                failures[ticket] = failure
        flat = [received for records in fresh.values() for received in records]
        context = await self.core.prepare(drafts, flat)
        for ticket, records in fresh.items():
            failure = self._fold(drafts[ticket], records, context)
            if failure is not None:
                failures[ticket] = failure
        changed = [draft for draft in drafts.values() if draft.changed]
        await self.core.before_write(changed, context)
        lost = {changed[index].ticket for index in await self._rooms.write(changed)}
        kept = {t: d for t, d in drafts.items() if t not in lost and (d.changed or d.repeated)}
        await self._outbox.publish({t: d.outbox for t, d in kept.items() if d.outbox})
        written = [draft for draft in kept.values() if draft.changed]
        if written:
            self._tell(written, fresh)
            await self.core.after_write(written, flat)
        return {ticket: todo[ticket] for ticket in lost}

    def _tell(self, written: Sequence[Draft], records: Mapping[str, list[Received]]) -> None:
        """One line a case: what was applied and what it said, findable by ticket and by trace."""
        for draft in written:
            applied = [r for r in records[draft.ticket] if r.id.n <= draft.seen[r.id.room]]
            log.info(
                "room.written",
                room=self.core.room,
                ticket=draft.ticket,
                n=draft.n,
                applied=[received.type for received in applied],
                trace=trace_id(applied[-1].traceparent) if applied else None,
            )

    async def _read(self, tickets: list[str]) -> dict[str, Draft]:
        drafts = await self._rooms.read(tickets)
        for draft in drafts.values():
            draft.outbox = self._outbox.remaining(draft.ticket, draft.outbox)
        return drafts

    def _fresh(
        self, draft: Draft, records: list[Received]
    ) -> tuple[list[Received], Failure | None]:
        """The records that come next, decoded. What was applied, or comes before its predecessor, is
        told by its number alone: whatever its value holds, it can do the case no harm."""
        seen = dict(draft.seen)
        fresh: list[Received] = []
        for received in records:
            room = received.id.room
            if received.id.n <= seen[room]:
                draft.repeated = True
                continue
            if received.id.n > seen[room] + 1:
                # its predecessor was not acknowledged to its publisher, who will send both again
                self._gaps.found(received)
                continue
            try:
                fresh.append(decode(received, self.uses))
            except Undecodable as error:
                return fresh, Failure(received, f"undecodable: {error}", rejected=True)
            seen[room] = received.id.n
        return fresh, None

    def _fold(self, draft: Draft, records: list[Received], context: Context) -> Failure | None:
        for received in records:
            try:
                change = NO_CHANGE
                if received.event is not None:
                    change = self.core.apply(draft, received, context)
                enter(draft, self.core.room, change, received.traceparent)
            except Unavailable:
                raise
            except Retry as error:
                return Failure(received, str(error), lagging=True)
            except Reject as error:
                return Failure(received, error.reason, rejected=True)
            except Exception as error:
                log.exception(
                    "room.fault",
                    ticket=draft.ticket,
                    type=received.type,
                    trace=trace_id(received.traceparent),
                )
                return Failure(received, f"{type(error).__module__}.{type(error).__qualname__}")
            self._gaps.filled(received)
            draft.seen[received.id.room] = received.id.n
            draft.changed = True
        return None
