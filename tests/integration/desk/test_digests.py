"""The daily digests out of the real store and onto the real topic: the right cases, by indexes, each asked
for under one key by however many desks."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.cli.stack import Ports
from services.desk.adapters.digests import NOTES, StoredDigestCases, StoredDigestNotes
from services.desk.adapters.texts import load_texts
from services.desk.core import digests
from services.desk.core.digests import Counts, Day
from services.desk.handlers.digests import Digests
from services.desk.testing import MORNING
from services.kernel.adapters import kafka as kafka_adapter
from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.beside import MessageRequested
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Message, Record
from services.kernel.contracts.envelope import Requested, unseal
from services.kernel.contracts.topics import MESSAGES
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.naming import Names

OFFICER, OTHER = "phe-akaltara-1", "phe-akaltara-2"
JANJGIR = "janjgir-champa"
MakeCase = Callable[..., Case]
Documents = Callable[..., mongo.Document]
Put = Callable[..., Any]


@pytest.fixture
def day(janjgir: District) -> Day:
    found = digests.time_for(janjgir, MORNING)
    assert found is not None
    return found


@pytest.fixture
def put(database: mongo.Database, make_case: MakeCase, to_document: Documents) -> Put:
    """`ticket = await put(hours, **fields)`: a case due so many hours after MORNING; None: without limit.

    `ended_at` and `breached_at` are of its clock.
    """
    count = iter(range(1, 10_000))

    async def one(
        hours: float | None,
        *,
        ended_at: datetime | None = None,
        breached_at: datetime | None = None,
        **fields: Any,
    ) -> str:
        case = make_case(next(count), **fields)
        deadline = None if hours is None else MORNING + timedelta(hours=hours)
        document = to_document(case, deadline)
        clock = document.setdefault("sla", {"n": 0, "seen": {}, "outbox": []})
        clock["district"] = case.district
        if ended_at is not None:
            clock["ended_at"] = ended_at
        if breached_at is not None:
            clock["targets"] = {"resolve": {"breached_at": breached_at}}
        await database["cases"].insert_one(document)
        return case.ticket

    return one


@pytest.fixture
def cases(database: mongo.Database) -> StoredDigestCases:
    return StoredDigestCases(database)


# ------------------------------------------------------------------------------- the store


async def test_who_owes_something_by_the_end_of_the_day(
    cases: StoredDigestCases, put: Put, day: Day
) -> None:
    await put(-100, officer="late")
    await put(14.49, officer="tonight")
    await put(14.5, officer="tomorrow")
    await put(None, officer="without-a-limit")
    await put(-1, officer="resolved", state="resolved")
    await put(-1, officer=None)
    await put(-1, officer="of-another-district", district="sakti")
    assert await cases.owing(JANJGIR, day) == {"late", "tonight"}


async def test_the_cases_of_one_officer_the_longest_overdue_first(
    cases: StoredDigestCases, put: Put, day: Day
) -> None:
    tonight = await put(14, confidential=True)
    late = await put(-50, state="in_progress", service=None)
    later = await put(-2)
    await put(15)
    await put(None)
    await put(-60, officer=OTHER)
    await put(-60, state="closed")
    await put(-60, district="sakti")
    await put(-60, named_official=OTHER)
    whole = (None, day.end)
    listed = await cases.due(JANJGIR, OFFICER, {OFFICER, OTHER}, *whole, 30)
    found = listed.cases
    assert [case.ticket for case in found] == [late, later, tonight]
    assert listed.count == 3
    assert (found[0].state, found[0].service, found[0].deadline) == (
        "in_progress", None, MORNING - timedelta(hours=50),
    )  # fmt: skip
    assert [case.confidential for case in found] == [False, False, True]
    some = await cases.due(JANJGIR, OFFICER, {OFFICER, OTHER}, *whole, 2)
    assert ([case.ticket for case in some.cases], some.count) == ([late, later], 3)
    assert (await cases.due(JANJGIR, OFFICER, (), *whole, 30)).count == 4


async def test_what_is_overdue_hides_nothing_that_is_due_today(
    cases: StoredDigestCases, put: Put, day: Day
) -> None:
    """Each list has its own limit and its own number; what is due at the instant itself is in time."""
    late = [await put(hours) for hours in (-5, -4, -3)]
    now, tonight = await put(0), await put(14.49)
    overdue = await cases.due(JANJGIR, OFFICER, (), None, MORNING, 2)
    today = await cases.due(JANJGIR, OFFICER, (), MORNING, day.end, 2)
    assert ([case.ticket for case in overdue.cases], overdue.count) == (late[:2], 3)
    assert ([case.ticket for case in today.cases], today.count) == ([now, tonight], 2)


async def test_how_a_district_stands(
    database: mongo.Database, cases: StoredDigestCases, put: Put, day: Day
) -> None:
    yesterday, before = day.start - timedelta(hours=1), day.before - timedelta(hours=1)
    longest = await put(-90)
    about_him = await put(-80, named_official="collector-1")
    await put(-1)
    await put(3)
    await put(20)
    await put(None)
    await put(3, department=None, office=None, officer=None)
    await put(-1, department="pwd", state="closed", ended_at=yesterday)
    await put(-1, department="pwd", state="closed", ended_at=before)
    await put(-1, department="pwd", state="closed", ended_at=day.start)
    await put(-1, department="pwd", state="rejected", ended_at=yesterday)
    await put(-11, department="pwd", state="resolved", breached_at=MORNING - timedelta(hours=11))
    await put(-11, department="pwd", breached_at=MORNING - timedelta(hours=11))
    await put(-11, department="pwd", state="resolved")
    await put(-1, department="pwd", state="resolved", breached_at=MORNING - timedelta(hours=1))
    await put(-95, district="sakti")
    receipts = [
        (JANJGIR, day.before), (JANJGIR, yesterday), (JANJGIR, before), (JANJGIR, day.start),
        ("sakti", yesterday),
    ]  # fmt: skip
    await database["receipts"].insert_many(
        [
            {"_id": str(n), "key": str(n), "district": district, "received_at": at}
            for n, (district, at) in enumerate(receipts)
        ]
    )
    found = await cases.figures(JANJGIR, {"collector-1"}, day, MORNING, 2)
    assert found.departments == {
        "phe": Counts(open=6, overdue=3, due_today=1),
        "pwd": Counts(open=1, overdue=1, due_today=0),
        None: Counts(open=1, overdue=0, due_today=1),
    }
    assert (found.filed_yesterday, found.closed_yesterday, found.breached_yesterday) == (2, 1, 2)
    assert found.longest[0].ticket == longest
    assert found.longest[1].deadline == MORNING - timedelta(hours=11)
    assert about_him not in [case.ticket for case in found.longest]
    assert len(found.longest) == 2


async def test_what_is_due_at_the_instant_itself_is_in_time(
    cases: StoredDigestCases, put: Put, day: Day
) -> None:
    await put(0)
    found = await cases.figures(JANJGIR, (), day, MORNING, 5)
    assert found.departments == {"phe": Counts(open=1, overdue=0, due_today=1)}
    assert found.longest == []


async def test_every_query_is_answered_by_an_index(
    database: mongo.Database, cases: StoredDigestCases, put: Put, day: Day
) -> None:
    """Of a district of open cases, of which few are due: no case is read that is not told of, and the
    departments are counted without reading any."""
    for n in range(40):
        await put(100 + n, officer=OTHER)
    await put(-5)
    await put(5)
    await database.command("profile", 2)
    await cases.owing(JANJGIR, day)
    await cases.due(JANJGIR, OFFICER, {OTHER}, None, MORNING, 1)
    await cases.due(JANJGIR, OFFICER, {OTHER}, MORNING, day.end, 1)
    await cases.figures(JANJGIR, {OTHER}, day, MORNING, 5)
    await database.command("profile", 0)
    ran = await database["system.profile"].find({"ns": {"$regex": r"\.(cases|receipts)$"}}).to_list(None)
    assert len(ran) >= 8
    for one in ran:
        assert "COLLSCAN" not in one["planSummary"], one["command"]
        assert one["docsExamined"] <= 2, one["command"]
    counted = [one for one in ran if one["keysExamined"] >= 42]
    assert [one["docsExamined"] for one in counted] == [0], "only the departments walk every open case"


async def test_a_day_is_noted_once(database: mongo.Database, day: Day) -> None:
    notes = StoredDigestNotes(database)
    assert not await notes.asked(JANJGIR, day.date)
    labels = {"district": JANJGIR, "kind": "officer"}
    before = REGISTRY.get_sample_value("samvad_digests_requested_total", labels) or 0
    await notes.note(JANJGIR, day.date, MORNING, {"officer": 3, "collector": 1})
    await notes.note(JANJGIR, day.date, MORNING + timedelta(hours=1), {"officer": 4})
    assert REGISTRY.get_sample_value("samvad_digests_requested_total", labels) == before + 3
    assert await notes.asked(JANJGIR, day.date)
    assert not await notes.asked("sakti", day.date)
    assert not await notes.asked(JANJGIR, day.date + timedelta(days=1))
    found = await database[NOTES].find_one({"_id": f"{JANJGIR}/2026-01-05"})
    assert found is not None and found["asked_at"] == MORNING
    assert found["messages"] == {"officer": 3, "collector": 1}


# ------------------------------------------------------------------------------- the topic


@pytest.fixture
async def publisher(kafka: str) -> AsyncIterator[Publisher]:
    topic = TOPICS[MESSAGES]
    await kafka_adapter.create_topics(kafka, {MESSAGES: (topic.partitions, topic.configs)})
    publisher = Publisher(kafka, client_id="test")
    yield publisher
    await publisher.stop()


class Fails:
    """A publisher whose second call publishes and then does not know: the process crashed there."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, messages: list[Message]) -> None:
        await self._publisher.publish(messages)
        raise Unavailable("Kafka")


@pytest.fixture
async def asked(database: mongo.Database, janjgir: District) -> tuple[DirectoryStore, District]:
    """A district of the test's own, so that the topic's records of other tests are not taken for its."""
    store = DirectoryStore(database)
    own = replace(
        janjgir,
        id=f"district-{database.name[-8:]}",
        officers=tuple(replace(o, email=f"{o.id}@example.org") for o in janjgir.officers),
    )
    await store.put(own, by="test", at=MORNING)
    return store, own


def desk(database: mongo.Database, directories: DirectoryStore, publisher: Any) -> Digests:
    settings = Settings()
    return Digests(
        directories,
        StoredDigestCases(database),
        StoredDigestNotes(database),
        publisher,
        settings.keys,
        Names(settings.contact_secret.get_secret_value()),
        load_texts(),
        "https://desk.example.org",
    )


async def records(kafka: str, district: District) -> list[tuple[Record, MessageRequested]]:
    found = []
    async for record in kafka_adapter.read_whole(kafka, MESSAGES):
        event = MessageRequested.model_validate_json(record.value or b"")
        if event.district == district.id:
            found.append((record, event))
    return found


async def test_two_desks_ask_for_the_same_messages(
    kafka: str,
    database: mongo.Database,
    publisher: Publisher,
    asked: tuple[DirectoryStore, District],
    put: Put,
) -> None:
    """At the same moment: whoever reads the topic has each key, and no third one comes later."""
    directories, district = asked
    ticket = await put(-3, district=district.id)
    await put(5, district=district.id)
    await put(200, district=district.id, officer=OTHER)
    desks = [desk(database, directories, publisher) for _ in range(2)]
    await asyncio.gather(*(one.round(MORNING) for one in desks))
    assert [await one.round(MORNING + timedelta(minutes=n)) for n in range(3) for one in desks] == [0] * 6
    found = await records(kafka, district)
    keys = Counter(event.key for _, event in found)
    of = f"digest/{district.id}"
    assert set(keys) == {f"{of}/{OFFICER}/2026-01-05", f"{of}/collector-1/2026-01-05"}
    assert max(keys.values()) <= 2
    for record, event in found:
        assert record.key == event.recipient.encode()
        assert record.header("ce_id") == event.key
        assert record.header("ce_source") == "/samvad/desk"
    contents = {}
    for _, event in found:
        data_key = Settings().keys.unwrap(event.wrapped_key or "", event.key)
        contents[event.template] = unseal(event.sealed, Requested, data_key, event.key)
    content = contents["digest_officer"]
    assert (content.to, content.audience) == (f"{OFFICER}@example.org", "officer")
    assert [row["ticket"] for row in content.data["overdue"]] == [f"JC-{ticket}"]
    assert (content.data["overdue_count"], content.data["due_today_count"]) == (1, 1)
    assert len(content.data["due_today"]) == 1
    assert contents["digest_collector"].audience == "collector"


async def test_a_desk_that_was_started_again_asks_for_what_may_be_missing_and_then_no_more(
    kafka: str,
    database: mongo.Database,
    publisher: Publisher,
    asked: tuple[DirectoryStore, District],
    put: Put,
) -> None:
    directories, district = asked
    await put(-3, district=district.id)
    with pytest.raises(Unavailable):
        await desk(database, directories, Fails(publisher)).round(MORNING)
    assert await database[NOTES].count_documents({}) == 0
    later = MORNING + timedelta(hours=2)
    assert await desk(database, directories, publisher).round(later) == 2
    assert await desk(database, directories, publisher).round(later + timedelta(minutes=1)) == 0
    found = await records(kafka, district)
    assert sorted(Counter(event.key for _, event in found).values()) == [2, 2]
    tomorrow = MORNING + timedelta(days=1)
    assert await desk(database, directories, publisher).round(tomorrow) == 2
    assert len({event.key for _, event in await records(kafka, district)}) == 4


@pytest.fixture
def start(kafka: str, mongo_url: str, database: mongo.Database, tmp_path: Path) -> Callable[..., Any]:
    """Runs `samvad desk`, whose clock begins at MORNING and half an hour, until the block ends."""

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        begin = MORNING + timedelta(minutes=30)
        environment = {
            **os.environ,
            "SAMVAD_HOME": str(tmp_path),
            "SAMVAD_KAFKA": kafka,
            "SAMVAD_MONGO": mongo_url,
            "SAMVAD_DATABASE": database.name,
            "SAMVAD_DESK_PORT": str(Ports.free()["desk"]),
            "SAMVAD_CLOCK_OFFSET": str(round((begin - datetime.now(UTC)).total_seconds())),
        }
        code = "from services.desk.app import main; main()"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=environment)
        try:
            yield
        finally:
            process.terminate()
            assert await process.wait() == 0

    return running


async def test_desks_ask_by_themselves_and_one_that_starts_later_finds_it_done(
    kafka: str,
    database: mongo.Database,
    publisher: Publisher,
    asked: tuple[DirectoryStore, District],
    put: Put,
    start: Callable[..., Any],
    eventually: Callable[..., Any],
) -> None:
    directories, district = asked
    await put(-3, district=district.id)

    async def noted(id_: str, officers: int | None) -> bool:
        asked = {"messages.collector": 1, "messages.officer": officers}
        query = {"_id": f"{id_}/2026-01-05", **asked}
        return await database[NOTES].count_documents(query) == 1

    async with start(), start():
        await eventually(lambda: noted(district.id, 1), "the day to be noted")
    before = await records(kafka, district)
    assert len({event.key for _, event in before}) == 2
    # districts come in the order of their ids: when this one is noted, the first was looked at
    last = replace(district, id=f"later-{database.name[-8:]}")
    await directories.put(last, by="test", at=MORNING)
    async with start():
        await eventually(lambda: noted(last.id, None), "the other district to be noted")
    assert len(await records(kafka, district)) == len(before)
    [(_, event)] = await records(kafka, last)
    assert event.template == "digest_collector"
