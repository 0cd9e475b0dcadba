from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.clock import Calendars, ClockPlan, Due, due, targets_for
from services.kernel.domain.directory import Allowance, District, Target
from services.kernel.domain.errors import Unknown
from services.kernel.domain.holds import HeldClock

IST = ZoneInfo("Asia/Kolkata")
WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=IST)
HOURS_8 = Allowance(working_seconds=8 * 3600)


def dues(plan: ClockPlan, calendar: WorkingCalendar, at: datetime) -> dict[Target, Due]:
    clock = HeldClock(calendar)
    return {
        target: due(clock, allowance, at, plan.warn_percent)
        for target, allowance in plan.allowances.items()
    }


def test_the_first_target_that_matches_is_taken(district: District) -> None:
    plan = targets_for(district, "hand-pump", "complaint", "normal")
    assert plan is not None
    assert (plan.policy, plan.calendar, plan.ladder.id, plan.warn_percent) == (
        "standard",
        "office",
        "ladder",
        75,
    )
    assert list(plan.allowances) == ["acknowledge", "first_response", "resolve"]


def test_an_emergency_runs_on_its_own_calendar_whatever_its_kind(district: District) -> None:
    for kind in ("complaint", "suggestion", "demand"):
        plan = targets_for(district, "hand-pump", kind, "emergency")  # type: ignore[arg-type]
        assert plan is not None
        assert plan.calendar == "always"
        assert plan.allowances["acknowledge"] == Allowance(working_seconds=900)


def test_a_suggestion_has_only_what_its_target_says(district: District) -> None:
    plan = targets_for(district, "hand-pump", "suggestion", "normal")
    assert plan is not None
    assert plan.allowances == {"resolve": Allowance(calendar_days=30)}


def test_no_clock_without_service_policy_or_match(district: District) -> None:
    assert targets_for(district, None, "complaint", "normal") is None
    assert targets_for(district, "unclocked", "complaint", "normal") is None
    assert targets_for(district, "hand-pump", "demand", "normal") is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"services": ()}, "service"),
        ({"policies": ()}, "policy"),
        ({"calendars": ()}, "calendar"),
        ({"ladders": ()}, "ladder"),
    ],
)
def test_what_the_directory_lacks_is_said(
    district: District, change: dict[str, tuple[()]], field: str
) -> None:
    with pytest.raises(Unknown) as caught:
        targets_for(replace(district, **change), "hand-pump", "complaint", "normal")  # type: ignore[arg-type]
    assert caught.value.field == field


def test_dues_of_a_complaint(district: District) -> None:
    plan = targets_for(district, "hand-pump", "complaint", "normal")
    assert plan is not None
    found = dues(plan, Calendars(district).working(plan.calendar), WEDNESDAY)
    assert found["acknowledge"].due_at == WEDNESDAY + timedelta(hours=8)
    assert found["acknowledge"].warn_at == WEDNESDAY + timedelta(hours=6)
    assert found["first_response"].due_at == WEDNESDAY + timedelta(hours=32)
    assert found["first_response"].warn_at == WEDNESDAY + timedelta(hours=28)
    assert found["resolve"].due_at == WEDNESDAY + timedelta(days=7)
    assert found["resolve"].warn_at == WEDNESDAY + timedelta(days=7) * 3 / 4


def test_an_emergency_counts_at_night_and_on_sunday(district: District) -> None:
    plan = targets_for(district, "hand-pump", "complaint", "emergency")
    assert plan is not None
    sunday = datetime(2026, 11, 29, 2, 0, tzinfo=IST)
    found = dues(plan, Calendars(district).working(plan.calendar), sunday)
    assert found["acknowledge"].due_at == sunday + timedelta(minutes=15)
    assert found["resolve"].due_at == sunday + timedelta(days=1)


@pytest.mark.parametrize(
    ("seconds", "percent", "warned"), [(10, 75, 7), (100, 33, 33), (3, 50, 1), (7, 99, 6)]
)
def test_a_warning_is_rounded_down_to_a_second(
    district: District, seconds: int, percent: int, warned: int
) -> None:
    calendar = Calendars(district).working("office")
    allowance = Allowance(working_seconds=seconds)
    at = HeldClock(calendar).warn_at(WEDNESDAY, allowance, percent)
    assert at == WEDNESDAY + timedelta(seconds=warned)


@pytest.mark.parametrize("percent", [0, 100, 150])
def test_no_warning_where_there_is_nothing_before_the_deadline(
    district: District, percent: int
) -> None:
    plan = targets_for(district, "hand-pump", "complaint", "normal")
    assert plan is not None
    plan = replace(plan, warn_percent=percent)
    found = dues(plan, Calendars(district).working("office"), WEDNESDAY)
    assert [one.warn_at for one in found.values()] == [None, None, None]


@pytest.mark.parametrize(
    "allowance",
    [
        Allowance(),
        Allowance(working_seconds=1, calendar_days=1),
        Allowance(working_seconds=-1),
        Allowance(calendar_days=-1),
    ],
)
def test_an_allowance_is_one_of_two(district: District, allowance: Allowance) -> None:
    calendar = Calendars(district).working("office")
    with pytest.raises(ValueError, match="allowance"):
        HeldClock(calendar).due_at(WEDNESDAY, allowance)
    with pytest.raises(ValueError, match="allowance"):
        HeldClock(calendar).warn_at(WEDNESDAY, allowance, 75)


def test_calendars_are_made_once(district: District) -> None:
    calendars = Calendars(district)
    assert calendars.working("office") is calendars.working("office")
    with pytest.raises(Unknown):
        calendars.working("none")


def test_due_where_a_limit_ends_with_the_day(district: District) -> None:
    calendar = Calendars(district).working("office")
    assert HeldClock(calendar).due_at(WEDNESDAY, HOURS_8) == WEDNESDAY + timedelta(hours=8)
