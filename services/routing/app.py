"""Routing: consumes what was filed, opens and places the case. The composition root."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from fastapi import FastAPI

from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.case_store import READS
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.faust_worker import Worker
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.http import instrument
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.process import run, serve
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.vault import Vault
from services.kernel.contracts.topics import COMPLAINTS
from services.routing.adapters.loads import OpenCases
from services.routing.adapters.room import CaseRoom
from services.routing.core.reasons import Reasons

NAME = "routing"


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    clock = system_clock(settings.clock_offset)
    database = mongo.connect(settings.mongo, settings.database, retry_writes=False)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=NAME)
    stack.push_async_callback(publisher.stop)
    await publisher.start()
    room = CaseRoom(
        DirectoryStore(database),
        Vault(database[RECEIPTS], settings.keys),
        OpenCases(database[CASES]),
        Reasons.load(),
        clock,
    )
    rooms = MongoRooms(database[CASES], "case", READS)
    handler = RoomConsumer(room, rooms, Outbox("case", publisher))
    guard = Guard(NAME, handler, Parking(NAME, database, publisher, clock))
    worker = Worker(NAME, COMPLAINTS, guard, settings)
    app = FastAPI(title="Samvad routing", openapi_url=None)
    instrument(
        app,
        {
            "kafka": publisher.ping,
            "mongo": lambda: mongo.ping(database),
            "partitions": worker.assigned,
        },
    )
    await serve(stack, app, settings.host, settings.routing_port, stopping)
    await worker.start(stack, stopping)


def main() -> None:
    run(NAME, _main)
