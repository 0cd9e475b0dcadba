"""Firing: what fell due is written by one guarded write a case, then published and trimmed.

The write requires that the clock has seen everything that room `case` and room `notices` have announced
in the same document; otherwise it waits for its backlog. So a worker that was down raises no breach for
a case that was resolved meanwhile. Every rung is stamped with its due instant, however late it is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from services.kernel.adapters import metrics
from services.kernel.adapters.guard import Parks
from services.kernel.adapters.outbox import Outbox, to_entry
from services.kernel.adapters.room_store import Draft, RoomStore
from services.kernel.contracts.codec import announce
from services.kernel.contracts.events import CaseEvent, SlaBreached, SlaEscalated, SlaWarned
from services.kernel.domain.directory import District
from services.sla.adapters.room import RulesOf
from services.sla.adapters.timer_document import from_fields, to_fields
from services.sla.core.ladder import who
from services.sla.core.timer import Rung, Running, Timer, fire, next_at

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
        drafts, next_at = await self._rooms.due(buckets, now, limit)
        if drafts:
            parked = await self._parking.parked_keys([draft.ticket for draft in drafts])
            drafts = [draft for draft in drafts if draft.ticket not in parked]
            await self._fire(drafts, now)
        # parked cases come back with every look: only what was taken says whether more is waiting
        return len(drafts), next_at

    async def _fire(self, drafts: Sequence[Draft], now: datetime) -> None:
        fired = [await self._fold(draft, now) for draft in drafts]
        lost = await self._rooms.write(drafts)
        won = [index for index in range(len(drafts)) if index not in lost]
        for index in won:
            _count(*fired[index], now)
        told = [drafts[index] for index in won if drafts[index].outbox]
        await self._outbox.publish({draft.ticket: draft.outbox for draft in told})
        await self._rooms.trim([(draft.ticket, draft.outbox[-1]["n"]) for draft in told])

    async def _fold(self, draft: Draft, now: datetime) -> tuple[Timer, tuple[Rung, ...]]:
        before = from_fields(draft.room)
        rules = await self._rules.get(before.district, before.directory_version)
        running = rules.running(before)
        after, rungs = fire(before, now, running)
        events = [_event(draft.ticket, after, rung, running, rules.district) for rung in rungs]
        entries = [
            to_entry(announce(event, "sla", draft.n + i)) for i, event in enumerate(events, start=1)
        ]
        draft.guards = {
            "sla.next_at": draft.room["next_at"],
            **{f"{name}.n": draft.seen[name] or None for name in ("case", "notices")},
        }
        draft.room = to_fields(draft.ticket, after, next_at(after, running))
        draft.outbox = [*self._outbox.remaining(draft.ticket, draft.outbox), *entries]
        draft.n += len(entries)
        if entries:
            draft.unsent_since = draft.unsent_since or now
        return after, rungs


def _event(
    ticket: str, timer: Timer, rung: Rung, running: Running, district: District
) -> CaseEvent:
    base: dict[str, Any] = {
        "ticket": ticket,
        "district": timer.district,
        "at": rung.at,
        "cycle": rung.cycle,
        "target": rung.target,
        "due_at": timer.targets[rung.target].due.due_at,
    }
    if rung.step == "warning":
        return SlaWarned(**base, percent=running.plan.warn_percent if running.plan else 0)
    if rung.step == "breach":
        return SlaBreached(**base)
    to = rung.to or "head"
    officer = who(district, to, timer.department, timer.block)
    return SlaEscalated(**base, rung=rung.rung, to=to, officer=officer)


def _count(timer: Timer, rungs: Sequence[Rung], now: datetime) -> None:
    department = timer.department or ""
    kinds: dict[str, Callable[[Rung], Any]] = {
        "warning": lambda r: metrics.SLA_WARNINGS.labels(timer.district, department, r.target),
        "breach": lambda r: metrics.SLA_BREACHES.labels(timer.district, department, r.target),
        "escalation": lambda r: metrics.SLA_ESCALATIONS.labels(
            timer.district, department, r.to or ""
        ),
    }
    for rung in rungs:
        kinds[rung.step](rung).inc()
        metrics.TIMER_LATENESS.labels("sla").observe(max(0.0, (now - rung.at).total_seconds()))
