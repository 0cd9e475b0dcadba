"""What the clock's workers measure of the cases in their buckets: armed, overdue, paused, soon due.

Each worker tells of its own buckets alone, so the figures of several add up. What is counted case by case
is read from an index without a document: buckets are sorted out while counting, since a search for many of
them would jump from key to key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import Gauge

from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.logging import get_logger
from services.kernel.domain.timer import Rules

log = get_logger()
HOURS = (2, 8, 24)
"""Working hours on the case's own calendar."""
ARMED_EVERY = timedelta(seconds=60)
"""How old the figure of what is armed may be: it is counted over everything that is armed."""
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_BUCKET, _DEADLINE = "$sla.bucket", "$sla.deadline"
_DEPARTMENT, _CALENDAR = "$case.department", "$sla.calendar"
_Figures = Mapping[tuple[str, ...], int]


class Gauges:
    """One for a worker. A round raises Retry or Unavailable; the figures stay as they were then."""

    def __init__(
        self, cases: mongo.Collection, directory: DirectoryStore, rules: RulesOf
    ) -> None:
        self._cases = cases
        self._directory = directory
        self._rules = rules
        self._armed_at = _FIRST
        self._armed_of: tuple[int, ...] = ()

    async def measure(self, now: datetime, buckets: Sequence[int]) -> None:
        """The cases in `buckets`; without any, this worker tells nothing."""
        overdue: Counter[tuple[str, ...]] = Counter()
        within: Counter[tuple[str, ...]] = Counter()
        paused: _Figures = {}
        if buckets:
            for district in await self._directory.districts():
                newest = await self._directory.newest(district)
                rules = await self._rules.get(district, newest.version)
                await self._deadlines(rules, now, buckets, overdue, within)
            paused = await self._paused(now, buckets)
        # a label set for which nothing was counted must not keep its last figure
        _tell(metrics.SLA_OVERDUE, overdue)
        _tell(metrics.SLA_DUE_WITHIN, within)
        _tell(metrics.SLA_PAUSED, paused)
        await self._armed(now, buckets)

    async def _armed(self, now: datetime, buckets: Sequence[int]) -> None:
        """Counted less often, but at once when other buckets are this worker's."""
        mine = tuple(buckets)
        if mine == self._armed_of and now - self._armed_at < ARMED_EVERY:
            return
        counted = 0
        if mine:
            found = await self._counted({"sla.next_at": {"$gte": _FIRST}}, None, buckets)
            counted = sum(group["cases"] for group in found)
        metrics.SLA_ARMED_NOW.set(counted)
        self._armed_of, self._armed_at = mine, now

    async def _paused(self, now: datetime, buckets: Sequence[int]) -> _Figures:
        found = await self._counted(
            {"sla.paused_until": {"$gt": now}, "case.open": True},
            {"district": "$case.district", "department": _DEPARTMENT},
            buckets,
        )
        return {
            (group["_id"]["district"], group["_id"].get("department") or ""): group["cases"]
            for group in found
        }

    async def _deadlines(
        self,
        rules: Rules,
        now: datetime,
        buckets: Sequence[int],
        overdue: Counter[tuple[str, ...]],
        within: Counter[tuple[str, ...]],
    ) -> None:
        """Add the district's figures. All cases are counted once, by the stretch between two thresholds, of
        whichever calendar, in which their deadline lies; each then counts by its own calendar's."""
        district = rules.district.id
        limits = _limits(rules, now)
        cuts = sorted({limit for those in limits.values() for limit in those.values()})
        stretch = {
            "$switch": {
                "branches": [{"case": {"$lt": [_DEADLINE, now]}, "then": -1}]
                + [
                    {"case": {"$lte": [_DEADLINE, cut]}, "then": number}
                    for number, cut in enumerate(cuts)
                ],
                "default": len(cuts),
            }
        }
        found = await self._counted(
            {
                "case.district": district,
                "case.open": True,
                "sla.deadline": {"$gte": _FIRST, "$lte": max(cuts, default=now)},
            },
            {"department": _DEPARTMENT, "calendar": _CALENDAR, "stretch": stretch},
            buckets,
        )
        for group in found:
            key, cases = group["_id"], group["cases"]
            where = (district, key.get("department") or "")
            if key["stretch"] < 0:
                overdue[where] += cases
                continue
            until = cuts[key["stretch"]]
            own = limits.get(key.get("calendar"), {})
            if not own or until > max(own.values()):
                continue
            for hours, limit in own.items():
                within[(*where, str(hours))] += cases if until <= limit else 0

    async def _counted(
        self, wanted: Mapping[str, Any], by: Mapping[str, Any] | None, buckets: Sequence[int]
    ) -> list[mongo.Document]:
        """How many `cases` of these buckets, grouped; groups without any are left out."""
        mine = {"$cond": [{"$in": [_BUCKET, list(buckets)]}, 1, 0]}
        pipeline: list[dict[str, Any]] = [
            {"$match": wanted},
            {"$group": {"_id": by, "cases": {"$sum": mine}}},
            {"$match": {"cases": {"$gt": 0}}},
        ]
        async with mongo.store_errors():
            return await self._cases.aggregate(pipeline).to_list(None)


def _limits(rules: Rules, now: datetime) -> dict[str | None, dict[int, datetime]]:
    """By calendar: when so many working hours from now are over. A case on a calendar that the newest
    directory does not have, or that has no such hour any more, is due within none of them."""
    found: dict[str | None, dict[int, datetime]] = {}
    for calendar in rules.district.calendars:
        try:
            working = rules.calendars.working(calendar.id)
            found[calendar.id] = {h: working.add(now, timedelta(hours=h)) for h in HOURS}
        except ValueError as error:
            log.warning("sla.calendar_ended", calendar=calendar.id, why=str(error))
    return found


def _tell(gauge: Gauge, figures: _Figures) -> None:
    gauge.clear()
    for labels, value in figures.items():
        gauge.labels(*labels).set(value)
