"""The line under faults: Kafka stopped while cases are filed, a worker killed in the middle of its work.

Runs against the same line as the other end-to-end tests and leaves it whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.cli.stack import Stack
from tests.e2e.client import Line, until
from tests.e2e.test_line import PUMP

CASES = 500
TOGETHER = 25


@pytest.fixture
async def at(line: Stack) -> AsyncIterator[Line]:
    client = Line(line)
    yield client
    await client.http.aclose()


async def test_a_case_filed_while_kafka_is_stopped_arrives_when_it_is_back(at: Line) -> None:
    at.token("collector")
    await asyncio.to_thread(at.stack.stop, "kafka")
    try:
        receipts = [await at.filed(**PUMP) for _ in range(3)]
        ready = await at.http.get(at.stack.url("intake-web", "/health/ready"))
        assert ready.status_code == 200
        assert ready.json() == {"ready": True, "checks": {"mongo": True, "kafka": False}}
    finally:
        await asyncio.to_thread(at.stack.start, "kafka")
    for receipt in receipts:
        await at.case_where(
            receipt["ticket"], at.token("collector"), lambda c: c["officer"], "routed after all"
        )
    assert at.audit()["unaccounted"] == 0
    for process in ("routing", "sla", "notify", "intake-web"):
        await until(lambda process=process: _ready(at, process), f"{process} is ready again")


async def _ready(at: Line, process: str) -> bool:
    answer = await at.http.get(at.stack.url(process, "/health/ready"))
    return answer.status_code == 200 and all(answer.json()["checks"].values())


async def test_a_worker_killed_under_load_loses_and_doubles_nothing(at: Line) -> None:
    accepted: list[str] = []
    waiting = asyncio.Semaphore(TOGETHER)

    async def file_one() -> None:
        async with waiting:
            accepted.append((await at.filed(**PUMP))["ticket"])

    filing = [asyncio.create_task(file_one()) for _ in range(CASES)]
    await until(lambda: _many(accepted, CASES // 3), "a third is filed")
    old = await asyncio.to_thread(at.stack.kill, "routing")
    await asyncio.to_thread(at.stack.wait_restarted, "routing", old)
    await asyncio.gather(*filing)
    assert len(set(accepted)) == CASES

    async def settled() -> bool:
        audit = await asyncio.to_thread(at.audit)
        return audit["unaccounted"] == 0 and audit["accepted"] == audit["stored"]

    await until(settled, "every receipt has its case", 60)
    assert (await asyncio.to_thread(at.audit))["doubled"] == 0

    async def told() -> bool:
        sent = await at.messages("")
        text = "".join(str(message) for message in sent)
        return all(ticket in text for ticket in accepted)

    await until(told, "every citizen was told", 60)
    assert await at.duplicates() == 0


async def _many(accepted: list[str], count: int) -> bool:
    return len(accepted) >= count
