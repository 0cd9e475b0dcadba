"""Another version of the directory counts for an open case, as if it had always been so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import Allowance, District, Holiday, Text
from services.kernel.domain.errors import Unknown
from services.kernel.domain.timer import paused_until
from services.sla.testing import Living, ist, lines


def closed_on(district: District, *days: str, version: int = 2) -> District:
    """With more holidays."""
    more = tuple(Holiday(date.fromisoformat(day), Text("छुट्टी", "Holiday")) for day in days)
    calendars = (replace(c, holidays=(*c.holidays, *more)) for c in district.calendars)
    return replace(district, version=version, calendars=tuple(calendars))


def open_on_holi(district: District) -> District:
    calendars = (
        replace(c, holidays=tuple(h for h in c.holidays if h.day != date(2026, 3, 4)))
        for c in district.calendars
    )
    return replace(district, version=2, calendars=tuple(calendars))


@pytest.fixture
def taken(pump: Living) -> Living:
    """Answered at once, so that only its resolution is owed: by Monday the 9th at 18:00."""
    pump.did(e.CaseReplied, "2026-03-02 11:00")
    return pump


def test_a_holiday_declared_late_gives_its_hours_back(taken: Living, janjgir: District) -> None:
    taken.recalculated(closed_on(janjgir, "2026-03-05"), "2026-03-06 10:00")
    assert taken.deadline == ist("2026-03-10 18:00")
    assert taken.warns("resolve") == ist("2026-03-09 16:00")
    assert taken.timer.directory_version == 2
    assert lines(taken.at("2026-03-10 18:01")) == [
        "2026-03-09 16:00 warning resolve",
        "2026-03-10 18:00 breach resolve",
        "2026-03-10 18:00 resolve to officer",
    ]


def test_a_warning_that_came_is_not_given_again(taken: Living, janjgir: District) -> None:
    taken.at("2026-03-06 17:00")
    taken.recalculated(closed_on(janjgir, "2026-03-09"), "2026-03-06 17:30")
    assert taken.deadline == ist("2026-03-10 18:00")
    assert lines(taken.at("2026-03-10 18:01"))[0] == "2026-03-10 18:00 breach resolve"


def test_a_breach_that_is_recorded_stays_and_its_ladder_counts_on_by_the_new_calendar(
    taken: Living, janjgir: District
) -> None:
    taken.at("2026-03-09 18:01")
    before = len(taken.said)
    taken.recalculated(closed_on(janjgir, "2026-03-05", "2026-03-10"), "2026-03-10 09:00")
    assert taken.deadline == ist("2026-03-09 18:00")
    taken.at("2026-03-11 19:00")
    assert lines(taken.said[before:]) == [
        "2026-03-11 12:00 resolve to head",
        "2026-03-11 14:00 resolve to sdm",
        "2026-03-11 18:00 resolve to collector",
    ]


def test_what_fell_due_by_the_version_before_is_said_by_that_one(
    taken: Living, janjgir: District
) -> None:
    """The clock was down: the breach of Monday is a fact, whatever counts from Tuesday on."""
    late = taken.recalculated(closed_on(janjgir, "2026-03-05"), "2026-03-10 10:30")
    assert lines(late) == [
        "2026-03-06 16:00 warning resolve",
        "2026-03-09 18:00 breach resolve",
        "2026-03-09 18:00 resolve to officer",
    ]
    assert taken.deadline == ist("2026-03-09 18:00")


def test_what_is_past_by_the_new_limits_falls_due_at_once(
    taken: Living, janjgir: District
) -> None:
    taken.at("2026-03-06 18:30")
    taken.recalculated(open_on_holi(janjgir), "2026-03-09 11:00")
    assert taken.deadline == taken.next_at == ist("2026-03-06 18:00")
    assert taken.timer.last_fired == ist("2026-03-09 11:00")
    assert lines(taken.at("2026-03-09 11:00:01")) == [
        "2026-03-06 18:00 breach resolve",
        "2026-03-06 18:00 resolve to officer",
    ]
    assert taken.timer.last_fired == ist("2026-03-09 11:00"), "nothing may be stamped before it"


def test_pauses_and_rests_are_kept(taken: Living, janjgir: District) -> None:
    later = closed_on(janjgir, "2026-03-13")
    taken.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
    taken.reached("2026-03-02 13:00")
    taken.did(e.QuestionAnswered, "2026-03-03 12:00", question=1)  # seven hours
    taken.did(e.CaseResolved, "2026-03-05 10:00")
    taken.did(e.CaseReopened, "2026-03-06 10:00", cycle=2)  # eight
    assert taken.deadline == ist("2026-03-11 17:00")
    taken.recalculated(later, "2026-03-06 11:00")
    assert taken.deadline == ist("2026-03-11 17:00")
    taken.recalculated(closed_on(later, "2026-03-09", version=3), "2026-03-06 12:00")
    assert taken.deadline == ist("2026-03-12 17:00")


def test_a_holiday_within_a_pause_gives_nothing_back_twice(
    taken: Living, janjgir: District
) -> None:
    taken.did(e.QuestionAsked, "2026-03-05 09:00", question=1)
    taken.reached("2026-03-05 09:30")
    taken.did(e.QuestionAnswered, "2026-03-06 10:00", question=1)
    assert taken.deadline == ist("2026-03-10 18:00")
    taken.recalculated(closed_on(janjgir, "2026-03-05"), "2026-03-06 11:00")
    assert taken.deadline == ist("2026-03-10 18:00")


def test_an_open_question_stops_the_clock_as_long_as_the_new_policy_lets_it(
    taken: Living, janjgir: District
) -> None:
    shorter = replace(
        janjgir,
        version=2,
        policies=tuple(
            replace(p, pause_limit=Allowance(calendar_days=1)) for p in janjgir.policies
        ),
    )
    taken.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
    taken.reached("2026-03-02 13:00")
    taken.recalculated(shorter, "2026-03-02 14:00")
    assert paused_until(taken.timer) == ist("2026-03-03 13:00")
    assert taken.deadline == ist("2026-03-10 18:00")  # eight hours


def test_a_confirmation_window_is_as_long_as_the_new_version_has_it(
    taken: Living, janjgir: District
) -> None:
    taken.did(e.CaseResolved, "2026-03-03 14:00")
    taken.recalculated(replace(janjgir, version=2, confirm_days=15), "2026-03-05 10:00")
    assert lines(taken.at("2026-06-01 10:00")) == ["2026-03-18 14:00 lapsed"]


def test_of_a_case_that_has_ended_nothing_falls_due(taken: Living, janjgir: District) -> None:
    taken.did(e.CaseWithdrawn, "2026-03-06 12:00")
    assert taken.recalculated(open_on_holi(janjgir), "2026-03-09 11:00") == []
    assert taken.next_at is None
    assert taken.at("2026-06-01 10:00") == []


def test_once_more_by_the_same_version_changes_nothing(taken: Living, janjgir: District) -> None:
    later = closed_on(janjgir, "2026-03-05")
    taken.recalculated(later, "2026-03-06 10:00")
    once = taken.timer
    assert taken.recalculated(later, "2026-03-06 10:00") == []
    assert taken.timer == once


def test_a_version_without_the_cases_service_is_refused(taken: Living, janjgir: District) -> None:
    without = replace(
        janjgir,
        version=2,
        services=tuple(s for s in janjgir.services if s.id != "hand-pump"),
    )
    before = taken.timer
    with pytest.raises(Unknown, match="hand-pump"):
        taken.recalculated(without, "2026-03-06 10:00")
    assert taken.timer == before


def test_it_is_as_if_it_had_always_been_so(janjgir: District) -> None:
    """Recalculated before anything fell due, a life says what it says when filed under that version."""
    later = closed_on(janjgir, "2026-03-05", "2026-03-12")
    moved = Living(janjgir, "2026-03-02 10:00", "hand-pump", block="akaltara")
    always = Living(later, "2026-03-02 10:00", "hand-pump", block="akaltara")
    moved.recalculated(later, "2026-03-02 10:30")
    for case in (moved, always):
        case.did(e.CaseAcknowledged, "2026-03-03 11:00")
        case.did(e.CaseTransferred, "2026-03-06 12:00", department="pwd")
        case.did(e.CaseResolved, "2026-03-16 12:00")
        case.did(e.CaseReopened, "2026-03-18 12:00", cycle=2)
        case.at("2026-06-01 10:00")
    assert moved.said == always.said
    assert moved.timer == always.timer._replace(directory_version=2)
