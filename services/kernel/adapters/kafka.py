"""Kafka: one idempotent producer a process, and plain reading for tools.

A send is bounded in time: after a broker's blip an aiokafka producer can wedge (aiokafka #1017), so one
that does not answer is ended and made anew after a pause, and readiness fails meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError, for_code
from aiokafka.structs import ConsumerRecord, TopicPartition

from services.kernel.adapters import fetched
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.producer import Backoff, Producer
from services.kernel.contracts.codec import Message, Record
from services.kernel.domain.errors import Unavailable

log = get_logger()
TopicConfig = tuple[int, Mapping[str, str]]
SILENT_SECONDS = 30
RECONNECT_SECONDS = 2.0
"""The longest pause between two tries to connect; publishing fails at once meanwhile."""


class Publisher:
    """Publishes in order and says yes only after Kafka has it (acks=all)."""

    def __init__(self, servers: str, *, client_id: str, timeout_seconds: float = 10.0) -> None:
        self._servers = servers
        self._client_id = client_id
        self._timeout = timeout_seconds
        self._producer: Producer | None = None
        self._starting = asyncio.Lock()
        self._backoff = Backoff(most=RECONNECT_SECONDS)
        self._not_before = 0.0
        self._ending: set[asyncio.Task[None]] = set()
        self.healthy = False

    async def start(self) -> None:
        """Connect. Raises Unavailable when no broker answers; `publish` tries again by itself."""
        await self._ready()

    async def stop(self) -> None:
        producer, self._producer = self._producer, None
        was_healthy, self.healthy = self.healthy, False
        if producer is not None:
            if was_healthy:
                with suppress(KafkaError, TimeoutError):
                    await asyncio.wait_for(producer.stop(), self._timeout)
            await producer.abandon()
        if self._ending:
            await asyncio.wait(self._ending)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when all are acknowledged. Raises Unavailable when not all are known to be: any of
        them may then have been published, so the caller keeps them and publishes again. A message that
        is larger than its topic takes raises MessageSizeTooLargeError."""
        if not messages:
            return
        producer = await self._ready()
        sent: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(self._timeout):
                for message in messages:
                    headers = list(message.headers)
                    sent.append(
                        await producer.send(message.topic, message.value, message.key, headers=headers)
                    )
                await asyncio.gather(*sent)
        except MessageSizeTooLargeError:
            raise  # this message is at fault, not Kafka: it will never go through
        except (KafkaError, TimeoutError, OSError) as error:
            for future in sent:
                future.cancel()  # nobody waits for it any more
            self._discard(producer)
            raise Unavailable("Kafka") from error
        self._well()

    async def ping(self) -> bool:
        """Whether a broker answers now."""
        try:
            async with asyncio.timeout(2.0):
                producer = await self._ready()
                await producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError, Unavailable):
            self.healthy = False
            return False
        self._well()
        return True

    async def _ready(self) -> Producer:
        if self._producer is not None:
            return self._producer
        async with self._starting:
            if self._producer is not None:
                return self._producer
            if time.monotonic() < self._not_before:
                raise Unavailable("Kafka")
            producer = Producer(
                bootstrap_servers=self._servers,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                max_batch_size=256 * 1024,
                max_request_size=6 * 1024 * 1024,
                request_timeout_ms=int(self._timeout * 1000),
                retry_backoff_ms=50,
            )
            try:
                async with asyncio.timeout(self._timeout):
                    await producer.start()
            except (KafkaError, TimeoutError, OSError) as error:
                self._end(producer)
                raise Unavailable("Kafka") from error
            except asyncio.CancelledError:
                self._end(producer)
                raise
            self._producer = producer
            self.healthy = True
            return producer

    def _well(self) -> None:
        self.healthy = True
        self._backoff.succeeded()

    def _discard(self, producer: Producer) -> None:
        """Several who publish meet the same stuck producer; it is ended once."""
        if self._producer is producer:
            self._producer = None
            self._end(producer)

    def _end(self, producer: Producer) -> None:
        self.healthy = False
        pause = self._backoff.failed()
        self._not_before = time.monotonic() + pause
        log.warning("kafka.producer_discarded", again_in=round(pause, 2))
        task = asyncio.create_task(producer.abandon())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def to_record(record: ConsumerRecord[bytes | None, bytes | None]) -> Record:
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        headers=tuple([(name, value or b"") for name, value in record.headers]),
        value=record.value,
        timestamp_ms=record.timestamp,
    )


async def create_topics(
    servers: str, topics: Mapping[str, TopicConfig], *, replication: int = 1
) -> list[str]:
    """Create the topics that are missing; returns their names. Raises Unavailable."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [name for name in topics if name not in existing]
        if missing:
            answer = await admin.create_topics(
                [
                    NewTopic(
                        name,
                        num_partitions=topics[name][0],
                        replication_factor=replication,
                        topic_configs=dict(topics[name][1]),
                    )
                    for name in missing
                ]
            )
            for _name, code, *_why in answer.topic_errors:
                # aiokafka does not raise them; a topic that somebody else has just made is no fault
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise for_code(code)
        return missing
    except (KafkaError, OSError) as error:
        raise Unavailable("Kafka") from error
    finally:
        await admin.close()


async def read_whole(
    servers: str, topic: str, partition: int | None = None
) -> AsyncIterator[Record]:
    """Every record of `topic`, or of one of its partitions, from the beginning to the end that it has now,
    in no group."""
    fetched.install()
    topics = () if partition is not None else (topic,)
    consumer: AIOKafkaConsumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        if partition is not None:
            consumer.assign([TopicPartition(topic, partition)])
        # without a group a consumer is given every partition
        partitions = sorted(consumer.assignment())
        if not partitions:
            raise Unavailable(f"topic {topic}")
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        left = {p for p in partitions if ends[p] > await consumer.position(p)}
        silent = 0
        while left:
            taken = await consumer.getmany(timeout_ms=1000)
            silent = 0 if taken else silent + 1
            if silent > SILENT_SECONDS:
                raise Unavailable("Kafka")  # the consumer itself would wait for a broker for ever
            for partition, records in taken.items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield to_record(record)
            for partition in list(left):
                if await consumer.position(partition) >= ends[partition]:
                    left.discard(partition)
    except (KafkaError, OSError) as error:
        raise Unavailable("Kafka") from error
    finally:
        await consumer.stop()
