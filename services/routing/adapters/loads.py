"""How many open cases each officer has, counted in the store and counted on between two looks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from services.kernel.adapters import mongo

FRESH_SECONDS = 1.0


class OpenCases:
    """`given` counts an assignment at once, so that a burst does not land on one officer."""

    def __init__(self, cases: mongo.Collection) -> None:
        self._cases = cases
        self._counts: dict[str, int] = {}
        self._looked: dict[str, float] = {}

    async def of(self, officers: Iterable[str]) -> Mapping[str, int]:
        """Raises Unavailable."""
        now = time.monotonic()
        stale = [one for one in officers if now - self._looked.get(one, -1e9) > FRESH_SECONDS]
        if stale:
            async with mongo.store_errors():
                groups = await self._cases.aggregate(
                    [
                        {"$match": {"case.officer": {"$in": stale}, "case.open": True}},
                        {"$group": {"_id": "$case.officer", "count": {"$sum": 1}}},
                    ]
                ).to_list(None)
            found = {group["_id"]: group["count"] for group in groups}
            for one in stale:
                self._counts[one] = found.get(one, 0)
                self._looked[one] = now
        return self._counts

    def given(self, officer: str) -> None:
        self._counts[officer] = self._counts.get(officer, 0) + 1
