"""The bare baseline of the timers: motor, aiokafka, and no layer of ours. Run as a process:

    python -m services.bench.bare_timers TOPIC BUCKETS_FROM

It fires what is due in the 256 buckets from BUCKETS_FROM, as ours does in those from 0: one find of up to
500, one bulk of guarded updates that claim the cases with their outboxes, one publish of what they say (as
ours, one event for a warning and two for a breach), one update that trims. The documents, their guards,
indexes, sizes and acknowledgements are those of ours. Nothing is decided: no rung is worked out, no calendar
asked, no event validated, nobody's turn waited for.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import UpdateMany, UpdateOne
from pymongo.write_concern import WriteConcern

from services.kernel.adapters.due import BUCKETS, LONGEST_SLEEP_SECONDS
from services.kernel.adapters.settings import Settings

LIMIT = 500
LATER = timedelta(days=30)
READS = {"sla": 1, "case.n": 1, "notices.n": 1}
WARNING = ("samvad.sla.warned.v1",)
BREACH = ("samvad.sla.breached.v1", "samvad.sla.escalated.v1")
Document = dict[str, Any]


class Loop:
    """One loop over the due index."""

    def __init__(self, cases: Any, producer: AIOKafkaProducer, topic: str, first: int) -> None:
        self._cases = cases
        self._producer = producer
        self._topic = topic
        self._mine = {"sla.bucket": {"$in": list(range(first, first + BUCKETS))}}

    async def run(self) -> None:
        while True:
            now = datetime.now(UTC)
            found = await self._cases.find(
                {**self._mine, "sla.next_at": {"$lt": now}, "$expr": {"$and": UP_TO_DATE}},
                READS,
                sort=[("sla.next_at", 1)],
                limit=LIMIT,
            ).to_list(None)
            if found:
                await self._fire(found, now)
            if len(found) < LIMIT:
                await asyncio.sleep(await self._idle())

    async def _idle(self) -> float:
        """Seconds until the next is due, at most the longest sleep."""
        following = await self._cases.find_one(
            self._mine, {"sla.next_at": 1}, sort=[("sla.next_at", 1)]
        )
        if following is None:
            return LONGEST_SLEEP_SECONDS
        wait: float = (following["sla"]["next_at"] - datetime.now(UTC)).total_seconds()
        return min(LONGEST_SLEEP_SECONDS, max(0.001, wait))

    async def _fire(self, found: Sequence[Document], now: datetime) -> None:
        entries = {doc["_id"]: entries_of(doc["_id"], doc["sla"]) for doc in found}
        await self._cases.bulk_write(
            [claim_of(doc, entries[doc["_id"]], now) for doc in found], ordered=False
        )
        sent = [
            await self._producer.send(
                self._topic, entry["value"], ticket.encode(), headers=headers_of(ticket, entry)
            )
            for ticket, some in entries.items()
            for entry in some
        ]
        await asyncio.gather(*sent)
        by_n: dict[int, list[str]] = {}
        for ticket, some in entries.items():
            by_n.setdefault(some[-1]["n"], []).append(ticket)
        await self._cases.bulk_write(
            [trim_of(n, tickets) for n, tickets in by_n.items()], ordered=False
        )


UP_TO_DATE = [
    {"$eq": [{"$ifNull": [f"${room}.n", 0]}, {"$ifNull": [f"$sla.seen.{room}", 0]}]}
    for room in ("case", "notices")
]


def entries_of(ticket: str, sla: Document) -> list[Document]:
    """What a case says when it fires, as it lies in its outbox."""
    at = sla["next_at"]
    event = {
        "district": sla["district"],
        "ticket": ticket,
        "at": at,
        "cycle": sla["cycle"],
        "target": "acknowledge",
        "due_at": sla["targets"]["acknowledge"]["due_at"],
        "percent": 80,
    }
    return [
        {
            "n": sla["n"] + number,
            "type": kind,
            "time": at,
            "value": orjson.dumps(event),
            "tp": f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-01",
        }
        for number, kind in enumerate(BREACH if sla["n"] else WARNING, start=1)
    ]


def claim_of(doc: Document, entries: Sequence[Document], now: datetime) -> UpdateOne:
    """The guarded update, with as many fields as ours: `n` and what has been seen must be as they were."""
    sla, at = doc["sla"], entries[-1]["time"]
    acknowledge = sla["targets"]["acknowledge"]
    guards = {f"sla.seen.{name}": n or {"$in": [None, 0]} for name, n in sla["seen"].items()}
    others = {
        f"{room}.n": doc.get(room, {}).get("n") or {"$in": [None, 0]} for room in ("case", "notices")
    }
    return UpdateOne(
        {
            "_id": doc["_id"],
            "sla.n": sla["n"] or {"$in": [None, 0]},
            "sla.next_at": at,
            **guards,
            **others,
        },
        {
            "$set": {
                "sla.n": entries[-1]["n"],
                "sla.next_at": at + LATER,
                "sla.last_fired": at,
                "sla.targets": {**sla["targets"], "acknowledge": {**acknowledge, "warned_at": at}},
                "sla.fired": [*sla.get("fired", ()), "1/0/acknowledge/warning/0"],
                **{f"sla.seen.{name}": n for name, n in sla["seen"].items()},
                "sla.outbox": list(entries),
                "sla.unsent_since": now,
            }
        },
    )


def trim_of(n: int, tickets: Sequence[str]) -> UpdateMany:
    """What was published is taken out, of cases that have said nothing since."""
    return UpdateMany(
        {"_id": {"$in": list(tickets)}, "sla.n": n},
        {"$set": {"sla.outbox": []}, "$unset": {"sla.unsent_since": ""}},
    )


def headers_of(ticket: str, entry: Document) -> list[tuple[str, bytes]]:
    """As many and as long as ours."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", f"{ticket}/sla/{entry['n']}".encode()),
        ("ce_source", b"/samvad/sla"),
        ("ce_type", entry["type"].encode()),
        ("ce_subject", ticket.encode()),
        ("ce_time", entry["time"].isoformat(timespec="milliseconds").encode()),
        ("content-type", b"application/json"),
        ("traceparent", entry["tp"].encode()),
    ]


async def _main(topic: str, first: str) -> None:
    settings = Settings()
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        settings.mongo, tz_aware=True, retryWrites=False
    )
    database = client.get_database(
        settings.database, write_concern=WriteConcern(w="majority", j=True)
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=256 * 1024,
    )
    await producer.start()
    print("ready", flush=True)
    await Loop(database["cases"], producer, topic, int(first)).run()


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
