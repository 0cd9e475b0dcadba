"""The notify worker: case events in, messages out."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import FastAPI

from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.clock import Clock, system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import DueLoop, buckets_of
from services.kernel.adapters.faust_worker import Worker
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
from services.kernel.contracts.topics import COMPLAINTS
from services.notify.adapters.book_file import DATA, load_book
from services.notify.adapters.filings import Filings
from services.notify.adapters.message_store import MessageStore
from services.notify.adapters.mobile_seva import MobileSeva
from services.notify.adapters.notices import READS, Context, Notices
from services.notify.adapters.recipients import Recipients
from services.notify.adapters.sender import Sender
from services.notify.adapters.whatsapp import WhatsApp
from services.notify.adapters.wire import http_client
from services.notify.core.book import Book, Channel
from services.notify.core.contacts import Contacts
from services.notify.core.provider import Provider

SERVICE = "notify"
SWEEP_EVERY_SECONDS = 2.0
PARTITIONS = TOPICS[COMPLAINTS].partitions


@dataclass(frozen=True)
class Notify:
    """The parts of the service, wired. What is planned wakes the loops of its channels in `loops`."""

    consumer: RoomConsumer[Context]
    sweeper: Sweeper
    senders: tuple[Sender, ...]
    loops: dict[Channel, DueLoop]


def build(
    settings: Settings,
    database: mongo.Database,
    publisher: Publishes,
    providers: Mapping[Channel, Provider],
    book: Book,
    clock: Clock,
) -> Notify:
    """Wire the service. The senders' loops come into `loops` when it is known which buckets are ours."""
    filings = Filings(database[RECEIPTS], settings.keys)
    directories = DirectoryStore(database)
    messages = MessageStore(database)
    recipients = Recipients(filings, directories)
    senders = tuple(
        Sender(channel, messages, provider, recipients, book, clock)
        for channel, provider in providers.items()
    )
    loops: dict[Channel, DueLoop] = {}

    def wake(channels: Collection[Channel]) -> None:
        for channel in channels:
            if channel in loops:
                loops[channel].wake()

    core = Notices(
        book,
        Contacts(settings.contact_secret.get_secret_value()),
        filings,
        directories,
        messages,
        clock,
        PARTITIONS,
        wake,
    )
    outbox = Outbox("notices", publisher)
    rooms = MongoRooms(database[CASES], "notices", READS)
    return Notify(RoomConsumer(core, rooms, outbox), Sweeper(rooms, outbox), senders, loops)


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    book = load_book(settings.notify_book or DATA)
    clock = system_clock(settings.clock_offset)
    database = mongo.connect(settings.mongo, settings.database, retry_writes=False)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=SERVICE)
    stack.push_async_callback(publisher.stop)
    providers = await _providers(settings, stack)
    notify = build(settings, database, publisher, providers, book, clock)
    guard = Guard(SERVICE, notify.consumer, Parking(SERVICE, database, publisher, clock))
    worker = Worker(SERVICE, COMPLAINTS, guard, settings)
    ready = {
        "store": lambda: mongo.ping(database),
        "kafka": publisher.ping,
        "partitions": worker.assigned,
    }
    app = FastAPI(title="Samvad notify", docs_url=None, redoc_url=None, openapi_url=None)
    instrument(app, ready)
    await serve(stack, app, settings.host, settings.notify_port, stopping)
    for sender in notify.senders:
        loop = DueLoop(
            f"notify-{sender.channel}",
            sender,
            clock,
            lambda: buckets_of(worker.partitions(), PARTITIONS),
        )
        sender.wake = loop.wake
        notify.loops[sender.channel] = loop
        stack.push_async_callback(sender.stop)
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
    await worker.start(stack, stopping)


async def _providers(settings: Settings, stack: AsyncExitStack) -> Mapping[Channel, Provider]:
    """A client each, so that one that hangs does not hold the other's connections."""
    return {
        "whatsapp": WhatsApp(
            await stack.enter_async_context(http_client()),
            url=settings.whatsapp_url,
            phone_number_id=settings.whatsapp_phone_number_id,
            token=settings.whatsapp_token.get_secret_value(),
        ),
        "sms": MobileSeva(
            await stack.enter_async_context(http_client()),
            url=settings.sms_url,
            username=settings.sms_username,
            password=settings.sms_password.get_secret_value(),
            digest=settings.sms_password_digest,
            secure_key=settings.sms_secure_key.get_secret_value(),
            sender=settings.sms_sender,
        ),
    }


def main() -> None:
    run(SERVICE, _main)


if __name__ == "__main__":
    main()
