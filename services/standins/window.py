"""Who may be written to freely: whoever wrote within the last 24 hours."""

from __future__ import annotations

from datetime import datetime, timedelta

WINDOW = timedelta(hours=24)
MOST_PHONES = 100_000


class Windows:
    """When each phone last wrote. Bounded: those who wrote longest ago are forgotten."""

    def __init__(self, most: int = MOST_PHONES) -> None:
        self._most = most
        self._wrote: dict[str, datetime] = {}

    def wrote(self, phone: str, at: datetime) -> None:
        self._wrote.pop(phone, None)
        self._wrote[phone] = at
        while len(self._wrote) > self._most:
            del self._wrote[next(iter(self._wrote))]

    def is_open(self, phone: str, now: datetime) -> bool:
        at = self._wrote.get(phone)
        return at is not None and now - at < WINDOW
