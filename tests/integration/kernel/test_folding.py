"""A consumer that owns a room: in order, once, whatever is repeated, lost or written by somebody else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from services.kernel.adapters.rooms import ROUNDS
from services.kernel.domain.errors import Retry, Unavailable

LIFE = ["intake/1", "case/1", "case/2", "case/3", "sla/1"]


def ids(ticket: str, *names: str) -> list[str]:
    return [f"{ticket}/{name}" for name in names]


async def log(world: Any, ticket: str, room: str = "notices") -> list[str]:
    return [entry.partition("/")[2] for entry in (await world.room(ticket, room)).get("log", ())]


def in_order(numbers: list[int], last: int) -> bool:
    """Every number up to `last`, none before its predecessor; repeats are allowed."""
    highest = 0
    for n in numbers:
        if n > highest + 1:
            return False
        highest = max(highest, n)
    return highest == last


async def test_several_events_of_one_case_in_a_batch(world: Any) -> None:
    first, second = world.ticket(), world.ticket()
    one, two = world.life(first), world.life(second)
    mixed = [record for pair in zip(one, two, strict=True) for record in pair]
    assert await world.diary().handle(world.received(mixed)) == []
    for ticket in (first, second):
        assert await log(world, ticket) == LIFE
        room = await world.room(ticket, "notices")
        assert room["n"] == 5
        assert room["seen"] == {"intake": 1, "case": 3, "sla": 1}
        assert await world.published(ticket, "notices") == [1, 2, 3, 4, 5]


async def test_events_of_rooms_that_are_not_followed_change_nothing(world: Any) -> None:
    ticket = world.ticket()
    await world.diary().handle(world.received([world.record(ticket, "notices", 1)]))
    read = (await world.rooms("notices").read([ticket]))[ticket]
    assert not read.exists


async def test_a_type_that_is_not_used_is_numbered_all_the_same(world: Any) -> None:
    ticket = world.ticket()
    unused = world.record(ticket, "case", 2, "samvad.case.started.v1", state="x", by={"role": "head"})
    records = [world.record(ticket, "case", 1), unused, world.record(ticket, "case", 3)]
    await world.diary().handle(world.received(records))
    assert (await world.room(ticket, "notices"))["seen"]["case"] == 3
    assert await log(world, ticket) == ["case/1", "case/3"]


async def test_duplicates_are_dropped_and_the_stored_outbox_is_published_again(world: Any) -> None:
    ticket = world.ticket()
    life = world.life(ticket)
    await world.diary().handle(world.received([*life[:3], *life[:3]]))
    assert await log(world, ticket) == LIFE[:3]
    # another process, to which nothing was ever acknowledged, is given the same records again
    await world.diary().handle(world.received(life[:3]))
    assert await log(world, ticket) == LIFE[:3]
    assert (await world.room(ticket, "notices"))["n"] == 3
    assert await world.published(ticket, "notices") == [1, 2, 3, 1, 2, 3]


async def test_a_gap_is_neither_applied_nor_remembered(world: Any) -> None:
    ticket = world.ticket()
    life = world.life(ticket)
    consumer = world.diary()
    assert await consumer.handle(world.received([life[0], life[2], life[3]])) == []
    room = await world.room(ticket, "notices")
    assert room["seen"]["case"] == 0
    assert await log(world, ticket) == ["intake/1"]
    await consumer.handle(world.received(life[1:]))
    assert await log(world, ticket) == LIFE


async def test_two_consumers_of_one_room_at_once(world: Any) -> None:
    cases = [world.ticket() for _ in range(25)]
    batch = world.received([record for ticket in cases for record in world.life(ticket)])
    answers = await asyncio.gather(*(world.diary().handle(batch) for _ in range(2)))
    assert answers == [[], []]
    topic = await world.records()
    for ticket in cases:
        assert await log(world, ticket) == LIFE
        mine = [r.header("ce_id") or "" for r in topic if r.key == ticket.encode()]
        numbers = [int(i.rpartition("/")[2]) for i in mine if "/notices/" in i]
        assert in_order(numbers, 5), numbers


async def test_a_loser_folds_again_on_what_the_winner_wrote(world: Any) -> None:
    ticket = world.ticket()
    life = world.life(ticket)
    winner, rooms = world.diary(), world.interrupted("notices")
    rooms.before_write.append(lambda: winner.handle(world.received(life[:2])))
    await world.diary(rooms=rooms).handle(world.received(life))
    assert rooms.writes == 2
    assert await log(world, ticket) == LIFE
    assert (await world.room(ticket, "notices"))["n"] == 5


async def test_losers_alone_are_folded_again(world: Any) -> None:
    won, lost = world.ticket(), world.ticket()
    batch = [world.record(won, "intake", 1), world.record(lost, "intake", 1)]
    rooms = world.interrupted("notices")
    rooms.before_write.append(lambda: world.set_fields(lost, "sla", armed=True))
    await world.diary(rooms=rooms).handle(world.received(batch))
    assert await log(world, won) == await log(world, lost) == ["intake/1"]
    assert await world.published(won, "notices") == await world.published(lost, "notices") == [1]


async def test_who_never_wins_is_handed_back_as_a_retry(world: Any) -> None:
    ticket = world.ticket()
    rooms = world.interrupted("notices")
    for n in range(ROUNDS):
        rooms.before_write.append(lambda n=n: _elsewhere(world, ticket, n + 1))
    with pytest.raises(Retry):
        await world.diary(rooms=rooms).handle(world.received([world.record(ticket, "intake", 1)]))
    assert await log(world, ticket) == []
    assert await world.published(ticket, "notices") == []


async def _elsewhere(world: Any, ticket: str, seen: int) -> None:
    rooms = world.rooms("notices")
    draft = (await rooms.read([ticket]))[ticket]
    draft.seen["sla"] = seen
    assert await rooms.write([draft]) == set()


async def test_a_crash_between_write_and_publish_is_made_good_by_redelivery(world: Any) -> None:
    ticket = world.ticket()
    batch = world.received(world.life(ticket))
    world.publisher.down = True
    with pytest.raises(Unavailable):
        await world.diary().handle(batch)
    assert await log(world, ticket) == LIFE
    assert await world.published(ticket, "notices") == []
    world.publisher.down = False
    await world.diary().handle(batch)
    assert await log(world, ticket) == LIFE
    assert await world.published(ticket, "notices") == [1, 2, 3, 4, 5]


async def test_a_lost_answer_repeats_numbers_and_never_skips_one(world: Any) -> None:
    ticket = world.ticket()
    life = world.life(ticket)
    consumer = world.diary()
    world.publisher.lose_next_answer = True
    with pytest.raises(Unavailable):
        await consumer.handle(world.received(life[:2]))
    await consumer.handle(world.received(life))
    assert await world.published(ticket, "notices") == [1, 2, 1, 2, 3, 4, 5]
    assert await log(world, ticket) == LIFE


async def test_a_writer_trims_only_what_it_has_seen_acknowledged(world: Any) -> None:
    ticket = world.ticket()
    life = world.life(ticket)
    first, second = world.diary(), world.diary()
    await first.handle(world.received(life[:2]))
    # the same process: its own acknowledged numbers leave with its next write
    await first.handle(world.received(life[2:3]))
    assert [e["n"] for e in (await world.room(ticket, "notices"))["outbox"]] == [3]
    # another one has seen nothing acknowledged, and sends what it found before its own
    await second.handle(world.received(life[3:]))
    assert [e["n"] for e in (await world.room(ticket, "notices"))["outbox"]] == [3, 4, 5]
    assert await world.published(ticket, "notices") == [1, 2, 3, 3, 4, 5]


@pytest.mark.parametrize("how", ["poison", "faulty"])
async def test_a_bad_record_stops_its_own_case_only(world: Any, how: str) -> None:
    bad, good = world.ticket(), world.ticket()
    one, two = world.life(bad), world.life(good)
    consumer = world.diary()
    getattr(consumer.core, how).add(f"{bad}/case/2")
    failures = await consumer.handle(world.received([*one, *two]))
    assert [str(f.received.id) for f in failures] == [f"{bad}/case/2"]
    assert failures[0].rejected is (how == "poison")
    assert await log(world, bad) == ["intake/1", "case/1"]
    assert await log(world, good) == LIFE
    assert await world.published(bad, "notices") == [1, 2]


async def test_a_value_that_no_one_needs_to_read_harms_nobody(world: Any) -> None:
    """A doubled or early number is known by its number: its value is never looked at."""
    ticket = world.ticket()
    guard = world.guard("diary", world.diary())
    life = world.life(ticket)
    await guard.handle(life)
    rubbish = [
        replace(world.record(ticket, "intake", 1), value=b"xx"),
        replace(world.record(ticket, "case", 50), value=b"{}"),
    ]
    await guard.handle([*rubbish, world.record(ticket, "case", 4)])
    assert await log(world, ticket) == [*LIFE, "case/4"]
    assert await world.parking("diary").waiting(ticket) == []
