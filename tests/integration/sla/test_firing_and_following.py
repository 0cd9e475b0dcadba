"""The guarded write: what the clock says after being down, behind, doubled or cut off half-way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.adapters import mongo
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.contracts.codec import Message, Record, receive
from services.kernel.contracts.events import EVENTS
from services.kernel.domain.errors import Unavailable
from services.kernel.testing.memory import (
    ManualClock,
    MemoryBroker,
    MemoryCases,
    MemoryParking,
    MemoryRooms,
)
from services.sla.adapters.firing import Firing
from services.sla.adapters.room import READS, SlaRoom
from services.sla.testing import ist, lines
from tests.integration.sla.interrupted import Interrupted

TICK = timedelta(milliseconds=1)
ACKNOWLEDGE = [
    "2026-03-02 16:00 warning acknowledge",
    "2026-03-02 18:00 breach acknowledge",
    "2026-03-02 18:00 acknowledge to officer",
    "2026-03-03 11:00 acknowledge to head",
]
"""What is said of a hand pump filed on Monday 2 March at 10:00, until Tuesday noon."""


class Away:
    """Kafka when nobody answers."""

    async def publish(self, messages: Sequence[Message]) -> None:
        raise Unavailable("Kafka")


async def said(line: Any, ticket: str) -> list[str]:
    told = await line.told(ticket)
    assert [one.id.n for one in told] == list(range(1, len(told) + 1))
    for one in told:
        assert one.time == one.event.at
    return lines([one.event for one in told])


async def test_a_case_is_armed_by_what_was_filed(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    room = await line.room(ticket)
    assert room["deadline"] == ist("2026-03-09 18:00")
    assert room["next_at"] == ist("2026-03-02 16:00")
    assert (room["n"], room["seen"]) == (0, {"intake": 1, "case": 1, "notices": 0})
    assert (room["policy"], room["calendar"]) == ("water", "office")
    taken, following = await line.look("2026-03-02 16:00")
    assert (taken, following) == (0, ist("2026-03-02 16:00"))
    taken, following = await line.look("2026-03-02 16:01")
    assert (taken, following) == (1, None)  # what was armed anew in this look is seen by the next
    assert (await line.look())[1] == ist("2026-03-02 18:00")
    assert await said(line, ticket) == ACKNOWLEDGE[:1]


async def test_resolved_in_time_while_the_clock_was_down_is_no_breach(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.act(ticket, "acknowledge", "2026-03-02 11:00")
    await line.act(ticket, "resolve", "2026-03-02 12:00")
    # weeks later the clock is back, before it has heard of anything
    assert (await line.look("2026-03-20 10:00"))[0] == 0
    assert (await line.room(ticket))["n"] == 0
    await line.deliver()
    assert (await line.room(ticket))["seen"]["case"] == 3
    assert (await line.look())[0] == 1
    room = await line.room(ticket)
    assert "next_at" not in room  # nor is it in the index
    assert await said(line, ticket) == ["2026-03-09 12:00 lapsed"]


async def test_resolved_too_late_while_the_clock_was_down_is_a_breach(line: Any) -> None:
    """The clock learns of the lateness from the act itself, and says the true instants."""
    ticket = await line.file()
    await line.deliver()
    await line.act(ticket, "start", "2026-03-03 12:00")
    assert (await line.look("2026-03-03 12:30"))[0] == 0
    await line.deliver()
    assert await said(line, ticket) == ACKNOWLEDGE
    room = await line.room(ticket)
    assert room["targets"]["acknowledge"]["breached_at"] == ist("2026-03-02 18:00")
    assert room["targets"]["acknowledge"]["met_at"] == ist("2026-03-03 12:00")
    assert room["last_fired"] == ist("2026-03-03 11:00")
    # the same records again: the same events again, none anew
    line.taken.clear()
    await line.deliver()
    told = await line.told(ticket)
    assert {one.id.n for one in told} == {1, 2, 3, 4}
    assert (await line.room(ticket))["n"] == 4
    assert (await line.look())[0] == 0


async def test_it_fires_after_it_has_caught_up(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.act(ticket, "note", "2026-03-02 12:00")  # of no use to the clock, yet it is numbered
    assert (await line.look("2026-03-03 12:00"))[0] == 0
    await line.deliver()
    assert (await line.look())[0] == 1
    assert await said(line, ticket) == ACKNOWLEDGE


async def test_what_notify_has_announced_and_the_clock_has_not_seen_holds_it_too(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.cases.update_one({"_id": ticket}, {"$set": {"notices": {"n": 1, "seen": {}}}})
    assert (await line.look("2026-03-03 12:00"))[0] == 0
    await line.cases.update_one({"_id": ticket}, {"$set": {"sla.seen.notices": 1}})
    assert (await line.look())[0] == 1


async def test_without_a_room_case_it_fires_all_the_same(line: Any) -> None:
    ticket = await line.file(routed=False)  # routing is down
    await line.deliver()
    assert (await line.look("2026-03-03 12:00"))[0] == 1
    assert await said(line, ticket) == ACKNOWLEDGE
    assert (await line.room(ticket))["seen"]["case"] == 0


async def test_routing_that_comes_between_the_look_and_the_write_wins(line: Any) -> None:
    ticket = await line.file(routed=False)
    await line.deliver()
    event = receive((await line.records())[0], EVENTS).event
    interrupted = Interrupted(line.rooms, lambda: line.route(event))
    await line.look("2026-03-03 12:00", firing=line.make_firing(interrupted))
    assert (await line.room(ticket))["n"] == 0
    await line.deliver()
    await line.look()
    assert await said(line, ticket) == ACKNOWLEDGE


async def test_an_act_that_comes_between_the_look_and_the_write_wins(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    line.clock.now = ist("2026-03-02 18:00")
    interrupted = Interrupted(line.rooms, lambda: line.act(ticket, "acknowledge"))
    await line.firing.fire(ist("2026-03-02 18:00") - TICK, range(256), 500)  # the warning
    firing = line.make_firing(interrupted)
    await firing.fire(ist("2026-03-02 18:00") + TICK, range(256), 500)
    assert (await line.room(ticket))["n"] == 1
    await line.deliver()
    await line.look("2026-03-02 19:00")
    assert await said(line, ticket) == ACKNOWLEDGE[:1]
    assert (await line.room(ticket))["targets"]["acknowledge"]["breached_at"] is None


async def test_ten_missed_deadlines_come_once_each_in_due_order(line: Any) -> None:
    tickets = []
    for hour in range(10):
        line.clock.now = ist(f"2026-03-05 {10 + hour % 7}:{hour:02d}")
        tickets.append(await line.file("power-cut", priority="emergency"))
    await line.deliver()
    due = {t: (await line.room(t))["next_at"] for t in tickets}
    order: list[str] = []
    line.clock.now = ist("2026-03-20 10:00")
    while (await line.look(limit=1))[0]:
        order += [t for t in tickets if t not in order and (await line.room(t))["n"]]
    assert order == sorted(tickets, key=lambda t: due[t])
    assert (await line.look())[0] == 0
    records = [receive(record, EVENTS) for record in await line.records()]
    for ticket in tickets:
        told = [one for one in records if (one.id.ticket, one.id.room) == (ticket, "sla")]
        assert [one.id.n for one in told] == list(range(1, 19))
        instants = [one.time for one in told]
        assert instants == sorted(instants)
        assert instants[0] == due[ticket]
        assert len({(one.type, one.event.target, getattr(one.event, "rung", 0)) for one in told}) == 18


async def test_two_clocks_with_the_same_buckets_fire_each_rung_once(line: Any) -> None:
    tickets = [await line.file() for _ in range(40)]
    await line.deliver()
    line.clock.now = ist("2026-03-03 12:00")
    clocks = [line.make_firing() for _ in range(3)]
    for _ in range(3):
        await asyncio.gather(*(line.look(firing=firing) for firing in clocks))
    records = [receive(record, EVENTS) for record in await line.records()]
    told = [str(one.id) for one in records if one.id.room == "sla"]
    assert sorted(told) == sorted(f"{t}/sla/{n}" for t in tickets for n in (1, 2, 3, 4))
    assert {(await line.room(t))["n"] for t in tickets} == {4}
    assert await line.rooms.backlog() == 0


async def test_a_consumer_and_the_loop_at_once_say_each_rung_once(line: Any) -> None:
    tickets = [await line.file() for _ in range(20)]
    await line.deliver()
    for ticket in tickets:
        await line.act(ticket, "start", "2026-03-03 12:00")
    await asyncio.gather(line.deliver(), *(line.look() for _ in range(5)))
    await line.look()
    records = [receive(record, EVENTS) for record in await line.records()]
    told = {str(one.id) for one in records if one.id.room == "sla"}
    assert told == {f"{t}/sla/{n}" for t in tickets for n in (1, 2, 3, 4)}
    assert {(await line.room(t))["n"] for t in tickets} == {4}


async def test_a_parked_case_is_not_fired_and_stands_in_nobodys_way(line: Any) -> None:
    parked = [await line.file() for _ in range(3)]
    line.clock.advance(minutes=1)
    free = [await line.file() for _ in range(2)]
    await line.deliver()
    for offset, ticket in enumerate(parked):
        headers = (
            ("ce_id", f"{ticket}/case/9".encode()),
            ("ce_type", b"samvad.case.noted.v1"),
            ("ce_time", b"2026-03-02T04:30:00+00:00"),
        )
        record = Record("samvad.complaints.v1", 0, 10**9 + offset, ticket.encode(), headers, b"?")
        await line.parking.park([(record, "undecodable")])
    # the parked ones are due first and would take both places of a look
    assert (await line.look("2026-03-02 17:00", limit=2))[0] == 2
    assert [(await line.room(t))["n"] for t in free] == [1, 1]
    assert [(await line.room(t))["n"] for t in parked] == [0, 0, 0]
    assert (await line.look())[0] == 0
    for record in [r for t in parked for r in await line.parking.waiting(t)]:
        await line.parking.release(record)
    assert (await line.look())[0] == 3


async def test_a_timer_that_cannot_be_read_stands_in_nobodys_way(line: Any) -> None:
    broken = await line.file()
    line.clock.advance(minutes=1)
    sound = await line.file()
    await line.deliver()
    await line.cases.update_one({"_id": broken}, {"$unset": {"sla.targets": ""}})
    assert (await line.look("2026-03-02 17:00", limit=1))[0] == 1
    assert (await line.room(sound))["n"] == 1
    assert (await line.room(broken))["n"] == 0
    assert (await line.look(limit=1))[0] == 0


async def test_a_version_that_is_not_in_the_store_holds_only_its_own_cases(line: Any) -> None:
    lost = await line.file()
    sound = await line.file()
    await line.deliver()
    await line.cases.update_one({"_id": lost}, {"$set": {"sla.directory_version": 7}})
    assert (await line.look("2026-03-02 17:00"))[0] == 1
    assert (await line.room(sound))["n"] == 1


async def test_what_was_written_and_not_published_is_swept(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    with pytest.raises(Unavailable):
        await line.look("2026-03-02 17:00", firing=line.make_firing(publisher=Away()))
    room = await line.room(ticket)
    assert room["unsent_since"] == ist("2026-03-02 17:00")
    assert [entry["n"] for entry in room["outbox"]] == [1]
    assert await line.rooms.backlog() == 1
    # Kafka stays away over the next rungs: everything waits in its order
    with pytest.raises(Unavailable):
        await line.look("2026-03-03 12:00", firing=line.make_firing(publisher=Away()))
    room = await line.room(ticket)
    assert room["unsent_since"] == ist("2026-03-02 17:00")  # the oldest
    assert await said(line, ticket) == []
    sweeper = Sweeper(line.rooms, Outbox("sla", line.publisher))
    assert await sweeper.sweep(ist("2026-03-02 17:00")) == 0
    assert await sweeper.sweep(ist("2026-03-02 17:00") + TICK) == 1
    assert await said(line, ticket) == ACKNOWLEDGE
    room = await line.room(ticket)
    assert "unsent_since" not in room
    assert room["outbox"] == []
    assert await line.rooms.backlog() == 0


async def test_an_act_after_firing_is_stamped_later_than_what_was_fired(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.look("2026-03-02 18:00:00.500")
    done = await line.act(ticket, "acknowledge", "2026-03-02 17:59:59")  # a clock that is behind
    assert done.at == ist("2026-03-02 18:00") + TICK
    await line.deliver()
    room = await line.room(ticket)
    assert room["targets"]["acknowledge"]["met_at"] == done.at
    assert room["targets"]["acknowledge"]["breached_at"] == ist("2026-03-02 18:00")


async def test_an_act_that_loses_to_the_clock_is_stamped_anew(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    line.clock.now = ist("2026-03-02 18:00")

    async def fires() -> None:
        await line.firing.fire(ist("2026-03-02 18:00") + TICK, range(256), 500)

    line.store = line.make_store(Interrupted(line.case_rooms, fires))
    done = await line.act(ticket, "acknowledge")
    assert done.at == ist("2026-03-02 18:00") + TICK
    assert (await said(line, ticket)) == ACKNOWLEDGE[:3]


async def test_a_whole_life_and_its_replay_into_an_empty_store_say_the_same(line: Any) -> None:
    ticket = await line.file(block="akaltara")
    for at, action, data in (
        ("2026-03-02 11:00", "acknowledge", {}),
        ("2026-03-03 10:00", "transfer", {"department": "pwd", "office": "pwd-district",
                                          "directory_version": 1, "reason": "", "role": "head"}),
        ("2026-03-05 18:30", "start", {}),
        ("2026-03-06 10:00", "change_service", {"service": "road", "department": "pwd"}),
        ("2026-03-27 10:00", "resolve", {}),
        ("2026-03-30 11:00", "reopen", {"role": "citizen"}),
        ("2026-04-01 11:00", "start", {}),
        ("2026-04-02 11:00", "resolve", {}),
        ("2026-04-03 11:00", "confirm", {"role": "citizen"}),
    ):  # fmt: skip
        await line.deliver()
        await line.look(at)
        await line.act(ticket, action, at, **data)
    await line.deliver()
    await line.look("2026-06-01 10:00")
    lived = await line.room(ticket)
    told = await line.told(ticket)
    assert {one.type.split(".")[2] for one in told} == {"warned", "breached", "escalated"}

    cases, broker = MemoryCases(), MemoryBroker()
    rooms = MemoryRooms(cases, "sla", READS)
    outbox = Outbox("sla", broker)
    guard = Guard("sla", RoomConsumer(SlaRoom(line.rules), rooms, outbox), MemoryParking())
    await guard.handle([r for r in await line.records() if b"/sla/" not in dict(r.headers)["ce_id"]])
    clock = ManualClock(ist("2026-06-01 10:00"))
    await Firing(rooms, outbox, line.rules, MemoryParking()).fire(clock(), range(256), 500)
    replayed = cases.documents[ticket]["sla"]
    own = {"n", "seen", "outbox", "unsent_since"}
    assert {k: v for k, v in replayed.items() if k not in own} == {
        k: v for k, v in lived.items() if k not in own
    }
    again = [receive(record, EVENTS) for record in broker.records("samvad.complaints.v1")]
    assert [one.event for one in again] == [one.event for one in told]
    assert [one.id for one in again] == [one.id for one in told]


async def test_a_store_that_is_away_is_told_as_such(line: Any) -> None:
    gone = mongo.connect("mongodb://127.0.0.1:9/?replicaSet=rs0", "none", timeout_seconds=0.05)
    firing = line.make_firing(type(line.rooms)(gone["cases"], "sla", READS))
    with pytest.raises(Unavailable):
        await firing.fire(line.clock(), range(256), 10)
    mongo.close(gone)
