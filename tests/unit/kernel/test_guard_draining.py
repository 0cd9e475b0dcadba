"""The guard draining what was parked and is requeued: in order, and nothing overtakes it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.kernel.adapters.guard import Guard, key_of
from services.kernel.domain.errors import Unavailable
from tests.unit.kernel.conftest import parked


async def test_a_drain_handles_in_order_and_frees_the_case(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.reject = {named("A", 1)}
    await guard.handle([record("A"), record("A", 1), record("A", 2), record("A", 3)])
    key = next(iter(parking.parked))
    assert await guard.drain([0]) == 0
    parking.drain.add(key)
    script.reject.clear()
    assert await guard.drain([1]) == 0  # another process's partition
    assert await guard.drain([0]) == 3
    await guard.handle([record("A", 4)])
    assert script.done == [named("A", n) for n in (0, 1, 2, 3, 4)]
    assert parked(parking) == {}


async def test_a_drain_that_meets_the_poison_again_keeps_everything_behind_it(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.reject = {named("A", 1), named("A", 3)}
    await guard.handle([record("A"), record("A", 1), record("A", 2), record("A", 3), record("A", 4)])
    key = next(iter(parking.parked))
    script.reject = {named("A", 3)}
    parking.drain.add(key)
    assert await guard.drain([0]) == 2
    assert len(parking.parked[key]) == 2
    # it waits for the next requeue
    assert await guard.drain([0]) == 0
    script.reject = set()
    parking.drain.add(key)
    assert await guard.drain([0]) == 2
    assert script.done == [named("A", n) for n in (0, 1, 2, 3, 4)]


async def test_a_drain_that_is_cut_short_goes_on_by_itself(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.reject = {named("A", 1)}
    await guard.handle([record("A", 1)])
    parking.drain.add(next(iter(parking.parked)))
    # comes after the mark, so it bears none
    await guard.handle([record("A", 2)])
    script.reject = set()
    await _interrupted_after_one(guard, script)
    parking.drain.clear()
    assert await guard.drain([0]) == 1
    assert script.done == [named("A", 1), named("A", 2)]


async def _interrupted_after_one(guard: Guard, script: Any) -> None:
    async def away_at_the_second() -> None:
        if script.done:
            raise Unavailable("the store")

    script.within = away_at_the_second
    with pytest.raises(Unavailable):
        await guard.drain([0])
    script.within = None


async def test_a_drain_and_a_batch_never_run_at_once(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.reject = {named("A", 1)}
    await guard.handle([record("A", 1), record("A", 2)])
    parking.drain.add(next(iter(parking.parked)))
    script.reject = set()
    running = 0

    async def alone() -> None:
        nonlocal running
        running += 1
        assert running == 1
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1

    script.within = alone
    drain = asyncio.create_task(guard.drain([0]))
    await asyncio.sleep(0)
    await asyncio.gather(drain, guard.handle([record("A", 3)]), guard.handle([record("A", 4)]))
    assert script.done == [named("A", n) for n in (1, 2, 3, 4)]
    assert parked(parking) == {}


async def test_a_record_that_was_drained_and_comes_again_is_dropped_by_the_handler(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.reject = {named("A", 1)}
    poison = record("A", 1)
    await guard.handle([poison])
    parking.drain.add(key_of(poison))
    script.reject = set()
    await guard.drain([0])
    await guard.handle([poison, record("A", 2)])
    assert script.done == [named("A", 1), named("A", 2)]
    assert parked(parking) == {}
