"""notify without its senders: it plans messages and sends none. Run as a process; says `ready`.

What is measured ends with the planned message, as it does for the bare loops.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from services.kernel.adapters import mongo
from services.kernel.adapters.choices import load_choices
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.faust_worker import Worker
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.process import background, run
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.topics import COMPLAINTS
from services.notify.adapters.book_file import load_book
from services.notify.app import SERVICE, build


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    clock = system_clock()
    database = mongo.connect(settings.mongo, settings.database, retry_writes=False)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=SERVICE)
    stack.push_async_callback(publisher.stop)
    notify = build(settings, database, publisher, {}, load_book(), load_choices(), clock)
    guard = Guard(SERVICE, notify.consumer, Parking(SERVICE, database, publisher, clock))
    worker = Worker(SERVICE, COMPLAINTS, guard, settings)
    await worker.start(stack, stopping)

    async def tell() -> None:
        while not await worker.assigned():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        print("ready", flush=True)
        await stopping.wait()

    background(stack, tell(), stopping)


if __name__ == "__main__":
    run(SERVICE, _main)
