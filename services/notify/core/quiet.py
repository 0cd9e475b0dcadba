"""When a message may go out: quiet hours on the district's wall clock, and the windows of summaries. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.notify.core.book import Quiet

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def quiet_until(now: datetime, quiet: Quiet | None, zone: ZoneInfo) -> datetime | None:
    """The end of the quiet hours that `now` lies in, None outside of them. Half open: `[start, end)`."""
    if quiet is None or quiet.start == quiet.end:
        return None
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    over_midnight = quiet.end < quiet.start
    late, early = clock >= quiet.start, clock < quiet.end
    if not (late or early if over_midnight else late and early):
        return None
    day = local.date() + timedelta(days=int(over_midnight and late))
    end = datetime.combine(day, quiet.end, zone).astimezone(UTC)
    # an end that a changed clock leaves out, or that lies in the past by it, ends at once
    return end if end > now else None


def window_end(now: datetime, every: timedelta) -> datetime:
    """The end of the window that `now` lies in; windows are aligned to the clock, so that all processes
    have the same."""
    return EPOCH + ((now - EPOCH) // every + 1) * every
