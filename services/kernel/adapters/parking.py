"""Where rejected records wait, with every later record of the same key behind them.

The store is the truth, in the order of arrival; the dead-letter topic holds a copy for the ops team.
A requeue only marks the key: the consumer that owns the partition handles the records itself, in order,
before any newer record of the key.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.guard import key_of
from services.kernel.adapters.outbox import Publishes
from services.kernel.contracts.catalogue import FOR_EVER, TOPICS
from services.kernel.contracts.codec import Message, Record, beside_the_case
from services.kernel.contracts.events import RecordDead
from services.kernel.contracts.topics import DEAD_LETTERS

COLLECTION = "parked"
DROPPED = "parked_dropped"
"""Where records lie that were given up, with who, when and why."""
KNOWN_SECONDS = 1.0
"""How long the parked keys that were read count as all there are. What another process parks meanwhile, of
partitions that it no longer owns, does no harm: by their numbers its records are told from new ones."""
MOST_KNOWN = 10_000
"""More parked keys than these are asked for one by one."""
INDEXES = [
    mongo.IndexModel([("consumer", 1), ("key", 1), ("partition", 1), ("offset", 1)]),
    mongo.IndexModel([("consumer", 1), ("drain", 1)], sparse=True),
    mongo.IndexModel([("expires_at", 1)], expireAfterSeconds=0),
    mongo.IndexModel([("consumer", 1), ("reason", 1), ("partition", 1), ("key", 1)]),
]


class Parking:
    """The parked records of one consumer."""

    def __init__(
        self, consumer: str, database: mongo.Database, publisher: Publishes, clock: Clock
    ) -> None:
        self.consumer = consumer
        self._parked = database[COLLECTION]
        self._publisher = publisher
        self._clock = clock
        self._known: set[str] | None = None
        self._known_until = 0.0
        self._forgotten = 0

    async def parked_keys(self, keys: Sequence[str]) -> set[str]:
        """Which of `keys` are parked, out of what was read of them all within the last second."""
        fresh = time.monotonic() < self._known_until
        known = self._known if fresh else await self._read_known()
        if known is not None:
            return known.intersection(keys)
        async with mongo.store_errors():
            return set(
                await self._parked.distinct(
                    "key", {"consumer": self.consumer, "key": {"$in": list(set(keys))}}
                )
            )

    def forget(self) -> None:
        """Read the parked keys anew at the next question: partitions came that others had."""
        self._known_until = 0.0
        self._forgotten += 1

    async def _read_known(self) -> set[str] | None:
        until, forgotten = time.monotonic() + KNOWN_SECONDS, self._forgotten
        async with mongo.store_errors():
            count = await self._parked.count_documents(
                {"consumer": self.consumer}, limit=MOST_KNOWN + 1
            )
            known = (
                set(await self._parked.distinct("key", {"consumer": self.consumer}))
                if 0 < count <= MOST_KNOWN
                else set()
            )
        answer = known if count <= MOST_KNOWN else None
        if self._forgotten == forgotten:
            # else something was parked meanwhile (the clock's loop asks too), and this may not hold it
            self._known, self._known_until = answer, until
        return answer

    async def park(self, records: Sequence[tuple[Record, str | None]]) -> None:
        """Idempotent: a record that is parked already stays as it is. The copy goes first: once the record
        is stored, a batch that is run again takes it for one that only waits."""
        now = self._clock()
        await self._publisher.publish(
            [self._dead_letter(record, reason) for record, reason in records if reason is not None]
        )
        try:
            async with mongo.store_errors():
                await self._parked.insert_many(
                    [self._document(record, reason, now) for record, reason in records],
                    ordered=False,
                )
        except mongo.BulkWriteError as error:
            mongo.duplicates(error)
        finally:
            self.forget()  # also when it is not known what of it the store has taken
        await self.measure()

    async def keys_to_drain(self, partitions: Sequence[int]) -> list[str]:
        """Keys that were marked, and keys that wait behind nothing: a drain was cut short, or its mark is
        older than a record that came after it."""
        mine = {"consumer": self.consumer, "partition": {"$in": list(partitions)}}
        async with mongo.store_errors():
            marked = await self._parked.distinct("key", {**mine, "drain": True})
            waiting = set(await self._parked.distinct("key", {**mine, "reason": None}))
            behind = (
                await self._parked.distinct(
                    "key", {**mine, "key": {"$in": list(waiting)}, "reason": {"$ne": None}}
                )
                if waiting
                else ()
            )
        await self.measure()
        return sorted({*marked, *(waiting - set(behind))})

    async def waiting(self, key: str) -> list[Record]:
        async with mongo.store_errors():
            found = await self._parked.find(
                {"consumer": self.consumer, "key": key}, sort=[("partition", 1), ("offset", 1)]
            ).to_list(None)
        return [_record(document) for document in found]

    async def release(self, record: Record) -> None:
        async with mongo.store_errors():
            await self._parked.delete_one({"_id": self._id(record)})
        self.forget()
        await self.measure()

    async def keep(self, key: str, record: Record, reason: str) -> None:
        """It was rejected again: the reason is renewed and the key waits for the next requeue."""
        async with mongo.store_errors():
            await self._parked.update_one({"_id": self._id(record)}, {"$set": {"reason": reason}})
            await self._parked.update_many(
                {"consumer": self.consumer, "key": key}, {"$unset": {"drain": ""}}
            )

    async def measure(self) -> None:
        async with mongo.store_errors():
            count = await self._parked.count_documents({"consumer": self.consumer})
        metrics.PARKED.labels(self.consumer).set(count)

    def _id(self, record: Record) -> str:
        return f"{self.consumer}/{record.topic}/{record.partition}/{record.offset}"

    def _document(self, record: Record, reason: str | None, now: Any) -> dict[str, Any]:
        return {
            "_id": self._id(record),
            "consumer": self.consumer,
            "key": key_of(record),
            "reason": reason,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "raw_key": record.key,
            "headers": [[name, value] for name, value in record.headers],
            "value": record.value,
            "timestamp_ms": record.timestamp_ms,
            "parked_at": now,
            **_expiry(record.topic, now),
        }

    def _dead_letter(self, record: Record, reason: str | None) -> Message:
        dead = RecordDead(
            consumer=self.consumer,
            reason=reason or "",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=_base64(record.key),
            headers=tuple((name, _base64(value) or "") for name, value in record.headers),
            value=_base64(record.value),
            at=self._clock(),
        )
        return beside_the_case(
            dead,
            DEAD_LETTERS,
            self.consumer,
            key=record.key or b"",
            ce_id=self._id(record),
            traceparent=record.header("traceparent"),
        )


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode()


def _record(document: Mapping[str, Any]) -> Record:
    return Record(
        topic=document["topic"],
        partition=document["partition"],
        offset=document["offset"],
        key=document["raw_key"],
        headers=tuple((name, bytes(value)) for name, value in document["headers"]),
        value=None if document["value"] is None else bytes(document["value"]),
        timestamp_ms=document["timestamp_ms"],
    )


def _expiry(topic: str, now: datetime) -> dict[str, datetime]:
    """What a topic forgets is not kept here for longer: what people wrote by WhatsApp lies in the clear."""
    kept = TOPICS[topic].retention_ms if topic in TOPICS else FOR_EVER
    return {} if kept == FOR_EVER else {"expires_at": now + timedelta(milliseconds=kept)}
