"""An attack on a line: what was sent, where it lies, and what should have become of it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import murmur2

from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.room_store import FOLLOWS
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import EventId, Undecodable
from services.kernel.contracts.events import EVENTS, Room
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain import tickets
from services.notify.adapters.book_file import DATA, load_book
from services.routing.adapters.room import CaseRoom
from services.sla.core.follow import USED
from tests.e2e import hostile
from tests.e2e.client import Line, until
from tests.e2e.hostile import Hostile
from tests.e2e.raw_kafka import RawProducer
from tests.e2e.test_line import PUMP

READS: Mapping[str, frozenset[str]] = {
    "routing": frozenset(CaseRoom.uses),
    "sla": frozenset(model.TYPE for model in USED),
    "notify": frozenset(load_book(DATA).events),
}
"""The types whose values each consumer decodes."""
ROOM_OF: Mapping[str, Room] = {"routing": "case", "sla": "sla", "notify": "notices"}
WORKERS = tuple(READS)
PARTITIONS = TOPICS[COMPLAINTS].partitions
SEED = 20260105
BATCH_BYTES = 900_000
TOLD = 3
"""Messages about a new case: to the citizen twice, to the officer once."""


@dataclass(frozen=True)
class Item:
    """A record on its way, with those who are to set it aside: by its `ticket`, or by its place."""

    topic: str
    partition: int
    record: Hostile
    aside_by: Collection[str] = ()
    ticket: str | None = None
    held: bool = False


@dataclass
class Attack:
    """What came of it. `aside`: (consumer, key) → whether it is held, not rejected; `found_aside`: → why it
    is parked, None where it is held; `rejected_places`: (consumer, topic, partition, offset).

    `strays`: tickets of filings that can be read and have no receipt; `later`: the documents of `before`
    after it; `uncommitted`: by consumer, what lies on the topic beyond its committed offsets.
    """

    sent: int = 0
    aside: dict[tuple[str, str], bool] = field(default_factory=dict)
    found_aside: dict[tuple[str, str], str | None] = field(default_factory=dict)
    rejected_places: set[tuple[str, str, int, int]] = field(default_factory=set)
    strays: set[str] = field(default_factory=set)
    before: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    later: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    filed_after: list[str] = field(default_factory=list)
    pids: dict[str, int | None] = field(default_factory=dict)
    uncommitted: dict[str, int] = field(default_factory=dict)


class Attacker:
    """Files cases and sends hostile records to a stack, noting what is to be expected of them."""

    def __init__(self, stack: Stack) -> None:
        self.attack = Attack()
        self._stack = stack
        self._kafka = stack.settings["SAMVAD_KAFKA"]
        self._numbers = itertools.count(8_000_000)
        self._items: list[Item] = []

    async def __aenter__(self) -> Self:
        self.at = Line(self._stack)
        self._raw = await RawProducer(self._kafka).__aenter__()
        self._database = mongo.connect(self._stack.settings["SAMVAD_MONGO"], "samvad")
        self.cases = self._database["cases"]
        self.parked = self._database["parked"]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        mongo.close(self._database)
        await self._raw.__aexit__(kind, error, trace)
        await self.at.http.aclose()

    # ------------------------------------------------------------------ the people

    async def begin(self) -> None:
        """Cases on every partition, routed, timed and told, as they are before the attack."""
        filed = await self.file_everywhere()
        self.attack.before = await self._documents(filed)
        self.attack.pids = {name: self._stack.pid(name) for name in WORKERS}

    async def end(self) -> None:
        """Cases on every partition again, and what can be seen when everything was handled."""
        attack = self.attack
        attack.filed_after = await self.file_everywhere()
        await self._committed()
        attack.later = await self._documents(attack.before)
        async for found in self.parked.find({}):
            attack.found_aside[found["consumer"], found["key"]] = found["reason"]

    async def file_everywhere(self) -> list[str]:
        """File until every partition has a case; wait until all are routed, timed and told."""
        filed: list[str] = []
        while {partition_of(ticket) for ticket in filed} != set(range(PARTITIONS)):
            filed.append((await self.at.filed(**PUMP))["ticket"])

        async def done() -> bool:
            ready = await self.cases.count_documents(
                {
                    "_id": {"$in": filed},
                    "case.officer": {"$ne": None},
                    "sla.deadline": {"$ne": None},
                    "sla.seen.case": 1,
                    "notices.seen.case": 1,
                }
            )
            if ready < len(filed):
                return False
            said = [str(message) for message in await self.at.messages("")]
            return all(sum(ticket in one for one in said) >= TOLD for ticket in filed)

        await until(done, "every new case to be routed, timed and told")
        return filed

    async def _documents(self, of: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """Without what is only on its way to Kafka."""
        found = await self.cases.find({"_id": {"$in": list(of)}}).to_list(None)
        for document in found:
            for room in ("case", "sla", "notices"):
                document[room].pop("outbox", None)
                document[room].pop("unsent_since", None)
        return {document["_id"]: document for document in found}

    async def acknowledge(self, ticket: str) -> httpx.Response:
        """As the officer who has the case."""
        case = await self.at.case(ticket, self.at.token("collector"))
        assert case is not None
        officer = self.at.token("officer", case["officer"])
        return await self.at.act(
            ticket, officer, action="acknowledge", expected_version=case["version"]
        )

    # ------------------------------------------------------------------ the records

    def unnumbered(self) -> None:
        """Everything that is of no case, and the barest of it on every partition."""
        turn = itertools.cycle(range(PARTITIONS))
        odd = [*hostile.unnumbered(self._ticket()), *hostile.garbage(SEED, 60)]
        everywhere = [(partition, Hostile("nothing")) for partition in range(PARTITIONS)]
        for partition, record in [*everywhere, *((next(turn), record) for record in odd)]:
            self._items.append(Item(COMPLAINTS, partition, record, WORKERS))

    def broken(self) -> None:
        """Every broken value of a filing and of an assignment, and one for each other type."""
        values = hostile.broken_values(hostile.numbered(hostile.FILED, self._ticket()))
        count = len(list(values))
        for number, type_ in enumerate(sorted(t for t, model in EVENTS.items() if model.ROOMS)):
            thorough = type_ in (hostile.FILED, hostile.ASSIGNED)
            for which in range(count) if thorough else [number % count]:
                ticket = self._ticket()
                head = hostile.numbered(type_, ticket)
                record = list(hostile.broken_values(head))[which]
                room = EVENTS[type_].ROOMS[0]
                readers = [
                    name for name in WORKERS if type_ in READS[name] and room in FOLLOWS[ROOM_OF[name]]
                ]
                self._of_a_case(ticket, record, readers)

    def odd_but_good(self) -> None:
        for which in range(len(list(hostile.odd_but_good(self._ticket())))):
            ticket = self._ticket()
            self._of_a_case(ticket, list(hostile.odd_but_good(ticket))[which], ())

    def before_filed(self) -> None:
        for which in range(len(list(hostile.before_filed(self._ticket())))):
            ticket = self._ticket()
            record, stuck = list(hostile.before_filed(ticket))[which]
            self._of_a_case(ticket, record, stuck)

    def never_complete(self) -> None:
        for which in range(len(list(hostile.never_complete(self._ticket())))):
            ticket = self._ticket()
            record = list(hostile.never_complete(ticket))[which]
            self._of_a_case(ticket, record, WORKERS, held=True)

    def against_what_is_there(self) -> None:
        """Told again otherwise, and numbers far ahead: of every third case that is there."""
        for ticket in sorted(self.attack.before)[::3]:
            document = self.attack.before[ticket]
            last = {room: document[room]["n"] for room in ("case", "sla", "notices")}
            for record in (*hostile.told_again(ticket, last), *hostile.far_ahead(ticket, last)):
                self._items.append(Item(COMPLAINTS, partition_of(ticket), record))

    def filed_twice(self) -> None:
        """The next number of the intake, which has one: of some cases that are there."""
        for ticket in sorted(self.attack.before)[1::3][:3]:
            record = hostile.well_formed("filed a second time", hostile.filed(ticket), n=2)
            self._of_a_case(ticket, record, WORKERS)

    def on_topics_without_consumers(self) -> None:
        """Every other topic, on all partitions: nobody of the line reads them so far."""
        for topic in TOPICS.values():
            if topic.name == COMPLAINTS:
                continue
            for partition in range(topic.partitions):
                records = [*hostile.unnumbered(self._ticket()), *hostile.garbage(SEED + partition, 5)]
                for record in records[partition::3]:
                    # a compacted topic takes no record without a key
                    if record.key is not None or topic.cleanup == "delete":
                        self._items.append(Item(topic.name, partition, record))

    def _of_a_case(
        self, ticket: str, record: Hostile, aside_by: Collection[str], held: bool = False
    ) -> None:
        self._items.append(
            Item(COMPLAINTS, partition_of(ticket), record, aside_by, ticket, held)
        )

    def _ticket(self) -> str:
        """One that no citizen was given."""
        return tickets.make(26, next(self._numbers))

    # ------------------------------------------------------------------ on the topic

    async def send(self) -> None:
        """All of it, in the order in which it was thought of on each partition."""
        waiting: dict[tuple[str, int], list[Item]] = defaultdict(list)
        for item in self._items:
            batch = waiting[item.topic, item.partition]
            if sum(one.record.size for one in batch) + item.record.size > BATCH_BYTES:
                await self._flush(waiting.pop((item.topic, item.partition), []))
            waiting[item.topic, item.partition].append(item)
        for batch in waiting.values():
            await self._flush(batch)

    async def compressed(self) -> None:
        """One record by each of Kafka's codecs: whoever sends it chooses."""
        for name, codec in {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}.items():
            record = Hostile(f"compressed by {name}", b"k", b"v" * 2000)
            await self._flush([Item(COMPLAINTS, codec, record, WORKERS)], codec)

    async def forge(self, ticket: str, record: Hostile, aside_by: Collection[str]) -> None:
        """Send one record of a case that is there."""
        await self._flush([Item(COMPLAINTS, partition_of(ticket), record, aside_by, ticket)])

    async def _flush(self, batch: list[Item], codec: int = 0) -> None:
        if not batch:
            return
        topic, partition = batch[0].topic, batch[0].partition
        first = await self._raw.send(topic, partition, [item.record for item in batch], codec)
        self.attack.sent += len(batch)
        for offset, item in enumerate(batch, start=first):
            self._note(item, offset)

    def _note(self, item: Item, offset: int) -> None:
        key = item.ticket or f"{item.topic}/{item.partition}/{offset}"
        for consumer in item.aside_by:
            self.attack.aside[consumer, key] = item.held
            if not item.held:
                place = (consumer, item.topic, item.partition, offset)
                self.attack.rejected_places.add(place)
        filed = _filed_ticket(item.record) if item.topic == COMPLAINTS else None
        if filed is not None and filed not in self.attack.before:
            self.attack.strays.add(filed)

    async def _committed(self) -> None:
        """Wait until every consumer has committed all that lies on the topic."""
        partitions = [TopicPartition(COMPLAINTS, number) for number in range(PARTITIONS)]
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka)

        async def all_committed() -> bool:
            ends = await consumer.end_offsets(partitions)
            for name in WORKERS:
                done = await admin.list_consumer_group_offsets(f"samvad-{name}")
                self.attack.uncommitted[name] = sum(
                    ends[tp] - max(0, done[tp].offset if tp in done else 0) for tp in partitions
                )
            return not any(self.attack.uncommitted.values())

        try:
            await admin.start()
            await consumer.start()
            await until(all_committed, "every consumer to have committed everything")
        finally:
            await consumer.stop()
            await admin.close()


def partition_of(ticket: str) -> int:
    return int((murmur2(ticket.encode()) & 0x7FFFFFFF) % PARTITIONS)


def _filed_ticket(record: Hostile) -> str | None:
    """The ticket of a record that calls itself a filing, read as the audit reads it."""
    headers: dict[str, bytes] = {}
    for name, value in record.headers:
        headers.setdefault(name, value or b"")
    if headers.get("ce_type") != hostile.FILED.encode():
        return None
    try:
        return EventId.parse(headers.get("ce_id", b"").decode()).ticket
    except (UnicodeDecodeError, Undecodable):
        return None
