"""The clock's worker in the month that is lived through: the real parts, looking when the test says so."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.outbox import Outbox, Publishes, Sweeper
from services.kernel.adapters.recalculation import UNMOVED, Recalculation
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.contracts.codec import Record, receive
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Unavailable
from services.kernel.testing.memory import MemoryCases, MemoryRooms
from services.sla.adapters.firing import Firing
from services.sla.adapters.recalculating import READS, Recalculating
from services.sla.adapters.room import SlaRoom

BUCKETS = range(256)


class NothingParked:
    async def parked_keys(self, keys: Collection[str]) -> set[str]:
        return set()


class Asked:
    """The recalculations that were asked for, over the documents in memory."""

    def __init__(self, cases: MemoryCases) -> None:
        self._cases = cases
        self.wanted: list[Recalculation] = []

    async def newest(self, *, pending: bool) -> list[Recalculation]:
        return [one for one in self.wanted if not pending or one.done_at is None]

    async def tickets(
        self,
        wanted: Recalculation,
        district: District,
        now: datetime,
        buckets: Sequence[int],
        limit: int,
        but: Collection[str],
    ) -> list[str]:
        return [ticket for ticket in self._left(wanted, district, now) if ticket not in but][:limit]

    async def left(self, wanted: Recalculation, district: District, now: datetime) -> int:
        return len(self._left(wanted, district, now))

    async def done(self, wanted: Recalculation, now: datetime) -> None:
        self.wanted = [replace(w, done_at=now) if w.id == wanted.id else w for w in self.wanted]

    def _left(self, wanted: Recalculation, district: District, now: datetime) -> list[str]:
        since = now - timedelta(days=district.reopen_days)
        rooms = ((ticket, doc.get("sla") or {}) for ticket, doc in self._cases.documents.items())
        return [
            ticket
            for ticket, room in rooms
            if room.get("district") == wanted.district
            and room["directory_version"] < wanted.version
            and room.get(UNMOVED) != wanted.mark
            and (room.get("ended_at") is None or room["ended_at"] >= since)
        ]


class Worker:
    """Takes `records` in batches of any size. It is begun anew now and then, and finds Kafka away at times:
    then it goes on as the real one does, with the same batch."""

    def __init__(
        self,
        cases: MemoryCases,
        rules: RulesOf,
        records: Sequence[Record],
        publisher: Publishes,
        random: random.Random,
    ) -> None:
        self.asked = Asked(cases)
        self._rooms = MemoryRooms(cases, "sla", READS)
        self._rules = rules
        self._records = records
        self._publisher = publisher
        self._random = random
        self._consumed = 0
        self._begin()

    def _begin(self) -> None:
        outbox = Outbox("sla", self._publisher)
        parked: Any = NothingParked()
        asked: Any = self.asked
        self._consumer = RoomConsumer(SlaRoom(self._rules), self._rooms, outbox)
        self._firing = Firing(self._rooms, outbox, self._rules, parked)
        self._recalculating = Recalculating(
            asked, self._rooms, outbox, self._rules, parked, lambda: None
        )
        self._sweeper = Sweeper(self._rooms, outbox)

    async def look(self, now: datetime) -> None:
        """Go on with some of what has come, and with what is due."""
        if self._random.random() < 0.02:
            self._begin()
        try:
            await self._go_on(now, self._random.choice((5, 50, 10_000)))
        except Unavailable:
            return  # it looks again

    async def catch_up(self, now: datetime) -> None:
        """Until nothing is left."""
        for _ in range(4):
            await self._go_on(now, len(self._records))

    async def _go_on(self, now: datetime, most: int) -> None:
        while most > 0 and self._consumed < len(self._records):
            size = min(most, self._random.choice((1, 20, 300)))
            batch = self._records[self._consumed : self._consumed + size]
            assert await self._consumer.handle([receive(record) for record in batch]) == []
            self._consumed += len(batch)
            most -= len(batch)
        await self._sweeper.sweep(now)
        await self._recalculating.round(now, BUCKETS)
        while (await self._firing.fire(now, BUCKETS, 500))[0]:
            pass
