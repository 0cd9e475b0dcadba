"""Open clocks under another version of the directory: previewed, asked for, and found until none is left.

A recalculation is asked for once, by a document in `recalculations`; the clock's worker carries it out, case
by case, and announces each as an event. What was moved is on the new version and is not found again: a crash
resumes by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.adapters.timer_document import from_fields
from services.kernel.domain.errors import Unknown
from services.kernel.domain.moves import Move, Stays, moved
from services.kernel.domain.timer import Rules

COLLECTION = "recalculations"
ACTIVE = timedelta(hours=1)
"""For so long after it was asked for cases are moved that were filed under the version before meanwhile."""
LONGEST_CAUSE = 200
_BATCH = 500


@dataclass(frozen=True)
class Recalculation:
    """Clocks of `district` that are on a version before `version` are to be moved. `cause`: for people."""

    district: str
    version: int
    cause: str
    at: datetime


@dataclass
class Preview:
    """What would become of a district's clocks. `moves` and `stays` hold about as many as asked for; the
    numbers count all."""

    clocks: int = 0
    moving: int = 0
    staying: int = 0
    at_once: int = 0
    moves: list[tuple[str, str | None, Move]] = field(default_factory=list)
    stays: list[tuple[str, str | None, Stays]] = field(default_factory=list)
    unmovable: list[tuple[str, str]] = field(default_factory=list)

    @property
    def furthest(self) -> timedelta:
        """By how much the moves that are shown move at most."""
        spans = (abs(m.after - m.before) for _, _, m in self.moves if m.before and m.after)
        return max(spans, default=timedelta(0))


def behind(district: str, version: int, ended_since: datetime) -> dict[str, Any]:
    """The clocks that are on an older version and still matter: open, or ended so lately that they may be
    reopened."""
    return {
        "sla.district": district,
        "sla.directory_version": {"$lt": version},
        "$or": [{"sla.ended_at": {"$exists": False}}, {"sla.ended_at": {"$gte": ended_since}}],
    }


async def preview(
    cases: mongo.Collection, rules: Rules, now: datetime, *, most: int = 500
) -> Preview:
    """What `rules`, which need not be stored yet, would move; `most` of it is kept. Raises Unavailable."""
    found = Preview()
    district = rules.district
    query = behind(district.id, district.version or 2**31, now - timedelta(days=district.reopen_days))
    async for ticket, room in _rooms(cases, query):
        found.clocks += 1
        timer = from_fields(room)
        try:
            result = moved(timer, rules, now)
        except Unknown as error:
            found.unmovable.append((ticket, error.reason))
            continue
        found.moving += bool(result.moves)
        found.staying += bool(result.stays)
        found.at_once += any(move.at_once for move in result.moves)
        if len(found.moves) < most:
            found.moves += [(ticket, timer.service, move) for move in result.moves]
        if len(found.stays) < most:
            found.stays += [(ticket, timer.service, stay) for stay in result.stays]
    return found


async def _rooms(
    cases: mongo.Collection, query: dict[str, Any]
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    after = ""
    while True:
        async with mongo.store_errors():
            page = await cases.find(
                {**query, "_id": {"$gt": after}}, {"sla": 1}, sort=[("_id", 1)], limit=_BATCH
            ).to_list(None)
        for document in page:
            yield document["_id"], document["sla"]
        if len(page) < _BATCH:
            return
        after = page[-1]["_id"]


class Recalculations:
    """What was asked for. Everything raises Unavailable."""

    def __init__(self, database: mongo.Database) -> None:
        self._asked = database[COLLECTION]
        self._cases = database["cases"]

    async def ask(self, wanted: Recalculation, *, by: str) -> None:
        """The same version again changes nothing, but lets it be looked for once more."""
        async with mongo.store_errors():
            await self._asked.update_one(
                {"_id": f"{wanted.district}/{wanted.version}"},
                {
                    "$set": {"done_at": None},
                    "$setOnInsert": {
                        "district": wanted.district,
                        "version": wanted.version,
                        "cause": wanted.cause,
                        "at": wanted.at,
                        "by": by,
                    },
                },
                upsert=True,
            )

    async def active(self, now: datetime) -> list[Recalculation]:
        """Those to be carried out, of each district the newest."""
        async with mongo.store_errors():
            found = await self._asked.find(
                {"$or": [{"done_at": None}, {"at": {"$gte": now - ACTIVE}}]},
                sort=[("version", -1)],
            ).to_list(None)
        newest: dict[str, Recalculation] = {}
        for one in found:
            newest.setdefault(
                one["district"],
                Recalculation(one["district"], one["version"], one["cause"], one["at"]),
            )
        return list(newest.values())

    async def tickets(
        self,
        wanted: Recalculation,
        ended_since: datetime,
        buckets: Sequence[int],
        limit: int,
        but: Collection[str],
    ) -> list[str]:
        """Some clocks in `buckets` that are behind, without those in `but`."""
        query = behind(wanted.district, wanted.version, ended_since)
        async with mongo.store_errors():
            found = await self._cases.find(
                {**query, "_id": {"$nin": list(but)}, "sla.bucket": {"$in": list(buckets)}},
                {"_id": 1},
                limit=limit,
            ).to_list(None)
        return [one["_id"] for one in found]

    async def remaining(self, wanted: Recalculation, ended_since: datetime) -> int:
        """How many are behind, whosever they are."""
        async with mongo.store_errors():
            return await self._cases.count_documents(
                behind(wanted.district, wanted.version, ended_since)
            )

    async def done(self, wanted: Recalculation, now: datetime) -> None:
        """Nothing is left of it, nor of those before it."""
        async with mongo.store_errors():
            await self._asked.update_many(
                {
                    "district": wanted.district,
                    "version": {"$lte": wanted.version},
                    "done_at": None,
                },
                {"$set": {"done_at": now}},
            )
