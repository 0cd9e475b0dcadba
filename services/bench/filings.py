"""Cases filed in bulk by the intake's own code, their events kept back for a benchmark to publish."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
from pydantic import SecretStr

from services.bench import people
from services.cli.stack import Stack
from services.intake.filing import Filer
from services.intake.web.models import read_case
from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.leases import TicketLease
from services.kernel.adapters.receipts import Receipts
from services.kernel.adapters.settings import DEVELOPMENT_MASTER_KEY, Settings
from services.kernel.contracts.codec import Message
from services.kernel.contracts.envelope import MasterKeys

TOGETHER = 400


class _KeptBack:
    """Stands where the publisher does."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def publish(self, messages: Sequence[Message]) -> None:
        self.messages.extend(messages)


async def publish_all(publisher: Publisher, messages: Sequence[Message]) -> None:
    """As many at once as a worker takes."""
    for start in range(0, len(messages), 500):
        await publisher.publish(messages[start : start + 500])


async def file_in_bulk(
    stack: Stack, database: mongo.Database, first: int, count: int
) -> list[Message]:
    """Receipts of `count` cases in the store, as if published; the records that say `filed`."""
    kept = _KeptBack()
    clock = system_clock()
    receipts = Receipts(database, kept, clock)
    receipts.start()
    filer = Filer(
        DirectoryStore(database), receipts, TicketLease(database), master_keys(), clock
    )
    numbers = iter(range(first, first + count))

    async def one_after_another() -> None:
        for number in numbers:
            application = read_case(orjson.loads(people.filing(number)), people.DISTRICT)
            await filer.file(application, channel="web", client="bench", key=f"bench-{number}")

    await asyncio.gather(*(one_after_another() for _ in range(TOGETHER)))
    await receipts.stop()
    assert len(kept.messages) == count
    return kept.messages


def master_keys() -> MasterKeys:
    """Those of a stack with development secrets."""
    return Settings(master_keys=SecretStr(DEVELOPMENT_MASTER_KEY)).keys
