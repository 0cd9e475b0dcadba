"""The clock on real MongoDB and Kafka, with a clock of the test's own: time passes by being set."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from services.kernel.adapters import case_document, mongo
from services.kernel.adapters.case_folding import to_event
from services.kernel.adapters.case_store import READS as CASE_READS
from services.kernel.adapters.case_store import CaseStore, Done
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import BUCKETS
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.kafka import Publisher, create_topics, read_whole
from services.kernel.adapters.outbox import Outbox, Publishes, Sweeper, to_entry
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Received, Record, announce, receive
from services.kernel.contracts.events import EVENTS, CaseFiled
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.case import Act, Case, perform
from services.kernel.domain.directory import District
from services.kernel.domain.people import Actor
from services.kernel.testing.memory import ManualClock, MemoryVault
from services.sla.adapters.firing import DueRooms, Firing
from services.sla.adapters.room import READS, SlaRoom
from services.sla.testing import filing, ist
from tests.conftest import sample, without_repeats

ALL = tuple(range(BUCKETS))


class Line:
    """What is filed and done goes through Kafka to the clock, when the test says so."""

    def __init__(
        self,
        database: mongo.Database,
        directory: DirectoryStore,
        publisher: Publisher,
        kafka: str,
        district: District,
    ) -> None:
        self.clock = ManualClock(ist("2026-03-02 10:00"))
        self.district = district
        self.publisher = publisher
        self.cases = database["cases"]
        self.rooms = MongoRooms(self.cases, "sla", READS)
        self.rules = RulesOf(directory)
        self.parking = Parking("sla", database, publisher, self.clock)
        self.guard = Guard(
            "sla",
            RoomConsumer(SlaRoom(self.rules), self.rooms, Outbox("sla", publisher)),
            self.parking,
        )
        self.firing = self.make_firing()
        self.case_rooms = MongoRooms(self.cases, "case", CASE_READS)
        self.case_outbox = Outbox("case", publisher)
        self.store = self.make_store(self.case_rooms)
        self._kafka = kafka
        self._tickets: set[str] = set()
        self.taken: set[tuple[int, int]] = set()

    def make_firing(
        self, rooms: DueRooms | None = None, publisher: Publishes | None = None
    ) -> Firing:
        """Another process of the clock, with an outbox memory of its own."""
        outbox = Outbox("sla", publisher or self.publisher)
        return Firing(rooms or self.rooms, outbox, self.rules, self.parking)

    def make_store(self, rooms: Any) -> CaseStore:
        return CaseStore(rooms, self.case_outbox, MemoryVault(), self.clock)

    async def file(self, service: str | None = "hand-pump", *, routed: bool = True, **more: Any) -> str:
        """A case filed now, and, when routed, with an office."""
        ticket = f"26{random.randrange(10**8):08d}"
        self._tickets.add(ticket)
        event = filing(self.district, self.clock(), service, ticket=ticket, **more)
        message = announce(event, "intake", 1).message(COMPLAINTS, "/samvad/intake")
        await self.publisher.publish([message])
        if routed:
            await self.route(event)
        return ticket

    async def route(self, filed: CaseFiled) -> None:
        case = Case(
            ticket=filed.ticket,
            district=filed.district,
            kind=filed.kind,
            channel=filed.channel,
            language=filed.language,
            priority=filed.priority,
            filed_at=filed.at,
            updated_at=filed.at,
            directory_version=1,
            service=filed.service,
        )
        data = {"department": "phe", "directory_version": 1, "reason": ""}
        act = Act("assign", Actor("routing", None, filed.district), data=data)
        case, fact = perform(case, act, n=1, at=filed.at)
        draft = (await self.case_rooms.read([filed.ticket]))[filed.ticket]
        draft.room = case_document.to_fields(case)
        draft.outbox = [to_entry(announce(to_event(case, fact, filed.at, None), "case", 1))]
        draft.n, draft.seen["intake"], draft.unsent_since = 1, 1, filed.at
        assert await self.case_rooms.write([draft]) == set()

    async def act(self, ticket: str, action: str, at: str | None = None, **data: Any) -> Done:
        """An officer's act, stored; Kafka has it with the next `deliver`."""
        if at is not None:
            self.clock.now = ist(at)
        role = data.pop("role", "officer")
        actor = Actor(role, "phe-1", self.district.id)
        return await self.store.act(ticket, Act(action, actor, data=data))

    async def deliver(self) -> None:
        """The clock catches up with everything that was filed and done."""
        await Sweeper(self.case_rooms, self.case_outbox).sweep(ist("2100-01-01 00:00"))
        new = [r for r in await self.records() if (r.partition, r.offset) not in self.taken]
        self.taken.update((r.partition, r.offset) for r in new)
        await self.guard.handle(new)

    async def look(
        self, at: str | None = None, limit: int = 500, firing: Firing | None = None
    ) -> tuple[int, datetime | None]:
        """The clock looks at what is due."""
        if at is not None:
            self.clock.now = ist(at)
        return await (firing or self.firing).fire(self.clock(), ALL, limit)

    async def records(self) -> list[Record]:
        """What Kafka has of this test's cases."""
        return [
            record
            async for record in read_whole(self._kafka, COMPLAINTS)
            if (record.key or b"").decode() in self._tickets
        ]

    async def told(self, ticket: str) -> list[Received]:
        """Every record of room `sla` that Kafka has of a case, repetitions included."""
        received = [receive(record, EVENTS) for record in await self.records()]
        return [one for one in received if (one.id.ticket, one.id.room) == (ticket, "sla")]

    async def room(self, ticket: str) -> dict[str, Any]:
        document = await self.cases.find_one({"_id": ticket})
        assert document is not None
        found: dict[str, Any] = document["sla"]
        return found


@pytest.fixture(scope="session")
def janjgir() -> District:
    return without_repeats(sample("janjgir-champa"))


@pytest.fixture
async def line(
    database: mongo.Database, directory: DirectoryStore, kafka: str, janjgir: District
) -> AsyncIterator[Line]:
    topics = {name: (topic.partitions, topic.configs) for name, topic in TOPICS.items()}
    await create_topics(kafka, topics)
    publisher = Publisher(kafka, client_id="test-sla")
    await publisher.start()
    yield Line(database, directory, publisher, kafka, janjgir)
    await publisher.stop()
