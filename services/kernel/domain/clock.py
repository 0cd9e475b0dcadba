"""Time limits of a case: which apply, when each is used up, and when to warn.

A limit is an `Allowance`: working seconds on a calendar, or calendar days. A deadline is the earliest
instant at which it is used up; a warning at p % comes floor(p × allowed / 100) counted seconds after
filing, where for calendar days the elapsed seconds of the whole span count. See `holds.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import cached_property
from typing import NamedTuple

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import (
    WEEKDAYS,
    Allowance,
    Calendar,
    District,
    Kind,
    Ladder,
    Policy,
    Priority,
    Target,
    Targets,
    Window,
)
from services.kernel.domain.errors import Unknown
from services.kernel.domain.holds import HeldClock

_WHOLE_DAY = (Window(time(0), time(0)),)


class Due(NamedTuple):
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
    pause_limit: Allowance
    allowances: Mapping[Target, Allowance]


class Calendars:
    """The working calendars of one version of a directory, made when first asked for and then kept."""

    def __init__(self, district: District) -> None:
        self.district = district
        self._made: dict[str, WorkingCalendar] = {}

    @cached_property
    def always(self) -> WorkingCalendar:
        """Every hour of every day in the district's zone, for what counts in days for everybody."""
        week: dict[str, tuple[Window, ...]] = dict.fromkeys(WEEKDAYS, _WHOLE_DAY)
        return WorkingCalendar(Calendar(id="always", zone=self.district.zone, week=week))

    def working(self, calendar: str) -> WorkingCalendar:
        """Raises Unknown if the directory has no such calendar, ValueError if it is none to work by."""
        made = self._made.get(calendar)
        if made is None:
            if calendar not in self.district.calendar_by_id:
                raise Unknown(f"no calendar {calendar}", field="calendar")
            made = WorkingCalendar(self.district.calendar_by_id[calendar])
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
        pause_limit=targets.pause_limit or policy.pause_limit,
        allowances=_allowances(targets),
    )


def due(clock: HeldClock, allowance: Allowance, start: datetime, percent: int) -> Due:
    """One limit set running. ValueError if the allowance makes no sense."""
    over = clock.due_at(start, allowance)
    warning: datetime | None = None
    if 0 < percent < 100:
        warning = clock.warn_at(start, allowance, percent)
    return Due(allowance, over, warning if warning is not None and warning < over else None)


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
