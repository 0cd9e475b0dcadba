"""Records that cannot be handled, in a real worker: nothing is lost or skipped, nobody else is harmed."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from click.testing import CliRunner

from services.cli.dead_letters import group
from services.kernel.adapters.guard import FAULTS_BEFORE_REJECT, Failure
from services.kernel.adapters.kafka import read_whole
from services.kernel.adapters.metrics import HANDLED
from services.kernel.contracts.codec import ROOMS, Received, Record
from services.kernel.contracts.events import RecordDead
from services.kernel.contracts.topics import DEAD_LETTERS
from services.kernel.domain.errors import Unavailable
from tests.integration.kernel.worker_line import (
    Line,
    Running,
    all_committed,
    all_of,
    applied,
    exactly_once,
)

OVERTAKING_SECONDS = 0.7
"""For so long newer records of a case lie there that is half drained."""


async def parked(line: Line) -> dict[str, list[tuple[str, str | None]]]:
    """What is set aside, in the order of the topic: the events of a key, each with its reason."""
    found = line.real.database["parked"].find({"consumer": line.name})
    aside: dict[str, list[tuple[str, str | None]]] = {}
    async for doc in found.sort([("partition", 1), ("offset", 1)]):
        name = dict(doc["headers"])["ce_id"].decode()
        aside.setdefault(doc["key"], []).append((name, doc["reason"]))
    return aside


async def dead(line: Line) -> dict[str, list[RecordDead]]:
    """The copies on the topic of dead letters, by the key of the record."""
    copies: dict[str, list[RecordDead]] = {}
    async for record in read_whole(line.real.kafka, DEAD_LETTERS):
        letter = RecordDead.model_validate_json(record.value or b"")
        if letter.consumer == line.name:
            copies.setdefault((record.key or b"").decode(), []).append(letter)
    return copies


async def requeue(line: Line, key: str) -> None:
    """As the ops team does."""
    done = await asyncio.to_thread(
        CliRunner().invoke, group, ["requeue", line.name, key], env=line.settings
    )
    assert done.exit_code == 0, done.output


def handled(worker: Running, line: Line) -> dict[str, int]:
    name = "samvad_consumer_handled_total"
    outcomes = ("done", "rejected", "parked", "drained")
    return {o: worker.metric(f"{name}{{{line.name},{o}}}") for o in outcomes}


async def test_a_handler_that_raises_skips_nothing_and_loses_nothing(line: Line, eventually: Any) -> None:
    tickets = await line.fill(12)
    fault, passing, filing, whole, lagging, *good = tickets
    await line.trouble("fault", f"{fault}/case/2", f"{filing}/intake/1")
    await line.trouble("fault", f"{passing}/case/2", times=FAULTS_BEFORE_REJECT - 1)
    await line.trouble("lag", f"{lagging}/case/1")
    # the whole of the batch goes wrong at first: its dependency is away, and then the code breaks
    await line.trouble("away", f"{good[0]}/case/4")
    await line.trouble("explode", f"{whole}/case/3", times=2)
    worker = await line.start(batch=60, drain=0.3)
    retried = f"samvad_consumer_retried_total{{{line.name},unavailable}}"
    await eventually(lambda: worker.metric(retried) >= 6, "the batch to be tried again and again")
    assert worker.last("taken") == "60"
    assert not any((await line.committed()).values()), "it is not handled, so it is not committed"

    await line.mend(f"{good[0]}/case/4")
    await eventually(all_committed(line), "all to be done or set aside")
    aside: dict[str, list[tuple[str, str | None]]] = {
        fault: [(f"{fault}/case/2", "builtins.ZeroDivisionError")],
        filing: [(f"{filing}/intake/1", None)],  # held: a `filed` is never dead
        lagging: [(f"{lagging}/case/1", None)],
    }
    for ticket, (first, *_) in aside.items():
        names = all_of(ticket)
        aside[ticket] += [(name, None) for name in names[names.index(first[0]) + 1 :]]
    assert await parked(line) == aside
    logs = await line.logs(tickets)
    behind = {ticket: {name for name, _ in records} for ticket, records in aside.items()}
    assert logs == {
        ticket: [name for name in all_of(ticket) if name not in behind.get(ticket, ())]
        for ticket in tickets
        if ticket != filing
    }
    sound = {"done": 60 - 12, "rejected": 1, "parked": 11, "drained": 0}
    await eventually(lambda: handled(worker, line) == sound, f"to be counted: {sound}")
    assert [letter.reason for letter in (await dead(line))[fault]] == ["builtins.ZeroDivisionError"]
    assert (await dead(line)).keys() == {fault}

    # what is held goes on by itself when the fault is mended, what was rejected when it is asked to
    await line.mend()
    await eventually(lambda: _free(line, filing, lagging), "what was held to go on")
    assert (await parked(line)).keys() == {fault}
    await requeue(line, fault)
    await eventually(lambda: _free(line, fault), "what was rejected to go on")
    await exactly_once(line, tickets)
    sound["drained"] = 12
    await eventually(lambda: handled(worker, line) == sound, f"to be counted: {sound}")
    assert worker.lives()


async def _free(line: Line, *keys: str) -> bool:
    return not (await parked(line)).keys() & set(keys)


async def test_poison_in_a_batch_parks_its_case_and_is_drained_before_newer_records(
    line: Line, eventually: Any
) -> None:
    real = line.real
    tickets = await line.fill(4)
    poison, *good = tickets
    broken = real.ticket()
    bad = replace(real.record(broken, "case", 1), value=b'{"ticket": \xff')
    records = [real.record(broken, "intake", 1), bad, real.record(broken, "case", 2)]
    await line.send(records)
    await line.trouble("poison", f"{poison}/case/1")
    worker = await line.start(batch=23, drain=0.3)
    await eventually(all_committed(line), "all to be done or set aside")
    assert worker.last("taken") == "23"
    # of the others, several events of a case in a batch are one write
    wrote = [tuple(words.split()[1:]) for words in worker.said if words.startswith("wrote")]
    assert sorted(one for one in wrote if one[0] in good) == sorted((t, "5") for t in good)
    rest = all_of(poison)[1:]
    reason = "undecodable: value: json_invalid"
    assert await parked(line) == {
        poison: [(rest[0], "made up"), *((name, None) for name in rest[1:])],
        broken: [(f"{broken}/case/1", reason), (f"{broken}/case/2", None)],
    }
    assert await line.logs(tickets) == {
        poison: all_of(poison)[:1],
        **{ticket: all_of(ticket) for ticket in good},
    }
    letters = await dead(line)
    assert {key: [(one.reason, one.topic) for one in found] for key, found in letters.items()} == {
        poison: [("made up", line.topic)],
        broken: [(reason, line.topic)],
    }
    assert b64decode(letters[broken][0].value or "") == bad.value
    assert dict(letters[broken][0].headers).keys() == dict(bad.headers).keys()

    # later records of the case wait behind it, other cases go on
    await line.send(line.noted(tickets, 5, 5))
    await eventually(applied(line, good, 5), "the others to go on")
    await eventually(all_committed(line), "the later ones to be set aside")
    assert [name for name, _ in (await parked(line))[poison]] == [*rest, f"{poison}/case/5"]

    # requeued, and in the middle of its draining newer ones arrive
    await line.mend()
    await line.trouble("wait", f"{poison}/case/3")
    await requeue(line, poison)
    await eventually(lambda: worker.last("waiting") == f"{poison}/case/3", "to be half drained")
    await line.send(line.noted(tickets, 6, 8))
    end = asyncio.get_running_loop().time() + OVERTAKING_SECONDS
    while asyncio.get_running_loop().time() < end:
        assert (await line.logs([poison]))[poison] == all_of(poison, 2)
    await line.mend()
    await eventually(applied(line, tickets, 8), "everything to be done")
    await eventually(all_committed(line), "the offsets to be committed")
    await exactly_once(line, tickets, 8)
    assert (await parked(line)).keys() == {broken}

    def is_counted() -> bool:
        # whether the newer ones waited for their turn or were set aside behind the others is all one
        counted = handled(worker, line)
        rejected, drained = counted["rejected"] == 2, counted["drained"] == counted["parked"]
        return rejected and drained and counted["done"] + counted["parked"] == 37

    await eventually(is_counted, "to be counted")
    assert worker.lives()


async def test_a_batch_that_is_run_again_is_counted_once(real: Any) -> None:
    """One case fails at first, and then, with the others done already, the store is away for a moment."""

    class Unlucky:
        follows = ROOMS
        uses: dict[str, Any] = {}
        calls = 0

        async def handle(self, batch: Sequence[Received]) -> list[Failure]:
            self.calls += 1
            if self.calls == 2:
                raise Unavailable("the store")
            return [Failure(batch[0], "made up")] if self.calls == 1 else []

    records: list[Record] = [real.record(real.ticket(), "intake", 1) for _ in range(10)]
    handler = Unlucky()
    consumer = f"unlucky-{real.database.name}"
    await real.guard(consumer, handler).handle(records)
    assert handler.calls == 3
    counted = Counter(
        {
            sample.labels["outcome"]: sample.value
            for metric in HANDLED.collect()
            for sample in metric.samples
            if sample.labels["consumer"] == consumer and sample.name.endswith("_total")
        }
    )
    assert counted == {"done": 10}


async def test_a_case_that_is_parked_while_the_parked_are_read_is_known_to_be(real: Any) -> None:
    """The clock's loop asks what is parked while the guard parks. A record behind the parked ones that
    were taken for free would be numbered too high: never applied, and committed all the same."""

    class Stalled:
        """The collection, whose answers to reads are old by the time that they come."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.read, self.answer = asyncio.Event(), asyncio.Event()

        def __getattr__(self, name: str) -> Any:
            call = getattr(self.inner, name)
            if name not in ("distinct", "count_documents") or self.answer.is_set():
                return call

            async def stalled(*arguments: Any, **more: Any) -> Any:
                answer = await call(*arguments, **more)
                self.read.set()
                await self.answer.wait()
                return answer

            return stalled

    ticket, other = real.ticket(), real.ticket()
    parking = real.parking("clock")
    parked_records = parking._parked = Stalled(parking._parked)
    asked = asyncio.create_task(parking.parked_keys([other]))
    await parked_records.read.wait()
    parking._parked = parked_records.inner
    await parking.park([(real.record(ticket, "case", 1), "made up")])
    parked_records.answer.set()
    assert await asked == set()
    assert await parking.parked_keys([ticket, other]) == {ticket}
