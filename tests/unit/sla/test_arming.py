"""Which limits a case is given when it is filed, and when they are used up: worked out by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.kernel.contracts import events
from services.kernel.domain.directory import District
from services.sla.testing import Living, ist

TICK = timedelta(milliseconds=1)


def test_every_service_of_both_districts_arms_for_every_kind_and_priority(
    janjgir: District, sakti: District
) -> None:
    for district in (janjgir, sakti):
        for service in district.services:
            for priority in ("normal", "urgent", "emergency"):
                case = Living(district, "2026-03-02 10:00", service.id, priority=priority)
                armed = bool(case.timer.targets)
                assert armed == (service.policy is not None), (service.id, priority)
                assert (case.next_at is not None) == armed
                assert (case.deadline is not None) == armed


def test_eight_hours_filed_on_friday_evening_run_over_the_weekend(janjgir: District) -> None:
    case = Living(janjgir, "2026-03-06 16:40", "hand-pump")
    assert case.due("acknowledge") == ist("2026-03-09 16:40")
    assert case.warns("acknowledge") == ist("2026-03-09 14:40")  # six of eight hours
    assert case.due("first_response") == ist("2026-03-10 16:40")
    assert case.due("resolve") == ist("2026-03-13 16:40")
    assert case.next_at == ist("2026-03-09 14:40")
    assert case.deadline == ist("2026-03-13 16:40")


def test_a_holiday_of_the_file_does_not_count(janjgir: District) -> None:
    assert Living(janjgir, "2026-03-03 16:40", "hand-pump").due("acknowledge") == ist(
        "2026-03-05 16:40"
    )  # Holi on the 4th
    assert Living(janjgir, "2026-09-11 16:40", "hand-pump").due("acknowledge") == ist(
        "2026-09-15 16:40"
    )  # a weekend, then Teeja on Monday the 14th


@pytest.mark.parametrize("filed", ["2026-03-06 18:00", "2026-03-07 12:00", "2026-03-09 09:59"])
def test_filed_outside_hours_it_starts_at_the_next_opening(janjgir: District, filed: str) -> None:
    case = Living(janjgir, filed, "hand-pump")
    # the earliest instant at which eight hours are used up, not the opening after it
    assert case.due("acknowledge") == ist("2026-03-09 18:00")


def test_six_days_a_week_with_a_lunch_break(sakti: District) -> None:
    case = Living(sakti, "2026-03-06 16:40", "nal-kharab")
    assert case.due("acknowledge") == ist("2026-03-07 16:40")  # 50 minutes, then Saturday
    assert case.warns("acknowledge") == ist("2026-03-07 15:16")  # 80 % of seven hours: 5 h 36 min
    assert case.due("resolve") == ist("2026-03-11 16:40")


def test_an_emergency_counts_every_hour_of_every_day(janjgir: District, sakti: District) -> None:
    pump = Living(janjgir, "2026-03-07 23:45", "hand-pump", priority="emergency")
    assert pump.due("acknowledge") == ist("2026-03-08 00:15")
    assert pump.due("first_response") == ist("2026-03-08 01:45")
    assert pump.due("resolve") == ist("2026-03-08 11:45")
    dark = Living(sakti, "2026-03-08 02:00", "bijli-gul", priority="emergency")
    assert dark.due("acknowledge") == ist("2026-03-08 02:15")
    assert dark.due("resolve") == ist("2026-03-08 06:00")


def test_calendar_days_count_closed_days_and_fall_due_at_the_same_time_of_day(
    janjgir: District, sakti: District
) -> None:
    pension = Living(janjgir, "2026-03-06 21:10", "pension")
    assert pension.due("first_response") == ist("2026-03-13 21:10")
    assert pension.due("resolve") == ist("2026-04-05 21:10")  # a Sunday
    assert pension.warns("resolve") == ist("2026-03-29 09:10")  # 22 days and a half of 30
    assert Living(sakti, "2026-03-06 21:10", "zameen-vivad").due("resolve") == ist(
        "2026-03-27 21:10"
    )


def test_a_case_without_a_service_runs_on_the_triage_policy(
    janjgir: District, sakti: District
) -> None:
    case = Living(janjgir, "2026-03-06 16:40")
    assert case.due("acknowledge") == ist("2026-03-09 16:40")
    assert case.due("first_response") == ist("2026-03-11 16:40")
    assert case.due("resolve") == ist("2026-04-05 16:40")
    urgent = Living(janjgir, "2026-03-06 16:40", priority="urgent")
    assert urgent.due("acknowledge") == ist("2026-03-09 12:40")
    assert "first_response" not in urgent.timer.targets
    assert Living(sakti, "2026-03-06 16:40").due("resolve") == ist("2026-03-27 16:40")


def test_a_service_that_the_version_does_not_know_runs_on_the_triage_policy(
    janjgir: District,
) -> None:
    unknown = Living(janjgir, "2026-03-06 16:40", "no-such-service")
    assert unknown.timer.targets == Living(janjgir, "2026-03-06 16:40").timer.targets
    assert unknown.timer.service is None


def test_a_service_without_a_policy_has_no_clock(sakti: District) -> None:
    case = Living(sakti, "2026-03-06 16:40", "sujhav", kind="suggestion")
    assert case.timer.targets == {}
    assert case.next_at is None
    assert case.deadline is None
    assert case.at("2027-03-06 16:40") == []
    for model, more in (
        (events.CaseAcknowledged, {}),
        (events.CaseTransferred, {"department": "jal"}),
        (events.CaseResolved, {}),
        (events.CaseReopened, {"department": "jal", "cycle": 2}),
        (events.CaseWithdrawn, {}),
    ):
        assert case.did(model, "2026-03-09 10:00", **more) == []
        # also without limits a resolved case waits for the citizen's word, but not for ever
        waits = ist("2026-03-19 10:00") if model is events.CaseResolved else None
        assert case.next_at == waits


def test_the_kind_chooses_the_limits(janjgir: District) -> None:
    demand = Living(janjgir, "2026-03-06 16:40", "hand-pump", kind="demand")
    assert demand.due("resolve") == ist("2026-05-05 16:40")
    suggestion = Living(janjgir, "2026-03-06 16:40", "hand-pump", kind="suggestion")
    assert suggestion.due("resolve") == ist("2026-04-05 16:40")
    assert "first_response" not in suggestion.timer.targets


def test_what_was_filed_long_ago_fires_at_once_with_the_true_instants(janjgir: District) -> None:
    case = Living(janjgir, "2026-03-02 10:00", "hand-pump", priority="emergency")
    found = case.at("2026-05-02 10:00")
    assert [event.at for event in found] == sorted(event.at for event in found)
    assert found[0].at == ist("2026-03-02 10:22:30")  # 75 % of 30 minutes
    assert max(event.at for event in found) == ist("2026-03-03 06:00")


@pytest.mark.parametrize(("after", "late"), [(-TICK, False), (timedelta(0), False), (TICK, True)])
def test_an_act_at_the_due_instant_is_in_time(
    janjgir: District, after: timedelta, late: bool
) -> None:
    case = Living(janjgir, "2026-03-02 10:00", "hand-pump")
    case.did(events.CaseAcknowledged, ist("2026-03-02 18:00") + after)
    breached = [e for e in case.said if isinstance(e, events.SlaBreached)]
    assert [e.at for e in breached] == ([ist("2026-03-02 18:00")] if late else [])
    assert (case.timer.targets["acknowledge"].breached_at is not None) == late
