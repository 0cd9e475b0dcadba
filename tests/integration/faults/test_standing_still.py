"""Workers that drop what they fetched, or in which something stands still that nobody looks at."""

from __future__ import annotations

import signal
from typing import Any

from tests.integration.kernel.worker_line import (
    Line,
    all_committed,
    applied,
    exactly_once,
)


async def test_records_dropped_before_anything_was_committed_are_read_again(
    line: Line, eventually: Any
) -> None:
    """Where faust's own seek would leave the partition after them: for good, and without a word."""
    tickets = await line.fill(20)
    worker = await line.start(drops=3)
    await eventually(applied(line, tickets), "all to be done")
    await eventually(all_committed(line), "the offsets to be committed")
    assert worker.count("dropped") == 3
    await exactly_once(line, tickets)


async def test_a_task_of_aiokafkas_ends_and_the_worker_with_it(line: Line, eventually: Any) -> None:
    tickets = await line.fill(5)
    workers = [await line.start(ends=task) for task in ("fetching", "coordinating")]
    await eventually(lambda: all(worker.owns() == 2 for worker in workers), "each to have its share")
    await eventually(applied(line, tickets), "both to work")
    line.go()
    for worker in workers:
        await worker.ended()
    tickets += await line.fill(5)
    await line.start()
    await eventually(applied(line, tickets), "who is started after them to go on")
    await exactly_once(line, tickets)


async def test_a_worker_that_waits_for_its_group_without_end_makes_way(
    line: Line, eventually: Any
) -> None:
    await line.fill(10)
    first = await line.start(seconds=600.0)
    await eventually(first.in_a_batch, "the first worker to hang in a batch")
    silent = await line.start(silent=2.0, finish=0.5)
    told = await line.start(finish=0.5)
    await eventually(lambda: told.count("starting"), "the third to start")
    told.process.send_signal(signal.SIGTERM)
    await told.ended()
    await silent.ended()
    assert any("worker.silent" in line for line in silent.errors)
    assert not any("worker.silent" in line for line in told.errors)
    assert first.lives()
