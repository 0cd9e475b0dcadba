"""Who is told what on which event, by a table of every rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import District
from tests.unit.notify.planning import (
    BOOK,
    COLLECTOR,
    FACTS,
    HEAD,
    OFFICER,
    SDM,
    TOLD,
    event,
    planned,
    templates,
)


@pytest.mark.parametrize(
    ("model", "facts", "told"), TOLD, ids=[f"{m.TYPE}-{n}" for n, (m, _, _) in enumerate(TOLD)]
)
def test_who_is_told_what(
    model: type[e.CaseEvent], facts: dict[str, Any], told: dict[str, str], janjgir: District
) -> None:
    what = event(model, outcome="reached") if model is e.FeedbackEnded else event(model)
    assert templates(planned(what, replace(FACTS, **facts), janjgir)) == told


def test_every_rule_of_the_data_is_in_the_tables(janjgir: District) -> None:
    """A rule that no test names would be one that nobody has thought about."""
    named = {
        (model.TYPE, audience, template)
        for model, _, told in TOLD
        for audience, template in told.items()
    }
    named |= {(e.SlaEscalated.TYPE, to, template) for to, _, _, _, template in ESCALATIONS} | {
        (e.CaseReplied.TYPE, "co_complainants", "co_complainant_replied")
    }
    assert {(rule.event, rule.audience, rule.template) for rule in BOOK.rules} == named


ESCALATIONS: list[tuple[str, str, str, bool, str]] = [
    ("officer", OFFICER, "unmet", False, "officer_escalated"),
    ("officer", OFFICER, "unmet", True, "officer_breached_discreet"),
    ("head", HEAD, "unmet", False, "above_escalated"),
    ("head", HEAD, "repeated", False, "above_escalated"),
    ("head", HEAD, "unmet", True, "above_escalated_discreet"),
    ("head", HEAD, "reopened", False, "head_reopened"),
    ("head", HEAD, "reopened", True, "head_reopened"),
    ("sdm", SDM, "unmet", False, "above_escalated"),
    ("sdm", SDM, "repeated", True, "above_escalated_discreet"),
    ("collector", COLLECTOR, "repeated", False, "above_escalated"),
    ("collector", COLLECTOR, "unmet", True, "above_escalated_discreet"),
]


@pytest.mark.parametrize(("to", "officer", "why", "confidential", "template"), ESCALATIONS)
def test_an_escalation_is_told_to_whom_its_rung_is_for(
    to: str, officer: str, why: str, template: str, janjgir: District, *, confidential: bool
) -> None:
    what = event(e.SlaEscalated, to=to, officer=officer, why=why)
    found = planned(what, replace(FACTS, confidential=confidential), janjgir)
    assert templates(found) == {to: template}
    assert found[to].person == officer
    assert found[to].gathered == (why != "reopened")


@pytest.mark.parametrize("officer", [None, "nobody-1"])
def test_a_rung_without_anybody_is_told_to_nobody(officer: str | None, janjgir: District) -> None:
    assert planned(event(e.SlaEscalated, to="sdm", officer=officer), FACTS, janjgir) == {}
