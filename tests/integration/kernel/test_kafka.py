"""The Kafka adapter: what cannot go through is told apart from a Kafka that is away."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from services.kernel.adapters.kafka import Publisher, create_topics, read_whole
from services.kernel.contracts.codec import Message
from services.kernel.domain.errors import Unavailable


def name() -> str:
    return f"test.{uuid.uuid4().hex[:8]}"


async def heard(kafka: str, topic: str) -> list[bytes | None]:
    return [record.value async for record in read_whole(kafka, topic)]


@pytest.mark.parametrize("size", [300_000, 7 * 1024 * 1024])
async def test_a_message_that_is_too_large_is_at_fault_itself(
    publisher: Publisher, topics: str, size: int
) -> None:
    topic = name()
    await create_topics(topics, {topic: (1, {"max.message.bytes": "200000"})})
    with pytest.raises(MessageSizeTooLargeError):
        await publisher.publish([Message(topic, b"k", (), b"x" * size)])
    await publisher.publish([Message(topic, b"k", (), b"fits")])
    assert await heard(topics, topic) == [b"fits"]


async def test_concurrent_publishers_keep_each_one_s_order(publisher: Publisher, topics: str) -> None:
    topic = name()
    await create_topics(topics, {topic: (3, {})})
    mine = [[f"{who}/{n}".encode() for n in range(150)] for who in range(4)]
    await asyncio.gather(
        *(
            publisher.publish([Message(topic, str(who).encode(), (), value) for value in values])
            for who, values in enumerate(mine)
        )
    )
    found = await heard(topics, topic)
    for who, values in enumerate(mine):
        assert [v for v in found if v and v.startswith(f"{who}/".encode())] == values


async def test_a_topic_that_the_broker_refuses_is_told(topics: str) -> None:
    topic = name()
    with pytest.raises(Unavailable):
        await create_topics(topics, {topic: (1, {})}, replication=3)
    assert await create_topics(topics, {topic: (2, {})}) == [topic]
    assert await create_topics(topics, {topic: (2, {})}) == []
    assert await heard(topics, topic) == []


async def test_a_publisher_without_a_broker_says_so(infra: Any) -> None:
    nobody = Publisher("127.0.0.1:1", client_id="test", timeout_seconds=2.0)
    for attempt in (nobody.start, lambda: nobody.publish([Message("t", b"k", (), b"v")])):
        with pytest.raises(Unavailable):
            await attempt()
    assert await nobody.ping() is False
    await nobody.stop()
