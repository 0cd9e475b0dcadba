"""A reopening is told to the head of the department at once: a new cycle is no matter of the desk alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import District, Leave
from services.sla.testing import Living, ist, lines

TICK = timedelta(milliseconds=1)
AT = "2026-03-09 12:00"
TOLD = f"{AT} resolve to head reopened"


@pytest.fixture
def resolved(pump: Living) -> Living:
    """With 28 of its 40 hours left."""
    pump.did(e.CaseReplied, "2026-03-02 11:00")
    pump.did(e.CaseResolved, "2026-03-03 14:00")
    return pump


@pytest.fixture
def reopened(resolved: Living) -> Living:
    resolved.did(e.CaseReopened, AT, cycle=2)
    return resolved


def test_it_is_told_once_with_the_instant_of_the_reopening(reopened: Living) -> None:
    assert reopened.next_at == ist(AT)
    assert reopened.at(AT) == []
    assert lines(reopened.at(ist(AT) + TICK)) == [TOLD]
    assert reopened.next_at == ist("2026-03-11 14:00")  # the warning: 18 hours on
    assert reopened.at("2026-03-11 10:00") == []


def test_it_is_not_late_and_breaks_nothing(reopened: Living) -> None:
    (told,) = reopened.at("2026-03-10 10:00")
    assert isinstance(told, e.SlaEscalated)
    assert told.due_at == ist("2026-03-12 16:00")
    assert reopened.timer.targets["resolve"].breached_at is None
    assert reopened.timer.targets["resolve"].topped_at is None


def test_resolved_again_before_the_clock_looked_it_is_told_all_the_same(reopened: Living) -> None:
    assert lines(reopened.did(e.CaseResolved, "2026-03-09 12:05")) == [TOLD]


def test_each_reopening_is_told(reopened: Living) -> None:
    reopened.did(e.CaseResolved, "2026-03-09 15:00")
    reopened.did(e.CaseReopened, "2026-03-10 11:00", cycle=3)
    reopened.at("2026-03-10 12:00")
    told = [one for one in reopened.said if isinstance(one, e.SlaEscalated) and one.why == "reopened"]
    assert lines(list(told)) == [TOLD, "2026-03-10 11:00 resolve to head reopened"]
    assert [one.cycle for one in told] == [2, 3]


@pytest.mark.parametrize(
    ("model", "more"),
    [(e.CaseRejected, {"reason": "duplicate"}), (e.CaseConfirmed, {}), (e.CaseClosed, {})],
)
def test_it_is_told_whatever_was_the_end(
    pump: Living, model: type[e.CaseEvent], more: dict[str, object]
) -> None:
    pump.did(e.CaseReplied, "2026-03-02 11:00")
    if model is not e.CaseRejected:
        pump.did(e.CaseResolved, "2026-03-03 14:00")
    pump.did(model, "2026-03-05 10:00", **more)
    assert pump.next_at is None
    pump.did(e.CaseReopened, AT, cycle=2)
    assert lines(pump.at("2026-03-09 13:00")) == [TOLD]


def test_it_goes_to_the_new_offices_head(resolved: Living, janjgir: District) -> None:
    resolved.did(e.CaseReopened, AT, cycle=2, department="pwd")
    (told,) = resolved.at("2026-03-09 13:00")
    assert isinstance(told, e.SlaEscalated)
    assert told.officer == janjgir.department_by_id["pwd"].head


def test_a_head_on_leave_that_day_is_passed_over(janjgir: District) -> None:
    head = janjgir.department_by_id["phe"].head
    away = (Leave(date(2026, 3, 9), date(2026, 3, 9)),)
    officers = (replace(o, leave=away) if o.id == head else o for o in janjgir.officers)
    district = replace(janjgir, officers=tuple(officers))
    case = Living(district, "2026-03-02 10:00", "hand-pump", block="akaltara")
    case.did(e.CaseResolved, "2026-03-02 14:00")
    case.did(e.CaseReopened, AT, cycle=2)
    (told,) = case.at("2026-03-20 13:00")[:1]  # however late it is seen
    assert isinstance(told, e.SlaEscalated)
    assert (told.why, told.to) == ("reopened", "head")
    assert told.officer not in (None, head)


def test_another_ladder_does_not_tell_it_again(reopened: Living, janjgir: District) -> None:
    """Whose head comes as the first step, where it was the second."""
    headed = tuple(
        replace(ladder, rungs=tuple(r for r in ladder.rungs if r.to != "officer"))
        for ladder in janjgir.ladders
    )
    (told,) = reopened.at("2026-03-09 13:00")
    assert isinstance(told, e.SlaEscalated)
    assert told.rung == 2
    reopened.recalculated(replace(janjgir, version=2, ladders=headed), "2026-03-09 14:00")
    assert reopened.at("2026-03-11 10:00") == []
    fresh = Living(replace(janjgir, ladders=headed), "2026-03-02 10:00", "hand-pump")
    fresh.did(e.CaseResolved, "2026-03-02 14:00")
    fresh.did(e.CaseReopened, AT, cycle=2)
    (first,) = fresh.at("2026-03-09 13:00")
    assert isinstance(first, e.SlaEscalated)
    assert (first.rung, first.to) == (1, "head")


def test_a_question_of_the_cycle_before_holds_nothing_in_the_new_one(janjgir: District) -> None:
    """It was closed by the resolution; its delivery, told late, stops the clock up to there."""
    case = Living(janjgir, "2026-03-02 10:00", "hand-pump", block="akaltara")
    case.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
    case.did(e.CaseResolved, "2026-03-03 14:00")
    case.did(e.CaseReopened, AT, cycle=2)
    assert case.deadline == ist("2026-03-12 16:00")
    case.reached("2026-03-03 12:00", n=1)
    assert case.deadline == ist("2026-03-12 18:00")  # two hours of the first cycle
    assert case.timer.resting is None


def test_a_pause_that_runs_into_the_rest_counts_once(pump: Living) -> None:
    """Delivered an hour before the resolution, which closes it: one stretch from there to the reopening."""
    pump.did(e.QuestionAsked, "2026-03-03 12:00", question=1)
    pump.reached("2026-03-03 13:00")
    pump.did(e.CaseResolved, "2026-03-03 14:00")
    pump.did(e.CaseReopened, AT, cycle=2)
    assert pump.deadline == ist("2026-03-12 17:00")  # 29 hours were left
