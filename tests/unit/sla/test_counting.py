"""What the clock has said, as figures; and what the figures can tell apart."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import Counter

from services.kernel.adapters import metrics
from services.kernel.contracts.events import SlaBreached, SlaEscalated, SlaLapsed, SlaWarned
from services.kernel.domain.directory import District
from services.sla.adapters.counting import count
from services.sla.core.ladder import said
from services.sla.core.rungs import fire
from services.sla.testing import TICKET, Living, ist

DISTRICT = "a-district-of-this-test"
BASE: dict[str, Any] = {"ticket": TICKET, "district": DISTRICT, "at": ist("2026-03-02 10:00")}
LIMIT: dict[str, Any] = {**BASE, "target": "resolve", "due_at": BASE["at"]}
WHY = ("unmet", "repeated", "reopened")


def value(counter: Counter, **labels: str) -> float:
    """The sum over whatever labels are not given."""
    wanted = labels.items()
    return sum(
        sample.value
        for sample in next(iter(counter.collect())).samples
        if sample.name.endswith("_total") and wanted <= sample.labels.items()
    )


@pytest.mark.parametrize("why", ["unmet", "repeated", "reopened"])
def test_an_escalation_is_counted_by_rung_and_reason(why: str) -> None:
    department = f"phe-{why}"
    count(department, [SlaEscalated(**LIMIT, rung=3, to="collector", why=why)] * 2)
    of = {"district": DISTRICT, "department": department}
    assert value(metrics.SLA_ESCALATIONS, **of, to="collector", rung="3", why=why) == 2
    assert value(metrics.SLA_ESCALATIONS, **of) == 2


def test_each_kind_is_counted_where_the_case_lies() -> None:
    count(None, [SlaWarned(**LIMIT, percent=75), SlaBreached(**LIMIT), SlaLapsed(**BASE)])
    of = {"district": DISTRICT, "department": "", "target": "resolve"}
    assert value(metrics.SLA_WARNINGS, **of) == 1
    assert value(metrics.SLA_BREACHES, **of) == 1
    assert value(metrics.SLA_ESCALATIONS, district=DISTRICT, department="") == 0


def test_a_top_rung_that_comes_again_is_told_apart(repeating: District) -> None:
    """A month of a case on which nothing is done, as its ladder says it."""
    pump = Living(repeating, "2026-03-02 10:00", "hand-pump", block="akaltara")
    after, rungs = fire(pump.timer, ist("2026-04-02 10:00"), pump.running)
    events = said(TICKET, after, rungs, pump.running, repeating)
    before = {why: value(metrics.SLA_ESCALATIONS, department="month", why=why) for why in WHY}
    count("month", events)
    counted = {
        why: value(metrics.SLA_ESCALATIONS, department="month", why=why) - before[why] for why in WHY
    }
    assert counted == {
        why: sum(isinstance(e, SlaEscalated) and e.why == why for e in events) for why in WHY
    }
    assert counted["unmet"] > 0
    assert counted["repeated"] > 0


def test_lateness_resolves_what_is_promised() -> None:
    metrics.TIMER_LATENESS.labels("sla")
    samples = next(iter(metrics.TIMER_LATENESS.collect())).samples
    bounds = {sample.labels["le"] for sample in samples if sample.name.endswith("_bucket")}
    assert {"0.25", "0.5", "0.7", "1.0"} <= bounds
