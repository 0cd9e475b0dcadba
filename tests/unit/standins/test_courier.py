"""Carrying receipts: batches, other tries, bounds, and nobody who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import pytest

from services.standins.courier import Courier, Patience, Tally, courier_session

QUICK = Patience(tries=3, first_pause=0.01, longest_pause=0.02)


class Door:
    """Takes what is carried to it once it has refused as often as it is told to."""

    def __init__(self, refusals: Sequence[bool | Exception] = ()) -> None:
        self.refusals = list(refusals)
        self.came: list[list[Any]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.at_once = self.most_at_once = 0

    async def deliver(self, _: aiohttp.ClientSession, items: Sequence[Any]) -> bool:
        self.came.append(list(items))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.open.wait()
        self.at_once -= 1
        refusal = self.refusals.pop(0) if self.refusals else True
        if isinstance(refusal, Exception):
            raise refusal
        return refusal


def test_the_pauses_grow_up_to_the_longest() -> None:
    patience = Patience(tries=5, first_pause=0.5, longest_pause=3.0)
    assert [patience.pause(n) for n in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, None]


async def test_what_waits_goes_together(eventually: Callable[..., Any]) -> None:
    door = Door()
    courier = Courier(door.deliver, QUICK, most_in_one=10, at_once=2)
    for n in range(25):
        courier.put(n)
    assert courier.tally == Tally(pending=25)
    async with courier_session() as session, courier.running(session):
        await eventually(lambda: courier.tally == Tally(sent=25), "all are carried")
    assert [len(items) for items in door.came] == [10, 10, 5]
    assert sorted(n for items in door.came for n in items) == list(range(25))


async def test_the_slow_take_their_turn_and_no_more(eventually: Callable[..., Any]) -> None:
    door = Door()
    door.open.clear()
    courier = Courier(door.deliver, QUICK, at_once=2)
    async with courier_session() as session, courier.running(session):
        for n in range(6):
            courier.put(n)
        await eventually(lambda: len(door.came) == 2, "both turns are taken")
        door.open.set()
        await eventually(lambda: courier.tally == Tally(sent=6), "all are carried")
    assert door.most_at_once == 2


async def test_what_is_refused_is_offered_again_as_it_was(eventually: Callable[..., Any]) -> None:
    door = Door([False, ConnectionError(), True])
    courier = Courier(door.deliver, QUICK, most_in_one=10)
    async with courier_session() as session, courier.running(session):
        courier.put("a")
        courier.put("b")
        await eventually(lambda: courier.tally == Tally(sent=2), "both are carried")
    assert door.came == [["a", "b"]] * 3


@pytest.mark.parametrize("refusal", [False, aiohttp.ClientError(), RuntimeError("a fault")])
async def test_it_gives_up_and_goes_on(refusal: Any, eventually: Callable[..., Any]) -> None:
    door = Door([refusal] * 3)
    courier = Courier(door.deliver, QUICK)
    async with courier_session() as session, courier.running(session):
        courier.put("lost")
        await eventually(lambda: courier.tally == Tally(failed=1), "it is given up")
        courier.put("next")
        await eventually(lambda: courier.tally == Tally(sent=1, failed=1), "the next is carried")
    assert door.came == [["lost"]] * 3 + [["next"]]


async def test_what_is_for_later_lets_others_pass(eventually: Callable[..., Any]) -> None:
    door = Door()
    courier = Courier(door.deliver, QUICK, most_in_one=10)
    async with courier_session() as session, courier.running(session):
        loop = asyncio.get_running_loop()
        put_at = loop.time()
        courier.put("later", after=0.15)
        courier.put("never", after=3600)
        courier.put("now")
        await eventually(lambda: door.came == [["now"]], "the first is carried")
        await eventually(lambda: door.came == [["now"], ["later"]], "the second is carried")
        assert loop.time() - put_at >= 0.15
        assert courier.tally == Tally(pending=1, sent=2)


async def test_there_is_an_end_to_what_waits() -> None:
    courier = Courier(Door().deliver, QUICK, most_waiting=2)
    assert [courier.put(n) for n in range(3)] == [True, True, False]
    assert courier.tally == Tally(pending=2, failed=1)
