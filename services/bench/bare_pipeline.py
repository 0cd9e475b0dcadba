"""The bare baseline of the pipeline: an aiokafka consumer, motor, orjson, and no layer of ours. A process:

    python -m services.bench.bare_pipeline ROLE WAY NAME

ROLE is routing, sla or notify; WAY `batch` takes up to 500 records and writes them in one bulk, `single`
reads, writes and publishes record by record. NAME is the topic and the database. The documents are those of
a case that the real services made (database's `example`), with other tickets: the same fields, sizes,
indexes, reads, writes, publishes and commits. Nothing is validated, unsealed, decided, guarded or told.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import InsertOne, UpdateOne
from pymongo.write_concern import WriteConcern

from services.kernel.adapters.case_document import INDEXES
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.events import CaseAssigned, CaseFiled
from services.notify.adapters import message_document

BATCH = 500
Document = dict[str, Any]


class Loop:
    """One role's loop over one topic."""

    def __init__(
        self, role: str, topic: str, database: Any, producer: AIOKafkaProducer, example: Document
    ) -> None:
        self.role = role
        self.topic = topic
        self.cases = database["cases"]
        self.receipts = database["receipts"]
        self.messages = database["messages"]
        self.producer = producer
        self.case: Document = example["case"]
        self.told: list[Document] = example["messages"]
        entry = self.case["case"]["outbox"]
        self.announced = bytes(entry[0]["value"]) if entry else b"0" * 700
        self.headers = [(f"ce_header_{i}", b"0" * 20) for i in range(7)]

    async def handle(self, records: Sequence[Any]) -> None:
        """Read, write and publish what the role owes to these records."""
        filed = [r for r in records if _type(r) == CaseFiled.TYPE.encode()]
        assigned = [r for r in records if _type(r) == CaseAssigned.TYPE.encode()]
        mine = filed if self.role == "routing" else [*filed, *assigned]
        if not mine:
            return
        for record in mine:
            orjson.loads(record.value)
        tickets = list({record.key.decode() for record in mine})
        await self.cases.find({"_id": {"$in": tickets}}, {self._room: 1}).to_list(None)
        if self.role != "sla":
            await self.receipts.find(
                {"_id": {"$in": tickets}}, {"event.value": 1, "wrapped_key": 1}
            ).to_list(None)
        if self.role == "notify":
            inserts = [m for r in filed for m in self._messages(r, CaseFiled.TYPE)]
            inserts += [m for r in assigned for m in self._messages(r, CaseAssigned.TYPE)]
            await self.messages.bulk_write([InsertOne(m) for m in inserts], ordered=False)
        new = {record.key for record in filed}
        writes = [self._first(record, assigned) for record in filed]
        writes += [self._second(record) for record in assigned if record.key not in new]
        if self.role == "routing":
            writes = [self._first(record, ()) for record in filed]
        await self.cases.bulk_write(writes, ordered=False)
        if self.role == "routing":
            sent = [
                await self.producer.send(
                    self.topic,
                    self.announced,
                    record.key,
                    headers=[("ce_type", CaseAssigned.TYPE.encode()), *self.headers],
                )
                for record in filed
            ]
            await asyncio.gather(*sent)

    @property
    def _room(self) -> str:
        return {"routing": "case", "sla": "sla", "notify": "notices"}[self.role]

    def _first(self, record: Any, assigned: Sequence[Any]) -> UpdateOne:
        both = any(other.key == record.key for other in assigned)
        room = {**self.case[self._room], "n": 1 if self.role == "routing" else 0}
        if self.role != "routing":
            room["seen"] = {"intake": 1, "case": int(both)}
        ticket = record.key.decode()
        return UpdateOne({"_id": ticket}, {"$set": {self._room: room}}, upsert=True)

    def _second(self, record: Any) -> UpdateOne:
        sets: Document = {f"{self._room}.seen.case": 1}
        if self.role == "sla":
            sets["sla.department"] = self.case["sla"]["department"]
        return UpdateOne({"_id": record.key.decode()}, {"$set": sets}, upsert=True)

    def _messages(self, record: Any, kind: str) -> list[Document]:
        ticket = record.key.decode()
        return [
            {**told, "_id": f"{ticket}{told['_id'][10:]}", "ticket": ticket}
            for told in self.told
            if told["event"] == kind
        ]


def _type(record: Any) -> bytes:
    found: bytes = next((value for name, value in record.headers if name == "ce_type"), b"")
    return found


async def _main(role: str, way: str, name: str) -> None:
    settings = Settings()
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(settings.mongo, tz_aware=True)
    database = client.get_database(name, write_concern=WriteConcern(w="majority", j=True))
    example = await database["example"].find_one({"_id": 1})
    assert example is not None
    await database["cases"].create_indexes(INDEXES)
    await database["messages"].create_indexes(message_document.INDEXES)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", enable_idempotence=True, linger_ms=0
    )
    await producer.start()
    consumer = AIOKafkaConsumer(
        name,
        bootstrap_servers=settings.kafka,
        group_id=f"{name}-{role}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    loop = Loop(role, name, database, producer, example)
    while not consumer.assignment():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    print("ready", flush=True)
    while True:
        taken = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
        records = [record for some in taken.values() for record in some]
        if not records:
            continue
        if way == "batch":
            await loop.handle(records)
        else:
            for record in records:
                await loop.handle([record])
        await consumer.commit()


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
