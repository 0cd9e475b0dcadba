"""A worker to be killed, stopped or paused: the real process, guard, room consumer and faust worker.

    worker_process.py '<the fields of Plan, as JSON>'

It says on stdout what it does, a line each: `starting` and `session <ms>` once, `owns <partitions>` when
that changes; `dropped <records>` of a fetch; `taken <records>`, `half <records>` and `done <records>` of
a batch; `wrote <ticket> <events>` of a case; `waiting <event id>` where it waits for a trouble to go;
`metric <sample> <value>` when one changes; and the name of the point at which it pauses (see Plan).

What goes wrong stands in the collection `troubles`, `{_id: <event id>, how: …, times: …}`, `times` left
out for ever: `poison`, `fault` and `lag` are raised by the core for that event; `explode` and `away` by
its preparation, for the whole batch that holds the event; `wait` holds that batch until the trouble is
taken away.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY

from services.kernel.adapters import faust_worker, mongo
from services.kernel.adapters.case_folding import READS
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
from services.kernel.contracts.codec import Message, Received
from services.kernel.domain.errors import Reject, Retry, Unavailable
from tests.integration.kernel.cores import Diary, Opening

TOLD = ("samvad_consumer_handled_total", "samvad_consumer_retried_total", "samvad_room_conflicts_total")
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Plan:
    """`seconds` after the first half of a batch; `finish` and `drain`: the worker's own bounds. `room`:
    `notices` is a Diary, `case` an Opening. `pause`: at which point the process waits, once, until the
    file `go` is there:

    `head`: the batch is handled but for its first case. `writing`: read and folded, not yet written.
    `publishing`: written, not yet published. `committing`: all is done, and nothing committed.

    `drops`: so many fetches come while a rebalance seems to begin. `ends`: the task of aiokafka's that ends
    when `go` is there, `fetching` or `coordinating`. `silent`: the worker's own bound.
    """

    name: str
    topic: str
    go: str
    seconds: float = 0.0
    finish: float = 8.0
    drain: float = 2.0
    room: str = "notices"
    pause: str = ""
    drops: int = 0
    ends: str = ""
    silent: float = 180.0


def say(*words: object) -> None:
    print(*words, flush=True)


class Pauses:
    """Waits where it is told to."""

    def __init__(self, plan: Plan) -> None:
        self._at = plan.pause
        self._go = Path(plan.go)

    async def at(self, point: str) -> None:
        if point == self._at:
            self._at = ""
            say(point)
            await self.go()

    async def go(self) -> None:
        while not self._go.exists():
            await asyncio.sleep(LOOK_SECONDS)


class Troubled:
    """A core that goes wrong as `troubles` says."""

    def __init__(self, core: Diary | Opening, troubles: mongo.Collection, pauses: Pauses) -> None:
        self.room = core.room
        self.uses = core.uses
        self._core = core
        self._troubles = troubles
        self._pauses = pauses
        self._met: Counter[str] = Counter()
        self._now: dict[str, str] = {}

    async def prepare(self, drafts: Mapping[str, Draft], batch: Sequence[Received]) -> None:
        self._now = await self._read(batch)
        while waiting := [name for name, how in self._now.items() if how == "wait"]:
            say("waiting", *waiting)
            while await self._troubles.find_one({"_id": {"$in": waiting}}):
                await asyncio.sleep(LOOK_SECONDS)
            self._now = await self._read(batch)
        for how in self._now.values():
            if how == "explode":
                raise ZeroDivisionError
            if how == "away":
                raise Unavailable("made up")

    async def _read(self, batch: Sequence[Received]) -> dict[str, str]:
        names = [str(received.id) for received in batch]
        now = {}
        async for trouble in self._troubles.find({"_id": {"$in": names}}):
            name = trouble["_id"]
            self._met[name] += 1
            if self._met[name] <= trouble.get("times", self._met[name]):
                now[name] = trouble["how"]
        return now

    def apply(self, draft: Draft, received: Received, context: None) -> Change:
        match self._now.get(str(received.id)):
            case "poison":
                raise Reject("made up")
            case "fault":
                raise ZeroDivisionError
            case "lag":
                raise Retry("made up")
        return self._core.apply(draft, received, context)

    async def before_write(self, drafts: Sequence[Draft], context: None) -> None:
        if drafts:
            await self._pauses.at("writing")

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None:
        for draft in drafts:
            say("wrote", draft.ticket, sum(received.id.ticket == draft.ticket for received in batch))


class Slow:
    """Writes the first half of a batch, takes its time, and writes the rest."""

    def __init__(self, inner: RoomConsumer[None], plan: Plan, pauses: Pauses) -> None:
        self.follows = inner.follows
        self.uses = inner.uses
        self._inner = inner
        self._plan = plan
        self._pauses = pauses

    async def handle(self, batch: Sequence[Received]) -> list[Failure]:
        say("taken", len(batch))
        if self._plan.pause == "head":
            failures = await self._but_for_its_head(batch)
        elif self._plan.seconds:
            middle = len(batch) // 2
            failures = await self._inner.handle(batch[:middle])
            say("half", middle)
            await asyncio.sleep(self._plan.seconds)
            failures += await self._inner.handle(batch[middle:])
        else:
            failures = await self._inner.handle(batch)
        await self._pauses.at("committing")
        say("done", len(batch))
        return failures

    async def _but_for_its_head(self, batch: Sequence[Received]) -> list[Failure]:
        head = batch[0].id.ticket
        failures = await self._inner.handle([one for one in batch if one.id.ticket != head])
        await self._pauses.at("head")
        return failures + await self._inner.handle([one for one in batch if one.id.ticket == head])


class Paused:
    """A publisher that waits before it sends, where it is told to."""

    def __init__(self, publisher: Publisher, pauses: Pauses) -> None:
        self._publisher = publisher
        self._pauses = pauses

    async def publish(self, messages: Sequence[Message]) -> None:
        if messages:
            await self._pauses.at("publishing")
        await self._publisher.publish(messages)


async def _tell(worker: Worker) -> None:
    owns, told = -1, dict[str, float]()
    while True:
        if len(worker.partitions()) != owns:
            owns = len(worker.partitions())
            say("owns", owns)
        for metric in REGISTRY.collect():
            for sample in metric.samples:
                name = f"{sample.name}{{{','.join(sample.labels.values())}}}"
                if sample.name in TOLD and told.get(name) != sample.value:
                    told[name] = sample.value
                    say("metric", name, int(sample.value))
        await asyncio.sleep(0.05)


def _drop(consumer: Any, fetches: int) -> None:
    """The flow stops after the records have come and before anyone has seen them, and goes on at once."""
    fetch, left = consumer._wait_next_records, fetches

    async def dropping(timeout: float) -> Any:
        nonlocal left
        records, active = await fetch(timeout)
        if records and left:
            left -= 1
            say("dropped", sum(map(len, records.values())))
            consumer.stop_flow()
            asyncio.get_running_loop().call_later(0.05, consumer.resume_flow)
        return records, active

    consumer._wait_next_records = dropping


async def _end(consumer: Any, which: str, pauses: Pauses) -> None:
    """As if it had met with what nobody has thought of."""
    await pauses.go()
    tasks = {
        "fetching": consumer._fetcher._fetch_task,
        "coordinating": consumer._coordinator._coordination_task,
    }
    tasks[which].get_loop().call_soon_threadsafe(tasks[which].cancel)
    await asyncio.Event().wait()


async def main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    faust_worker.FINISH_SECONDS = plan.finish
    faust_worker.DRAIN_EVERY_SECONDS = plan.drain
    faust_worker.SILENT_SECONDS = plan.silent
    pauses = Pauses(plan)
    database = mongo.connect(settings.mongo, settings.database)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=plan.name)
    stack.push_async_callback(publisher.stop)
    await publisher.start()
    core = Troubled(
        Opening(system_clock()) if plan.room == "case" else Diary(), database["troubles"], pauses
    )
    rooms = MongoRooms(database["cases"], core.room, READS if core.room == "case" else ())
    consumer = RoomConsumer(core, rooms, Outbox(core.room, Paused(publisher, pauses)))
    parking = Parking(plan.name, database, publisher, system_clock())
    guard = Guard(plan.name, Slow(consumer, plan, pauses), parking)
    worker = Worker(plan.name, plan.topic, guard, settings)
    _drop(worker._app.consumer, plan.drops)
    say("starting")
    await worker.start(stack, stopping)
    consumer = worker._app.consumer._thread._consumer
    say("session", consumer._coordinator._session_timeout_ms)
    if plan.ends:
        background(stack, _end(consumer, plan.ends, pauses), stopping)
    background(stack, _tell(worker), stopping)


if __name__ == "__main__":
    run("worker", main)
