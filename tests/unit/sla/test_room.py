"""Room `sla` over stand-ins: what is stored, announced and counted by following."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import Counter

from services.kernel.adapters import metrics
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.contracts import events
from services.kernel.contracts.codec import Received, announce, receive
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Retry
from services.kernel.testing.memory import MemoryBroker, MemoryCases, MemoryRooms
from services.sla.adapters.room import READS, SlaRoom
from services.sla.testing import TICKET, act, filing, ist, lines


class Versions:
    """The directory store with version 1 of some districts."""

    def __init__(self, *districts: District) -> None:
        self._districts = {d.id: replace(d, version=1) for d in districts}

    async def version(self, district: str, version: int) -> District:
        if version != 1 or district not in self._districts:
            raise Retry("not in the store")
        return self._districts[district]


class World:
    def __init__(self, *districts: District) -> None:
        self.cases, self.broker = MemoryCases(), MemoryBroker()
        self._source = MemoryBroker()
        rules = RulesOf(Versions(*districts))  # type: ignore[arg-type]
        rooms = MemoryRooms(self.cases, "sla", READS)
        self.consumer = RoomConsumer(SlaRoom(rules), rooms, Outbox("sla", self.broker))

    def record(self, event: events.CaseEvent, n: int) -> Received:
        room = event.ROOMS[0]
        message = announce(event, room, n).message(COMPLAINTS, "/test")
        self._source.messages = [message]
        return receive(self._source.records(COMPLAINTS)[0], self.consumer.uses)

    @property
    def room(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cases.documents[TICKET]["sla"]
        return found

    def told(self) -> list[Any]:
        return [receive(r, events.EVENTS) for r in self.broker.records(COMPLAINTS)]


def _value(counter: Counter, *labels: str) -> float:
    return float(counter.labels(*labels)._value.get())


async def test_a_life_in_one_batch(janjgir: District) -> None:
    world = World(janjgir)
    batch = [
        world.record(filing(janjgir, ist("2026-03-02 10:00"), "hand-pump"), 1),
        world.record(act(events.CaseAssigned, janjgir.id, ist("2026-03-02 10:01")), 1),
        world.record(act(events.CaseNoted, janjgir.id, ist("2026-03-02 10:02")), 2),
        world.record(act(events.CaseStarted, janjgir.id, ist("2026-03-02 18:30")), 3),
        world.record(act(events.CaseResolved, janjgir.id, ist("2026-03-02 18:40")), 4),
    ]
    breaches = (metrics.SLA_BREACHES, "janjgir-champa", "phe", "acknowledge")
    before = _value(*breaches)
    assert await world.consumer.handle(batch) == []
    assert _value(*breaches) == before + 1
    assert lines([one.event for one in world.told()]) == [
        "2026-03-02 16:00 warning acknowledge",
        "2026-03-02 18:00 breach acknowledge",
        "2026-03-02 18:00 acknowledge to officer",
    ]
    assert (world.room["n"], world.room["seen"]["case"]) == (3, 4)
    assert world.room["next_at"] == world.room["lapses_at"] == ist("2026-03-09 18:40")
    # the worker died before it committed: all of it again
    assert await world.consumer.handle(batch) == []
    assert _value(*breaches) == before + 1
    assert (world.room["n"], world.room["seen"]["case"]) == (3, 4)
    assert {one.id.n for one in world.told()} == {1, 2, 3}


async def test_what_stops_the_clock_in_the_same_batch_leaves_nothing_armed(
    janjgir: District,
) -> None:
    world = World(janjgir)
    filed = world.record(filing(janjgir, ist("2026-03-02 10:00"), "hand-pump"), 1)
    await world.consumer.handle([filed])
    assert world.room["next_at"] == ist("2026-03-02 16:00")
    await world.consumer.handle(
        [
            world.record(act(events.CaseStarted, janjgir.id, ist("2026-03-02 11:00")), 1),
            world.record(act(events.CaseWithdrawn, janjgir.id, ist("2026-03-02 12:00")), 2),
        ]
    )
    assert "next_at" not in world.room


async def test_two_districts_in_one_batch_keep_to_their_own(
    janjgir: District, sakti: District
) -> None:
    world = World(janjgir, sakti)
    other = "2600104245"
    await world.consumer.handle(
        [
            world.record(filing(janjgir, ist("2026-03-06 16:40"), "hand-pump"), 1),
            world.record(
                filing(sakti, ist("2026-03-06 16:40"), "nal-kharab", ticket=other), 1
            ),
        ]
    )
    assert world.room["targets"]["acknowledge"]["due_at"] == ist("2026-03-09 16:40")
    assert world.cases.documents[other]["sla"]["targets"]["acknowledge"]["due_at"] == ist(
        "2026-03-07 16:40"
    )


async def test_a_version_that_is_not_there_yet_is_waited_for(janjgir: District) -> None:
    world = World(janjgir)
    early = filing(janjgir, ist("2026-03-02 10:00"), "hand-pump", directory_version=2)
    with pytest.raises(Retry):
        await world.consumer.handle([world.record(early, 1)])
    assert world.cases.documents == {}


async def test_a_newer_service_does_not_set_the_case_aside(janjgir: District) -> None:
    world = World(janjgir)
    change = act(
        events.ServiceChanged,
        janjgir.id,
        ist("2026-03-02 11:00"),
        service="brand-new",
        department="pwd",
    )
    failures = await world.consumer.handle(
        [
            world.record(filing(janjgir, ist("2026-03-02 10:00"), "hand-pump"), 1),
            world.record(change, 1),
        ]
    )
    assert failures == []
    assert world.room["department"] == "pwd"
    assert world.room["deadline"] == ist("2026-03-09 18:00")
