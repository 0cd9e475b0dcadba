"""A room's outbox: the events that it has announced and that Kafka is not yet known to have.

The entries lie in the case document beside the state they announce, written by the same atomic write.
Every publisher sends the whole remaining outbox in ascending n and trims only what it has itself seen
acknowledged, so that numbers arrive in order, perhaps repeated.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.room_store import Draft, RoomStore
from services.kernel.contracts.codec import Announced, EventId, Message
from services.kernel.contracts.events import Room
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.errors import Retry

log = get_logger()
REMEMBERED = 50_000


class Publishes(Protocol):
    async def publish(self, messages: Sequence[Message]) -> None: ...


def to_entry(announced: Announced) -> dict[str, Any]:
    return {
        "n": announced.id.n,
        "type": announced.type,
        "time": announced.time,
        "value": mongo.Binary(announced.value),
        "tp": announced.traceparent,
    }


def from_entry(ticket: str, room: Room, entry: Mapping[str, Any]) -> Announced:
    return Announced(
        id=EventId(ticket, room, entry["n"]),
        type=entry["type"],
        time=entry["time"],
        value=bytes(entry["value"]),
        traceparent=entry["tp"],
    )


class Outbox:
    """Publishes the outboxes of one room and remembers what Kafka acknowledged to this process."""

    def __init__(self, room: Room, publisher: Publishes) -> None:
        self.room = room
        self._publisher = publisher
        self._acknowledged: OrderedDict[str, int] = OrderedDict()

    def remaining(self, ticket: str, entries: Iterable[Mapping[str, Any]]) -> list[Any]:
        """`entries` without those that this process has seen acknowledged."""
        up_to = self._acknowledged.get(ticket, 0)
        return [entry for entry in entries if entry["n"] > up_to]

    async def publish(self, outboxes: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Publish each ticket's whole outbox, ascending. Raises Unavailable."""
        messages: list[Message] = []
        last: dict[str, int] = {}
        for ticket, entries in outboxes.items():
            for entry in sorted(entries, key=_number):
                announced = from_entry(ticket, self.room, entry)
                messages.append(announced.message(COMPLAINTS, f"/samvad/{self.room}"))
                last[ticket] = entry["n"]
        if not messages:
            return
        await self._publisher.publish(messages)
        metrics.PUBLISHED.labels(self.room).inc(len(messages))
        for ticket, n in last.items():
            self._acknowledged[ticket] = max(n, self._acknowledged.pop(ticket, 0))
        while len(self._acknowledged) > REMEMBERED:
            self._acknowledged.popitem(last=False)


async def tell(drafts: Sequence[Draft], rooms: RoomStore, outbox: Outbox) -> None:
    """Publish what was written, and trim it. Raises Unavailable."""
    told = [draft for draft in drafts if draft.outbox]
    await outbox.publish({draft.ticket: draft.outbox for draft in told})
    await rooms.trim([(draft.ticket, draft.outbox[-1]["n"]) for draft in told])


def _number(entry: Mapping[str, Any]) -> int:
    return int(entry["n"])


class Sweeper:
    """Publishes what acts and timers wrote and could not publish: rooms with `unsent_since`."""

    def __init__(self, rooms: RoomStore, outbox: Outbox) -> None:
        self._rooms = rooms
        self._outbox = outbox

    async def sweep(self, before: datetime, limit: int = 500) -> int:
        """Publish and trim rooms whose oldest unsent event is older than `before`; how many rooms."""
        found = await self._rooms.unsent(before, limit)
        try:
            await self._send(found)
        except Retry:
            raise
        except Exception:
            log.exception("outbox.fault", room=self._rooms.room, cases=len(found))
            await self._send_each(found)
        if found:
            metrics.SWEPT.labels(self._rooms.room).inc(len(found))
            log.info("outbox.swept", room=self._rooms.room, cases=len(found))
        return len(found)

    async def _send(self, outboxes: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        await self._outbox.publish({t: entries for t, entries in outboxes.items() if entries})
        await self._rooms.trim(
            [(t, max(map(_number, entries), default=0)) for t, entries in outboxes.items()]
        )

    async def _send_each(self, outboxes: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """One case that cannot be published stays in the backlog and does not hold up the others."""
        for ticket, entries in outboxes.items():
            try:
                await self._send({ticket: entries})
            except Retry:
                raise
            except Exception as error:
                log.error("outbox.stuck", ticket=ticket, why=type(error).__qualname__)

    async def round(self, now: datetime, after_seconds: float) -> None:
        """One turn for a periodic loop: sweep, and set the backlog gauge. Raises Unavailable."""
        await self.sweep(now - timedelta(seconds=after_seconds))
        metrics.OUTBOX_BACKLOG.labels(self._rooms.room).set(await self._rooms.backlog())
