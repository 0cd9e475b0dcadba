"""Cases armed by their events on the topic, against a bare loop that reads and writes the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from services.bench import children
from services.bench.armed import Document
from services.bench.filings import file_in_bulk, publish_all
from services.bench.ground import Say, Scale, until
from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.case_document import INDEXES
from services.kernel.adapters.kafka import Publisher, create_topics
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Message
from services.kernel.contracts.topics import COMPLAINTS

EXAMPLES = 40
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.02


async def examples(
    stack: Stack, database: mongo.Database, publisher: Publisher, first: int
) -> list[Document]:
    """Cases that routing has placed and the clock armed, as the line wrote them."""
    messages = await file_in_bulk(stack, database, first, EXAMPLES)
    await publisher.publish(messages)
    tickets = [message.key.decode() for message in messages]
    wanted = {"_id": {"$in": tickets}, "case.n": 1, "sla.seen.case": 1, "sla.next_at": {"$exists": True}}
    await _until(database, wanted, len(tickets))
    found: list[Document] = await database["cases"].find(wanted).to_list(None)
    return found


async def measure(
    stack: Stack, database: mongo.Database, publisher: Publisher, first: int, scale: Scale, say: Say
) -> tuple[list[float], list[float]]:
    """Cases a second, ours and the bare one's, by turns."""
    ours: list[float] = []
    bare: list[float] = []
    numbers = iter(range(first, first + scale.warm + 2 * scale.runs * scale.arming, 1))

    async def filed(count: int) -> list[Message]:
        start = next(numbers)
        for _ in range(count - 1):
            next(numbers)
        return await file_in_bulk(stack, database, start, count)

    await _through(database, publisher, await filed(scale.warm))
    for run in range(scale.runs):
        ours.append(await _through(database, publisher, await filed(scale.arming)))
        bare.append(await _bare(stack, database, publisher, await filed(scale.arming)))
        say(f"arming {run + 1}/{scale.runs}: {ours[-1]:.0f}/s, bare {bare[-1]:.0f}/s")
    return ours, bare


async def _bare(
    stack: Stack, database: mongo.Database, publisher: Publisher, messages: Sequence[Message]
) -> float:
    """The same records on a topic of their own, through the bare loop, into a database of its own."""
    name = f"bench-arming-{messages[0].key.decode()}"
    await create_topics(stack.settings["SAMVAD_KAFKA"], {name: (TOPICS[COMPLAINTS].partitions, {})})
    other = database.client.get_database(name, write_concern=database.write_concern)
    example = await database["cases"].find_one({"case.n": 1, "sla.seen.case": 1})
    await other["example"].insert_one({"_id": 1, "case": example, "messages": []})
    await other["cases"].create_indexes(INDEXES)
    async with AsyncExitStack() as exits:
        words = ("services.bench.bare_pipeline", "sla", "batch", name)
        await asyncio.to_thread(children.start, exits, stack, words)
        rate = await _through(other, publisher, [replace(one, topic=name) for one in messages])
    await database.client.drop_database(name)
    return rate


async def _through(
    database: mongo.Database, publisher: Publisher, messages: Sequence[Message]
) -> float:
    began = time.perf_counter()
    await publish_all(publisher, messages)
    tickets = [message.key.decode() for message in messages]
    last = {"_id": tickets[-1], "sla.seen.intake": 1}
    await _until(database, last, 1)  # looking for all of them costs as much as a batch
    await _until(database, {"_id": {"$in": tickets}, "sla.seen.intake": 1}, len(tickets))
    return len(messages) / (time.perf_counter() - began)


async def _until(database: mongo.Database, wanted: dict[str, Any], count: int) -> None:
    async def done() -> bool:
        return await database["cases"].count_documents(wanted) >= count

    await until(done, "the cases are not armed", within=PATIENCE_SECONDS, every=LOOK_SECONDS)
