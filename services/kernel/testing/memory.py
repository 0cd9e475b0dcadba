"""In-memory stand-ins for the broker, the store and the clock, for fast tests of what lies above them.

They keep the rules that matter: guarded writes lose as the real ones do, and everything can be made to
fail. One suite runs against these and against the real adapters (tests/integration/kernel).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.kernel.adapters.guard import key_of
from services.kernel.adapters.room_store import FOLLOWS, Draft, guard_of, to_draft
from services.kernel.contracts.codec import Message, Record
from services.kernel.contracts.envelope import new_data_key, seal
from services.kernel.contracts.events import Model, Room, Sealed
from services.kernel.domain.errors import Unavailable


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime(2026, 1, 5, 4, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


class MemoryBroker:
    """Topics of one partition a key, in memory. `down` makes it refuse; `lose_next_answer` publishes and
    then says that it does not know."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.down = False
        self.lose_next_answer = False

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.down:
            raise Unavailable("Kafka")
        self.messages.extend(messages)
        if self.lose_next_answer:
            self.lose_next_answer = False
            raise Unavailable("Kafka")

    def records(self, topic: str, start: int = 0) -> list[Record]:
        """What a consumer of `topic` would take from position `start`."""
        of_topic = [message for message in self.messages if message.topic == topic]
        return [
            Record(topic, 0, offset, message.key, message.headers, message.value)
            for offset, message in enumerate(of_topic)
            if offset >= start
        ]


class MemoryCases:
    """The collection `cases`: documents by ticket. `down` makes every use refuse."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.down = False


class MemoryRooms:
    """A room of `MemoryCases`, with the rules of `adapters/room_store.py`."""

    def __init__(self, cases: MemoryCases, room: Room, reads: Sequence[str] = ()) -> None:
        self.room = room
        self._cases = cases
        self._reads = tuple(reads)

    async def read(self, tickets: Sequence[str]) -> dict[str, Draft]:
        return {ticket: self._read(ticket) for ticket in tickets}

    def _read(self, ticket: str) -> Draft:
        document = self._documents().get(ticket)
        if document is None:
            return to_draft(self.room, ticket, None)
        read: dict[str, Any] = {"_id": ticket}
        for path in (self.room, *self._reads):  # nothing else is seen, as with a projection
            _copy(document, read, path.split("."))
        return to_draft(self.room, ticket, read)

    async def due(
        self, buckets: Sequence[int], now: datetime, limit: int
    ) -> tuple[list[Draft], datetime | None]:
        rooms = [
            (doc[self.room]["next_at"], ticket)
            for ticket, doc in self._documents().items()
            if (doc.get(self.room) or {}).get("next_at") is not None
            and doc[self.room]["bucket"] in buckets
        ]
        due = sorted(ticket_at for ticket_at in rooms if ticket_at[0] < now)
        later = [at for at, _ in rooms if at >= now]  # whether or not they are ready then
        ready = [t for _, t in due if self._up_to_date(self._documents()[t])]
        return [self._read(t) for t in ready[:limit]], min(later, default=None)

    def _up_to_date(self, document: Mapping[str, Any]) -> bool:
        seen = document[self.room].get("seen", {})
        return all(
            (document.get(other) or {}).get("n", 0) == seen.get(other, 0)
            for other in FOLLOWS[self.room]
            if other != "intake"
        )

    async def write(self, drafts: Sequence[Draft]) -> set[int]:
        return {index for index, draft in enumerate(drafts) if not self._write(draft)}

    def _write(self, draft: Draft) -> bool:
        documents = self._documents()
        document = documents.get(draft.ticket)
        if document is None and draft.exists:
            return False
        guards = guard_of(self.room, draft)
        if document is not None and any(not _holds(document, *guard) for guard in guards.items()):
            return False
        room = {**_copied(draft.room), "n": draft.n, "seen": dict(draft.seen)}
        room["outbox"] = _copied(draft.outbox)
        if draft.unsent_since is not None:
            room["unsent_since"] = draft.unsent_since
        documents.setdefault(draft.ticket, {"_id": draft.ticket})[self.room] = room
        return True

    async def documents(self, tickets: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        documents = self._documents()
        return {ticket: _copied(documents[ticket]) for ticket in tickets if ticket in documents}

    async def unsent(self, before: datetime, limit: int) -> dict[str, list[Any]]:
        found = [
            (doc[self.room]["unsent_since"], ticket, list(doc[self.room]["outbox"]))
            for ticket, doc in self._documents().items()
            if (doc.get(self.room) or {}).get("unsent_since") is not None
            and doc[self.room]["unsent_since"] < before
        ]
        oldest = sorted(found, key=lambda one: one[:2])
        return {ticket: entries for _, ticket, entries in oldest[:limit]}

    async def trim(self, acknowledged: Sequence[tuple[str, int]]) -> None:
        for ticket, n in acknowledged:
            room = self._documents().get(ticket, {}).get(self.room)
            if room is None:
                continue
            room["outbox"] = [entry for entry in room["outbox"] if entry["n"] > n]
            if not room["outbox"]:
                room.pop("unsent_since", None)

    async def backlog(self) -> int:
        return sum("unsent_since" in (doc.get(self.room) or {}) for doc in self._documents().values())

    def _documents(self) -> dict[str, dict[str, Any]]:
        if self._cases.down:
            raise Unavailable("the store")
        return self._cases.documents


def _copied(value: Any) -> Any:
    """As if it had been to the store and back: nothing that can be changed is shared with the original."""
    if isinstance(value, dict):
        pairs = value.items()
        return {name: _copied(one) if isinstance(one, (dict, list)) else one for name, one in pairs}
    if isinstance(value, list):
        return [_copied(one) if isinstance(one, (dict, list)) else one for one in value]
    return value


def _copy(source: Mapping[str, Any], into: dict[str, Any], path: Sequence[str]) -> None:
    if not isinstance(source, Mapping) or path[0] not in source:
        return
    if len(path) == 1:
        into[path[0]] = _copied(source[path[0]])
    else:
        _copy(source[path[0]], into.setdefault(path[0], {}), path[1:])


def _holds(document: Mapping[str, Any], path: str, value: Any) -> bool:
    found: Any = document
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if value is None and (path.endswith(".n") or ".seen." in path):
        return not found
    return bool(found == value)


class MemoryParking:
    """Parked records by key, in order of arrival; keeps the dead letters beside."""

    def __init__(self) -> None:
        self.parked: dict[str, list[Record]] = {}
        self.reasons: list[tuple[Record, str]] = []
        self.drain: set[str] = set()

    async def parked_keys(self, keys: Sequence[str]) -> set[str]:
        return {key for key in keys if self.parked.get(key)}

    def forget(self) -> None:
        return None

    async def park(self, records: Sequence[tuple[Record, str | None]]) -> None:
        for record, reason in records:
            waiting = self.parked.setdefault(key_of(record), [])
            if record not in waiting:
                waiting.append(record)
                if reason is not None:
                    self.reasons.append((record, reason))

    async def keys_to_drain(self, partitions: Sequence[int]) -> list[str]:
        mine = {
            key: {record.offset for record in records if record.partition in partitions}
            for key, records in self.parked.items()
        }
        rejected = {key_of(record) for record, _ in self.reasons if self._is_parked(record)}
        return sorted(k for k, at in mine.items() if at and (k in self.drain or k not in rejected))

    def _is_parked(self, record: Record) -> bool:
        return record in self.parked.get(key_of(record), ())

    async def waiting(self, key: str) -> list[Record]:
        return sorted(self.parked.get(key, []), key=lambda record: record.offset)

    async def release(self, record: Record) -> None:
        waiting = self.parked[key_of(record)]
        waiting.remove(record)
        if not waiting:
            del self.parked[key_of(record)]
            self.drain.discard(key_of(record))

    async def keep(self, key: str, record: Record, reason: str) -> None:
        self.reasons.append((record, reason))
        self.drain.discard(key)


class MemoryVault:
    """Data keys in memory; `erase` forgets one."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}

    def new(self, ticket: str) -> bytes:
        return self.keys.setdefault(ticket, new_data_key())

    def erase(self, ticket: str) -> None:
        self.keys.pop(ticket, None)

    async def data_keys(self, tickets: Iterable[str]) -> Mapping[str, bytes]:
        return {ticket: self.keys[ticket] for ticket in tickets if ticket in self.keys}

    async def seal(self, content: Model, ticket: str) -> Sealed | None:
        key = self.keys.get(ticket)
        return seal(content, key, ticket) if key is not None else None
