"""Time on the live line: the clock is down over deadlines, and what was missed is made good exactly once.

A district whose limits are minutes (`mungeli.yaml`) and an sla whose clock is ahead stand in for waiting.
People act by the desk's clock, which is not moved: seconds after the filing, minutes before any deadline.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from tests.chaos import witness
from tests.chaos.clock_events import AHEAD_SECONDS, DISTRICT, HEALTH, LIMITS, MANY, Topic, owed
from tests.chaos.lives import Filed, Lives, evenly, file_at, tail_of
from tests.chaos.moved_clock import ahead, own_clock_stopped
from tests.chaos.scale import Scale
from tests.chaos.staff import token
from tests.e2e.client import Line, bearer, until

FILE = Path(__file__).with_name("mungeli.yaml")
TOGETHER = 16
EVENTS_OF_MANY = 3
AHEAD_OF_FILING = timedelta(minutes=5)
"""Nothing may fall due by the line's own clock before it has followed all, and is stopped."""
STRETCH = timedelta(seconds=20)
"""Of the time in which rungs fall due, a life's share."""
FOLLOWED_SECONDS = 240.0
SAID_SECONDS = 120.0


class Clinic:
    """Files cases of the district and works them."""

    def __init__(self, at: Line, database: mongo.Database) -> None:
        self.at = at
        self.database = database
        self._cases = database[CASES]
        self._kafka = at.stack.settings["SAMVAD_KAFKA"]

    async def file(self, service: str) -> Filed:
        receipt = await self.at.filed(
            district=DISTRICT,
            kind="complaint",
            service=service,
            text="पंजीयन के बाद भी बुलाया नहीं गया।",
            place={"block": "mungeli-block", "village": "jarhagaon"},
            citizen={"name": "सुखराम"},
        )
        return Filed(receipt["ticket"], service, datetime.fromisoformat(receipt["received_at"]))

    async def file_many(self, service: str, count: int) -> list[Filed]:
        together = asyncio.Semaphore(TOGETHER)

        async def one() -> Filed:
            async with together:
                return await self.file(service)

        return list(await asyncio.gather(*(one() for _ in range(count))))

    async def followed(self, filed: Sequence[Filed], seconds: float = 40) -> None:
        """Every case is placed, and the clock has seen all of it."""
        tickets = [one.ticket for one in filed]

        async def seen() -> bool:
            query = {
                "_id": {"$in": tickets},
                "case.n": {"$gte": 1},
                "$expr": {"$eq": ["$case.n", "$sla.seen.case"]},
            }
            return await self._cases.count_documents(query) == len(tickets)

        await until(seen, f"the clock has followed {len(tickets)} cases", seconds)

    async def act(self, one: Filed, *actions: str) -> None:
        """What the officer does who has the case."""
        url = self.at.stack.url("desk", f"/api/v1/cases/{one.ticket}")
        asked = await self.at.http.get(url, headers=bearer(token("collector", DISTRICT)))
        case = asked.json()
        version = case["version"]
        for action in actions:
            done = await self.at.http.post(
                f"{url}/actions",
                json={"action": action, "expected_version": version},
                headers=bearer(token("officer", DISTRICT, case["officer"])),
            )
            assert done.status_code == 200, done.text
            version = done.json()["version"]

    async def topic(self, filed: Sequence[Filed]) -> Topic:
        return await Topic.of(self._kafka, {one.ticket for one in filed})

    async def said(self, filed: Sequence[Filed], seconds: float = 60) -> Topic:
        """The topic as soon as everything is said of cases on which nothing is done."""
        whole = sum(len(owed(one.at, one.service)) for one in filed)
        mine: dict[str, Any] = {"_id": {"$in": [one.ticket for one in filed]}}
        counted = [{"$match": mine}, {"$group": {"_id": None, "n": {"$sum": "$sla.n"}}}]
        unsent = {**mine, "sla.unsent_since": {"$exists": True}}

        async def all_said() -> bool:
            found = await self._cases.aggregate(counted).to_list(None)
            return found[0]["n"] >= whole and not await self._cases.count_documents(unsent)

        await until(all_said, f"{whole} events of {len(filed)} clocks", seconds)
        return await self.topic(filed)


@pytest.fixture(scope="module")
def mungeli(line: Stack) -> None:
    """The line has the district."""
    Line(line).run("directory", "apply", str(FILE))


@pytest.fixture
async def clinic(at: Line, mungeli: None) -> AsyncIterator[Clinic]:
    async with witness.opened(at.stack) as database:
        yield Clinic(at, database)


def wrong_with(topic: Topic, cases: Sequence[Filed], met: Sequence[str] = ()) -> list[str]:
    return [
        fault for one in cases for fault in topic.wrong(one.ticket, owed(one.at, one.service, met))
    ]


async def test_what_was_done_in_time_is_in_time_though_the_clock_was_down(clinic: Clinic) -> None:
    resolved = await clinic.file_many("bistar", 5)
    acknowledged = await clinic.file_many("bistar", 5)
    # filed last, so due last: when their time is told, the others' has been looked at
    untouched = await clinic.file_many("bistar", 5)
    await clinic.followed([*resolved, *acknowledged, *untouched])
    stack = clinic.at.stack
    with own_clock_stopped(stack):
        await asyncio.gather(*(clinic.act(one, "acknowledge", "resolve") for one in resolved))
        await asyncio.gather(*(clinic.act(one, "acknowledge") for one in acknowledged))
        with ahead(stack, AHEAD_SECONDS):
            await clinic.said(untouched)
            topic = await clinic.topic([*resolved, *acknowledged, *untouched])
    assert not wrong_with(topic, resolved, met=tuple(LIMITS["bistar"]))
    assert not wrong_with(topic, acknowledged, met=("acknowledge",))
    assert not wrong_with(topic, untouched)
    assert not topic.faults()


async def test_what_was_missed_is_said_once_in_due_order_with_its_instant(clinic: Clinic) -> None:
    # two of each service, so ten different deadlines; the later filed are not all later due
    filed = [await clinic.file(service) for service in (*reversed(HEALTH), *HEALTH)]
    await clinic.followed(filed)
    stack = clinic.at.stack
    with own_clock_stopped(stack):
        with ahead(stack, AHEAD_SECONDS):
            topic = await clinic.said(filed)
        assert not wrong_with(topic, filed)
        # the nearest deadline first, over all cases
        in_due_order = sorted(filed, key=lambda one: owed(one.at, one.service)[0].at)
        told = [topic.first(one.ticket)[0].timestamp_ms for one in in_due_order]
        assert told == sorted(told)

        # a second start finds nothing of it again: it has looked when it has told of one more
        one_more = [await clinic.file("ambulance")]
        with ahead(stack, AHEAD_SECONDS):
            await clinic.said(one_more)
            after = await clinic.topic([*filed, *one_more])
    assert not wrong_with(after, [*filed, *one_more])
    assert len(after.heard) == len(topic.heard) + len(after.first(one_more[0].ticket))
    assert not after.faults()


async def test_a_clock_killed_again_and_again_while_rungs_fall_due_fires_each_once(
    clinic: Clinic, scale: Scale
) -> None:
    began, stack = time.monotonic(), clinic.at.stack
    count = math.ceil(scale.rungs / EVENTS_OF_MANY)
    first = (datetime.now(UTC) + AHEAD_OF_FILING).replace(microsecond=0)
    instants = evenly(first, (scale.kills + 1) * STRETCH, count)
    filed = await file_at(stack, clinic.database, MANY, instants)
    await clinic.followed(filed, FOLLOWED_SECONDS)
    whole = sum(len(owed(one.at, one.service)) for one in filed)
    fired: list[int] = []
    with own_clock_stopped(stack):
        async with tail_of(stack.settings["SAMVAD_KAFKA"]) as tail:
            lives = Lives(stack, clinic.database, tail, filed)
            warned = owed(first, MANY)[0].at
            for life in range(1, scale.kills + 1):
                fired.append(await lives.live(warned + life * STRETCH))
                assert 0 < lives.total < whole, f"life {life}: {lives.total} of {whole} are claimed"
        last = owed(instants[-1], MANY)[-1].at + STRETCH
        with ahead(stack, lives.offset(last)):
            topic = await clinic.said(filed, SAID_SECONDS)
    print(
        f"\nrungs            {whole:6}   of {count} cases",
        f"clock killed     {len(fired):6}   after {', '.join(str(n) for n in fired)} it had claimed",
        f"  then           {whole - lives.total:6}   by the one that lived",
        f"  sent again     {topic.repeated:6}   same number, same content",
        f"seconds          {time.monotonic() - began:6.0f}",
        sep="\n",
        flush=True,
    )
    assert all(fired), f"a life fired nothing: {fired}"
    assert not wrong_with(topic, filed)
    assert sum(len(topic.first(one.ticket)) for one in filed) == whole
    assert not topic.faults()
