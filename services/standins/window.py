"""Who may be written to freely: whoever wrote within the last 24 hours."""

from __future__ import annotations

from datetime import datetime, timedelta

WINDOW = timedelta(hours=24)
MOST_PHONES = 100_000


class Windows:
    """When each phone last wrote, by number and by user id. Bounded: those who wrote longest ago are
    forgotten."""

    def __init__(self, most: int = MOST_PHONES) -> None:
        self._most = most
        self._wrote: dict[str, datetime] = {}

    def wrote(self, phone: str, at: datetime) -> None:
        """`at`: what was written earlier than what came before it closes nothing."""
        last = self._wrote.pop(phone, at)
        self._wrote[phone] = max(last, at)
        while len(self._wrote) > self._most:
            del self._wrote[next(iter(self._wrote))]

    def moved(self, phone: str, to: str) -> None:
        """Whoever wrote from one of them is at the other now."""
        at = self._wrote.pop(phone, None)
        if at is not None:
            self.wrote(to, at)

    def is_open(self, phone: str, now: datetime) -> bool:
        at = self._wrote.get(phone)
        return at is not None and now - at < WINDOW
