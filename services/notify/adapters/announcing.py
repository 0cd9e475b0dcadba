"""What became of a message about a case, said in the case's room `notices`: a numbered event.

The clock goes by it, so it is stamped strictly later than everything that the clock has said, and the write
requires that it has said no more. The room remembers of which events it has spoken: each is said once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from services.kernel.adapters.case_folding import stamp
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Outbox, tell
from services.kernel.adapters.room_store import Draft, RoomStore
from services.kernel.adapters.rooms import Change, enter
from services.kernel.contracts.codec import EventId
from services.kernel.contracts.events import CaseEvent, NoticeDelivered, NoticeFailed
from services.notify.core.messages import Debt, Message

log = get_logger()
READS = ("sla.last_fired",)
MOST_TOLD = 100
"""Of so many events the room remembers that it has spoken; a case has a few questions and resolutions."""


class Announces(Protocol):
    """Says what became of a message; False where it cannot be said yet. Raises Unavailable."""

    async def announce(self, message: Message, debt: Debt, now: datetime) -> bool: ...


class Announcing:
    """`rooms`: room `notices`, its drafts carrying READS."""

    def __init__(self, rooms: RoomStore, outbox: Outbox) -> None:
        self._rooms = rooms
        self._outbox = outbox

    async def announce(self, message: Message, debt: Debt, now: datetime) -> bool:
        ticket = message.ticket
        if ticket is None:
            return True
        draft = (await self._rooms.read([ticket]))[ticket]
        about = EventId.parse(message.event_id)
        if draft.seen.get(about.room, 0) < about.n:
            return False  # the room does not know yet of what it is about: its consumer is behind
        mark = f"{message.event_id}:{debt}"
        told = list(draft.room.get("told", ()))
        if mark not in told:
            draft.outbox = self._outbox.remaining(ticket, draft.outbox)
            self._enter(draft, message, debt, [*told, mark][-MOST_TOLD:], now)
            if await self._rooms.write([draft]):
                return False
            log.info("notices.announced", ticket=ticket, about=message.event_id, what=debt)
        await tell([draft], self._rooms, self._outbox)
        return True

    def _enter(
        self, draft: Draft, message: Message, debt: Debt, told: list[str], now: datetime
    ) -> None:
        last_fired: datetime | None = (draft.others.get("sla") or {}).get("last_fired")
        at = stamp(now, last_fired, draft.room.get("told_at"))
        event = _event(message, debt, at)
        fields = {**draft.room, "told": told, "told_at": at}
        enter(draft, "notices", Change(fields, [event], {"sla.last_fired": last_fired}))
        draft.unsent_since = draft.unsent_since or now


def _event(message: Message, debt: Debt, at: datetime) -> CaseEvent:
    fields = {
        "ticket": message.ticket,
        "district": message.district,
        "at": at,
        "about": message.event_id,
        "audience": message.audience,
        "channel": message.channel,
    }
    if debt == "delivered":
        return NoticeDelivered.model_validate(fields)
    return NoticeFailed.model_validate({**fields, "reason": message.reason or "failed"})
