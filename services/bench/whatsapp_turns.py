"""Turns a second of the chatbot's worker, against a bare loop that reads, writes and sends for each message.

The records lie on the topic before the process starts: everybody's first message, then everybody's second,
so that hardly anybody is twice in a batch. The clock runs from the first records that the process is given
until the offsets of all are committed.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.bench import children
from services.bench.figures import Figure, against, plain
from services.bench.filings import master_keys, publish_all
from services.bench.ground import Say, Scale, until
from services.bench.processes import processor_seconds
from services.bench.whatsapp_talk import STEPS, Said, body
from services.cli.stack import Stack
from services.intake.whatsapp.conversation.adapters.conversation_store import (
    COLLECTION,
    ConversationStore,
)
from services.intake.whatsapp.webhook.body import read, take_apart
from services.intake.whatsapp.webhook.records import Records
from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.kafka import Publisher, TopicConfig, create_topics
from services.kernel.adapters.settings import DEVELOPMENT_SECRET
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Message
from services.kernel.contracts.topics import MESSAGES, WHATSAPP_INBOUND
from services.kernel.domain.naming import Names

LEAST = 0.5
TURNS = STEPS.index("confirm")
"""Up to the card: what is filed costs more than a turn."""
GROUP = "samvad-conversation"
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.05
PEOPLE = Names(DEVELOPMENT_SECRET)
BARE = "bench-turns"


async def measure(stack: Stack, first: int, scale: Scale, say: Say) -> list[Figure]:
    """Ours and the bare one by turns. `stack`: a line whose processes are stopped but for the stores."""
    people = scale.intake
    ours: list[_Run] = []
    bare: list[_Run] = []
    async with AsyncExitStack() as exits:
        ground = await _ground(stack, exits)
        await _examples(ground, range(first, first + TURNS))
        first += TURNS
        for run in range(scale.runs):
            ours.append(await _ours(ground, range(first, first + people)))
            bare.append(await _bare(ground, range(first, first + people), run))
            first += people
            say(f"turns {run + 1}/{scale.runs}: {ours[-1].rate:.0f}/s, bare {bare[-1].rate:.0f}/s")
        await ground.database.client.drop_database(BARE)
    our_rates, bare_rates = ([one.rate for one in runs] for runs in (ours, bare))
    return [
        against("turns of the chatbot", our_rates, bare_rates, "turns/s", least=LEAST),
        plain("turn core time", statistics.median(one.cost for one in ours), "core-ms/turn"),
        plain("bare turn core time", statistics.median(one.cost for one in bare), "core-ms/turn"),
    ]


@dataclass(frozen=True)
class _Run:
    """Turns a second; core-ms of the process for each."""

    rate: float
    cost: float


@dataclass(frozen=True)
class _Ground:
    """Stores, and what asks how far a group is."""

    stack: Stack
    database: mongo.Database
    publisher: Publisher
    admin: AIOKafkaAdminClient
    offsets: AIOKafkaConsumer

    async def ends(self, topic: str) -> dict[TopicPartition, int]:
        """Where each partition ends now."""
        partitions = [TopicPartition(topic, n) for n in range(TOPICS[WHATSAPP_INBOUND].partitions)]
        ends: dict[TopicPartition, int] = await self.offsets.end_offsets(partitions)
        return ends

    async def committed(self, group: str, wanted: dict[TopicPartition, int]) -> bool:
        """Whether the group has done all of it."""
        done = await self.admin.list_consumer_group_offsets(group)
        return all(
            not end or (partition in done and done[partition].offset >= end)
            for partition, end in wanted.items()
        )


async def _ground(stack: Stack, exits: AsyncExitStack) -> _Ground:
    kafka = stack.settings["SAMVAD_KAFKA"]
    database = mongo.connect(stack.settings["SAMVAD_MONGO"], "samvad")
    exits.callback(mongo.close, database)
    publisher = Publisher(kafka, client_id="bench")
    exits.push_async_callback(publisher.stop)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    exits.push_async_callback(admin.close)
    offsets = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await offsets.start()
    exits.push_async_callback(offsets.stop)
    return _Ground(stack, database, publisher, admin, offsets)


# ---------------------------------------------------------------- the two


async def _ours(ground: _Ground, people: range) -> _Run:
    """Raises RuntimeError when a conversation is not where it should be, or a reply is missing."""
    messages = _records(people, TURNS)
    words = ("services.bench.whatsapp_worker",)
    run = await _through(ground, messages, words, WHATSAPP_INBOUND, MESSAGES, GROUP)
    names = [PEOPLE.phone(f"+{Said(person, 0).wa_id}") for person in people]
    stored = await ConversationStore(ground.database, master_keys()).read(names)
    drafts = [one.memory.conversation.draft for one in stored]
    if len(drafts) != len(people) or any(d is None or d.step != "confirm" for d in drafts):
        raise RuntimeError("not every conversation has come to the card")
    return run


async def _bare(ground: _Ground, people: range, run: int) -> _Run:
    """The same records on a topic of their own, replies on another. Raises RuntimeError as `_ours`."""
    topic, replies = f"{BARE}-{run}", f"{BARE}-{run}-replies"
    partitions = TOPICS[WHATSAPP_INBOUND].partitions
    wanted: dict[str, TopicConfig] = {name: (partitions, {}) for name in (topic, replies)}
    await create_topics(ground.stack.settings["SAMVAD_KAFKA"], wanted)
    client = ground.database.client
    database = client.get_database(topic, write_concern=ground.database.write_concern)
    await database["example"].insert_many(await client[BARE]["example"].find().to_list(None))
    messages = [replace(message, topic=topic) for message in _records(people, TURNS)]
    words = ("services.bench.bare_turns", topic, replies)
    done = await _through(ground, messages, words, topic, replies, topic)
    one_of_them = {"names": PEOPLE.phone(f"+{Said(people[0], 0).wa_id}")}
    found = [await one[COLLECTION].find_one(one_of_them) for one in (database, ground.database)]
    if set(found[0] or ()) != set(found[1] or ()):
        raise RuntimeError("the bare loop does not write what ours writes")
    await client.drop_database(topic)
    return done


async def _through(
    ground: _Ground,
    messages: Sequence[Message],
    words: tuple[str, ...],
    topic: str,
    replies: str,
    group: str,
) -> _Run:
    """Publish, then start the process and wait until all is done. Raises RuntimeError when not every record
    is replied to."""
    await publish_all(ground.publisher, messages)
    ends = await ground.ends(topic)
    before = sum((await ground.ends(replies)).values())

    async def done() -> bool:
        return await ground.committed(group, ends)

    async with AsyncExitStack() as exits:
        (child,) = await asyncio.to_thread(children.start, exits, ground.stack, words)
        began, spent = time.perf_counter(), processor_seconds(child.pid)
        fault = f"{words[0]} does not come through"
        await until(done, fault, within=PATIENCE_SECONDS, every=LOOK_SECONDS)
        seconds = time.perf_counter() - began
        spent = processor_seconds(child.pid) - spent
    replied = sum((await ground.ends(replies)).values()) - before
    if replied != len(messages):
        raise RuntimeError(f"{replied} replies to {len(messages)} messages")
    return _Run(len(messages) / seconds, spent / len(messages) * 1000)


# ---------------------------------------------------------------- what is said


def _records(people: Sequence[int], turns: int) -> list[Message]:
    """As the webhook appends them."""
    now = system_clock()()
    records = Records(PEOPLE, {}, "janjgir-champa")
    return [
        records.message(piece, now)
        for step in range(turns)
        for person in people
        for piece in take_apart(read(body([Said(person, step)], now.timestamp()))).pieces
    ]


async def _examples(ground: _Ground, people: range) -> None:
    """What ours has stored after one message, after two, and so on: of each person one more."""
    messages = [one for turns, person in enumerate(people, 1) for one in _records([person], turns)]
    words = ("services.bench.whatsapp_worker",)
    await _through(ground, messages, words, WHATSAPP_INBOUND, MESSAGES, GROUP)
    examples = ground.database.client[BARE]["example"]
    await examples.drop()
    for number, person in enumerate(people):
        name = PEOPLE.phone(f"+{Said(person, 0).wa_id}")
        found = await ground.database[COLLECTION].find_one({"names": name})
        assert found is not None
        # of one batch all replies lie there; the last is what the last message was answered
        found["outbox"] = found["outbox"][-1:]
        await examples.insert_one({**found, "_id": number})
