"""The due-index loop: what falls due is found by an index, taken in bulk and fired by a guarded write.

One loop serves the clock of cases, the sender of messages and what else waits for an instant. It sleeps
until the next due instant but at most half a second, and is woken when something is armed nearer. Work
is shared by buckets: an item hashes into one of 256, and a process takes those of its Kafka partitions.
The guarded write alone decides who fired; two processes with the same bucket do no harm.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.logging import get_logger
from services.kernel.domain.errors import Retry

log = get_logger()
BUCKETS = 256
LONGEST_SLEEP_SECONDS = 0.5


def bucket_of(key: str) -> int:
    """A stable bucket, the same in every process and version."""
    return zlib.crc32(key.encode()) % BUCKETS


def buckets_of(partitions: Collection[int], partition_count: int) -> list[int]:
    """The buckets that belong to `partitions` of a topic of `partition_count`."""
    return [b for b in range(BUCKETS) if b % partition_count in partitions]


class Due(Protocol):
    """What falls due. `fire` takes up to `limit` items that are due at `now` in `buckets` and says how
    many it took up and when the next one is due, as far as it knows. It may raise Retry."""

    async def fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]: ...


class DueLoop:
    """Runs until cancelled; it raises nothing but cancellation."""

    def __init__(
        self,
        name: str,
        due: Due,
        clock: Clock,
        buckets: Callable[[], Sequence[int]],
        *,
        limit: int = 500,
    ) -> None:
        self.name = name
        self._due = due
        self._clock = clock
        self._buckets = buckets
        self._limit = limit
        self._wake = asyncio.Event()
        self._looks_at: datetime | None = None

    def wake(self, at: datetime | None = None) -> None:
        """Something was armed that may be due before the loop would look again; `at`: when it is due."""
        if at is None or self._looks_at is None or at < self._looks_at:
            self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            self._looks_at = None  # while it looks, it may have passed by what is armed now
            wait = LONGEST_SLEEP_SECONDS
            try:
                if buckets := self._buckets():
                    taken, next_at = await self._due.fire(self._clock(), buckets, self._limit)
                    if taken:
                        metrics.TIMERS_FIRED.labels(self.name, "taken").inc(taken)
                    if taken >= self._limit:
                        await asyncio.sleep(0)  # others' turn, whatever `fire` waits for
                        continue
                    if next_at is not None:
                        wait = min(wait, max(0.0, (next_at - self._clock()).total_seconds()))
            except Retry as error:
                log.warning("due.postponed", loop=self.name, why=str(error))
            except Exception:
                log.exception("due.fault", loop=self.name)
            self._looks_at = self._clock() + timedelta(seconds=wait)
            # not wait_for: before Python 3.12 it may swallow a cancellation that meets the wake
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.001)):
                    await self._wake.wait()
