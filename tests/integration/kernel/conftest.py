"""One world twice: the stand-ins of `services/kernel/testing/memory.py`, and real MongoDB and Kafka.

A test that takes `world` runs in both, so that what fast tests rely on is what really happens.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from services.kernel.adapters import mongo
from services.kernel.adapters.case_folding import READS
from services.kernel.adapters.case_store import CaseStore
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.kafka import Publisher, create_topics, read_whole
from services.kernel.adapters.outbox import Outbox, Publishes, Sweeper
from services.kernel.adapters.parking import COLLECTION as PARKED
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.room_store import Draft, MongoRooms, RoomStore
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.vault import Vault
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import EventId, Message, Received, Record, announce, receive
from services.kernel.contracts.envelope import new_data_key
from services.kernel.contracts.events import (
    EVENTS,
    By,
    CaseEvent,
    CaseFiled,
    CaseNoted,
    Event,
    NoticeDelivered,
    Room,
    Sealed,
    SlaWarned,
)
from services.kernel.contracts.topics import COMPLAINTS, DEAD_LETTERS
from services.kernel.domain import tickets
from services.kernel.domain.errors import Unavailable
from services.kernel.testing.memory import (
    ManualClock,
    MemoryBroker,
    MemoryCases,
    MemoryParking,
    MemoryRooms,
    MemoryVault,
)
from tests.integration.kernel.cores import DISTRICT, Diary, Opening

NOTHING = Sealed(nonce="AA==", data="AA==")
LINE = {t: (TOPICS[t].partitions, TOPICS[t].configs) for t in (COMPLAINTS, DEAD_LETTERS)}
_sequence = itertools.count(int(datetime.now(UTC).timestamp() * 1000) % 4_000_000)
_offsets = itertools.count(1)


class Flaky:
    """A real publisher with the two troubles of `MemoryBroker`: down, and an answer that gets lost."""

    def __init__(self, publisher: Publishes) -> None:
        self._publisher = publisher
        self.down = False
        self.lose_next_answer = False

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.down:
            raise Unavailable("Kafka")
        await self._publisher.publish(messages)
        if self.lose_next_answer:
            self.lose_next_answer = False
            raise Unavailable("Kafka")


class Interrupted:
    """A room store in which something else happens just before the next write, or the next trim."""

    def __init__(self, rooms: RoomStore) -> None:
        self.inner = rooms
        self.room = rooms.room
        self.before_write: list[Callable[[], Awaitable[object]]] = []
        self.before_trim: list[Callable[[], Awaitable[object]]] = []
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def write(self, drafts: Sequence[Draft]) -> set[int]:
        self.writes += 1
        if self.before_write:
            await self.before_write.pop(0)()
        return await self.inner.write(drafts)

    async def trim(self, acknowledged: Sequence[tuple[str, int]]) -> None:
        if self.before_trim:
            await self.before_trim.pop(0)()
        await self.inner.trim(acknowledged)


class World:
    """What the delivery rules stand on. `name` is `memory` or `real`."""

    name: str
    publisher: Any
    vault: Any
    rooms: Callable[..., Any]
    parking: Callable[[str], Any]
    requeue: Callable[[str, str], Awaitable[None]]
    document: Callable[[str], Awaitable[Mapping[str, Any]]]
    new_key: Callable[[str], Awaitable[None]]
    records: Callable[[], Awaitable[list[Record]]]
    """The whole topic of complaints."""

    def __init__(self) -> None:
        self.clock = ManualClock()

    async def published(self, ticket: str, room: Room) -> list[int]:
        """The numbers of the room's events in the order of the topic."""
        ids = [EventId.parse(r.header("ce_id") or "") for r in await self.records()]
        return [one.n for one in ids if (one.ticket, one.room) == (ticket, room)]

    async def room(self, ticket: str, room: Room) -> dict[str, Any]:
        return dict((await self.document(ticket))[room])

    def ticket(self) -> str:
        return tickets.make(26, next(_sequence))

    def record(
        self, ticket: str, room: Room, n: int, event: str = "", partition: int = 0, **fields: Any
    ) -> Record:
        """A record as a consumer of partition 0 takes it; each stands behind the one made before."""
        made = self.event(ticket, room, event, **fields)
        message = announce(made, room, n).message(COMPLAINTS, f"/samvad/{room}")
        place = (message.topic, partition, next(_offsets))
        return Record(*place, message.key, message.headers, message.value)

    def event(self, ticket: str, room: Room, event: str = "", **fields: Any) -> CaseEvent:
        base = {"district": DISTRICT, "ticket": ticket, "at": self.clock(), **fields}
        by: dict[str, Any] = {"state": "assigned", "by": By(role="officer", id="o-1")}
        shapes: dict[Room, tuple[type[Event], dict[str, Any]]] = {
            "intake": (
                CaseFiled,
                {
                    "kind": "complaint",
                    "channel": "web",
                    "language": "hi",
                    "directory_version": 1,
                    "sealed": NOTHING,
                },
            ),
            "case": (CaseNoted, by),
            "sla": (
                SlaWarned,
                {"target": "resolve", "due_at": self.clock(), "percent": 75},
            ),
            "notices": (NoticeDelivered, {"about": "x", "audience": "citizen", "channel": "sms"}),
        }
        model, more = shapes[room]
        made = (EVENTS[event] if event else model).model_validate({**more, **base})
        assert isinstance(made, CaseEvent)
        return made

    def life(self, ticket: str) -> list[Record]:
        """Filed, then three acts, then a warning: five records of one case."""
        return [
            self.record(ticket, "intake", 1),
            *(self.record(ticket, "case", n) for n in (1, 2, 3)),
            self.record(ticket, "sla", 1),
        ]

    def received(self, records: Iterable[Record]) -> list[Received]:
        return [receive(record, Diary().uses) for record in records]

    def received_by_routing(self, records: Iterable[Record]) -> list[Received]:
        return [receive(record, Opening.uses) for record in records]

    def interrupted(self, room: Room, reads: Sequence[str] = ()) -> Interrupted:
        return Interrupted(self.rooms(room, reads))

    def diary(self, core: Diary | None = None, rooms: Any = None) -> RoomConsumer[None]:
        core = core or Diary()
        return RoomConsumer(core, rooms or self.rooms(core.room), Outbox(core.room, self.publisher))

    def routing(self, rooms: Any = None) -> RoomConsumer[None]:
        rooms = rooms or self.rooms("case", READS)
        return RoomConsumer(Opening(self.clock), rooms, Outbox("case", self.publisher))

    def cases(self, rooms: Any = None) -> CaseStore:
        outbox = Outbox("case", self.publisher)
        return CaseStore(rooms or self.rooms("case", READS), outbox, self.vault, self.clock)

    def sweeper(self, room: Room = "case", rooms: Any = None) -> Sweeper:
        return Sweeper(rooms or self.rooms(room), Outbox(room, self.publisher))

    def guard(self, consumer: str, handler: Any) -> Guard:
        async def at_once(seconds: float) -> None:
            return None

        return Guard(consumer, handler, self.parking(consumer), sleep=at_once)

    async def opened(self) -> str:
        """A case that was filed and assigned, its data key at hand."""
        ticket = self.ticket()
        await self.new_key(ticket)
        await self.routing().handle(self.received_by_routing([self.record(ticket, "intake", 1)]))
        return ticket

    async def set_fields(self, ticket: str, room: Room, **fields: Any) -> None:
        """The owner of `room` writes, as it always does: guarded, whatever stands there."""
        rooms = self.rooms(room)
        draft = (await rooms.read([ticket]))[ticket]
        draft.room.update(fields)
        assert await rooms.write([draft]) == set()


class Memory(World):
    name = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.publisher = MemoryBroker()
        self.store = MemoryCases()
        self._vault = MemoryVault()
        self._parkings: dict[str, MemoryParking] = {}

    def rooms(self, room: Room, reads: Sequence[str] = ()) -> MemoryRooms:
        return MemoryRooms(self.store, room, reads)

    def parking(self, consumer: str) -> MemoryParking:
        return self._parkings.setdefault(consumer, MemoryParking())

    async def requeue(self, consumer: str, key: str) -> None:
        self.parking(consumer).drain.add(key)

    async def document(self, ticket: str) -> Mapping[str, Any]:
        return self.store.documents[ticket]

    async def records(self) -> list[Record]:
        return self.publisher.records(COMPLAINTS)

    async def new_key(self, ticket: str) -> None:
        self._vault.new(ticket)

    @property
    def vault(self) -> MemoryVault:
        return self._vault


class Real(World):
    name = "real"

    def __init__(self, database: mongo.Database, publisher: Publisher, kafka: str) -> None:
        super().__init__()
        self.publisher = Flaky(publisher)
        self.database = database
        self.kafka = kafka
        self.keys = Settings(_env_file=None).keys  # type: ignore[call-arg]
        self._parkings: dict[str, Parking] = {}

    def rooms(self, room: Room, reads: Sequence[str] = ()) -> MongoRooms:
        return MongoRooms(self.database["cases"], room, reads)

    def parking(self, consumer: str) -> Parking:
        if consumer not in self._parkings:
            made = Parking(consumer, self.database, self.publisher, self.clock)
            self._parkings[consumer] = made
        return self._parkings[consumer]

    async def requeue(self, consumer: str, key: str) -> None:
        await self.database[PARKED].update_many(
            {"consumer": consumer, "key": key}, {"$set": {"drain": True}}
        )

    async def document(self, ticket: str) -> Mapping[str, Any]:
        found = await self.database["cases"].find_one({"_id": ticket})
        assert found is not None
        return found

    async def records(self) -> list[Record]:
        return [record async for record in read_whole(self.kafka, COMPLAINTS)]

    async def new_key(self, ticket: str) -> None:
        wrapped = self.keys.wrap(new_data_key(), ticket)
        await self.database["receipts"].insert_one(
            {"_id": ticket, "channel": "x", "client": "x", "key": ticket, "wrapped_key": wrapped}
        )

    @property
    def vault(self) -> Vault:
        return Vault(self.database["receipts"], self.keys)


@pytest.fixture(scope="session", autouse=True)
def _plain_log() -> None:
    """Faults are provoked here by the hundred; a drawn traceback with all locals each takes seconds."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


@pytest.fixture
async def topics(kafka: str) -> str:
    """The address of a Kafka that has the topics of the line."""
    await create_topics(kafka, LINE)
    return kafka


@pytest.fixture
async def publisher(topics: str) -> AsyncIterator[Publisher]:
    made = Publisher(topics, client_id="test")
    yield made
    await made.stop()


@pytest.fixture
async def real(database: mongo.Database, publisher: Publisher, topics: str) -> Real:
    """The real one alone, for what the stand-ins do not have."""
    return Real(database, publisher, topics)


@pytest.fixture(params=["memory", "real"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield Memory()
        return
    kafka = request.getfixturevalue("kafka")
    await create_topics(kafka, LINE)
    async with request.getfixturevalue("databases").one() as database:
        publisher = Publisher(kafka, client_id="test")
        yield Real(database, publisher, kafka)
        await publisher.stop()
