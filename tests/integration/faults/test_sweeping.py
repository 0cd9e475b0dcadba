"""Acts are stored first and published after: sweepers race the publishers, each other, and crashes."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.kernel.adapters import publishing
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.contracts.codec import EventId, Message
from services.kernel.domain.case import Act
from services.kernel.domain.errors import Conflict, Unavailable
from services.kernel.domain.people import Actor
from tests.integration.faults.desk_process import NOTES
from tests.integration.kernel.worker_line import PROJECT, Running

SCRIPT = Path(__file__).with_name("desk_process.py")
POINTS = ("written", "sent")
OFFICER = Actor("officer", "o-1", "janjgir-champa")
AT_ONCE = 1
"""Seconds by which the sweepers' clock is ahead, so that they leave nothing to the publishers."""


async def numbers(real: Any, tickets: Sequence[str]) -> dict[str, list[int]]:
    """The numbers of room `case` of each case, in the order of the topic."""
    found: dict[str, list[int]] = {ticket: [] for ticket in tickets}
    said: dict[EventId, bytes | None] = {}
    for record in await real.records():
        one = EventId.parse(record.header("ce_id") or "")
        if one.room == "case" and one.ticket in found:
            found[one.ticket].append(one.n)
            assert said.setdefault(one, record.value) == record.value, "one number, two events"
    return found


async def nothing_is_missing(real: Any, tickets: Sequence[str]) -> dict[str, list[int]]:
    """What has left an outbox is on the topic. Returns the outboxes."""
    documents = {ticket: await real.room(ticket, "case") for ticket in tickets}
    outboxes = {ticket: [e["n"] for e in room["outbox"]] for ticket, room in documents.items()}
    topic = await numbers(real, tickets)  # read after the store, so it can only know more
    for ticket, room in documents.items():
        all_of_them = set(range(1, room["n"] + 1))
        assert all_of_them == set(outboxes[ticket]) | (set(topic[ticket]) & all_of_them)
    return outboxes


async def everything_came_in_order(real: Any, tickets: Sequence[str], last: int) -> None:
    for ticket, found in (await numbers(real, tickets)).items():
        highest = 0
        for n in found:
            assert n <= highest + 1, f"{ticket}: {found}"
            highest = max(highest, n)
        assert highest == last


async def sweep(sweepers: Sequence[Sweeper]) -> None:
    """All at once; what one could not do is done by the next round."""
    now = system_clock(AT_ONCE)()
    for outcome in await asyncio.gather(*(s.sweep(now) for s in sweepers), return_exceptions=True):
        assert outcome is None or isinstance(outcome, int | Unavailable), outcome


async def test_desks_that_are_killed_before_and_after_publishing(
    real: Any, mongo_url: str, tmp_path: Path, eventually: Any
) -> None:
    tickets = [await real.opened() for _ in range(6)]
    environment = {
        **os.environ,
        "SAMVAD_KAFKA": real.kafka,
        "SAMVAD_MONGO": mongo_url,
        "SAMVAD_DATABASE": real.database.name,
        "SAMVAD_HOME": str(tmp_path),
        "SAMVAD_LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(PROJECT),
    }
    desks = {
        point: Running(
            await asyncio.create_subprocess_exec(
                *(sys.executable, str(SCRIPT), point, f"o-{point}", *tickets),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )
        for point in POINTS
    }
    publishers = [Publisher(real.kafka, client_id=f"sweeper-{n}") for n in range(2)]
    sweepers = [Sweeper(real.rooms("case"), Outbox("case", one)) for one in publishers]
    try:
        # both work on the same cases, and are held in the midst of publishing
        for point, desk in desks.items():
            await eventually(lambda desk=desk, point=point: desk.count(point), f"a desk to have {point}")
            await eventually(lambda desk=desk: desk.count("acted"), "all its acts to be answered")
        assert all(len(left) > NOTES for left in (await nothing_is_missing(real, tickets)).values())
        # the first round of both sweepers races them, the second comes after their end
        await sweep(sweepers)
        await nothing_is_missing(real, tickets)
        for desk in desks.values():
            desk.process.kill()
            await desk.ended()
        await sweep(sweepers)
        assert not any((await nothing_is_missing(real, tickets)).values())
    finally:
        for desk in desks.values():
            if desk.lives():
                desk.process.kill()
            await desk.ended()
        for publisher in publishers:
            await publisher.stop()
    assert await real.rooms("case").backlog() == 0
    await everything_came_in_order(real, tickets, 1 + 2 * NOTES)
    for ticket in tickets:
        history = (await real.room(ticket, "case"))["history"]
        causes = [f"o-{point}/{n}" for point in POINTS for n in range(NOTES)]
        assert Counter(entry["cause"] for entry in history[1:]) == Counter(causes)


class Unreliable:
    """A publisher that refuses a time, then sends and loses the answer, then does as it should."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.calls = 0
        self.acknowledged: set[tuple[str, int]] = set()

    async def publish(self, messages: Sequence[Message]) -> None:
        outcome = self.calls % 3
        self.calls += 1
        if outcome == 0:
            raise Unavailable("Kafka")
        await self._publisher.publish(messages)
        if outcome == 1:
            raise Unavailable("Kafka")
        for message in messages:
            one = EventId.parse(dict(message.headers)["ce_id"].decode())
            self.acknowledged.add((one.ticket, one.n))


class Watched:
    """The rooms of one process, which look at what it trims."""

    def __init__(self, rooms: Any, kafka: Unreliable) -> None:
        self._rooms = rooms
        self._kafka = kafka
        self.room = rooms.room
        self.trimmed = 0
        self.too_early: set[tuple[str, int]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rooms, name)

    async def trim(self, acknowledged: Sequence[tuple[str, int]]) -> None:
        self.trimmed += len(acknowledged)
        self.too_early |= {one for one in acknowledged if one[1]} - self._kafka.acknowledged
        await self._rooms.trim(acknowledged)


async def test_publishers_and_sweepers_race_while_kafka_refuses_and_loses_answers(
    real: Any, publisher: Publisher, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PAUSE_SECONDS", 0.0)
    tickets = [await real.opened() for _ in range(10)]
    kafkas = [Unreliable(publisher) for _ in range(4)]
    rooms = [Watched(real.rooms("case", READS), kafka) for kafka in kafkas]
    outboxes = [Outbox("case", kafka) for kafka in kafkas]
    desks = [CaseStore(rooms[n], outboxes[n], real.vault, system_clock()) for n in range(2)]
    sweepers = [Sweeper(rooms[n], outboxes[n]) for n in (2, 3)]
    for desk in desks:
        desk.start()
    working = True

    async def work(desk: CaseStore, name: str, ticket: str) -> None:
        for n in range(4):
            act = Act("note", OFFICER, cause=f"{name}/{n}", note="a")
            while True:
                try:
                    await desk.act(ticket, act)
                    break
                except Conflict:
                    continue

    async def keep_sweeping() -> None:
        while working:
            await sweep(sweepers)

    async def keep_looking() -> None:
        while working:
            await nothing_is_missing(real, tickets)

    background = [asyncio.create_task(keep_sweeping()), asyncio.create_task(keep_looking())]
    for round_ in itertools.count(1):
        assert round_ < 20, "somebody never came to publish"
        names = [f"{round_}/{n}" for n in range(2)]
        await asyncio.gather(*(work(d, n, t) for d, n in zip(desks, names, strict=True) for t in tickets))
        if all(room.trimmed > 5 for room in rooms):
            break
    working = False
    await asyncio.gather(*background)
    for desk in desks:
        await desk.stop()

    async def swept() -> bool:
        await sweep(sweepers)
        return not any((await nothing_is_missing(real, tickets)).values())

    await eventually(swept, "every outbox to be empty")
    assert await real.rooms("case").backlog() == 0
    await everything_came_in_order(real, tickets, 1 + 8 * round_)
    assert not any(room.too_early for room in rooms)
