"""Kafka goes away and comes back. This module stops the broker that all tests share, and starts it again
before it lets anybody else go on; its name makes it the last of this folder."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import aiokafka.client
import pytest

from services.cli.stack import Stack
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.receipts import Receipt, Receipts
from services.kernel.contracts.codec import announce
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.case import Act
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.people import Actor
from tests.integration.kernel.broker import standing_still


@pytest.fixture
async def outage(infra: Stack, real: Any) -> AsyncIterator[Stack]:
    """Kafka may be stopped by the test; afterwards it runs, whatever happened."""
    yield infra
    if infra.pid("kafka") is None or not await asyncio.to_thread(infra.ready, "kafka"):
        await asyncio.to_thread(infra.start, "kafka")


async def test_intake_and_desk_go_on_while_kafka_is_down_and_nothing_is_lost(
    outage: Stack, real: Any, eventually: Any
) -> None:
    publisher = Publisher(real.kafka, client_id="outage", timeout_seconds=1.5)
    await publisher.start()
    real.publisher = publisher
    ticket = await real.opened()
    receipts, cases = Receipts(real.database, publisher, real.clock), real.cases()
    receipts.start()
    cases.start()
    assert await publisher.ping()

    await asyncio.to_thread(outage.stop, "kafka")
    assert not await publisher.ping()
    mine = []
    for n in range(5):
        one = real.ticket()
        filed = announce(real.event(one, "intake"), "intake", 1)
        mine.append(one)
        accepted = await receipts.accept(
            Receipt(one, "web", "web", f"k-{n}", "d", "janjgir-champa", "demand", real.clock(), None, filed)
        )
        assert accepted.repeated is False
    done = await cases.act(ticket, Act("acknowledge", Actor("officer", "o-1", "janjgir-champa")))
    assert done.n == 2
    with pytest.raises(Unavailable):
        await receipts.sweep(-1.0)
    with pytest.raises(Unavailable):
        await real.sweeper().round(real.clock.advance(minutes=1), 1.0)
    unsent = {"unsent_since": {"$exists": True}}
    assert await real.database["receipts"].count_documents(unsent) == 5
    assert await real.rooms("case").backlog() == 1

    await asyncio.to_thread(outage.start, "kafka")

    async def back() -> bool:
        return await publisher.ping()

    await eventually(back, "the publisher to find Kafka again")

    async def swept() -> bool:
        try:
            await receipts.sweep(-1.0)
            await real.sweeper().round(real.clock(), 1.0)
        except Unavailable:
            return False
        return (
            await real.database["receipts"].count_documents(unsent) == 0
            and await real.rooms("case").backlog() == 0
        )

    await eventually(swept, "the sweepers to publish what was left")
    await receipts.stop()
    await cases.stop()
    heard = {(record.key or b"").decode() for record in await real.records()}
    assert set(mine) <= heard
    numbers = await real.published(ticket, "case")
    assert sorted(set(numbers)) == [1, 2]
    assert numbers.index(1) < numbers.index(2)
    await publisher.stop()


async def test_a_broker_that_is_frozen_is_told_within_the_bound(
    outage: Stack, real: Any, eventually: Any
) -> None:
    """A connection that stays open and answers nothing: a send must not hang for ever."""
    publisher = Publisher(real.kafka, client_id="frozen", timeout_seconds=1.5)
    await publisher.start()
    ticket = real.ticket()
    message = announce(real.event(ticket, "intake"), "intake", 1).message(
        "samvad.complaints.v1", "/samvad/intake"
    )
    async with standing_still(outage):
        with pytest.raises(Unavailable):
            await publisher.publish([message])
        assert not await publisher.ping()

    async def through() -> bool:
        try:
            await publisher.publish([message])
        except Unavailable:
            return False
        return True

    await eventually(through, "the publisher to get through again")
    assert await real.published(ticket, "intake")
    await publisher.stop()


async def test_a_producer_that_is_given_up_leaves_no_task(
    outage: Stack, real: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it go round and round while it waits for a broker that does not come."""
    before = asyncio.all_tasks()
    publisher = Publisher(real.kafka, client_id="given-up", timeout_seconds=1.5)
    await publisher.start()
    complained: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complained.append(context))
    rounds = 0
    connect = aiokafka.client.create_conn

    async def counted(*arguments: Any, **more: Any) -> Any:
        nonlocal rounds
        rounds += 1
        return await connect(*arguments, **more)

    monkeypatch.setattr(aiokafka.client, "create_conn", counted)
    messages = [
        announce(real.event(real.ticket(), "intake"), "intake", 1).message(COMPLAINTS, "/samvad/intake")
        for _ in range(20)
    ]
    await asyncio.to_thread(outage.stop, "kafka")
    refusals = await asyncio.gather(
        *(publisher.publish([message]) for message in messages), return_exceptions=True
    )
    assert all(isinstance(refusal, Unavailable) for refusal in refusals)
    assert rounds < 100

    async def alone() -> bool:
        return asyncio.all_tasks() <= before

    await eventually(alone, "every task of the producer to end")
    gc.collect()
    assert complained == []

    await asyncio.to_thread(outage.start, "kafka")

    async def through() -> bool:
        try:
            await publisher.publish(messages)
        except Unavailable:
            return False
        return True

    await eventually(through, "the publisher to get through again")
    await publisher.stop()
