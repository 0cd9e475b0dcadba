"""A holiday declared late: seen beforehand, applied once to every open clock, also over a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.adapters.recalculation import Recalculation, Recalculations, preview
from services.kernel.adapters.room_store import Draft, MongoRooms
from services.kernel.contracts.codec import Message
from services.kernel.contracts.events import SlaBreached, SlaRecalculated
from services.kernel.domain.directory import District, Holiday, Text
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.timer import Rules
from services.sla.adapters.recalculating import READS, Recalculating
from services.sla.testing import ist

ALL = range(256)
THURSDAY = date(2026, 3, 5)
CAUSE = "Rang Panchami"


class Away:
    async def publish(self, messages: Sequence[Message]) -> None:
        raise Unavailable("Kafka")


class Dies:
    """A store whose process ends before its n-th write."""

    def __init__(self, rooms: Any, after: int) -> None:
        self._rooms = rooms
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rooms, name)

    async def write(self, drafts: Sequence[Draft]) -> set[int]:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("killed")
        lost: set[int] = await self._rooms.write(drafts)
        return lost


def with_holiday(district: District, day: date = THURSDAY) -> District:
    holiday = Holiday(day, Text("रंग पंचमी", "Rang Panchami"))
    return replace(
        district,
        calendars=tuple(
            replace(calendar, holidays=(*calendar.holidays, holiday))
            if calendar.id == "office"
            else calendar
            for calendar in district.calendars
        ),
    )


class Holidays:
    """The worker's task on the line of a test."""

    def __init__(self, line: Any, database: mongo.Database, directory: DirectoryStore) -> None:
        self.line = line
        self.asked = Recalculations(database)
        self.directory = directory
        self.newest: District = line.district
        self.woken = 0

    def worker(self, rooms: Any = None, publisher: Any = None) -> Recalculating:
        return Recalculating(
            self.asked,
            rooms or MongoRooms(self.line.cases, "sla", READS),
            Outbox("sla", publisher or self.line.publisher),
            self.line.rules,
            self.line.parking,
            self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    async def declare(self, day: date = THURSDAY) -> Recalculation:
        self.newest = with_holiday(self.newest, day)
        version = await self.directory.put(self.newest, by="test", at=self.line.clock())
        assert version is not None
        wanted = Recalculation(self.line.district.id, version, CAUSE, self.line.clock())
        await self.asked.ask(wanted, by="test")
        return wanted

    async def recalculated(self, ticket: str) -> list[SlaRecalculated]:
        told = await self.line.told(ticket)
        return [one.event for one in told if isinstance(one.event, SlaRecalculated)]


@pytest.fixture
def holidays(line: Any, database: mongo.Database, directory: DirectoryStore) -> Holidays:
    return Holidays(line, database, directory)


async def test_the_preview_says_what_the_worker_then_does(line: Any, holidays: Holidays) -> None:
    ticket, late = await line.file(), await line.file()
    await line.deliver()
    await line.act(ticket, "acknowledge", "2026-03-02 11:00")
    await line.deliver()
    await line.look("2026-03-02 18:01")
    seen = await preview(line.cases, Rules(with_holiday(line.district)), line.clock())
    assert (seen.clocks, seen.moving, seen.unmovable) == (2, 2, [])
    moves = {(t, move.target): (move.before, move.after) for t, _, move in seen.moves}
    assert moves[ticket, "resolve"] == (ist("2026-03-09 18:00"), ist("2026-03-10 18:00"))
    assert (ticket, "acknowledge") not in moves, "it is met"
    assert not seen.stays, "the late acknowledgement's breach was before the holiday"

    wanted = await holidays.declare()
    assert await holidays.worker().round(line.clock(), ALL) == 2
    for one in (ticket, late):
        room = await line.room(one)
        assert room["targets"]["resolve"]["due_at"] == ist("2026-03-10 18:00")
        assert room["deadline"] == ist("2026-03-10 18:00")
        assert room["directory_version"] == wanted.version
        (event,) = await holidays.recalculated(one)
        assert (event.cause, event.directory_version) == (CAUSE, wanted.version)
    assert holidays.woken == 1
    assert await holidays.worker().round(line.clock(), ALL) == 0
    assert len(await holidays.recalculated(ticket)) == 1
    breached = (await line.room(late))["targets"]["acknowledge"]
    assert breached["breached_at"] == breached["due_at"] == ist("2026-03-02 18:00")


async def test_a_recorded_breach_stays_and_is_told_beforehand(
    line: Any, holidays: Holidays
) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.look("2026-03-10 12:00")
    before = await line.room(ticket)
    assert before["targets"]["resolve"]["breached_at"] == ist("2026-03-09 18:00")
    seen = await preview(line.cases, Rules(with_holiday(line.district)), line.clock())
    stays = {stay.target: stay.would_be for _, _, stay in seen.stays}
    assert stays["resolve"] == ist("2026-03-10 18:00")
    await holidays.declare()
    await holidays.worker().round(line.clock(), ALL)
    after = (await line.room(ticket))["targets"]["resolve"]
    assert after["breached_at"] == after["due_at"] == ist("2026-03-09 18:00")


async def test_what_is_past_by_the_new_limits_fires_at_once_with_its_due_instant(
    line: Any, holidays: Holidays
) -> None:
    """The holiday is taken back: what counted on it was due a day earlier."""
    version = await holidays.directory.put(
        with_holiday(line.district), by="test", at=line.clock()
    )
    ticket = await line.file(directory_version=version)
    await line.deliver()
    assert (await line.room(ticket))["deadline"] == ist("2026-03-10 18:00")
    await line.look("2026-03-10 12:00")
    back = await holidays.directory.put(
        replace(line.district, reopen_days=29), by="test", at=line.clock()
    )
    assert back is not None
    await holidays.asked.ask(
        Recalculation(line.district.id, back, "taken back", line.clock()), by="test"
    )
    await holidays.worker().round(line.clock(), ALL)
    await line.look()
    told = [one.event for one in await line.told(ticket)]
    at = [one.at for one in told if isinstance(one, SlaBreached) and one.target == "resolve"]
    assert at == [ist("2026-03-09 18:00")]
    done = await line.act(ticket, "note")
    assert done.at > ist("2026-03-10 12:00"), "nothing is stamped before the recalculation"


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_a_crash_in_the_middle_resumes(
    line: Any, holidays: Holidays, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr("services.sla.adapters.recalculating.LIMIT", 2)
    cases = [await line.file() for _ in range(5)]
    await line.deliver()
    await holidays.declare()
    rooms = MongoRooms(line.cases, "sla", READS)
    with pytest.raises(RuntimeError):
        await holidays.worker(Dies(rooms, after)).round(line.clock(), ALL)
    assert await holidays.worker().round(line.clock(), ALL) == 5 - 2 * after
    for ticket in cases:
        assert len(await holidays.recalculated(ticket)) == 1


async def test_what_was_written_while_kafka_was_away_is_swept(
    line: Any, holidays: Holidays
) -> None:
    ticket = await line.file()
    await line.deliver()
    await holidays.declare()
    with pytest.raises(Unavailable):
        await holidays.worker(publisher=Away()).round(line.clock(), ALL)
    assert (await line.room(ticket))["directory_version"] > 1
    assert await holidays.recalculated(ticket) == []
    assert await holidays.worker().round(line.clock(), ALL) == 0
    sweeper = Sweeper(line.rooms, Outbox("sla", line.publisher))
    await sweeper.sweep(ist("2100-01-01 00:00"))
    assert len(await holidays.recalculated(ticket)) == 1


async def test_two_workers_at_once_tell_each_case_once(line: Any, holidays: Holidays) -> None:
    cases = [await line.file() for _ in range(8)]
    await line.deliver()
    await holidays.declare()
    both = [holidays.worker(), holidays.worker()]
    moved = await asyncio.gather(*(worker.round(line.clock(), ALL) for worker in both))
    assert sum(moved) == 8
    for ticket in cases:
        assert len(await holidays.recalculated(ticket)) == 1


async def test_a_case_whose_act_was_not_seen_waits(line: Any, holidays: Holidays) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.act(ticket, "acknowledge", "2026-03-02 11:00")
    await holidays.declare()
    assert await holidays.worker().round(line.clock(), ALL) == 0
    await line.deliver()
    assert await holidays.worker().round(line.clock(), ALL) == 1
    (event,) = await holidays.recalculated(ticket)
    assert event.at > ist("2026-03-02 11:00")


async def test_the_newest_of_two_is_applied_once_and_who_files_late_is_moved_too(
    line: Any, holidays: Holidays
) -> None:
    ticket = await line.file()
    await line.deliver()
    await holidays.declare()
    newest = await holidays.declare(date(2026, 3, 6))
    assert await holidays.worker().round(line.clock(), ALL) == 1
    (event,) = await holidays.recalculated(ticket)
    assert event.directory_version == newest.version
    assert (await line.room(ticket))["deadline"] == ist("2026-03-11 18:00")
    late = await line.file()  # by an intake that had the old version in its hands
    await line.deliver()
    assert await holidays.worker().round(line.clock(), ALL) == 1
    assert (await line.room(late))["directory_version"] == newest.version


async def test_only_the_workers_own_buckets_are_moved(line: Any, holidays: Holidays) -> None:
    ticket = await line.file()
    await line.deliver()
    bucket = (await line.room(ticket))["bucket"]
    await holidays.declare()
    others = [one for one in ALL if one != bucket]
    assert await holidays.worker().round(line.clock(), others) == 0
    assert await holidays.worker().round(line.clock(), [bucket]) == 1
