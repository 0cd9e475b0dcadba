"""The one clock. Every instant that Samvad records comes from here, in UTC and whole milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system_clock(offset_seconds: int = 0) -> Clock:
    """The machine's clock, moved by `offset_seconds`; milliseconds because the store keeps no more."""
    offset = timedelta(seconds=offset_seconds)

    def now() -> datetime:
        instant = datetime.now(UTC) + offset
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    return now
