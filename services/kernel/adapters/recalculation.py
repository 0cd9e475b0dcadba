"""Clocks that are moved to another version of the directory: asked for, and found until none is left.

A recalculation is asked for once, by a document in `recalculations`; the clock's worker carries it out, case
by case, and announces each as an event. What was moved is on the new version and is not found again: a crash
resumes by itself. What cannot be moved is marked, and not tried again until its clock changes or it is asked
for once more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.adapters.room_store import up_to_date
from services.kernel.domain.directory import District

COLLECTION = "recalculations"
LONGEST_CAUSE = 200
UNMOVED = "unmoved"
"""The field of room `sla` that says which recalculation could not move the clock."""
ANY_VERSION = 2**31 - 1


@dataclass(frozen=True)
class Recalculation:
    """Clocks of `district` that are on a version before `version` are to be moved. `cause`: for people.
    `asked`: how often it was asked for."""

    district: str
    version: int
    cause: str
    at: datetime
    asked: int = 1
    done_at: datetime | None = None

    @property
    def id(self) -> str:
        return f"{self.district}/{self.version}"

    @property
    def mark(self) -> str:
        """What a clock is marked with that it cannot move."""
        return f"{self.version}/{self.asked}"


def behind(district: District, version: int, now: datetime) -> dict[str, Any]:
    """The clocks that are on a version before `version` and still matter: not ended, or so lately that they
    may be reopened. `district` says how long that is."""
    older = {"sla.district": district.id, "sla.directory_version": {"$lt": version}}
    since = now - timedelta(days=district.reopen_days)
    # each branch is one stretch of the index
    return {"$or": [{**older, "sla.ended_at": None}, {**older, "sla.ended_at": {"$gte": since}}]}


class Recalculations:
    """What was asked for, and what is left of it. Everything raises Unavailable."""

    def __init__(self, database: mongo.Database) -> None:
        self._asked = database[COLLECTION]
        self._cases = database["cases"]

    async def ask(
        self, district: str, version: int, *, cause: str, by: str, at: datetime
    ) -> Recalculation:
        """The same version again keeps the first cause, and lets it all be looked for once more."""
        async with mongo.store_errors():
            stored = await self._asked.find_one_and_update(
                {"_id": f"{district}/{version}"},
                {
                    "$set": {"done_at": None},
                    "$inc": {"asked": 1},
                    "$setOnInsert": {
                        "district": district,
                        "version": version,
                        "cause": cause,
                        "at": at,
                        "by": by,
                    },
                },
                upsert=True,
                return_document=mongo.ReturnDocument.AFTER,
            )
        return _read(stored)

    async def newest(self, *, pending: bool) -> list[Recalculation]:
        """The newest of each district; `pending`: of those that are not done."""
        async with mongo.store_errors():
            found = await self._asked.find(
                {"done_at": None} if pending else {}, sort=[("version", -1)]
            ).to_list(None)
        newest: dict[str, Recalculation] = {}
        for stored in found:
            newest.setdefault(stored["district"], _read(stored))
        return list(newest.values())

    async def read(self, wanted: Recalculation) -> Recalculation | None:
        """As it stands now."""
        async with mongo.store_errors():
            stored = await self._asked.find_one({"_id": wanted.id})
        return _read(stored) if stored is not None else None

    async def tickets(
        self,
        wanted: Recalculation,
        district: District,
        now: datetime,
        buckets: Sequence[int],
        limit: int,
        but: Collection[str],
    ) -> list[str]:
        """Some clocks in `buckets`, none of `but`, that are behind and have followed all that was said."""
        async with mongo.store_errors():
            found = await self._cases.find(
                {
                    **self._left(wanted, district, now),
                    "_id": {"$nin": list(but)},
                    "sla.bucket": {"$in": list(buckets)},
                    "sla.waiting": {"$exists": False},
                    "$expr": up_to_date("sla"),
                },
                {"_id": 1},
                limit=limit,
            ).to_list(None)
        return [one["_id"] for one in found]

    async def left(
        self,
        wanted: Recalculation,
        district: District,
        now: datetime,
        only: Collection[str] | None = None,
    ) -> int:
        """How many are behind and not marked, whosever they are; of `only`, where it is given."""
        query = self._left(wanted, district, now)
        if only is not None:
            query["_id"] = {"$in": list(only)}
        async with mongo.store_errors():
            return await self._cases.count_documents(query)

    async def unmovable(
        self, wanted: Recalculation, district: District, now: datetime, most: int
    ) -> list[str]:
        """Some of those that it could not move."""
        query = {**behind(district, wanted.version, now), f"sla.{UNMOVED}": wanted.mark}
        async with mongo.store_errors():
            found = await self._cases.find(query, {"_id": 1}, limit=most).to_list(None)
        return sorted(one["_id"] for one in found)

    async def done(self, wanted: Recalculation, now: datetime) -> None:
        """Nothing is left of it, nor of those before it."""
        async with mongo.store_errors():
            await self._asked.update_many(
                {
                    "district": wanted.district,
                    "done_at": None,
                    "$or": [
                        {"version": {"$lt": wanted.version}},
                        {"version": wanted.version, "asked": wanted.asked},
                    ],
                },
                {"$set": {"done_at": now}},
            )

    def _left(self, wanted: Recalculation, district: District, now: datetime) -> dict[str, Any]:
        unmarked = {f"sla.{UNMOVED}": {"$ne": wanted.mark}}
        return {**behind(district, wanted.version, now), **unmarked}


def _read(stored: mongo.Document) -> Recalculation:
    names = ("district", "version", "cause", "at", "asked", "done_at")
    return Recalculation(**{name: stored[name] for name in names})
