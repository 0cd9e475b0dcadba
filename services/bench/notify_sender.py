"""notify without its consumer: its senders, its settling and its gathering, each with its loop. Run as a
process; says `ready`:

    python -m services.bench.notify_sender URL SMS [RATE COUNT]

URL is the providers', SMS the path of the one for SMS. It sends what is due. With RATE it also lays COUNT
messages a provider from collection `waiting` into `messages`, RATE a second, waking the loop of each as the
consumer does, and then says when each WhatsApp message was due: an object of Unix times by key.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime

import orjson

from services.kernel.adapters import mongo
from services.kernel.adapters.choices import load_choices
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.due import BUCKETS, DueLoop
from services.kernel.adapters.process import background, run
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import Message as Published
from services.notify.adapters.book_file import load_book
from services.notify.adapters.message_store import MessageStore
from services.notify.adapters.providers import providers
from services.notify.adapters.sender import Sender
from services.notify.app import SERVICE, Notify, build

WAITING = "waiting"


class _NoPublisher:
    """Stands where the publisher does: what is sent here owes nobody an event."""

    async def publish(self, messages: Sequence[Published]) -> None:
        raise RuntimeError("nothing is to be published")


class Feed:
    """Lays one message after the other into the store at its time."""

    def __init__(self, database: mongo.Database, notify: Notify, rate: int, count: int) -> None:
        self._waiting = database[WAITING]
        self._messages = MessageStore(database)
        self._notify = notify
        self._rate = rate
        self._count = count
        self._clock = system_clock()
        self.due: dict[str, float] = {}

    async def all(self) -> None:
        """Half a turn between the two, so that neither's call begins with the other's."""
        half = 0.5 / self._rate
        await asyncio.gather(self._queue("whatsapp", 0.0), self._queue("mobile_seva", half))

    async def _queue(self, queue: str, later: float) -> None:
        found = await self._waiting.find({"queue": queue}, limit=self._count).to_list(None)
        begins = time.perf_counter() + later
        laying = []
        for number, document in enumerate(found):
            await asyncio.sleep(max(0.0, begins + number / self._rate - time.perf_counter()))
            laying.append(asyncio.create_task(self._lay(queue, document, self._clock())))
        await asyncio.gather(*laying)

    async def _lay(self, queue: str, document: mongo.Document, now: datetime) -> None:
        times = dict.fromkeys(("next_at", "since", "created_at", "event_at"), now)
        await self._messages.plan([{**document, **times}])
        if queue == "whatsapp":
            self.due[document["_id"]] = time.time()
        self._notify.wakes.queues({queue})


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    url, sms, *steady = sys.argv[1:]
    settings = settings.model_copy(
        update={"whatsapp_url": f"{url}/whatsapp", "sms_url": f"{url}{sms}"}
    )
    clock = system_clock()
    database = mongo.connect(settings.mongo, settings.database, retry_writes=False)
    stack.callback(mongo.close, database)
    by_name = await providers(settings, stack, clock)
    notify = build(settings, database, _NoPublisher(), by_name, load_book(), load_choices(), clock)
    await mongo.ping(database)
    print("ready", flush=True)
    for queue, due in notify.due.items():
        loop = DueLoop(f"notify-{queue}", due, clock, lambda: range(BUCKETS))
        notify.wakes.loops[queue] = loop
        if isinstance(due, Sender):
            stack.push_async_callback(due.stop)
        background(stack, loop.run(), stopping)
    if steady:
        feed = Feed(database, notify, *map(int, steady))

        async def lay_and_tell() -> None:
            await feed.all()
            print(orjson.dumps(feed.due).decode(), flush=True)
            await stopping.wait()

        background(stack, lay_and_tell(), stopping)


if __name__ == "__main__":
    run(SERVICE, _main)
