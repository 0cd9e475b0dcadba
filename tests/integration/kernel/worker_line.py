"""A topic of its own, with real worker processes (`worker_process.py`) that share it as a group."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.kernel.adapters.kafka import Publisher, create_topics, read_whole
from services.kernel.contracts.codec import EventId, Message, Record

PARTITIONS = 4
NOTES = 4
PROJECT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("worker_process.py")
STEPS = ("taken", "half", "done")


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

    def last(self, words: str) -> str:
        """What followed `words` when they were said the last time; empty when they never were."""
        told = [line.removeprefix(words).strip() for line in self.said if line.startswith(words)]
        return told[-1] if told else ""

    def metric(self, sample: str) -> int:
        """`name{label values}`; 0 when it was never counted."""
        return int(self.last(f"metric {sample} ") or 0)

    def in_a_batch(self) -> bool:
        """The first half of a batch is written, the second is not."""
        steps = [line for line in self.said if line.startswith(STEPS)]
        return bool(steps) and steps[-1].startswith("half")

    def owns(self) -> int:
        """Of how many partitions it is the owner."""
        return int(self.last("owns") or 0)

    def lives(self) -> bool:
        return self.process.returncode is None

    async def ended(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), 30)
        await asyncio.gather(*self._readers)
        return code


class Line:
    """The topic, the group, and what became of the records."""

    def __init__(self, real: Any, publisher: Publisher, mongo_url: str, home: Path) -> None:
        self.real = real
        self.name = f"tally-{uuid.uuid4().hex[:8]}"
        self.topic = f"test.{self.name}"
        self.running: list[Running] = []
        self._publisher = publisher
        self._home = home
        self.settings = {
            "SAMVAD_KAFKA": real.kafka,
            "SAMVAD_MONGO": mongo_url,
            "SAMVAD_DATABASE": real.database.name,
            "SAMVAD_HOME": str(home),
        }

    async def start(self, *, batch: int = 30, **plan: Any) -> Running:
        """A worker; `plan`: see `worker_process.Plan`."""
        environment = {
            **os.environ,
            **self.settings,
            "SAMVAD_BATCH": str(batch),
            "SAMVAD_LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(PROJECT),
        }
        whole = {"name": self.name, "topic": self.topic, "go": str(self._home / "go"), **plan}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(SCRIPT), json.dumps(whole)),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.running.append(Running(process))
        return self.running[-1]

    def go(self) -> None:
        """Lets everyone go on who pauses."""
        (self._home / "go").touch()

    async def trouble(self, how: str, *events: str, **more: Any) -> None:
        """Makes `events` (`<ticket>/<room>/<n>`) go wrong; see `worker_process`."""
        await self.real.database["troubles"].insert_many(
            [{"_id": event, "how": how, **more} for event in events]
        )

    async def mend(self, *events: str) -> None:
        """The troubles of `events` are over, or all."""
        query = {"_id": {"$in": events}} if events else {}
        await self.real.database["troubles"].delete_many(query)

    async def send(self, records: Iterable[Record]) -> None:
        await self._publisher.publish(
            [Message(self.topic, r.key or b"", r.headers, r.value or b"") for r in records]
        )

    async def fill(self, cases: int, notes: int = NOTES) -> list[str]:
        """Every case filed and noted `notes` times, all mixed; returns the tickets."""
        tickets = [self.real.ticket() for _ in range(cases)]
        await self.file(tickets, notes)
        return tickets

    async def file(self, tickets: Sequence[str], notes: int = NOTES) -> None:
        records = [self.real.record(ticket, "intake", 1) for ticket in tickets]
        await self.send(records + self.noted(tickets, 1, notes))

    def noted(self, tickets: Sequence[str], first: int, last: int) -> list[Record]:
        """The notes `first` to `last` of every case, all mixed."""
        numbers = range(first, last + 1)
        return [self.real.record(ticket, "case", n) for n in numbers for ticket in tickets]

    async def logs(self, tickets: Sequence[str]) -> dict[str, list[str]]:
        cursor = self.real.database["cases"].find({"_id": {"$in": list(tickets)}})
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

    async def assert_nothing_unhandled_was_committed(self, tickets: Sequence[str]) -> None:
        applied = {entry for log in (await self.logs(tickets)).values() for entry in log}
        committed = await self.committed()
        async for record in read_whole(self.real.kafka, self.topic):
            if record.offset < committed[record.partition]:
                assert record.header("ce_id") in applied

    async def close(self) -> None:
        """Ends every process, also one that stands still; what they said is shown where a test failed."""
        for running in self.running:
            code = running.process.returncode
            if running.lives():
                running.process.send_signal(signal.SIGKILL)
            await running.ended()
            print(f"worker, exit code {code}:", *running.said[-40:], *running.errors[-40:], sep="\n  ")


@asynccontextmanager
async def opened(
    real: Any, publisher: Publisher, mongo_url: str, home: Path
) -> AsyncIterator[Line]:
    made = Line(real, publisher, mongo_url, home)
    await create_topics(real.kafka, {made.topic: (PARTITIONS, {})})
    try:
        yield made
    finally:
        await made.close()


def all_of(ticket: str, notes: int = NOTES) -> list[str]:
    return [f"{ticket}/intake/1", *(f"{ticket}/case/{n}" for n in range(1, notes + 1))]


def applied(line: Line, tickets: Sequence[str], notes: int = NOTES) -> Callable[[], Awaitable[bool]]:
    async def all_applied() -> bool:
        logs = await line.logs(tickets)
        return sum(map(len, logs.values())) >= (notes + 1) * len(tickets)

    return all_applied


def all_committed(line: Line) -> Callable[[], Awaitable[bool]]:
    async def committed() -> bool:
        return await line.committed() == await line.ends()

    return committed


async def exactly_once(line: Line, tickets: Sequence[str], notes: int = NOTES) -> None:
    """Every event was applied once and in order, and announced under one number, those in order too."""
    logs = await line.logs(tickets)
    assert logs == {ticket: all_of(ticket, notes) for ticket in tickets}
    told: dict[EventId, str] = {}
    highest: Counter[str] = Counter()
    for record in await line.real.records():
        one = EventId.parse(record.header("ce_id") or "")
        if one.room != "notices" or one.ticket not in logs:
            continue
        assert one.n <= highest[one.ticket] + 1, f"{one} came before its predecessor"
        highest[one.ticket] = max(highest[one.ticket], one.n)
        about = orjson.loads(record.value or b"")["about"]
        assert told.setdefault(one, about) == about, f"{one} was said of two events"
    assert highest == Counter(dict.fromkeys(tickets, notes + 1))
    # as many events as numbers: none was announced twice under two
    assert Counter(told.values()) == Counter(e for t in tickets for e in all_of(t, notes))
