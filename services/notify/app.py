"""The notify worker: case events and what else is to be said in, messages out, receipts back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import FastAPI

from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.choices import load_choices
from services.kernel.adapters.clock import Clock, system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import Due, DueLoop, bucket_of, buckets_of
from services.kernel.adapters.faust_worker import Worker
from services.kernel.adapters.follower import Follower
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.http import instrument
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.outbox import Outbox, Publishes, Sweeper
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.periodic import every
from services.kernel.adapters.process import background, run, serve
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.topics import COMPLAINTS, MESSAGES, WHATSAPP_INBOUND
from services.kernel.domain.choices import Choices
from services.kernel.domain.naming import Names
from services.kernel.domain.reasons import reasons
from services.notify.adapters import receipt_hooks
from services.notify.adapters.absent import Absent
from services.notify.adapters.announcing import Announcing
from services.notify.adapters.book_file import DATA, load_book
from services.notify.adapters.composer import Composer, Links
from services.notify.adapters.contact_store import ContactStore
from services.notify.adapters.filings import Filings
from services.notify.adapters.gathering import Gathering
from services.notify.adapters.gauges import Gauges
from services.notify.adapters.inbound import Answers, Inbound
from services.notify.adapters.message_store import MessageStore
from services.notify.adapters.moves import Moves
from services.notify.adapters.notices import READS, Context, Notices
from services.notify.adapters.providers import providers, rates
from services.notify.adapters.receiving import Receiving
from services.notify.adapters.requests import Requests
from services.notify.adapters.sender import Sender
from services.notify.adapters.settling import Settling
from services.notify.adapters.waking import Wakes
from services.notify.core.book import Book
from services.notify.core.planning import Planner
from services.notify.core.provider import PROVIDERS, Provider, ProviderName

SERVICE = "notify"
SWEEP_EVERY_SECONDS = 2.0
GAUGES_EVERY_SECONDS = 10.0
GATHER_RECEIPTS_SECONDS = 0.25
PARTITIONS = TOPICS[COMPLAINTS].partitions


@dataclass(frozen=True)
class Notify:
    """The parts of the service, wired. `due`: what falls due, by queue."""

    consumer: RoomConsumer[Context]
    sweeper: Sweeper
    senders: Mapping[ProviderName, Sender]
    settling: Settling
    gathering: Gathering
    receiving: Receiving
    inbound: Inbound
    requests: Requests
    wakes: Wakes

    @property
    def due(self) -> Mapping[str, Due]:
        senders: dict[str, Due] = dict(self.senders.items())
        return {**senders, "settle": self.settling, "gather": self.gathering}


def build(
    settings: Settings,
    database: mongo.Database,
    publisher: Publishes,
    by_name: Mapping[ProviderName, Provider],
    book: Book,
    choices: Choices,
    clock: Clock,
) -> Notify:
    """Wire the service. The loops come into `wakes` when it is known which buckets are ours."""
    all_providers: dict[ProviderName, Provider] = {
        name: by_name.get(name) or Absent(name) for name in PROVIDERS
    }
    wakes = Wakes()
    names = Names(settings.contact_secret.get_secret_value())
    filings = Filings(database[RECEIPTS], settings.keys)
    directories = DirectoryStore(database)
    messages = MessageStore(database)
    known = ContactStore(database)
    links = _links(settings)
    composer = Composer(book, filings, directories, known, names, links, settings.keys)
    outbox = Outbox("notices", publisher)
    rooms = MongoRooms(database[CASES], "notices", READS)
    receiving = Receiving(messages, composer, known, book.waits, clock, wakes)
    requests = Requests(
        messages, known, directories, book, settings.keys, clock, bucket_of, wakes
    )
    core = Notices(
        Planner(book, names, reasons()),
        filings,
        directories,
        messages,
        database[CASES],
        clock,
        PARTITIONS,
        wakes,
    )
    return Notify(
        consumer=RoomConsumer(core, rooms, outbox),
        sweeper=Sweeper(rooms, outbox),
        senders={
            name: Sender(
                provider,
                messages,
                composer,
                book,
                rates(settings, name, clock()),
                clock,
                wakes,
                learn=receiving.learn,
            )
            for name, provider in all_providers.items()
        },
        settling=Settling(
            messages,
            publisher,
            Announcing(rooms, outbox),
            book.waits,
            lambda name: all_providers[name].receipts,
            wakes,
        ),
        gathering=Gathering(messages, book, bucket_of, wakes),
        receiving=receiving,
        inbound=Inbound(
            receiving,
            known,
            Moves(names, settings.keys),
            choices,
            Answers(requests, directories, settings.keys),
        ),
        requests=requests,
        wakes=wakes,
    )


def _links(settings: Settings) -> Links:
    url = settings.public_url or f"http://{settings.host}:{settings.intake_web_port}"
    return Links(url.rstrip("/"), settings.link_secret.get_secret_value())


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    book = load_book(settings.notify_book or DATA)
    clock = system_clock(settings.clock_offset)
    database = mongo.connect(settings.mongo, settings.database, retry_writes=False)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=SERVICE)
    stack.push_async_callback(publisher.stop)
    by_name = await providers(settings, stack, clock)
    choices = load_choices(settings.notify_book)
    notify = build(settings, database, publisher, by_name, book, choices, clock)
    guard = Guard(SERVICE, notify.consumer, Parking(SERVICE, database, publisher, clock))
    worker = Worker(SERVICE, COMPLAINTS, guard, settings)

    def follower(
        name: str, topic: str, handler: Requests | Inbound, gather: float
    ) -> Follower:
        parking = Parking(name, database, publisher, clock)
        return Follower(name, topic, handler, parking, settings, gather=gather)

    followers = (
        follower("notify-messages", MESSAGES, notify.requests, 0.0),
        follower("notify-receipts", WHATSAPP_INBOUND, notify.inbound, GATHER_RECEIPTS_SECONDS),
    )
    ready = {
        "store": lambda: mongo.ping(database),
        "kafka": publisher.ping,
        "partitions": worker.assigned,
        "messages": followers[0].assigned,
        "receipts": followers[1].assigned,
    }
    app = FastAPI(title="Samvad notify", docs_url=None, redoc_url=None, openapi_url=None)
    instrument(app, ready)
    app.include_router(
        receipt_hooks.router(
            notify.receiving.apply, clock, settings.receipt_secret.get_secret_value()
        )
    )
    await serve(stack, app, settings.host, settings.notify_port, stopping)
    for queue, due in notify.due.items():
        loop = DueLoop(
            f"notify-{queue}", due, clock, lambda: buckets_of(worker.partitions(), PARTITIONS)
        )
        notify.wakes.loops[queue] = loop
        if isinstance(due, Sender):
            stack.push_async_callback(due.stop)
        background(stack, loop.run(), stopping)
    background(
        stack,
        every(
            SWEEP_EVERY_SECONDS,
            "sweep",
            lambda: notify.sweeper.round(clock(), settings.sweep_after),
        ),
        stopping,
    )
    for one in followers:
        background(stack, one.run(), stopping)
    gauges = Gauges(database, clock, notify.senders)
    background(stack, every(GAUGES_EVERY_SECONDS, "gauges", gauges.measure), stopping)
    await worker.start(stack, stopping)


def main() -> None:
    run(SERVICE, _main)


if __name__ == "__main__":
    main()
