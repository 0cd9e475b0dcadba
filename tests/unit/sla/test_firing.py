"""What falls due: warning, breach and the ladder, each once, in due order, stamped with its due instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.kernel.contracts import events
from services.kernel.domain.directory import District, Leave, OfficerRole
from services.kernel.domain.duty import Matter
from services.sla.core.ladder import said, who
from services.sla.core.rungs import Rung, rungs
from services.sla.testing import TICKET, Living, ist, lines

TICK = timedelta(milliseconds=1)

WHOLE_LIFE = [
    "2026-03-02 16:00 warning acknowledge",
    "2026-03-02 18:00 breach acknowledge",
    "2026-03-02 18:00 acknowledge to officer",
    "2026-03-03 11:00 acknowledge to head",
    "2026-03-03 14:00 warning first_response",
    "2026-03-03 14:00 acknowledge to sdm",
    "2026-03-03 18:00 breach first_response",
    "2026-03-03 18:00 acknowledge to collector",
    "2026-03-03 18:00 first_response to officer",
    "2026-03-05 12:00 first_response to head",
    "2026-03-05 14:00 first_response to sdm",
    "2026-03-05 18:00 first_response to collector",
    "2026-03-06 16:00 warning resolve",
    "2026-03-09 18:00 breach resolve",
    "2026-03-09 18:00 resolve to officer",
    "2026-03-10 12:00 resolve to head",
    "2026-03-10 14:00 resolve to sdm",
    "2026-03-10 18:00 resolve to collector",
]
"""A hand pump filed on Monday 2 March at 10:00 and left alone; the 4th is Holi."""


def test_left_alone_it_climbs_the_whole_ladder(pump: Living) -> None:
    while pump.next_at is not None:
        due = pump.next_at
        assert pump.at(due) == []  # at the instant itself an act would still be in time
        found = pump.at(due + TICK)
        assert {event.at for event in found} == {due}
    assert lines(pump.said) == WHOLE_LIFE


def test_after_down_time_all_of_it_comes_once_and_in_the_same_order(pump: Living) -> None:
    assert lines(pump.at("2026-06-01 09:00")) == WHOLE_LIFE
    assert pump.at("2026-06-01 09:00") == []
    assert pump.at("2026-07-01 09:00") == []
    assert pump.timer.last_fired == ist("2026-03-10 18:00")


def test_one_look_a_day_says_the_same_as_one_a_minute(janjgir: District) -> None:
    rare = Living(janjgir, "2026-03-02 10:00", "hand-pump")
    often = Living(janjgir, "2026-03-02 10:00", "hand-pump")
    for day in range(12):
        rare.at(ist("2026-03-02 03:00") + timedelta(days=day))
    for quarter in range(12 * 96):
        often.at(ist("2026-03-02 03:00") + timedelta(minutes=15 * quarter))
    assert lines(rare.said) == lines(often.said) == WHOLE_LIFE


def test_the_events_carry_who_is_meant(pump: Living, janjgir: District) -> None:
    pump.at("2026-03-04 00:00")
    by_role = {e.to: e.officer for e in pump.said if isinstance(e, events.SlaEscalated)}
    sdm = next(o for o in janjgir.officers if o.role == "sdm" and o.subdivision == "akaltara")
    head = janjgir.department_by_id["phe"].head
    assert by_role == {
        "officer": None,
        "head": head,
        "sdm": sdm.id,
        "collector": janjgir.collector,
    }
    warning = pump.said[0]
    assert isinstance(warning, events.SlaWarned)
    assert warning.percent == 75
    assert warning.due_at == ist("2026-03-02 18:00")
    breach = pump.said[1]
    assert isinstance(breach, events.SlaBreached)
    assert (breach.at, breach.due_at, breach.cycle) == (breach.due_at, breach.at, 1)


def test_acknowledged_in_time_only_the_warning_came(pump: Living) -> None:
    pump.at("2026-03-02 17:00")
    pump.did(events.CaseAcknowledged, "2026-03-02 17:30")
    pump.at("2026-03-03 15:00")
    assert lines(pump.said) == [
        "2026-03-02 16:00 warning acknowledge",
        "2026-03-03 14:00 warning first_response",
    ]


def test_a_late_acknowledgement_stops_the_ladder_where_it_stands(pump: Living) -> None:
    pump.did(events.CaseAcknowledged, "2026-03-03 12:00")
    assert lines(pump.said) == WHOLE_LIFE[:4]
    pump.at("2026-03-03 23:00")
    assert not [line for line in lines(pump.said)[4:] if "acknowledge" in line]
    assert pump.timer.targets["acknowledge"].breached_at == ist("2026-03-02 18:00")


def test_an_act_that_comes_after_the_due_instant_is_late_however_late_the_clock_looks(
    pump: Living,
) -> None:
    """The worker was down at 18:00 and learns of the resolution first: the breaches are facts."""
    found = pump.did(events.CaseResolved, "2026-03-03 18:30")
    assert lines(found) == WHOLE_LIFE[:9]
    assert [rung.step for rung in rungs(pump.timer, pump.running)] == ["lapse"]


def test_resolved_in_time_while_the_clock_was_down_nothing_is_broken(pump: Living) -> None:
    pump.did(events.CaseAcknowledged, "2026-03-02 11:00")
    pump.did(events.CaseResolved, "2026-03-02 15:00")
    assert lines(pump.at("2026-05-01 10:00")) == ["2026-03-09 15:00 lapsed"]


@pytest.mark.parametrize(
    ("model", "more", "left"),
    [
        (events.CaseAcknowledged, {}, {"first_response", "resolve"}),
        (events.CaseStarted, {}, {"first_response", "resolve"}),
        (events.RejectionProposed, {"reason": "duplicate"}, {"first_response", "resolve"}),
        (events.CaseReplied, {}, {"resolve"}),
        (events.QuestionAsked, {"question": 1}, {"resolve"}),
        (events.CaseResolved, {}, set()),
        (events.CaseRejected, {"reason": "duplicate"}, set()),
        (events.CaseWithdrawn, {}, set()),
        (events.CaseMerged, {"parent": "2600104245"}, set()),
        (events.CaseConfirmed, {}, set()),
        (events.CaseClosed, {}, set()),
        (events.CaseTakenOver, {}, {"acknowledge", "first_response", "resolve"}),
        (events.RejectionRefused, {}, {"acknowledge", "first_response", "resolve"}),
    ],
)
def test_what_each_act_leaves_running(
    pump: Living, model: type[events.CaseEvent], more: dict[str, object], left: set[str]
) -> None:
    pump.did(model, "2026-03-02 11:00", **more)
    assert {e.target for e in pump.at("2026-06-01 10:00") if isinstance(e, events.Clock)} == left


def test_a_breach_comes_before_the_ladder_at_the_same_instant(pump: Living) -> None:
    same = [e for e in pump.at("2026-03-02 18:01") if e.at == ist("2026-03-02 18:00")]
    assert [type(e) for e in same] == [events.SlaBreached, events.SlaEscalated]


def test_the_second_districts_ladder_is_its_own(sakti: District) -> None:
    case = Living(sakti, "2026-03-06 10:00", "bijli-gul", block="dabhra-block")
    case.at("2026-03-20 10:00")
    assert [line for line in lines(case.said) if "resolve" in line] == [
        "2026-03-07 13:30 warning resolve",  # ten and a half of 14 hours: when lunch begins
        "2026-03-07 17:30 breach resolve",
        "2026-03-07 17:30 resolve to officer",
        "2026-03-09 17:30 resolve to head",
        "2026-03-10 17:30 resolve to sdm",
        "2026-03-11 17:30 resolve to collector",
    ]
    named = {e.to: e.officer for e in case.said if isinstance(e, events.SlaEscalated)}
    assert named["sdm"] == "dabhra-sdm-1"
    assert named["head"] == "bijli-pramukh-1"


# ------------------------------------------------------------------ who is meant


def meant(
    district: District,
    to: OfficerRole,
    department: str | None,
    block: str | None,
    named: str | None = None,
) -> str | None:
    matter = Matter(department, block=block, named_official=named)
    return who(to, matter, district, date(2026, 3, 9))


def test_whom_a_rung_means(sakti: District) -> None:
    assert meant(sakti, "head", "jal", None) == "jal-pramukh-1"
    assert meant(sakti, "sdm", "jal", "sakti-block") == "sakti-sdm-1"
    assert meant(sakti, "collector", None, None) == "zila-dandadhikari-1"
    assert meant(sakti, "officer", "jal", "sakti-block") is None


def test_where_there_is_none_the_next_above_is_meant(sakti: District) -> None:
    for department in (None, "no-such"):
        assert meant(sakti, "head", department, "sakti-block") == "sakti-sdm-1"
        assert meant(sakti, "head", department, None) == "zila-dandadhikari-1"
    assert meant(sakti, "sdm", "jal", None) == "zila-dandadhikari-1"


def test_a_retired_sdm_is_not_meant(sakti: District) -> None:
    gone = replace(
        sakti, officers=tuple(replace(o, retired=o.role == "sdm") for o in sakti.officers)
    )
    assert meant(gone, "sdm", "jal", "sakti-block") == "zila-dandadhikari-1"


def test_leave_counts_on_the_districts_day_of_the_rung(sakti: District) -> None:
    """At midnight in India the day changes, whatever it is in UTC."""
    case = Living(sakti, "2026-03-06 10:00", "bijli-gul", block="dabhra-block")
    leave = (Leave(date(2026, 3, 9), date(2026, 3, 9)),)
    officers = tuple(
        replace(o, leave=leave) if o.id == "bijli-pramukh-1" else o for o in sakti.officers
    )
    district = replace(sakti, officers=officers)
    for at, officer in (
        (ist("2026-03-08 23:59"), "bijli-pramukh-1"),
        (ist("2026-03-09 00:00"), "dabhra-sdm-1"),
        (ist("2026-03-09 23:59"), "dabhra-sdm-1"),
        (ist("2026-03-10 00:00"), "bijli-pramukh-1"),
    ):
        rung = Rung(1, "resolve", "escalation", at, 1, "head")
        [told] = said(TICKET, case.timer, [rung], case.running, district)
        assert isinstance(told, events.SlaEscalated)
        assert (told.to, told.officer) == ("head", officer)


def test_the_official_whom_a_case_names_is_passed_over_with_his_office(sakti: District) -> None:
    """jal-sakti-1 sits in the head's own office: the case goes one level up."""
    for named in ("jal-pramukh-1", "jal-sakti-1"):
        assert meant(sakti, "head", "jal", "sakti-block", named) == "sakti-sdm-1"
    assert meant(sakti, "head", "jal", "sakti-block", "jal-dabhra-1") == "jal-pramukh-1"
    assert meant(sakti, "sdm", "jal", "sakti-block", "sakti-sdm-1") == "zila-dandadhikari-1"
    assert meant(sakti, "collector", "jal", "sakti-block", "zila-dandadhikari-1") is None


def test_the_clock_keeps_a_case_from_the_official_whom_it_names(sakti: District) -> None:
    case = Living(
        sakti,
        "2026-03-06 10:00",
        "nal-kharab",
        block="sakti-block",
        named_official="jal-pramukh-1",
    )
    case.at("2026-04-06 10:00")
    named = {e.officer for e in case.said if isinstance(e, events.SlaEscalated)}
    assert named == {None, "sakti-sdm-1", "zila-dandadhikari-1"}


def test_an_unassigned_case_climbs_as_well(janjgir: District) -> None:
    case = Living(janjgir, "2026-03-02 10:00")  # words alone: nobody has placed it
    case.at("2026-06-01 10:00")
    told = [one for one in case.said if isinstance(one, events.SlaEscalated)]
    assert told
    assert {one.to for one in told} >= {"head", "collector"}
