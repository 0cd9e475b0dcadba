"""Poison parks its case for one consumer: order is kept, nothing is lost, nobody else is harmed."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from services.kernel.adapters.guard import key_of
from services.kernel.adapters.kafka import read_whole
from services.kernel.adapters.parking import COLLECTION
from services.kernel.contracts.codec import Record
from services.kernel.contracts.events import RecordDead
from services.kernel.contracts.topics import DEAD_LETTERS
from services.kernel.domain.errors import Unavailable


async def log(world: Any, ticket: str) -> list[str]:
    return [entry.partition("/")[2] for entry in (await world.room(ticket, "notices"))["log"]]


@pytest.mark.parametrize("how", ["poison", "faulty"])
async def test_a_parked_case_is_drained_in_order_before_newer_records(world: Any, how: str) -> None:
    bad, good = world.ticket(), world.ticket()
    consumer = world.diary()
    getattr(consumer.core, how).add(f"{bad}/case/1")
    guard = world.guard("notify", consumer)
    life = world.life(bad)
    await guard.handle([*life[:3], *world.life(good)])
    assert await log(world, bad) == ["intake/1"]
    assert await log(world, good) == ["intake/1", "case/1", "case/2", "case/3", "sla/1"]
    # what comes later waits behind it
    await guard.handle(life[3:])
    assert await log(world, bad) == ["intake/1"]
    parking = world.parking("notify")
    assert await parking.waiting(bad) == life[1:]

    assert await guard.drain([0]) == 0
    getattr(consumer.core, how).clear()
    await world.requeue("notify", bad)
    assert await guard.drain([0]) == 4
    await guard.handle([world.record(bad, "case", 4)])
    assert await log(world, bad) == ["intake/1", "case/1", "case/2", "case/3", "sla/1", "case/4"]
    assert await parking.parked_keys([bad, good]) == set()


async def test_what_is_rejected_again_stays_with_all_behind_it(world: Any) -> None:
    bad = world.ticket()
    consumer = world.diary()
    consumer.core.poison |= {f"{bad}/case/1", f"{bad}/case/3"}
    guard = world.guard("notify", consumer)
    life = world.life(bad)
    await guard.handle(life)
    consumer.core.poison = {f"{bad}/case/3"}
    await world.requeue("notify", bad)
    assert await guard.drain([0]) == 2
    assert await guard.drain([0]) == 0
    assert await world.parking("notify").waiting(bad) == life[3:]
    assert await log(world, bad) == ["intake/1", "case/1", "case/2"]
    consumer.core.poison = set()
    await world.requeue("notify", bad)
    assert await guard.drain([0]) == 2
    assert (await log(world, bad))[3:] == ["case/3", "sla/1"]


async def test_a_case_is_parked_for_one_consumer_only(world: Any) -> None:
    bad = world.ticket()
    sick, well = world.diary(), world.diary()
    sick.core.poison.add(f"{bad}/case/1")
    life = world.life(bad)
    await world.guard("sla", sick).handle(life)
    assert await world.parking("notify").parked_keys([bad]) == set()
    await world.guard("notify", well).handle(life)
    assert len(await log(world, bad)) == 5
    # a requeue for one does not drain the other's
    await world.requeue("notify", bad)
    assert await world.guard("sla", sick).drain([0]) == 0


async def test_bytes_that_are_no_event_are_kept_as_they_were(world: Any) -> None:
    ticket = world.ticket()
    good = world.record(ticket, "intake", 1)
    bad = replace(world.record(ticket, "case", 1), value=b"\xff\x00{", headers=(("ce_id", b"\xff"),))
    nothing = Record(good.topic, 0, bad.offset + 1000, None, (), None)
    guard = world.guard("notify", world.diary())
    await guard.handle([good, bad, nothing, world.record(ticket, "case", 1)])
    assert await log(world, ticket) == ["intake/1", "case/1"], "they are no event of this case"
    parking = world.parking("notify")
    assert await parking.waiting(ticket) == []
    assert await parking.waiting(key_of(bad)) == [bad]
    assert await parking.waiting(key_of(nothing)) == [nothing]


async def test_parking_twice_changes_nothing(world: Any) -> None:
    bad = world.ticket()
    consumer = world.diary()
    consumer.core.poison.add(f"{bad}/case/1")
    guard = world.guard("notify", consumer)
    life = world.life(bad)
    await guard.handle(life[:3])
    # the offsets were not committed: it all comes again, with more
    await guard.handle(life)
    waiting = await world.parking("notify").waiting(bad)
    assert [r for r in waiting if r.offset >= life[1].offset] == life[1:]
    consumer.core.poison.clear()
    await world.requeue("notify", bad)
    await guard.drain([0])
    assert await log(world, bad) == ["intake/1", "case/1", "case/2", "case/3", "sla/1"]


async def test_a_drain_that_was_cut_short_goes_on(world: Any) -> None:
    bad = world.ticket()
    consumer = world.diary()
    consumer.core.poison.add(f"{bad}/case/1")
    guard = world.guard("notify", consumer)
    life = world.life(bad)
    await guard.handle(life[:2])
    await world.requeue("notify", bad)
    await guard.handle(life[2:])  # parked after the mark
    consumer.core.poison.clear()
    rooms = world.interrupted("notices")
    consumer._rooms = rooms

    async def away() -> None:
        raise Unavailable("the store")

    rooms.before_write += [lambda: asyncio.sleep(0), away]
    with pytest.raises(Unavailable):
        await guard.drain([0])
    assert await log(world, bad) == ["intake/1", "case/1"]
    assert await guard.drain([0]) == 3
    assert len(await log(world, bad)) == 5


async def test_drains_belong_to_the_owner_of_the_partition(world: Any) -> None:
    bad = world.ticket()
    consumer = world.diary()
    consumer.core.poison.add(f"{bad}/intake/1")
    guard = world.guard("notify", consumer)
    await guard.handle([world.record(bad, "intake", 1, partition=7)])
    consumer.core.poison.clear()
    await world.requeue("notify", bad)
    assert await guard.drain([0, 1, 2]) == 0
    assert await guard.drain([7]) == 1


async def test_the_copy_on_the_topic_holds_the_original_bytes(real: Any) -> None:
    ticket = real.ticket()
    headers = (("ce_id", b"\xff\x00"), ("empty", b""))
    bad = replace(real.record(ticket, "case", 1), value=b"\x00\xff", headers=headers)
    real.publisher.down = True
    guard = real.guard("notify", real.diary())
    handling = asyncio.create_task(guard.handle([bad]))
    await asyncio.sleep(0)
    real.publisher.down = False
    await handling
    copies = [r async for r in read_whole(real.kafka, DEAD_LETTERS) if r.key == ticket.encode()]
    assert copies
    dead = RecordDead.model_validate_json(copies[-1].value or b"")
    assert (dead.consumer, dead.partition, dead.offset) == ("notify", 0, bad.offset)
    assert b64decode(dead.value or "") == bad.value
    assert [(name, b64decode(value)) for name, value in dead.headers] == list(headers)


async def test_a_copy_that_could_not_be_published_is_published_later(real: Any) -> None:
    ticket = real.ticket()
    bad = replace(real.record(ticket, "case", 1), value=b"{")
    parking = real.parking("notify")
    real.publisher.down = True
    with pytest.raises(Unavailable):
        await parking.park([(bad, "made up")])
    # not parked without its copy: run again, it would be taken for one that only waits
    assert await real.database[COLLECTION].count_documents({}) == 0
    real.publisher.down = False
    await parking.park([(bad, "made up")])
    copies = [r async for r in read_whole(real.kafka, DEAD_LETTERS) if r.key == ticket.encode()]
    assert len(copies) == 1
