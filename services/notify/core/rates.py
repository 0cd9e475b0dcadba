"""How often a provider, and one recipient of it, may be called: token buckets. Pure.

WhatsApp takes 80 messages a second, and of one recipient a burst and then one in six seconds; who calls
more often is throttled, and after a while blocked.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

REMEMBERED = 50_000
TURN_SECONDS = 0.05


@dataclass(frozen=True)
class Rate:
    """`per_second` on the long run, `burst` at once."""

    per_second: float
    burst: float


class Bucket:
    """A token bucket. `level` is what it held at `at`."""

    __slots__ = ("_at", "_level", "rate")

    def __init__(self, rate: Rate, now: datetime) -> None:
        self.rate = rate
        self._level = rate.burst
        self._at = now

    def at(self, rate: Rate, now: datetime) -> Bucket:
        """A bucket of another rate that holds no more than this one."""
        made = Bucket(rate, now)
        made._level = min(rate.burst, self.tokens(now))
        return made

    def tokens(self, now: datetime) -> float:
        passed = max(0.0, (now - self._at).total_seconds())
        return min(self.rate.burst, self._level + passed * self.rate.per_second)

    def take(self, now: datetime, count: int = 1) -> None:
        self._level = self.tokens(now) - count
        self._at = max(now, self._at)

    def full_at(self, now: datetime, count: float = 1.0) -> datetime:
        """When `count` tokens are there."""
        lacking = count - self.tokens(now)
        return now + timedelta(seconds=max(0.0, lacking / self.rate.per_second))


class Rates:
    """One provider's buckets: its own, and one a recipient for those that were written to of late."""

    def __init__(self, whole: Rate, each: Rate, now: datetime) -> None:
        self._rate = whole
        self._share = 1.0
        self._whole = Bucket(whole, now)
        self._each_rate = each
        self._each: OrderedDict[str, Bucket] = OrderedDict()

    def slots(self, now: datetime, share: float = 1.0) -> int:
        """How many calls the provider takes now of a process that has this share of the messages."""
        if share != self._share:
            self._share = share
            rate = Rate(self._rate.per_second * share, max(1.0, self._rate.burst * share))
            self._whole = self._whole.at(rate, now)
        return int(self._whole.tokens(now) + 1e-9)

    def next_slots(self, now: datetime) -> datetime:
        """When it is worth while to look again: not for every single call."""
        return self._whole.full_at(now, max(1.0, self._whole.rate.per_second * TURN_SECONDS))

    def recipient_free(self, recipient: str, now: datetime) -> datetime | None:
        """When the recipient may be written to again, None where it is now."""
        bucket = self._each.get(recipient)
        if bucket is None or bucket.tokens(now) >= 1 - 1e-9:
            return None
        return bucket.full_at(now)

    def take(self, recipient: str, now: datetime) -> None:
        self._whole.take(now)
        bucket = self._each.pop(recipient, None) or Bucket(self._each_rate, now)
        bucket.take(now)
        self._each[recipient] = bucket
        while len(self._each) > REMEMBERED:
            self._each.popitem(last=False)
