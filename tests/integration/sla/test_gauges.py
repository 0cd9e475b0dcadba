"""The clock's figures on real MongoDB: what is counted for whom, and what the count costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import Gauge

from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import BUCKETS, buckets_of
from services.kernel.domain.clock import Calendars
from services.kernel.domain.directory import District
from services.sla.adapters.gauges import Gauges
from services.sla.testing import ist
from tests.integration.sla.conftest import ALL, Line

NOW = ist("2026-03-06 16:00")  # a Friday; offices close at 18:00 and are shut until Monday
HOUR = timedelta(hours=1)
GAUGES = (metrics.SLA_OVERDUE, metrics.SLA_PAUSED, metrics.SLA_DUE_WITHIN)


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    """The gauges are the process's."""
    yield
    for gauge in GAUGES:
        gauge.clear()
    metrics.SLA_ARMED_NOW.set(0)


@pytest.fixture
def gauges(database: mongo.Database, directory: DirectoryStore) -> Gauges:
    return Gauges(database["cases"], directory, RulesOf(directory))


def told(gauge: Gauge) -> dict[tuple[str, ...], float]:
    return {tuple(s.labels.values()): s.value for s in next(iter(gauge.collect())).samples}


def armed() -> float:
    return told(metrics.SLA_ARMED_NOW)[()]


class Cases:
    """Stored as far as the figures look at them."""

    def __init__(self, database: mongo.Database) -> None:
        self._cases = database["cases"]
        self._number = 0

    async def add(
        self,
        deadline: datetime | None,
        *,
        count: int = 1,
        district: str = "janjgir-champa",
        department: str | None = "phe",
        is_open: bool = True,
        bucket: int = 0,
        **sla: Any,
    ) -> None:
        documents: list[dict[str, Any]] = []
        for _ in range(count):
            self._number += 1
            documents.append(
                {
                    "_id": f"26{self._number:08d}",
                    "case": {"district": district, "department": department, "open": is_open},
                    "sla": {"deadline": deadline, "bucket": bucket, "calendar": "office", **sla},
                }
            )
        await self._cases.insert_many(documents)

    async def settle(self) -> None:
        """Everything is closed, and nothing falls due any more."""
        await self._cases.update_many({}, {"$set": {"case.open": False}, "$unset": {"sla.next_at": ""}})


@pytest.fixture
def cases(database: mongo.Database) -> Cases:
    return Cases(database)


async def test_a_case_counts_by_where_its_deadline_lies(gauges: Gauges, cases: Cases) -> None:
    tick = timedelta(milliseconds=1)
    await cases.add(NOW - tick, count=3)
    await cases.add(NOW)  # an act at the due instant is in time
    await cases.add(ist("2026-03-06 18:00"))
    await cases.add(ist("2026-03-06 18:00") + tick)
    await cases.add(ist("2026-03-09 16:00"), count=2)
    await cases.add(ist("2026-03-11 16:00"))
    await cases.add(ist("2026-03-11 16:00") + tick)
    await cases.add(NOW - HOUR, is_open=False)
    await cases.add(NOW + HOUR, is_open=False)
    await cases.add(None)
    await cases.add(NOW + HOUR, department="rajasva")
    await cases.add(NOW - HOUR, department=None)
    await gauges.measure(NOW, ALL)
    here = "janjgir-champa"
    assert told(metrics.SLA_OVERDUE) == {(here, "phe"): 3, (here, ""): 1}
    assert told(metrics.SLA_DUE_WITHIN) == {
        (here, "phe", "2"): 2,
        (here, "phe", "8"): 5,
        (here, "phe", "24"): 6,
        (here, "rajasva", "2"): 1,
        (here, "rajasva", "8"): 1,
        (here, "rajasva", "24"): 1,
    }


async def test_hours_are_those_of_the_case_s_own_calendar(gauges: Gauges, cases: Cases) -> None:
    """Saturday afternoon is within 8 working hours of Friday afternoon where Saturday is worked, and more
    than 24 hours away where the night counts."""
    saturday = ist("2026-03-07 16:30")
    await cases.add(saturday, district="sakti", department="office", calendar="kaamkaj")
    await cases.add(saturday, district="sakti", department="day-and-night", calendar="din-raat")
    await cases.add(NOW + 3 * HOUR, district="sakti", department="day-and-night", calendar="din-raat")
    await cases.add(NOW + HOUR, district="sakti", department="gone", calendar="no-more")
    await gauges.measure(NOW, ALL)
    assert told(metrics.SLA_DUE_WITHIN) == {
        ("sakti", "office", "2"): 0,
        ("sakti", "office", "8"): 1,
        ("sakti", "office", "24"): 1,
        ("sakti", "day-and-night", "2"): 0,
        ("sakti", "day-and-night", "8"): 1,
        ("sakti", "day-and-night", "24"): 1,
    }
    assert told(metrics.SLA_OVERDUE) == {}


async def test_the_newest_directory_says_when_hours_are_worked(
    gauges: Gauges, cases: Cases, database: mongo.Database, janjgir: District
) -> None:
    """A holiday declared for Monday brings what is due on Tuesday within eight working hours."""
    await cases.add(ist("2026-03-10 12:00"))
    await gauges.measure(NOW, ALL)
    assert told(metrics.SLA_DUE_WITHIN)[("janjgir-champa", "phe", "8")] == 0
    office = janjgir.calendar_by_id["office"]
    holiday = replace(office.holidays[0], day=ist("2026-03-09 12:00").date())
    free = replace(office, holidays=(*office.holidays, holiday))
    others = tuple(c for c in janjgir.calendars if c.id != "office")
    changed = replace(janjgir, calendars=(free, *others))
    await DirectoryStore(database).put(changed, by="test", at=NOW)
    directory = DirectoryStore(database)  # those that know a newest version ask again after a second
    await Gauges(database["cases"], directory, RulesOf(directory)).measure(NOW, ALL)
    assert told(metrics.SLA_DUE_WITHIN)[("janjgir-champa", "phe", "8")] == 1


async def test_paused_are_those_whose_pause_is_not_over(gauges: Gauges, cases: Cases) -> None:
    later = NOW + 100 * HOUR
    await cases.add(later, paused_until=NOW + HOUR, count=2)
    await cases.add(later, paused_until=NOW)
    await cases.add(later, paused_until=NOW + HOUR, is_open=False)
    await cases.add(later)
    await gauges.measure(NOW, ALL)
    assert told(metrics.SLA_PAUSED) == {("janjgir-champa", "phe"): 2}


async def test_what_workers_tell_adds_up_and_one_without_buckets_tells_nothing(
    gauges: Gauges, cases: Cases, database: mongo.Database, directory: DirectoryStore
) -> None:
    for bucket in (0, 1, 2, 3, 12, 255):
        later = NOW + HOUR
        await cases.add(NOW - HOUR, bucket=bucket, paused_until=later, next_at=later)
        await cases.add(NOW + HOUR, bucket=bucket)
    figures = []
    for partitions in ((0, 1), (2, 3), tuple(range(4, 12))):
        one = Gauges(database["cases"], directory, RulesOf(directory))
        await one.measure(NOW, buckets_of(partitions, 12))
        assert len({armed(), *(sum(told(g).values()) for g in GAUGES[:2])}) == 1
        figures.append(armed())
    assert figures == [3, 3, 0]  # bucket 255 is of partition 3
    await gauges.measure(NOW, ALL)
    assert armed() == 6
    assert told(metrics.SLA_OVERDUE) == told(metrics.SLA_PAUSED) == {("janjgir-champa", "phe"): 6}
    await gauges.measure(NOW, [])
    assert armed() == 0
    assert [told(gauge) for gauge in GAUGES] == [{}, {}, {}]


async def test_no_figure_outlives_its_cases(gauges: Gauges, cases: Cases) -> None:
    await cases.add(NOW - HOUR, paused_until=NOW + HOUR, next_at=NOW + HOUR)
    await cases.add(NOW + HOUR)
    await gauges.measure(NOW, ALL)
    assert all(told(gauge) for gauge in GAUGES)
    await cases.settle()
    await gauges.measure(NOW, ALL)
    assert [told(gauge) for gauge in GAUGES] == [{}, {}, {}]
    # what is armed is counted once a minute
    assert armed() == 1
    await gauges.measure(NOW + timedelta(seconds=60), ALL)
    assert armed() == 0


async def test_what_the_clock_writes_is_what_is_counted(line: Line, gauges: Gauges) -> None:
    """A case that was filed, routed and armed in earnest."""
    ticket = await line.file("hand-pump")
    await line.deliver()
    room = await line.room(ticket)
    due: datetime = room["deadline"]
    here = ("janjgir-champa", "phe")
    await gauges.measure(due - timedelta(minutes=90), ALL)
    assert told(metrics.SLA_DUE_WITHIN) == {(*here, h): 1 for h in ("2", "8", "24")}
    assert (told(metrics.SLA_OVERDUE), armed()) == ({}, 1)
    await gauges.measure(due + timedelta(milliseconds=1), ALL)
    assert (told(metrics.SLA_OVERDUE), told(metrics.SLA_DUE_WITHIN)) == ({here: 1}, {})


async def test_the_count_reads_no_document_of_deadlines_and_timers(
    database: mongo.Database, gauges: Gauges, cases: Cases, janjgir: District
) -> None:
    """Thousands that are due much later cost nothing, those that are due soon an index entry each."""
    late = Calendars(janjgir).working("office").add(NOW, 25 * HOUR)
    await cases.add(late, count=4000, next_at=late)
    for bucket in range(BUCKETS):
        await cases.add(NOW - HOUR, bucket=bucket, next_at=late)
    await cases.add(late, count=3, paused_until=NOW + HOUR)
    await database.command("profile", 2)
    await gauges.measure(NOW, buckets_of([0, 1, 2], 12))
    await database.command("profile", 0)
    looks = await database["system.profile"].find({"ns": f"{database.name}.cases"}).to_list(None)
    by_match = {next(iter(one["command"]["pipeline"][0]["$match"])): one for one in looks}
    assert len(looks) == 4  # two districts
    assert all(look["planSummary"].startswith("IXSCAN") for look in looks)
    armed_look, paused_look = by_match["sla.next_at"], by_match["sla.paused_until"]
    assert (armed_look["docsExamined"], paused_look["docsExamined"]) == (0, 3)
    deadlines = [look for look in looks if look not in (armed_look, paused_look)]
    assert [look["docsExamined"] for look in deadlines] == [0, 0]
    assert BUCKETS <= sum(look["keysExamined"] for look in deadlines) < 2 * BUCKETS
    assert sum(told(metrics.SLA_OVERDUE).values()) == len(buckets_of([0, 1, 2], 12))
