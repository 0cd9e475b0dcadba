"""The faust worker on real Kafka: killed, stopped, joined by another and fed with rubbish."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from services.kernel.adapters.kafka import Publisher
from tests.integration.kernel import worker_line
from tests.integration.kernel.worker_line import Line, all_committed, applied, exactly_once


@pytest.fixture
async def line(
    real: Any, publisher: Publisher, mongo_url: str, tmp_path: Path
) -> AsyncIterator[Line]:
    async with worker_line.opened(real, publisher, mongo_url, tmp_path) as made:
        yield made


async def test_one_of_two_workers_is_killed_in_a_batch(line: Line, eventually: Any) -> None:
    tickets = await line.fill(25)
    first = await line.start(seconds=0.4)
    await eventually(lambda: first.count("done") >= 1, "the first worker to have done a batch")
    # the second joins while the first works: a rebalance in the middle of a batch
    second = await line.start(seconds=0.1)
    await eventually(lambda: (first.owns(), second.owns()) == (2, 2), "the partitions to be shared")
    tickets += await line.fill(25)
    await eventually(first.in_a_batch, "the first worker to be in a batch")
    first.process.send_signal(signal.SIGKILL)
    await first.ended()
    await eventually(applied(line, tickets), "the second worker to have done it all", 40)
    await eventually(all_committed(line), "the offsets to be committed")
    await exactly_once(line, tickets)


async def test_a_worker_is_stopped_in_a_batch_and_another_goes_on(line: Line, eventually: Any) -> None:
    tickets = await line.fill(40)
    first = await line.start(seconds=0.4)
    await eventually(lambda: first.count("done") >= 1, "a batch to be done")
    await eventually(first.in_a_batch, "the worker to be in a batch")
    first.process.send_signal(signal.SIGTERM)
    assert await first.ended() == 0
    # it finished what it had in hand, and committed no more than that
    assert first.count("done") == first.count("taken")
    await line.assert_nothing_unhandled_was_committed(tickets)
    await line.start(seconds=0.01)
    await eventually(applied(line, tickets), "the rest to be done")
    await exactly_once(line, tickets)


async def test_a_batch_that_does_not_end_ends_the_process_uncommitted(line: Line, eventually: Any) -> None:
    tickets = await line.fill(10)
    worker = await line.start(seconds=600.0, finish=0.2)
    await eventually(worker.in_a_batch, "the worker to hang in a batch")
    worker.process.send_signal(signal.SIGTERM)
    assert await worker.ended() == 70
    await line.assert_nothing_unhandled_was_committed(tickets)


async def test_rubbish_is_set_aside_and_the_worker_lives(line: Line, eventually: Any) -> None:
    odd = line.real.record(line.real.ticket(), "intake", 1)
    producer = AIOKafkaProducer(bootstrap_servers=line.real.kafka)
    await producer.start()
    rubbish: list[dict[str, Any]] = [
        {"key": None, "value": b""},
        {"key": b"t", "value": None},
        {"key": b"\xff\xfe", "value": b"\x00"},
        {"key": b"k", "value": b"{", "headers": [("ce_id", b"\xff")]},
        {"key": b"n", "value": b"v", "headers": [("ce_id", None)]},
        {"key": b"m", "value": b"v" * 900_000},
    ]
    try:
        for one in rubbish:
            await producer.send_and_wait(line.topic, **one)
        # an odd header beside good ones is no fault of the record
        await producer.send_and_wait(
            line.topic, odd.value, odd.key, headers=[*odd.headers, ("odd", None)]
        )
    finally:
        await producer.stop()
    tickets = await line.fill(5)
    worker = await line.start(seconds=0.0)
    await eventually(applied(line, tickets), "the good ones to be handled")
    await eventually(all_committed(line), "the offsets to be committed")
    await exactly_once(line, tickets)
    ticket = (odd.key or b"").decode()
    assert (await line.logs([ticket]))[ticket] == [f"{ticket}/intake/1"]
    parked = await line.real.database["parked"].find({"consumer": line.name}).to_list(None)
    assert len(parked) == len(rubbish)
    assert all(doc["reason"].startswith("undecodable") for doc in parked)
    assert worker.lives()
