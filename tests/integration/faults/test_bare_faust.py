"""The controls: without the guard faust loses, in the rows of the table that the guard is there for.

A row that faust has mended fails here, and is then to be taken from the table and the guard.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.kernel.adapters.kafka import Publisher, create_topics
from services.kernel.contracts.codec import Message
from tests.integration.kernel.worker_line import Running

SCRIPT = Path(__file__).with_name("bare_faust.py")
BAD = 3
COUNT = 10
VALUES = [str(n).encode() for n in range(COUNT)]
SENT = {
    "raising": VALUES,
    "taking": VALUES,
    "decoding": [*VALUES[:BAD], b"{\xff", *VALUES[BAD + 1 :]],
    "hurrying": VALUES,
}


async def test_bare_faust_loses(publisher: Publisher, topics: str, eventually: Any) -> None:
    name = f"bare-{uuid.uuid4().hex[:8]}"
    await create_topics(topics, {f"{name}.{agent}": (1, {}) for agent in SENT})
    for agent, values in SENT.items():
        await publisher.publish([Message(f"{name}.{agent}", b"k", (), value) for value in values])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), topics, name),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    bare = Running(process)
    consumer = AIOKafkaConsumer(bootstrap_servers=topics, group_id=name, enable_auto_commit=False)
    await consumer.start()

    async def all_is_committed() -> bool:
        places = [TopicPartition(f"{name}.{agent}", 0) for agent in SENT]
        return [await consumer.committed(place) for place in places] == [COUNT] * len(places)

    try:
        await eventually(all_is_committed, "everything to be committed")
    finally:
        await consumer.stop()
        process.kill()
        await bare.ended()
    done = {agent: _numbers(bare.said, agent) for agent in SENT}
    # what is committed never comes again, so what was not done by now is lost
    assert BAD not in done["raising"], "a handler that raises: the record is skipped"
    assert not done["taking"] & set(range(5)), "take(5) and raise: the whole batch is gone"
    assert BAD not in done["decoding"], "bytes that are no JSON: skipped, and nobody has them"
    assert done["hurrying"] == set(range(1, COUNT)), "a slow head: committed past what is in flight"


def _numbers(said: list[str], agent: str) -> set[int]:
    return {int(line.split()[1]) for line in said if line.startswith(f"{agent} ")}
