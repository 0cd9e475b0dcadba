"""The process `intake-web`: wires the web intake to the store, Kafka and the clock."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from services.intake.cases import MongoReceipts, StoredCases
from services.intake.web.api import Parts, build
from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.http import Informs
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.leases import TicketLease
from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.adapters.periodic import every
from services.kernel.adapters.process import background, run, serve
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.adapters.receipts import Receipts
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.vault import Vault
from services.kernel.domain import danger

NAME = "intake-web"
SWEEP_SECONDS = 1.0
LOOK_AT_KAFKA_SECONDS = 5.0


def main() -> None:
    run(NAME, _main)


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    clock = system_clock(settings.clock_offset)
    database = mongo.connect(settings.mongo, settings.database)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=NAME)
    stack.push_async_callback(publisher.stop)
    receipts = Receipts(database, publisher, clock)
    receipts.start()
    stack.push_async_callback(receipts.stop)
    vault = Vault(database[RECEIPTS], settings.keys)
    rooms = MongoRooms(database[CASES], "case", READS)
    outbox = Outbox("case", publisher)
    store = CaseStore(rooms, outbox, vault, clock)
    sweeper = Sweeper(rooms, outbox)
    store.start()
    stack.push_async_callback(store.stop)

    async def look_at_kafka() -> None:
        # a connection is also begun by this, so the first case needs not wait for it
        metrics.DEPENDENCY_UP.labels("kafka").set(await publisher.ping())

    async def sweep_cases() -> None:
        await sweeper.round(clock(), settings.sweep_after)

    async def sweep_receipts() -> None:
        await receipts.sweep(settings.sweep_after)

    background(stack, every(LOOK_AT_KAFKA_SECONDS, "kafka", look_at_kafka), stopping)
    background(stack, every(SWEEP_SECONDS, "receipts", sweep_receipts), stopping)
    background(stack, every(SWEEP_SECONDS, "case-outbox", sweep_cases), stopping)
    app, shelf = build(
        Parts(
            directories=DirectoryStore(database),
            receipts=receipts,
            numbers=TicketLease(database),
            cases=StoredCases(store, MongoReceipts(database[RECEIPTS])),
            keys=settings.keys,
            clock=clock,
            district=settings.default_district,
            link_secret=settings.link_secret.get_secret_value(),
            public_url=settings.public_url,
        ),
        # Ready means: a citizen who comes now gets a receipt. That needs the store alone; while Kafka
        # is away receipts are kept and published later, and to take this process out of service then
        # would turn citizens away for nothing. Kafka's state is told all the same.
        {"mongo": lambda: mongo.ping(database), "kafka": Informs(publisher.ping)},
    )
    danger.find("")  # its word list is read once; not while the first citizen waits
    await shelf.warm(settings.default_district)
    await serve(stack, app, settings.host, settings.intake_web_port, stopping)
