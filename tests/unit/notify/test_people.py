"""Who is meant by an audience."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import District
from services.kernel.domain.naming import Names
from services.notify.core.book import AUDIENCES, Audience
from services.notify.core.contacts import reachable
from services.notify.core.people import Facts, Person, people

TICKET = "2600104237"
PHONE = "+919876543210"
OFFICER = "phe-nawagarh-1"
HEAD = "phe-head-1"
AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
COMMON: dict[str, Any] = {"ticket": TICKET, "district": "janjgir-champa", "at": AT}
ACT: dict[str, Any] = COMMON | {"state": "assigned", "by": {"role": "routing"}}
GIVEN: dict[str, Any] = ACT | {"officer": OFFICER, "directory_version": 1, "reason": ""}
ASSIGNED = e.CaseAssigned.model_validate(GIVEN | {"department": "phe"})
NOTED = e.CaseNoted.model_validate(ACT)
FACTS = Facts(
    channel="web",
    language="hi",
    confidential=False,
    department="phe",
    block="nawagarh",
    holder=OFFICER,
    phone=PHONE,
)


def who(
    audience: Audience, event: e.CaseEvent, facts: Facts, directory: District, **joined: Facts
) -> list[str | None]:
    return [person.officer for person in people(audience, event, facts, directory, joined)]


def rung(to: str, officer: str | None) -> e.CaseEvent:
    fields = {"target": "resolve", "due_at": AT, "rung": 1, "to": to, "officer": officer}
    return e.SlaEscalated.model_validate(COMMON | fields)


@pytest.mark.parametrize(
    ("audience", "officer"),
    [
        ("officer", None),
        ("holder", OFFICER),
        ("head", HEAD),
        ("sdm", "sdm-janjgir-1"),
        ("collector", "collector-1"),
    ],
)
def test_who_is_meant_when_a_case_is_noted(
    audience: Audience, officer: str | None, janjgir: District
) -> None:
    assert who(audience, NOTED, FACTS, janjgir) == ([officer] if officer else [])


def test_the_officer_is_whom_the_event_names(janjgir: District) -> None:
    assert who("officer", ASSIGNED, replace(FACTS, holder=HEAD), janjgir) == [OFFICER]
    assert who("holder", ASSIGNED, replace(FACTS, holder=HEAD), janjgir) == [HEAD]
    nobody = ASSIGNED.model_copy(update={"officer": None})
    assert who("officer", nobody, FACTS, janjgir) == []


@pytest.mark.parametrize("to", ["officer", "head", "sdm", "collector"])
def test_of_an_escalation_only_its_rung_is_meant(to: str, janjgir: District) -> None:
    event = rung(to, OFFICER)  # whoever stands in for that rung now
    staff: tuple[Audience, ...] = ("officer", "head", "sdm", "collector")
    assert {one: who(one, event, FACTS, janjgir) for one in staff} == {
        one: [OFFICER] if one == to else [] for one in staff
    }
    assert who("holder", rung(to, HEAD), FACTS, janjgir) == [OFFICER]


class TestTheHead:
    def test_is_of_the_department_that_the_event_gives_it_to(self, janjgir: District) -> None:
        moved = e.CaseTransferred.model_validate(GIVEN | {"department": "revenue"})
        assert who("head", moved, FACTS, janjgir) == ["revenue-head-1"]
        changed = e.ServiceChanged.model_validate(ACT | {"service": "x", "department": "revenue"})
        assert who("head", changed, FACTS, janjgir) == ["revenue-head-1"]

    @pytest.mark.parametrize("department", [None, "gone"])
    def test_is_nobody_where_no_department_is_known(
        self, department: str | None, janjgir: District
    ) -> None:
        assert who("head", NOTED, replace(FACTS, department=department), janjgir) == []


@pytest.mark.parametrize(
    ("block", "sdm"),
    [
        ("nawagarh", "sdm-janjgir-1"),
        ("baloda", "sdm-janjgir-1"),
        ("bamhnidih", "sdm-champa-1"),
        (None, None),
        ("gone", None),
    ],
)
def test_the_sdm_is_the_blocks(block: str | None, sdm: str | None, janjgir: District) -> None:
    found = who("sdm", NOTED, replace(FACTS, block=block), janjgir)
    assert found == ([sdm] if sdm else [])


def test_a_retired_sdm_is_passed_over_for_his_successor(janjgir: District) -> None:
    """One who leaves stays in the directory, and his successor has an id of his own."""
    old = janjgir.officer_by_id["sdm-janjgir-1"]
    officers = tuple(replace(o, retired=True) if o.id == old.id else o for o in janjgir.officers)
    successor = replace(old, id="sdm-janjgir-2")
    changed = replace(janjgir, officers=(*officers, successor))
    assert who("sdm", NOTED, FACTS, changed) == ["sdm-janjgir-2"]


def test_an_officer_who_is_gone_is_nobody(janjgir: District) -> None:
    assert who("holder", NOTED, replace(FACTS, holder="gone"), janjgir) == []
    retired = tuple(replace(o, retired=True) if o.id == OFFICER else o for o in janjgir.officers)
    assert who("holder", NOTED, FACTS, replace(janjgir, officers=retired)) == []


@pytest.mark.parametrize("audience", ["officer", "holder", "head", "sdm", "collector"])
def test_nobody_is_told_of_a_case_that_names_him(audience: Audience, janjgir: District) -> None:
    (named,) = who(audience, ASSIGNED, FACTS, janjgir)
    assert named is not None
    facts = replace(FACTS, named_official=named)
    assert who(audience, ASSIGNED, facts, janjgir) == []
    office = janjgir.officer_by_id[named].office
    assert not [
        one
        for other in AUDIENCES
        for one in who(other, ASSIGNED, facts, janjgir)
        if one and one != janjgir.collector and janjgir.officer_by_id[one].office == office
    ]


class TestCitizens:
    def test_he_is_named_by_his_number_and_written_to_in_his_language(
        self, janjgir: District
    ) -> None:
        (person,) = people("citizen", NOTED, replace(FACTS, language="en"), janjgir, {})
        assert person == Person("en", phone=PHONE, source=TICKET, filed_by="web")
        contacts = Names("secret")
        assert person.name(contacts, "janjgir-champa") == contacts.phone(PHONE)

    def test_without_a_number_he_is_named_by_his_user_id(self, janjgir: District) -> None:
        facts = replace(FACTS, phone=None, user_id="IN.123")
        (person,) = people("citizen", NOTED, facts, janjgir, {})
        assert person == Person("hi", user_id="IN.123", source=TICKET, filed_by="web")
        contacts = Names("secret")
        assert person.name(contacts, "janjgir-champa") == contacts.user("IN.123")
        # whoever has both is called by his number, whatever else is known of him
        (person,) = people("citizen", NOTED, replace(facts, phone=PHONE), janjgir, {})
        assert (person.phone, person.user_id) == (PHONE, None)
        joined = {"2600000009": facts}
        (person,) = people("co_complainants", NOTED, FACTS, janjgir, joined)
        assert (person.user_id, person.source) == ("IN.123", "2600000009")

    def test_without_a_number_he_cannot_be_told(self, janjgir: District) -> None:
        assert list(people("citizen", NOTED, replace(FACTS, phone=None), janjgir, {})) == []

    def test_co_complainants_come_in_the_order_of_their_tickets(self, janjgir: District) -> None:
        joined = {
            "2600000025": replace(FACTS, phone="+919812345671", language="en", channel="whatsapp"),
            "2600000009": replace(FACTS, phone="+919812345672"),
            "2600000017": replace(FACTS, phone=None),
        }
        assert list(people("co_complainants", NOTED, FACTS, janjgir, joined)) == [
            Person("hi", phone="+919812345672", source="2600000009", filed_by="web"),
            Person("en", phone="+919812345671", source="2600000025", filed_by="whatsapp"),
        ]
        assert list(people("co_complainants", NOTED, FACTS, janjgir, {})) == []


def test_the_call_centre_is_one_recipient_a_district(janjgir: District) -> None:
    (person,) = people("operator", NOTED, FACTS, janjgir, {})
    contacts = Names("secret")
    assert person.name(contacts, "janjgir-champa") == contacts.call_centre("janjgir-champa")
    assert person.name(contacts, "sakti") != person.name(contacts, "janjgir-champa")
    silent = replace(janjgir, call_centre=replace(janjgir.call_centre, email=None))
    assert list(people("operator", NOTED, FACTS, silent, {})) == []


@pytest.mark.parametrize(
    ("phone", "found"),
    [
        ("+919876543210", "+919876543210"),
        ("98765 43210", "+919876543210"),
        ("112", None),
        ("+12", None),
        ("", None),
        (None, None),
        ("+447700900123", "+447700900123"),
        ("call me", None),
    ],
)
def test_which_numbers_could_be_anybodys(phone: str | None, found: str | None) -> None:
    assert reachable(phone) == found


def test_names_tell_kinds_apart() -> None:
    contacts, others = Names("secret"), Names("other")
    names = {
        contacts.phone(PHONE),
        contacts.officer("d", PHONE),
        contacts.call_centre("d"),
        contacts.mail("a@example.org"),
        others.phone(PHONE),
    }
    assert len(names) == 5
    assert contacts.mail(" A@Example.org ") == contacts.mail("a@example.org")
    assert not any("9876543210" in name or "example" in name for name in names)
