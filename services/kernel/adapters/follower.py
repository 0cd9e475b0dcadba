"""Following a topic whose records belong to no case: what was fetched is handled in whole batches, in order,
and the offsets are committed after it.

Its records have no number, so a handler tells by their own keys what it has handled before: a record may come
again after a crash or a rebalance. A dependency that is away makes the batch wait; a record that is poison is
parked for this consumer, with a copy in the dead-letter topic, and nothing waits behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from pydantic import ValidationError

from services.kernel.adapters import fetched, metrics
from services.kernel.adapters.guard import FAULTS_BEFORE_REJECT, Parks
from services.kernel.adapters.insisting import insist, pause
from services.kernel.adapters.kafka import to_record
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import Record
from services.kernel.contracts.events import Event
from services.kernel.domain.errors import Retry

log = get_logger()
DRAIN_EVERY_SECONDS = 2.0
POLL_MS = 1000
LONGEST_FETCH_MS = 200
Rejected = tuple[Record, str]
E = TypeVar("E", bound=Event)


class Follows(Protocol):
    """Handles a batch; idempotent. Returns what is poison, each with its reason. Raises Retry."""

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]: ...


def decoded(
    records: Sequence[Record], model: type[E]
) -> tuple[list[tuple[Record, E]], list[Rejected]]:
    """The events of one type with their records, and what of that type cannot be read; others are left
    out."""
    events: list[tuple[Record, E]] = []
    rejected: list[Rejected] = []
    for record in records:
        if record.header("ce_type") != model.TYPE:
            continue
        try:
            events.append((record, model.model_validate_json(record.value or b"")))
        except ValidationError as error:
            rejected.append((record, f"undecodable: {error.error_count()} faults"))
    return events, rejected


class Follower:
    """One consumer of one topic; the consumer's name is its group and whom its records are parked for.

    `gather`: seconds to wait after a batch, where nobody waits for the records: the next one is larger.
    """

    def __init__(
        self,
        name: str,
        topic: str,
        handler: Follows,
        parking: Parks,
        settings: Settings,
        *,
        gather: float = 0.0,
    ) -> None:
        fetched.install()
        self.name = name
        self.topic = topic
        self._handler = handler
        self._parking = parking
        self._settings = settings
        self._gather = gather
        self._owned: set[int] = set()
        self._drained_at = 0.0

    async def assigned(self) -> bool:
        """Whether it has partitions: for readiness."""
        return bool(self._owned)

    async def run(self) -> None:
        """Until cancelled. A consumer that fails is made anew."""
        attempt = 0
        while True:
            consumer: AIOKafkaConsumer = AIOKafkaConsumer(
                self.topic,
                bootstrap_servers=self._settings.kafka,
                group_id=f"samvad-{self.name}",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=10_000,
                heartbeat_interval_ms=3_000,
                max_poll_interval_ms=24 * 3600 * 1000,
                max_poll_records=self._settings.batch,
                fetch_max_wait_ms=LONGEST_FETCH_MS,
            )
            try:
                await consumer.start()
                attempt = 0
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                log.warning("follower.postponed", consumer=self.name, why=type(error).__name__)
            finally:
                self._owned = set()
                with suppress(KafkaError, OSError):
                    await consumer.stop()
            await pause(attempt)
            attempt += 1

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            taken = await consumer.getmany(timeout_ms=POLL_MS)
            self._owned = {tp.partition for tp in consumer.assignment()}
            records = [to_record(record) for some in taken.values() for record in some]
            if records:
                await self._handle(records)
                # somebody else has the partition, and does it again
                with suppress(CommitFailedError, IllegalStateError):
                    await consumer.commit(
                        {tp: some[-1].offset + 1 for tp, some in taken.items() if some}
                    )
                await asyncio.sleep(self._gather)
            self._measure(consumer)
            if time.monotonic() - self._drained_at > DRAIN_EVERY_SECONDS:
                self._drained_at = time.monotonic()
                await self._drain()

    async def _handle(self, records: Sequence[Record]) -> None:
        started = time.perf_counter()
        rejected = await insist(self.name, lambda: self._reject(records), "follower.fault")
        metrics.HANDLED.labels(self.name, "rejected").inc(rejected)
        metrics.HANDLED.labels(self.name, "done").inc(len(records) - rejected)
        metrics.BATCH_SIZE.labels(self.name).observe(len(records))
        metrics.BATCH_SECONDS.labels(self.name).observe(time.perf_counter() - started)

    async def _reject(self, records: Sequence[Record]) -> int:
        """Handle a batch and park what is poison in it; how many that is."""
        rejected = await self._try(records)
        if rejected:
            await self._parking.park(list(rejected))
            log.error("follower.parked", consumer=self.name, rejected=len(rejected))
        return len(rejected)

    async def _try(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """What of a batch is poison. A fault of ours is tried again a few times, for each record alone."""
        for attempt in range(FAULTS_BEFORE_REJECT):
            try:
                return await self._handler.handle(records)
            except Retry as error:
                log.warning("follower.waits", consumer=self.name, why=str(error))
                raise
            except Exception as error:
                log.exception("follower.batch_fault", consumer=self.name, records=len(records))
                if len(records) > 1:
                    # which of them it is, is found one by one
                    return [bad for record in records for bad in await self._try([record])]
                why = f"{type(error).__module__}.{type(error).__qualname__}"
            await pause(attempt)
        return [(records[0], why)]

    async def _drain(self) -> None:
        """Handle what was marked to be requeued, of the partitions that are ours."""
        try:
            for key in await self._parking.keys_to_drain(sorted(self._owned)):
                for record in await self._parking.waiting(key):
                    rejected = await self._try([record])
                    if rejected:
                        await self._parking.keep(key, record, rejected[0][1])
                    else:
                        await self._parking.release(record)
                        metrics.HANDLED.labels(self.name, "drained").inc()
        except Retry as error:
            log.warning("follower.drain_postponed", consumer=self.name, why=str(error))
        except Exception:
            log.exception("follower.drain_fault", consumer=self.name)

    def _measure(self, consumer: AIOKafkaConsumer) -> None:
        lag = 0
        for partition in consumer.assignment():
            end = consumer.highwater(partition)
            state = consumer._subscription.subscription.assignment.state_value(partition)
            if end is not None and state is not None and state.has_valid_position:
                lag += max(0, end - state.position)
        metrics.CONSUMER_LAG.labels(self.name).set(lag)
