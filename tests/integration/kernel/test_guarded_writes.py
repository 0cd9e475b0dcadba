"""The guarded write of a room: of two writers one loses, and is told so exactly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest


async def _read(world: Any, ticket: str, room: str = "notices") -> Any:
    return (await world.rooms(room).read([ticket]))[ticket]


def _tell(world: Any, draft: Any, *numbers: int) -> None:
    for n in numbers:
        entry = {"n": n, "type": "t", "time": world.clock(), "value": b"{}", "tp": ""}
        draft.outbox.append(entry)
        draft.n = n


async def test_a_first_write_makes_the_document_with_its_counters(world: Any) -> None:
    ticket = world.ticket()
    draft = await _read(world, ticket)
    assert (draft.exists, draft.n, draft.seen) == (False, 0, {"intake": 0, "case": 0, "sla": 0})
    draft.room["log"] = ["a"]
    draft.seen["intake"] = 1
    _tell(world, draft, 1)
    assert await world.rooms("notices").write([draft]) == set()

    again = await _read(world, ticket)
    assert (again.exists, again.n, again.seen["intake"]) == (True, 1, 1)
    assert again.room == {"log": ["a"]}
    assert [entry["n"] for entry in again.outbox] == [1]


async def test_a_first_write_makes_nothing_of_a_room_that_it_only_guards(world: Any) -> None:
    ticket = world.ticket()
    draft = await _read(world, ticket, "case")
    draft.room["state"] = "assigned"
    draft.guards["sla.last_fired"] = None
    assert await world.rooms("case").write([draft]) == set()
    assert set(await world.document(ticket)) - {"_id"} == {"case"}


async def test_rooms_that_meet_a_new_case_at_once_all_win(world: Any) -> None:
    ticket = world.ticket()
    mine = await _read(world, ticket, "notices")
    other = await _read(world, ticket, "sla")
    other.room["armed"] = True
    assert await world.rooms("sla").write([other]) == set()
    mine.room["log"] = ["a"]
    _tell(world, mine, 1)
    late = await _read(world, world.ticket(), "notices")
    late.ticket, late.room["log"] = ticket, ["b"]
    assert not mine.exists
    assert await world.rooms("notices").write([mine]) == set()
    assert await world.rooms("notices").write([late]) == {0}, "of one room the second still loses"
    document = await world.document(ticket)
    assert document["sla"]["armed"] is True
    assert document["notices"]["log"] == ["a"]


@pytest.mark.parametrize("what", ["n", "seen"])
async def test_of_two_drafts_of_one_state_the_second_loses(world: Any, what: str) -> None:
    ticket = world.ticket()
    await world.set_fields(ticket, "notices", log=[])
    first, second = await _read(world, ticket), await _read(world, ticket)
    for draft, mark in ((first, "first"), (second, "second")):
        draft.room["log"] = [mark]
        if what == "n":
            _tell(world, draft, 1)
        else:
            draft.seen["case"] = 1
    rooms = world.rooms("notices")
    assert await rooms.write([first]) == set()
    assert await rooms.write([second]) == {0}
    assert (await _read(world, ticket)).room["log"] == ["first"]


async def test_a_bulk_names_its_losers_by_position(world: Any) -> None:
    tickets = [world.ticket() for _ in range(6)]
    rooms = world.rooms("notices")
    drafts = [await _read(world, ticket) for ticket in tickets]
    others = [await _read(world, tickets[position]) for position in (1, 4)]
    for draft in others:
        draft.room["log"] = ["other"]
        _tell(world, draft, 1)
    assert await rooms.write(others) == set()
    for draft in drafts:
        draft.room["log"] = ["mine"]
    assert await rooms.write(drafts) == {1, 4}
    now = await rooms.read(tickets)
    assert [now[t].room["log"][0] for t in tickets] == ["mine", "other", "mine", "mine", "other", "mine"]


async def test_two_drafts_of_one_case_in_one_bulk_only_the_first_is_written(world: Any) -> None:
    ticket = world.ticket()
    await world.set_fields(ticket, "notices", log=[])
    drafts = [await _read(world, ticket), await _read(world, ticket)]
    for draft, mark in zip(drafts, ("a", "b"), strict=True):
        draft.room["log"] = [mark]
        _tell(world, draft, 1)
    assert await world.rooms("notices").write(drafts) == {1}
    assert (await _read(world, ticket)).room["log"] == ["a"]


@pytest.mark.parametrize("stored", [None, "instant"])
@pytest.mark.parametrize("required", [None, "instant", "other"])
async def test_a_guard_on_another_room(world: Any, stored: Any, required: Any) -> None:
    ticket = world.ticket()
    instants = {None: None, "instant": world.clock(), "other": world.clock() + timedelta(seconds=1)}
    fields = {} if stored is None else {"last_fired": instants[stored]}
    await world.set_fields(ticket, "sla", **fields)
    await world.set_fields(ticket, "case", state="assigned")
    draft = await _read(world, ticket, "case")
    draft.room["state"] = "acknowledged"
    draft.guards["sla.last_fired"] = instants[required]
    holds = stored == required
    assert await world.rooms("case").write([draft]) == (set() if holds else {0})
    state = (await world.room(ticket, "case"))["state"]
    assert state == ("acknowledged" if holds else "assigned")


async def test_a_history_grows_and_a_changed_history_is_replaced(world: Any) -> None:
    ticket = world.ticket()
    await world.set_fields(ticket, "case", history=[{"n": 1}])
    await world.set_fields(ticket, "case", history=[{"n": 1}, {"n": 2}, {"n": 3}])
    assert (await world.room(ticket, "case"))["history"] == [{"n": 1}, {"n": 2}, {"n": 3}]
    await world.set_fields(ticket, "case", history=[{"n": 1, "erased": True}])
    assert (await world.room(ticket, "case"))["history"] == [{"n": 1, "erased": True}]


async def test_only_what_was_acknowledged_is_trimmed(world: Any) -> None:
    ticket = world.ticket()
    rooms = world.rooms("notices")
    draft = await _read(world, ticket)
    _tell(world, draft, 1, 2, 3)
    draft.unsent_since = world.clock()
    await rooms.write([draft])
    await rooms.trim([(ticket, 2)])
    room = await world.room(ticket, "notices")
    assert [entry["n"] for entry in room["outbox"]] == [3]
    assert room["unsent_since"] == world.clock()
    assert await rooms.backlog() == 1

    await rooms.trim([(ticket, 3), (world.ticket(), 1)])
    room = await world.room(ticket, "notices")
    assert room["outbox"] == []
    assert "unsent_since" not in room
    assert await rooms.backlog() == 0
    assert room["n"] == 3


async def test_the_unsent_are_found_by_age_oldest_first(world: Any) -> None:
    rooms = world.rooms("notices")
    ages = {world.ticket(): minutes for minutes in (5, 9, 1, 7)}
    for ticket, minutes in ages.items():
        draft = await _read(world, ticket)
        _tell(world, draft, 1)
        draft.unsent_since = world.clock() - timedelta(minutes=minutes)
        await rooms.write([draft])
    found = await rooms.unsent(world.clock() - timedelta(minutes=2), 2)
    assert sorted(ages[ticket] for ticket in found) == [7, 9]
    assert len(await rooms.unsent(world.clock() - timedelta(minutes=2), 10)) == 3


async def test_what_is_due_waits_until_the_room_has_seen_all_that_others_announced(world: Any) -> None:
    now = world.clock()
    due, behind, later, strange = (world.ticket() for _ in range(4))
    for ticket, bucket, seconds in ((due, 3, -2), (behind, 3, -9), (later, 4, 7), (strange, 5, -5)):
        await world.set_fields(
            ticket, "sla", next_at=now + timedelta(seconds=seconds), bucket=bucket
        )
    rooms = world.rooms("case")
    drafts = await rooms.read([behind])
    _tell(world, drafts[behind], 1)
    await rooms.write(list(drafts.values()))
    # room `sla` of `behind` has not seen case/1
    found, next_at = await world.rooms("sla").due([3, 4], now, 10)
    assert [draft.ticket for draft in found] == [due]
    assert next_at == now + timedelta(seconds=7)
    # at the due instant itself it is not due yet
    found, next_at = await world.rooms("sla").due([3], now - timedelta(seconds=2), 10)
    assert [draft.ticket for draft in found] == []
    assert next_at == now - timedelta(seconds=2)
