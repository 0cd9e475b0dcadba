"""The top of a ladder comes again and again while nothing happens: every two working days for a hand pump."""

from __future__ import annotations

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import District
from services.sla.testing import Living, ist, lines

TOPPED = "2026-03-10 18:01"
"""The Collector was told of the missed resolution at 18:00."""


@pytest.fixture
def pump(repeating: District) -> Living:
    """Filed on Monday the 2nd at 10:00; Wednesday is Holi."""
    return Living(repeating, "2026-03-02 10:00", "hand-pump", block="akaltara")


@pytest.fixture
def topped(pump: Living) -> Living:
    """Taken on and answered at once, and then left alone."""
    pump.did(e.CaseReplied, "2026-03-02 11:00")
    pump.at(TOPPED)
    assert lines(pump.said)[-1] == "2026-03-10 18:00 resolve to collector"
    return pump


def again(case: Living, until: str, target: str = "resolve") -> list[str]:
    """What is repeated until then."""
    before = len(case.said)
    case.at(until)
    found = (line.split(f" {target} to ") for line in lines(case.said[before:]))
    return [part[0] for part in found if len(part) > 1 and part[1].endswith("repeated")]


def test_each_limit_has_a_top_of_its_own(pump: Living) -> None:
    pump.at("2026-03-11 18:01")
    repeated = [line for line in lines(pump.said) if "repeated" in line]
    assert repeated == [
        "2026-03-06 18:00 acknowledge to collector repeated",
        "2026-03-09 18:00 first_response to collector repeated",
        "2026-03-10 18:00 acknowledge to collector repeated",
        "2026-03-11 18:00 first_response to collector repeated",
    ]


def test_it_goes_to_whom_the_top_goes_and_is_counted_rather_than_remembered(
    topped: Living,
) -> None:
    top = topped.said[-1]
    fired = topped.timer.fired
    topped.at("2026-04-30 10:00")
    repeated = topped.said[topped.said.index(top) + 1 :]
    assert isinstance(top, e.SlaEscalated)
    for one in repeated:
        assert isinstance(one, e.SlaEscalated)
        assert (one.why, one.to, one.officer, one.rung) == ("repeated", "collector", top.officer, top.rung)
    assert topped.timer.targets["resolve"].repeats == len(repeated) > 10
    assert topped.timer.fired == fired
    assert topped.timer.targets["resolve"].topped_at == repeated[-1].at


def test_it_is_all_that_is_left_to_fall_due(topped: Living) -> None:
    assert topped.next_at == ist("2026-03-12 18:00")
    assert topped.at("2026-03-12 18:00") == []
    assert lines(topped.at("2026-03-12 18:00:01")) == ["2026-03-12 18:00 resolve to collector repeated"]
    assert topped.next_at == ist("2026-03-16 18:00")


def test_a_ladder_without_repetition_ends_at_its_top(janjgir: District) -> None:
    case = Living(janjgir, "2026-03-02 10:00", "hand-pump", block="akaltara")
    case.at(TOPPED)
    assert case.next_at is None


def test_what_the_office_does_puts_it_off(topped: Living) -> None:
    topped.did(e.CaseStarted, "2026-03-12 11:00")
    assert topped.next_at == ist("2026-03-16 11:00")
    topped.did(e.CaseReplied, "2026-03-16 11:00")  # at the very instant: in time
    assert again(topped, "2026-03-18 11:01") == ["2026-03-18 11:00"]


def test_what_the_office_did_before_the_top_does_not(pump: Living) -> None:
    pump.did(e.CaseReplied, "2026-03-10 17:00")
    assert again(pump, "2026-03-12 18:01") == ["2026-03-12 18:00"]


@pytest.mark.parametrize(
    ("model", "role", "more"),
    [
        (e.QuestionAnswered, "citizen", {"question": 1}),
        (e.QuestionMarked, "operator", {"question": 1}),
    ],
)
def test_what_others_do_does_not_put_it_off(
    topped: Living, model: type[e.CaseEvent], role: str, more: dict[str, object]
) -> None:
    """No question is open: nothing stops the clock either."""
    topped.did(model, "2026-03-12 11:00", by=e.By(role=role), **more)  # type: ignore[arg-type]
    assert topped.next_at == ist("2026-03-12 18:00")


def test_it_stands_still_in_a_pause(topped: Living) -> None:
    """Asked at 10:00, two of its 16 hours are over at the delivery; 14 are left on Friday noon."""
    topped.did(e.QuestionAsked, "2026-03-11 10:00", question=1)
    topped.reached("2026-03-11 12:00")
    topped.did(e.QuestionAnswered, "2026-03-13 12:00", question=1, by=e.By(role="citizen"))
    assert again(topped, "2026-03-17 10:00") == ["2026-03-16 18:00"]


def test_a_new_cycle_climbs_first_and_then_counts_anew(topped: Living) -> None:
    topped.did(e.CaseResolved, "2026-03-17 10:00")
    assert topped.timer.targets["resolve"].repeats == 2
    topped.did(e.CaseReopened, "2026-03-18 10:00", cycle=2)
    assert topped.timer.targets["resolve"].repeats == 0
    before = len(topped.said)
    topped.at("2026-03-23 10:00")
    assert lines(topped.said[before:]) == [
        "2026-03-18 10:00 resolve to head reopened",
        "2026-03-18 10:00 resolve to officer",
        "2026-03-18 12:00 resolve to head",
        "2026-03-18 14:00 resolve to sdm",
        "2026-03-18 18:00 resolve to collector",
        "2026-03-20 18:00 resolve to collector repeated",
    ]
    assert topped.timer.targets["resolve"].repeats == 1


def test_a_transfer_of_what_is_still_owed_puts_it_off_and_no_more(pump: Living) -> None:
    pump.at("2026-03-05 09:00")
    pump.did(e.CaseTransferred, "2026-03-05 12:00", department="pwd")
    assert again(pump, "2026-03-09 12:01", "acknowledge") == ["2026-03-09 12:00"]


def test_a_new_office_is_asked_for_its_acknowledgement_by_a_ladder_of_its_own(
    pump: Living,
) -> None:
    pump.did(e.CaseReplied, "2026-03-09 10:30")  # after one repetition
    assert pump.timer.targets["acknowledge"].repeats == 1
    pump.did(e.CaseTransferred, "2026-03-09 12:00", department="pwd")
    assert pump.timer.targets["acknowledge"].repeats == 0
    before = len(pump.said)
    pump.at("2026-03-13 12:01")
    assert [line for line in lines(pump.said[before:]) if " acknowledge " in line] == [
        "2026-03-10 12:00 acknowledge to officer",
        "2026-03-10 13:00 acknowledge to head",
        "2026-03-10 16:00 acknowledge to sdm",
        "2026-03-11 12:00 acknowledge to collector",
        "2026-03-13 12:00 acknowledge to collector repeated",
    ]


def test_taken_out_of_a_merge_not_every_hidden_repetition_is_told(pump: Living) -> None:
    pump.did(e.CaseReplied, "2026-03-02 11:00")
    pump.did(e.CaseMerged, "2026-03-03 12:00", parent="2600104245")
    pump.did(e.CaseUnmerged, "2026-03-20 11:00", parent="2600104245")
    found = lines(pump.at("2026-03-20 11:01"))
    assert found[-1] == "2026-03-10 18:00 resolve to collector"
    assert pump.next_at == ist("2026-03-24 11:00")


def test_another_service_counts_by_its_own_ladder(topped: Living) -> None:
    """A pension's comes again every five working days; who was told of the breach is not told anew."""
    topped.did(e.ServiceChanged, "2026-03-11 10:00", service="pension", department="social-welfare")
    assert topped.at("2026-03-17 18:00") == []
    assert again(topped, "2026-03-17 18:00:01") == ["2026-03-17 18:00"]


def test_it_is_the_same_however_often_the_clock_looks(repeating: District) -> None:
    once = Living(repeating, "2026-03-02 10:00", "hand-pump", block="akaltara")
    often = Living(repeating, "2026-03-02 10:00", "hand-pump", block="akaltara")
    once.at("2026-04-01 10:00")
    for day in range(2, 31):
        often.at(f"2026-03-{day:02d} 18:00")
        often.at(f"2026-03-{day:02d} 18:00:01")
    often.at("2026-04-01 10:00")
    assert often.said == once.said
    assert often.timer == once.timer
