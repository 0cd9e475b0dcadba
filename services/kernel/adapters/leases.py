"""Ticket numbers, leased from the store in blocks: a lost block leaves a gap, never a double."""

from __future__ import annotations

import asyncio
from datetime import datetime

from services.kernel.adapters import mongo
from services.kernel.domain import tickets

COLLECTION = "sequences"
BLOCK = 200


class TicketLease:
    """Hands out numbers of the year in which `now` lies (IST); the rest of a block is dropped at its turn."""

    def __init__(self, database: mongo.Database, block: int = BLOCK) -> None:
        self._sequences = database[COLLECTION]
        self._block = block
        self._year = -1
        self._next = 0
        self._end = 0
        self._leasing = asyncio.Lock()

    async def take(self, now: datetime) -> str:
        """A number that nobody else has had. Raises Unavailable when a block is due and the store is away."""
        year = tickets.year_of(now)
        while year != self._year or self._next >= self._end:
            async with self._leasing:
                if year != self._year or self._next >= self._end:
                    await self._lease(year)
        sequence = self._next
        self._next += 1
        return tickets.make(year, sequence)

    async def _lease(self, year: int) -> None:
        async with mongo.store_errors():
            document = await self._sequences.find_one_and_update(
                {"_id": f"tickets-{year:02d}"},
                {"$inc": {"next": self._block}},
                upsert=True,
                return_document=mongo.ReturnDocument.AFTER,
            )
        self._year = year
        self._end = document["next"]
        self._next = self._end - self._block
