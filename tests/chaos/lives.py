"""The clock's lives while rungs fall due: each is killed with -9 as soon as it has fired something that none
before it had, and the next is started at once, with a clock that goes on from there.

Cases are filed at instants to come, evenly over stretches of time, one stretch for each life and one for the
last: so whenever a life begins, a whole stretch is due, and more falls due while it fires.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.group import LeaveGroupRequest
from structlog.testing import capture_logs

from services.bench.filings import master_keys
from services.cli.stack import Stack
from services.intake.filing import Filer
from services.intake.web.models import read_case
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.leases import TicketLease
from services.kernel.adapters.receipts import Receipts
from services.kernel.contracts.codec import EventId, Undecodable
from services.kernel.contracts.topics import COMPLAINTS
from tests.chaos.clock_events import DISTRICT
from tests.chaos.moved_clock import ahead

GROUP = "samvad-sla"
TOGETHER = 100
FIRES_SECONDS = 60.0
"""What a life may take to be up and fire."""


@dataclass(frozen=True)
class Filed:
    ticket: str
    service: str
    at: datetime


async def file_at(
    stack: Stack, database: mongo.Database, service: str, instants: Sequence[datetime]
) -> list[Filed]:
    """A case for each instant, filed by the intake's own code with a clock that shows it."""
    publisher = Publisher(stack.settings["SAMVAD_KAFKA"], client_id="filings")
    await publisher.start()
    receipts = Receipts(database, publisher, lambda: datetime.now(UTC))
    receipts.start()
    directory, numbers = DirectoryStore(database), TicketLease(database)
    application = read_case(
        {
            "kind": "complaint",
            "service": service,
            "text": "पंजीयन के बाद भी बुलाया नहीं गया।",
            "place": {"block": "mungeli-block", "village": "jarhagaon"},
            "citizen": {"name": "सुखराम"},
        },
        DISTRICT,
    )
    left = iter(instants)
    filed: list[Filed] = []

    async def one_after_another() -> None:
        shown = datetime.now(UTC)
        filer = Filer(directory, receipts, numbers, master_keys(), lambda: shown)
        for instant in left:
            shown = instant
            done = await filer.file(application, channel="web", client="chaos", key=None)
            filed.append(Filed(done.ticket, service, done.received_at))

    try:
        with capture_logs():  # a line for each case would bury the figures
            await asyncio.gather(*(one_after_another() for _ in range(TOGETHER)))
    finally:
        await receipts.stop()
        await publisher.stop()
    return filed


class Lives:
    """One life after another over `filed`."""

    def __init__(
        self, stack: Stack, database: mongo.Database, tail: Any, filed: Sequence[Filed]
    ) -> None:
        """`tail` hears the topic of cases from before the first life on."""
        self._stack = stack
        self._cases = database[CASES]
        self._tail = tail
        self._tickets = [one.ticket for one in filed]
        self._offset = 0
        self.fired = dict.fromkeys(self._tickets, 0)
        """How many events each clock had claimed when the last life ended."""

    @property
    def total(self) -> int:
        return sum(self.fired.values())

    def offset(self, shows: datetime) -> int:
        """By how many seconds a clock is to be ahead that shows this instant now; it never goes back."""
        seconds = (shows - datetime.now(UTC)).total_seconds()
        self._offset = max(self._offset, math.ceil(seconds))
        return self._offset

    async def live(self, shows: datetime) -> int:
        """A life that begins at `shows` and ends in the middle of firing; how many events it claimed."""
        with ahead(self._stack, self.offset(shows), ready=False) as clock:
            async with asyncio.timeout(FIRES_SECONDS):
                await self._fires()
            clock.kill()
            clock.wait()
        await forget_the_dead(self._stack.settings["SAMVAD_KAFKA"], GROUP)
        before = self.total
        found = self._cases.find({"_id": {"$in": self._tickets}}, {"sla.n": 1})
        self.fired = {case["_id"]: case["sla"]["n"] async for case in found}
        return self.total - before

    async def _fires(self) -> None:
        """Wait for an event that no life before has claimed: what the dead left unsent is none."""
        async for record in self._tail:
            header = dict(record.headers).get("ce_id", b"").decode("utf-8", "replace")
            try:
                event_id = EventId.parse(header)
            except Undecodable:
                continue
            claimed = self.fired.get(event_id.ticket)
            if event_id.room == "sla" and claimed is not None and event_id.n > claimed:
                return


def evenly(first: datetime, over: timedelta, count: int) -> list[datetime]:
    """Whole milliseconds: the store keeps no more."""
    step = over / timedelta(milliseconds=1) / count
    return [first + timedelta(milliseconds=int(number * step)) for number in range(count)]


@asynccontextmanager
async def tail_of(kafka: str) -> AsyncIterator[Any]:
    """Hears what comes on the topic of cases from now on."""
    consumer = AIOKafkaConsumer(COMPLAINTS, bootstrap_servers=kafka, auto_offset_reset="latest")
    await consumer.start()
    try:
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        yield consumer
    finally:
        await consumer.stop()


async def forget_the_dead(kafka: str, *groups: str) -> None:
    """Take a killed worker's place in its groups away, as Kafka does by itself after ten seconds."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    client = AIOKafkaClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await client.bootstrap()
        for group in groups:
            node = await admin.find_coordinator(group)
            (described,) = await admin.describe_consumer_groups([group], node)
            for found in described.groups:
                for member in found[5]:
                    await client.send(node, LeaveGroupRequest(group, member[0]))
    finally:
        await client.close()
        await admin.close()
