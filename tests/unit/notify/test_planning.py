"""Who is told what on which event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.contracts import events as e
from services.kernel.contracts.examples import examples
from services.kernel.domain.directory import District
from services.notify.adapters.book_file import load_book
from services.notify.core.contacts import Contacts
from services.notify.core.planning import Facts, PlannedMessage, plan
from services.notify.core.wording import fill, segments, utf16_units

BOOK = load_book()
CONTACTS = Contacts("secret")
TICKET = "2600104237"
PHONE = "+919876543210"
AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
OFFICER = "phe-head-1"  # reads Hindi
READS_ENGLISH = "revenue-head-1"
FACTS = Facts(
    channel="web",
    language="hi",
    confidential=False,
    service="hand-pump",
    phone=PHONE,
    holder=OFFICER,
)


def event(model: type[e.CaseEvent], **fields: Any) -> e.CaseEvent:
    known: dict[str, Any] = {"ticket": TICKET, "district": "janjgir-champa", "at": AT}
    if issubclass(model, e.CaseFiled):
        known |= {"kind": "complaint", "channel": "web", "language": "hi", "directory_version": 1}
        known["sealed"] = {"nonce": "", "data": ""}
    elif issubclass(model, e.Act):
        known |= {"state": "assigned", "by": {"role": "routing"}}
    if issubclass(model, e.CaseAssigned):
        known |= {"department": "phe", "officer": OFFICER, "directory_version": 1, "reason": ""}
    if issubclass(model, e.CaseReopened):
        known |= {"cycle": 2}
    if issubclass(model, e.Clock):
        known |= {"target": "resolve", "due_at": AT}
    if issubclass(model, e.SlaEscalated):
        known |= {"rung": 1, "to": "head", "officer": OFFICER}
    return model.model_validate(known | fields)


def planned(what: e.CaseEvent, facts: Facts, directory: District) -> dict[str, PlannedMessage]:
    room = what.ROOMS[0]
    found = plan(f"{TICKET}/{room}/1", what, facts, directory, BOOK, CONTACTS)
    assert len({message.id for message in found}) == len(found)
    return {message.audience: message for message in found}


@pytest.mark.parametrize(
    ("model", "facts", "told"),
    [
        (e.CaseFiled, {}, {"citizen": "citizen_filed"}),
        (e.CaseFiled, {"danger": True}, {"citizen": "citizen_filed_danger"}),
        (e.CaseFiled, {"confidential": True}, {"citizen": "citizen_filed"}),
        (e.CaseAssigned, {}, {"citizen": "citizen_assigned", "officer": "officer_assigned"}),
        (
            e.CaseAssigned,
            {"priority": "emergency"},
            {"citizen": "citizen_assigned", "officer": "officer_assigned_urgent"},
        ),
        (
            e.CaseAssigned,
            {"confidential": True, "priority": "urgent"},
            {"citizen": "citizen_assigned_discreet", "officer": "officer_case_discreet"},
        ),
        (e.CaseTransferred, {}, {"officer": "officer_assigned"}),
        (e.CaseTransferred, {"priority": "urgent"}, {"officer": "officer_assigned_urgent"}),
        (e.CaseTransferred, {"confidential": True}, {"officer": "officer_case_discreet"}),
        (e.CaseReopened, {}, {"officer": "officer_reopened"}),
        (e.CaseReopened, {"confidential": True}, {"officer": "officer_case_discreet"}),
        (e.CaseResolved, {}, {"citizen": "citizen_resolved"}),
        (e.SlaBreached, {}, {"holder": "officer_breached"}),
        (e.SlaBreached, {"confidential": True}, {"holder": "officer_breached_discreet"}),
        (e.SlaBreached, {"holder": None}, {}),
        (e.SlaEscalated, {}, {"officer": "officer_escalated"}),
        (e.SlaEscalated, {"confidential": True}, {"officer": "officer_escalated_discreet"}),
        (e.CaseTakenOver, {}, {}),
        (e.CaseAcknowledged, {}, {}),
        (e.CaseClosed, {}, {}),
        (e.SlaLapsed, {}, {}),
    ],
)
def test_who_is_told_what(
    model: type[e.CaseEvent], facts: dict[str, Any], told: dict[str, str], janjgir: District
) -> None:
    found = planned(event(model), replace(FACTS, **facts), janjgir)
    assert {audience: message.template for audience, message in found.items()} == told


@pytest.mark.parametrize("confidential", [False, True])
def test_who_is_told_of_a_reopening_is_not_told_that_time_is_over(
    janjgir: District, *, confidential: bool
) -> None:
    escalated = event(e.SlaEscalated)
    facts = replace(FACTS, confidential=confidential)
    told = {
        why: planned(escalated.model_copy(update={"why": why}), facts, janjgir)["officer"].template
        for why in ("unmet", "repeated", "reopened")
    }
    overdue = "officer_escalated_discreet" if confidential else "officer_escalated"
    assert told == {"unmet": overdue, "repeated": overdue, "reopened": "head_reopened"}


def test_identity_is_event_audience_and_recipient(janjgir: District) -> None:
    first = planned(event(e.CaseAssigned), FACTS, janjgir)
    assert first["citizen"].id == f"{TICKET}/case/1:citizen:{CONTACTS.phone(PHONE)}"
    officer = CONTACTS.officer("janjgir-champa", OFFICER)
    assert first["officer"].id == f"{TICKET}/case/1:officer:{officer}"
    assert first["officer"].person == OFFICER
    assert first["citizen"].person is None


def test_a_changed_number_or_language_gives_the_same_identity(janjgir: District) -> None:
    officers = tuple(
        replace(o, phone="+919812345678", language="en") if o.id == OFFICER else o
        for o in janjgir.officers
    )
    before = planned(event(e.CaseAssigned), FACTS, janjgir)["officer"]
    after = planned(event(e.CaseAssigned), FACTS, replace(janjgir, officers=officers))["officer"]
    assert before.id == after.id
    assert (before.language, after.language) == ("hi", "en")


def test_nothing_personal_is_in_a_planned_message(janjgir: District) -> None:
    for message in planned(event(e.CaseAssigned), FACTS, janjgir).values():
        assert "9876543210" not in repr(message)
        assert "9999" not in repr(message)


@pytest.mark.parametrize("phone", [None])
def test_a_citizen_without_a_phone_is_told_nothing(phone: None, janjgir: District) -> None:
    assert planned(event(e.CaseFiled), replace(FACTS, phone=phone), janjgir) == {}
    assert set(planned(event(e.CaseAssigned), replace(FACTS, phone=phone), janjgir)) == {"officer"}


@pytest.mark.parametrize(
    "change", [{"phone": None}, {"phone": "112"}, {"retired": True}], ids=["none", "short", "gone"]
)
def test_an_officer_who_cannot_be_reached_is_passed_over(
    change: dict[str, Any], janjgir: District
) -> None:
    officers = tuple(replace(o, **change) if o.id == OFFICER else o for o in janjgir.officers)
    changed = replace(janjgir, officers=officers)
    assert set(planned(event(e.CaseAssigned), FACTS, changed)) == {"citizen"}


def test_an_unknown_or_missing_officer_is_passed_over(janjgir: District) -> None:
    for officer in (None, "nobody-1"):
        assert set(planned(event(e.CaseAssigned, officer=officer), FACTS, janjgir)) == {"citizen"}


def test_a_named_official_and_his_office_are_told_nothing(janjgir: District) -> None:
    office = janjgir.officer_by_id[OFFICER].office
    colleague = next(
        (o.id for o in janjgir.officers if o.office == office and o.id != OFFICER), None
    )
    for named in filter(None, (OFFICER, colleague)):
        facts = replace(FACTS, confidential=True, named_official=named)
        assert set(planned(event(e.CaseAssigned), facts, janjgir)) == {"citizen"}
        assert planned(event(e.SlaEscalated), facts, janjgir) == {}
        assert planned(event(e.SlaBreached), facts, janjgir) == {}
    # the Collector is told of his own office: above him there is nobody
    clerk = replace(janjgir.officer_by_id[OFFICER], id="clerk-1", office="collectorate")
    district = replace(janjgir, officers=(*janjgir.officers, clerk))
    told = event(e.SlaEscalated, officer="collector-1")
    for named, audiences in (("clerk-1", {"officer"}), ("collector-1", set())):
        facts = replace(FACTS, confidential=True, named_official=named)
        assert set(planned(told, facts, district)) == audiences
    facts = replace(FACTS, confidential=True, named_official="collector-1")
    assert "officer" in planned(event(e.CaseAssigned), facts, janjgir)


@pytest.mark.parametrize(
    ("channel", "citizen"),
    [("whatsapp", "whatsapp"), ("web", "sms"), ("phone", "sms"), ("open311", "sms"), ("", "sms")],
)
def test_the_channel_is_that_of_the_filing(channel: str, citizen: str, janjgir: District) -> None:
    found = planned(event(e.CaseAssigned), replace(FACTS, channel=channel), janjgir)
    assert found["citizen"].channel == citizen
    assert found["officer"].channel == "whatsapp"


def test_everyone_is_told_in_his_own_language(janjgir: District) -> None:
    what = event(e.CaseAssigned, officer=READS_ENGLISH)
    found = planned(what, replace(FACTS, language="hi"), janjgir)
    assert (found["citizen"].language, found["officer"].language) == ("hi", "en")
    assert found["citizen"].values["department"] == "लोक स्वास्थ्य यांत्रिकी विभाग"
    assert found["officer"].values["service"] == "Hand pump broken"


def test_the_events_service_counts_before_the_filings(janjgir: District) -> None:
    what = event(e.CaseAssigned, service="transformer", officer=READS_ENGLISH)
    assert planned(what, FACTS, janjgir)["officer"].values["service"] == "Transformer burnt"
    unknown = replace(FACTS, service=None)
    what = event(e.CaseAssigned, officer=READS_ENGLISH)
    assert planned(what, unknown, janjgir)["officer"].values["service"] == "other subject"


def test_another_district_speaks_for_itself(sakti: District) -> None:
    what = event(e.CaseFiled, district="sakti")
    message = planned(what, replace(FACTS, language="en"), sakti)["citizen"]
    assert message.values == {
        "district": "Sakti",
        "ticket": "SK-2600104237",
        "call_centre": "+919999900190",
    }


def test_a_case_whose_filing_is_gone_is_treated_as_confidential(janjgir: District) -> None:
    found = planned(event(e.CaseAssigned), Facts(service="hand-pump"), janjgir)
    assert {a: m.template for a, m in found.items()} == {"officer": "officer_case_discreet"}


facts_strategy = st.builds(
    Facts,
    channel=st.sampled_from(["web", "whatsapp", "phone", ""]),
    language=st.sampled_from(["hi", "en"]),
    priority=st.sampled_from(["normal", "urgent", "emergency"]),
    danger=st.booleans(),
    confidential=st.booleans(),
    named_official=st.sampled_from([None, OFFICER, "collector-1"]),
    service=st.sampled_from([None, "hand-pump", "transformer", "gone"]),
    holder=st.sampled_from([None, OFFICER, READS_ENGLISH, "gone"]),
    phone=st.sampled_from([None, PHONE]),
)


@given(facts=facts_strategy, kind=st.sampled_from(sorted(examples())))
def test_every_plan_can_be_sent_and_a_confidential_one_names_nothing(
    facts: Facts, kind: str, janjgir: District
) -> None:
    what = examples()[kind].event
    if not isinstance(what, e.CaseEvent):
        return
    args = (f"{what.ticket}/case/1", what, facts, janjgir, BOOK, CONTACTS)
    found = plan(*args)
    assert found == plan(*args)
    for message in found:
        wording = BOOK.templates[message.template].wordings[message.channel, message.language]
        text = fill(wording.text, message.values)
        assert "{" not in text
        assert segments(text) <= 3 if message.channel == "sms" else utf16_units(text) <= 1024
        if facts.confidential:
            service = janjgir.service_by_id.get(facts.service or "")
            for said in (service.name.say(message.language) if service else None,):
                assert said is None or said not in text
            if message.audience != "citizen":
                assert set(message.values) == {"ticket"}
