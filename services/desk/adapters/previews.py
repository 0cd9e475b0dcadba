"""What another directory would do to the clocks that somebody sees."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from services.desk.adapters.query import seen
from services.kernel.adapters import mongo
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.recalculation import ANY_VERSION, behind
from services.kernel.adapters.recalculation_preview import (
    as_object,
    changed,
    preview,
    stored_clocks,
)
from services.kernel.domain.directory import District
from services.kernel.domain.people import Scope

MOST = 500


class StoredPreviews:
    """One is made at a time: each works out every open clock of the district."""

    def __init__(self, cases: mongo.Collection, rules: RulesOf) -> None:
        self._cases = cases
        self._rules = rules
        self._one = asyncio.Lock()

    async def make(
        self, scope: Scope, before: District, after: District, now: datetime
    ) -> dict[str, Any]:
        """Plain values for JSON; MOST of each kind are listed. Raises Unavailable."""
        query = {"$and": [behind(after, ANY_VERSION, now), seen(scope)]}
        async with self._one:
            clocks = stored_clocks(self._cases, query)
            found = await preview(clocks, self._rules, after, now, most=MOST)
        return as_object(found, after, now, changed(before, after))
