"""Firing: what fell due is written by one guarded write a case, then published and trimmed.

The write requires that the clock has seen everything that room `case` and room `notices` have announced
in the same document; otherwise it waits for its backlog. So a worker that was down raises no breach for
a case that was resolved meanwhile. Every rung is stamped with its due instant, however late it is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.kernel.adapters import metrics
from services.kernel.adapters.guard import Parks
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.room_store import Draft, RoomStore
from services.kernel.adapters.rooms import Change, enter
from services.kernel.contracts.events import CaseEvent
from services.kernel.domain.errors import Unavailable
from services.sla.adapters.counting import count
from services.sla.adapters.room import RulesOf
from services.sla.adapters.timer_document import from_fields, to_fields
from services.sla.core.ladder import said
from services.sla.core.timer import fire

log = get_logger()
_Fired = tuple[Draft, tuple[CaseEvent, ...]]
READS = ("case.n", "notices.n")


class DueRooms(RoomStore, Protocol):
    async def due(
        self, buckets: Sequence[int], now: datetime, limit: int
    ) -> tuple[list[Draft], datetime | None]: ...


class Firing:
    """The due items of room `sla`; see `adapters/due.py` for the loop that drives it."""

    def __init__(self, rooms: DueRooms, outbox: Outbox, rules: RulesOf, parking: Parks) -> None:
        """`rooms`: room `sla`, its drafts carrying `case.n` and `notices.n` (see READS)."""
        self._rooms = rooms
        self._outbox = outbox
        self._rules = rules
        self._parking = parking

    async def fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]:
        """Raises Retry when a dependency is away."""
        asked = limit
        while True:
            found, next_at = await self._rooms.due(buckets, now, asked)
            ready = await self._ready(found, now)
            if len(ready) >= limit or len(found) < asked:
                break
            # those that cannot fire stay due and come first: they must not take the others' places
            asked = limit + len(found) - len(ready)
        await self._write(ready, now)
        return len(ready), next_at

    async def _ready(self, drafts: Sequence[Draft], now: datetime) -> list[_Fired]:
        """What may fire, folded: not what is parked, nor what cannot be folded (which is alarmed)."""
        if not drafts:
            return []
        parked = await self._parking.parked_keys([draft.ticket for draft in drafts])
        ready: list[_Fired] = []
        for draft in drafts:
            if draft.ticket in parked:
                continue
            try:
                ready.append((draft, await self._fold(draft, now)))
            except Unavailable:
                raise
            except Exception:
                log.exception("sla.cannot_fire", ticket=draft.ticket)
                metrics.TIMERS_FIRED.labels("sla", "fault").inc()
        return ready

    async def _write(self, ready: Sequence[_Fired], now: datetime) -> None:
        lost = await self._rooms.write([draft for draft, _ in ready])
        won = [fired for index, fired in enumerate(ready) if index not in lost]
        for draft, events in won:
            count(draft.room["department"], events)
            for event in events:
                late = (now - event.at).total_seconds()
                metrics.TIMER_LATENESS.labels("sla").observe(max(0.0, late))
        told = [draft for draft, _ in won if draft.outbox]
        await self._outbox.publish({draft.ticket: draft.outbox for draft in told})
        await self._rooms.trim([(draft.ticket, draft.outbox[-1]["n"]) for draft in told])

    async def _fold(self, draft: Draft, now: datetime) -> tuple[CaseEvent, ...]:
        before = from_fields(draft.room)
        rules = await self._rules.get(before.district, before.directory_version)
        running = rules.running(before)
        after, rungs = fire(before, now, running)
        events = said(draft.ticket, after, rungs, running, rules.district)
        guards = {
            "sla.next_at": draft.room["next_at"],
            **{f"{name}.n": draft.seen[name] or None for name in ("case", "notices")},
        }
        draft.outbox = self._outbox.remaining(draft.ticket, draft.outbox)
        enter(draft, "sla", Change(to_fields(draft.ticket, after, running), events, guards))
        if events:
            draft.unsent_since = draft.unsent_since or now
        return events
