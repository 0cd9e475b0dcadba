"""A faust worker whose losses are fenced (what faust loses by itself was measured: docs/decisions/0003).

Faust acknowledges in `finally`: a batch whose handling raises or is cancelled counts as done. So records
are taken as raw bytes, the guard lets no exception out, and handling is shielded: on a stop or rebalance
the batch in hand is finished within a bound, or the process ends hard before anything is committed.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted

from services.kernel.adapters import fetched, metrics, paced_consumer
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.periodic import every
from services.kernel.adapters.process import CannotStart, background
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import Record
from services.kernel.domain.errors import Unavailable

log = get_logger()
FINISH_SECONDS = 8.0
THICK = 8
"""Records in a batch from which on a worker waits a little for more before it takes the next."""
DRAIN_EVERY_SECONDS = 2.0
LAG_EVERY_SECONDS = 1.0


class Worker:
    """One consumer of one topic. Scale by processes and partitions, never by `concurrency`."""

    def __init__(self, name: str, topic: str, guard: Guard, settings: Settings) -> None:
        self.name = name
        self.topic = topic
        self._guard = guard
        self._kafka = settings.kafka
        self._handled: dict[int, int] = {}
        fetched.install()
        data = settings.home / "run" / f"faust-{name}"
        data.parent.mkdir(parents=True, exist_ok=True)  # faust makes only the last folder
        self._app = paced_consumer.App(
            f"samvad-{name}",
            fetch_every=settings.fetch_every,
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
            stream_buffer_maxsize=settings.batch,
            stream_wait_empty=True,
            worker_redirect_stdouts=False,
        )
        channel = self._app.topic(
            topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        batch, within = settings.batch, settings.within

        async def consume(stream: Any) -> None:
            async for events in stream.take_events(batch, within=within):
                await self._finish([_record(event.message) for event in events])
                if THICK <= len(events) < batch // 2:
                    # so many share the next write; with fewer it is latency, with more there is a backlog
                    await asyncio.sleep(settings.gather)

        self._app.agent(channel, concurrency=1, name=f"samvad-{name}")(consume)

        async def assigned(*_: Any, **__: Any) -> None:
            guard.assigned()  # before the first record of the new partitions is taken

        self._app.on_partitions_assigned.connect(assigned, weak=False)

    async def start(self, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
        """Start consuming; the process is told to stop when faust stops by itself.

        Raises Unavailable, and CannotStart when there is no such topic: faust would sit there without
        a word, also after the topic was made."""
        if not await self._has_topic():
            raise CannotStart(f"Kafka has no topic {self.topic}: run `samvad init` first")
        await self._app.start()
        stack.push_async_callback(self._stop)
        background(stack, self._watch(), stopping)
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

    async def _finish(self, records: list[Record]) -> None:
        task = asyncio.ensure_future(self._handle(records))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await _within(task, FINISH_SECONDS)
            raise

    async def _handle(self, records: list[Record]) -> None:
        await self._guard.handle(records)
        for record in records:
            self._handled[record.partition] = record.offset

    async def _watch(self) -> None:
        await self._app.wait_until_stopped()
        log.error("worker.faust_stopped", crashed=self._app.crashed)

    async def _drain(self) -> None:
        owned = sorted(self.partitions())
        if owned:
            await self._guard.drain(owned)

    async def _measure(self) -> None:
        lag = 0
        committed = self._app.consumer._committed_offset
        for tp in self._assignment():
            end = self._app.consumer.highwater(tp)
            # what was handled here, or, until something was, what the group had committed
            done = max(self._handled.get(tp.partition, -1) + 1, committed[tp] or 0)
            if end is not None:
                lag += max(0, end - done)
        metrics.CONSUMER_LAG.labels(self.name).set(lag)


async def _within(task: asyncio.Future[None], seconds: float) -> None:
    """Let the batch in hand end; otherwise die before faust commits what was not done."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(task)
    except BaseException:
        _end_hard()


def _end_hard() -> None:
    log.error("worker.stopped_hard")
    os._exit(70)


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        headers=_headers(message.headers),
        value=message.value,
        timestamp_ms=int((message.timestamp or 0) * 1000),
    )


def _headers(headers: Any) -> tuple[tuple[str, bytes], ...]:
    if not headers:
        return ()
    pairs = headers.items() if hasattr(headers, "items") else headers
    return tuple([(name, value or b"") for name, value in pairs])  # Kafka allows a null value
