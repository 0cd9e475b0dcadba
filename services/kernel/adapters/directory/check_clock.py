"""Checks of what the clock runs on: calendars, policies and ladders."""

from __future__ import annotations

from datetime import date, time
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.kernel.adapters.directory.faults import Faults
from services.kernel.adapters.directory.values import ROLES
from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import (
    KINDS,
    PRIORITIES,
    TARGETS,
    WEEKDAYS,
    Allowance,
    Calendar,
    District,
    Ladder,
    Policy,
    Targets,
    Window,
)

LEAST_REPEAT_SECONDS = 60 * 60
_WHOLE_DAY = 24 * 60 * 60


def check(district: District, faults: Faults) -> None:
    """Adds every fault of the district's calendars, policies and ladders."""
    for number, calendar in enumerate(district.calendars):
        _calendar(calendar, f"calendars[{number}]", faults)
    for number, ladder in enumerate(district.ladders):
        _ladder(ladder, f"ladders[{number}]", faults)
    for number, policy in enumerate(district.policies):
        _policy(policy, f"policies[{number}]", district, faults)


def check_zone(zone: str, path: str, faults: Faults) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        faults.add(path, f"`{zone}` is no time zone of the IANA list, such as Asia/Kolkata")
        return False
    return True


def open_around_the_clock(calendar: Calendar) -> bool:
    """Whether the calendar counts every hour of every day."""
    exceptions = [override.windows for override in calendar.exceptions]
    days = [calendar.week.get(day, ()) for day in WEEKDAYS] + exceptions
    return not calendar.holidays and all(_covers_the_day(windows) for windows in days)


def _covers_the_day(windows: tuple[Window, ...]) -> bool:
    edges = [_edges(window) for window in windows]
    joined = all(earlier[1] == later[0] for earlier, later in pairwise(edges))
    return bool(edges) and joined and edges[0][0] == 0 and edges[-1][1] == _WHOLE_DAY


def _edges(window: Window) -> tuple[float, float]:
    """Seconds since midnight; an end of 00:00 is the day's end."""
    return _seconds(window.start), _seconds(window.end) or _WHOLE_DAY


def _seconds(clock: time) -> float:
    return clock.hour * 3600 + clock.minute * 60 + clock.second + clock.microsecond / 1e6


def _calendar(calendar: Calendar, path: str, faults: Faults) -> None:
    before = len(faults.found)
    check_zone(calendar.zone, f"{path}.zone", faults)
    for day, windows in calendar.week.items():
        if day not in WEEKDAYS:
            faults.add(f"{path}.week", f"`{day}` is no day of the week")
        _windows(windows, f"{path}.week.{day}", faults)
    for name, dates in (
        ("holidays", [holiday.day for holiday in calendar.holidays]),
        ("exceptions", [override.day for override in calendar.exceptions]),
    ):
        seen: set[date] = set()
        for number, when in enumerate(dates):
            if when in seen:
                faults.add(f"{path}.{name}[{number}].day", f"{when} is there already")
            seen.add(when)
    for number, override in enumerate(calendar.exceptions):
        _windows(override.windows, f"{path}.exceptions[{number}].windows", faults)
    if not any(calendar.week.values()):
        faults.add(f"{path}.week", "the calendar has no working time")
    if len(faults.found) == before:
        try:  # the clock has the last word
            WorkingCalendar(calendar)
        except ValueError as error:
            faults.add(path, f"the clock cannot use it: {error}")


def _windows(windows: tuple[Window, ...], path: str, faults: Faults) -> None:
    for number, (start, end) in enumerate(map(_edges, windows)):
        place = f"{path}[{number}]"
        if start >= end:
            faults.add(place, "the window does not end after it begins")
        elif number and start < _edges(windows[number - 1])[1]:
            faults.add(place, "the window begins before the one above it has ended")


def _ladder(ladder: Ladder, path: str, faults: Faults) -> None:
    if not ladder.rungs:
        faults.add(f"{path}.rungs", "a ladder needs rungs")
    for target in TARGETS:
        rungs = [(n, rung) for n, rung in enumerate(ladder.rungs) if rung.on == target]
        for (_, lower), (number, upper) in pairwise(rungs):
            place = f"{path}.rungs[{number}]"
            if upper.after_seconds <= lower.after_seconds:
                faults.add(f"{place}.after", f"not later than the {target} rung before it")
            if ROLES.index(upper.to) <= ROLES.index(lower.to):
                message = f"`{upper.to}` is not above `{lower.to}`, the {target} rung before it"
                faults.add(f"{place}.to", message)
    if ladder.repeat_seconds is not None and ladder.repeat_seconds < LEAST_REPEAT_SECONDS:
        faults.add(f"{path}.repeat", "the top rung comes again after an hour or more")
    for number, rung in enumerate(ladder.rungs):
        if rung.after_seconds < 0:
            faults.add(f"{path}.rungs[{number}].after", "a rung does not come before the breach")


def _policy(policy: Policy, path: str, district: District, faults: Faults) -> None:
    calendars, ladders = district.calendar_by_id, district.ladder_by_id
    if policy.calendar not in calendars and "" not in calendars:
        faults.add(f"{path}.calendar", f"there is no calendar `{policy.calendar}`")
    if policy.ladder not in ladders and "" not in ladders:
        faults.add(f"{path}.ladder", f"there is no ladder `{policy.ladder}`")
    if not 1 <= policy.warn_percent <= 99:
        faults.add(f"{path}.warn_percent", f"{policy.warn_percent} is not within 1 and 99")
    _longer_than_nothing(policy.pause_limit, f"{path}.pause_limit", faults)
    if not policy.targets:
        faults.add(f"{path}.targets", "a policy needs targets")
    for number, targets in enumerate(policy.targets):
        place = f"{path}.targets[{number}]"
        if (
            targets.calendar is not None
            and targets.calendar not in calendars
            and "" not in calendars
        ):
            faults.add(f"{place}.calendar", f"there is no calendar `{targets.calendar}`")
        _limits(targets, place, faults)
    if policy.ladder in ladders:
        _climbs(policy, path, ladders[policy.ladder], faults)
    if policy.targets:
        _matches(policy, path, district, faults)


def _limits(targets: Targets, path: str, faults: Faults) -> None:
    limits: dict[str, Allowance] = {}
    for target in TARGETS:
        limit: Allowance | None = getattr(targets, target)
        if limit is None:
            continue
        limits[target] = limit
        _longer_than_nothing(limit, f"{path}.{target}", faults)
    if targets.pause_limit is not None:
        _longer_than_nothing(targets.pause_limit, f"{path}.pause_limit", faults)
    if not limits:
        faults.add(path, f"this sets no limit: give one of {', '.join(TARGETS)}")
    for (earlier, first), (later, second) in pairwise(limits.items()):
        for unit in ("working_seconds", "calendar_days"):
            short, long = getattr(first, unit), getattr(second, unit)
            if short is not None and long is not None and short > long:
                faults.add(f"{path}.{later}", f"the limit to {later} is shorter than to {earlier}")


def _longer_than_nothing(limit: Allowance, path: str, faults: Faults) -> None:
    given = [n for n in (limit.working_seconds, limit.calendar_days) if n is not None]
    if len(given) != 1 or given[0] <= 0:
        faults.add(path, "a limit is longer than nothing, in one unit")


def _climbs(policy: Policy, path: str, ladder: Ladder, faults: Faults) -> None:
    """A limit whose breach no rung follows would be missed by everybody."""
    watched = {rung.on for rung in ladder.rungs}
    for target in TARGETS:
        limited = any(getattr(targets, target) is not None for targets in policy.targets)
        if limited and target not in watched:
            message = f"the ladder `{ladder.id}` has no rung on {target}, which this policy limits"
            faults.warn(f"{path}.ladder", message)


def _matches(policy: Policy, path: str, district: District, faults: Faults) -> None:
    """Goes through every kind and priority as the clock does: the first match counts."""
    used: set[int] = set()
    hurried: set[int] = set()
    for priority in PRIORITIES:
        for kind in KINDS:
            first = _first_match(policy, kind, priority)
            if first is None:
                faults.warn(f"{path}.targets", f"a {priority} {kind} has no limits here")
                continue
            used.add(first)
            hurried |= {first} if priority == "emergency" else set()
    for number, targets in enumerate(policy.targets):
        place = f"{path}.targets[{number}]"
        if number not in used:
            faults.warn(place, "never used: the targets above it match all of these cases")
        calendar = district.calendar_by_id.get(targets.calendar or policy.calendar)
        if number in hurried and calendar is not None and not open_around_the_clock(calendar):
            message = f"emergencies run on the calendar `{calendar.id}`, which is closed at times"
            faults.warn(f"{place}.calendar", message)


def _first_match(policy: Policy, kind: str, priority: str) -> int | None:
    for number, targets in enumerate(policy.targets):
        right_kind = not targets.kinds or kind in targets.kinds
        if right_kind and (not targets.priorities or priority in targets.priorities):
            return number
    return None
