"""The confirmation window: when a resolved case is closed by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import District
from services.sla.testing import Living, lines

RESOLVED = "2026-03-03 14:00"


@pytest.fixture
def resolved(janjgir: District) -> Living:
    """Of a citizen who has a telephone."""
    case = Living(janjgir, "2026-03-02 10:00", "hand-pump", has_phone=True)
    case.did(e.CaseReplied, "2026-03-02 11:00")
    case.did(e.CaseResolved, RESOLVED)
    return case


def lapse(case: Living) -> list[str]:
    return [line for line in lines(case.at("2026-06-01 10:00")) if "lapsed" in line]


def test_it_begins_with_the_delivery(resolved: Living) -> None:
    resolved.reached("2026-03-05 13:00")
    assert lapse(resolved) == ["2026-03-12 13:00 lapsed"]


def test_not_delivered_within_two_days_it_has_begun_with_the_resolution(resolved: Living) -> None:
    resolved.reached("2026-03-05 14:01")
    assert lapse(resolved) == ["2026-03-10 14:00 lapsed"]


def test_never_delivered_it_begins_with_the_resolution(resolved: Living) -> None:
    assert lapse(resolved) == ["2026-03-10 14:00 lapsed"]


def test_that_it_cannot_be_delivered_changes_nothing(resolved: Living) -> None:
    resolved.missed("2026-03-03 15:00")
    assert lapse(resolved) == ["2026-03-10 14:00 lapsed"]


def test_a_short_window_waits_for_what_is_not_known_yet(janjgir: District) -> None:
    short = replace(janjgir, confirm_days=1)
    ends = {}
    for has_phone, fails in ((True, False), (True, True), (False, False)):
        case = Living(short, "2026-03-02 10:00", "hand-pump", has_phone=has_phone)
        case.did(e.CaseResolved, RESOLVED)
        if fails:
            case.missed("2026-03-04 18:00")
        ends[has_phone, fails] = lapse(case)
    assert ends == {
        (True, False): ["2026-03-05 14:00 lapsed"],  # two days, in which it might be delivered
        (True, True): ["2026-03-04 18:00 lapsed"],  # as soon as that is known
        (False, False): ["2026-03-04 14:00 lapsed"],  # nobody can be told
    }


def test_it_waits_for_a_planned_call(resolved: Living) -> None:
    resolved.did(e.FeedbackPlanned, "2026-03-05 10:00")
    assert lapse(resolved) == []
    resolved.did(e.FeedbackEnded, "2026-06-02 10:00", outcome="unreached")
    assert lines(resolved.at("2026-06-02 10:01")) == ["2026-06-02 10:00 lapsed"]


def test_a_call_that_ended_early_does_not_shorten_it(resolved: Living) -> None:
    resolved.did(e.FeedbackPlanned, "2026-03-05 10:00")
    resolved.did(e.FeedbackEnded, "2026-03-05 11:00", outcome="reached")
    assert lapse(resolved) == ["2026-03-10 14:00 lapsed"]


@pytest.mark.parametrize("end", [e.CaseConfirmed, e.CaseClosed])
def test_who_confirms_is_not_waited_for(resolved: Living, end: type[e.CaseEvent]) -> None:
    resolved.did(end, "2026-03-05 10:00")
    assert lapse(resolved) == []


def test_each_cycle_has_its_own(resolved: Living) -> None:
    resolved.reached("2026-03-03 15:00")
    resolved.did(e.CaseReopened, "2026-03-06 10:00", cycle=2)
    resolved.reached("2026-03-06 11:00", n=2)  # of the resolution that is no more
    assert lapse(resolved) == []
    resolved.did(e.CaseResolved, "2026-06-02 10:00")
    assert lines(resolved.at("2026-07-01 10:00")) == ["2026-06-09 10:00 lapsed"]
    said = [one for one in resolved.said if isinstance(one, e.SlaLapsed)]
    assert [one.cycle for one in said] == [2]


def test_a_merged_case_that_is_resolved_with_its_parent_has_one_too(janjgir: District) -> None:
    case = Living(janjgir, "2026-03-02 10:00", "hand-pump")
    case.did(e.CaseMerged, "2026-03-02 11:00", parent="2600104245")
    case.did(e.CaseResolved, RESOLVED, by=e.By(role="routing"))
    assert lines(case.at("2026-06-01 10:00")) == ["2026-03-10 14:00 lapsed"]
