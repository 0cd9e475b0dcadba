"""Where a person sends a case, and who there is to work it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.desk.core.placing import Wanted, place
from services.kernel.domain.case import Case, CasePlace, Entry
from services.kernel.domain.directory import District, Leave
from services.kernel.domain.duty import fewest
from services.kernel.domain.errors import Invalid

DAY = date(2026, 1, 5)
MakeCase = Callable[..., Case]


def away(district: District, *ids: str) -> District:
    leave = (Leave(DAY, DAY),)
    officers = tuple(replace(o, leave=leave) if o.id in ids else o for o in district.officers)
    return replace(district, officers=officers)


def test_an_officer_brings_office_and_department(janjgir: District, make_case: MakeCase) -> None:
    wanted = Wanted(officer="pwd-district-1")
    found = place(make_case(), wanted, janjgir, DAY, same_department=False)
    assert (found.department, found.office) == ("pwd", "pwd-district")
    assert [o.id for o in found.officers] == ["pwd-district-1"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted(), "officer"),
        (Wanted(officer="phe-akaltara-2", office="pwd-district"), "office"),
        (Wanted(officer="phe-akaltara-2", department="pwd"), "department"),
        (Wanted(office="phe-akaltara", department="pwd"), "department"),
        (Wanted(officer="phe-akaltara-2", service="road"), "service"),
        (Wanted(office="nowhere"), "office"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(
    janjgir: District, make_case: MakeCase, wanted: Wanted, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        place(make_case(), wanted, janjgir, DAY, same_department=False)
    assert caught.value.field == field


def test_an_assignment_stays_in_the_department(janjgir: District, make_case: MakeCase) -> None:
    wanted = Wanted(officer="pwd-district-1")
    with pytest.raises(Invalid, match="transfer"):
        place(make_case(), wanted, janjgir, DAY, same_department=True)
    untold = make_case(department=None, office=None, officer=None, service=None, state="triage")
    found = place(untold, wanted, janjgir, DAY, same_department=True)
    assert found.department == "pwd"


def test_who_is_on_leave_or_retired_gets_nothing(janjgir: District, make_case: MakeCase) -> None:
    wanted = Wanted(officer="phe-akaltara-2")
    with pytest.raises(Invalid, match="on duty"):
        place(make_case(), wanted, away(janjgir, "phe-akaltara-2"), DAY, same_department=True)
    gone = replace(
        janjgir,
        officers=tuple(
            replace(o, retired=True) if o.id == "phe-akaltara-2" else o for o in janjgir.officers
        ),
    )
    with pytest.raises(Invalid, match="on duty"):
        place(make_case(), wanted, gone, DAY, same_department=True)


def test_a_department_means_the_office_of_the_block(janjgir: District, make_case: MakeCase) -> None:
    case = make_case(place=CasePlace(block="baloda"))
    found = place(case, Wanted(department="phe"), janjgir, DAY, same_department=False)
    assert found.office == "phe-baloda"
    elsewhere = make_case(place=CasePlace())
    found = place(elsewhere, Wanted(department="pwd"), janjgir, DAY, same_department=False)
    assert found.office == "pwd-district"


def test_where_nobody_is_it_goes_up(janjgir: District, make_case: MakeCase) -> None:
    wanted = Wanted(office="phe-baloda")
    case = make_case(place=CasePlace(block="baloda"))
    steps = ["phe-baloda-1", "phe-head-1", "sdm-janjgir-1", "collector-1"]
    for gone in range(1, len(steps)):
        district = away(janjgir, *steps[:gone])
        found = place(case, wanted, district, DAY, same_department=False)
        assert [o.id for o in found.officers] == [steps[gone]]
    gone = away(janjgir, *steps)
    found = place(case, wanted, gone, DAY, same_department=False)
    assert [o.id for o in found.officers] == ["collector-1"]
    found = place(
        replace(case, named_official="collector-1"), wanted, gone, DAY, same_department=False
    )
    assert (found.officers, found.office, found.department) == ((), "phe-baloda", "phe")


def test_the_fewest_open_cases_decide(janjgir: District, make_case: MakeCase) -> None:
    found = place(make_case(), Wanted(office="phe-akaltara"), janjgir, DAY, same_department=True)
    assert len(found.officers) == 3
    chosen = fewest(
        found.officers, {"phe-akaltara-1": 3, "phe-akaltara-2": 1, "phe-akaltara-3": 2}
    )
    assert chosen is not None
    assert chosen.id == "phe-akaltara-2"


def test_without_a_place_a_department_of_blocks_leaves_it_to_its_head(
    janjgir: District, make_case: MakeCase
) -> None:
    case = make_case(place=CasePlace(), department="pwd")
    found = place(case, Wanted(department="phe"), janjgir, DAY, same_department=False)
    assert [o.id for o in found.officers] == ["phe-head-1"]


def test_the_collector_may_be_given_what_is_about_his_own_office(
    janjgir: District, make_case: MakeCase
) -> None:
    clerk = replace(janjgir.officer_by_id["phe-akaltara-1"], id="clerk-1", office="collectorate")
    district = replace(janjgir, officers=(*janjgir.officers, clerk))
    wanted = Wanted(officer="collector-1")
    case = make_case(named_official="clerk-1")
    found = place(case, wanted, district, DAY, same_department=False)
    assert [o.id for o in found.officers] == ["collector-1"]
    for named in ("collector-1", "clerk-1"):
        case = make_case(named_official=named)
        with pytest.raises(Invalid):
            place(case, Wanted(officer="clerk-1"), district, DAY, same_department=False)


# ---------------------------------------------------------------- through the desk


async def test_an_assignment_says_by_whom_to_whom_and_by_which_directory(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case())
    answer = await bench.act(ticket, "assign", "head", "phe-head-1", officer="phe-akaltara-2")
    assert answer.status_code == 200
    case = bench.case(ticket)
    assert (case.officer, case.office, case.department) == (
        "phe-akaltara-2",
        "phe-akaltara",
        "phe",
    )
    told = case.history[-1].data
    assert told["directory_version"] == 7
    assert told["reason"] == "Tulsiram Dewangan (head of department) assigned it to Pooja Kashyap"


async def test_from_triage_a_service_alone_finds_the_office(
    bench: Any, make_case: MakeCase
) -> None:
    case = make_case(state="triage", service=None, department=None, office=None, officer=None)
    ticket = bench.put(case)
    answer = await bench.act(ticket, "assign", "operator", service="hand-pump")
    assert answer.status_code == 200
    after = bench.case(ticket)
    assert (after.service, after.department, after.office) == ("hand-pump", "phe", "phe-akaltara")
    assert after.officer is not None


async def test_taking_over(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    assert (await bench.act(ticket, "take_over", "officer", "phe-akaltara-1")).status_code == 403
    answer = await bench.act(ticket, "take_over", "sdm", "sdm-akaltara-1")
    assert answer.status_code == 200
    case = bench.case(ticket)
    assert (case.officer, case.department, case.office) == (
        "sdm-akaltara-1",
        "phe",
        "phe-akaltara",
    )
    assert "took it over" in case.history[-1].data["reason"]


async def test_reopening_keeps_the_officer_or_finds_another(
    bench: Any, make_case: MakeCase, janjgir: District
) -> None:
    closed_at = bench.clock() - timedelta(days=3)
    first = bench.put(make_case(1, state="closed", closed_at=closed_at))
    second = bench.put(make_case(2, state="closed", closed_at=closed_at))
    assert (await bench.act(first, "reopen")).status_code == 200
    assert bench.case(first).officer == "phe-akaltara-1"
    assert bench.case(first).cycle == 2
    bench.directories.districts[janjgir.id] = away(janjgir, "phe-akaltara-1")
    assert (await bench.act(second, "reopen")).status_code == 200
    assert bench.case(second).officer in ("phe-akaltara-2", "phe-akaltara-3")


async def test_the_window_for_reopening(bench: Any, make_case: MakeCase) -> None:
    late = bench.clock() - timedelta(days=30, milliseconds=1)
    in_time = bench.clock() - timedelta(days=30)
    over = bench.put(make_case(1, state="closed", closed_at=late))
    open_still = bench.put(make_case(2, state="closed", closed_at=in_time))
    answer = await bench.act(over, "reopen")
    assert answer.status_code == 409
    assert answer.json()["error"]["state"] == "closed"
    assert (await bench.act(open_still, "reopen")).status_code == 200


async def test_a_service_is_changed_within_the_department(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    answer = await bench.act(
        ticket,
        "change_service",
        "officer",
        "phe-akaltara-1",
        service="dirty-water",
        priority="urgent",
    )
    assert answer.status_code == 200
    case = bench.case(ticket)
    assert (case.service, case.department, case.priority) == ("dirty-water", "phe", "urgent")
    assert case.officer == "phe-akaltara-1"


async def test_another_departments_service_goes_there_with_the_case(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case())
    refused = await bench.act(ticket, "change_service", "head", "phe-head-1", service="road")
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert error["field"] == "service"
    assert "transfer" in error["reason"]
    wrong = await bench.act(
        ticket, "transfer", "head", "phe-head-1", department="health", service="road"
    )
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "service")
    assert bench.version(ticket) == 1
    answer = await bench.act(
        ticket, "transfer", "head", "phe-head-1", department="pwd", service="road"
    )
    assert answer.status_code == 200
    case = bench.case(ticket)
    assert (case.service, case.department, case.office) == ("road", "pwd", "pwd-district")
    assert case.officer is not None
    assert case.officer.startswith("pwd-")


async def test_a_service_alone_says_to_which_department(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    same = await bench.act(ticket, "transfer", "head", "phe-head-1", service="dirty-water")
    assert (same.status_code, same.json()["error"]["field"]) == (422, "department")
    assert (
        await bench.act(ticket, "transfer", "head", "phe-head-1", service="road")
    ).status_code == 200
    assert bench.case(ticket).department == "pwd"


async def test_nobody_can_put_a_case_behind_another_yet(bench: Any, make_case: MakeCase) -> None:
    child = bench.put(make_case(1))
    answer = await bench.act(child, "merge", "officer", "phe-akaltara-1")
    assert answer.status_code == 403
    assert bench.case(child).state == make_case(1).state


async def test_rejection_takes_two_people(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    answer = await bench.act(
        ticket, "propose_rejection", "officer", "phe-akaltara-1", reason="duplicate"
    )
    assert "propose_rejection" not in answer.json()["allowed"]
    assert (await bench.act(ticket, "reject", "officer", "phe-akaltara-1")).status_code == 403
    answer = await bench.act(ticket, "reject", "head", "phe-head-1")
    assert answer.json()["state"] == "rejected"
    assert bench.case(ticket).rejection == "duplicate"


@pytest.mark.parametrize(
    ("action", "role", "fields", "public"),
    [
        ("ask_citizen", "officer", {}, True),
        ("reply", "officer", {}, True),
        ("resolve", "officer", {}, True),
        ("resolve", "officer", {"public": False}, False),
        ("note", "officer", {}, False),
        ("note", "officer", {"public": True}, True),
        ("attach", "officer", {}, False),
        ("attach", "operator", {}, True),
        ("remind", "operator", {}, True),
    ],
)
async def test_what_the_citizen_reads(
    bench: Any, make_case: MakeCase, action: str, role: str, fields: dict[str, Any], public: bool
) -> None:
    ticket = bench.put(make_case(state="in_progress"))
    person = "phe-akaltara-1" if role == "officer" else None
    answer = await bench.act(ticket, action, role, person, note="शब्द", **fields)
    assert answer.status_code == 200
    entry: Entry = bench.case(ticket).history[-1]
    assert entry.public is public


async def test_an_answer_to_the_citizen_cannot_be_kept_from_him(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case(state="in_progress"))
    answer = await bench.act(ticket, "reply", "officer", "phe-akaltara-1", note="x", public=False)
    assert answer.json()["error"]["field"] == "public"
