"""Settling: what becomes of messages after they were handed over, and what must still be said of them.

A loop of its own takes up what waits for a receipt that did not come, and pays debts: the call-back that is
asked for when no channel has reached a citizen, and the case's event that a question was delivered. Every
step may be done again after a crash: the call-back has a key, the event is remembered in its room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from services.kernel.adapters import metrics
from services.kernel.adapters.outbox import Publishes
from services.kernel.contracts.beside import CallbackRequested
from services.kernel.contracts.codec import Message as Published
from services.kernel.contracts.codec import beside_the_case
from services.kernel.contracts.topics import CALLS
from services.notify.adapters.announcing import Announces
from services.notify.adapters.waking import Wakes
from services.notify.core.delivery import WaitsOf, after_wait
from services.notify.core.messages import Message, Messages, Move, Step
from services.notify.core.provider import ProviderName

AT_ONCE = 32
NOT_YET = timedelta(seconds=1)
"""After which what cannot be said yet is tried again; meanwhile it is in nobody's way."""


class Settling:
    """What falls due for a `DueLoop`."""

    def __init__(
        self,
        messages: Messages,
        publisher: Publishes,
        announcing: Announces,
        waits: WaitsOf,
        receipts: Callable[[ProviderName], bool],
        wakes: Wakes,
    ) -> None:
        self._wakes = wakes
        self._messages = messages
        self._publisher = publisher
        self._announcing = announcing
        self._waits = waits
        self._receipts = receipts

    async def fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]:
        """Raises Retry."""
        found = await self._messages.due("settle", buckets, now, limit)
        owing = [message for message in found if message.owes]
        for start in range(0, len(owing), AT_ONCE):
            some = owing[start : start + AT_ONCE]
            paid = await asyncio.gather(*(self._pay(m, now) for m in some), return_exceptions=True)
            for fault in paid:
                if isinstance(fault, BaseException):
                    raise fault
        moves = [
            Move(message, now, self._after(message, now)) for message in found if not message.owes
        ]
        if moves:
            await self._messages.move(moves)
            self._wakes.all()
        return len(found), None

    def _after(self, message: Message, now: datetime) -> Step:
        receipts = self._receipts(message.provider_of(message.channel))
        return after_wait(message, now, receipts=receipts, waits=self._waits)

    async def _pay(self, message: Message, now: datetime) -> None:
        debt = message.owes[0]
        if debt == "callback":
            await self._publisher.publish([callback(message, now)])
            metrics.CALLBACKS.inc()
        elif not await self._announcing.announce(message, debt, now):
            await self._messages.put_off(message, now + NOT_YET)
            return
        again = now if len(message.owes) > 1 else None
        await self._messages.paid(message, debt, again)


def callback(message: Message, now: datetime) -> Published:
    """The request that an operator calls whom no message reached; its key is the message's."""
    event = CallbackRequested(
        district=message.district,
        key=message.id,
        ticket=message.source or message.ticket,
        person=message.person,
        reason="undeliverable",
        at=now,
    )
    return beside_the_case(event, CALLS, "notify", key=message.id.encode(), ce_id=message.id)
