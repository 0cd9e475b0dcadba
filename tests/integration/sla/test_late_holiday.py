"""A holiday declared late: seen beforehand, applied once to every open clock, also over a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.kernel.adapters import mongo
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.adapters.recalculation import (
    ANY_VERSION,
    Recalculation,
    Recalculations,
    behind,
)
from services.kernel.adapters.recalculation_preview import Preview, preview, stored_clocks
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.contracts.events import SlaBreached, SlaRecalculated
from services.kernel.domain.directory import District, Holiday, Text
from services.kernel.domain.errors import Unavailable
from services.sla.adapters import recalculating
from services.sla.adapters.recalculating import LOOK_AGAIN, READS, Recalculating
from services.sla.testing import ist

ALL = range(256)
THURSDAY = date(2026, 3, 5)
CAUSE = "Rang Panchami"


class Before:
    """Something else happens before the n-th call of one method of `part`; it may raise."""

    def __init__(self, part: Any, name: str, happens: Callable[[], Any], after: int = 0) -> None:
        self._part = part
        self._name = name
        self._happens = happens
        self._left = after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return self._first(found) if name == self._name else found

    def _first(self, call: Any) -> Any:
        async def then(*given: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == -1:
                answer = self._happens()
                if asyncio.iscoroutine(answer):
                    await answer
            return await call(*given, **named)

        return then


def dies() -> None:
    raise RuntimeError("killed")


def is_away() -> None:
    raise Unavailable("Kafka")


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

    @property
    def rooms(self) -> MongoRooms:
        return MongoRooms(self.line.cases, "sla", READS)

    def worker(self, rooms: Any = None, publisher: Any = None, asked: Any = None) -> Recalculating:
        return Recalculating(
            asked or self.asked,
            rooms or self.rooms,
            Outbox("sla", publisher or self.line.publisher),
            self.line.rules,
            self.line.parking,
            self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    async def round(self, **parts: Any) -> int:
        """One of a worker that has just started."""
        return await self.worker(**parts).round(self.line.clock(), ALL)

    async def preview(self, district: District) -> Preview:
        clocks = stored_clocks(
            self.line.cases, behind(district, ANY_VERSION, self.line.clock())
        )
        rules = RulesOf(self.directory)
        return await preview(clocks, rules, district, self.line.clock(), most=50)

    async def declare(self, day: date = THURSDAY) -> Recalculation:
        return await self.apply(with_holiday(self.newest, day))

    async def apply(self, district: District) -> Recalculation:
        self.newest = district
        version = await self.directory.put(district, by="test", at=self.line.clock())
        assert version is not None
        return await self.asked.ask(
            district.id, version, cause=CAUSE, by="test", at=self.line.clock()
        )

    async def recalculated(self, ticket: str) -> list[SlaRecalculated]:
        """What Kafka has, each record once, however often it was sent."""
        told = {one.id: one.event for one in await self.line.told(ticket)}
        return [event for event in told.values() if isinstance(event, SlaRecalculated)]

    async def is_done(self, wanted: Recalculation) -> bool:
        stands = await self.asked.read(wanted)
        return stands is not None and stands.done_at is not None


@pytest.fixture
def holidays(line: Any, database: mongo.Database, directory: DirectoryStore) -> Holidays:
    return Holidays(line, database, directory)


async def test_the_preview_says_what_the_worker_then_does(line: Any, holidays: Holidays) -> None:
    ticket, late = await line.file(), await line.file()
    await line.deliver()
    await line.act(ticket, "acknowledge", "2026-03-02 11:00")
    await line.deliver()
    await line.look("2026-03-02 18:01")
    seen = await holidays.preview(with_holiday(line.district))
    assert (seen.clocks, seen.moving, seen.stuck, seen.at_once) == (2, 2, 0, 0)
    assert seen.furthest == timedelta(days=1)
    moves = {(one.ticket, one.what.limit): (one.what.before, one.what.after) for one in seen.moves}
    assert moves[ticket, "resolve"] == (ist("2026-03-09 18:00"), ist("2026-03-10 18:00"))
    assert (ticket, "acknowledge") not in moves, "it is met"
    assert not seen.stays, "the late acknowledgement's breach was before the holiday"

    wanted = await holidays.declare()
    assert await holidays.round() == 2
    for one in (ticket, late):
        room = await line.room(one)
        assert room["targets"]["resolve"]["due_at"] == ist("2026-03-10 18:00")
        assert room["deadline"] == ist("2026-03-10 18:00")
        assert room["directory_version"] == wanted.version
        (event,) = await holidays.recalculated(one)
        assert (event.cause, event.directory_version) == (CAUSE, wanted.version)
    assert holidays.woken == 1
    assert await holidays.is_done(wanted)
    assert await holidays.round() == 0
    assert len(await holidays.recalculated(ticket)) == 1
    breached = (await line.room(late))["targets"]["acknowledge"]
    assert breached["breached_at"] == breached["due_at"] == ist("2026-03-02 18:00")
    again = await holidays.preview(holidays.newest)
    assert (again.clocks, again.moving) == (2, 0)


async def test_a_recorded_breach_stays_and_is_told_beforehand(
    line: Any, holidays: Holidays
) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.look("2026-03-10 12:00")
    before = await line.room(ticket)
    assert before["targets"]["resolve"]["breached_at"] == ist("2026-03-09 18:00")
    seen = await holidays.preview(with_holiday(line.district))
    stays = {one.what.target: one.what.would_be for one in seen.stays}
    assert stays["resolve"] == ist("2026-03-10 18:00")
    await holidays.declare()
    await holidays.round()
    after = (await line.room(ticket))["targets"]["resolve"]
    assert after["breached_at"] == after["due_at"] == ist("2026-03-09 18:00")


async def test_what_is_past_by_the_new_limits_fires_at_once_with_its_due_instant(
    line: Any, holidays: Holidays
) -> None:
    """The holiday is taken back: what counted on it was due a day earlier."""
    wanted = await holidays.declare()
    ticket = await line.file(directory_version=wanted.version)
    await line.deliver()
    assert (await line.room(ticket))["deadline"] == ist("2026-03-10 18:00")
    await line.look("2026-03-10 12:00")
    back = replace(line.district, reopen_days=29)
    assert (await holidays.preview(back)).at_once == 1
    await holidays.apply(back)
    await holidays.round()
    await line.look()
    told = [one.event for one in await line.told(ticket)]
    at = [one.at for one in told if isinstance(one, SlaBreached) and one.target == "resolve"]
    assert at == [ist("2026-03-09 18:00")]
    done = await line.act(ticket, "note")
    assert done.at > ist("2026-03-10 12:00"), "nothing is stamped before the recalculation"


@pytest.mark.parametrize("after", [0, 2])
async def test_a_crash_before_any_of_the_writes_resumes(
    line: Any, holidays: Holidays, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(recalculating, "LIMIT", 2)
    cases = [await line.file() for _ in range(5)]
    await line.deliver()
    wanted = await holidays.declare()
    with pytest.raises(RuntimeError):
        await holidays.round(rooms=Before(holidays.rooms, "write", dies, after))
    assert not await holidays.is_done(wanted)
    assert await holidays.round() == 5 - 2 * after
    assert await holidays.is_done(wanted)
    for ticket in cases:
        assert len(await holidays.recalculated(ticket)) == 1


@pytest.mark.parametrize("where", ["publish", "trim", "done"])
async def test_a_crash_after_the_write_leaves_nothing_undone_and_nothing_doubled(
    line: Any, holidays: Holidays, where: str
) -> None:
    ticket = await line.file()
    await line.deliver()
    wanted = await holidays.declare()
    parts = {
        "publish": {"publisher": Before(line.publisher, "publish", is_away)},
        "trim": {"rooms": Before(holidays.rooms, "trim", dies)},
        "done": {"asked": Before(holidays.asked, "done", dies)},
    }
    with pytest.raises(Unavailable if where == "publish" else RuntimeError):
        await holidays.round(**parts[where])
    assert (await line.room(ticket))["directory_version"] == wanted.version
    assert len(await holidays.recalculated(ticket)) == (0 if where == "publish" else 1)
    assert not await holidays.is_done(wanted)
    assert await holidays.round() == 0
    assert await holidays.is_done(wanted)
    await Sweeper(line.rooms, Outbox("sla", line.publisher)).sweep(ist("2100-01-01 00:00"))
    assert len(await holidays.recalculated(ticket)) == 1
    room = await line.room(ticket)
    assert (room["outbox"], room.get("unsent_since")) == ([], None)


async def test_two_workers_at_once_tell_each_case_once(line: Any, holidays: Holidays) -> None:
    cases = [await line.file() for _ in range(8)]
    await line.deliver()
    await holidays.declare()
    moved = await asyncio.gather(*(holidays.round() for _ in range(3)))
    assert sum(moved) == 8
    for ticket in cases:
        assert len(await holidays.recalculated(ticket)) == 1


@pytest.mark.parametrize("step", ["read", "write"])
async def test_another_worker_is_first(line: Any, holidays: Holidays, step: str) -> None:
    """Between finding and reading, and between reading and writing."""
    ticket = await line.file()
    await line.deliver()
    await holidays.declare()
    assert await holidays.round(rooms=Before(holidays.rooms, step, holidays.round)) == 0
    assert len(await holidays.recalculated(ticket)) == 1


async def test_a_case_that_is_acted_upon_meanwhile_waits_until_the_clock_has_seen_it(
    line: Any, holidays: Holidays
) -> None:
    ticket = await line.file()
    await line.deliver()
    await holidays.declare()
    line.clock.now = ist("2026-03-02 11:00")

    async def act() -> None:
        await line.act(ticket, "acknowledge", "2026-03-02 11:00")

    assert await holidays.round(rooms=Before(holidays.rooms, "write", act)) == 0
    assert await holidays.round() == 0
    await line.deliver()
    assert await holidays.round() == 1
    (event,) = await holidays.recalculated(ticket)
    assert event.at > ist("2026-03-02 11:00")
    room = await line.room(ticket)
    assert room["met"]["acknowledge"] == ist("2026-03-02 11:00")
    assert room["deadline"] == ist("2026-03-10 18:00")


async def test_what_is_set_aside_waits(
    line: Any, holidays: Holidays, database: mongo.Database
) -> None:
    ticket = await line.file()
    await line.deliver()
    wanted = await holidays.declare()
    await database["parked"].insert_one({"_id": "x", "consumer": "sla", "key": ticket})
    line.parking.forget()
    assert await holidays.round() == 0
    assert not await holidays.is_done(wanted)
    await database["parked"].delete_one({"_id": "x"})
    line.parking.forget()
    assert await holidays.round() == 1
    assert await holidays.is_done(wanted)


async def test_what_cannot_be_moved_is_marked_and_tried_once_more_when_asked_again(
    line: Any, holidays: Holidays
) -> None:
    gone, other = await line.file("hand-pump"), await line.file("power-cut")
    await line.deliver()
    services = tuple(s for s in line.district.services if s.id != "hand-pump")
    without = replace(line.district, services=services)
    seen = await holidays.preview(without)
    assert [(ticket, "hand-pump" in why) for ticket, why in seen.unmovable] == [(gone, True)]
    wanted = await holidays.apply(without)
    assert await holidays.round() == 2, "one moved, one marked"
    assert await holidays.is_done(wanted)
    assert (await line.room(gone))["directory_version"] == 1
    assert (await line.room(other))["directory_version"] == wanted.version
    assert await holidays.recalculated(gone) == []
    assert await holidays.asked.unmovable(wanted, without, line.clock(), 9) == [gone]
    assert await holidays.round() == 0

    again = await holidays.asked.ask(
        without.id, wanted.version, cause="another", by="test", at=line.clock()
    )
    assert (again.cause, again.asked) == (CAUSE, 2)
    assert await holidays.round() == 1
    assert await holidays.is_done(again)
    await line.look("2026-03-10 12:00")
    told = [one.event for one in await line.told(gone)]
    assert any(isinstance(one, SlaBreached) for one in told), "its clock goes on as before"


async def test_of_ended_cases_only_those_are_moved_that_may_be_reopened(
    line: Any, holidays: Holidays
) -> None:
    old, new = await line.file(), await line.file()
    await line.deliver()
    ended = {old: "2026-03-02 12:00", new: "2026-03-20 12:00"}
    for ticket, at in ended.items():
        await line.act(ticket, "withdraw", at, role="citizen")
    await line.deliver()
    line.clock.now = ist("2026-03-02 12:00") + timedelta(days=line.district.reopen_days, hours=1)
    await holidays.declare()
    assert await holidays.round() == 1
    assert len(await holidays.recalculated(new)) == 1
    assert (await line.room(old))["directory_version"] == 1


async def test_the_newest_of_two_is_applied_once_and_who_comes_late_is_moved_too(
    line: Any, holidays: Holidays
) -> None:
    ticket = await line.file()
    await line.deliver()
    first = await holidays.declare()
    newest = await holidays.declare(date(2026, 3, 6))
    worker = holidays.worker()
    assert await worker.round(line.clock(), ALL) == 1
    (event,) = await holidays.recalculated(ticket)
    assert event.directory_version == newest.version
    assert (await line.room(ticket))["deadline"] == ist("2026-03-11 18:00")
    assert await holidays.is_done(first) and await holidays.is_done(newest)
    late = await line.file()  # by an intake that had the old version in its hands
    await line.deliver()
    assert await worker.round(line.clock(), ALL) == 0
    line.clock.advance(seconds=LOOK_AGAIN.total_seconds())
    assert await worker.round(line.clock(), ALL) == 1
    assert (await line.room(late))["directory_version"] == newest.version


async def test_only_the_workers_own_buckets_are_moved(line: Any, holidays: Holidays) -> None:
    ticket = await line.file()
    await line.deliver()
    bucket = (await line.room(ticket))["bucket"]
    wanted = await holidays.declare()
    others = [one for one in ALL if one != bucket]
    worker = holidays.worker()
    assert await worker.round(line.clock(), others) == 0
    assert await worker.round(line.clock(), []) == 0
    assert not await holidays.is_done(wanted)
    assert await worker.round(line.clock(), [bucket]) == 1
