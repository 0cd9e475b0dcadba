"""Puts records on a topic as a foreign program may: no key and no value, odd timestamps, odd headers.

aiokafka's own producer would refuse some of it, so batches are made and sent by hand.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy as Builder
from aiokafka.structs import TopicPartition

from tests.e2e.hostile import Hostile

LARGEST = 8 * 1024 * 1024


class RawProducer:
    """Sends to the partition that the caller names; the records of a call are one batch."""

    def __init__(self, servers: str) -> None:
        self._client = AIOKafkaClient(bootstrap_servers=servers, client_id="hostile")
        self._topics: set[str] = set()

    async def __aenter__(self) -> Self:
        await self._client.bootstrap()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def send(
        self, topic: str, partition: int, records: Sequence[Hostile], codec: int = 0
    ) -> int:
        """The offset of the first; `codec`: Kafka's number of a compression. Raises KafkaError when the
        broker refuses them."""
        if topic not in self._topics:
            await self._client._wait_on_metadata(topic)
            self._topics.add(topic)
        now = int(time.time() * 1000)
        builder = Builder(2, codec, 0, -1, -1, -1, LARGEST)
        for number, record in enumerate(records):
            at = now if record.timestamp_ms is None else record.timestamp_ms
            added = builder.append(number, at, record.key, record.value, list(record.headers))
            assert added is not None, f"{record.name}: too large for a batch"
        request = ProduceRequest(
            required_acks=-1,
            timeout=10_000,
            topics=[(topic, [(partition, bytes(builder.build()))])],
            transactional_id=None,
        )
        leader = self._client.cluster.leader_for_partition(TopicPartition(topic, partition))
        answer = await self._client.send(leader, request)
        _partition, code, offset, *_rest = answer.topics[0][1][0]
        if code:
            raise for_code(code)(f"{topic}/{partition}")
        return int(offset)
