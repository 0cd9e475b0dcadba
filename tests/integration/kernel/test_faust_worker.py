"""The faust worker on real Kafka: killed, stopped, joined by another and fed with rubbish."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.kernel.adapters.kafka import Publisher, create_topics, read_whole
from services.kernel.contracts.codec import EventId, Message

PARTITIONS = 4
SCRIPT = Path(__file__).with_name("worker_process.py")


class Running:
    """A worker process, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.said)),
            asyncio.create_task(self._read(process.stderr, self.errors)),
        ]

    async def _read(self, stream: Any, into: list[str]) -> None:
        async for line in stream:
            into.append(line.decode().strip())

    def count(self, word: str) -> int:
        return sum(line.startswith(word) for line in self.said)

    def in_a_batch(self) -> bool:
        """The first half of a batch is written, the second is not."""
        steps = [line for line in self.said if not line.startswith("owns")]
        return bool(steps) and steps[-1].startswith("half")

    def owns(self) -> int:
        """Of how many partitions it is the owner."""
        told = [line.split()[1] for line in self.said if line.startswith("owns")]
        return int(told[-1]) if told else 0

    async def ended(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), 30)
        await asyncio.gather(*self._readers)
        return code


class Line:
    """A topic of its own with a worker group of its own."""

    def __init__(self, real: Any, publisher: Publisher, home: Path) -> None:
        self.real = real
        self.name = f"tally-{uuid.uuid4().hex[:8]}"
        self.topic = f"test.{self.name}"
        self.home = home
        self.running: list[Running] = []
        self._publisher = publisher

    async def start(self, seconds: float = 0.4, finish: float = 8.0, batch: int = 30) -> Running:
        environment = {
            **os.environ,
            "SAMVAD_KAFKA": self.real.kafka,
            "SAMVAD_MONGO": self.mongo_url,
            "SAMVAD_DATABASE": self.real.database.name,
            "SAMVAD_HOME": str(self.home),
            "SAMVAD_BATCH": str(batch),
            "SAMVAD_LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(Path(__file__).parents[3]),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(SCRIPT), self.name, self.topic, str(seconds), str(finish)),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.running.append(Running(process))
        return self.running[-1]

    async def fill(self, cases: int, notes: int = 4) -> list[str]:
        """Every case filed and noted `notes` times, all mixed; returns the tickets."""
        tickets = [self.real.ticket() for _ in range(cases)]
        records = [self.real.record(ticket, "intake", 1) for ticket in tickets]
        records += [
            self.real.record(ticket, "case", n) for n in range(1, notes + 1) for ticket in tickets
        ]
        await self._publisher.publish(
            [Message(self.topic, r.key or b"", r.headers, r.value or b"") for r in records]
        )
        return tickets

    async def logs(self, tickets: list[str]) -> dict[str, list[str]]:
        cursor = self.real.database["cases"].find({"_id": {"$in": tickets}})
        return {doc["_id"]: doc["notices"].get("log", []) async for doc in cursor}

    async def committed(self) -> dict[int, int]:
        """The group's committed offset of each partition."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.real.kafka,
            group_id=f"samvad-{self.name}",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            found = {
                p: await consumer.committed(TopicPartition(self.topic, p)) for p in range(PARTITIONS)
            }
        finally:
            await consumer.stop()
        return {partition: offset or 0 for partition, offset in found.items()}

    async def ends(self) -> dict[int, int]:
        counts: Counter[int] = Counter()
        async for record in read_whole(self.real.kafka, self.topic):
            counts[record.partition] += 1
        return {partition: counts[partition] for partition in range(PARTITIONS)}

    async def assert_nothing_unhandled_was_committed(self, tickets: list[str]) -> None:
        applied = {entry for log in (await self.logs(tickets)).values() for entry in log}
        committed = await self.committed()
        async for record in read_whole(self.real.kafka, self.topic):
            if record.offset < committed[record.partition]:
                assert record.header("ce_id") in applied


@pytest.fixture
async def line(
    real: Any, publisher: Publisher, mongo_url: str, tmp_path: Path
) -> AsyncIterator[Line]:
    made = Line(real, publisher, tmp_path)
    made.mongo_url = mongo_url
    await create_topics(real.kafka, {made.topic: (PARTITIONS, {})})
    yield made
    for running in made.running:
        if running.process.returncode is None:
            running.process.kill()
        await running.ended()


def all_of(ticket: str, notes: int = 4) -> list[str]:
    return [f"{ticket}/intake/1", *(f"{ticket}/case/{n}" for n in range(1, notes + 1))]


def applied(line: Line, tickets: list[str]) -> Callable[[], Any]:
    async def all_applied() -> bool:
        logs = await line.logs(tickets)
        return sum(map(len, logs.values())) >= 5 * len(tickets)

    return all_applied


def all_committed(line: Line) -> Callable[[], Any]:
    async def committed() -> bool:
        return await line.committed() == await line.ends()

    return committed


async def exactly_once(line: Line, tickets: list[str]) -> None:
    logs = await line.logs(tickets)
    assert logs == {ticket: all_of(ticket) for ticket in tickets}
    wanted = {f"{ticket}/notices/{n}" for ticket in tickets for n in range(1, 6)}
    highest: Counter[str] = Counter()
    for record in await line.real.records():
        if (name := record.header("ce_id")) in wanted:
            one = EventId.parse(name)
            assert one.n <= highest[one.ticket] + 1
            highest[one.ticket] = max(highest[one.ticket], one.n)
    assert set(highest.values()) == {5}
    assert len(highest) == len(tickets)


async def test_one_of_two_workers_is_killed_in_a_batch(line: Line, eventually: Any) -> None:
    tickets = await line.fill(25)
    first = await line.start()
    await eventually(lambda: first.count("done") >= 1, "the first worker to have done a batch")
    # the second joins while the first works: a rebalance in the middle of a batch
    second = await line.start(seconds=0.1)
    await eventually(lambda: (first.owns(), second.owns()) == (2, 2), "the partitions to be shared")
    tickets += await line.fill(25)
    await eventually(first.in_a_batch, "the first worker to be in a batch")
    first.process.send_signal(signal.SIGKILL)
    await first.ended()
    await eventually(applied(line, tickets), "the second worker to have done it all", 40)
    await eventually(all_committed(line), "the offsets to be committed")
    await exactly_once(line, tickets)


async def test_a_worker_is_stopped_in_a_batch_and_another_goes_on(line: Line, eventually: Any) -> None:
    tickets = await line.fill(40)
    first = await line.start()
    await eventually(lambda: first.count("done") >= 1, "a batch to be done")
    await eventually(first.in_a_batch, "the worker to be in a batch")
    first.process.send_signal(signal.SIGTERM)
    assert await first.ended() == 0
    # it finished what it had in hand, and committed no more than that
    assert first.count("done") == first.count("taken")
    await line.assert_nothing_unhandled_was_committed(tickets)
    await line.start(seconds=0.01)
    await eventually(applied(line, tickets), "the rest to be done")
    await exactly_once(line, tickets)


async def test_a_batch_that_does_not_end_ends_the_process_uncommitted(line: Line, eventually: Any) -> None:
    tickets = await line.fill(10)
    worker = await line.start(seconds=600.0, finish=0.2)
    await eventually(worker.in_a_batch, "the worker to hang in a batch")
    worker.process.send_signal(signal.SIGTERM)
    assert await worker.ended() == 70
    await line.assert_nothing_unhandled_was_committed(tickets)


async def test_rubbish_is_set_aside_and_the_worker_lives(line: Line, eventually: Any) -> None:
    odd = line.real.record(line.real.ticket(), "intake", 1)
    producer = AIOKafkaProducer(bootstrap_servers=line.real.kafka)
    await producer.start()
    rubbish: list[dict[str, Any]] = [
        {"key": None, "value": b""},
        {"key": b"t", "value": None},
        {"key": b"\xff\xfe", "value": b"\x00"},
        {"key": b"k", "value": b"{", "headers": [("ce_id", b"\xff")]},
        {"key": b"n", "value": b"v", "headers": [("ce_id", None)]},
        {"key": b"m", "value": b"v" * 900_000},
    ]
    try:
        for one in rubbish:
            await producer.send_and_wait(line.topic, **one)
        # an odd header beside good ones is no fault of the record
        await producer.send_and_wait(
            line.topic, odd.value, odd.key, headers=[*odd.headers, ("odd", None)]
        )
    finally:
        await producer.stop()
    tickets = await line.fill(5)
    worker = await line.start(seconds=0.0)
    await eventually(applied(line, tickets), "the good ones to be handled")
    await eventually(all_committed(line), "the offsets to be committed")
    await exactly_once(line, tickets)
    ticket = (odd.key or b"").decode()
    assert (await line.logs([ticket]))[ticket] == [f"{ticket}/intake/1"]
    parked = await line.real.database["parked"].find({"consumer": line.name}).to_list(None)
    assert len(parked) == len(rubbish)
    assert all(doc["reason"].startswith("undecodable") for doc in parked)
    assert worker.process.returncode is None
