"""The process `conversation`: what citizens write on WhatsApp in, replies, cases and acts out."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI

from services.intake.cases import OwnCases
from services.intake.filing import Filer
from services.intake.whatsapp.conversation.adapters.conversation_store import ConversationStore
from services.intake.whatsapp.conversation.adapters.doing import Doing
from services.intake.whatsapp.conversation.adapters.graph_media import graph_media
from services.intake.whatsapp.conversation.adapters.media_fetcher import MediaFetcher
from services.intake.whatsapp.conversation.adapters.refusing import Refusing
from services.intake.whatsapp.conversation.adapters.saying import SERVICE, Saying
from services.intake.whatsapp.conversation.adapters.turns import Turns
from services.intake.whatsapp.conversation.adapters.wording import load_voice, load_words
from services.intake.whatsapp.conversation.core.machine import Machine
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.choices import load_choices
from services.kernel.adapters.clock import Clock, system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.follower import Follower
from services.kernel.adapters.http import instrument
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.leases import TicketLease
from services.kernel.adapters.media import MediaStore
from services.kernel.adapters.outbox import Outbox, Publishes, Sweeper
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.periodic import every
from services.kernel.adapters.process import background, run, serve
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.adapters.receipts import Receipts
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.vault import Vault
from services.kernel.contracts.topics import WHATSAPP_INBOUND
from services.kernel.domain import danger
from services.kernel.domain.directory import Text
from services.kernel.domain.naming import Names
from services.kernel.domain.places import mentioned_village

SWEEP_SECONDS = 1.0
FORGET_EVERY_SECONDS = 600.0
FORGET_AFTER = timedelta(days=30)
"""After so long without a word, what was talked about is forgotten, drafts with it."""


@dataclass(frozen=True)
class Conversation:
    """The parts of the service, wired."""

    turns: Turns
    conversations: ConversationStore
    receipts: Receipts
    store: CaseStore
    sweeper: Sweeper
    media: MediaStore
    refusing: Refusing
    directories: DirectoryStore
    filer: Filer

    async def warm(self) -> None:
        """Word lists and indexes are made once; not while the first citizen waits. Raises Unavailable."""
        danger.find("")
        for district in await self.directories.districts():
            directory = await self.directories.newest(district)
            await self.filer.suggest(directory)
            mentioned_village(directory, "")


def build(
    settings: Settings, database: mongo.Database, publisher: Publishes, clock: Clock
) -> Conversation:
    """Wire the service. Raises ValueError for data files that cannot be used."""
    voice = load_voice()
    names = Names(settings.contact_secret.get_secret_value())
    receipts = Receipts(database, publisher, clock)
    rooms = MongoRooms(database[CASES], "case", READS)
    outbox = Outbox("case", publisher)
    store = CaseStore(rooms, outbox, Vault(database[RECEIPTS], settings.keys), clock)
    directories = DirectoryStore(database)
    filer = Filer(directories, receipts, TicketLease(database), settings.keys, clock)
    media = MediaStore(database, settings.keys, clock)
    conversations = ConversationStore(database, settings.keys)
    url = settings.public_url or f"http://{settings.host}:{settings.intake_web_port}"
    doing = Doing(
        filer,
        OwnCases(store, database[CASES], database[RECEIPTS]),
        media,
        directories,
        clock,
        public_url=url.rstrip("/"),
        link_secret=settings.link_secret.get_secret_value(),
        sentence=Text(hi=voice.say("reopened.to", "hi"), en=voice.say("reopened.to", "en")),
    )
    saying = Saying(names, settings.keys)
    turns = Turns(
        Machine(voice, load_words()),
        conversations,
        doing,
        saying,
        media,
        directories,
        filer.suggest,
        load_choices(settings.notify_book),
        names,
        publisher,
        clock,
    )
    refusing = Refusing(conversations, saying, voice, publisher, clock)
    sweeper = Sweeper(rooms, outbox)
    return Conversation(
        turns, conversations, receipts, store, sweeper, media, refusing, directories, filer
    )


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    clock = system_clock(settings.clock_offset)
    database = mongo.connect(settings.mongo, settings.database)
    stack.callback(mongo.close, database)
    publisher = Publisher(settings.kafka, client_id=SERVICE)
    stack.push_async_callback(publisher.stop)
    service = build(settings, database, publisher, clock)
    service.receipts.start()
    stack.push_async_callback(service.receipts.stop)
    service.store.start()
    stack.push_async_callback(service.store.stop)
    source = await stack.enter_async_context(
        graph_media(
            url=settings.whatsapp_url,
            token=settings.whatsapp_token.get_secret_value(),
            hosts=settings.whatsapp_media_hosts.split(","),
        )
    )
    fetcher = MediaFetcher(
        service.media, source, service.refusing.tell, clock, wanted=service.turns.wanted
    )
    parking = Parking(SERVICE, database, publisher, clock)
    follower = Follower(SERVICE, WHATSAPP_INBOUND, service.turns, parking, settings)
    app = FastAPI(title="Samvad conversation", docs_url=None, redoc_url=None, openapi_url=None)
    instrument(
        app,
        {
            "store": lambda: mongo.ping(database),
            "kafka": publisher.ping,
            "partitions": follower.assigned,
        },
    )
    await serve(stack, app, settings.host, settings.conversation_port, stopping)

    async def sweep_cases() -> None:
        await service.sweeper.round(clock(), settings.sweep_after)

    async def sweep_receipts() -> None:
        await service.receipts.sweep(settings.sweep_after)

    async def forget() -> None:
        await service.conversations.forget(clock() - FORGET_AFTER)

    await service.warm()
    background(stack, every(SWEEP_SECONDS, "receipts", sweep_receipts), stopping)
    background(stack, every(SWEEP_SECONDS, "case-outbox", sweep_cases), stopping)
    background(stack, every(FORGET_EVERY_SECONDS, "forget", forget), stopping)
    background(stack, fetcher.run(), stopping)
    background(stack, follower.run(), stopping)


def main() -> None:
    run(SERVICE, _main)


if __name__ == "__main__":
    main()
