"""How long after its due instant a case's event is on the topic."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from services.bench.armed import Armed
from services.kernel.contracts.topics import COMPLAINTS


@dataclass(frozen=True)
class Lateness:
    """Milliseconds of every case, shortest first."""

    delays: list[float]

    def part(self, part: float) -> float:
        return self.delays[min(len(self.delays) - 1, int(len(self.delays) * part))]


async def measure(kafka: str, armed: Armed, rate: int, seconds: int) -> Lateness:
    """`rate` cases falling due each second, evenly, for `seconds`. The topic is made to stamp records when it
    appends them."""
    await _stamp_at_append(kafka)
    batch = await armed.due(rate * seconds, timedelta(seconds=seconds))
    consumer: AIOKafkaConsumer = AIOKafkaConsumer(
        COMPLAINTS, bootstrap_servers=kafka, enable_auto_commit=False
    )
    await consumer.start()
    try:
        starts = await consumer.end_offsets(consumer.assignment())
        await armed.all_fired(batch)
        for partition, offset in starts.items():
            consumer.seek(partition, offset)
        waiting = batch.tickets
        delays: list[float] = []
        async with asyncio.timeout(60):
            while waiting:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        ticket = record.key.decode()
                        if ticket in waiting:
                            waiting.discard(ticket)
                            delays.append(record.timestamp - _due(record.headers))
    finally:
        await consumer.stop()
    return Lateness(sorted(delays))


def _due(headers: list[tuple[str, bytes]]) -> float:
    """The instant that the event is stamped with, in milliseconds."""
    return datetime.fromisoformat(dict(headers)["ce_time"].decode()).timestamp() * 1000


async def _stamp_at_append(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        stamp = {"message.timestamp.type": "LogAppendTime"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, COMPLAINTS, stamp)])
    finally:
        await admin.close()
