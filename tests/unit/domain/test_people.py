"""Who sees which case: the rule told in words here, and the query that the desk makes of a scope."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain.directory import (
    Block,
    CallCentre,
    Department,
    District,
    Emergency,
    Office,
    Officer,
    Text,
)
from services.kernel.domain.people import Actor, Role, Scope, may_see, visible

T = Text("क", "A")


def officer(id_: str, role: str, office: str, **rest: object) -> Officer:
    return Officer(id_, T, T, role, office, **rest)  # type: ignore[arg-type]


DISTRICT = District(
    id="jc",
    code="JC",
    name=T,
    zone="Asia/Kolkata",
    blocks=(Block("b1", T, "north"), Block("b2", T, "north"), Block("b3", T, "south")),
    departments=(Department("phe", T, "phe-head"), Department("pwd", T, "pwd-head")),
    offices=(
        Office("collectorate", "rev", T),
        Office("sdm-north", "rev", T),
        Office("phe-main", "phe", T),
        Office("phe-north", "phe", T),
        Office("pwd-main", "pwd", T),
    ),
    officers=(
        officer("dm", "collector", "collectorate"),
        officer("old-dm", "collector", "collectorate"),
        officer("clerk", "officer", "collectorate"),
        officer("sdm", "sdm", "sdm-north", subdivision="north"),
        officer("phe-head", "head", "phe-main"),
        officer("phe-1", "officer", "phe-north"),
        officer("phe-2", "officer", "phe-north"),
        officer("phe-old", "officer", "phe-north", retired=True),
        officer("pwd-head", "head", "pwd-main"),
    ),
    services=(),
    calendars=(),
    policies=(),
    ladders=(),
    collector="dm",
    call_centre=CallCentre("1", "c"),
    emergency=Emergency("112", "1077"),
)

CASE: dict[str, object] = {
    "district": "jc",
    "department": "phe",
    "office": "phe-north",
    "officer": "phe-1",
    "block": "b1",
    "confidential": False,
    "named_official": None,
    "named_office": None,
}


def sees(role: Role, id_: str | None, district: str = "jc", **case: object) -> bool:
    return may_see(Actor(role, id_, district), directory=DISTRICT, **{**CASE, **case})  # type: ignore[arg-type]


def test_an_officer_sees_his_own_cases_and_those_of_his_office() -> None:
    assert sees("officer", "phe-1")
    assert sees("officer", "phe-2")
    assert sees("officer", "phe-1", office="phe-main", department=None)
    assert not sees("officer", "phe-2", office="phe-main")
    assert not sees("officer", "pwd-head")


def test_a_head_sees_his_department_and_an_sdm_his_blocks() -> None:
    assert sees("head", "phe-head", office=None, officer=None, block=None)
    assert not sees("head", "pwd-head")
    assert sees("sdm", "sdm", department="pwd", office=None, officer=None, block="b2")
    assert not sees("sdm", "sdm", block="b3")
    assert not sees("sdm", "sdm", block=None)


def test_collector_operator_and_admin_see_the_district() -> None:
    bare: dict[str, object] = {"department": None, "office": None, "officer": None, "block": None}
    assert sees("collector", "dm", **bare)
    assert sees("operator", "op-1", **bare)
    assert sees("admin", None, **bare)


@pytest.mark.parametrize("role", ["ops", "citizen", "rule", "routing"])
def test_others_see_no_case(role: Role) -> None:
    assert not sees(role, None)
    assert not sees(role, "phe-1")
    assert visible(Actor(role, "phe-1", "jc"), DISTRICT).empty


def test_a_confidential_case_is_for_its_officer_and_those_above_him() -> None:
    assert sees("officer", "phe-1", confidential=True)
    assert not sees("officer", "phe-2", confidential=True)
    assert sees("head", "phe-head", confidential=True)
    assert not sees("head", "pwd-head", confidential=True)
    assert sees("sdm", "sdm", confidential=True)
    assert sees("collector", "dm", confidential=True)
    assert not sees("operator", "op-1", confidential=True)
    assert not sees("admin", "ad-1", confidential=True)


def test_the_named_official_and_his_office_never_see_it() -> None:
    for id_ in ("phe-1", "phe-2"):
        assert not sees("officer", id_, named_official="phe-1")
        assert not sees("officer", id_, named_office="phe-north")
        assert not sees("officer", id_, named_official="phe-old")  # retired from there
    assert sees("head", "phe-head", named_official="phe-1", named_office="phe-north")
    assert not sees("head", "phe-head", named_official="phe-head")
    assert sees("collector", "dm", named_official="clerk")  # nobody is above him to take it
    assert not sees("collector", "dm", named_official="dm")
    assert not sees("officer", "clerk", named_official="old-dm")
    assert not sees("operator", "clerk", named_official="clerk")
    assert sees("operator", "op-1", named_official="clerk")
    assert not sees("operator", "op-1", named_official="op-1")


def test_rights_come_from_the_directory_of_now() -> None:
    assert not sees("officer", "phe-old", officer="phe-old")
    assert not sees("officer", "nobody", officer="nobody")
    assert not sees("head", "phe-1", officer=None, office=None)  # heads nothing
    assert not sees("collector", "old-dm")
    assert not sees("collector", None)
    moved = replace(DISTRICT, departments=(Department("phe", T, "pwd-head"),))
    assert visible(Actor("head", "phe-head", "jc"), moved).departments == frozenset()
    assert visible(Actor("head", "pwd-head", "jc"), moved).departments == {"phe"}


def test_no_one_sees_another_district() -> None:
    for role, id_ in (("collector", "dm"), ("admin", "a"), ("operator", "o"), ("officer", "phe-1")):
        assert not sees(role, id_, district="other")  # type: ignore[arg-type]
        case = {**CASE, "district": "other"}
        actor = Actor(role, id_, "jc")  # type: ignore[arg-type]
        assert not may_see(actor, directory=DISTRICT, **case)  # type: ignore[arg-type]


def expected(actor: Actor, case: dict[str, object]) -> bool:
    """The rule as it is told to people, written without the scope."""
    if actor.district != "jc" or case["district"] != "jc":
        return False
    me = next((o for o in DISTRICT.officers if o.id == actor.id), None)
    named = next((o for o in DISTRICT.officers if o.id == case["named_official"]), None)
    if actor.id is not None and actor.id == case["named_official"]:
        return False
    is_collector = me is not None and me.id == DISTRICT.collector
    named_offices = (case["named_office"], named.office if named else None)
    if me and not is_collector and me.office in named_offices:
        return False
    if actor.role in ("operator", "admin"):
        return not case["confidential"]
    if actor.role not in ("officer", "head", "sdm", "collector") or me is None or me.retired:
        return False
    if actor.role == "collector" and me.id == DISTRICT.collector:
        return True
    if case["officer"] == me.id:
        return True
    if actor.role != "officer" and any(
        d.id == case["department"] and d.head == me.id for d in DISTRICT.departments
    ):
        return True
    if actor.role == "sdm" and me.subdivision is not None:
        block = next((b for b in DISTRICT.blocks if b.id == case["block"]), None)
        if block and block.subdivision == me.subdivision:
            return True
    return case["office"] == me.office and not case["confidential"]


def query(scope: Scope) -> dict[str, object]:
    """The filter on cases that a desk makes of a scope, in the store's language."""
    open_to_all = [
        {"district": {"$in": sorted(scope.districts)}},
        {"office": {"$in": sorted(scope.offices)}},
    ]
    always = [
        {"district": {"$in": sorted(scope.confidential_districts)}},
        {"department": {"$in": sorted(scope.departments)}},
        {"officer": {"$in": sorted(scope.officers)}},
        {"block": {"$in": sorted(scope.blocks)}},
    ]
    return {
        "district": scope.district,
        "named_official": {"$nin": sorted(scope.hidden_officers)},
        "named_office": {"$nin": sorted(scope.hidden_offices)},
        "$or": [*always, *({"confidential": False, **part} for part in open_to_all)],
    }


def matches(document: dict[str, object], condition: dict[str, object]) -> bool:
    for key, wanted in condition.items():
        if key == "$or":
            assert isinstance(wanted, list)
            if not any(matches(document, part) for part in wanted):
                return False
        elif isinstance(wanted, dict):
            value = document[key]
            if "$in" in wanted and value not in wanted["$in"]:
                return False
            if "$nin" in wanted and value in wanted["$nin"]:
                return False
        elif document[key] != wanted:
            return False
    return True


def one_of(*values: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([*values, None])


OFFICERS = [o.id for o in DISTRICT.officers]
OFFICES = [o.id for o in DISTRICT.offices]
ACTORS = st.builds(
    Actor,
    st.sampled_from(get_args(Role)),
    one_of(*OFFICERS, "op-1", "nobody"),
    st.sampled_from(["jc", "jc", "jc", "other"]),
)
CASES = st.fixed_dictionaries(
    {
        "district": st.sampled_from(["jc", "jc", "jc", "other"]),
        "department": one_of("phe", "pwd", "rev"),
        "office": one_of(*OFFICES),
        "officer": one_of(*OFFICERS),
        "block": one_of("b1", "b2", "b3", "gone"),
        "confidential": st.booleans(),
        "named_official": one_of(*OFFICERS, "op-1"),
        "named_office": one_of(*OFFICES),
    }
)


@settings(max_examples=2000, deadline=None)
@given(ACTORS, CASES)
def test_page_list_and_rule_agree(actor: Actor, case: dict[str, object]) -> None:
    seen = may_see(actor, directory=DISTRICT, **case)  # type: ignore[arg-type]
    scope = visible(actor, DISTRICT)
    assert seen == expected(actor, case)
    assert seen == matches(case, query(scope))
    assert not (scope.empty and seen)


@settings(max_examples=500, deadline=None)
@given(ACTORS, CASES)
def test_nobody_of_a_named_office_sees_the_case(actor: Actor, case: dict[str, object]) -> None:
    me = DISTRICT.officer_by_id.get(actor.id or "")
    if me is not None and me.id != DISTRICT.collector:
        case = {**case, "named_office": me.office}
        assert not may_see(actor, directory=DISTRICT, **case)  # type: ignore[arg-type]
