"""Sending: due messages of one channel are claimed, handed to its provider, and their outcomes written.

Each channel has a sender, a loop and slots of its own, so a slow provider holds up neither the other nor
the consumer. Only as many messages are claimed as can be called for at once: a claim is never old before
its call begins. What a crash leaves claimed becomes `unknown` and is never sent again.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.group_commit import GroupCommit
from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.events import CaseFiled
from services.kernel.domain.errors import Retry
from services.notify.adapters.recipients import FindsRecipients
from services.notify.core.book import Book, Channel
from services.notify.core.messages import Conclusion, Message, Messages
from services.notify.core.outcomes import Outcome, retry_at
from services.notify.core.pace import Pace
from services.notify.core.provider import Outgoing, Provider
from services.notify.core.wording import fill, variables_of

log = get_logger()
T = TypeVar("T")
SLOTS = 64
CALL_SECONDS = 15.0
CLAIM_SECONDS = 40.0
"""Longer than a call and the writing of its outcome ever take: an older claim is a dead process's."""
BEHIND = timedelta(milliseconds=100)
LOCKED = timedelta(minutes=1)
STOP_SECONDS = 3.0
LONGEST_WRITE_WAIT_SECONDS = 2.0


class Sender:
    """What falls due for a `DueLoop`. `wake` is called when a slot or a later message came free."""

    def __init__(
        self,
        channel: Channel,
        messages: Messages,
        provider: Provider,
        recipients: FindsRecipients,
        book: Book,
        clock: Clock,
        *,
        slots: int = SLOTS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.channel = channel
        self.wake: Callable[[], None] = lambda: None
        self._messages = messages
        self._provider = provider
        self._recipients = recipients
        self._book = book
        self._clock = clock
        self._slots = slots
        self._chance = chance
        self._pace = Pace()
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
        free = min(limit, self._pace.slots(now, self._slots) - len(self._flying))
        self._more = True  # until a look has shown otherwise
        if free <= 0 or self._stopping:
            resumes = self._pace.resumes_at
            return 0, resumes if resumes is not None and resumes > now else None
        # more than can be claimed: some wait behind an earlier message of their case
        look = 4 * self._slots
        found = await self._messages.due(self.channel, buckets, now, look)
        open_ = [message for message in found if message.id not in self._flying]
        lapsed = [message.id for message in open_ if message.state == "claimed"]
        if lapsed:
            count = await self._messages.lapse(lapsed, now)
            metrics.NOTIFICATIONS.labels(self.channel, "unknown").inc(count)
            log.error("sender.claims_lapsed", channel=self.channel, messages=count)
        ready = await self._in_order([m for m in open_ if m.state == "planned"], now)
        take = ready[:free]
        # what has no slot, waits behind another or was not looked at is taken up when a call has ended
        self._more = len(take) < len(open_) or len(found) >= look
        if not take:
            return len(lapsed), None
        numbers = await self._recipients.find(take)
        locked = [message.id for message in take if message.id not in numbers]
        await self._messages.postpone(dict.fromkeys(locked, now + LOCKED))
        for message, claim in await self._claim([m for m in take if m.id in numbers]):
            self._flying[message.id] = message
            self._begin(self._deliver(message, claim, numbers[message.id]))
        return len(take), None

    async def _in_order(self, planned: Sequence[Message], now: datetime) -> list[Message]:
        """Those before which nothing of their case to the same recipient is open.

        The others are put off behind it, or they would crowd out what can be sent; except behind one
        that is being sent just now, whose end wakes the loop.
        """
        # the first event of a case has nothing before it, which saves asking for most
        asked = {message.ticket for message in planned if message.order > 1}
        if not asked:
            return list(planned)
        heads = await self._messages.heads(asked)
        soon = {*self._flying, *(message.id for message in planned)}
        ready: list[Message] = []
        later: dict[str, datetime] = {}
        for message in planned:
            head = heads.get((message.ticket, message.recipient))
            if message.order == 1 or head is None or head.id == message.id:
                ready.append(message)
            elif head.id not in soon:
                at = now + BEHIND if head.state == "claimed" else head.next_at
                later[message.id] = max(at, now + BEHIND)
        await self._messages.postpone(later)
        return ready

    async def _claim(self, messages: Sequence[Message]) -> list[tuple[Message, str]]:
        if not messages:
            return []
        claim = os.urandom(12).hex()
        ids = [message.id for message in messages]
        at = self._clock()
        try:
            ours = await self._messages.claim(
                ids, claim, self.channel, at, at + timedelta(seconds=CLAIM_SECONDS)
            )
        except Exception:
            # the store may have taken the claim: nothing was sent, so it is given back later
            self._doubtful[claim] = ids
            raise
        return [(message, claim) for message in messages if message.id in ours]

    async def _undo_doubtful(self) -> None:
        for claim, ids in list(self._doubtful.items()):
            await self._messages.give_back(ids, claim, self._clock())
            del self._doubtful[claim]

    async def _deliver(self, message: Message, claim: str, number: str | None) -> None:
        try:
            outcome = await self._call(message, number)
            now = self._clock()
            self._pace.note(outcome, now, self._chance())
            metrics.NOTIFICATIONS.labels(self.channel, outcome.kind).inc()
            if outcome.kind == "accepted":
                if message.event == CaseFiled.TYPE and message.audience == "citizen":
                    seconds = (now - message.event_at).total_seconds()
                    metrics.FILED_TO_NOTIFIED.observe(max(0.0, seconds))
            else:
                self._tell(message, outcome)
            await self._conclude(self._conclusion(message, claim, outcome, now))
        finally:
            self._flying.pop(message.id, None)
            if self._more:
                self.wake()

    async def _call(self, message: Message, number: str | None) -> Outcome:
        if number is None:
            return Outcome("permanent", "no_address")
        template = self._book.templates.get(message.template)
        wording = template.wordings.get((self.channel, message.language)) if template else None
        if template is None or wording is None:
            return Outcome("permanent", "no_such_template")
        names = variables_of(wording.text)
        if any(name not in message.values for name in names):
            return Outcome("permanent", "template_changed")
        going = Outgoing(
            key=message.id,
            to=number,
            language=message.language,
            registered=wording.registered,
            text=fill(wording.text, message.values),
            parameters=tuple(message.values[n] for n in template.variables if n in names),
        )
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._provider.send(going)
        except TimeoutError:
            return Outcome("unknown", "call_timeout", whole_provider=True)
        except Exception:
            # it cannot be told at which point it broke, so it counts as possibly sent
            log.exception("sender.fault", channel=self.channel)
            return Outcome("unknown", "fault")

    def _tell(self, message: Message, outcome: Outcome) -> None:
        log.warning(
            "sender.not_accepted",
            channel=self.channel,
            ticket=message.ticket,
            template=message.template,
            outcome=outcome.kind,
            reason=outcome.reason,
            tries=message.tries + 1,
        )

    def _conclusion(
        self, message: Message, claim: str, outcome: Outcome, now: datetime
    ) -> Conclusion:
        if outcome.kind == "accepted":
            return Conclusion(message.id, claim, outcome, "sent", now)
        if outcome.kind == "unknown":
            return Conclusion(message.id, claim, outcome, "unknown", now)
        again = None
        if outcome.kind == "transient":
            again = retry_at(now, message.tries + 1, outcome, self._chance(), message.created_at)
        return Conclusion(message.id, claim, outcome, "planned" if again else "failed", now, again)

    async def _conclude(self, conclusion: Conclusion) -> None:
        """Write the outcome, however long the store is away: it is known nowhere else."""
        wait = 0.05
        while True:
            try:
                return await self._outcomes.submit(conclusion)
            except Retry as error:
                log.warning("sender.outcome_postponed", channel=self.channel, why=str(error))
            except Exception:
                log.exception("sender.outcome_fault", channel=self.channel)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(LONGEST_WRITE_WAIT_SECONDS, wait * 2)

    async def _write(self, conclusions: Sequence[Conclusion]) -> Sequence[None]:
        await self._messages.conclude(conclusions)
        return [None] * len(conclusions)
