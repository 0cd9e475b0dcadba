"""Facts count alike whichever becomes known first, and odd ones do no harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import Allowance, District, Ladder
from services.kernel.domain.timer import Timer, paused_until
from services.sla.testing import TICKET, Living, ist, lines

OPERATOR = e.By(role="operator")
AWAITING = "awaiting_citizen"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def asked(pump: Living) -> Living:
    """Asked on Monday at noon: the second event of room `case`."""
    pump.did(e.CaseAcknowledged, "2026-03-02 11:00")
    pump.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
    return pump


def told(case: Living, at: str, about: str, channel: str = "sms") -> None:
    case.follows(
        e.NoticeDelivered(
            ticket=TICKET,
            district=case.district.id,
            at=ist(at),
            about=about,
            audience="citizen",
            channel=channel,
        )
    )


@pytest.mark.parametrize(
    "about", ["2600104245/case/2", f"{TICKET}/case/999", f"{TICKET}/notices/2", "", "a/b/c/d", "2"]
)
def test_a_notice_about_something_else_changes_nothing(asked: Living, about: str) -> None:
    before = asked.timer
    told(asked, "2026-03-02 13:00", about)
    assert asked.timer == before


def test_a_question_that_does_not_exist_can_be_marked_and_answered(asked: Living) -> None:
    before = asked.deadline
    asked.did(e.QuestionMarked, "2026-03-02 13:00", question=7, by=OPERATOR)
    assert asked.deadline == before
    asked.did(e.QuestionAnswered, "2026-03-03 12:00", question=7)
    assert asked.deadline == before


def test_what_was_delivered_before_it_was_asked_was_delivered_then(asked: Living) -> None:
    """Two machines' clocks differ; what is stamped earlier must not stop the clock earlier."""
    told(asked, "2026-03-02 10:30", f"{TICKET}/case/2")
    assert asked.timer.questions[0].delivered_at == ist("2026-03-02 12:00")
    asked.did(e.QuestionAnswered, "2026-03-02 14:00", question=1)
    assert asked.deadline == ist("2026-03-10 12:00")  # two hours of 40 more


def test_a_resolution_delivered_before_it_was_announced_was_delivered_then(asked: Living) -> None:
    asked.did(e.CaseResolved, "2026-03-02 14:00")
    told(asked, "2026-03-02 13:00", f"{TICKET}/case/3")
    assert asked.next_at == ist("2026-03-09 14:00")


def test_of_deliveries_at_one_instant_the_same_counts_in_any_order(asked: Living) -> None:
    start = asked.timer
    found: set[str | None] = set()
    for channels in permutations(("whatsapp", "sms", "voice")):
        asked.timer = start
        for channel in channels:
            if channel == "voice":
                asked.did(
                    e.QuestionMarked, "2026-03-02 13:00", question=1, by=OPERATOR, state=AWAITING
                )
            else:
                told(asked, "2026-03-02 13:00", f"{TICKET}/case/2", channel)
        found.add(asked.timer.questions[0].how)
    assert len(found) == 1


@pytest.fixture
def limited(janjgir: District) -> District:
    """In which `town`, that street lights belong to, waits an hour for an answer, and others a day."""
    policies = tuple(
        replace(p, pause_limit=Allowance(working_seconds=3600 if p.id == "town" else 8 * 3600))
        for p in janjgir.policies
    )
    return replace(janjgir, policies=policies)


def test_the_limit_of_a_pause_is_the_policys_whether_its_service_or_the_delivery_is_told_first(
    limited: District,
) -> None:
    def delivered(case: Living) -> None:
        told(case, "2026-03-02 13:00", f"{TICKET}/case/1")

    def changed(case: Living) -> None:
        case.did(
            e.ServiceChanged, "2026-03-02 12:30", service="street-light", department="x", state=AWAITING
        )

    ends: list[tuple[datetime | None, datetime | None]] = []
    timers: list[Timer] = []
    orders: tuple[tuple[Callable[[Living], None], ...], ...] = (
        (delivered, changed),
        (changed, delivered),
    )
    for order in orders:
        case = Living(limited, "2026-03-02 10:00", "hand-pump", block="akaltara")
        case.did(e.QuestionAsked, "2026-03-02 12:00", question=1)
        for fact in order:
            fact(case)
        ends.append((paused_until(case.timer), case.deadline))
        timers.append(case.timer)
    assert ends[0] == ends[1] == (ist("2026-03-02 14:00"), ist("2026-03-05 11:00"))
    assert timers[0] == timers[1]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (e.CaseResolved, {}),
        (e.CaseRejected, {"reason": "duplicate"}),
        (e.CaseWithdrawn, {}),
        (e.CaseMerged, {"parent": "2600104245"}),
        (e.CaseTransferred, {"department": "pwd"}),
    ],
)
def test_what_ends_a_question_ends_it_also_where_its_delivery_is_told_later(
    asked: Living, model: type[e.CaseEvent], more: dict[str, object]
) -> None:
    asked.did(model, "2026-03-02 14:00", **more)
    told(asked, "2026-03-02 13:00", f"{TICKET}/case/2")
    assert asked.timer.questions[0].pause == (ist("2026-03-02 13:00"), ist("2026-03-02 14:00"))
    assert asked.deadline == ist("2026-03-10 11:00")
    assert paused_until(asked.timer) is None


def test_the_limit_of_a_pause_and_what_counts_go_by_the_calendars_own_wall(
    janjgir: District,
) -> None:
    """In Berlin the clocks go forward on 29 March: seven days later by the wall are an hour less."""
    berlin = replace(
        janjgir,
        zone="Europe/Berlin",
        calendars=tuple(replace(c, zone="Europe/Berlin", holidays=()) for c in janjgir.calendars),
    )

    def wall(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=BERLIN)

    case = Living(berlin, wall("2026-03-26 10:00"), "hand-pump", block="akaltara")
    pension = Living(berlin, wall("2026-03-26 10:00"), "pension", block="akaltara")
    for one in (case, pension):
        one.did(e.QuestionAsked, wall("2026-03-26 11:00"), question=1)
        one.reached(wall("2026-03-26 12:00"))
        assert paused_until(one.timer) == wall("2026-04-02 12:00")
    assert case.deadline == wall("2026-04-08 18:00")  # 38 hours were left
    # 30 days by the wall, put off by as long as it stood: 167 hours
    assert pension.deadline is not None
    assert pension.deadline - wall("2026-04-25 10:00") == timedelta(hours=167)


# ------------------------------------------------------------------ what other acts must not undo


def test_a_service_of_a_later_version_is_remembered_over_acts_that_name_none(pump: Living) -> None:
    pump.did(e.ServiceChanged, "2026-03-02 11:00", service="brand-new", department="phe")
    pump.did(e.CaseTakenOver, "2026-03-02 12:00")
    assert (pump.timer.service, pump.timer.later_service) == ("hand-pump", "brand-new")
    pump.did(e.CaseTransferred, "2026-03-02 13:00", service="street-light", department="x")
    found = pump.timer
    assert (found.service, found.later_service) == ("street-light", None)


def test_a_reopening_is_told_once_wherever_the_ladder_has_its_head(janjgir: District) -> None:
    """Another service's ladder begins with the head."""

    def headed(ladder: Ladder) -> Ladder:
        rungs = tuple(r for r in ladder.rungs if (r.on, r.to) != ("resolve", "officer"))
        return replace(ladder, rungs=rungs) if ladder.id == "standard" else ladder

    district = replace(janjgir, ladders=tuple(map(headed, janjgir.ladders)))
    case = Living(district, "2026-03-02 10:00", "hand-pump", block="akaltara")
    case.did(e.CaseResolved, "2026-03-02 11:00")
    case.did(e.CaseReopened, "2026-03-03 11:00", cycle=2)
    case.at("2026-03-03 11:01")
    case.did(e.ServiceChanged, "2026-03-03 12:00", service="teacher-absent", department="x")
    case.at("2026-03-03 12:01")
    assert lines(case.said) == ["2026-03-03 11:00 resolve to head reopened"]


def test_a_ladder_that_was_over_long_ago_is_told_without_the_repetitions_of_months(
    repeating: District,
) -> None:
    """An operator finds after half a year that it was another matter, whose limits are long over."""
    case = Living(repeating, "2026-03-02 10:00", "pension")
    case.did(e.CaseReplied, "2026-03-02 11:00")
    changed = ist("2026-03-24 12:00")
    case.did(e.ServiceChanged, changed, service="hand-pump", department="phe", by=OPERATOR)
    found = case.at("2026-04-10 12:00")
    assert "2026-03-10 18:00 resolve to collector" in lines(found)
    repeated = [x.at for x in found if isinstance(x, e.SlaEscalated) and x.why == "repeated"]
    counted = case.rules.calendars.working("office")
    two_days = timedelta(hours=16)
    assert repeated[:2] == [counted.add(changed, two_days), counted.add(changed, 2 * two_days)]
