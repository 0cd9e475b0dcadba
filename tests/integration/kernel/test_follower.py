"""Following a topic without cases, on real Kafka: nothing lost, poison aside, waiting for what is away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from services.kernel.adapters import kafka as kafka_adapter
from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.follower import Follower, Rejected
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.parking import COLLECTION, Parking
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Message, Record
from services.kernel.domain.errors import Unavailable


class Diary:
    """Writes down what it is handed. `poison` is refused, `faulty` raises, `away` is a dependency's."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.poison: set[str] = set()
        self.faulty: set[str] = set()
        self.away = False
        self.batches: list[int] = []

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]:
        if self.away:
            raise Unavailable("the store")
        words = [(record.value or b"").decode() for record in records]
        if self.faulty & set(words):
            raise RuntimeError("broken")
        self.batches.append(len(records))
        self.read += [word for word in words if word not in self.poison]
        return [(r, "poison") for r, word in zip(records, words, strict=True) if word in self.poison]


class Bench:
    def __init__(self, kafka: str, database: mongo.Database, topic: str) -> None:
        self.topic = topic
        self.name = f"follower-{topic}"
        self.settings = Settings(kafka=kafka)
        self.database = database
        self.publisher = Publisher(kafka, client_id="test")
        self.parking = Parking(self.name, database, self.publisher, system_clock(0))
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, diary: Diary) -> Follower:
        made = Follower(self.name, self.topic, diary, self.parking, self.settings)
        self.tasks.append(asyncio.create_task(made.run()))
        return made

    async def kill(self) -> None:
        """As a process ends: what was not committed comes again."""
        for task in self.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.tasks.clear()

    async def say(self, *words: str, key: bytes = b"k") -> None:
        await self.publisher.publish([Message(self.topic, key, (), w.encode()) for w in words])


@pytest.fixture
async def bench(kafka: str, database: mongo.Database) -> AsyncIterator[Bench]:
    topic = f"test-{uuid.uuid4().hex[:8]}"
    needed = {name: (topic_.partitions, topic_.configs) for name, topic_ in TOPICS.items()}
    await kafka_adapter.create_topics(kafka, {topic: (3, {}), **needed})
    made = Bench(kafka, database, topic)
    yield made
    await made.kill()
    await made.publisher.stop()


Eventually = Callable[..., Any]


async def test_in_order_and_committed(bench: Bench, eventually: Eventually) -> None:
    words = [f"w{n}" for n in range(200)]
    await bench.say(*words)
    diary = Diary()
    follower = bench.start(diary)
    await eventually(lambda: len(diary.read) == 200, "all is read")
    assert diary.read == words
    assert await follower.assigned()

    async def committed() -> bool:
        await bench.say("more")
        return "more" in diary.read

    await eventually(committed, "it goes on")
    await bench.kill()
    again = Diary()
    bench.start(again)
    await bench.say("last")
    await eventually(lambda: "last" in again.read, "the next process goes on")
    assert "w0" not in again.read


async def test_a_dependency_that_is_away(bench: Bench, eventually: Eventually) -> None:
    diary = Diary()
    diary.away = True
    bench.start(diary)
    await bench.say("one", "two")
    await eventually(lambda: bench.tasks[0].done() or not diary.read, "it waits")
    diary.away = False
    await bench.say("three")
    await eventually(lambda: len(diary.read) == 3, "all is read")
    assert diary.read == ["one", "two", "three"]


@pytest.mark.parametrize("how", ["poison", "faulty"])
async def test_poison_is_set_aside_and_can_be_requeued(
    bench: Bench, eventually: Eventually, how: str
) -> None:
    diary = Diary()
    getattr(diary, how).add("bad")
    bench.start(diary)
    await bench.say("a", "bad", "b")
    await eventually(lambda: {"a", "b"} <= set(diary.read), "the others are read")
    assert "bad" not in diary.read
    parked = bench.database[COLLECTION]

    async def aside() -> bool:
        return await parked.count_documents({"consumer": bench.name}) == 1

    await eventually(aside, "it is parked")
    getattr(diary, how).clear()
    await parked.update_many({"consumer": bench.name}, {"$set": {"drain": True}})
    await eventually(lambda: "bad" in diary.read, "it is handled")

    async def gone() -> bool:
        return await parked.count_documents({"consumer": bench.name}) == 0

    await eventually(gone, "it is released")


async def test_two_share_the_partitions(bench: Bench, eventually: Eventually) -> None:
    one, other = Diary(), Diary()
    first, second = bench.start(one), bench.start(other)

    async def both() -> bool:
        return bool(await first.assigned() and await second.assigned())

    await eventually(both, "both have partitions", seconds=40)
    for n in range(60):
        await bench.say(f"w{n}", key=str(n).encode())
    await eventually(lambda: len({*one.read, *other.read}) == 60, "all is read")
    assert one.read
    assert other.read
