"""Where many are due: they are read, claimed and told in parts that overtake nothing and leave nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.contracts.codec import Message
from services.kernel.domain.errors import Unavailable
from services.sla.adapters import firing
from services.sla.testing import ist

MANY = 12
WARNED = "2026-03-02 17:00"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "LOOK", 5)
    monkeypatch.setattr(firing, "PART", 2)
    monkeypatch.setattr(firing, "PARTS_UNDER_WAY", 2)


class Blinking:
    """Kafka that is away once, at the n-th question."""

    def __init__(self, publisher: Any, away_at: int) -> None:
        self._publisher = publisher
        self._left = away_at

    async def publish(self, messages: Sequence[Message]) -> None:
        self._left -= 1
        if self._left == 0:
            raise Unavailable("Kafka")
        await self._publisher.publish(messages)


async def armed(line: Any) -> list[str]:
    tickets = [await line.file() for _ in range(MANY)]
    await line.deliver()
    return tickets


async def numbers(line: Any, tickets: Sequence[str]) -> list[int]:
    return [(await line.room(ticket))["n"] for ticket in tickets]


def under_way() -> set[str]:
    """What of the firing is still at work in this loop; Kafka's client has tasks of its own."""
    names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    return {name for name in names if name.startswith((firing.Firing.__name__, firing._Parts.__name__))}


async def test_all_that_is_due_is_fired_once_by_one_call(line: Any) -> None:
    tickets = await armed(line)
    assert (await line.look(WARNED, limit=100))[0] == MANY
    assert await numbers(line, tickets) == [1] * MANY
    for ticket in tickets:
        assert [one.id.n for one in await line.told(ticket)] == [1]
        assert (await line.room(ticket))["outbox"] == []
    assert await line.rooms.backlog() == 0
    assert (await line.look(limit=100))[0] == 0


async def test_no_more_than_the_limit_is_taken_up(line: Any) -> None:
    tickets = await armed(line)
    assert (await line.look(WARNED, limit=7))[0] == 7
    assert sum(await numbers(line, tickets)) == 7
    assert (await line.look(limit=7))[0] == MANY - 7


async def test_what_cannot_be_published_is_raised_and_swept_and_the_rest_goes_on(line: Any) -> None:
    tickets = await armed(line)
    blinking = line.make_firing(publisher=Blinking(line.publisher, 3))
    with pytest.raises(Unavailable):
        await line.look(WARNED, limit=100, firing=blinking)
    assert not under_way()
    await line.look(limit=100, firing=blinking)
    assert await numbers(line, tickets) == [1] * MANY
    assert await line.rooms.backlog() > 0
    await Sweeper(line.rooms, Outbox("sla", line.publisher)).sweep(ist("2026-03-02 18:00"))
    assert await line.rooms.backlog() == 0
    for ticket in tickets:
        assert {one.id.n for one in await line.told(ticket)} == {1}
