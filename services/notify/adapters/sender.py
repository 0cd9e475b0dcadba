"""Sending: due messages of one provider are claimed, handed to it, and their outcomes written.

Each provider has a sender, a loop and slots of its own, so a slow one holds up neither the others nor the
consumer. Only as many messages are claimed as can be called for at once: a claim is never old before its
call begins. What a crash leaves claimed becomes `unknown` and is never sent again on that channel.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.due import BUCKETS
from services.kernel.adapters.group_commit import GroupCommit
from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.events import CaseFiled
from services.kernel.domain.errors import Retry
from services.notify.adapters.composer import Composes
from services.notify.adapters.waking import Wakes
from services.notify.core.book import Book, Channel
from services.notify.core.delivery import LAPSED, after_call, give_way
from services.notify.core.messages import Attempt, Claim, Conclusion, Message, Messages, Move, Step
from services.notify.core.outcomes import Outcome
from services.notify.core.pace import Pace
from services.notify.core.provider import Outgoing, Provider
from services.notify.core.quiet import quiet_until
from services.notify.core.rates import Rates

log = get_logger()
T = TypeVar("T")
SLOTS = 64
LOOK = 4
"""So many messages a slot are read at most to find one that can go."""
CALL_SECONDS = 15.0
CLAIM_SECONDS = 40.0
"""Longer than a call and the writing of its outcome ever take: an older claim is a dead process's."""
BEHIND = timedelta(milliseconds=100)
LOCKED = timedelta(minutes=1)
AT_ONCE = 500
GIVE_WAY_EVERY = timedelta(seconds=5)
"""So often at most it is looked for what has waited too long; the limits are minutes."""
STOP_SECONDS = 3.0
LONGEST_WRITE_WAIT_SECONDS = 2.0
Learn = Callable[[Message, Outcome, Channel], Awaitable[None]]


class Sender:
    """What falls due for a `DueLoop`; it wakes its own when a slot or a later message came free, and the
    others when a message goes on elsewhere. `learn` is told of an outcome that says something of the
    address."""

    def __init__(
        self,
        provider: Provider,
        messages: Messages,
        composer: Composes,
        book: Book,
        rates: Rates,
        clock: Clock,
        wakes: Wakes,
        *,
        learn: Learn | None = None,
        slots: int = SLOTS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = provider.name
        self._wakes = wakes
        self._learn_of = learn
        self._messages = messages
        self._provider = provider
        self._composer = composer
        self._waits = book.waits
        self._routes = book.routes
        self._rates = rates
        self._clock = clock
        self._slots = slots
        self._chance = chance
        self._pace = Pace()
        self._gives_way_at = clock()
        self._flying: dict[str, Message] = {}
        self._doubtful: dict[str, list[str]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._more = False
        self._outcomes: GroupCommit[Conclusion, None] = GroupCommit(self._write)

    async def fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]:
        """Claim what is due and can be called for now, and begin the calls. Raises Retry."""
        # shielded: a loop that is cancelled between a claim and its call would lose the message
        return await asyncio.shield(self._begin(self._fire(now, buckets, limit)))

    def paused(self, now: datetime) -> bool:
        """Whether the provider is left alone, since it fails or throttles."""
        return self._pace.resumes_at is not None and self._pace.resumes_at > now

    async def stop(self) -> None:
        """Let the calls in hand end, within a bound; a call that is cut off becomes `unknown`."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        for task in list(self._tasks):
            task.cancel()

    def _begin(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]:
        await self._undo_doubtful()
        if self.paused(now) and not self._stopping:
            return await self._give_way(now, buckets), self._pace.resumes_at
        unused = self._pace.slots(now, self._slots) - len(self._flying)
        share = len(buckets) / BUCKETS
        free = min(limit, unused, self._rates.slots(now, share))
        self._more = True  # until a look has shown otherwise
        if free <= 0 or self._stopping:
            return 0, self._rates.next_slots(now) if unused > 0 else None
        # more than can be claimed: some wait behind an earlier message of their case
        look, most = min(2 * free, LOOK * self._slots), LOOK * self._slots
        awake, found, lapsed = await self._look(now, buckets, look)
        # of a few all are composed while it is asked which of them can go: each of the two is a wait
        few = len(awake) <= free
        ready, early = await asyncio.gather(
            self._in_order(awake, now), self._compose(awake if few else (), now)
        )
        if len(ready) < free and found >= look < most:
            look = most
            awake, found, more_lapsed = await self._look(now, buckets, look)
            ready, few = await self._in_order(awake, now), False
            lapsed += more_lapsed
        take = await self._within_rates(ready, free, now)
        # what has no slot, waits behind another or was not looked at is taken up when a call has ended
        self._more = len(take) < found or found >= look
        if not take:
            return lapsed, None
        composed = early if few else await self._compose(take, now)
        locked = [message.id for message in take if message.id not in composed]
        await self._messages.postpone(dict.fromkeys(locked, now + LOCKED))
        for message, claim in await self._claim([m for m in take if m.id in composed], composed):
            self._flying[message.id] = message
            self._begin(self._deliver(message, claim, composed[message.id]))
        more = self._rates.slots(now, share) <= 0 and len(ready) > len(take)
        return len(take), self._rates.next_slots(now) if more else None

    async def _look(
        self, now: datetime, buckets: Sequence[int], look: int
    ) -> tuple[list[Message], int, int]:
        """Of the first `look` that are due: those that could go but for their order, how many there were, and
        how many old claims were given up."""
        due = await self._messages.due(self.name, buckets, now, look)
        found = [message for message in due if message.id not in self._flying]
        lapsed = await self._lapse([m for m in found if m.state == "claimed"], now)
        awake = await self._awake([m for m in found if m.state == "planned"], now)
        return awake, len(found), lapsed

    async def _compose(
        self, messages: Sequence[Message], now: datetime
    ) -> Mapping[str, Outgoing | Outcome]:
        if not messages:
            return {}
        return await self._composer.compose(messages, self._provider.channel, now)

    async def _lapse(self, claimed: Sequence[Message], now: datetime) -> int:
        """Claims that are too old to be anybody's: what became of their calls is known nowhere."""
        if not claimed:
            return 0
        moves = [
            Move(message, now, self._step(message, LAPSED, now), lapsed=message.claim)
            for message in claimed
        ]
        count = len(moves) - len(await self._messages.move(moves))
        metrics.NOTIFICATIONS.labels(self._provider.channel, "unknown").inc(count)
        log.error("sender.claims_lapsed", provider=self.name, messages=count)
        self._wakes.all()
        return count

    async def _give_way(self, now: datetime, buckets: Sequence[int]) -> int:
        """While the provider is down: what has waited for it for too long goes to the next channel."""
        if now < self._gives_way_at:
            return 0
        self._gives_way_at = now + GIVE_WAY_EVERY
        wait = self._waits[self._provider.channel]
        waiting = await self._messages.waiting_long(
            self.name, buckets, now - wait.receipt, now - wait.urgent_receipt, now, AT_ONCE
        )
        moves = [
            Move(message, now, step)
            for message in waiting
            if message.id not in self._flying
            and (step := give_way(message, now, self._waits)) is not None
        ]
        if not moves:
            return 0
        await self._messages.move(moves)
        self._wakes.all()
        return len(moves)

    async def _awake(self, planned: Sequence[Message], now: datetime) -> list[Message]:
        """Without those whose turn has come in the quiet hours of their reader: by a wait that was over, a
        retry, or a backlog. When a message was planned says nothing of when it goes out."""
        held: dict[str, datetime] = {}
        for message in planned:
            if not (message.urgent or message.at_once):
                quiet = self._routes[message.audience].quiet
                until = quiet_until(now, quiet, ZoneInfo(message.zone))
                if until is not None:
                    held[message.id] = until
        await self._messages.hold(held)
        return [message for message in planned if message.id not in held]

    async def _in_order(self, planned: Sequence[Message], now: datetime) -> list[Message]:
        """Those before which nothing of their thread to the same recipient is still to be sent.

        The others are put off behind it, or they would crowd out what can be sent; except behind one
        that is being sent just now, whose end wakes the loop.
        """
        # the first event of a case has nothing before it, which saves asking for most
        asked = {message.thread for message in planned if message.order > 1}
        if not asked:
            return list(planned)
        heads = await self._messages.heads(asked, now)
        soon = {*self._flying, *(message.id for message in planned)}
        ready: list[Message] = []
        later: dict[str, datetime] = {}
        for message in planned:
            head = heads.get((message.thread, message.recipient))
            if message.order == 1 or head is None or head.id == message.id:
                ready.append(message)
            elif head.id not in soon:
                at = now + BEHIND if head.state == "claimed" else head.next_at
                later[message.id] = max(at, now + BEHIND)
        await self._messages.postpone(later)
        return ready

    async def _within_rates(
        self, ready: Sequence[Message], free: int, now: datetime
    ) -> list[Message]:
        """As many as there are slots, without those whose recipient was written to too often just now."""
        take: list[Message] = []
        later: dict[str, datetime] = {}
        for message in ready:
            if len(take) >= free:
                break
            wait = self._rates.recipient_free(message.recipient, now)
            if wait is None:
                self._rates.take(message.recipient, now)
                take.append(message)
            else:
                later[message.id] = wait
        await self._messages.postpone(later)
        return take

    async def _claim(
        self, messages: Sequence[Message], composed: Mapping[str, Outgoing | Outcome]
    ) -> list[tuple[Message, str]]:
        if not messages:
            return []
        id_ = os.urandom(12).hex()
        ids = [message.id for message in messages]
        at = self._clock()
        forms = {key: "text" for key in ids if _is_free(composed[key])}
        until = at + timedelta(seconds=CLAIM_SECONDS)
        channel = self._provider.channel
        try:
            ours = await self._messages.claim(
                ids, Claim(id_, self.name, channel, at, until, forms)
            )
        except Exception:
            # the store may have taken the claim: nothing was sent, so it is given back later
            self._doubtful[id_] = ids
            raise
        claimed: list[tuple[Message, str]] = []
        for message in messages:
            if message.id in ours:
                attempt = Attempt(id_, channel, form=forms.get(message.id, ""), at=at)
                attempts = (*message.attempts, attempt)
                tries = message.tries + 1
                claimed.append((replace(message, tries=tries, attempts=attempts), id_))
        return claimed

    async def _undo_doubtful(self) -> None:
        for claim, ids in list(self._doubtful.items()):
            await self._messages.give_back(ids, claim, self._clock())
            del self._doubtful[claim]

    async def _deliver(self, message: Message, claim: str, going: Outgoing | Outcome) -> None:
        try:
            outcome = await self._call(going, claim)
            now = self._clock()
            if isinstance(going, Outgoing):
                self._pace.note(outcome, now, self._chance())
            metrics.NOTIFICATIONS.labels(self._provider.channel, outcome.kind).inc()
            if outcome.kind == "accepted":
                if message.event == CaseFiled.TYPE and message.audience == "citizen":
                    seconds = (now - message.event_at).total_seconds()
                    metrics.FILED_TO_NOTIFIED.observe(max(0.0, seconds))
            else:
                self._tell(message, outcome)
                await self._learn(message, outcome)
            step = self._step(message, outcome, now)
            await self._conclude(Conclusion(message, claim, outcome, step, now))
            if step.channel != message.channel or step.owes:
                self._wakes.all()
        finally:
            self._flying.pop(message.id, None)
            if self._more:
                self._wakes.queues([self.name])

    async def _learn(self, message: Message, outcome: Outcome) -> None:
        """What is not learnt now, since the store is away, the next message learns again."""
        if self._learn_of is None:
            return
        try:
            await self._learn_of(message, outcome, self._provider.channel)
        except Retry as error:
            log.warning("sender.not_learnt", provider=self.name, why=str(error))

    def _step(self, message: Message, outcome: Outcome, now: datetime) -> Step:
        return after_call(
            message,
            outcome,
            receipts=self._provider.receipts,
            now=now,
            chance=self._chance(),
            waits=self._waits,
        )

    async def _call(self, going: Outgoing | Outcome, claim: str) -> Outcome:
        if isinstance(going, Outcome):
            return going
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._provider.send(replace(going, claim=claim))
        except TimeoutError:
            return Outcome("unknown", "call_timeout", whole_provider=True)
        except Exception:
            # it cannot be told at which point it broke, so it counts as possibly sent
            log.exception("sender.fault", provider=self.name)
            return Outcome("unknown", "fault")

    def _tell(self, message: Message, outcome: Outcome) -> None:
        log.warning(
            "sender.not_accepted",
            provider=self.name,
            ticket=message.ticket,
            template=message.template,
            outcome=outcome.kind,
            reason=outcome.reason,
            tries=message.tries,
        )

    async def _conclude(self, conclusion: Conclusion) -> None:
        """Write the outcome, however long the store is away: it is known nowhere else."""
        wait = 0.05
        while True:
            try:
                return await self._outcomes.submit(conclusion)
            except Retry as error:
                log.warning("sender.outcome_postponed", provider=self.name, why=str(error))
            except Exception:
                log.exception("sender.outcome_fault", provider=self.name)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(LONGEST_WRITE_WAIT_SECONDS, wait * 2)

    async def _write(self, conclusions: Sequence[Conclusion]) -> Sequence[None]:
        await self._messages.conclude(conclusions)
        return [None] * len(conclusions)


def _is_free(going: Outgoing | Outcome) -> bool:
    return isinstance(going, Outgoing) and going.in_window

