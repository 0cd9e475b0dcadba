"""From `filed` on the topic to routed, timed and planned in the store, against bare loops doing the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Literal

import uvloop

from services.bench import children
from services.bench.figures import Figure, against
from services.bench.filings import file_in_bulk, publish_all
from services.bench.ground import Lines, Say, Scale, until
from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.kafka import Publisher, create_topics
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Message
from services.kernel.contracts.topics import COMPLAINTS

ROLES = ("routing", "sla", "notify")
MESSAGES_A_CASE = 3
START_SECONDS = 30.0
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.1
Way = Literal["batch", "single"]


def measure(lines: Lines, scale: Scale, say: Say) -> list[Figure]:
    """Three ways by turns on the same Kafka and MongoDB, three processes each."""
    with lines.only("pipeline", "routing", "sla") as (stack, first):
        return uvloop.run(_measure(stack, first, scale, say))


async def _measure(stack: Stack, first: int, scale: Scale, say: Say) -> list[Figure]:
    ours: list[float] = []
    bare: list[float] = []
    single: list[float] = []
    async with AsyncExitStack() as exits:
        database = mongo.connect(stack.settings["SAMVAD_MONGO"], "samvad")
        exits.callback(mongo.close, database)
        publisher = Publisher(stack.settings["SAMVAD_KAFKA"], client_id="bench")
        exits.push_async_callback(publisher.stop)
        children.start(exits, stack, ("services.bench.planner",))

        async def one(count: int, way: Way | None) -> float:
            nonlocal first
            messages = await file_in_bulk(stack, database, first, count)
            first += count
            if way is None:
                return await _through(database, publisher, messages)
            return await _bare(stack, database, publisher, messages, way)

        await one(scale.warm, None)
        for run in range(scale.runs):
            ours.append(await one(scale.pipeline, None))
            bare.append(await one(scale.pipeline, "batch"))
            single.append(await one(scale.one_by_one, "single"))
            say(
                f"pipeline {run + 1}/{scale.runs}: {ours[-1]:.0f}/s, "
                f"bare {bare[-1]:.0f}/s, case by case {single[-1]:.0f}/s"
            )
    return [
        against("pipeline", ours, bare, "cases/s", least=0.5),
        against("pipeline over case by case", ours, single, "cases/s", least=3),
    ]


async def _bare(
    stack: Stack,
    database: mongo.Database,
    publisher: Publisher,
    messages: Sequence[Message],
    way: Way,
) -> float:
    """The same records on a topic of their own, through the bare loops, into a database of their own."""
    name = f"bench-{way}-{messages[0].key.decode()}"
    await create_topics(stack.settings["SAMVAD_KAFKA"], {name: (TOPICS[COMPLAINTS].partitions, {})})
    other = database.client.get_database(name, write_concern=database.write_concern)
    tickets = [message.key.decode() for message in messages]
    receipts = await database["receipts"].find({"_id": {"$in": tickets}}).to_list(None)
    await other["receipts"].insert_many(receipts)
    example = await database["cases"].find_one({"notices.seen.case": {"$gte": 1}})
    assert example is not None
    told = await database["messages"].find({"ticket": example["_id"]}).to_list(None)
    await other["example"].insert_one({"_id": 1, "case": example, "messages": told})
    async with AsyncExitStack() as exits:
        children.start(exits, stack, *(("services.bench.bare_pipeline", role, way, name) for role in ROLES))
        moved = [replace(message, topic=name) for message in messages]
        rate = await _through(other, publisher, moved)
    await database.client.drop_database(name)
    return rate


async def _through(
    database: mongo.Database, publisher: Publisher, messages: Sequence[Message]
) -> float:
    """Publish and wait until every case is routed, timed and planned; cases a second."""
    before = await database["messages"].estimated_document_count()
    tickets = [message.key.decode() for message in messages]
    began = time.perf_counter()
    await publish_all(publisher, messages)
    wanted = before + MESSAGES_A_CASE * len(messages)

    async def through() -> bool:
        told = await database["messages"].estimated_document_count()
        return told >= wanted and await _done(database, tickets)

    fault = "the cases do not come through"
    await until(through, fault, within=PATIENCE_SECONDS, every=LOOK_SECONDS)
    return len(messages) / (time.perf_counter() - began)


async def _done(database: mongo.Database, tickets: Sequence[str]) -> bool:
    """Every room has followed what the others announced. Asked last, since it walks the cases."""
    count = await database["cases"].count_documents(
        {
            "_id": {"$in": list(tickets)},
            "case.n": 1,
            "sla.seen.case": 1,
            "notices.seen.case": 1,
            "sla.seen.intake": 1,
            "notices.seen.intake": 1,
        }
    )
    return count == len(tickets)
