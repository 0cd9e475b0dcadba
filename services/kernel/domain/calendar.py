"""Working time over a `directory.Calendar`: when it counts, when an amount of it is used up.

One rule decides everything: an instant counts when the wall clock of the calendar's zone, at that
instant, reads a time inside a window of its date. So windows are half open, an hour that the zone skips
does not count (an edge inside it moves to its end), and an hour that comes twice counts twice. Amounts
are real elapsed time, kept in whole microseconds, so sums are exact. A date's windows are those of its
exception if it has one, else none if it is a holiday, else its weekday's.

All results are UTC. Work is remembered in the instance, so keep one instance a calendar.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.kernel.domain.directory import WEEKDAYS, Calendar, Text, Window

SegmentKind = Literal["worked", "off_hours", "holiday"]

HORIZON_DAYS = 20 * 366  # no deadline is searched for, and no span measured, farther than this
_CHUNK_DAYS = 64  # the line of segments grows by so many days at a time
_FAR_DAYS = 4 * 366  # and begins anew for a span that is so far from it

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_TICK = timedelta(microseconds=1)
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR

Span = tuple[int, int]  # [start, end) in microseconds, of UTC or of wall-clock time since 1970


class Segment(NamedTuple):
    """A stretch `[start, end)` of one kind. `name` is the holiday's."""

    start: datetime
    end: datetime
    kind: SegmentKind
    name: Text | None = None


class WorkingCalendar:
    """Working time of one calendar. ValueError at construction if it makes no sense or never works."""

    def __init__(self, calendar: Calendar) -> None:
        self.id = calendar.id
        try:
            self._zone = ZoneInfo(calendar.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"calendar {calendar.id}: no zone {calendar.zone!r}") from None
        unknown = set(calendar.week) - set(WEEKDAYS)
        if unknown:
            raise ValueError(f"calendar {calendar.id}: no weekday {min(unknown)!r}")
        self._week = tuple(_spans(calendar.id, calendar.week.get(d, ())) for d in WEEKDAYS)
        self._holidays: dict[int, Text] = {}
        for holiday in calendar.holidays:
            self._holidays.setdefault(holiday.day.toordinal() - _EPOCH_ORDINAL, holiday.name)
        self._exceptions: dict[int, tuple[Span, ...]] = {}
        for exception in calendar.exceptions:
            day = exception.day.toordinal() - _EPOCH_ORDINAL
            if day in self._exceptions:
                raise ValueError(f"calendar {calendar.id}: two exceptions on {exception.day}")
            self._exceptions[day] = _spans(calendar.id, exception.windows)
        if not any(self._week) and not any(self._exceptions.values()):
            raise ValueError(f"calendar {calendar.id} has no working time")
        self._days: dict[int, tuple[int, tuple[Span, ...]]] = {}
        self._known_offsets: dict[int, tuple[tuple[int, int, int], ...]] = {}
        # The line of segments, as far as it was asked for: the UTC days `[first, last)` that it covers,
        # its segments, each as long as it is there, and where each begins.
        self._covered = (0, 0)
        self._line: list[Segment] = []
        self._begins: list[int] = []

    def windows_on(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """When `day` (a date of the zone) is worked, as UTC instants; touching windows are joined."""
        number = day.toordinal() - _EPOCH_ORDINAL
        wall = number * _DAY
        found: list[Span] = []
        # A zone is at most a day away from UTC, so these three days hold every instant of the date.
        for start, end, offset in self._pieces(wall - _DAY, wall + 2 * _DAY):
            found += _cut(self._windows(number), wall - offset, start, end)
        return tuple((_instant(a), _instant(b)) for a, b in _join(found))

    @property
    def zone(self) -> ZoneInfo:
        return self._zone

    def works_on(self, day: date) -> bool:
        """Whether `day` (a date of the zone) has any window."""
        return bool(self._windows(day.toordinal() - _EPOCH_ORDINAL))

    def holiday_on(self, day: date) -> Text | None:
        """The holiday of `day`, unless an exception makes it another kind of day."""
        number = day.toordinal() - _EPOCH_ORDINAL
        return None if number in self._exceptions else self._holidays.get(number)

    def add(self, start: datetime, allowed: timedelta) -> datetime:
        """The earliest instant at which `allowed` working time since `start` is used up.

        `add(t, 0)` is t. ValueError for a negative amount, a naive start, or if the working time of the
        next twenty years does not suffice.
        """
        left = allowed // _TICK
        if left < 0:
            raise ValueError("a negative amount of working time")
        at = _ticks(start)
        if left == 0:
            return _instant(at)
        first = at // _DAY
        for day in range(first, first + HORIZON_DAYS):
            total, spans = self._worked(day)
            if day != first and total < left:
                left -= total
                continue
            for a, b in spans:
                if b <= at:
                    continue
                a = max(a, at)
                if left <= b - a:
                    return _instant(a + left)
                left -= b - a
        raise ValueError(f"calendar {self.id}: not that much working time in twenty years")

    def between(self, a: datetime, b: datetime) -> timedelta:
        """Working time in `[a, b)`; negative if b is before a. ValueError for more than twenty years."""
        start, end = _ticks(a), _ticks(b)
        if end < start:
            return -self.between(b, a)
        self._check_span(start, end)
        first, last = start // _DAY, end // _DAY
        counted = 0
        for day in range(first, last + 1):
            total, spans = self._worked(day)
            if first < day < last:
                counted += total
            else:
                counted += sum(max(0, min(y, end) - max(x, start)) for x, y in spans)
        return counted * _TICK

    def add_days(self, start: datetime, days: int) -> datetime:
        """The same wall-clock time `days` days later, closed days included.

        A time that the zone skips moves to the end of the gap; of one that comes twice, the first.
        """
        if days < 0:
            raise ValueError("a negative number of days")
        at = _ticks(start)
        if days == 0:
            return _instant(at)
        wall = at + self._offset(at) + days * _DAY
        skipped: int | None = None
        for day in range(wall // _DAY - 1, wall // _DAY + 2):
            for begin, end, offset in self._offsets(day):
                if begin + offset <= wall < end + offset:
                    return _instant(wall - offset)
                if begin + offset > wall and skipped is None:
                    skipped = begin
        assert skipped is not None  # the pieces reach a day past any offset
        return _instant(skipped)

    def segments(self, a: datetime, b: datetime) -> list[Segment]:
        """`[a, b)` without a gap, in stretches as long as possible. ValueError as for `between`."""
        start, end = _ticks(a), _ticks(b)
        self._check_span(start, end)
        if end <= start:
            return []
        self._cover(start // _DAY, (end - 1) // _DAY + 1)
        first = bisect_right(self._begins, start) - 1
        found = self._line[first : bisect_left(self._begins, end)]
        found[0] = found[0]._replace(start=_instant(start))
        found[-1] = found[-1]._replace(end=_instant(end))
        return found

    def _cover(self, first: int, last: int) -> None:
        """Make the line of segments cover the UTC days `[first, last)` too."""
        begin, end = self._covered
        if not self._line or last < begin - _FAR_DAYS or first > end + _FAR_DAYS:
            begin = end = first
            self._line, self._begins = [], []
        if first < begin:
            earlier = min(first, begin - _CHUNK_DAYS)
            later, self._line, self._begins = self._line, [], []
            for label in self._labelled(earlier * _DAY, begin * _DAY):
                self._append(*label)
            for known in later:
                self._append(_ticks(known.start), _ticks(known.end), known.kind, known.name)
            begin = earlier
        if last > end:
            further = max(last, end + _CHUNK_DAYS)
            for label in self._labelled(end * _DAY, further * _DAY):
                self._append(*label)
            end = further
        self._covered = (begin, end)

    def _append(self, start: int, end: int, kind: SegmentKind, name: Text | None) -> None:
        """The next piece of the line; one like the last makes that longer."""
        if self._line and self._line[-1][2:] == (kind, name):
            self._line[-1] = self._line[-1]._replace(end=_instant(end))
        else:
            self._begins.append(start)
            self._line.append(Segment(_instant(start), _instant(end), kind, name))

    def _labelled(
        self, start: int, end: int
    ) -> Iterator[tuple[int, int, SegmentKind, Text | None]]:
        for begin, stop, offset in self._pieces(start, end):
            for day in range((begin + offset) // _DAY, (stop + offset - 1) // _DAY + 1):
                midnight = day * _DAY - offset
                at, till = max(begin, midnight), min(stop, midnight + _DAY)
                name = self._holidays.get(day) if day not in self._exceptions else None
                if name is not None:
                    yield at, till, "holiday", name
                    continue
                for x, y in _cut(self._windows(day), midnight, at, till):
                    if at < x:
                        yield at, x, "off_hours", None
                    yield x, y, "worked", None
                    at = y
                if at < till:
                    yield at, till, "off_hours", None

    def _worked(self, day: int) -> tuple[int, tuple[Span, ...]]:
        """What counts within one UTC day (numbered from 1970): the sum and the spans, remembered."""
        known = self._days.get(day)
        if known is None:
            found: list[Span] = []
            for start, end, offset in self._offsets(day):
                for local in range((start + offset) // _DAY, (end + offset - 1) // _DAY + 1):
                    found += _cut(self._windows(local), local * _DAY - offset, start, end)
            spans = _join(found)
            known = self._days[day] = (sum(b - a for a, b in spans), spans)
        return known

    def _windows(self, day: int) -> tuple[Span, ...]:
        """The windows of a date of the zone (numbered from 1970), from its midnight."""
        exception = self._exceptions.get(day)
        if exception is not None:
            return exception
        weekday = (day + 3) % 7  # 1 January 1970 was a Thursday
        return () if day in self._holidays else self._week[weekday]

    def _offsets(self, day: int) -> tuple[tuple[int, int, int], ...]:
        """The pieces of one UTC day, remembered: each costs two dozen looks at the zone."""
        known = self._known_offsets.get(day)
        if known is None:
            known = self._known_offsets[day] = tuple(self._pieces(day * _DAY, (day + 1) * _DAY))
        return known

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """`[start, end)` of UTC in pieces of one offset: (start, end, offset)."""
        begin, at, offset = start, start, self._offset(start)
        while at < end:
            ahead = min(at + _HOUR, end)
            following = self._offset(ahead)
            if following != offset:
                change = self._change(at, ahead, offset)
                yield begin, change, offset
                begin, offset = change, following
            at = ahead
        if begin < end:
            yield begin, end, offset

    def _change(self, before: int, after: int, offset: int) -> int:
        """The first tick of (before, after] that no longer has `offset`."""
        while after - before > 1:
            middle = (before + after) // 2
            if self._offset(middle) == offset:
                before = middle
            else:
                after = middle
        return after

    def _offset(self, at: int) -> int:
        offset = _instant(at).astimezone(self._zone).utcoffset()
        assert offset is not None
        return offset // _TICK

    def _check_span(self, start: int, end: int) -> None:
        if end - start > HORIZON_DAYS * _DAY:
            raise ValueError(f"calendar {self.id}: a span of more than twenty years")


def _spans(calendar: str, windows: tuple[Window, ...]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for window in windows:
        start, end = _of_day(window.start), _of_day(window.end) or _DAY
        if start >= end:
            raise ValueError(
                f"calendar {calendar}: window {window.start}-{window.end} does not end after it starts"
            )
        spans.append((start, end))
    return _join(spans)


def _of_day(at: time) -> int:
    return (
        timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
        // _TICK
    )


def _cut(windows: tuple[Span, ...], midnight: int, start: int, end: int) -> list[Span]:
    """`windows` of a date whose midnight is at `midnight`, as far as they lie in `[start, end)`."""
    found = ((max(start, midnight + a), min(end, midnight + b)) for a, b in windows)
    return [(a, b) for a, b in found if a < b]


def _join(spans: list[Span]) -> tuple[Span, ...]:
    """Sorted, with touching and overlapping spans made one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def _ticks(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return (at - _EPOCH) // _TICK


def _instant(ticks: int) -> datetime:
    return _EPOCH + ticks * _TICK
