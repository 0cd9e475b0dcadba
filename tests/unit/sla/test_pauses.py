"""Questions to the citizen: what stops the clock, for how long, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import Allowance, District
from services.kernel.domain.timer import paused_until
from services.sla.testing import Living, ist, lines

DUE = ist("2026-03-09 18:00")  # 40 hours from Monday 2 March, over Holi on the 4th


@pytest.fixture
def asked(pump: Living) -> Living:
    """The office has taken it on and asked something on Monday at noon."""
    pump.did(e.CaseAcknowledged, "2026-03-02 11:00")
    pump.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
    return pump


def answered(case: Living, at: str) -> None:
    case.did(e.QuestionAnswered, at, question=1)


def test_a_question_that_did_not_reach_him_stops_nothing(asked: Living) -> None:
    assert asked.deadline == DUE
    asked.missed("2026-03-02 13:00")
    asked.reached("2026-03-02 13:00", audience="officer")
    asked.reached("2026-03-02 13:00", n=1)  # what he was told of then was no question
    answered(asked, "2026-03-03 12:00")
    assert asked.deadline == DUE


def test_delivered_it_stops_the_clock_until_the_answer(asked: Living) -> None:
    asked.reached("2026-03-02 13:00")
    assert paused_until(asked.timer) == ist("2026-03-09 13:00")
    answered(asked, "2026-03-03 12:00")  # five hours of Monday and two of Tuesday
    assert asked.deadline == ist("2026-03-10 17:00")
    assert paused_until(asked.timer) is None


def test_put_by_telephone_it_counts_as_delivered(asked: Living) -> None:
    asked.did(e.QuestionMarked, "2026-03-02 13:00", question=1, by=e.By(role="operator"))
    answered(asked, "2026-03-03 12:00")
    assert asked.deadline == ist("2026-03-10 17:00")


def test_while_it_is_open_the_deadline_is_the_latest_that_it_can_become(asked: Living) -> None:
    asked.reached("2026-03-02 13:00")
    assert asked.deadline == ist("2026-03-13 18:00")
    assert asked.at("2026-03-09 12:00") == []


def test_without_an_answer_it_goes_on_at_the_limit(asked: Living) -> None:
    asked.reached("2026-03-02 13:00")
    answered(asked, "2026-03-30 12:00")
    breach = next(x for x in asked.said if isinstance(x, e.SlaBreached) and x.target == "resolve")
    assert breach.at == ist("2026-03-13 18:00")


def test_an_answer_after_the_limit_changes_nothing(asked: Living) -> None:
    asked.reached("2026-03-02 13:00")
    answered(asked, "2026-03-11 12:00")  # the clock went on two days before
    assert asked.deadline == ist("2026-03-13 18:00")
    assert paused_until(asked.timer) is None


def test_the_limit_may_be_working_time_and_its_own(janjgir: District) -> None:
    limited = replace(
        janjgir,
        policies=tuple(
            replace(policy, pause_limit=Allowance(working_seconds=3600))
            for policy in janjgir.policies
        ),
    )
    case = Living(limited, "2026-03-02 10:00", "hand-pump", block="akaltara")
    case.did(e.QuestionAsked, "2026-03-02 17:00", question=1)
    case.reached("2026-03-02 17:30")
    assert paused_until(case.timer) == ist("2026-03-03 10:30")
    assert case.deadline == ist("2026-03-10 11:00")


def test_two_questions_at_once_count_once(asked: Living) -> None:
    asked.reached("2026-03-02 13:00")
    asked.did(e.QuestionAsked, "2026-03-02 14:00", question=2)
    asked.reached("2026-03-02 15:00")
    asked.did(e.QuestionAnswered, "2026-03-03 12:00", question=2)
    assert asked.deadline == ist("2026-03-10 17:00")


def test_of_two_deliveries_the_earlier_counts_whichever_is_told_first(asked: Living) -> None:
    asked.did(e.QuestionMarked, "2026-03-02 15:00", question=1, by=e.By(role="operator"))
    asked.reached("2026-03-02 13:00", n=2)
    answered(asked, "2026-03-03 12:00")
    assert asked.deadline == ist("2026-03-10 17:00")


def test_a_pause_outside_working_hours_adds_nothing(asked: Living) -> None:
    asked.reached("2026-03-02 18:00")
    answered(asked, "2026-03-03 10:00")
    assert asked.deadline == DUE


def test_a_pause_over_a_holiday_and_a_weekend_gives_back_only_what_was_worked(
    asked: Living,
) -> None:
    asked.reached("2026-03-03 17:00")
    answered(asked, "2026-03-09 10:00")  # an hour and two days; Holi and the weekend count for nothing
    assert asked.deadline == ist("2026-03-12 11:00")


def test_a_pause_that_begins_after_the_breach_does_not_undo_it(asked: Living) -> None:
    asked.reached("2026-03-09 18:30")
    assert asked.timer.targets["resolve"].breached_at == DUE
    answered(asked, "2026-03-12 12:00")
    assert asked.deadline == DUE


def test_the_ladder_stands_still_in_a_pause_after_the_breach(asked: Living) -> None:
    asked.at("2026-03-09 18:01")
    before = len(asked.said)
    asked.reached("2026-03-10 11:00")  # an hour into the ladder
    answered(asked, "2026-03-11 11:00")
    asked.at("2026-03-11 19:00")
    assert lines(asked.said[before:]) == [
        "2026-03-11 12:00 resolve to head",
        "2026-03-11 14:00 resolve to sdm",
        "2026-03-11 18:00 resolve to collector",
    ]


def test_delivered_at_the_due_instant_it_is_in_time(asked: Living) -> None:
    asked.reached(DUE)
    answered(asked, "2026-03-11 12:00")
    assert asked.timer.targets["resolve"].breached_at is None
    assert asked.deadline == ist("2026-03-11 12:00")


def test_a_delivery_that_is_told_after_the_answer_stops_it_only_up_to_there(asked: Living) -> None:
    answered(asked, "2026-03-03 12:00")
    asked.reached("2026-03-02 13:00", n=2)
    assert asked.deadline == ist("2026-03-10 17:00")
    asked.reached("2026-03-03 13:00", n=2)
    assert asked.deadline == ist("2026-03-10 17:00")


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (e.CaseTransferred, {"department": "pwd"}),
        (e.CaseTakenOver, {}),
        (e.CaseMerged, {"parent": "2600104245"}),
    ],
)
def test_a_question_lapses_with_what_takes_the_case_away(
    asked: Living, model: type[e.CaseEvent], more: dict[str, object]
) -> None:
    asked.reached("2026-03-02 13:00")
    asked.did(model, "2026-03-03 12:00", **more)
    assert asked.deadline == ist("2026-03-10 17:00")


def test_another_service_keeps_the_pauses(asked: Living) -> None:
    asked.reached("2026-03-02 13:00")
    answered(asked, "2026-03-03 12:00")
    asked.did(
        e.ServiceChanged,
        "2026-03-03 13:00",
        service="street-light",
        department="pwd",
        state="in_progress",
    )
    plain = Living(asked.district, "2026-03-02 10:00", "street-light", block="akaltara")
    calendar = asked.rules.calendars.working("office")
    assert asked.deadline is not None
    assert plain.deadline is not None
    assert calendar.between(plain.deadline, asked.deadline) == timedelta(hours=7)


def test_calendar_days_stand_still_as_long_as_the_pause(janjgir: District) -> None:
    pension = Living(janjgir, "2026-03-02 10:00", "pension")
    before = pension.deadline
    pension.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
    pension.reached("2026-03-02 20:00")
    answered(pension, "2026-03-04 21:30")
    assert before is not None
    assert pension.deadline == before + timedelta(days=2, hours=1, minutes=30)


def test_a_case_without_limits_may_be_asked_too(sakti: District) -> None:
    case = Living(sakti, "2026-03-06 16:40", "sujhav", kind="suggestion")
    case.did(e.QuestionAsked, "2026-03-09 10:00", question=1)
    case.reached("2026-03-09 11:00")
    assert paused_until(case.timer) == ist("2026-03-16 11:00")
    assert case.next_at is None


@pytest.mark.parametrize("about", ["2600104237/sla/1", "nonsense", "2600104237/case/x"])
def test_a_notice_about_something_else_is_of_no_use(asked: Living, about: str) -> None:
    before = asked.timer
    asked.follows(
        e.NoticeDelivered(
            ticket="2600104237",
            district=asked.district.id,
            at=ist("2026-03-02 13:00"),
            about=about,
            audience="citizen",
            channel="sms",
        )
    )
    assert asked.timer == before
