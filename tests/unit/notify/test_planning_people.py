"""Whose message it is: named once, in his language, and only who may know of the case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import District
from services.kernel.domain.reasons import reasons
from services.notify.core.people import Facts
from services.notify.core.planning import Planner, provider_of
from tests.unit.notify.planning import (
    AT,
    BOOK,
    COLLECTOR,
    CONTACTS,
    FACTS,
    HEAD,
    JOINED,
    OFFICER,
    PHONE,
    PLANNER,
    TICKET,
    event,
    planned,
    templates,
)


class TestIdentity:
    def test_is_event_and_recipient(self, janjgir: District) -> None:
        found = planned(event(e.CaseAssigned), FACTS, janjgir)
        assert found["citizen"].id == f"{TICKET}/case/1:{CONTACTS.phone(PHONE)}"
        officer = CONTACTS.officer("janjgir-champa", OFFICER)
        assert found["officer"].id == f"{TICKET}/case/1:{officer}"
        assert (found["officer"].person, found["citizen"].person) == (OFFICER, None)
        assert (found["officer"].source, found["citizen"].source) == (None, TICKET)

    def test_of_the_call_centre_is_its_districts(self, janjgir: District, sakti: District) -> None:
        facts = replace(FACTS, danger=True)
        names = [
            planned(event(e.CaseFiled, district=one.id), facts, one)["operator"].recipient
            for one in (janjgir, sakti)
        ]
        assert len(set(names)) == 2
        assert names[0] == CONTACTS.call_centre("janjgir-champa")

    def test_does_not_change_with_number_or_language(self, janjgir: District) -> None:
        officers = tuple(
            replace(o, phone="+919812345678", language="en") if o.id == OFFICER else o
            for o in janjgir.officers
        )
        before = planned(event(e.CaseAssigned), FACTS, janjgir)["officer"]
        after = planned(event(e.CaseAssigned), FACTS, replace(janjgir, officers=officers))[
            "officer"
        ]
        assert before.id == after.id
        assert (before.language, after.language) == ("hi", "en")

    def test_does_not_change_with_the_hour(self, janjgir: District) -> None:
        night = AT + timedelta(hours=14)
        for facts in (FACTS, replace(FACTS, confidential=True), replace(FACTS, priority="urgent")):
            first = PLANNER.plan("x/case/1", event(e.CaseAssigned), facts, janjgir, AT)
            again = PLANNER.plan("x/case/1", event(e.CaseAssigned), facts, janjgir, night)
            assert [message.id for message in first] == [message.id for message in again]


class TestOnceAPersonAndEvent:
    def test_the_first_rule_counts_where_two_audiences_mean_him(self, janjgir: District) -> None:
        """The head holds the case himself, and is the head of its department."""
        book = replace(
            BOOK,
            rules=(
                *BOOK.rules,
                replace(
                    BOOK.rules_of(e.SlaBreached.TYPE)[-1], audience="head", template="head_reopened"
                ),
            ),
        )
        planner = Planner(book, CONTACTS, reasons())
        told = planner.plan(
            "x/sla/1", event(e.SlaBreached), replace(FACTS, holder=HEAD), janjgir, AT
        )
        assert [(m.audience, m.person, m.template) for m in told] == [
            ("holder", HEAD, "officer_breached")
        ]
        told = planner.plan("x/sla/1", event(e.SlaBreached), FACTS, janjgir, AT)
        assert [(m.audience, m.person) for m in told] == [("holder", OFFICER), ("head", HEAD)]

    def test_who_filed_both_cases_hears_once(self, janjgir: District) -> None:
        found = planned(event(e.CaseReplied), FACTS, janjgir, joined={JOINED: FACTS})
        assert templates(found) == {"citizen": "citizen_replied"}
        assert found["citizen"].source == TICKET


def test_co_complainants_are_told_of_their_own_case_in_their_own_language(
    janjgir: District,
) -> None:
    joined = {
        JOINED: replace(FACTS, phone="+919812345678", language="en", channel="whatsapp"),
        "2600000009": replace(FACTS, phone="+919812345679", language="hi"),
        "2600000017": replace(FACTS, phone=None),
    }
    found = PLANNER.plan("x/case/1", event(e.CaseReplied), FACTS, janjgir, AT, joined)
    told = {m.source: m for m in found if m.audience == "co_complainants"}
    assert set(told) == {JOINED, "2600000009"}
    mine = told[JOINED]
    assert (mine.language, mine.values["ticket"]) == ("en", f"JC-{JOINED}")
    assert mine.channels == ("whatsapp", "sms")
    assert mine.ticket == TICKET, "it is kept with the case that it is about"
    assert mine.recipient == CONTACTS.phone("+919812345678")
    other = told["2600000009"]
    assert (other.language, other.values["ticket"]) == ("hi", "JC-2600000009")
    assert other.channels == ("sms", "whatsapp")
    assert {m.id for m in found if m.audience == "citizen"} == {f"x/case/1:{CONTACTS.phone(PHONE)}"}


class TestWhoCannotOrMayNotBeTold:
    @pytest.mark.parametrize("model", [e.CaseFiled, e.CaseAssigned, e.CaseResolved])
    def test_a_citizen_without_a_phone(self, model: type[e.CaseEvent], janjgir: District) -> None:
        assert "citizen" not in planned(event(model), replace(FACTS, phone=None), janjgir)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"phone": None}, True),
            ({"email": None}, True),
            ({"phone": "112"}, True),
            ({"phone": None, "email": None}, False),
            ({"phone": "112", "email": None}, False),
            ({"retired": True}, False),
        ],
    )
    def test_an_officer(self, change: dict[str, Any], janjgir: District, *, told: bool) -> None:
        officers = tuple(replace(o, **change) if o.id == OFFICER else o for o in janjgir.officers)
        found = planned(event(e.CaseAssigned), FACTS, replace(janjgir, officers=officers))
        assert ("officer" in found) == told

    def test_a_call_centre_without_an_address(self, janjgir: District) -> None:
        silent = replace(janjgir, call_centre=replace(janjgir.call_centre, email=None))
        assert set(planned(event(e.CaseFiled), replace(FACTS, danger=True), silent)) == {"citizen"}

    def test_a_named_official_and_his_office(self, janjgir: District) -> None:
        office = janjgir.officer_by_id[OFFICER].office
        colleague = replace(janjgir.officer_by_id[OFFICER], id="clerk-1")
        district = replace(janjgir, officers=(*janjgir.officers, colleague))
        assert colleague.office == office
        for named in (OFFICER, "clerk-1"):
            facts = replace(FACTS, confidential=True, named_official=named)
            assert set(planned(event(e.CaseAssigned), facts, district)) == {"citizen"}
            assert planned(event(e.SlaBreached), facts, district) == {}
            rung = event(e.SlaEscalated, to="officer", officer=OFFICER)
            assert planned(rung, facts, district) == {}
            above = event(e.SlaEscalated, to="head", officer=HEAD)
            assert set(planned(above, facts, district)) == {"head"}
        # the Collector is told of his own office: above him there is nobody
        clerk = replace(janjgir.officer_by_id[OFFICER], id="clerk-2", office="collectorate")
        district = replace(janjgir, officers=(*janjgir.officers, clerk))
        told = event(e.SlaEscalated, to="collector", officer=COLLECTOR)
        for named, audiences in (("clerk-2", {"collector"}), (COLLECTOR, set())):
            facts = replace(FACTS, confidential=True, named_official=named)
            assert set(planned(told, facts, district)) == audiences

    def test_a_case_whose_filing_is_gone_is_treated_as_confidential(
        self, janjgir: District
    ) -> None:
        found = planned(event(e.CaseAssigned), Facts(service="hand-pump"), janjgir)
        assert templates(found) == {"officer": "officer_case_discreet"}


class TestWhoShowsNoNumber:
    FACTS = replace(FACTS, phone=None, user_id="IN.123", channel="whatsapp")

    @pytest.mark.parametrize("filed_by", ["whatsapp", "web"])
    def test_he_is_told_by_whatsapp_alone(self, filed_by: str, janjgir: District) -> None:
        facts = replace(self.FACTS, channel=filed_by)
        message = planned(event(e.CaseAssigned), facts, janjgir)["citizen"]
        assert (message.channels, message.providers) == (("whatsapp",), ("whatsapp",))
        assert message.recipient == CONTACTS.user("IN.123")
        assert (message.source, message.numberless) == (TICKET, True)
        assert "IN.123" not in repr(message)

    def test_a_number_counts_where_there_is_one(self, janjgir: District) -> None:
        facts = replace(self.FACTS, phone=PHONE)
        message = planned(event(e.CaseAssigned), facts, janjgir)["citizen"]
        assert message.recipient == CONTACTS.phone(PHONE)
        assert (message.channels, message.numberless) == (("whatsapp", "sms"), False)


class TestWhoWasAnswered:
    @pytest.mark.parametrize(
        ("channel", "danger", "told"),
        [
            ("web", False, {"citizen"}),
            ("whatsapp", False, set()),
            ("web", True, {"citizen", "operator"}),
            ("whatsapp", True, {"operator"}),
        ],
    )
    def test_by_the_channel_that_he_filed_through(
        self, channel: str, janjgir: District, *, danger: bool, told: set[str]
    ) -> None:
        facts = replace(FACTS, channel=channel, danger=danger)
        assert set(planned(event(e.CaseFiled, channel=channel), facts, janjgir)) == told

    @pytest.mark.parametrize(
        ("model", "others"),
        [
            (e.CaseConfirmed, set()),
            (e.CaseReopened, {"officer"}),
            (e.CaseWithdrawn, {"holder"}),
        ],
    )
    def test_by_the_channel_in_which_he_acted(
        self, model: type[e.CaseEvent], others: set[str], janjgir: District
    ) -> None:
        """Whichever channel the case came by; others are told all the same."""
        facts = replace(FACTS, channel="whatsapp")
        for via, told in (("whatsapp", others), ("web", {*others, "citizen"})):
            assert set(planned(event(model, via=via), facts, janjgir)) == told
        assert set(planned(event(model), facts, janjgir)) == {*others, "citizen"}

    def test_of_what_staff_does_he_is_told_wherever_he_filed(self, janjgir: District) -> None:
        facts = replace(FACTS, channel="whatsapp")
        for model in (e.CaseAssigned, e.QuestionAsked, e.CaseResolved, e.CaseRejected):
            assert "citizen" in planned(event(model, via="whatsapp"), facts, janjgir)


@pytest.mark.parametrize(
    ("filed_by", "channels"),
    [
        ("whatsapp", ("whatsapp", "sms")),
        ("web", ("sms", "whatsapp")),
        ("phone", ("sms", "whatsapp")),
        ("open311", ("sms", "whatsapp")),
        ("", ("sms", "whatsapp")),
    ],
)
def test_the_channels_and_who_carries_them(
    filed_by: str, channels: tuple[str, ...], janjgir: District, sakti: District
) -> None:
    facts = replace(FACTS, channel=filed_by)
    found = planned(event(e.CaseAssigned), facts, janjgir)
    assert found["citizen"].channels == channels
    assert found["officer"].channels == ("whatsapp", "sms", "email")
    assert found["officer"].providers == ("whatsapp", "mobile_seva", "smtp")
    kannel = replace(janjgir, sms_gateway="kannel")
    found = planned(event(e.CaseAssigned), facts, kannel)
    assert found["officer"].providers == ("whatsapp", "kannel", "smtp")
    assert found["citizen"].providers == tuple(provider_of(one, kannel) for one in channels)  # type: ignore[arg-type]
