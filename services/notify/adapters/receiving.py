"""Receipts of providers, applied to their messages: late, repeated, out of order, or of somebody else's.

A receipt is written with what it makes of its message in one guarded write. Of two writers one loses, and
reads again: a receipt is never lost to a claim, a retry or another receipt.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.domain.errors import Retry
from services.notify.adapters.composer import Composes
from services.notify.adapters.contact_store import ContactStore, Learnt
from services.notify.adapters.waking import Wakes
from services.notify.core.book import Channel
from services.notify.core.delivery import WaitsOf, after_receipt
from services.notify.core.messages import Message, Messages, Move
from services.notify.core.outcomes import Outcome
from services.notify.core.receipts import Receipt

ROUNDS = 20


class Receiving:
    """Applies receipts, whichever way they came."""

    def __init__(
        self,
        messages: Messages,
        composer: Composes,
        contacts: ContactStore,
        waits: WaitsOf,
        clock: Clock,
        wakes: Wakes,
    ) -> None:
        self._wakes = wakes
        self._messages = messages
        self._composer = composer
        self._contacts = contacts
        self._waits = waits
        self._clock = clock

    async def apply(self, receipts: Sequence[Receipt]) -> None:
        """Apply receipts in their order. Raises Retry: any of them may then have been applied, and applying
        them again changes nothing."""
        # a repeated one says nothing new, however often it comes
        todo = list(
            {
                (one.message_id, one.channel, one.status, one.provider_id, one.claim): one
                for one in reversed(receipts)
                if one.message_id
            }.values()
        )[::-1]
        lost = 0
        while todo:
            left = await self._round(todo)
            lost = lost + 1 if len(left) == len(todo) else 0
            if lost > ROUNDS:
                raise Retry("receipts: writes lost again and again")
            todo = left

    async def _round(self, todo: Sequence[Receipt]) -> list[Receipt]:
        """Of each message the first receipt; what is left for the next round."""
        first: dict[str, Receipt] = {}
        left: list[Receipt] = []
        for receipt in todo:
            if receipt.message_id in first:
                left.append(receipt)
            else:
                first[receipt.message_id] = receipt
        known = await self._messages.read(list(first))
        now = self._clock()
        moves: list[Move] = []
        for id_, receipt in first.items():
            message = known.get(id_)
            if message is None:
                self._count(receipt, "no_message")
                continue
            seen, step = after_receipt(
                message, receipt, now=now, chance=random.random(), waits=self._waits
            )
            if seen is None:
                self._count(receipt, "known")
            else:
                moves.append(Move(message, now, step, seen))
                if receipt.failure is not None:
                    # first: what goes out because of the move must know it
                    await self.learn(message, receipt.failure, receipt.channel)
        lost = await self._messages.move(moves)
        for move in moves:
            receipt = first[move.message.id]
            if move.message.id in lost:
                left.insert(0, receipt)
                continue
            self._count(receipt, "applied")
        if any(move.step is not None and move.step.next_at is not None for move in moves):
            self._wakes.all()
        return left

    async def learn(self, message: Message, outcome: Outcome, channel: Channel) -> None:
        """What a failure says of the address: nobody's on this channel, or silent for 24 hours."""
        if not (outcome.bad_address or outcome.window_closed):
            return
        names = await self._composer.contact_names([message], channel)
        name = names.get(message.id)
        if name is None:
            return
        # not when it was told, which may be long after he has written again
        called = [one.at for one in message.attempts if one.channel == channel and one.at is not None]
        at = max(called, default=self._clock())
        if outcome.bad_address:
            await self._contacts.learn([Learnt(name, channel, at)])
        else:
            await self._contacts.close_window([name], at)

    def _count(self, receipt: Receipt, outcome: str) -> None:
        metrics.RECEIPTS.labels(receipt.channel, receipt.status, outcome).inc()
