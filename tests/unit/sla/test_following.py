"""What acts make of a running clock: reopening, transfer, merging, the ends."""

from __future__ import annotations

import pytest

from services.kernel.contracts import events
from services.kernel.domain.directory import District
from services.kernel.domain.timer import Rest
from services.sla.core.follow import ENDS, MEETS, USED
from services.sla.core.rungs import rungs
from services.sla.testing import Living, ist, lines

NOT_USED = {
    events.CaseTriaged: "the triage policy runs from the filing already",
    events.CaseAttached: "comments never restart the clock",
    events.CaseNoted: "comments never restart the clock",
    events.CaseReminded: "a reminder changes no deadline",
    events.CaseRated: "a rating changes no deadline",
}


def test_every_event_of_a_case_is_either_used_or_consciously_not() -> None:
    of_case = {model for model in events.EVENTS.values() if "case" in model.ROOMS}
    used = {model for model in USED if "notices" not in model.ROOMS}
    assert used & set(NOT_USED) == set()
    assert used | set(NOT_USED) == of_case | {events.CaseFiled}
    assert set(MEETS) | ENDS <= used


# ------------------------------------------------------------------ resolved and reopened


def test_nothing_falls_due_from_resolved_to_reopened(pump: Living) -> None:
    pump.did(events.CaseResolved, "2026-03-03 14:00")
    assert pump.timer.resting == Rest(ist("2026-03-03 14:00"), "resolved", "somebody")
    assert [rung.step for rung in rungs(pump.timer, pump.running)] == ["lapse"]
    pump.at("2026-03-09 11:00")
    assert lines(pump.said) == [
        "2026-03-02 16:00 warning acknowledge",
        "2026-03-02 18:00 breach acknowledge",
        "2026-03-02 18:00 acknowledge to officer",
        "2026-03-03 11:00 acknowledge to head",
    ]


def test_reopened_it_goes_on_with_what_was_burnt(pump: Living) -> None:
    """12 of 40 hours were burnt: 28 are left from Monday noon, 18 of the 30 to the warning."""
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.did(events.CaseResolved, "2026-03-03 14:00")
    pump.did(events.CaseReopened, "2026-03-09 12:00", cycle=2)
    assert pump.deadline == ist("2026-03-12 16:00")
    assert pump.warns("resolve") == ist("2026-03-11 14:00")
    assert pump.next_at == ist("2026-03-09 12:00")  # the head is told at once
    assert pump.timer.cycle == 2
    found = pump.at("2026-03-12 16:00:01")
    assert lines(found) == [
        "2026-03-09 12:00 resolve to head reopened",
        "2026-03-11 14:00 warning resolve",
        "2026-03-12 16:00 breach resolve",
        "2026-03-12 16:00 resolve to officer",
    ]
    assert {e.cycle for e in found if isinstance(e, events.Clock)} == {2}


@pytest.mark.parametrize("end", [events.CaseConfirmed, events.CaseClosed])
def test_closed_meanwhile_makes_no_difference(pump: Living, end: type[events.CaseEvent]) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.did(events.CaseResolved, "2026-03-03 14:00")
    pump.did(end, "2026-03-06 10:00")
    assert pump.timer.ended_at == ist("2026-03-06 10:00")
    assert pump.at("2026-03-09 11:00") == []
    pump.did(events.CaseReopened, "2026-03-09 12:00", cycle=2)
    assert pump.deadline == ist("2026-03-12 16:00")


def test_a_rejection_is_reopened_with_what_was_burnt(pump: Living) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.did(events.CaseRejected, "2026-03-03 14:00", reason="duplicate")
    pump.did(events.CaseReopened, "2026-03-09 12:00", cycle=2)
    assert pump.deadline == ist("2026-03-12 16:00")


def test_calendar_days_stand_still_too(janjgir: District) -> None:
    pension = Living(janjgir, "2026-03-02 10:00", "pension")
    pension.did(events.CaseResolved, "2026-03-05 10:00")
    pension.did(events.CaseReopened, "2026-03-08 11:30", cycle=2)
    assert pension.deadline == ist("2026-04-04 11:30")  # 1 April, three days and 90 minutes later
    assert pension.warns("resolve") == ist("2026-03-27 23:30")


def test_twice_reopened_keeps_what_was_burnt_in_both(pump: Living) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.did(events.CaseResolved, "2026-03-03 14:00")  # 12 h burnt
    pump.did(events.CaseReopened, "2026-03-09 12:00", cycle=2)
    pump.did(events.CaseResolved, "2026-03-09 17:00")  # 17 h burnt
    pump.did(events.CaseReopened, "2026-03-16 10:00", cycle=3)
    assert pump.deadline == ist("2026-03-18 17:00")  # 23 h: 8 + 8 + 7
    assert lines(pump.at("2026-03-17 10:00")) == ["2026-03-16 10:00 resolve to head reopened"]
    # 30 h to the warning, 13 of them left; it fires, since it did not in the cycles before
    assert pump.warns("resolve") == ist("2026-03-17 15:00")


def test_a_warning_that_came_does_not_come_again_after_reopening(pump: Living) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.at("2026-03-06 17:00")
    pump.did(events.CaseResolved, "2026-03-06 17:00")  # 31 h burnt
    pump.did(events.CaseReopened, "2026-03-09 12:00", cycle=2)
    assert lines(pump.at("2026-03-10 13:00")) == ["2026-03-09 12:00 resolve to head reopened"]
    assert pump.deadline == ist("2026-03-10 13:00")  # nine hours were left: six and three


def test_a_recorded_breach_stays_and_the_ladder_begins_anew(pump: Living) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.at("2026-03-10 13:00")
    pump.did(events.CaseResolved, "2026-03-10 13:00")
    assert lines(pump.said)[-2:] == [
        "2026-03-09 18:00 resolve to officer",
        "2026-03-10 12:00 resolve to head",
    ]
    pump.did(events.CaseReopened, "2026-03-16 10:00", cycle=2)
    assert pump.deadline == ist("2026-03-09 18:00")
    assert pump.timer.targets["resolve"].breached_at == ist("2026-03-09 18:00")
    assert lines(pump.at("2026-03-20 10:00")) == [
        "2026-03-16 10:00 resolve to head reopened",
        "2026-03-16 10:00 resolve to officer",
        "2026-03-16 12:00 resolve to head",
        "2026-03-16 14:00 resolve to sdm",
        "2026-03-16 18:00 resolve to collector",
    ]


def test_what_was_met_once_stays_met_in_the_next_cycle(pump: Living) -> None:
    pump.did(events.CaseResolved, "2026-03-02 11:00")
    pump.did(events.CaseReopened, "2026-03-02 12:00", cycle=2)
    pump.at("2026-03-06 10:00")
    assert lines(pump.said) == ["2026-03-02 12:00 resolve to head reopened"]


# ------------------------------------------------------------------ transfer


def test_a_transfer_asks_the_new_office_in_full_time(pump: Living) -> None:
    pump.at("2026-03-02 17:00")
    pump.did(events.CaseTransferred, "2026-03-02 17:30", department="revenue")
    assert pump.due("acknowledge") == ist("2026-03-03 17:30")
    assert pump.due("resolve") == ist("2026-03-09 18:00")  # what was burnt stays burnt
    assert pump.timer.department == "revenue"
    assert lines(pump.at("2026-03-05 10:00")) == [
        "2026-03-03 14:00 warning first_response",
        "2026-03-03 15:30 warning acknowledge",
        "2026-03-03 17:30 breach acknowledge",
        "2026-03-03 17:30 acknowledge to officer",
        "2026-03-03 18:00 breach first_response",
        "2026-03-03 18:00 first_response to officer",
    ]


def test_acknowledged_then_transferred_is_to_be_acknowledged_again(pump: Living) -> None:
    pump.did(events.CaseAcknowledged, "2026-03-02 11:00")
    pump.did(events.CaseTransferred, "2026-03-02 12:00", department="revenue")
    assert pump.due("acknowledge") == ist("2026-03-03 12:00")
    assert pump.next_at == ist("2026-03-02 18:00")  # six of eight hours are used up
    pump.did(events.CaseAcknowledged, "2026-03-02 13:00")
    assert pump.next_at == ist("2026-03-03 14:00")  # the first response's warning


def test_an_overdue_acknowledgement_climbs_on_over_a_transfer(pump: Living) -> None:
    """A case handed round must not escape those whom it has climbed to."""
    pump.did(events.CaseTransferred, "2026-03-03 10:30", department="revenue")
    climbed = [line for line in lines(pump.at("2026-03-05 10:00")) if "acknowledge" in line]
    assert climbed == [
        "2026-03-03 11:00 acknowledge to head",
        "2026-03-03 14:00 acknowledge to sdm",
        "2026-03-03 18:00 acknowledge to collector",
    ]
    escalated = [e for e in pump.said if isinstance(e, events.SlaEscalated)]
    assert next(e.officer for e in escalated if e.to == "head") == "revenue-head-1"


def test_acknowledged_too_late_and_transferred_the_new_office_is_asked_without_a_second_breach(
    pump: Living,
) -> None:
    pump.did(events.CaseAcknowledged, "2026-03-03 10:30")
    pump.did(events.CaseTransferred, "2026-03-03 12:00", department="revenue")
    found = [line for line in lines(pump.at("2026-03-10 10:00")) if "acknowledge" in line]
    assert found == [  # eight hours of the new office, over Holi, then the ladder
        "2026-03-05 12:00 acknowledge to officer",
        "2026-03-05 13:00 acknowledge to head",
        "2026-03-05 16:00 acknowledge to sdm",
        "2026-03-06 12:00 acknowledge to collector",
    ]
    assert pump.timer.targets["acknowledge"].breached_at == ist("2026-03-02 18:00")


def test_transferred_on_before_the_new_offices_time_is_up_the_next_has_full_time(
    pump: Living,
) -> None:
    pump.did(events.CaseAcknowledged, "2026-03-03 10:30")
    pump.did(events.CaseTransferred, "2026-03-03 12:00", department="revenue")
    pump.did(events.CaseTransferred, "2026-03-05 11:00", department="pwd")
    found = [line for line in lines(pump.at("2026-03-20 10:00")) if "acknowledge" in line]
    assert found[0] == "2026-03-06 11:00 acknowledge to officer"


def test_taken_over_or_handed_to_a_colleague_nothing_is_asked_anew(pump: Living) -> None:
    before = pump.timer.targets
    pump.did(events.CaseTakenOver, "2026-03-02 12:00")
    pump.did(events.CaseAssigned, "2026-03-02 13:00")
    assert pump.timer.targets == before


# ------------------------------------------------------------------ merged


def test_merged_it_counts_on_but_fires_nothing_until_it_is_unmerged(pump: Living) -> None:
    pump.did(events.CaseReplied, "2026-03-02 11:00")
    pump.did(events.CaseMerged, "2026-03-02 12:00", parent="2600104245")
    assert pump.next_at is None
    assert pump.deadline == ist("2026-03-09 18:00")
    assert pump.at("2026-03-10 13:00") == []
    assert pump.did(events.CaseUnmerged, "2026-03-10 13:00", parent="2600104245") == []
    assert lines(pump.at("2026-03-10 13:01")) == [
        "2026-03-06 16:00 warning resolve",
        "2026-03-09 18:00 breach resolve",
        "2026-03-09 18:00 resolve to officer",
        "2026-03-10 12:00 resolve to head",
    ]


def test_what_fell_due_before_the_merge_is_not_lost_in_it(pump: Living) -> None:
    found = pump.did(events.CaseMerged, "2026-03-02 18:30", parent="2600104245")
    assert lines(found) == [
        "2026-03-02 16:00 warning acknowledge",
        "2026-03-02 18:00 breach acknowledge",
        "2026-03-02 18:00 acknowledge to officer",
    ]


@pytest.mark.parametrize(
    ("service", "due"), [("hand-pump", "2026-03-09 18:00"), ("ration-not-given", "2026-03-12 10:00")]
)
def test_merged_resolved_with_its_parent_and_reopened_the_past_stays_past(
    janjgir: District, service: str, due: str
) -> None:
    """It was over before the resolution: reopening moves it no more, in working time or in days."""
    case = Living(janjgir, "2026-03-02 10:00", service)
    case.did(events.CaseReplied, "2026-03-02 11:00")
    case.did(events.CaseMerged, "2026-03-02 12:00", parent="2600104245")
    case.did(events.CaseResolved, "2026-03-16 12:00")
    case.did(events.CaseReopened, "2026-03-20 12:00", cycle=2)
    assert case.deadline == ist(due)
    breached = [e.at for e in case.at("2026-03-20 12:00:01") if isinstance(e, events.SlaBreached)]
    assert breached == [ist(due)]


# ------------------------------------------------------------------ the ends


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (events.CaseWithdrawn, {}),
        (events.CaseRejected, {"reason": "duplicate"}),
        (events.CaseClosed, {}),
        (events.CaseConfirmed, {}),
    ],
)
def test_an_end_ends_it_and_tells_what_was_late_before(
    pump: Living, model: type[events.CaseEvent], more: dict[str, object]
) -> None:
    assert lines(pump.did(model, "2026-03-02 18:30", **more)) == [
        "2026-03-02 16:00 warning acknowledge",
        "2026-03-02 18:00 breach acknowledge",
        "2026-03-02 18:00 acknowledge to officer",
    ]
    assert pump.timer.ended_at == ist("2026-03-02 18:30")
    assert pump.next_at is None
    assert pump.at("2027-03-02 10:00") == []
