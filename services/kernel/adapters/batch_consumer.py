"""faust's Kafka consumer handing over whole batches (faust 0.15, aiokafka 0.14, whose insides this uses).

faust takes a fetch apart into messages, each delivered through a lock, a queue and a stream to an agent
that puts them together again and acknowledges each: a third of what a worker spent, and while one batch was
handled nobody collected the next. Here faust's consumer gives what it fetched to `take` at once, one batch
at a time. The rest stays faust's: the group, rebalances, the thread that fetches and beats, the commit
every second.

aiokafka asks the broker again the moment that an answer is there. While records come one by one, each of
three workers then asks for each record alone: more than half of what a worker and the broker spend. Here a
fetch begins no sooner than `fetch_every` seconds after the one before, or `gather` while records come thick.
A record that comes after a pause is fetched at once, as before, since then a fetch is waiting for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import faust
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver

Record: TypeAlias = ConsumerRecord[bytes | None, bytes | None]
POLL_SECONDS = 1.0
LONGEST_FETCH_MS = 200
"""How long a fetch waits at the broker for records. Those of partitions that it does not ask for, since some
of theirs were still to be taken, wait for its end."""
THICK = 8
"""Records in a batch from which on fetches begin every `gather` seconds only."""


class App(faust.App):  # type: ignore[misc]  # faust is untyped
    """A faust application without agents: batches of one topic go to `take`, which raises nothing."""

    def __init__(
        self,
        *arguments: Any,
        topic: str,
        take: Callable[[Sequence[Record]], Awaitable[None]],
        fetch_every: float,
        gather: float,
        **settings: Any,
    ) -> None:
        self.take = take
        self.gather = gather
        self.fetch_every = self.pause = fetch_every
        super().__init__(*arguments, **settings)
        self.topics.add(self.topic(topic))

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer, self)


class _Consumer(driver.Consumer):  # type: ignore[misc]
    """`_collected` waits to be taken: aiokafka does not ask for more of a partition while it still holds
    some of it, so what it fetched is taken off it at once. `_done`: the offset after the last record of
    each partition that `take` has taken to its end."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._batch: int = self.app.conf.broker_max_poll_records
        self._collected: deque[Record] = deque()
        self._changed = asyncio.Event()
        self._in_hand: asyncio.Future[None] | None = None
        self._done: dict[TopicPartition, int] = {}
        self._turned = time.monotonic()

    async def _drain_messages(self, fetcher: Any) -> None:
        """Called once by faust; ends when the consumer or the fetcher is stopped, or when a part fails."""
        parts = [asyncio.ensure_future(part) for part in (self._collect(fetcher), self._hand_over())]
        try:
            ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in ended:
                if part.cancelled():  # faust would take it for its own stop, and go on without this
                    raise RuntimeError("taking records was cancelled, and not by who stops the consumer")
                part.result()
        finally:
            for part in parts:
                part.cancel()

    async def _collect(self, fetcher: Any) -> None:
        while not (self.should_stop or fetcher.should_stop):
            self._turned = time.monotonic()
            while len(self._collected) >= self._batch:
                await self._change()
            try:
                self._thread.check_errors()
                records, active = await self._wait_next_records(POLL_SECONDS)
            except self.consumer_stopped_errors:
                if self.app.should_stop:
                    return
                raise
            if not records or self.should_stop:
                continue
            if self.flow_active and active is not None and active.issuperset(records):
                self._collected.extend(record for some in records.values() for record in some)
                self._changed.set()
            else:
                # fetched while a rebalance began: whoever has the partitions then reads them once more
                await self._read_again(records)

    async def _hand_over(self) -> None:
        while True:
            while not self._collected:
                await self._change()
            count = min(len(self._collected), self._batch)
            batch = [self._collected.popleft() for _ in range(count)]
            self._changed.set()
            self._in_hand = asyncio.ensure_future(self._take(batch))
            await asyncio.shield(self._in_hand)
            self._turned = time.monotonic()
            # thick: so many more share the next write; fewer: latency; half a batch: a backlog
            self.app.pause = (
                self.app.gather if THICK <= count < self._batch // 2 else self.app.fetch_every
            )

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _take(self, batch: Sequence[Record]) -> None:
        await self.app.take(batch)
        for record in batch:
            self._done[TopicPartition(record.topic, record.partition)] = record.offset + 1

    async def _read_again(self, dropped: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Read what is dropped once more. faust would ask the group what is committed, which leaves a
        partition where it is as long as nothing is; whatever fails here ends the drain, and the process."""
        lowest: dict[TopicPartition, int] = {}
        for record in (*self._collected, *(r for some in dropped.values() for r in some)):
            partition = TopicPartition(record.topic, record.partition)
            lowest[partition] = min(record.offset, lowest.get(partition, record.offset))
        self._collected.clear()
        await self._thread.go_back(lowest)

    def stop_flow(self) -> None:
        """The partitions are about to be given up: what nobody has taken yet is read again by their owner."""
        super().stop_flow()
        self._collected.clear()
        self._changed.set()

    async def wait_empty(self) -> None:
        """Before partitions are given up: let the batch in hand end, and commit what was done.

        What cannot be committed is forgotten: the group may have gone on without this worker, and its next
        commit, as a member again, would set a partition back."""
        if self._in_hand is not None:
            await asyncio.wait({self._in_hand})
        while await self.maybe_wait_for_commit_to_finish():
            pass  # it began before the batch ended, and faust does not commit beside it
        await self.commit_and_end_transactions()
        self._done.clear()

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """What faust calls every second and before partitions are given up."""
        if not self._done:
            return False
        owned = self.assignment()
        offsets = {
            partition: offset
            for partition, offset in self._done.items()
            if partition in owned and offset > (self._committed_offset[partition] or 0)
        }
        if not offsets or not await self._commit(offsets):
            return False
        self._committed_offset.update(offsets)
        return True

    def silent(self) -> float:
        """Seconds in which no batch was in hand and nothing was asked for: a rebalance, at most its minute,
        or something in faust or aiokafka that stands still and will not go on."""
        busy = self._in_hand is not None and not self._in_hand.done()
        return 0.0 if busy else time.monotonic() - self._turned

    def lag(self) -> int:
        """Records at the broker, of the partitions owned, that nobody has taken to their end."""
        lag = 0
        for partition in self.assignment():
            end = self.highwater(partition)
            # what was taken here, or, until something was, what the group had committed
            done = self._done.get(partition) or self._committed_offset[partition] or 0
            lag += max(0, end - done) if end is not None else 0
        return lag

    def verify_event_path(self, now: float, tp: TopicPartition) -> None:
        """As faust's, without the stream that is not there: whether the broker is still being asked."""
        self._thread.verify_recovery_event_path(now, tp)

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    def check_errors(self) -> None:
        """Raise what stopped aiokafka's own tasks, which nobody else looks at: nothing would be fetched any
        more, or no rebalance be noticed. Called from the other thread, so it only looks."""
        consumer = self._ensure_consumer()
        coordinator = consumer._coordinator
        if coordinator._pending_exception is not None:
            raise coordinator._pending_exception
        for task in (coordinator._coordination_task, consumer._fetcher._fetch_task):
            if task.done():
                raise ConsumerStoppedError from (None if task.cancelled() else task.exception())

    async def go_back(self, lowest: Mapping[TopicPartition, int]) -> None:
        """Fetch from these offsets again where the partition is still ours and read past them."""
        await self.call_thread(self._go_back, lowest)

    async def _go_back(self, lowest: Mapping[TopicPartition, int]) -> None:
        fetcher = self._ensure_consumer()._fetcher
        subscription = fetcher._subscriptions.subscription
        assignment = subscription.assignment if subscription is not None else None
        for partition, offset in lowest.items():
            state = assignment.state_value(partition) if assignment is not None else None
            if state is not None and state.has_valid_position and state.position > offset:
                fetcher.seek_to(partition, offset)

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        start = consumer.start
        consumer._fetch_max_wait_ms = LONGEST_FETCH_MS

        async def paced_start() -> None:
            await start()
            _pace(consumer._fetcher, transport.app)

        consumer.start = paced_start
        return consumer


class _Transport(driver.Transport):  # type: ignore[misc]
    Consumer = _Consumer


def _pace(fetcher: Any, app: App) -> None:
    fetch = fetcher._proc_fetch_request
    begun: dict[int, float] = {}

    async def paced(assignment: Any, node: int, request: Any) -> bool:
        clock = asyncio.get_running_loop().time
        wait = begun.get(node, -1.0) + app.pause - clock()
        if wait > 0:
            try:
                await asyncio.sleep(wait)
            except asyncio.CancelledError:
                return False  # as aiokafka's own: who closes the fetcher waits for this
        begun[node] = clock()
        has_new_data: bool = await fetch(assignment, node, request)
        return has_new_data

    fetcher._proc_fetch_request = paced
