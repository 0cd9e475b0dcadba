"""What the model knows of the clock: each rung once, in its time, by what the acts have set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from services.cli.topic.findings import Findings
from services.cli.topic.model import check
from services.kernel.contracts import events as e
from services.kernel.contracts.codec import Record
from services.kernel.contracts.events import CaseEvent, Room
from services.kernel.domain.directory import District
from services.sla.testing import Living, act, filing, ist
from tests.recorded import record_of, renumbered

FILED = "2026-03-02 10:00"  # a Monday
ROUTING = e.By(role="routing")
CITIZEN = e.By(role="citizen")


def judged(events: Iterable[CaseEvent]) -> Findings:
    """What the model says of `events`, numbered as they come."""
    numbers: Counter[Room] = Counter()
    records = []
    for event in events:
        room = event.ROOMS[0]
        numbers[room] += 1
        records.append(record_of(event, room, numbers[room]))
    return check(records)


def faults(events: Iterable[CaseEvent]) -> list[tuple[str, str]]:
    return [(fault.kind, fault.why) for fault in judged(events).faults]


def kinds_of(records: list[Record]) -> list[str]:
    return [fault.kind for fault in check(records).faults]


class Told:
    """A hand pump's case: what is done is told to the clock, and what both say is the recording."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.living = Living(district, FILED, "hand-pump", block="akaltara")
        self.events: list[CaseEvent] = [filing(district, ist(FILED), "hand-pump", block="akaltara")]
        self.did(e.CaseAssigned, FILED, by=ROUTING)

    def did(self, model: type[CaseEvent], at: str, **fields: object) -> CaseEvent:
        done = act(model, self.district.id, ist(at), **fields)
        self.events += [done, *self.living.learns(done)]
        return done

    def looked(self, at: str) -> list[CaseEvent]:
        said = self.living.at(at)
        self.events += said
        return said


@pytest.fixture
def told(janjgir: District) -> Told:
    return Told(janjgir)


def test_a_breach_stays_recorded_over_a_reopening_and_the_ladder_begins_anew(told: Told) -> None:
    told.did(e.CaseAcknowledged, "2026-03-02 11:00")
    told.looked("2026-03-20 10:00")
    told.did(e.CaseResolved, "2026-03-20 11:00")
    told.did(e.CaseReopened, "2026-03-21 11:00", cycle=2, by=CITIZEN)
    said = told.looked("2026-04-30 10:00")
    assert {(one.TYPE, one.cycle) for one in said if isinstance(one, e.Clock)} == {
        (e.SlaEscalated.TYPE, 2)
    }
    assert faults(told.events) == []

    breach = next(one for one in told.events if isinstance(one, e.SlaBreached) and one.target == "resolve")
    again = breach.model_copy(update={"cycle": 2, "at": said[-1].at, "due_at": said[-1].at})
    assert faults([*told.events, again]) == [("doubled", "breach of resolve was said before")]
    other = said[-1].model_copy(update={"officer": "somebody-else"})
    assert [kind for kind, _ in faults([*told.events, other])] == ["doubled"]


def test_a_transfer_arms_the_acknowledgement_again_and_nothing_else_does(told: Told) -> None:
    (first,) = told.looked("2026-03-02 17:00")
    told.did(e.CaseAcknowledged, "2026-03-02 17:30")
    told.did(e.CaseTransferred, "2026-03-02 17:45")
    later = [one for one in told.looked("2026-03-05 10:00") if isinstance(one, e.SlaWarned)]
    assert isinstance(first, e.SlaWarned)
    assert first.target == "acknowledge"
    (second,) = [one for one in later if one.target == "acknowledge"]
    assert first.cycle == second.cycle == 1
    assert faults(told.events) == []

    untransferred = [one for one in told.events if not isinstance(one, e.CaseTransferred)]
    doubled = ("doubled", "warning of acknowledge in cycle 1 was said before")
    assert faults(untransferred) == [doubled]
    third = second.model_copy(update={"at": second.due_at})
    assert doubled in faults([*told.events, third])


def test_another_service_may_set_limits_that_are_over_and_nothing_else_may(told: Told) -> None:
    said = told.looked("2026-03-05 10:00")
    told.did(e.CaseAcknowledged, "2026-03-05 10:30")
    told.did(e.ServiceChanged, "2026-03-05 11:00", service="street-light", department="phe",
             state="acknowledged")  # fmt: skip
    overdue = told.looked("2026-03-05 11:01")
    assert overdue[0].at < said[-1].at, "what the new service allows was used up before"
    assert faults(told.events) == []

    unchanged = [one for one in told.events if not isinstance(one, e.ServiceChanged)]
    assert [kind for kind, _ in faults(unchanged)] == ["illegal"]
    same = [
        one.model_copy(update={"service": "hand-pump"}) if isinstance(one, e.ServiceChanged) else one
        for one in told.events
    ]
    assert [kind for kind, _ in faults(same)] == ["illegal"]


def test_an_act_is_stamped_later_than_what_the_clock_had_said(told: Told) -> None:
    (warning,) = told.looked("2026-03-02 17:00")
    *before, _ = told.events
    late = act(e.CaseAcknowledged, told.district.id, warning.at)
    assert [kind for kind, _ in faults([*told.events, late])] == ["illegal"]
    assert faults([*before, late, warning]) == [], "the clock had not said it yet"
    in_time = late.model_copy(update={"at": ist("2026-03-02 17:00")})
    assert faults([*told.events, in_time]) == []


def test_what_rests_on_other_records_is_not_blamed_where_something_else_is_wrong(told: Told) -> None:
    (warning,) = told.looked("2026-03-02 17:00")
    filed, assigned, _ = told.events
    late = record_of(act(e.CaseAcknowledged, told.district.id, warning.at), "case", 2)
    started = act(e.CaseStarted, told.district.id, ist("2026-03-02 18:00"), state="in_progress")
    again = warning.model_copy(update={"at": ist("2026-03-02 17:00")})
    begun = [
        record_of(filed, "intake", 1),
        record_of(assigned, "case", 1),
        record_of(warning, "sla", 1),
    ]
    doubted = [*begun, late, record_of(again, "sla", 2)]
    assert kinds_of(doubted) == ["illegal", "doubled"]
    assert kinds_of([*begun, renumbered(late, 3)]) == ["lost"]
    assert kinds_of([*doubted, record_of(started, "case", 4)]) == ["lost"]
    assert kinds_of([*doubted, replace(late, partition=(late.partition + 1) % 12)]) == ["disordered"]
    later_version = (("ce_type", b"samvad.sla.paused.v9"),)
    headers = tuple(h for h in begun[2].headers if h[0] != "ce_type") + later_version
    assert kinds_of([*doubted, renumbered(replace(begun[2], headers=headers), 3)]) == []


def test_the_clock_says_nothing_out_of_its_time(told: Told) -> None:
    said = told.looked("2026-03-03 12:00")
    warning = next(one for one in said if isinstance(one, e.SlaWarned))
    breach = next(one for one in said if isinstance(one, e.SlaBreached))
    escalation = next(one for one in said if isinstance(one, e.SlaEscalated))
    begun = told.events[:2]
    for wrong, why in (
        ([escalation], "acknowledge escalated without a breach"),
        ([breach, warning], "a warning of acknowledge after its breach"),
        ([warning.model_copy(update={"cycle": 2})], "of cycle 2, in cycle 1"),
    ):
        assert faults([*begun, *wrong]) == [("illegal", why)]
    for moved in (
        warning.model_copy(update={"at": breach.at, "due_at": warning.at}),
        warning.model_copy(update={"at": ist("2026-03-01 10:00")}),
        breach.model_copy(update={"at": warning.at}),
    ):
        assert [kind for kind, _ in faults([*begun, moved])] == ["illegal"]
    early = escalation.model_copy(update={"at": warning.at})
    assert faults([*begun, breach, early]) == [("illegal", f"stamped {early.at}, due {breach.due_at}")]


def test_a_recalculated_clock_may_say_what_is_over(told: Told) -> None:
    said = told.looked("2026-03-05 10:00")
    recalculated = e.SlaRecalculated(
        ticket=said[0].ticket, district="x", at=ist("2026-03-05 11:00"), directory_version=2, cause="made up"
    )
    first_response = e.SlaBreached(
        ticket=said[0].ticket, district="x", at=ist(FILED), target="resolve", due_at=ist(FILED)
    )
    assert faults([*told.events, recalculated, first_response]) == []
    assert [kind for kind, _ in faults([*told.events, first_response])] == ["illegal"]


def test_questions_and_reopenings_are_counted(told: Told) -> None:
    told.did(e.CaseAcknowledged, "2026-03-02 11:00")
    asked = told.did(e.QuestionAsked, "2026-03-02 11:30", question=1, state="awaiting_citizen")
    again = asked.model_copy(update={"at": ist("2026-03-02 12:00")})
    assert faults([*told.events, again]) == [("illegal", "question 1, after question 1")]
    answered = act(e.QuestionAnswered, told.district.id, ist("2026-03-02 12:00"), question=2,
                   state="in_progress")  # fmt: skip
    assert faults([*told.events, answered]) == [("illegal", "about question 2, where 1 is the last")]
    told.did(e.CaseResolved, "2026-03-02 13:00")
    reopened = act(e.CaseReopened, told.district.id, ist("2026-03-02 14:00"), cycle=3, by=CITIZEN)
    assert faults([*told.events, reopened]) == [("illegal", "reopened for cycle 3, after cycle 1")]


def test_the_top_rung_comes_again_and_again_each_at_its_own_instant(told: Told) -> None:
    told.looked("2026-06-30 10:00")
    again = [one for one in told.events if isinstance(one, e.SlaEscalated) and one.why == "repeated"]
    assert len(again) > 10
    assert faults(told.events) == []
    assert [kind for kind, _ in faults([*told.events, again[3]])] == ["doubled"]


def test_a_reopening_is_told_at_once_and_once_a_cycle(told: Told) -> None:
    told.did(e.CaseAcknowledged, "2026-03-02 11:00")
    told.did(e.CaseResolved, "2026-03-02 12:00")
    told.did(e.CaseReopened, "2026-03-03 11:00", cycle=2, by=CITIZEN)
    (reopened,) = told.looked("2026-03-03 11:01")
    assert isinstance(reopened, e.SlaEscalated)
    assert reopened.why == "reopened"
    assert reopened.at < reopened.due_at
    assert faults(told.events) == []
    assert [kind for kind, _ in faults([*told.events, reopened])] == ["doubled"]
    unmet = reopened.model_copy(update={"why": "unmet"})
    assert [kind for kind, _ in faults([*told.events[:-1], unmet])] == ["illegal"]


def test_a_window_lapses_once_a_cycle_and_nothing_is_stamped_before_it(told: Told) -> None:
    told.did(e.CaseAcknowledged, "2026-03-02 11:00")
    told.did(e.CaseResolved, "2026-03-02 12:00")
    (lapsed,) = told.looked("2026-04-02 11:01")
    assert isinstance(lapsed, e.SlaLapsed)
    told.did(e.CaseClosed, "2026-04-02 11:01", by=e.By(role="rule"))
    assert faults(told.events) == []
    assert [kind for kind, _ in faults([*told.events, lapsed])] == ["doubled"]
    of_a_later_cycle = lapsed.model_copy(update={"cycle": 2})
    assert [kind for kind, _ in faults([*told.events[:-2], of_a_later_cycle])] == ["illegal"]
    early = told.events[-1].model_copy(update={"at": lapsed.at})
    assert [kind for kind, _ in faults([*told.events[:-1], early])] == ["illegal"]


def test_nothing_is_stamped_before_a_recalculation_any_more(told: Told) -> None:
    recalculated = e.SlaRecalculated(
        ticket=told.events[0].ticket,
        district=told.district.id,
        at=ist("2026-03-02 11:00"),
        directory_version=2,
        cause="a holiday",
    )
    late = act(e.CaseAcknowledged, told.district.id, ist("2026-03-02 10:30"))
    after = act(e.CaseAcknowledged, told.district.id, ist("2026-03-02 11:30"))
    assert faults([*told.events, recalculated, after]) == []
    assert [kind for kind, _ in faults([*told.events, recalculated, late])] == ["illegal"]
