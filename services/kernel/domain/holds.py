"""A case's clock that stands still at times: a working calendar less the holds of one case.

A hold `[since, until)` is a stretch in which nothing counts and nothing falls due: a question that was
delivered to the citizen waits for its answer, or the case was resolved and then reopened. A deadline is
the earliest instant outside every hold at which its time is used up, so what is used up just when a hold
begins falls due when the hold ends. Holds may overlap; together they count once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import Allowance

Span = tuple[datetime, datetime]

_SECOND = timedelta(seconds=1)
_NOTHING = timedelta(0)


class HeldClock:
    """Counts on one calendar for one case. `spans`: its holds, in any order."""

    def __init__(self, calendar: WorkingCalendar, spans: Iterable[Span] = ()) -> None:
        self.calendar = calendar
        self.holds = joined(spans)

    def add(self, start: datetime, allowed: timedelta) -> datetime:
        """When `allowed` working time since `start` is used up. ValueError as for `WorkingCalendar.add`."""
        if not self.holds:
            return self.calendar.add(start, allowed)
        at, left = start, allowed
        for since, until in self.holds:
            if until <= at:
                continue
            if since > at:
                counted = self.calendar.between(at, since)
                if counted > left:
                    break
                if counted == left:
                    used_up = self.calendar.add(at, left)
                    if used_up < since:
                        return used_up
                left -= counted
            at = until
        return self.calendar.add(at, left)

    def add_days(self, start: datetime, days: int) -> datetime:
        """The same wall-clock time `days` days later, put off by as long as the clock stood meanwhile."""
        return self._put_off(start, self.calendar.add_days(start, days))

    def between(self, a: datetime, b: datetime) -> timedelta:
        """Working time in `[a, b)` while the clock ran; b is not before a."""
        held = sum(
            (self.calendar.between(since, until) for since, until in self._within(a, b)), _NOTHING
        )
        return self.calendar.between(a, b) - held

    def elapsed(self, a: datetime, b: datetime) -> timedelta:
        """All time in `[a, b)` while the clock ran, closed hours included; b is not before a."""
        return (b - a) - sum((until - since for since, until in self._within(a, b)), _NOTHING)

    def due_at(self, start: datetime, allowance: Allowance) -> datetime:
        """When `allowance` is used up. ValueError if it is not exactly one of the two kinds, or negative."""
        working, days = one_of(allowance)
        return self.add(start, working * _SECOND) if days is None else self.add_days(start, days)

    def warn_at(self, start: datetime, allowance: Allowance, percent: int) -> datetime:
        """When `percent` of `allowance` is used up, rounded down to a whole counted second; for calendar
        days the seconds of the whole span count."""
        working, days = one_of(allowance)
        if days is None:
            return self.add(start, percent * working // 100 * _SECOND)
        span = self.calendar.add_days(start, days) - start
        return self._put_off(start, start + percent * span // (100 * _SECOND) * _SECOND)

    def counted(self, start: datetime, at: datetime, allowance: Allowance) -> timedelta:
        """How much of `allowance` was used up from `start` to `at`, in what it counts in; `at` is not
        before start. More than allowed once it is overdue."""
        working = allowance.working_seconds is not None
        return self.between(start, at) if working else self.elapsed(start, at)

    def allowed(self, start: datetime, allowance: Allowance) -> timedelta:
        """The whole of `allowance` in what it counts in."""
        working, days = one_of(allowance)
        return working * _SECOND if days is None else self.calendar.add_days(start, days) - start

    def _put_off(self, start: datetime, due: datetime) -> datetime:
        for since, until in self.holds:
            if until <= start:
                continue
            if since > due:
                break
            due += until - max(since, start)
        return due

    def _within(self, a: datetime, b: datetime) -> Iterator[Span]:
        for since, until in self.holds:
            if since < b and until > a:
                yield max(since, a), min(until, b)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sorted; overlapping and touching spans made one, empty ones left out."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if since >= until:
            continue
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return tuple(found)


def one_of(allowance: Allowance) -> tuple[int, int | None]:
    """(working seconds, None) or (0, days). ValueError if it is not exactly one of the two, or negative."""
    working, days = allowance.working_seconds, allowance.calendar_days
    if working is not None and days is None and working >= 0:
        return working, None
    if days is not None and working is None and days >= 0:
        return 0, days
    raise ValueError("an allowance is either working seconds or calendar days, not negative")
