"""The clock: arms and follows by events, fires by time. The composition root."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from fastapi import FastAPI

from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import DueLoop, buckets_of
from services.kernel.adapters.faust_worker import Worker
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.http import instrument
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.periodic import every
from services.kernel.adapters.process import background, run, serve
from services.kernel.adapters.recalculation import Recalculations
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.topics import COMPLAINTS
from services.sla.adapters.firing import AT_ONCE, Firing
from services.sla.adapters.gauges import Gauges
from services.sla.adapters.recalculating import READS as RECALCULATING_READS
from services.sla.adapters.recalculating import Recalculating
from services.sla.adapters.room import READS, SlaRoom

NAME = "sla"
SWEEP_EVERY_SECONDS = 1.0
MEASURE_EVERY_SECONDS = 15.0
RECALCULATE_EVERY_SECONDS = 2.0


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    clock = system_clock(settings.clock_offset)
    database = mongo.connect(settings.mongo, settings.database, retry_writes=False)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=NAME)
    stack.push_async_callback(publisher.stop)
    await publisher.start()
    rooms = MongoRooms(database[CASES], "sla", READS)
    outbox = Outbox("sla", publisher)
    directory = DirectoryStore(database)
    rules = RulesOf(directory)
    parking = Parking(NAME, database, publisher, clock)
    room = SlaRoom(rules)
    guard = Guard(NAME, RoomConsumer(room, rooms, outbox), parking)
    worker = Worker(NAME, COMPLAINTS, guard, settings)
    partition_count = TOPICS[COMPLAINTS].partitions
    loop = DueLoop(
        NAME,
        Firing(rooms, outbox, rules, parking),
        clock,
        lambda: buckets_of(worker.partitions(), partition_count),
        limit=AT_ONCE,
    )
    room.loop = loop
    sweeper = Sweeper(rooms, outbox)
    app = FastAPI(title="Samvad SLA clock", openapi_url=None)
    instrument(
        app,
        {
            "kafka": publisher.ping,
            "mongo": lambda: mongo.ping(database),
            "partitions": worker.assigned,
        },
    )
    await serve(stack, app, settings.host, settings.sla_port, stopping)
    await worker.start(stack, stopping)
    background(stack, loop.run(), stopping)
    recalculating = Recalculating(
        Recalculations(database),
        MongoRooms(database[CASES], "sla", RECALCULATING_READS),
        outbox,
        rules,
        parking,
        loop.wake,
    )
    background(
        stack,
        every(
            RECALCULATE_EVERY_SECONDS,
            "recalculate",
            lambda: recalculating.round(clock(), buckets_of(worker.partitions(), partition_count)),
        ),
        stopping,
    )
    background(
        stack,
        every(
            SWEEP_EVERY_SECONDS, "sweep", lambda: sweeper.round(clock(), settings.sweep_after)
        ),
        stopping,
    )
    gauges = Gauges(database[CASES], directory, rules)
    background(
        stack,
        every(
            MEASURE_EVERY_SECONDS,
            "measure",
            lambda: gauges.measure(clock(), buckets_of(worker.partitions(), partition_count)),
        ),
        stopping,
    )


def main() -> None:
    run(NAME, _main)
