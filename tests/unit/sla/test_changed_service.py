"""What another service, with other limits, makes of a running clock."""

from __future__ import annotations

from services.kernel.contracts import events
from services.kernel.domain.directory import District
from services.sla.testing import Living, ist, lines


def test_the_service_that_triage_finds_counts_from_the_filing(janjgir: District) -> None:
    case = Living(janjgir, "2026-03-02 10:00")
    case.did(events.CaseAssigned, "2026-03-03 10:00", service="power-cut", department="cspdcl")
    assert case.deadline == ist("2026-03-05 18:00")  # 24 h from Monday 10:00
    assert case.timer.department == "cspdcl"


def test_a_changed_service_counts_from_the_filing_and_fires_what_is_past_at_once(
    pump: Living,
) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.did(events.ServiceChanged, "2026-03-06 10:30", service="street-light", department="x")
    assert pump.deadline == ist("2026-03-03 18:00")  # 16 h
    assert lines(pump.at("2026-03-06 10:30:01")) == [
        "2026-03-03 14:00 warning resolve",
        "2026-03-03 18:00 breach resolve",
        "2026-03-03 18:00 resolve to officer",
        "2026-03-05 12:00 resolve to head",
        "2026-03-05 14:00 resolve to sdm",
        "2026-03-05 18:00 resolve to collector",
    ]


def test_what_has_fired_does_not_fire_again_under_another_service(pump: Living) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.at("2026-03-06 17:00")
    assert lines(pump.said) == ["2026-03-06 16:00 warning resolve"]
    pump.did(events.ServiceChanged, "2026-03-06 17:10", service="teacher-absent", department="x")
    pump.at("2026-03-09 17:00")
    assert len(pump.said) == 1


def test_a_recorded_breach_is_not_rewritten_by_another_service(pump: Living) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.at("2026-03-10 10:30")
    pump.did(events.ServiceChanged, "2026-03-10 10:40", service="road", department="pwd")
    assert pump.deadline == ist("2026-03-09 18:00")
    assert pump.timer.targets["resolve"].breached_at == ist("2026-03-09 18:00")
    found = pump.at("2026-03-20 10:00")
    # the ladder of the new service (`standard`) counts from the recorded breach
    assert lines(found) == [
        "2026-03-10 18:00 resolve to head",
        "2026-03-11 18:00 resolve to sdm",
        "2026-03-13 18:00 resolve to collector",
    ]
    assert {e.due_at for e in found if isinstance(e, events.Clock)} == {ist("2026-03-09 18:00")}


def test_a_reply_counts_under_a_service_that_asks_for_it_later(janjgir: District) -> None:
    """`town` asks for no first response; `water` does, and the officer had answered long ago."""
    case = Living(janjgir, "2026-03-02 10:00", "street-light")
    case.did(events.CaseReplied, "2026-03-02 11:00")
    assert "first_response" not in case.timer.targets
    case.did(events.ServiceChanged, "2026-03-03 10:30", service="hand-pump", department="phe")
    assert "first_response" in case.timer.targets
    assert lines(case.at("2026-03-06 17:00")) == ["2026-03-06 16:00 warning resolve"]


def test_what_was_met_stays_met_over_a_service_without_a_clock(sakti: District) -> None:
    case = Living(sakti, "2026-03-06 10:00", "nal-kharab")
    case.did(events.CaseReplied, "2026-03-06 11:00")
    case.did(events.ServiceChanged, "2026-03-06 12:00", service="sujhav", department="rajasva")
    assert case.next_at is None
    assert case.deadline is None
    case.did(events.ServiceChanged, "2026-03-09 12:00", service="nal-kharab", department="jal")
    assert {e.target for e in case.at("2026-05-01 10:00") if isinstance(e, events.Clock)} == {
        "resolve"
    }


def test_a_breach_stays_recorded_when_its_limit_is_asked_for_no_more(janjgir: District) -> None:
    case = Living(janjgir, "2026-03-02 10:00", "hand-pump")
    case.did(events.CaseAcknowledged, "2026-03-02 11:00")
    case.at("2026-03-03 18:01")
    case.did(events.ServiceChanged, "2026-03-03 18:10", service="street-light", department="x")
    assert case.timer.targets["first_response"].breached_at == ist("2026-03-03 18:00")
    later = case.at("2026-04-01 10:00")
    assert {e.target for e in later if isinstance(e, events.Clock)} == {"resolve"}


def test_a_changed_service_leaves_out_the_time_between_resolved_and_reopened(
    pump: Living,
) -> None:
    """24 h under `power`, 12 burnt by Tuesday 14:00: 12 are left from Monday noon."""
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.did(events.CaseResolved, "2026-03-03 14:00")
    pump.did(events.CaseReopened, "2026-03-09 12:00", cycle=2)
    pump.did(events.ServiceChanged, "2026-03-09 12:30", service="power-cut", department="cspdcl")
    assert pump.deadline == ist("2026-03-10 16:00")
    back = Living(pump.district, "2026-03-02 10:00", "hand-pump")
    back.did(events.CaseReplied, "2026-03-02 11:00")
    back.did(events.CaseResolved, "2026-03-03 14:00")
    back.did(
        events.CaseReopened, "2026-03-09 12:00", cycle=2, service="power-cut", department="cspdcl"
    )
    assert back.deadline == ist("2026-03-10 16:00")


def test_a_changed_service_leaves_the_new_offices_time_to_acknowledge(pump: Living) -> None:
    pump.did(events.CaseAcknowledged, "2026-03-02 11:00")
    pump.did(events.CaseTransferred, "2026-03-05 12:00", department="cspdcl")
    pump.did(events.ServiceChanged, "2026-03-05 12:10", service="power-cut", department="cspdcl")
    assert pump.due("acknowledge") == ist("2026-03-06 12:00")
    found = pump.at("2026-03-05 12:11")
    assert not [line for line in lines(found) if "acknowledge" in line]


def test_a_service_newer_than_the_cases_directory_leaves_the_clock_as_it_is(
    pump: Living,
) -> None:
    before = pump.timer.targets
    pump.did(events.ServiceChanged, "2026-03-02 11:00", service="brand-new", department="pwd")
    assert pump.timer.targets == before
    assert pump.timer.department == "pwd"
    pump.did(
        events.ServiceChanged,
        "2026-03-02 12:00",
        service="brand-new",
        department="pwd",
        priority="emergency",
    )
    assert pump.due("resolve") == ist("2026-03-02 22:00")
