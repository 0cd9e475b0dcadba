"""Firing: what fell due is written by one guarded write a case, then published and trimmed.

Where the clock has not seen everything that the other rooms have announced, it waits for its backlog. So
a worker that was down raises no breach for a case that was resolved meanwhile. Every rung is stamped with
its due instant, however late it is seen.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol

from services.kernel.adapters import metrics
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.guard import Parks
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Outbox, tell
from services.kernel.adapters.periodic import give_way
from services.kernel.adapters.room_store import Draft, RoomStore
from services.kernel.adapters.timer_document import from_fields
from services.kernel.contracts.events import CaseEvent
from services.kernel.domain.errors import Unavailable
from services.sla.adapters.armed import fields_of
from services.sla.adapters.counting import count
from services.sla.adapters.speaking import speak
from services.sla.core.ladder import look

log = get_logger()
_Fired = tuple[Draft, tuple[CaseEvent, ...]]
AT_ONCE = 10_000
"""How many are fired in one go where many are due."""
LOOK = 2_000
"""How many are read at once."""
PART = 500
"""How many are written, and then published, at once."""
PARTS_UNDER_WAY = 3


class DueRooms(RoomStore, Protocol):
    async def due(
        self, buckets: Sequence[int], now: datetime, limit: int
    ) -> tuple[list[Draft], datetime | None]: ...


class _Parts:
    """Parts on their way: each is claimed in the store, and then told. What fails is raised by whoever waits
    next; what was claimed and not published then is the sweeper's."""

    def __init__(self) -> None:
        self._under_way: deque[tuple[asyncio.Task[Sequence[Draft]], asyncio.Task[None]]] = deque()

    async def begin(
        self,
        claim: Coroutine[Any, Any, Sequence[Draft]],
        tell: Callable[[Sequence[Draft]], Awaitable[None]],
    ) -> None:
        """Waits for the oldest where many are on their way."""
        claiming = asyncio.create_task(claim)

        async def then() -> None:
            await tell(await claiming)

        self._under_way.append((claiming, asyncio.create_task(then())))
        if len(self._under_way) > PARTS_UNDER_WAY:
            await self._first()

    async def claimed(self) -> None:
        for claiming, _ in self._under_way:
            await claiming

    async def done(self) -> None:
        while self._under_way:
            await self._first()

    async def end(self) -> None:
        """Leave nothing behind, whatever has failed."""
        left = [task for both in self._under_way for task in both]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _first(self) -> None:
        await self._under_way[0][1]
        self._under_way.popleft()


class Firing:
    """The due items of room `sla`; see `adapters/due.py` for the loop that drives it."""

    def __init__(self, rooms: DueRooms, outbox: Outbox, rules: RulesOf, parking: Parks) -> None:
        """`rooms`: room `sla`, its drafts carrying `case.n` and `notices.n` (see `room.READS`)."""
        self._rooms = rooms
        self._outbox = outbox
        self._rules = rules
        self._parking = parking

    async def fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]:
        """Raises Retry when a dependency is away."""
        began = time.perf_counter()
        asked, taken, parts = min(limit, LOOK), 0, _Parts()
        try:
            while True:
                found, next_at = await self._rooms.due(buckets, now, asked)
                fired = await self._fire(found, now, began, parts)
                taken += fired
                if taken >= limit or len(found) < asked:
                    break
                # those that cannot fire stay due and come first: they must not take the others' places
                asked = min(limit - taken, LOOK) + len(found) - fired
                await parts.claimed()  # or the next look would find them again
            await parts.done()
        finally:
            await parts.end()
        return taken, next_at

    async def _fire(
        self, drafts: Sequence[Draft], now: datetime, began: float, parts: _Parts
    ) -> int:
        """Fire what can be, part by part: while one is folded, those before it are written and published.
        How many were folded."""
        if not drafts:
            return 0
        parked = await self._parking.parked_keys([draft.ticket for draft in drafts])
        free = [d for d in drafts if d.ticket not in parked and "waiting" not in d.room]
        folded = 0
        for start in range(0, len(free), PART):
            ready = await self._fold_all(free[start : start + PART], now)
            folded += len(ready)
            await parts.begin(self._claim(ready, now, began), self._tell)
        return folded

    async def _fold_all(self, drafts: Sequence[Draft], now: datetime) -> list[_Fired]:
        """Without those that cannot be folded, which is alarmed."""
        ready: list[_Fired] = []
        for number, draft in enumerate(drafts):
            await give_way(number)  # to what came back for the parts before, and to the consumer
            try:
                ready.append((draft, await self._fold(draft, now)))
            except Unavailable:
                raise
            except Exception:
                log.exception("sla.cannot_fire", ticket=draft.ticket)
                metrics.TIMERS_FIRED.labels("sla", "fault").inc()
        return ready

    async def _claim(
        self, ready: Sequence[_Fired], now: datetime, began: float
    ) -> Sequence[Draft]:
        """Write; what was written. `began`: when it was `now`, on the performance counter."""
        lost = await self._rooms.write([draft for draft, _ in ready])
        won = [fired for index, fired in enumerate(ready) if index not in lost]
        late_by, written = metrics.TIMER_LATENESS.labels("sla"), time.perf_counter() - began
        for draft, events in won:
            count(draft.room["department"], events)
            for event in events:
                late_by.observe(max(0.0, (now - event.at).total_seconds() + written))
        return [draft for draft, _ in won]

    async def _tell(self, written: Sequence[Draft]) -> None:
        await tell(written, self._rooms, self._outbox)

    async def _fold(self, draft: Draft, now: datetime) -> tuple[CaseEvent, ...]:
        before = from_fields(draft.room)
        rules = await self._rules.get(before.district, before.directory_version)
        after, events = look(draft.ticket, before, now, rules)
        fields = fields_of(draft.ticket, after, rules.running(after))
        speak(draft, self._outbox, fields, events, now)
        return events
