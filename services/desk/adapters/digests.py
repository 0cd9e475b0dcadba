"""What the daily digests tell of a district's cases, and which days' were asked for, in MongoDB.

Each query begins with what an index begins with. Texts and histories are not fetched, and the cases of
departments are counted without reading a document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

from services.desk.adapters.query import ORDER
from services.desk.core.digests import Counts, Day, DistrictFigures, DueCase, Listed
from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS

NOTES = "digests"
LONGEST_MS = 15_000
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_ROW = {"case.service": 1, "case.state": 1, "case.confidential": 1, "sla.deadline": 1}


class StoredDigestCases:
    def __init__(self, database: mongo.Database) -> None:
        self._cases = database[CASES]
        self._receipts = database[RECEIPTS]

    async def owing(self, district: str, day: Day) -> set[str]:
        async with mongo.store_errors():
            groups = await self._cases.aggregate(
                [
                    {"$match": {"case.district": district, **_due_before(day.end)}},
                    {"$group": {"_id": "$case.officer"}},
                ],
                maxTimeMS=LONGEST_MS,
            ).to_list(None)
        return {group["_id"] for group in groups if group["_id"] is not None}

    async def due(
        self,
        district: str,
        officer: str,
        hidden: Collection[str],
        since: datetime | None,
        until: datetime,
        limit: int,
    ) -> Listed:
        match = {"case.officer": officer, "case.district": district, **_due(since, until)}
        return await self._listed({**match, **_without(hidden)}, limit)

    async def figures(
        self, district: str, hidden: Collection[str], day: Day, now: datetime, limit: int
    ) -> DistrictFigures:
        overdue = {"case.district": district, **_due_before(now), **_without(hidden)}
        yesterday = {"$gte": day.before, "$lt": day.start}
        longest = await self._find(overdue, limit)
        return DistrictFigures(
            departments=await self._departments(district, day, now),
            filed_yesterday=await self._count(
                self._receipts, {"received_at": yesterday, "district": district}
            ),
            closed_yesterday=await self._count(
                self._cases,
                {"sla.district": district, "sla.ended_at": yesterday, "case.state": "closed"},
            ),
            # a recorded breach bears the instant at which the case was due
            breached_yesterday=await self._count(
                self._cases,
                {
                    "case.district": district,
                    "case.open": {"$in": [True, False]},
                    "sla.deadline": yesterday,
                    "sla.targets.resolve.breached_at": yesterday,
                },
            ),
            longest=longest,
        )

    async def _departments(
        self, district: str, day: Day, now: datetime
    ) -> Mapping[str | None, Counts]:
        limit = "$sla.deadline"
        over = {"$and": [{"$gt": [limit, None]}, {"$lt": [limit, now]}]}
        today = {"$and": [{"$gte": [limit, now]}, {"$lt": [limit, day.end]}]}
        async with mongo.store_errors():
            groups = await self._cases.aggregate(
                [
                    {"$match": {"case.district": district, "case.open": True}},
                    {
                        "$group": {
                            "_id": "$case.department",
                            "open": {"$sum": 1},
                            "overdue": {"$sum": {"$cond": [over, 1, 0]}},
                            "due_today": {"$sum": {"$cond": [today, 1, 0]}},
                        }
                    },
                ],
                maxTimeMS=LONGEST_MS,
            ).to_list(None)
        return {
            group["_id"]: Counts(group["open"], group["overdue"], group["due_today"])
            for group in groups
        }

    async def _listed(self, match: Mapping[str, Any], limit: int) -> Listed:
        found = await self._find(match, limit + 1)
        if len(found) <= limit:
            return Listed(found, len(found))
        # never fewer than are listed, whatever was closed since they were found
        return Listed(found[:limit], max(limit, await self._count(self._cases, match)))

    async def _find(self, match: Mapping[str, Any], limit: int) -> list[DueCase]:
        async with mongo.store_errors():
            found = await self._cases.find(
                match, _ROW, sort=ORDER, limit=limit, max_time_ms=LONGEST_MS
            ).to_list(None)
        return [_due_case(document) for document in found]

    @staticmethod
    async def _count(collection: mongo.Collection, match: Mapping[str, Any]) -> int:
        async with mongo.store_errors():
            return await collection.count_documents(match, maxTimeMS=LONGEST_MS)


class StoredDigestNotes:
    """One document a district and day: all its digests were asked for."""

    def __init__(self, database: mongo.Database) -> None:
        self._notes = database[NOTES]

    async def asked(self, district: str, day: date) -> bool:
        async with mongo.store_errors():
            return await self._notes.find_one({"_id": _id(district, day)}, {"_id": 1}) is not None

    async def note(self, district: str, day: date, at: datetime, asked: Mapping[str, int]) -> None:
        async with mongo.store_errors():
            result = await self._notes.update_one(
                {"_id": _id(district, day)},
                {"$setOnInsert": {"asked_at": at, "messages": dict(asked)}},
                upsert=True,
            )
        if result.upserted_id is not None:  # or else another desk has counted the same messages
            for kind, count in asked.items():
                metrics.DIGESTS.labels(district, kind).inc(count)


def _id(district: str, day: date) -> str:
    return f"{district}/{day.isoformat()}"


def _due_before(instant: datetime) -> dict[str, Any]:
    return _due(None, instant)


def _due(since: datetime | None, until: datetime) -> dict[str, Any]:
    return {"case.open": True, "sla.deadline": {"$gte": since or _EARLIEST, "$lt": until}}


def _without(hidden: Collection[str]) -> dict[str, Any]:
    return {"case.named_official": {"$nin": sorted(hidden)}} if hidden else {}


def _due_case(document: mongo.Document) -> DueCase:
    case = document["case"]
    return DueCase(
        ticket=document["_id"],
        service=case.get("service"),
        state=case["state"],
        deadline=document["sla"]["deadline"],
        confidential=bool(case.get("confidential")),
    )
