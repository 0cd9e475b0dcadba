"""Clocks that are moved to another version of the directory, because a holiday was declared late.

Each case is one guarded write, as when it is fired: the clock has seen all that the other rooms announced.
What had fallen due before is said first, under the limits of before; what is past under the new ones fires
after, with its due instant. What cannot be written now is found again in the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from services.kernel.adapters.case_folding import stamp
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.guard import Parks
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.recalculation import Recalculation, Recalculations
from services.kernel.adapters.room_store import Draft, RoomStore
from services.kernel.adapters.rooms import Change, enter
from services.kernel.adapters.timer_document import from_fields
from services.kernel.contracts.events import CaseEvent, SlaRecalculated
from services.kernel.domain.errors import Unknown
from services.kernel.domain.timer import Rules
from services.sla.adapters.armed import fields_of
from services.sla.adapters.counting import count
from services.sla.adapters.room import READS as ANNOUNCED
from services.sla.core.catching_up import ROOMS
from services.sla.core.follow import recalculate

log = get_logger()
READS = (*ANNOUNCED, "case.updated_at")
"""What drafts carry of the other rooms: how much they have announced, and the last act's stamp."""
LIMIT = 300
MOST_STUCK = 5_000
"""More than so many that cannot be moved just now end the round: the clock has a backlog to catch up with."""


class Recalculating:
    """A periodic task of the worker; `wake` is called when something may be due anew."""

    def __init__(
        self,
        asked: Recalculations,
        rooms: RoomStore,
        outbox: Outbox,
        rules: RulesOf,
        parking: Parks,
        wake: Callable[[], None],
    ) -> None:
        """`rooms`: room `sla`, its drafts carrying READS."""
        self._asked = asked
        self._rooms = rooms
        self._outbox = outbox
        self._rules = rules
        self._parking = parking
        self._wake = wake
        self._unmovable: set[tuple[str, int]] = set()

    async def round(self, now: datetime, buckets: Sequence[int]) -> int:
        """Move what can be moved of these buckets; how many clocks were. Raises Retry, Unavailable."""
        total = 0
        if not buckets:
            return total
        for wanted in await self._asked.active(now):
            rules = await self._rules.get(wanted.district, wanted.version)
            since = now - timedelta(days=rules.district.reopen_days)
            moved = 0
            stuck = {ticket for ticket, version in self._unmovable if version == wanted.version}
            while len(stuck) < MOST_STUCK and (
                tickets := await self._asked.tickets(wanted, since, buckets, LIMIT, stuck)
            ):
                done = await self._move(wanted, rules, tickets, now)
                stuck.update(ticket for ticket in tickets if ticket not in done)
                moved += len(done)
            left = await self._asked.remaining(wanted, since)
            if left <= sum(version == wanted.version for _, version in self._unmovable):
                await self._asked.done(wanted, now)
            if moved:
                log.info(
                    "sla.recalculated",
                    district=wanted.district,
                    version=wanted.version,
                    cases=moved,
                    left=left,
                )
                self._wake()
            total += moved
        return total

    async def _move(
        self, wanted: Recalculation, rules: Rules, tickets: Sequence[str], now: datetime
    ) -> set[str]:
        """Those that were moved."""
        parked = await self._parking.parked_keys(tickets)
        drafts = await self._rooms.read([ticket for ticket in tickets if ticket not in parked])
        ready: list[tuple[Draft, tuple[CaseEvent, ...]]] = []
        for draft in drafts.values():
            if not _caught_up(draft):
                continue
            try:
                ready.append((draft, await self._fold(draft, wanted, rules, now)))
            except Unknown as error:
                self._unmovable.add((draft.ticket, wanted.version))
                log.error("sla.cannot_recalculate", ticket=draft.ticket, why=error.reason)
        lost = await self._rooms.write([draft for draft, _ in ready])
        won = [one for index, one in enumerate(ready) if index not in lost]
        for draft, late in won:
            count(draft.room.get("department"), late)
        await self._outbox.publish({draft.ticket: draft.outbox for draft, _ in won})
        await self._rooms.trim([(draft.ticket, draft.outbox[-1]["n"]) for draft, _ in won])
        return {draft.ticket for draft, _ in won}

    async def _fold(
        self, draft: Draft, wanted: Recalculation, rules: Rules, now: datetime
    ) -> tuple[CaseEvent, ...]:
        timer = from_fields(draft.room)
        before = await self._rules.get(timer.district, timer.directory_version)
        event = SlaRecalculated(
            ticket=draft.ticket,
            district=timer.district,
            # later than every act that the clock has seen: those were judged by the limits of before
            at=stamp(now, (draft.others.get("case") or {}).get("updated_at")),
            directory_version=wanted.version,
            cause=wanted.cause,
        )
        after, late = recalculate(timer, event, before, rules)
        draft.outbox = self._outbox.remaining(draft.ticket, draft.outbox)
        guards: Mapping[str, object] = {f"{room}.n": draft.seen[room] or None for room in ROOMS}
        fields = fields_of(draft.ticket, after, rules.running(after))
        enter(draft, "sla", Change(fields, (*late, event), guards))
        draft.unsent_since = draft.unsent_since or now
        return late


def _caught_up(draft: Draft) -> bool:
    """Whether the clock has seen, and followed, all that was announced."""
    announced = ((room, (draft.others.get(room) or {}).get("n", 0)) for room in ROOMS)
    return "waiting" not in draft.room and all(draft.seen[room] == n for room, n in announced)
