"""A worker to be killed: the real process, guard, room consumer and faust worker around a slow handler.

    worker_process.py <name> <topic> <seconds a batch> <seconds to finish>

It says on stdout what it does, a word and a number a line: `owns` so many partitions, `taken` a batch,
`half` of it written, `done`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from services.kernel.adapters import faust_worker, mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.faust_worker import Worker
from services.kernel.adapters.guard import Failure, Guard
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.process import background, run
from services.kernel.adapters.room_store import Draft, MongoRooms
from services.kernel.adapters.rooms import Change, RoomConsumer
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import Received
from services.kernel.contracts.events import CaseFiled, CaseNoted, Event, NoticeDelivered, Room

NAME, TOPIC, SECONDS, FINISH = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])


class Tally:
    """Room `notices` as a list of all that was ever applied, with a notice announced for each."""

    room: Room = "notices"
    uses: Mapping[str, type[Event]] = {CaseFiled.TYPE: CaseFiled, CaseNoted.TYPE: CaseNoted}

    async def prepare(self, drafts: Mapping[str, Draft], batch: Sequence[Received]) -> None:
        return None

    def apply(self, draft: Draft, received: Received, context: None) -> Change:
        told = NoticeDelivered(
            district="x",
            ticket=draft.ticket,
            at=received.time,
            about=str(received.id),
            audience="citizen",
            channel="sms",
        )
        log = [*draft.room.get("log", ()), str(received.id)]
        return Change({**draft.room, "log": log}, (told,))

    async def before_write(self, drafts: Sequence[Draft], context: None) -> None:
        return None

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None:
        return None


class Slow:
    """Writes the first half of a batch, takes its time, and writes the rest."""

    uses = Tally.uses

    def __init__(self, inner: RoomConsumer[None]) -> None:
        self._inner = inner

    async def handle(self, batch: Sequence[Received]) -> list[Failure]:
        _say("taken", len(batch))
        middle = len(batch) // 2
        failures = await self._inner.handle(batch[:middle])
        _say("half", middle)
        await asyncio.sleep(SECONDS)
        failures += await self._inner.handle(batch[middle:])
        _say("done", len(batch))
        return failures


async def _tell_what_it_owns(worker: Worker) -> None:
    told = -1
    while True:
        if len(worker.partitions()) != told:
            told = len(worker.partitions())
            _say("owns", told)
        await asyncio.sleep(0.05)


def _say(what: str, count: int) -> None:
    print(what, count, flush=True)


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    database = mongo.connect(settings.mongo, settings.database)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=NAME)
    stack.push_async_callback(publisher.stop)
    await publisher.start()
    consumer = RoomConsumer(
        Tally(), MongoRooms(database["cases"], "notices"), Outbox("notices", publisher)
    )
    parking = Parking(NAME, database, publisher, system_clock())
    worker = Worker(NAME, TOPIC, Guard(NAME, Slow(consumer), parking), settings)
    await worker.start(stack, stopping)
    background(stack, _tell_what_it_owns(worker), stopping)


if __name__ == "__main__":
    faust_worker.FINISH_SECONDS = FINISH
    run(NAME, _main)
