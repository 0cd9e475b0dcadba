"""A case merged into another counts on, hidden: nothing falls due until it is taken out again."""

from __future__ import annotations

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import District
from services.sla.testing import Living, ist, lines

PARENT = {"parent": "2600104245"}


@pytest.fixture
def merged(pump: Living) -> Living:
    """Answered and merged on its first day; due on Monday the 9th at 18:00."""
    pump.did(e.CaseReplied, "2026-03-02 11:00")
    pump.did(e.CaseMerged, "2026-03-02 12:00", **PARENT)
    return pump


def test_taken_out_in_time_it_is_as_if_it_had_never_been(janjgir: District, merged: Living) -> None:
    plain = Living(janjgir, "2026-03-02 10:00", "hand-pump", block="akaltara")
    plain.did(e.CaseReplied, "2026-03-02 11:00")
    merged.did(e.CaseUnmerged, "2026-03-06 12:00", **PARENT)
    merged.at("2026-06-01 10:00")
    plain.at("2026-06-01 10:00")
    assert merged.said == plain.said
    assert merged.timer.targets == plain.timer.targets


def test_what_fell_due_meanwhile_comes_with_its_own_instants_after_it(merged: Living) -> None:
    assert merged.did(e.CaseUnmerged, "2026-03-10 11:00", **PARENT) == []
    assert merged.next_at == ist("2026-03-06 16:00")
    assert lines(merged.did(e.CaseStarted, "2026-03-10 11:30")) == [
        "2026-03-06 16:00 warning resolve",
        "2026-03-09 18:00 breach resolve",
        "2026-03-09 18:00 resolve to officer",
    ]


def test_merged_again_before_the_clock_looked_what_fell_due_is_told(merged: Living) -> None:
    merged.did(e.CaseUnmerged, "2026-03-10 11:00", **PARENT)
    found = merged.did(e.CaseMerged, "2026-03-10 11:30", **PARENT)
    assert "2026-03-09 18:00 breach resolve" in lines(found)
    assert merged.next_at is None
    assert merged.at("2026-03-20 10:00") == []


def test_merged_at_the_due_instant_nothing_was_late_yet(pump: Living) -> None:
    pump.did(e.CaseReplied, "2026-03-02 11:00")
    pump.at("2026-03-09 18:00")
    assert pump.did(e.CaseMerged, "2026-03-09 18:00", **PARENT) == []  # in time
    assert pump.timer.targets["resolve"].breached_at is None


def test_a_question_that_is_open_lapses_with_the_merge(pump: Living) -> None:
    pump.did(e.CaseAcknowledged, "2026-03-02 11:00")
    pump.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
    pump.reached("2026-03-02 13:00")
    pump.did(e.CaseMerged, "2026-03-02 15:00", **PARENT)
    assert pump.deadline == ist("2026-03-10 12:00")  # two hours
    assert pump.timer.questions[0].closed_at == ist("2026-03-02 15:00")


def test_a_delivery_that_is_told_in_the_merge_is_counted(pump: Living) -> None:
    pump.did(e.CaseAcknowledged, "2026-03-02 11:00")
    pump.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
    pump.did(e.CaseMerged, "2026-03-02 15:00", **PARENT)
    pump.reached("2026-03-02 13:00", n=2)
    assert pump.deadline == ist("2026-03-10 12:00")
    assert pump.next_at is None


def test_another_service_counts_in_hiding_too(merged: Living) -> None:
    merged.did(e.ServiceChanged, "2026-03-03 10:00", service="street-light", department="pwd")
    assert merged.next_at is None
    assert merged.deadline == ist("2026-03-03 18:00")
    merged.did(e.CaseUnmerged, "2026-03-05 10:00", **PARENT)
    assert "2026-03-03 18:00 breach resolve" in lines(merged.at("2026-03-05 10:01"))


@pytest.mark.parametrize(
    ("model", "more", "left"),
    [
        (e.CaseResolved, {}, "2026-03-12 12:00"),  # the confirmation window
        (e.CaseRejected, {"reason": "duplicate"}, None),
        (e.CaseWithdrawn, {}, None),
        (e.CaseClosed, {}, None),
    ],
)
def test_what_ends_it_ends_the_merge_and_tells_nothing_of_it(
    merged: Living, model: type[e.CaseEvent], more: dict[str, object], left: str | None
) -> None:
    assert merged.did(model, "2026-03-05 12:00", **more) == []
    assert merged.timer.merged_since is None
    assert merged.next_at == (ist(left) if left is not None else None)


def test_reopened_after_that_it_has_what_was_left(merged: Living) -> None:
    """It counted on in the merge: 20 of 40 hours were used up on Thursday at 14:00."""
    merged.did(e.CaseResolved, "2026-03-05 14:00")
    merged.did(e.CaseReopened, "2026-03-09 10:00", cycle=2)
    assert merged.deadline == ist("2026-03-11 14:00")
