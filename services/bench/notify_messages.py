"""Messages that wait to be sent, a case of its own behind each, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from services.bench import children, people
from services.bench.filings import file_in_bulk, master_keys
from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import bucket_of
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.adapters.settings import DEVELOPMENT_SECRET
from services.kernel.contracts.notices import COLLECTION
from services.kernel.domain.naming import Names
from services.kernel.domain.reasons import reasons
from services.notify.adapters.book_file import load_book
from services.notify.adapters.filings import Filed, Filings
from services.notify.adapters.message_document import INDEXES, to_document
from services.notify.core.contacts import reachable
from services.notify.core.people import Facts
from services.notify.core.planning import Planner

BULK = 1_000
WEB, WHATSAPP = "web", "whatsapp"


@dataclass(frozen=True)
class Provider:
    """The stand-in of both providers, a process of its own."""

    child: children.Child
    url: str


async def provider(exits: AsyncExitStack, stack: Stack) -> Provider:
    (child,) = children.start(exits, stack, ("services.bench.notify_provider",))
    return Provider(child, await asyncio.to_thread(children.said, child))


async def plan(
    stack: Stack, database: mongo.Database, first: int, count: int, filed_by: str
) -> list[mongo.Document]:
    """What `filed` of `count` new cases makes their citizens be told, as notify would store it, due now."""
    events = await file_in_bulk(stack, database, first, count)
    tickets = [event.key.decode() for event in events]
    filed = await Filings(database[RECEIPTS], master_keys()).read(tickets)
    directory = await DirectoryStore(database).newest(people.DISTRICT)
    planner = Planner(load_book(), Names(DEVELOPMENT_SECRET), reasons())
    now = system_clock()()
    documents = []
    for ticket in tickets:
        facts = _facts(filed[ticket], filed_by)
        planned = planner.plan(f"{ticket}/intake/1", filed[ticket].event, facts, directory, now)
        (message,) = (one for one in planned if one.audience == "citizen")
        documents.append(to_document(message, order=1, bucket=bucket_of(ticket), now=now))
    return documents


def _facts(filed: Filed, filed_by: str) -> Facts:
    event = filed.event
    assert filed.filing is not None
    return Facts(
        channel=filed_by,
        language=event.language,
        confidential=event.confidential,
        service=event.service,
        block=event.place.block,
        phone=reachable(filed.filing.phone),
    )


async def lay(database: mongo.Database, name: str, documents: Sequence[mongo.Document]) -> None:
    """Put the documents into collection `name`, and nothing else, with the indexes of `messages`."""
    await database[name].drop()
    await database[name].create_indexes(INDEXES)
    for start in range(0, len(documents), BULK):
        await database[name].insert_many(documents[start : start + BULK], ordered=False)


async def shape_of_one(database: mongo.Database) -> dict[str, Any]:
    """The names of a sent message's fields, and those of its attempt with it."""
    found = await database[COLLECTION].find_one({"state": "sent"})
    if found is None:
        raise RuntimeError("nothing was sent")
    return {"message": set(found), "attempt": set(found["attempts"][0]), "v": found["v"]}
