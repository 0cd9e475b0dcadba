"""The desk's process: who works cases looks at them and acts on them here. The composition root."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from services.desk.adapters import gauges
from services.desk.adapters.clocks import StoredClocks
from services.desk.adapters.digests import StoredDigestCases, StoredDigestNotes
from services.desk.adapters.lists import CaseLists
from services.desk.adapters.notices import StoredNotices
from services.desk.adapters.previews import StoredPreviews
from services.desk.adapters.texts import load_texts
from services.desk.api import build
from services.desk.handlers.desk import Desk
from services.desk.handlers.digests import Digests
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.http import Informs
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.media import MediaStore
from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.adapters.periodic import every
from services.kernel.adapters.process import background, run, serve
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.vault import Vault
from services.kernel.domain.naming import Names

NAME = "desk"
MEASURE_SECONDS = 10.0
AUDIT_SECONDS = 30.0
DIGEST_SECONDS = 60.0


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    clock = system_clock(settings.clock_offset)
    database = mongo.connect(settings.mongo, settings.database, retry_writes=False)
    stack.callback(mongo.close, database)
    # not started here: acts are taken while Kafka is away, and published by the sweeper when it is back
    publisher = Publisher(settings.kafka, client_id=NAME)
    stack.push_async_callback(publisher.stop)
    rooms = MongoRooms(database[CASES], "case", READS)
    outbox = Outbox("case", publisher)
    store = CaseStore(rooms, outbox, Vault(database[RECEIPTS], settings.keys), clock)
    store.start()
    stack.push_async_callback(store.stop)
    sweeper = Sweeper(rooms, outbox)
    texts = load_texts()
    secret = settings.token_secret.get_secret_value()
    directory = DirectoryStore(database)
    rules = RulesOf(directory)
    clocks = StoredClocks(rules)
    desk = Desk(store, CaseLists(database[CASES]), directory, clocks, texts, clock, secret)
    app = build(
        desk,
        texts,
        {"mongo": lambda: mongo.ping(database), "kafka": Informs(publisher.ping)},
        token_secret=secret,
        assets=settings.home / "assets",
        secure=settings.env == "production",
        previews=StoredPreviews(database[CASES], rules),
        notices=StoredNotices(database),
        media=MediaStore(database, settings.keys, clock),
    )
    digests = Digests(
        directory,
        StoredDigestCases(database),
        StoredDigestNotes(database),
        publisher,
        settings.keys,
        Names(settings.contact_secret.get_secret_value()),
        texts,
        settings.desk_url or f"http://{settings.host}:{settings.desk_port}",
    )
    await serve(stack, app, settings.host, settings.desk_port, stopping)
    for seconds, name, turn in (
        (settings.sweep_after, "sweep", lambda: sweeper.round(clock(), settings.sweep_after)),
        (MEASURE_SECONDS, "open_cases", lambda: gauges.measure_open_cases(database[CASES])),
        (AUDIT_SECONDS, "unaccounted", lambda: gauges.measure_unaccounted(database, clock())),
        (DIGEST_SECONDS, "digests", lambda: digests.round(clock())),
    ):
        background(stack, every(seconds, name, turn), stopping)


def main() -> None:
    run(NAME, _main)
