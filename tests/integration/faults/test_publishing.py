"""Publishing ends when Kafka has what was sent, and not when it was put into a buffer.

The broker that all tests share stands still for a second here; it always goes on afterwards."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from services.cli.stack import Stack
from services.kernel.adapters.kafka import Publisher, create_topics, read_whole
from services.kernel.contracts.codec import Message
from services.kernel.domain.case import Act
from services.kernel.domain.people import Actor
from tests.integration.kernel.broker import standing_still

STILL_SECONDS = 1.0


@pytest.fixture
async def bare(topics: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer with nothing around it."""
    producer = AIOKafkaProducer(bootstrap_servers=topics)
    await producer.start()
    yield producer
    await producer.stop()


async def test_publishing_waits_for_a_broker_that_stands_still(
    infra: Stack, bare: AIOKafkaProducer, real: Any, publisher: Publisher, eventually: Any
) -> None:
    topic = f"test.{uuid.uuid4().hex[:8]}"
    await create_topics(real.kafka, {topic: (1, {})})
    await publisher.publish([Message(topic, b"k", (), b"before")])
    await bare.send_and_wait(topic, b"bare before")
    ticket = await real.opened()
    cases = real.cases()
    cases.start()
    async with standing_still(infra):
        # the control: what faust's `topic.send` comes to returns at once, and nobody has anything
        buffered = await asyncio.wait_for(bare.send(topic, b"bare"), STILL_SECONDS)
        publishing = asyncio.create_task(publisher.publish([Message(topic, b"k", (), b"ours")]))
        acted = await cases.act(ticket, Act("acknowledge", Actor("officer", "o-1", "janjgir-champa")))
        assert acted.n == 2, "the desk's answer needs no Kafka"
        await asyncio.wait({publishing, buffered}, timeout=STILL_SECONDS)
        assert not publishing.done()
        assert not buffered.done()
        room = await real.room(ticket, "case")
        assert [entry["n"] for entry in room["outbox"]] == [1, 2]
        assert "unsent_since" in room
    await publishing
    await buffered
    heard = [record.value async for record in read_whole(real.kafka, topic)]
    assert sorted(heard[2:], key=str) == [b"bare", b"ours"]

    async def trimmed() -> bool:
        return not (await real.room(ticket, "case"))["outbox"]

    await eventually(trimmed, "the act to be published")
    await cases.stop()
    assert await real.published(ticket, "case") == [1, 1, 2]
