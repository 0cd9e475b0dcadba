"""Who is to have a case: offices of the block, officers on duty, the chain above them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.domain import duty
from services.kernel.domain.case import Case, CasePlace
from services.kernel.domain.directory import District, Leave
from services.kernel.domain.duty import Level, Matter
from services.kernel.domain.people import Actor, visible

DAY = date(2026, 3, 2)
PUMP = Matter("phe", "hand-pump", "akaltara")
OF_AKALTARA = ["phe-akaltara-1", "phe-akaltara-2", "phe-akaltara-3"]
CHAIN = ["phe-head-1", "sdm-akaltara-1", "collector-1"]
"""Above the water office of Akaltara."""


def without(district: District, *ids: str, retired: bool = False) -> District:
    """Those are on leave on DAY, or retired."""
    leave = (Leave(DAY, DAY),)
    officers = tuple(
        o if o.id not in ids else replace(o, retired=True) if retired else replace(o, leave=leave)
        for o in district.officers
    )
    return replace(district, officers=officers)


def with_clerk(district: District, office: str) -> District:
    """One more officer, `clerk-1`, in that office."""
    clerk = replace(district.officer_by_id[OF_AKALTARA[0]], id="clerk-1", office=office)
    return replace(district, officers=(*district.officers, clerk))


def case_of(**fields: Any) -> Case:
    filed = datetime(2026, 3, 1, 6, tzinfo=UTC)
    usual: dict[str, Any] = {
        "ticket": "2600104237",
        "district": "janjgir-champa",
        "kind": "complaint",
        "channel": "web",
        "language": "hi",
        "priority": "normal",
        "filed_at": filed,
        "updated_at": filed,
        "directory_version": 1,
        "state": "resolved",
        "service": "hand-pump",
        "department": "phe",
        "office": "phe-akaltara",
        "officer": "phe-akaltara-1",
        "place": CasePlace(block="akaltara"),
    }
    return Case(**{**usual, **fields})


@pytest.mark.parametrize(
    ("matter", "ids"),
    [
        (PUMP, ["phe-akaltara", "phe-district"]),
        (replace(PUMP, block=None), ["phe-district"]),
        (replace(PUMP, block="no-such"), ["phe-district"]),
        (Matter("pwd", "road", "akaltara"), ["pwd-district"]),
        (Matter("pwd", "road"), ["pwd-district"]),
        (
            Matter("revenue", None, "akaltara"),
            ["sdm-akaltara", "revenue-akaltara", "collectorate", "revenue-district"],
        ),
        (
            Matter("revenue", None, "akaltara", "sdm-akaltara-1"),
            ["revenue-akaltara", "collectorate", "revenue-district"],
        ),
        (replace(PUMP, named_official="phe-akaltara-2"), ["phe-district"]),
        (Matter(None, None, "akaltara"), []),
    ],
    ids=str,
)
def test_the_blocks_offices_come_before_those_of_the_whole_district(
    janjgir: District, matter: Matter, ids: list[str]
) -> None:
    assert [office.id for office in duty.offices(matter, janjgir)] == ids


def test_officers_are_on_duty_and_handle_the_service(janjgir: District) -> None:
    def ids(matter: Matter, district: District) -> list[str]:
        return [o.id for o in duty.eligible(matter, "phe-akaltara", district, DAY)]

    assert ids(PUMP, janjgir) == OF_AKALTARA
    assert ids(PUMP, without(janjgir, OF_AKALTARA[0])) == OF_AKALTARA[1:]
    assert ids(PUMP, without(janjgir, OF_AKALTARA[1], retired=True)) == OF_AKALTARA[::2]
    only = replace(
        janjgir,
        officers=tuple(
            replace(o, services=("dirty-water",)) if o.id == OF_AKALTARA[2] else o
            for o in janjgir.officers
        ),
    )
    assert ids(PUMP, only) == OF_AKALTARA[:2]
    assert ids(replace(PUMP, service="dirty-water"), only) == OF_AKALTARA
    for unasked in (None, "road", "no-such"):
        assert ids(replace(PUMP, service=unasked), only) == OF_AKALTARA
    assert ids(replace(PUMP, named_official=OF_AKALTARA[0]), janjgir) == []


def test_leave_counts_on_its_days_only(janjgir: District) -> None:
    leave = (Leave(date(2026, 3, 3), date(2026, 3, 4)),)
    officers = tuple(
        replace(o, leave=leave) if o.id == "phe-head-1" else o for o in janjgir.officers
    )
    district = replace(janjgir, officers=officers)
    for day, head in ((2, True), (3, False), (4, False), (5, True)):
        found = duty.above(PUMP, district, date(2026, 3, day))
        assert found is not None
        assert (found.id == "phe-head-1") is head


@pytest.mark.parametrize("retired", [False, True])
def test_it_climbs_step_by_step(janjgir: District, retired: bool) -> None:
    for gone in range(len(CHAIN)):
        found = duty.above(PUMP, without(janjgir, *CHAIN[:gone], retired=retired), DAY)
        assert found is not None
        assert found.id == CHAIN[gone]


@pytest.mark.parametrize(
    ("start", "matter", "found"),
    [
        ("head", PUMP, "phe-head-1"),
        ("sdm", PUMP, "sdm-akaltara-1"),
        ("collector", PUMP, "collector-1"),
        ("head", Matter(None, None, "akaltara"), "sdm-akaltara-1"),
        ("head", Matter("no-such", None, None), "collector-1"),
        ("sdm", replace(PUMP, block=None), "collector-1"),
        ("head", replace(PUMP, named_official="phe-head-1"), "sdm-akaltara-1"),
        ("sdm", replace(PUMP, named_official="sdm-akaltara-1"), "collector-1"),
        ("collector", replace(PUMP, named_official="collector-1"), None),
        ("sdm", replace(PUMP, named_official="collector-1"), "sdm-akaltara-1"),
        ("head", replace(PUMP, named_official="nobody-1"), "phe-head-1"),
    ],
    ids=str,
)
def test_the_climb_begins_where_it_is_told(
    janjgir: District, start: Level, matter: Matter, found: str | None
) -> None:
    officer = duty.above(matter, janjgir, DAY, start)
    assert (officer.id if officer is not None else None) == found


def test_everyone_of_the_named_officials_office_is_passed_over(janjgir: District) -> None:
    matter = replace(PUMP, named_official="clerk-1")
    for office, expected in (
        (janjgir.officer_by_id["phe-head-1"].office, "sdm-akaltara-1"),
        ("sdm-akaltara", "phe-head-1"),
    ):
        found = duty.above(matter, with_clerk(janjgir, office), DAY)
        assert found is not None
        assert found.id == expected


def test_the_collector_is_passed_over_only_where_he_himself_is_named(janjgir: District) -> None:
    district = without(with_clerk(janjgir, "collectorate"), *CHAIN[:2])
    assert (
        duty.above(replace(PUMP, named_official="clerk-1"), district, DAY)
        == (district.officer_by_id["collector-1"])
    )
    assert duty.above(replace(PUMP, named_official="collector-1"), district, DAY) is None


def test_on_leave_the_collector_is_still_the_last(janjgir: District) -> None:
    found = duty.above(PUMP, without(janjgir, *CHAIN), DAY)
    assert found is not None
    assert found.id == "collector-1"
    named = replace(PUMP, named_official="collector-1")
    assert duty.above(named, without(janjgir, *CHAIN), DAY) is None
    # a directory without a serving Collector passes no check; here it must only not break
    assert duty.above(PUMP, without(janjgir, *CHAIN, retired=True), DAY) is None


# ------------------------------------------------------------------ a case that is worked again


def ids_of(case: Case, district: District) -> list[str]:
    return [officer.id for officer in duty.successors(case, district, DAY)]


def test_the_officer_keeps_a_case_if_he_can(janjgir: District) -> None:
    first, *others = OF_AKALTARA
    assert duty.may_keep(case_of(), janjgir, DAY)
    assert ids_of(case_of(), janjgir) == [first]
    for gone in (without(janjgir, first), without(janjgir, first, retired=True)):
        assert not duty.may_keep(case_of(), gone, DAY)
        assert ids_of(case_of(), gone) == others
    assert ids_of(case_of(officer="long-gone"), janjgir) == OF_AKALTARA
    assert ids_of(case_of(officer=None), janjgir) == OF_AKALTARA
    assert not duty.may_keep(case_of(named_official=OF_AKALTARA[2]), janjgir, DAY)
    assert ids_of(case_of(named_official=OF_AKALTARA[2]), janjgir) == ["phe-head-1"]


def test_who_moved_to_another_office_does_not_take_the_case_along(janjgir: District) -> None:
    moved = replace(
        janjgir,
        officers=tuple(
            replace(o, office="phe-baloda") if o.id == OF_AKALTARA[0] else o
            for o in janjgir.officers
        ),
    )
    assert ids_of(case_of(), moved) == OF_AKALTARA[1:]


@pytest.mark.parametrize("higher", CHAIN)
def test_who_took_it_over_keeps_it_and_the_file_stays(janjgir: District, higher: str) -> None:
    case = case_of(officer=higher)
    assert ids_of(case, janjgir) == [higher]
    officer = janjgir.officer_by_id[higher]
    assert duty.placement(case, officer, janjgir)["office"] == "phe-akaltara"


def test_another_blocks_sdm_stands_above_other_cases(janjgir: District) -> None:
    assert ids_of(case_of(officer="sdm-champa-1"), janjgir) == OF_AKALTARA


def test_a_case_that_had_gone_up_comes_down_and_is_no_clerks(janjgir: District) -> None:
    case = case_of(office="sdm-akaltara", officer="sdm-akaltara-1")
    district = with_clerk(without(janjgir, "sdm-akaltara-1"), "sdm-akaltara")
    assert ids_of(case, district) == OF_AKALTARA
    assert ids_of(case, without(district, *OF_AKALTARA)) == ["phe-head-1"]


def test_a_placement_names_office_and_version(janjgir: District) -> None:
    district = replace(janjgir, version=7)
    head = district.officer_by_id["phe-head-1"]
    assert duty.placement(case_of(), head, district) == {
        "department": "phe",
        "office": head.office,
        "officer": "phe-head-1",
        "directory_version": 7,
    }
    nobody = duty.placement(case_of(), None, district)
    assert (nobody["office"], nobody["officer"]) == ("phe-akaltara", None)
    named = case_of(named_official=OF_AKALTARA[2])
    assert duty.placement(named, None, district)["office"] is None


def test_who_is_chosen(janjgir: District) -> None:
    officers = duty.candidates(PUMP, janjgir, DAY)
    for loads, chosen in (
        ({}, OF_AKALTARA[0]),
        ({OF_AKALTARA[0]: 1, OF_AKALTARA[2]: 2}, OF_AKALTARA[1]),
        (dict.fromkeys(OF_AKALTARA, 4), OF_AKALTARA[0]),
    ):
        found = duty.fewest(officers, loads)
        assert found is not None
        assert found.id == chosen
    assert duty.fewest((), {}) is None
    assert duty.in_turn((), "2600104237") is None
    turns = {duty.in_turn(officers, f"26{number:08}") for number in range(3)}
    assert turns == set(officers)


# ------------------------------------------------------------------ whatever the directory says


@given(data=st.data())
def test_never_the_named_always_on_duty_and_somebody(
    data: st.DataObject, janjgir: District, sakti: District
) -> None:
    district = data.draw(st.sampled_from([janjgir, sakti]))
    everyone = [o.id for o in district.officers]
    district = without(district, *data.draw(st.sets(st.sampled_from(everyone))))
    retired = st.sets(st.sampled_from([o for o in everyone if o != district.collector]))
    district = without(district, *data.draw(retired), retired=True)
    if data.draw(st.booleans()):
        offices = st.sampled_from([o.id for o in district.offices])
        clerk = replace(district.officers[-1], id="clerk-1", office=data.draw(offices))
        district = replace(district, officers=(*district.officers, clerk))
    ids = st.none() | st.sampled_from([o.id for o in district.officers])
    matter = Matter(
        data.draw(st.none() | st.sampled_from([d.id for d in district.departments])),
        data.draw(st.none() | st.sampled_from([s.id for s in district.services])),
        data.draw(st.none() | st.sampled_from([b.id for b in district.blocks])),
        data.draw(ids),
    )
    case = case_of(
        district=district.id,
        service=matter.service,
        department=matter.department,
        place=CasePlace(block=matter.block),
        named_official=matter.named_official,
        officer=data.draw(ids),
        office=data.draw(st.none() | st.sampled_from([o.id for o in district.offices])),
    )
    start = data.draw(st.sampled_from(duty.LEVELS))
    higher = duty.above(matter, district, DAY, start)
    successors = duty.successors(case, district, DAY)
    named = district.officer_by_id.get(matter.named_official or "")
    for officer in (*duty.candidates(matter, district, DAY), *successors, higher):
        if officer is None:
            continue
        assert officer.id != matter.named_official
        assert not officer.retired
        if officer.id != district.collector:
            assert officer.on_duty(DAY)
            assert named is None or officer.office != named.office
        # what he is given he may also see
        assert visible(Actor(officer.role, officer.id, district.id), district).admits(
            district=district.id,
            department=matter.department,
            office=case.office,
            officer=officer.id,
            block=matter.block,
            confidential=True,
            named_official=matter.named_official,
            named_office=named.office if named is not None else None,
        )
    if matter.named_official != district.collector:
        assert higher is not None
        assert successors
