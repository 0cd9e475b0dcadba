"""The guard: every record that a consumer takes ends as done, retry or reject, and never as lost.

    is its room followed? → read the attributes → drop if already applied → decode → handle → outcome

*retry*: a dependency is down; the batch waits and is run again, the offset stays, the order stays.
*reject*: the record is poison; it is parked with every later record of its case for this consumer, a copy
goes to the dead-letter topic, and other cases go on. An unforeseen exception is a retry a bounded number
of times and then a reject.

A `filed` is never rejected for a fault of ours, nor is a record whose dependency lags for its case alone (a
directory version that is not there yet): its case is *held*, which is a retry apart from the others. It is
parked without a reason, tried again with every drain, and alarmed until it goes through.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from services.kernel.adapters import metrics
from services.kernel.adapters.insisting import Sleep, insist, pause
from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.codec import Received, Record, Undecodable, identify, receive
from services.kernel.contracts.events import CaseFiled, Event, Room
from services.kernel.domain.errors import Reject, Retry, Unavailable

log = get_logger()
FAULTS_BEFORE_REJECT = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """The first record of a case that could not be applied; what came before it was applied.

    `rejected`: the handler says that it is poison. `lagging`: something that it needs is not there yet.
    Otherwise it is a fault that may pass.
    """

    received: Received
    reason: str
    rejected: bool = False
    lagging: bool = False


class Handler(Protocol):
    """Applies a batch; idempotent. Raises Retry for the whole; returns the cases that failed alone."""

    uses: Mapping[str, type[Event]]

    @property
    def follows(self) -> Collection[Room]:
        """The rooms whose events are of any use to it; those of others are done unread."""
        ...

    async def handle(self, batch: Sequence[Received]) -> list[Failure]: ...


class Parks(Protocol):
    """Where rejected records wait; see `parking.py`."""

    async def parked_keys(self, keys: Sequence[str]) -> set[str]: ...

    def forget(self) -> None:
        """What is known of parked keys may be out of date."""
        ...

    async def park(self, records: Sequence[tuple[Record, str | None]]) -> None:
        """Each record with its reason, None for those that wait behind another or are held."""
        ...

    async def keys_to_drain(self, partitions: Sequence[int]) -> list[str]:
        """Keys that were marked to be requeued, and keys of which no record has a reason to wait."""
        ...

    async def waiting(self, key: str) -> list[Record]: ...

    async def release(self, record: Record) -> None: ...

    async def keep(self, key: str, record: Record, reason: str) -> None: ...


Verdict = Literal["again", "hold", "reject"]
Place = tuple[str, int, int]
Aside = dict[Place, str]
"""What of a batch was set aside, and how that is counted. A batch that is run again is counted once."""


class Guard:
    """One consumer's guard. `handle` returns when every record is done or parked."""

    def __init__(
        self, consumer: str, handler: Handler, parking: Parks, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.consumer = consumer
        self._handler = handler
        self._parking = parking
        self._sleep = sleep
        self._faults: Counter[Place] = Counter()
        self._held: set[str] = set()
        # a drain and a batch never run at once, or a requeued record could overtake its case
        self._turn = asyncio.Lock()

    def assigned(self) -> None:
        """Partitions came to this process that another may have had until now."""
        self._parking.forget()

    async def handle(self, records: Sequence[Record]) -> None:
        """Take a batch to its end. It raises nothing but cancellation."""
        started = time.perf_counter()
        aside: Aside = {}
        async with self._turn:
            await insist(
                self.consumer, lambda: self._admit(records, aside), "guard.fault", self._sleep
            )
        for outcome, count in Counter(aside.values()).items():
            metrics.HANDLED.labels(self.consumer, outcome).inc(count)
        metrics.HANDLED.labels(self.consumer, "done").inc(len(records) - len(aside))
        metrics.BATCH_SIZE.labels(self.consumer).observe(len(records))
        metrics.BATCH_SECONDS.labels(self.consumer).observe(time.perf_counter() - started)

    async def drain(self, partitions: Sequence[int]) -> int:
        """Handle the records that were marked to be requeued or are held; how many were done.

        Batches get their turn between two keys. Raises Unavailable.
        """
        done = 0
        keys = await self._parking.keys_to_drain(partitions)
        for key in keys:
            async with self._turn:
                done += await self._drain_key(key)
        self._held.intersection_update(keys)
        metrics.HELD.labels(self.consumer).set(len(self._held))
        return done

    async def _admit(self, records: Sequence[Record], aside: Aside) -> None:
        taken: list[Received] = []
        left_out: list[tuple[Record, str | None]] = []
        for record in records:
            try:
                event_id = identify(record)
                if event_id.room in self._handler.follows:
                    taken.append(receive(record, event_id=event_id))
            except Undecodable as error:
                # it has no number, so it is no event of any case: nothing waits behind it
                left_out.append((record, f"undecodable: {error}"))
        parked = await self._parking.parked_keys(list({one.id.ticket for one in taken}))
        batch = [received for received in taken if received.id.ticket not in parked]
        left_out.extend((one.record, None) for one in taken if one.id.ticket in parked)
        # first what came before: a case whose poison is set aside already would be set aside as a whole
        # when the batch is run again, and with it what nobody has handled yet
        await self._apply(batch, aside)
        await self._park(left_out, aside)

    async def _apply(self, batch: Sequence[Received], aside: Aside) -> None:
        pending = list(batch)
        attempt = 0
        while pending:
            failures = await self._try(pending)
            left: list[Received] = []
            failed: list[tuple[Record, str | None]] = []
            for failure in failures:
                key = failure.received.id.ticket
                mine = [received for received in pending if received.id.ticket == key]
                places = [received.record.offset for received in mine]
                behind = mine[places.index(failure.received.record.offset) :]
                verdict = self._verdict(failure)
                if verdict == "again":
                    left.extend(behind)
                    continue
                reason = failure.reason if verdict == "reject" else None
                failed.append((failure.received.record, reason))
                failed.extend((received.record, None) for received in behind[1:])
                if verdict == "hold":
                    self._hold(key, failure)
            await self._park(failed, aside)
            pending = left
            if pending:
                metrics.RETRIED.labels(self.consumer, "fault").inc()
                await pause(attempt, self._sleep)
                attempt += 1
        self._faults.clear()

    async def _try(self, pending: Sequence[Received]) -> list[Failure]:
        """Hand over the batch; a fault of the whole is narrowed down to the records that cause it."""
        try:
            return await self._handler.handle(pending)
        except Unavailable:
            raise
        except Exception as error:
            if not isinstance(error, Retry):
                log.exception("guard.batch_fault", consumer=self.consumer, records=len(pending))
            by_key: dict[str, list[Received]] = {}
            for received in pending:
                by_key.setdefault(received.id.ticket, []).append(received)
            if len(pending) == 1:
                return [_failure(pending[0], error)]
        if len(by_key) > 1:
            return [failure for one in by_key.values() for failure in await self._try(one)]
        for received in pending:
            # one case, several records: those before the faulty one are done, not blamed
            if failures := await self._try([received]):
                return failures
        return []

    def _verdict(self, failure: Failure) -> Verdict:
        if failure.rejected:
            return "reject"
        place = _place(failure.received.record)
        self._faults[place] += 1
        if self._faults[place] < FAULTS_BEFORE_REJECT:
            return "again"
        del self._faults[place]
        return "hold" if _is_never_rejected(failure) else "reject"

    def _hold(self, key: str, failure: Failure) -> None:
        self._held.add(key)
        metrics.HELD.labels(self.consumer).set(len(self._held))
        log.error("guard.held", consumer=self.consumer, ticket=key, reason=failure.reason)

    async def _park(self, records: Sequence[tuple[Record, str | None]], aside: Aside) -> None:
        if not records:
            return
        await self._parking.park(records)
        for record, reason in records:
            # run again, one that was rejected looks like one that waits
            aside.setdefault(_place(record), "parked" if reason is None else "rejected")
        log.error(
            "guard.parked",
            consumer=self.consumer,
            rejected=sum(reason is not None for _, reason in records),
            behind=sum(reason is None for _, reason in records),
        )

    async def _drain_key(self, key: str) -> int:
        """In order, until the key is empty or one is rejected again, which keeps the key parked."""
        done = 0
        # another process may park behind the key until it sees that the key is free
        while waiting := await self._parking.waiting(key):
            for record in waiting:
                try:
                    received = receive(record)
                except Undecodable as error:
                    await self._parking.keep(key, record, f"undecodable: {error}")
                    return done
                failures = await self._try([received])
                if failures and not failures[0].rejected and _is_never_rejected(failures[0]):
                    self._hold(key, failures[0])
                    return done
                if failures:
                    await self._parking.keep(key, record, failures[0].reason)
                    return done
                await self._parking.release(record)
                metrics.HANDLED.labels(self.consumer, "drained").inc()
                done += 1
        return done


def _place(record: Record) -> Place:
    return (record.topic, record.partition, record.offset)


def _is_never_rejected(failure: Failure) -> bool:
    return failure.lagging or failure.received.type == CaseFiled.TYPE


def _failure(received: Received, error: Exception) -> Failure:
    if isinstance(error, Reject):
        return Failure(received, error.reason, rejected=True)
    if isinstance(error, Retry):
        return Failure(received, str(error), lagging=True)
    return Failure(received, f"{type(error).__module__}.{type(error).__qualname__}")


def key_of(record: Record) -> str:
    """What a record is parked under: its ticket; its own place where it is no event of a case."""
    try:
        return receive(record).id.ticket
    except Undecodable:
        return f"{record.topic}/{record.partition}/{record.offset}"
