"""Reading many cases: pages by keyset, totals by one aggregation, never capped at the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.desk.adapters import query as queries
from services.desk.core.cursor import Position
from services.desk.core.ports import Query, Totals
from services.desk.core.view import Row
from services.kernel.adapters import case_document, mongo
from services.kernel.domain.lifecycle import STATES

LONGEST_MS = 10_000
_NEVER = datetime.max.replace(tzinfo=UTC)
PROJECTION = {"case.history": 0, "case.outbox": 0, "case.text": 0, "sla.outbox": 0, "notices": 0}


class CaseLists:
    def __init__(self, cases: mongo.Collection) -> None:
        self._cases = cases

    async def page(self, query: Query) -> tuple[list[Row], Position | None]:
        """Two stretches of the order: MongoDB sorts "no deadline" first, an officer wants it last."""
        filters = query.filters
        wanted = filters.limit + 1
        if filters.after is None and filters.search is not None and filters.search.exact:
            # a ticket or a phone finds few: all of them at once, in order here
            few = [_row(d) for d in await self._find(queries.match(query), None, wanted)]
            if len(few) < wanted:
                return sorted(few, key=_place), None
        found: list[mongo.Document] = []
        bounds = queries.with_deadline(filters.after)
        if bounds is not None:
            found = await self._find(queries.match(query, bounds), queries.ORDER, wanted)
        if len(found) < wanted:
            bounds = queries.without_deadline(filters.after)
            left = wanted - len(found)
            found += await self._find(queries.match(query, bounds), queries.ORDER, left)
        rows = [_row(document) for document in found[: filters.limit]]
        if len(found) <= filters.limit:
            return rows, None
        return rows, Position(rows[-1].deadline, rows[-1].case.ticket)

    async def totals(self, query: Query) -> Totals:
        late = {
            "$and": [
                "$case.open",
                {"$gt": ["$sla.deadline", None]},
                {"$lt": ["$sla.deadline", query.now]},
            ]
        }
        async with mongo.store_errors():
            groups = await self._cases.aggregate(
                [
                    {"$match": queries.match(query)},
                    {
                        "$group": {
                            "_id": "$case.state",
                            "count": {"$sum": 1},
                            "overdue": {"$sum": {"$cond": [late, 1, 0]}},
                        }
                    },
                ],
                maxTimeMS=LONGEST_MS,
            ).to_list(None)
        counts = {group["_id"]: group["count"] for group in groups}
        by_state: dict[str, int] = {state: counts[state] for state in STATES if state in counts}
        return Totals(
            all=sum(by_state.values()),
            overdue=sum(group["overdue"] for group in groups),
            by_state=by_state,
        )

    async def unwritten(self, query: Query) -> int:
        waiting = {"$ifNull": ["$case.unwritten", []]}
        async with mongo.store_errors():
            groups = await self._cases.aggregate(
                [
                    {"$match": queries.match(query)},
                    {"$group": {"_id": None, "count": {"$sum": {"$size": waiting}}}},
                ],
                maxTimeMS=LONGEST_MS,
            ).to_list(None)
        return sum(group["count"] for group in groups)

    async def open_cases(self, officers: Sequence[str]) -> Mapping[str, int]:
        async with mongo.store_errors():
            groups = await self._cases.aggregate(
                [
                    {"$match": {"case.officer": {"$in": list(officers)}, "case.open": True}},
                    {"$group": {"_id": "$case.officer", "count": {"$sum": 1}}},
                ],
                maxTimeMS=LONGEST_MS,
            ).to_list(None)
        return {group["_id"]: group["count"] for group in groups}

    async def _find(self, match: queries.Match, order: Any, limit: int) -> list[mongo.Document]:
        async with mongo.store_errors():
            return await self._cases.find(
                match, PROJECTION, sort=order, limit=limit, max_time_ms=LONGEST_MS
            ).to_list(None)


def _place(row: Row) -> tuple[bool, datetime, str]:
    """Where it stands in a list: the nearest deadline first, none last."""
    return row.deadline is None, row.deadline or _NEVER, row.case.ticket


def _row(document: mongo.Document) -> Row:
    room = {**document["case"], "history": ()}
    case = case_document.from_fields(document["_id"], room)
    return Row(case, room["n"], document.get("sla") or {})
