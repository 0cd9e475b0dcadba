"""The bare baseline of the chatbot's worker: aiokafka, motor, orjson, and no layer of ours. Run as a process;
says `ready` when it is given its first records:

    python -m services.bench.bare_turns TOPIC REPLIES

TOPIC is also the database, REPLIES the topic of replies. It takes up to 500 records, as ours; the people in
them beside one another, 64 at once, as ours, and each one's messages in their order: read its JSON, find the
person's document by the name, replace it under its version (or insert it), and send the replies and wait for
them. When all are done the offsets are committed. So a message costs one read, one write and one send.

What it writes and sends after a person's n-th message is what ours did (collection `example`): the same
fields, sizes, indexes, headers and acknowledgements, under other names. Nothing is validated, opened, sealed,
understood, decided or said, no repetition is known, nothing is retried.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.write_concern import WriteConcern

from services.intake.whatsapp.conversation.adapters.conversation_store import COLLECTION, INDEXES
from services.intake.whatsapp.conversation.adapters.turns import AT_ONCE
from services.kernel.adapters.settings import Settings

Document = dict[str, Any]


class Loop:
    """`examples`: what a conversation is after its first message, its second, and so on."""

    def __init__(
        self,
        conversations: Any,
        producer: AIOKafkaProducer,
        replies: str,
        examples: Sequence[Document],
    ) -> None:
        self._conversations = conversations
        self._producer = producer
        self._replies = replies
        self._examples = examples
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def handle(self, records: Sequence[Any]) -> None:
        by_person: dict[bytes, list[Any]] = defaultdict(list)
        for record in records:
            by_person[record.key].append(record)
        await asyncio.gather(*(self._person(key, some) for key, some in by_person.items()))

    async def _person(self, key: bytes, records: Sequence[Any]) -> None:
        async with self._slots:
            for record in records:
                orjson.loads(record.value)
                await self._turn(key)

    async def _turn(self, key: bytes) -> None:
        name = key.decode()
        found = await self._conversations.find_one({"names": name})
        version = found["v"] if found is not None else 0
        example = self._examples[min(version, len(self._examples) - 1)]
        document = {
            **example,
            "_id": name,
            "names": [name, name[::-1]],
            "v": version + 1,
            "touched_at": datetime.now(UTC),
        }
        await self._conversations.replace_one({"_id": name, "v": version}, document, upsert=True)
        for reply in example["outbox"]:
            headers = [(header, bytes(value)) for header, value in reply["headers"]]
            await self._producer.send_and_wait(
                self._replies, bytes(reply["value"]), key, headers=headers
            )


async def _main(topic: str, replies: str) -> None:
    settings = Settings()
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(settings.mongo, tz_aware=True)
    database = client.get_database(topic, write_concern=WriteConcern(w="majority", j=True))
    examples = await database["example"].find().sort("_id", 1).to_list(None)
    await database[COLLECTION].create_indexes(INDEXES)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=256 * 1024,
    )
    await producer.start()
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka,
        group_id=topic,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=settings.batch,
    )
    await consumer.start()
    loop = Loop(database[COLLECTION], producer, replies, examples)
    is_new = True
    while True:
        taken = await consumer.getmany(timeout_ms=1000)
        records = [record for some in taken.values() for record in some]
        if not records:
            continue
        if is_new:
            print("ready", flush=True)
            is_new = False
        await loop.handle(records)
        await consumer.commit()


if __name__ == "__main__":
    # motor has ten threads of its own here, and they are not to be the limit
    os.environ.setdefault("MOTOR_MAX_WORKERS", str(AT_ONCE))
    uvloop.run(_main(*sys.argv[1:]))
