"""A faust worker whose losses are fenced (what faust loses by itself was measured: docs/decisions/0003).

Records are taken as raw bytes, in whole batches and without faust's streams (`batch_consumer.py`), and the
guard lets no exception out. On a stop or rebalance the batch in hand is finished; a stop has a bound, after
which the process ends hard before anything is committed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted

from services.kernel.adapters import batch_consumer, fetched, metrics
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.kafka import to_record
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.periodic import every
from services.kernel.adapters.process import CannotStart, background
from services.kernel.adapters.settings import Settings
from services.kernel.domain.errors import Unavailable

log = get_logger()
FINISH_SECONDS = 8.0
SILENT_SECONDS = 180.0
"""More than a rebalance (60 s) and the question that follows it (90 s) can take."""
NEVER_SECONDS = 10 * 365 * 86400.0
"""A batch that waits for a store that is away is no reason to give its partitions to another worker."""
DRAIN_EVERY_SECONDS = 2.0
LAG_EVERY_SECONDS = 1.0


class Worker:
    """One consumer of one topic. Scale by processes and partitions, never by `concurrency`."""

    def __init__(self, name: str, topic: str, guard: Guard, settings: Settings) -> None:
        self.name = name
        self.topic = topic
        self._guard = guard
        self._kafka = settings.kafka
        fetched.install()
        data = settings.home / "run" / f"faust-{name}"
        data.parent.mkdir(parents=True, exist_ok=True)  # faust makes only the last folder
        self._app = batch_consumer.App(
            f"samvad-{name}",
            topic=topic,
            take=self._take,
            fetch_every=settings.fetch_every,
            gather=settings.gather,
            broker=f"kafka://{settings.kafka}",
            store="memory://",
            datadir=data,
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=10.0,
            broker_heartbeat_interval=3.0,
            broker_commit_interval=1.0,
            broker_max_poll_records=settings.batch,
            broker_max_poll_interval=NEVER_SECONDS,
            stream_wait_empty=True,
            worker_redirect_stdouts=False,
        )

        async def assigned(*_: Any, **__: Any) -> None:
            guard.assigned()  # before the first record of the new partitions is taken

        self._app.on_partitions_assigned.connect(assigned, weak=False)

    async def start(self, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
        """Start consuming; the process is told to stop when faust stops by itself.

        Raises Unavailable, and CannotStart when there is no such topic: faust would sit there without
        a word, also after the topic was made."""
        if not await self._has_topic():
            raise CannotStart(f"Kafka has no topic {self.topic}: run `samvad init` first")
        # all this before faust's start, which waits for the group
        stack.push_async_callback(self._stop)
        background(stack, self._watch(), stopping)
        background(stack, self._listen(), stopping)
        await self._app.start()
        background(stack, every(DRAIN_EVERY_SECONDS, "drain", self._drain), stopping)
        background(stack, every(LAG_EVERY_SECONDS, "lag", self._measure), stopping)

    async def _has_topic(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka)
        try:
            await admin.start()
            return self.topic in await admin.list_topics()
        except (KafkaError, OSError) as error:
            raise Unavailable("Kafka") from error
        finally:
            await admin.close()

    async def _stop(self) -> None:
        """Faust waits for the batch in hand, but without a bound, and what would cancel it is swallowed."""
        bound = asyncio.get_running_loop().call_later(FINISH_SECONDS, _end_hard)
        try:
            await self._app.stop()
        finally:
            bound.cancel()

    def partitions(self) -> set[int]:
        """The partitions that this process owns now."""
        return {tp.partition for tp in self._assignment()}

    async def assigned(self) -> bool:
        return bool(self._assignment())

    def _assignment(self) -> set[TopicPartition]:
        try:
            assignment = self._app.consumer.assignment()
        except ConsumerNotStarted:
            return set()
        return {tp for tp in assignment if tp.topic == self.topic}

    async def _take(self, taken: Sequence[batch_consumer.Record]) -> None:
        await self._guard.handle([to_record(one) for one in taken])

    async def _watch(self) -> None:
        await self._app.wait_until_stopped()
        log.error("worker.faust_stopped", crashed=self._app.crashed)

    async def _listen(self) -> None:
        """Ends when the consumer stands still where faust does not notice; a new process then joins."""
        while True:
            await asyncio.sleep(LAG_EVERY_SECONDS)
            silent = self._app.consumer.silent()
            if silent > SILENT_SECONDS:
                break
        log.error("worker.silent", seconds=round(silent))

    async def _drain(self) -> None:
        owned = sorted(self.partitions())
        if owned:
            await self._guard.drain(owned)

    async def _measure(self) -> None:
        metrics.CONSUMER_LAG.labels(self.name).set(self._app.consumer.lag())


def _end_hard() -> None:
    log.error("worker.stopped_hard")
    os._exit(70)
