"""Workers that die or stand still in the middle of a batch: others take over, and who wakes does no harm."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

from services.kernel.adapters.kafka import Publisher
from tests.integration.kernel.worker_line import (
    PARTITIONS,
    Line,
    Running,
    all_committed,
    applied,
    exactly_once,
)

DIES = "head"
STANDS_STILL = ("writing", "publishing", "committing")
SESSION_MS = 10_000
COMMITTED_TWICE_SECONDS = 2.2
LOST = "samvad_room_conflicts_total{notices}"


async def test_dead_and_paused_workers_are_taken_over_and_do_no_harm_when_they_wake(
    line: Line, eventually: Any
) -> None:
    tickets = [line.real.ticket() for _ in range(48)]
    poisoned, sound = tickets[::6], [t for n, t in enumerate(tickets) if n % 6]
    await line.trouble("poison", *(f"{ticket}/case/2" for ticket in poisoned))
    points = (DIES, *STANDS_STILL)
    old = {p: await line.start(pause=p, batch=500, drain=0.5) for p in points}
    sleepers = [old[point] for point in STANDS_STILL]
    await eventually(lambda: all(w.owns() == 1 for w in old.values()), "each to have a partition")
    # a dead worker is missed after ten seconds, and not after the minute that faust has by itself
    assert {w.last("session") for w in old.values()} == {str(SESSION_MS)}

    await line.file(tickets)
    await eventually(lambda: all(w.count(p) for p, w in old.items()), "each to be in its batch")
    # a slow head with a fast tail: the tail is written, and not a record of it is committed
    assert old[DIES].count("wrote")
    await _nothing_is_committed(line, COMMITTED_TWICE_SECONDS)

    old[DIES].process.send_signal(signal.SIGKILL)
    for worker in sleepers:
        worker.process.send_signal(signal.SIGSTOP)
    new = await line.start(batch=500, drain=0.5)
    await eventually(lambda: new.owns() == PARTITIONS, "the new worker to have taken over")
    await eventually(applied(line, sound), "it to have done everything")
    await eventually(all_committed(line), "the offsets to be committed")
    await exactly_once(line, sound)
    await line.send(line.noted(tickets, 5, 6))
    await eventually(applied(line, sound, 6), "it to have gone on")
    await eventually(all_committed(line), "the offsets to be committed")
    await exactly_once(line, sound, 6)

    # they wake, and end their batches: on cases that have gone on without them, in no group any more
    before = await line.committed()
    line.go()
    for worker in sleepers:
        worker.process.send_signal(signal.SIGCONT)
    await eventually(lambda: all(w.count("done") for w in sleepers), "each to end its batch")
    await eventually(lambda: old["writing"].metric(LOST) > 0, "the write that is too late to lose")
    await eventually(lambda: _in_order([*sleepers, new]), "the group to be in order again")
    assert await line.committed() == before
    await exactly_once(line, sound, 6)

    # and the group goes on, whoever now has which partition
    await line.send(line.noted(tickets, 7, 8))
    await eventually(applied(line, sound, 8), "the group to go on")
    await eventually(all_committed(line), "the offsets to be committed")
    logs = await line.logs(poisoned)
    assert logs == {t: [f"{t}/intake/1", f"{t}/case/1"] for t in poisoned}
    await line.mend()
    for ticket in poisoned:
        await line.real.requeue(line.name, ticket)
    await eventually(applied(line, tickets, 8), "what was set aside to be done")
    await exactly_once(line, tickets, 8)


def _in_order(workers: list[Running]) -> bool:
    """Who has not ended has its share, and nobody has another's."""
    return sum(worker.owns() for worker in workers if worker.lives()) == PARTITIONS


async def _nothing_is_committed(line: Line, seconds: float) -> None:
    """For so long, however often one looks."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        assert not any((await line.committed()).values())


async def test_a_worker_without_its_topic_says_so(
    real: Any, publisher: Publisher, mongo_url: str, tmp_path: Path
) -> None:
    """Faust alone would sit there, own nothing, and never find the topic that is made a moment later."""
    line = Line(real, publisher, mongo_url, tmp_path)
    worker = await line.start()
    try:
        assert await worker.ended() == 1
    finally:
        await line.close()
    assert worker.errors == [
        f"samvad worker: Kafka has no topic {line.topic}: run `samvad init` first"
    ]
