"""Databases for tests, used again and again: to make one with its indexes takes half a second, to empty one
some milliseconds. One that a test left with other indexes, with a record of its operations, or very full,
is not used again.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from services.cli.init import OWNED
from services.kernel.adapters import mongo, schema

AT_LEAST = 8
"""So many are in turn: what a killed process had still under way comes to its end before the next test."""
MOST = 5_000
"""Documents of a collection that are taken out one by one."""


class Databases:
    """Those of one MongoDB, with all indexes of the line and nothing in them."""

    def __init__(self, url: str, at_least: int | None = AT_LEAST) -> None:
        self._url = url
        self._at_least = at_least
        self._free: deque[str] = deque()
        self._indexes: Mapping[str, Any] = {}

    @asynccontextmanager
    async def one(self) -> AsyncIterator[mongo.Database]:
        """A database of the test's own for as long as it runs."""
        database = await self._emptied()
        if database is None:
            database = await self._made()
        try:
            yield database
        finally:
            if self._at_least is None:
                await database.client.drop_database(database.name)
            else:
                self._free.append(database.name)
            mongo.close(database)

    async def _emptied(self) -> mongo.Database | None:
        if self._at_least is None or len(self._free) < self._at_least:
            return None
        database = mongo.connect(self._url, self._free.popleft())
        # here and not after the test before: by now nobody of it writes any more
        names = await database.list_collection_names()
        indexes = await _indexes(database, names)
        for extra in indexes.keys() - self._indexes.keys():
            await database[extra].drop()
        counts = await asyncio.gather(
            *(database[name].estimated_document_count() for name in self._indexes)
        )
        left_as_found = {name: indexes.get(name) for name in self._indexes} == self._indexes
        if left_as_found and max(counts) <= MOST and "system.profile" not in names:
            await asyncio.gather(*(_empty(database, name) for name in self._indexes))
            return database
        await database.client.drop_database(database.name)
        mongo.close(database)
        return None

    async def _made(self) -> mongo.Database:
        database = mongo.connect(self._url, f"test-{uuid.uuid4().hex[:12]}")
        await schema.ensure(database, OWNED)
        self._indexes = self._indexes or await _indexes(
            database, await database.list_collection_names()
        )
        return database


async def _empty(database: mongo.Database, collection: str) -> None:
    await database[collection].delete_many({})
    # which index a query took for what the test before had in it says nothing of the next one's
    await database.command("planCacheClear", collection)


async def _indexes(database: mongo.Database, names: Iterable[str]) -> dict[str, Any]:
    """The indexes of each of these collections."""
    names = [name for name in names if not name.startswith("system.")]
    found = await asyncio.gather(*(database[name].index_information() for name in names))
    return dict(zip(names, found, strict=True))
