"""What another version of the directory does to a case's limits, before it is applied."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from services.kernel.contracts import events as e
from services.kernel.domain.directory import Allowance, District, Holiday, Text
from services.kernel.domain.errors import Unknown
from services.kernel.domain.moves import Move, Moved, Stay, moved
from services.kernel.domain.timer import Rules
from services.sla.testing import Living, ist

THURSDAY = date(2026, 3, 5)
FRIDAY = date(2026, 3, 6)


def holiday(district: District, day: date = THURSDAY) -> District:
    new = Holiday(day, Text("रंग पंचमी", "Rang Panchami"))
    calendars = tuple(
        replace(one, holidays=(*one.holidays, new)) if one.id == "office" else one
        for one in district.calendars
    )
    return replace(district, calendars=calendars)


def seen(life: Living, district: District, now: str) -> Moved:
    return moved(life.timer, life.rules, Rules(district), ist(now))


def ends(found: Moved) -> dict[str, tuple[datetime | None, datetime | None]]:
    return {move.limit: (move.before, move.after) for move in found.moves}


def test_what_is_owed_moves_and_what_is_met_does_not(pump: Living, janjgir: District) -> None:
    """The response is due on Tuesday evening; only the resolution is counted over Thursday."""
    pump.did(e.CaseAcknowledged, "2026-03-02 11:00")
    found = seen(pump, holiday(janjgir), "2026-03-02 12:00")
    due = (ist("2026-03-09 18:00"), ist("2026-03-10 18:00"))
    assert found == Moved((Move("resolve", *due, at_once=False),), ())


def test_the_same_directory_moves_nothing(pump: Living, janjgir: District) -> None:
    pump.at("2026-03-20 12:00")
    assert seen(pump, janjgir, "2026-03-20 12:00") == Moved((), ())


def test_what_it_says_is_what_recalculating_does(pump: Living, janjgir: District) -> None:
    pump.did(e.QuestionAsked, "2026-03-03 11:00", question=1)
    pump.reached("2026-03-03 12:00")
    pump.did(e.QuestionAnswered, "2026-03-06 12:00", question=1)
    found = seen(pump, holiday(janjgir), "2026-03-06 13:00")
    assert not found.moves, "the holiday lies within the pause"
    found = seen(pump, holiday(janjgir, FRIDAY), "2026-03-06 13:00")
    pump.recalculated(replace(holiday(janjgir, FRIDAY), version=2), "2026-03-06 13:00")
    assert ends(found)["resolve"][1] == pump.due("resolve")


def test_a_recorded_breach_stays(pump: Living, janjgir: District) -> None:
    pump.at("2026-03-10 12:00")
    found = seen(pump, holiday(janjgir), "2026-03-10 12:00")
    assert found.stays == (
        Stay("resolve", ist("2026-03-09 18:00"), ist("2026-03-10 18:00")),
    ), "the two breaches before the holiday would be where they are"
    assert not found.moves


def test_a_limit_that_would_be_past_is_told_at_once(pump: Living, janjgir: District) -> None:
    life = Living(holiday(janjgir), "2026-03-02 10:00", "hand-pump")
    life.at("2026-03-10 12:00")
    (move,) = seen(life, janjgir, "2026-03-10 12:00").moves
    assert (move.after, move.at_once) == (ist("2026-03-09 18:00"), True)
    life.did(e.CaseMerged, "2026-03-10 13:00", parent="2600000009")
    (move,) = seen(life, janjgir, "2026-03-10 14:00").moves
    assert not move.at_once, "of a merged case nothing is told"


def test_of_a_case_that_ended_nothing_moves(pump: Living, janjgir: District) -> None:
    pump.did(e.CaseWithdrawn, "2026-03-02 12:00")
    assert seen(pump, holiday(janjgir), "2026-03-02 13:00") == Moved((), ())


def test_of_a_resolved_case_the_confirmation_window_moves(pump: Living, janjgir: District) -> None:
    pump.did(e.CaseResolved, "2026-03-02 12:00")
    pump.reached("2026-03-02 12:00")
    longer = replace(holiday(janjgir), confirm_days=janjgir.confirm_days + 3)
    assert ends(seen(pump, longer, "2026-03-02 13:00")) == {
        "lapse": (ist("2026-03-09 12:00"), ist("2026-03-12 12:00"))
    }


def test_a_limit_comes_and_goes_with_its_policy(pump: Living, janjgir: District) -> None:
    def without_response(district: District) -> District:
        policies = tuple(
            replace(p, targets=tuple(replace(t, first_response=None) for t in p.targets))
            for p in district.policies
        )
        return replace(district, policies=policies)

    due = pump.due("first_response")
    assert ends(seen(pump, without_response(janjgir), "2026-03-02 12:00")) == {
        "first_response": (due, None)
    }
    life = Living(without_response(janjgir), "2026-03-02 10:00", "hand-pump")
    assert ends(seen(life, janjgir, "2026-03-02 12:00")) == {"first_response": (None, due)}
    pump.at("2026-03-20 12:00")
    stays = seen(pump, without_response(janjgir), "2026-03-20 12:00").stays
    assert stays == (Stay("first_response", due, None),)


def test_another_allowance_tells_the_breaches_that_would_not_be(
    pump: Living, janjgir: District
) -> None:
    def generous(district: District) -> District:
        policies = tuple(
            replace(
                p, targets=tuple(replace(t, acknowledge=Allowance(16 * 3600)) for t in p.targets)
            )
            for p in district.policies
        )
        return replace(district, policies=policies)

    pump.at("2026-03-03 09:00")
    (stay,) = seen(pump, generous(janjgir), "2026-03-03 09:00").stays
    assert stay == Stay("acknowledge", ist("2026-03-02 18:00"), ist("2026-03-03 18:00"))


def test_the_breach_of_an_earlier_office_is_counted_from_when_it_was_asked(
    pump: Living, janjgir: District
) -> None:
    pump.at("2026-03-02 18:30")
    pump.did(e.CaseAcknowledged, "2026-03-03 10:00")
    pump.did(e.CaseTransferred, "2026-03-03 12:00")
    found = seen(pump, holiday(janjgir, date(2026, 3, 2)), "2026-03-03 13:00")
    stays = {stay.target: (stay.breached_at, stay.would_be) for stay in found.stays}
    assert stays["acknowledge"] == (ist("2026-03-02 18:00"), ist("2026-03-03 18:00"))
    assert not seen(pump, holiday(janjgir, FRIDAY), "2026-03-03 13:00").stays


def test_a_service_that_is_gone_cannot_be_counted(pump: Living, janjgir: District) -> None:
    services = tuple(s for s in janjgir.services if s.id != "hand-pump")
    with pytest.raises(Unknown, match="hand-pump"):
        seen(pump, replace(janjgir, services=services), "2026-03-02 12:00")
