"""Clocks that are moved to another version of the directory, because a holiday was declared late.

Each case is one guarded write, as when it is fired: the clock has seen all that the other rooms announced.
What had fallen due before is said first, under the limits of before; what is past under the new ones fires
after, with its due instant. Every clock is moved, also one whose limits stay: what pauses it later is to
count by everybody's calendar. What cannot be written now is found again in the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from services.kernel.adapters.case_folding import stamp
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.guard import Parks
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Outbox, tell
from services.kernel.adapters.periodic import give_way
from services.kernel.adapters.recalculation import UNMOVED, Recalculation, Recalculations
from services.kernel.adapters.room_store import Draft, RoomStore
from services.kernel.adapters.timer_document import from_fields
from services.kernel.contracts.events import CaseEvent, SlaRecalculated
from services.kernel.domain.errors import Retry, Unavailable, Unknown
from services.kernel.domain.timer import Rules
from services.sla.adapters.armed import fields_of
from services.sla.adapters.counting import count
from services.sla.adapters.room import READS as ANNOUNCED
from services.sla.adapters.room import announced_in
from services.sla.adapters.speaking import speak
from services.sla.core.follow import recalculate

log = get_logger()
READS = (*ANNOUNCED, "case.updated_at")
"""What drafts carry of the other rooms: how much they have announced, and the last act's stamp."""
LIMIT = 300
MOST_PUT_OFF = 5_000
"""More than so many that cannot be moved just now end the round."""
LOOK_AGAIN = timedelta(minutes=5)
"""How often it is looked for cases that came under an older version after all: an intake had that one in its
hands, or the case was set aside until now."""


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
        self._look_again_at: datetime | None = None

    async def round(self, now: datetime, buckets: Sequence[int]) -> int:
        """Move what can be moved of these buckets; how many clocks were. Raises Retry, Unavailable."""
        if not buckets:
            return 0
        again = self._look_again_at is None or now >= self._look_again_at
        total = 0
        for wanted in await self._asked.newest(pending=not again):
            total += await self._carry_out(wanted, now, buckets)
        if again:
            self._look_again_at = now + LOOK_AGAIN
        return total

    async def _carry_out(
        self, wanted: Recalculation, now: datetime, buckets: Sequence[int]
    ) -> int:
        rules = await self._rules.get(wanted.district, wanted.version)
        moved, put_off = 0, set[str]()
        while len(put_off) < MOST_PUT_OFF:
            tickets = await self._asked.tickets(
                wanted, rules.district, now, buckets, LIMIT, put_off
            )
            if not tickets:
                break
            done = await self._move(wanted, rules, tickets, now)
            put_off.update(ticket for ticket in tickets if ticket not in done)
            if done:
                moved += len(done)
                self._wake()
        left: int | None = None
        if wanted.done_at is None:
            left = await self._asked.left(wanted, rules.district, now)
            if not left:
                await self._asked.done(wanted, now)
        if moved:
            log.info(
                "sla.recalculated",
                district=wanted.district,
                version=wanted.version,
                cases=moved,
                left=left,
            )
        return moved

    async def _move(
        self, wanted: Recalculation, rules: Rules, tickets: Sequence[str], now: datetime
    ) -> set[str]:
        """Those that were moved, or marked as not to be moved."""
        parked = await self._parking.parked_keys(tickets)
        drafts = await self._rooms.read([ticket for ticket in tickets if ticket not in parked])
        ready: list[tuple[Draft, tuple[CaseEvent, ...]]] = []
        for number, draft in enumerate(drafts.values()):
            await give_way(number)
            # what was found may have been moved by another process before it was read
            if draft.room["directory_version"] < wanted.version and _caught_up(draft):
                late = await self._folded(draft, wanted, rules, now)
                if late is not None:
                    ready.append((draft, late))
        lost = await self._rooms.write([draft for draft, _ in ready])
        won = [one for index, one in enumerate(ready) if index not in lost]
        for draft, late in won:
            count(draft.room.get("department"), late)
        await tell([draft for draft, _ in won], self._rooms, self._outbox)
        return {draft.ticket for draft, _ in won}

    async def _folded(
        self, draft: Draft, wanted: Recalculation, rules: Rules, now: datetime
    ) -> tuple[CaseEvent, ...] | None:
        """What had fallen due before. None where it has to wait; marked where it cannot be moved at all."""
        try:
            return await self._fold(draft, wanted, rules, now)
        except Unavailable:
            raise
        except Retry as error:  # its own version of the directory is not in the store
            log.warning("sla.recalculation_waits", ticket=draft.ticket, why=str(error))
            return None
        except Unknown as error:
            log.error("sla.cannot_recalculate", ticket=draft.ticket, why=error.reason)
        except Exception:
            log.exception("sla.cannot_recalculate", ticket=draft.ticket)
        speak(draft, self._outbox, {**draft.room, UNMOVED: wanted.mark}, (), now)
        return ()

    async def _fold(
        self, draft: Draft, wanted: Recalculation, rules: Rules, now: datetime
    ) -> tuple[CaseEvent, ...]:
        timer = from_fields(draft.room)
        before = await self._rules.get(timer.district, timer.directory_version)
        event = SlaRecalculated(
            ticket=draft.ticket,
            district=timer.district,
            # later than every act that the clock has seen: those were judged by the limits of before
            at=stamp(now, (draft.others.get("case") or {}).get("updated_at"), timer.last_fired),
            directory_version=wanted.version,
            cause=wanted.cause,
        )
        after, late = recalculate(timer, event, before, rules)
        fields = fields_of(draft.ticket, after, rules.running(after))
        speak(draft, self._outbox, fields, (*late, event), now)
        return late


def _caught_up(draft: Draft) -> bool:
    """Whether the clock has seen, and followed, all that was announced."""
    announced = announced_in(draft.others).items()
    return "waiting" not in draft.room and all(draft.seen[room] == n for room, n in announced)
