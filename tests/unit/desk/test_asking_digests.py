"""Asking for the daily digests: each with what it takes, a day once, whatever crashes in between."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pytest

from services.desk.core.digests import Day, DistrictFigures, DueCase, Listed
from services.desk.core.texts import Texts
from services.desk.handlers.digests import Digests
from services.desk.testing import MORNING, due
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.beside import MessageRequested
from services.kernel.contracts.envelope import Requested, unseal
from services.kernel.contracts.topics import MESSAGES
from services.kernel.domain.directory import District, Leave
from services.kernel.domain.errors import Unavailable, Unknown
from services.kernel.domain.naming import Names
from services.kernel.testing.memory import MemoryBroker
from services.notify.adapters.mail_data import TABLES

MONDAY = date(2026, 1, 5)
OFFICER, OTHER = "phe-akaltara-1", "phe-akaltara-2"
SECRET = "a-secret-of-the-tests-with-32-bytes"
URL = "https://desk.example.org"


@pytest.fixture
def district(janjgir: District) -> District:
    """Every officer has an e-mail address, so that who is left out is for another reason."""
    officers = tuple(replace(o, email=f"{o.id}@example.org") for o in janjgir.officers)
    return replace(janjgir, officers=officers, version=3)


@dataclass
class World:
    """Cases by officer, notes and districts in memory."""

    directories: dict[str, District]
    cases: dict[str, list[DueCase]] = field(default_factory=dict)
    hidden: dict[str, Collection[str]] = field(default_factory=dict)
    notes: dict[tuple[str, date], Mapping[str, int]] = field(default_factory=dict)
    fault: str | None = None
    crash: bool = False

    async def districts(self) -> list[str]:
        return sorted(self.directories)

    async def newest(self, district: str) -> District:
        if district not in self.directories:
            raise Unknown("there is no such district", field="district")
        return self.directories[district]

    async def owing(self, district: str, day: Day) -> set[str]:
        if district == self.fault:
            raise RuntimeError("what nobody foresaw")
        return set(self.cases)

    async def due(
        self,
        district: str,
        officer: str,
        hidden: Collection[str],
        since: datetime | None,
        until: datetime,
        limit: int,
    ) -> Listed:
        self.hidden[officer] = hidden
        found = [
            one
            for one in self.cases[officer]
            if one.deadline < until and (since is None or one.deadline >= since)
        ]
        return Listed(found[:limit], len(found))

    async def figures(
        self, district: str, hidden: Collection[str], day: Day, now: datetime, limit: int
    ) -> DistrictFigures:
        return DistrictFigures({}, 0, 0, 0, [])

    async def asked(self, district: str, day: date) -> bool:
        return (district, day) in self.notes

    async def note(self, district: str, day: date, at: datetime, asked: Mapping[str, int]) -> None:
        if self.crash:
            raise Unavailable("the store")
        self.notes[(district, day)] = asked


@pytest.fixture
def world(district: District) -> World:
    return World({district.id: district}, {OFFICER: [due(1, -3), due(2, 3)], OTHER: [due(3, 80)]})


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
def desk(world: World, broker: MemoryBroker, texts: Texts) -> Digests:
    return desk_of(world, broker, texts)


def desk_of(world: World, broker: MemoryBroker, texts: Texts) -> Digests:
    return Digests(
        world, world, world, broker, Settings().keys, Names(SECRET), texts, URL
    )


def asked_for(broker: MemoryBroker) -> list[MessageRequested]:
    events = []
    for record in broker.records(MESSAGES):
        event = MessageRequested.model_validate_json(record.value or b"")
        assert record.header("ce_id") == event.key
        assert record.header("ce_type") == "samvad.message.requested.v1"
        assert record.key == event.recipient.encode()
        events.append(event)
    return events


async def test_the_officer_who_owes_something_and_the_collector_are_written_to(
    desk: Digests, broker: MemoryBroker, world: World, district: District
) -> None:
    assert await desk.round(MORNING) == 2
    officer, collector = asked_for(broker)
    assert officer.key == f"digest/{district.id}/{OFFICER}/2026-01-05"
    assert (officer.template, collector.template) == ("digest_officer", "digest_collector")
    assert officer.recipient == Names(SECRET).officer(district.id, OFFICER), "as notify names him"
    assert collector.key == f"digest/{district.id}/{district.collector}/2026-01-05"
    for event, person in ((officer, OFFICER), (collector, district.collector)):
        assert (event.at, event.district) == (MORNING, district.id)
        data_key = Settings().keys.unwrap(event.wrapped_key or "", event.key)
        content = unseal(event.sealed, Requested, data_key, event.key)
        assert content.to == f"{person}@example.org"
        assert content.channels == ("email",)
        assert content.audience == ("officer" if person == OFFICER else "collector")
        assert content.language == district.officer_by_id[person].language
        assert content.data["date"] == "05-01-2026"
        TABLES[event.template].model_validate(content.data)  # as the e-mail's text has it
    assert "example.org" not in officer.model_dump_json()


async def test_an_officer_is_not_told_of_a_case_that_names_his_office(
    desk: Digests, world: World, district: District
) -> None:
    await desk.round(MORNING)
    assert {OFFICER, OTHER} <= set(world.hidden[OFFICER])


async def test_who_is_away_gets_none_though_he_owes_something(
    desk: Digests, broker: MemoryBroker, world: World, district: District
) -> None:
    away = replace(district.officer_by_id[OFFICER], leave=(Leave(MONDAY, MONDAY),))
    officers = tuple(away if o.id == OFFICER else o for o in district.officers)
    world.directories[district.id] = replace(district, officers=officers)
    assert await desk.round(MORNING) == 1
    assert [event.template for event in asked_for(broker)] == ["digest_collector"]


async def test_a_day_is_asked_for_once_and_the_next_one_again(
    desk: Digests, broker: MemoryBroker, world: World, texts: Texts
) -> None:
    counts = [await desk.round(MORNING + timedelta(minutes=n)) for n in range(3)]
    assert counts == [2, 0, 0]
    assert await desk_of(world, broker, texts).round(MORNING + timedelta(hours=1)) == 0, "restarted"
    assert await desk.round(MORNING - timedelta(minutes=1) + timedelta(days=1)) == 0
    assert await desk.round(MORNING + timedelta(days=1)) == 2
    keys = [event.key for event in asked_for(broker)]
    assert len(keys) == len(set(keys)) == 4


@pytest.mark.parametrize("trouble", ["down", "lost", "crash"])
async def test_what_a_crash_left_is_asked_for_again_with_the_same_keys(
    desk: Digests, broker: MemoryBroker, world: World, trouble: str
) -> None:
    broker.down = trouble == "down"
    broker.lose_next_answer = trouble == "lost"
    world.crash = trouble == "crash"
    with pytest.raises(Unavailable):
        await desk.round(MORNING)
    assert world.notes == {}
    first = {event.key for event in asked_for(broker)}
    broker.down = world.crash = False
    assert await desk.round(MORNING + timedelta(minutes=1)) == 2
    again = {event.key for event in asked_for(broker)}
    assert len(again) == 2
    assert first in ({*()}, again)
    assert list(world.notes.values()) == [{"officer": 1, "collector": 1}]


async def test_a_district_at_fault_stops_no_other(
    desk: Digests, broker: MemoryBroker, world: World, district: District, sakti: District
) -> None:
    world.directories["sakti"] = sakti
    world.fault = district.id
    assert sorted(world.directories) == [district.id, "sakti"], "the one at fault comes first"
    with pytest.raises(RuntimeError):
        await desk.round(MORNING)
    assert [key[0] for key in world.notes] == ["sakti"]
    world.fault = None
    await desk.round(MORNING)
    assert {key[0] for key in world.notes} == {district.id, "sakti"}


async def test_many_officers_are_all_written_to(
    desk: Digests, broker: MemoryBroker, world: World, district: District
) -> None:
    """More than are published together."""
    pattern = district.officer_by_id[OFFICER]
    many = [replace(pattern, id=f"more-{n}") for n in range(120)]
    world.directories[district.id] = replace(district, officers=(*district.officers, *many))
    world.cases = {officer.id: [due(1, -1)] for officer in many}
    assert await desk.round(MORNING) == 121
    assert len({event.key for event in asked_for(broker)}) == 121

