"""Acts over HTTP on room `case`, against each other, the consumer, the clock and the sweeper."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.adapters import publishing
from services.kernel.domain.case import Act
from services.kernel.domain.errors import Conflict, IllegalAction, StaleVersion, Unknown
from services.kernel.domain.people import Actor

OFFICER = Actor("officer", "o-1", "janjgir-champa")


def act(action: str, cause: str | None = None, note: str | None = None, **data: Any) -> Act:
    return Act(action, OFFICER, cause=cause, note=note, data=data)


async def actions(world: Any, ticket: str) -> list[str]:
    return [entry["action"] for entry in (await world.room(ticket, "case"))["history"]]


def in_order(numbers: list[int], last: int) -> bool:
    highest = 0
    for n in numbers:
        if n > highest + 1:
            return False
        highest = max(highest, n)
    return highest == last


async def test_an_act_is_stored_published_and_trimmed(world: Any, eventually: Any) -> None:
    ticket = await world.opened()
    cases = world.cases()
    cases.start()
    done = await cases.act(ticket, act("acknowledge", "k-1"))
    assert (done.n, done.case.state, done.repeated) == (2, "acknowledged", False)

    async def trimmed() -> bool:
        room = await world.room(ticket, "case")
        return room["outbox"] == [] and "unsent_since" not in room

    await eventually(trimmed, "the outbox to be trimmed")
    await cases.stop()
    assert in_order(await world.published(ticket, "case"), 2)
    assert (await cases.load(ticket)).n == 2


async def test_an_act_on_a_case_that_only_the_clock_has_seen(world: Any) -> None:
    ticket = world.ticket()
    await world.set_fields(ticket, "sla", next_at=world.clock())
    with pytest.raises(Unknown):
        await world.cases().act(ticket, act("acknowledge"))
    with pytest.raises(Unknown):
        await world.cases().load(ticket)


async def test_the_same_cause_again_returns_the_first_outcome(world: Any) -> None:
    ticket = await world.opened()
    cases = world.cases()
    first = await cases.act(ticket, act("acknowledge", "k-1"), expected_version=1)
    world.clock.advance(minutes=3)
    await cases.act(ticket, act("start", "k-2"))
    # neither the version nor the lifecycle would allow it now, and neither is asked
    again = await cases.act(ticket, act("acknowledge", "k-1"), expected_version=1)
    assert (again.n, again.at, again.repeated) == (first.n, first.at, True)
    assert await actions(world, ticket) == ["assign", "acknowledge", "start"]
    with pytest.raises(Conflict):
        await cases.act(ticket, act("resolve", "k-1"))


async def test_the_same_cause_many_times_at_once_is_one_act(world: Any) -> None:
    ticket = await world.opened()
    desks = [world.cases(), world.cases()]
    outcomes = await asyncio.gather(
        *(desks[i % 2].act(ticket, act("note", "k-1", note="a")) for i in range(8))
    )
    assert {outcome.n for outcome in outcomes} == {2}
    assert sum(not outcome.repeated for outcome in outcomes) == 1
    assert await actions(world, ticket) == ["assign", "note"]


async def test_a_version_that_is_over_is_told_with_the_fresh_one(world: Any) -> None:
    ticket = await world.opened()
    cases = world.cases()
    await cases.act(ticket, act("acknowledge"))
    with pytest.raises(StaleVersion) as told:
        await cases.act(ticket, act("start"), expected_version=1)
    assert (told.value.expected, told.value.version) == (1, 2)
    assert await actions(world, ticket) == ["assign", "acknowledge"]


async def test_of_two_officers_at_once_the_second_is_told(world: Any) -> None:
    ticket = await world.opened()
    outcomes = await asyncio.gather(
        world.cases().act(ticket, act("acknowledge"), expected_version=1),
        world.cases().act(ticket, act("start"), expected_version=1),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(one) for one in refused] == [StaleVersion]
    assert len(await actions(world, ticket)) == 2


async def test_acts_without_a_version_all_come_through(world: Any) -> None:
    ticket = await world.opened()
    cases = world.cases()
    await asyncio.gather(*(cases.act(ticket, act("note", f"k-{i}", note="n")) for i in range(4)))
    room = await world.room(ticket, "case")
    assert [entry["n"] for entry in room["history"]] == [1, 2, 3, 4, 5]
    assert {entry["cause"] for entry in room["history"]} == {None, "k-0", "k-1", "k-2", "k-3"}
    assert [entry["n"] for entry in room["outbox"]] == [1, 2, 3, 4, 5]


async def test_an_act_that_loses_to_the_consumer_is_checked_on_the_fresh_state(world: Any) -> None:
    ticket = await world.opened()
    desk = world.cases()
    for step in ("acknowledge", "resolve"):
        await desk.act(ticket, act(step))
    lapsed = world.record(ticket, "sla", 1, "samvad.sla.lapsed.v1")
    rooms = world.interrupted("case", ("sla.last_fired",))
    rooms.before_write.append(lambda: world.routing().handle(world.received_by_routing([lapsed])))
    with pytest.raises(IllegalAction):
        await world.cases(rooms).act(ticket, act("reply"))
    assert await actions(world, ticket) == ["assign", "acknowledge", "resolve", "close"]
    assert in_order(await world.published(ticket, "case"), 4)


async def test_an_act_that_loses_to_a_write_of_seen_alone_keeps_its_version(world: Any) -> None:
    ticket = await world.opened()
    warned = world.record(ticket, "sla", 1)
    rooms = world.interrupted("case", ("sla.last_fired",))
    rooms.before_write.append(lambda: world.routing().handle(world.received_by_routing([warned])))
    done = await world.cases(rooms).act(ticket, act("acknowledge"), expected_version=1)
    assert rooms.writes == 2
    assert done.n == 2
    room = await world.room(ticket, "case")
    assert room["seen"]["sla"] == 1
    assert room["state"] == "acknowledged"


async def test_the_consumer_that_loses_to_an_act_goes_on_from_it(world: Any) -> None:
    ticket = await world.opened()
    desk = world.cases()
    for step in ("acknowledge", "resolve"):
        await desk.act(ticket, act(step))
    rooms = world.interrupted("case", ("sla.last_fired",))
    rooms.before_write.append(lambda: desk.act(ticket, act("note", note="late")))
    lapsed = world.record(ticket, "sla", 1, "samvad.sla.lapsed.v1")
    await world.routing(rooms).handle(world.received_by_routing([lapsed]))
    assert await actions(world, ticket) == ["assign", "acknowledge", "resolve", "note", "close"]
    # the consumer sent what the desk had not, and first
    assert in_order(await world.published(ticket, "case"), 5)


async def test_an_act_is_stamped_later_than_the_clock_has_spoken(world: Any) -> None:
    ticket = await world.opened()
    fired = world.clock() + timedelta(seconds=5)
    await world.set_fields(ticket, "sla", last_fired=fired)
    done = await world.cases().act(ticket, act("acknowledge"))
    assert done.at == fired + timedelta(milliseconds=1)


@pytest.mark.parametrize("before", [None, -60])
async def test_a_timer_that_fires_in_between_makes_the_act_try_again(world: Any, before: Any) -> None:
    ticket = await world.opened()
    if before is not None:
        at = world.clock() + timedelta(seconds=before)
        await world.set_fields(ticket, "sla", last_fired=at)
    fired = world.clock() + timedelta(seconds=2)
    rooms = world.interrupted("case", ("sla.last_fired",))
    rooms.before_write.append(lambda: world.set_fields(ticket, "sla", last_fired=fired))
    done = await world.cases(rooms).act(ticket, act("acknowledge"))
    assert rooms.writes == 2
    assert done.at > fired
    assert await actions(world, ticket) == ["assign", "acknowledge"]


async def test_acts_while_kafka_is_down_are_published_by_the_sweeper(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PAUSE_SECONDS", 0)
    ticket, other = await world.opened(), await world.opened()
    world.publisher.down = True
    cases = world.cases()
    cases.start()
    await cases.act(ticket, act("acknowledge"))
    await cases.act(ticket, act("start"))
    await cases.act(other, act("acknowledge"))
    await cases.stop()
    rooms = world.rooms("case")
    assert await rooms.backlog() == 2
    later = world.clock.advance(seconds=60)
    world.publisher.down = False
    assert await world.sweeper().sweep(later) == 2
    assert await rooms.backlog() == 0
    assert in_order(await world.published(ticket, "case"), 3)
    assert in_order(await world.published(other, "case"), 2)
    assert (await world.room(ticket, "case"))["outbox"] == []
    assert await world.sweeper().sweep(later) == 0


async def test_the_sweeper_leaves_what_is_young(world: Any) -> None:
    ticket = await world.opened()
    await world.cases().act(ticket, act("acknowledge"))
    assert await world.sweeper().sweep(world.clock()) == 0
    assert await world.sweeper().sweep(world.clock.advance(seconds=1)) == 1


async def test_the_sweeper_races_the_publisher(world: Any, eventually: Any) -> None:
    opened = [await world.opened() for _ in range(8)]
    cases = world.cases()
    cases.start()
    sweepers = [world.sweeper(), world.sweeper()]

    async def sweep() -> None:
        for _ in range(6):
            await asyncio.gather(*(s.sweep(world.clock() + timedelta(seconds=1)) for s in sweepers))

    async def live(ticket: str) -> None:
        for step in ("acknowledge", "start", "note", "resolve"):
            await cases.act(ticket, act(step, note="n" if step == "note" else None))

    await asyncio.gather(sweep(), *(live(ticket) for ticket in opened))

    async def empty() -> bool:
        await sweepers[0].sweep(world.clock() + timedelta(seconds=1))
        rooms = [await world.room(ticket, "case") for ticket in opened]
        return not any(room["outbox"] or "unsent_since" in room for room in rooms)

    await eventually(empty, "every outbox to be empty")
    await cases.stop()
    topic = await world.records()
    for ticket in opened:
        mine = [r.header("ce_id") or "" for r in topic if r.key == ticket.encode()]
        numbers = [int(i.rpartition("/")[2]) for i in mine if "/case/" in i]
        assert in_order(numbers, 5), numbers


async def test_an_act_between_a_sweep_and_its_trim_stays_in_the_outbox(world: Any) -> None:
    ticket = await world.opened()
    cases = world.cases()
    await cases.act(ticket, act("acknowledge"))
    rooms = world.interrupted("case")
    rooms.before_trim.append(lambda: cases.act(ticket, act("start")))
    later = world.clock.advance(seconds=60)
    await world.sweeper(rooms=rooms).sweep(later)
    room = await world.room(ticket, "case")
    assert [entry["n"] for entry in room["outbox"]] == [3]
    assert "unsent_since" in room
    await world.sweeper().sweep(world.clock.advance(seconds=60))
    assert in_order(await world.published(ticket, "case"), 3)


async def test_a_lost_answer_is_sent_again_and_not_trimmed_before(world: Any) -> None:
    ticket = await world.opened()
    await world.cases().act(ticket, act("acknowledge"))
    world.publisher.lose_next_answer = True
    later = world.clock.advance(seconds=60)
    with pytest.raises(Exception, match="Kafka"):
        await world.sweeper().sweep(later)
    assert [e["n"] for e in (await world.room(ticket, "case"))["outbox"]] == [1, 2]
    await world.sweeper().sweep(later)
    assert (await world.room(ticket, "case"))["outbox"] == []
    assert in_order(await world.published(ticket, "case"), 2)


async def test_a_cancelled_request_loses_nothing(world: Any) -> None:
    ticket = await world.opened()
    rooms = world.interrupted("case", ("sla.last_fired",))
    going, writing = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        writing.set()
        await going.wait()

    rooms.before_write.append(hold)
    cases = world.cases(rooms)
    request = asyncio.create_task(cases.act(ticket, act("acknowledge", "k-1")))
    await writing.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    going.set()
    # the citizen, or his browser, asks again with the same key
    again = await cases.act(ticket, act("acknowledge", "k-1"))
    assert again.n == 2
    await world.sweeper().sweep(world.clock.advance(seconds=60))
    assert in_order(await world.published(ticket, "case"), 2)
    assert await actions(world, ticket) == ["assign", "acknowledge"]
