"""What MongoDB answers for a list is what the rule of sight and the filters say, for every role."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.desk.adapters import query as queries
from services.desk.adapters.lists import CaseLists
from services.desk.core import filters, rights
from services.desk.core.ports import Query
from services.desk.core.view import Row
from services.kernel.adapters import mongo
from services.kernel.domain import lifecycle
from services.kernel.domain.case import Case, CasePlace
from services.kernel.domain.directory import District
from services.kernel.domain.people import Actor, visible

NOW = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
SECRET = "a-secret-of-the-tests-with-32-bytes"
ACTORS = [
    Actor("operator", None, "janjgir-champa"),
    Actor("operator", None, "sakti"),
    Actor("admin", None, "janjgir-champa"),
    Actor("collector", "collector-1", "janjgir-champa"),
    Actor("head", "phe-head-1", "janjgir-champa"),
    Actor("head", "revenue-head-1", "janjgir-champa"),
    Actor("sdm", "sdm-akaltara-1", "janjgir-champa"),
    Actor("sdm", "sdm-janjgir-1", "janjgir-champa"),
    Actor("officer", "phe-akaltara-1", "janjgir-champa"),
    Actor("officer", "phe-akaltara-2", "janjgir-champa"),
    Actor("officer", "pwd-district-1", "janjgir-champa"),
    Actor("officer", "nobody", "janjgir-champa"),
    Actor("ops", None, "janjgir-champa"),
]
Documents = Callable[..., mongo.Document]
MakeCase = Callable[..., Case]


def _random_case(chance: random.Random, sequence: int, make: MakeCase, district: District) -> Case:
    office = chance.choice(
        [o for o in district.offices if o.department in ("phe", "pwd", "revenue")]
        or list(district.offices)
    )
    people = [o.id for o in district.officers if o.office == office.id]
    block = chance.choice(district.blocks)
    services = [s.id for s in district.services if s.department == office.department]
    placed = chance.random() < 0.85
    return make(
        sequence,
        district=district.id,
        state=chance.choice(lifecycle.STATES),
        kind=chance.choice(("complaint", "suggestion", "demand")),
        priority=chance.choice(("normal", "normal", "urgent", "emergency")),
        service=chance.choice([*services, None]) if services else None,
        department=office.department if placed else None,
        office=office.id if placed else None,
        officer=chance.choice([*people, None]) if placed and people else None,
        place=chance.choice(
            [CasePlace(), CasePlace(block=block.id, village=chance.choice(block.villages).id)]
        ),
        confidential=chance.random() < 0.2,
        named_official=chance.choice(
            [None, None, None, "phe-akaltara-1", "phe-head-1", "sdm-akaltara-1", "collector-1"]
        ),
        name=chance.choice(["Ramlal Sahu", "Sunita Yadav", "मोहन साहू", "O'Neil (c/o) Dev"]),
        phone=chance.choice(["+919876543210", "+919876543211", None]),
        unwritten=chance.choice([(), (), (), (), ("m-1",), ("m-1", "m-2")]),
    )


@pytest.fixture
async def rows(
    database: mongo.Database,
    janjgir: District,
    sakti: District,
    make_case: MakeCase,
    to_document: Documents,
) -> list[Row]:
    """Five hundred cases of two districts, with deadlines that meet on the same instants."""
    chance = random.Random(20260105)
    found = []
    for sequence in range(1, 501):
        district = sakti if sequence % 10 == 0 else janjgir
        case = _random_case(chance, sequence, make_case, district)
        hours = chance.choice([None, *range(-30, 30)])
        deadline = None if hours is None else NOW + timedelta(hours=hours)
        found.append(Row(case, 1, {} if deadline is None else {"deadline": deadline}))
    await database["cases"].insert_many([to_document(row.case, row.deadline) for row in found])
    return found


def _query(actor: Actor, directory: District, **given: str) -> Query:
    parsed = filters.parse(given, directory, SECRET)
    return Query(actor, visible(actor, directory), parsed, NOW)


async def _walk(lists: CaseLists, actor: Actor, directory: District, **given: str) -> list[str]:
    """Every page of a list, by its cursors."""
    seen: list[str] = []
    cursor = ""
    while True:
        query = _query(actor, directory, **given, cursor=cursor)
        page, more = await lists.page(query)
        seen += [row.case.ticket for row in page]
        if more is None:
            return seen
        assert len(page) == query.filters.limit
        cursor = more.write(SECRET)


def _expected(
    rows: list[Row], actor: Actor, directory: District, keep: Callable[[Row], bool]
) -> list[Row]:
    scope = visible(actor, directory)
    mine = [row for row in rows if rights.sees(scope, row.case, directory) and keep(row)]
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(mine, key=lambda row: (row.deadline or latest, row.case.ticket))


@pytest.mark.parametrize("actor", ACTORS, ids=lambda a: f"{a.role}-{a.id or a.district}")
async def test_the_list_is_what_may_be_seen_in_order(
    database: mongo.Database, rows: list[Row], janjgir: District, sakti: District, actor: Actor
) -> None:
    directory = sakti if actor.district == "sakti" else janjgir
    lists = CaseLists(database["cases"])
    for state in (None, "all", "assigned", "closed", "merged"):

        def keep(row: Row, state: str | None = state) -> bool:
            return row.case.open if state is None else state == "all" or row.case.state == state

        expected = _expected(rows, actor, directory, keep)
        given = {"state": state} if state else {}
        found = await _walk(lists, actor, directory, **given, limit="7")
        assert found == [row.case.ticket for row in expected]
        totals = await lists.totals(_query(actor, directory, **given))
        assert totals.all == len(expected)
        assert totals.by_state == Counter(row.case.state for row in expected)
        assert totals.overdue == sum(row.overdue(NOW) for row in expected)


@pytest.mark.parametrize(
    ("given", "keep"),
    [
        ({"department": "phe"}, lambda c: c.department == "phe"),
        ({"officer": "phe-akaltara-1"}, lambda c: c.officer == "phe-akaltara-1"),
        ({"kind": "demand"}, lambda c: c.kind == "demand"),
        ({"block": "akaltara"}, lambda c: c.place.block == "akaltara"),
        ({"service": "hand-pump"}, lambda c: c.service == "hand-pump"),
        ({"priority": "emergency"}, lambda c: c.priority == "emergency"),
        ({"unwritten": "true"}, lambda c: c.unwritten != ()),
        ({"unwritten": "false"}, lambda c: c.unwritten == ()),
        ({"q": "ramlal"}, lambda c: c.name == "Ramlal Sahu"),
        ({"q": "SAHU ram"}, lambda c: c.name == "Ramlal Sahu"),
        ({"q": "साह"}, lambda c: c.name == "मोहन साहू"),
        ({"q": "(c/o)"}, lambda c: c.name.startswith("O'Neil")),
        ({"q": ".*"}, None),
        ({"q": "lal"}, lambda c: False),
        ({"q": "9876543210"}, lambda c: c.phone == "+919876543210"),
        ({"q": "098765 43211"}, lambda c: c.phone == "+919876543211"),
        ({"q": "+91 99999 00001"}, lambda c: False),
    ],
    ids=lambda value: "=".join(*value.items()) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize(
    "actor", [ACTORS[0], ACTORS[3], ACTORS[4], ACTORS[8]], ids=lambda actor: actor.role
)
async def test_filters_narrow_the_list(
    database: mongo.Database,
    rows: list[Row],
    janjgir: District,
    actor: Actor,
    given: dict[str, str],
    keep: Callable[[Case], bool] | None,
) -> None:
    lists = CaseLists(database["cases"])
    if keep is None:
        with pytest.raises(Exception, match="words"):
            _query(actor, janjgir, **given)
        return

    def wanted(row: Row) -> bool:
        of_the_citizen = "q" in given or "unwritten" in given
        own = actor.role != "officer" or not of_the_citizen or row.case.officer == actor.id
        return row.case.open and own and keep(row.case)

    for overdue in (None, "true", "false"):
        expected = [
            row
            for row in _expected(rows, actor, janjgir, wanted)
            if overdue is None or row.overdue(NOW) is (overdue == "true")
        ]
        more = {} if overdue is None else {"overdue": overdue}
        found = await _walk(lists, actor, janjgir, **given, **more, limit="5")
        assert found == [row.case.ticket for row in expected]
        totals = await lists.totals(_query(actor, janjgir, **given, **more))
        assert totals.all == len(expected)


@pytest.mark.parametrize("actor", ACTORS, ids=lambda a: f"{a.role}-{a.id or a.district}")
async def test_as_many_recordings_are_counted_as_their_list_shows(
    database: mongo.Database, rows: list[Row], janjgir: District, sakti: District, actor: Actor
) -> None:
    """To nobody more than he reads, and none of a case that is hidden from him."""
    directory = sakti if actor.district == "sakti" else janjgir
    lists = CaseLists(database["cases"])

    def waits(row: Row) -> bool:
        return row.case.unwritten != () and rights.reads_personal(actor, row.case)

    expected = _expected(rows, actor, directory, waits)
    found = await _walk(lists, actor, directory, state="all", unwritten="true", limit="7")
    assert found == [row.case.ticket for row in expected]
    count = sum(len(row.case.unwritten) for row in expected)
    query = Query(actor, visible(actor, directory), filters.UNWRITTEN, NOW)
    assert await lists.unwritten(query) == count
    if actor.role not in ("officer", "admin"):
        # of all cases as many: those without have none
        assert await lists.unwritten(_query(actor, directory, state="all")) == count


async def test_a_ticket_number_finds_its_case_in_any_state(
    database: mongo.Database, janjgir: District, make_case: MakeCase, to_document: Documents
) -> None:
    closed = make_case(1, state="closed")
    await database["cases"].insert_many([to_document(closed), to_document(make_case(2))])
    lists = CaseLists(database["cases"])
    actor = ACTORS[0]
    for written in (f"JC-{closed.ticket}", closed.ticket):
        assert await _walk(lists, actor, janjgir, q=written) == [closed.ticket]
    assert await _walk(lists, actor, janjgir, q=closed.ticket, state="open") == []
    assert await _walk(lists, actor, janjgir, q=closed.ticket, state="closed") == [closed.ticket]


async def test_ten_digits_may_be_a_ticket_and_a_phone_number(
    database: mongo.Database, janjgir: District, make_case: MakeCase, to_document: Documents
) -> None:
    """A mobile number of which the last digit happens to check finds the citizen's cases too."""
    from services.kernel.domain import tickets

    number = tickets.make(98, 7654321)
    caller = make_case(3, phone=f"+91{number}")
    namesake = Case(**{**vars(make_case(4, phone=None)), "ticket": number})
    await database["cases"].insert_many([to_document(caller), to_document(namesake)])
    found = await _walk(CaseLists(database["cases"]), ACTORS[0], janjgir, q=number)
    assert sorted(found) == sorted([caller.ticket, number])


async def test_who_has_how_many_open_cases(
    database: mongo.Database, rows: list[Row], janjgir: District
) -> None:
    wanted = ["phe-akaltara-1", "phe-akaltara-2", "nobody"]
    counted = await CaseLists(database["cases"]).open_cases(wanted)
    counts = Counter(row.case.officer for row in rows if row.case.open)
    assert counted == {one: counts[one] for one in wanted if counts[one]}


def _stages(plan: Any) -> set[str]:
    """Every stage of a query plan."""
    if isinstance(plan, dict):
        own = {plan["stage"]} if "stage" in plan else set()
        return own.union(*map(_stages, plan.values()))
    if isinstance(plan, list):
        return set().union(*map(_stages, plan))
    return set()


@pytest.mark.parametrize("actor", ACTORS[:11], ids=lambda a: f"{a.role}-{a.id or a.district}")
async def test_every_list_is_read_by_an_index(
    database: mongo.Database, rows: list[Row], janjgir: District, sakti: District, actor: Actor
) -> None:
    directory = sakti if actor.district == "sakti" else janjgir
    for given in ({}, {"state": "closed"}, {"department": directory.departments[0].id}):
        query = _query(actor, directory, **given)
        parts = [queries.with_deadline(None), queries.without_deadline(None)]
        for bounds in parts:
            match = queries.match(query, bounds)
            plan = await database["cases"].find(match, sort=queries.ORDER, limit=51).explain()
            stages = _stages(plan["queryPlanner"]["winningPlan"])
            assert "IXSCAN" in stages
            assert "COLLSCAN" not in stages


async def test_whole_districts_and_officers_are_not_sorted_in_memory(
    database: mongo.Database, rows: list[Row], janjgir: District
) -> None:
    """The Collector's and the operator's list stops after a page, however many cases there are."""
    for actor in (ACTORS[0], ACTORS[3], ACTORS[4]):
        match = queries.match(_query(actor, janjgir), queries.with_deadline(None))
        plan = await database["cases"].find(match, sort=queries.ORDER, limit=51).explain()
        assert "SORT" not in _stages(plan["queryPlanner"]["winningPlan"])
