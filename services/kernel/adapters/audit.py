"""Reconciliation: nothing lost, nothing doubled, told by three witnesses that do not know one another.

Receipts (what was promised to citizens), cases (what officers see) and, on request, the topic (what was
announced). It must read 0 unaccounted and 0 doubled.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.kernel.adapters import mongo
from services.kernel.adapters.kafka import read_whole
from services.kernel.contracts.codec import EventId, Undecodable
from services.kernel.contracts.events import CaseFiled
from services.kernel.contracts.topics import COMPLAINTS

GRACE_SECONDS = 60.0
NAMED = 20


@dataclass(frozen=True)
class Audit:
    """`accepted` receipts, `stored` cases; `unaccounted`: promised but not there after the grace time, or
    there but never promised, or known to the topic alone; `doubled`: causes with more than one ticket.
    `lost` are the unaccounted, each once, whichever witnesses miss it; `tickets` names up to twenty."""

    accepted: int
    stored: int
    doubled: int
    lost: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def unaccounted(self) -> int:
        return len(self.lost)

    @property
    def tickets(self) -> tuple[str, ...]:
        return tuple(sorted(self.lost)[:NAMED])


async def unaccounted_lately(
    database: mongo.Database, now: datetime, *, grace_seconds: float = GRACE_SECONDS
) -> int:
    """Receipts of the last day that have no case after the grace time: for the gauge, which is asked
    often. The whole comparison is `count`. Raises Unavailable."""
    before = now - timedelta(seconds=grace_seconds)
    window = {"$gte": before - timedelta(days=1), "$lt": before}
    async with mongo.store_errors():
        return len(
            await _without(database["receipts"], {"received_at": window}, "cases", "case.n")
        )


async def count(
    database: mongo.Database, now: datetime, grace_seconds: float = GRACE_SECONDS
) -> Audit:
    """Receipts against cases, in the store alone. Raises Unavailable."""
    receipts, cases = database["receipts"], database["cases"]
    before = now - timedelta(seconds=grace_seconds)
    async with mongo.store_errors():
        accepted = await receipts.count_documents({})
        stored = await cases.count_documents({"case.n": {"$gte": 1}})
        missing = await _without(
            receipts, {"received_at": {"$lt": before}}, "cases", "case.n"
        )
        orphans = await _without(cases, {"case.n": {"$gte": 1}}, "receipts", "received_at")
        doubled = await receipts.aggregate(
            [
                {"$group": {"_id": ["$channel", "$client", "$key"], "tickets": {"$sum": 1}}},
                {"$match": {"tickets": {"$gt": 1}}},
                {"$count": "causes"},
            ],
            allowDiskUse=True,
        ).to_list(None)
    causes = doubled[0]["causes"] if doubled else 0
    return Audit(accepted, stored, causes, frozenset([*missing, *orphans]))


async def _without(
    collection: mongo.Collection, match: dict[str, object], other: str, field_there: str
) -> list[str]:
    """Ids of `collection` that have no counterpart with `field_there` in `other`."""
    found = await collection.aggregate(
        [
            {"$match": match},
            {"$project": {"_id": 1}},
            {
                "$lookup": {
                    "from": other,
                    "localField": "_id",
                    "foreignField": "_id",
                    "pipeline": [
                        {"$match": {field_there: {"$exists": True}}},
                        {"$project": {"_id": 1}},
                    ],
                    "as": "there",
                }
            },
            {"$match": {"there": []}},
        ],
        allowDiskUse=True,
    ).to_list(None)
    return [doc["_id"] for doc in found]


async def witness(database: mongo.Database, kafka: str, audit: Audit) -> Audit:
    """`audit` with the topic heard: a `filed` that no receipt knows, or a published receipt that the
    topic lacks, is unaccounted as well. Reads the whole topic. Raises Unavailable."""
    async with mongo.store_errors():
        published = await _ids(database["receipts"], {"unsent_since": None})
    heard: set[str] = set()
    async for record in read_whole(kafka, COMPLAINTS):
        if record.header("ce_type") == CaseFiled.TYPE:
            try:
                heard.add(EventId.parse(record.header("ce_id") or "").ticket)
            except Undecodable:
                continue  # not an event of ours: the guard sets it aside and the parking tells of it
    async with mongo.store_errors():
        known = await _ids(database["receipts"], {})
    return replace(audit, lost=audit.lost | (heard - known) | (published - heard))


async def _ids(collection: mongo.Collection, match: dict[str, object]) -> set[str]:
    """Not by `distinct`, whose answer must fit into 16 MB: some 700 000 tickets."""
    return {doc["_id"] async for doc in collection.find(match, {"_id": 1})}
