"""Recordings that nobody has written down, in the real store: found by a small index, by those who may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.desk.adapters import query as queries
from services.desk.adapters.lists import CaseLists
from services.desk.core import filters
from services.desk.core.ports import Query
from services.desk.testing import NOW
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.domain.case import Act, Case
from services.kernel.domain.directory import District
from services.kernel.domain.people import Actor, Role, visible
from services.kernel.testing.memory import ManualClock, MemoryBroker, MemoryVault

DISTRICT = "janjgir-champa"
OPERATOR = Actor("operator", None, DISTRICT)
COLLECTOR = Actor("collector", "collector-1", DISTRICT)
HEAD = Actor("head", "phe-head-1", DISTRICT)
OFFICER = Actor("officer", "phe-akaltara-1", DISTRICT)
COLLEAGUE = Actor("officer", "phe-akaltara-2", DISTRICT)
STRANGER = Actor("officer", "pwd-district-1", DISTRICT)
Documents = Callable[..., mongo.Document]
MakeCase = Callable[..., Case]
CASES, SPOKEN = 600, 40


def _query(actor: Actor, directory: District, **given: str) -> Query:
    parsed = filters.parse({"unwritten": "true", **given}, directory, "secret" * 8)
    return Query(actor, visible(actor, directory), parsed, NOW)


async def _found(lists: CaseLists, query: Query) -> list[str]:
    rows, more = await lists.page(query)
    assert more is None
    assert (await lists.totals(query)).all == len(rows)
    return [row.case.ticket for row in rows]


@pytest.fixture
async def spoken(
    database: mongo.Database, make_case: MakeCase, to_document: Documents
) -> list[str]:
    """Many cases, some of them with recordings; in the order of the list."""
    cases = [
        make_case(n, unwritten=(f"m-{n}", f"m-{n}b") if n <= SPOKEN else ()) for n in range(1, CASES + 1)
    ]
    await database["cases"].insert_many(
        [to_document(case, NOW + timedelta(hours=n)) for n, case in enumerate(cases)]
    )
    return [case.ticket for case in cases[:SPOKEN]]


async def test_who_may_finds_them_and_nobody_else(
    database: mongo.Database, spoken: list[str], janjgir: District
) -> None:
    lists = CaseLists(database["cases"])
    for actor in (OPERATOR, COLLECTOR, HEAD, OFFICER):
        assert await _found(lists, _query(actor, janjgir)) == spoken, actor
    for actor in (COLLEAGUE, STRANGER, Actor("admin", None, DISTRICT)):
        query = _query(actor, janjgir)
        assert await _found(lists, query) == [], actor
        assert await lists.unwritten(query) == 0
    assert await lists.unwritten(_query(OPERATOR, janjgir)) == 2 * SPOKEN


async def test_a_recording_waits_until_it_is_written_down(
    database: mongo.Database, janjgir: District, make_case: MakeCase, to_document: Documents
) -> None:
    case = make_case(1, media=("m-1", "photo"), unwritten=("m-1",))
    await database["cases"].insert_many([to_document(case), to_document(make_case(2))])
    vault = MemoryVault()
    vault.new(case.ticket)
    rooms = MongoRooms(database["cases"], "case", READS)
    store = CaseStore(rooms, Outbox("case", MemoryBroker()), vault, ManualClock(NOW))
    lists = CaseLists(database["cases"])

    async def act(action: str, role: Role, media: list[str], *recordings: str) -> tuple[list[str], int]:
        by = Actor(role, None, DISTRICT)
        done = Act(action, by, note="शब्द", data={"media": media}, recordings=recordings)
        await store.act(case.ticket, done)
        query = _query(OPERATOR, janjgir)
        return await _found(lists, query), await lists.unwritten(query)

    assert await act("note", "operator", ["photo"]) == ([case.ticket], 1)
    assert await act("attach", "citizen", ["m-2", "paper"], "m-2") == ([case.ticket], 2)
    assert await act("note", "operator", ["m-1"]) == ([case.ticket], 1)
    assert await act("note", "operator", ["m-2"]) == ([], 0)
    document = await database["cases"].find_one({"_id": case.ticket})
    assert document is not None
    assert "unwritten" not in document["case"]


def _scans(plan: Any) -> list[dict[str, Any]]:
    """Every stage of a query plan."""
    if isinstance(plan, dict):
        own = [plan] if "stage" in plan else []
        return own + [stage for value in plan.values() for stage in _scans(value)]
    if isinstance(plan, list):
        return [stage for one in plan for stage in _scans(one)]
    return []


@pytest.mark.parametrize("actor", [OPERATOR, COLLECTOR, HEAD, OFFICER], ids=lambda actor: actor.role)
@pytest.mark.parametrize("state", ["open", "all"])
async def test_they_are_read_by_an_index(
    database: mongo.Database, spoken: list[str], janjgir: District, actor: Actor, state: str
) -> None:
    query = _query(actor, janjgir, state=state)
    for bounds in (queries.with_deadline(None), queries.without_deadline(None)):
        found = database["cases"].find(queries.match(query, bounds), sort=queries.ORDER, limit=51)
        plan = await found.explain()
        stages = _scans(plan["queryPlanner"]["winningPlan"])
        assert "COLLSCAN" not in {stage["stage"] for stage in stages}
        assert "IXSCAN" in {stage["stage"] for stage in stages}


@pytest.mark.parametrize("actor", [OPERATOR, COLLECTOR], ids=lambda actor: actor.role)
@pytest.mark.parametrize("state", ["open", "all"])
async def test_an_operator_reads_these_cases_alone_however_many_there_are(
    database: mongo.Database, spoken: list[str], janjgir: District, actor: Actor, state: str
) -> None:
    query = _query(actor, janjgir, state=state)
    match = queries.match(query, queries.with_deadline(None))
    plan = await database["cases"].find(match, sort=queries.ORDER, limit=51).explain()
    stages = _scans(plan["queryPlanner"]["winningPlan"])
    assert {stage["indexName"] for stage in stages if stage["stage"] == "IXSCAN"} == {"unwritten"}
    assert "SORT" not in {stage["stage"] for stage in stages}
    assert plan["executionStats"]["totalDocsExamined"] == SPOKEN
    counted = await database["cases"].find(queries.match(query)).explain()
    assert counted["executionStats"]["totalDocsExamined"] == SPOKEN
