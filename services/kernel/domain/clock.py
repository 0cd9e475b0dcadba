"""Time limits of a case: which apply, when each is used up, and when to warn.

A limit is an `Allowance`: working seconds on a calendar, or calendar days. A deadline is the earliest
instant at which it is used up; a warning at p % comes floor(p × allowed / 100) counted seconds after
filing, where for calendar days the elapsed seconds of the whole span count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import (
    TARGETS,
    Allowance,
    District,
    Kind,
    Ladder,
    Policy,
    Priority,
    Target,
    Targets,
)
from services.kernel.domain.errors import Unknown

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Due:
    """A limit set running. `warn_at` None: nothing to warn of before it is due."""

    allowed: Allowance
    due_at: datetime
    warn_at: datetime | None


@dataclass(frozen=True)
class ClockPlan:
    """What the directory says of a case's clock; `calendar` is the id of the one that counts."""

    policy: str
    calendar: str
    ladder: Ladder
    warn_percent: int
    allowances: Mapping[Target, Allowance]


class Calendars:
    """The working calendars of one version of a directory, made when first asked for and then kept."""

    def __init__(self, district: District) -> None:
        self._district = district
        self._made: dict[str, WorkingCalendar] = {}

    def working(self, calendar: str) -> WorkingCalendar:
        """Raises Unknown if the directory has no such calendar, ValueError if it is none to work by."""
        made = self._made.get(calendar)
        if made is None:
            if calendar not in self._district.calendar_by_id:
                raise Unknown(f"no calendar {calendar}", field="calendar")
            made = WorkingCalendar(self._district.calendar_by_id[calendar])
            self._made[calendar] = made
        return made


def targets_for(
    district: District, service: str | None, kind: Kind, priority: Priority
) -> ClockPlan | None:
    """The limits of a case; the district's `triage_policy` as long as it has no service.

    None where it has no clock: none is set for it.

    Raises Unknown if the service, or what it points at, is not in this version of the directory: a
    case that silently ran without a clock would never be escalated.
    """
    named = district.triage_policy
    if service is not None:
        found = district.service_by_id.get(service)
        if found is None:
            raise Unknown(f"no service {service}", field="service")
        named = found.policy
    if named is None:
        return None
    policy = district.policy_by_id.get(named)
    if policy is None:
        raise Unknown(f"no policy {named}", field="policy")
    targets = _first_match(policy, kind, priority)
    if targets is None:
        return None
    calendar = targets.calendar or policy.calendar
    if calendar not in district.calendar_by_id:
        raise Unknown(f"no calendar {calendar}", field="calendar")
    ladder = district.ladder_by_id.get(policy.ladder)
    if ladder is None:
        raise Unknown(f"no ladder {policy.ladder}", field="ladder")
    return ClockPlan(
        policy=policy.id,
        calendar=calendar,
        ladder=ladder,
        warn_percent=policy.warn_percent,
        allowances=_allowances(targets),
    )


def due_at(calendar: WorkingCalendar, allowance: Allowance, start: datetime) -> datetime:
    """When `allowance` is used up. ValueError if it is not exactly one of the two kinds, or negative."""
    working, days = _one_of(allowance)
    if days is not None:
        return calendar.add_days(start, days)
    return calendar.add(start, working * _SECOND)


def warn_at(
    calendar: WorkingCalendar, allowance: Allowance, start: datetime, percent: int
) -> datetime:
    """When `percent` of `allowance` is used up, rounded down to a whole counted second."""
    working, days = _one_of(allowance)
    if days is not None:
        span = calendar.add_days(start, days) - start
        return start + percent * span // (100 * _SECOND) * _SECOND
    return calendar.add(start, percent * working // 100 * _SECOND)


def dues(plan: ClockPlan, calendar: WorkingCalendar, filed_at: datetime) -> dict[Target, Due]:
    """Every limit of the plan, set running at `filed_at`, in the order of `TARGETS`."""
    return {
        target: _due(calendar, plan.allowances[target], filed_at, plan.warn_percent)
        for target in TARGETS
        if target in plan.allowances
    }


def _due(calendar: WorkingCalendar, allowance: Allowance, start: datetime, percent: int) -> Due:
    due = due_at(calendar, allowance, start)
    warning: datetime | None = None
    if 0 < percent < 100:
        warning = warn_at(calendar, allowance, start, percent)
    return Due(allowance, due, warning if warning is not None and warning < due else None)


def _first_match(policy: Policy, kind: Kind, priority: Priority) -> Targets | None:
    for targets in policy.targets:
        of_kind = not targets.kinds or kind in targets.kinds
        if of_kind and (not targets.priorities or priority in targets.priorities):
            return targets
    return None


def _allowances(targets: Targets) -> dict[Target, Allowance]:
    given: dict[Target, Allowance | None] = {
        "acknowledge": targets.acknowledge,
        "first_response": targets.first_response,
        "resolve": targets.resolve,
    }
    return {target: allowance for target, allowance in given.items() if allowance is not None}


def _one_of(allowance: Allowance) -> tuple[int, int | None]:
    """(working seconds, None) or (0, days)."""
    working, days = allowance.working_seconds, allowance.calendar_days
    if working is not None and days is None and working >= 0:
        return working, None
    if days is not None and working is None and days >= 0:
        return 0, days
    raise ValueError("an allowance is either working seconds or calendar days, not negative")
