"""What an event of a case puts into the variables of texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.kernel.contracts import events as e
from services.kernel.contracts.examples import examples
from services.kernel.domain.directory import District, Language
from services.kernel.domain.reasons import reasons
from services.notify.adapters.book_file import load_book
from services.notify.core.people import Facts
from services.notify.core.values import ALWAYS, DISCREET, LATE, NONE, STAMP, local, offered, values

BOOK = load_book()
TICKET = "2600104237"
AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
FACTS = Facts(confidential=False, service="hand-pump", department="phe", phone="+919876543210")
ACT: dict[str, Any] = {
    "ticket": TICKET,
    "district": "janjgir-champa",
    "at": AT,
    "state": "assigned",
    "by": {"role": "officer", "id": "phe-nawagarh-1"},
}
NOTED = e.CaseNoted.model_validate(ACT)


def put(
    event: e.CaseEvent,
    directory: District,
    *,
    facts: Facts = FACTS,
    language: Language = "en",
    ticket: str = TICKET,
) -> dict[str, str]:
    return values(event, ticket, facts, directory, BOOK, language, reasons())


def given(**fields: Any) -> e.CaseEvent:
    known = {"department": "phe", "directory_version": 1, "reason": "secret words"}
    return e.CaseAssigned.model_validate(ACT | known | fields)


@pytest.mark.parametrize(("language", "name"), [("hi", "जांजगीर-चांपा"), ("en", "Janjgir-Champa")])
def test_what_every_event_offers(language: Language, name: str, janjgir: District) -> None:
    found = put(NOTED, janjgir, language=language)
    assert found["district"] == name
    assert found["ticket"] == f"JC-{TICKET}"
    assert found["call_centre"] == "7970001634"
    assert (found["emergency"], found["control_room"], found["days"]) == ("112", "1077", "30")


def test_a_reader_sees_his_own_case(janjgir: District) -> None:
    assert put(NOTED, janjgir, ticket="2600000009")["ticket"] == "JC-2600000009"


@pytest.mark.parametrize(
    ("event", "service", "said"),
    [
        (NOTED, "hand-pump", "Hand pump broken"),
        (NOTED, None, "other subject"),
        (NOTED, "gone", "other subject"),
        (given(service="transformer"), "hand-pump", "Transformer burnt"),
        (given(service=None), "hand-pump", "Hand pump broken"),
        (given(service="gone"), "hand-pump", "other subject"),
    ],
)
def test_what_it_is_about(
    event: e.CaseEvent, service: str | None, said: str, janjgir: District
) -> None:
    assert put(event, janjgir, facts=replace(FACTS, service=service))["service"] == said


def test_what_it_is_about_in_hindi(janjgir: District) -> None:
    assert put(NOTED, janjgir, language="hi")["service"] == "हैंडपंप खराब"
    unknown = replace(FACTS, service=None)
    assert put(NOTED, janjgir, facts=unknown, language="hi")["service"] == "अन्य विषय"


@pytest.mark.parametrize(
    ("event", "department", "said"),
    [
        (NOTED, "phe", "Public Health Engineering"),
        (NOTED, None, NONE),
        (given(department="revenue"), "phe", "Revenue"),
        (
            e.ServiceChanged.model_validate(ACT | {"service": "x", "department": "revenue"}),
            "phe",
            "Revenue",
        ),
    ],
)
def test_whose_it_is(
    event: e.CaseEvent, department: str | None, said: str, janjgir: District
) -> None:
    assert put(event, janjgir, facts=replace(FACTS, department=department))["department"] == said


@pytest.mark.parametrize("model", [e.CaseRejected, e.RejectionProposed])
def test_the_reason_is_said_in_words(model: type[e.CaseEvent], janjgir: District) -> None:
    event = model.model_validate(ACT | {"reason": "sub_judice"})
    for language in ("hi", "en"):
        said = put(event, janjgir, language=language)["reason"]
        assert said == reasons()["sub_judice"][language]
    old = model.model_validate(ACT | {"reason": "no_more_listed"})
    assert put(old, janjgir)["reason"] == "no_more_listed"


@pytest.mark.parametrize("model", [e.CaseMerged, e.CaseUnmerged])
def test_the_other_case_is_shown_as_people_know_it(
    model: type[e.CaseEvent], janjgir: District
) -> None:
    event = model.model_validate(ACT | {"parent": "2600000017"})
    assert put(event, janjgir)["parent"] == "JC-2600000017"


class TestTheClock:
    DUE = datetime(2026, 1, 5, 18, 40, 59, tzinfo=UTC)

    def breached(self, target: str) -> e.CaseEvent:
        fields = {"ticket": TICKET, "district": "janjgir-champa", "at": AT}
        return e.SlaBreached.model_validate(fields | {"target": target, "due_at": self.DUE})

    @pytest.mark.parametrize(
        ("target", "english", "hindi"),
        [
            ("acknowledge", "acknowledgement", "स्वीकार करने"),
            ("first_response", "the first response", "पहला उत्तर देने"),
            ("resolve", "resolution", "निराकरण"),
        ],
    )
    def test_which_limit(self, target: str, english: str, hindi: str, janjgir: District) -> None:
        assert put(self.breached(target), janjgir)["target"] == english
        assert put(self.breached(target), janjgir, language="hi")["target"] == hindi

    def test_when_on_the_districts_wall_clock(self, janjgir: District) -> None:
        assert put(self.breached("resolve"), janjgir)["due"] == "06-01-2026 00:10"
        berlin = replace(janjgir, zone="Europe/Berlin")
        assert put(self.breached("resolve"), berlin)["due"] == "05-01-2026 19:40"
        assert local(datetime(2026, 7, 5, 22, tzinfo=UTC), berlin) == "06-07-2026 00:00"


@pytest.mark.parametrize(
    ("event", "more"),
    [
        (e.CaseFiled, set()),
        (e.QuestionAsked, {"words"}),
        (e.CaseReplied, {"words"}),
        (e.CaseRejected, {"words", "reason", "short_reason"}),
        (e.RejectionProposed, {"words", "reason", "short_reason"}),
        (e.CaseMerged, {"words", "parent"}),
        (e.SlaBreached, {"target", "due"}),
        (e.SlaEscalated, {"target", "due"}),
        (e.SlaLapsed, set()),
    ],
)
def test_what_each_event_offers_beside(event: type[e.CaseEvent], more: set[str]) -> None:
    assert offered(event.TYPE) >= ALWAYS | more | {STAMP}
    optional = {"words", "reason", "short_reason", "parent", "target", "due"}
    assert offered(event.TYPE) & optional == more


@pytest.mark.parametrize("kind", sorted(examples()))
@pytest.mark.parametrize("language", ["hi", "en"])
def test_what_is_offered_is_put_but_for_what_is_filled_in_late(
    kind: str, language: Language, janjgir: District
) -> None:
    event = examples()[kind].event
    if not isinstance(event, e.CaseEvent):
        return
    found = put(event, janjgir, language=language)
    assert offered(kind) - LATE <= set(found)
    assert not LATE & set(found)
    assert all(isinstance(value, str) and value for value in found.values())
    assert "secret words" not in found.values()


def test_what_is_discreet_says_nothing_of_the_case(janjgir: District) -> None:
    assert not DISCREET & {"service", "department", "reason", "words", "target", "due", "parent"}
    one = put(NOTED, janjgir)
    other = put(NOTED, janjgir, facts=replace(FACTS, service="transformer", department="revenue"))
    for name in DISCREET - LATE:
        assert one[name] == other[name]
