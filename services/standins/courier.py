"""Carries what a provider tells its customer: later, several at once, again until it is taken.

Whoever hands something over never waits, and never learns that nobody listens; it is only counted.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import aiohttp

from services.kernel.adapters.logging import get_logger

log = get_logger()
T = TypeVar("T")
Deliver = Callable[[aiohttp.ClientSession, Sequence[T]], Awaitable[bool]]
MOST_WAITING = 100_000
ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Patience:
    """How often something is tried, and the seconds between: twice as long each time."""

    tries: int
    first_pause: float
    longest_pause: float

    def pause(self, tries: int) -> float | None:
        """After so many tries in vain; None: no more of them."""
        if tries >= self.tries:
            return None
        return min(self.longest_pause, self.first_pause * 2.0 ** min(tries - 1, 30))


@dataclass(frozen=True)
class Tally:
    """`failed`: given up, or never taken up since too many were waiting."""

    pending: int = 0
    sent: int = 0
    failed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.pending + other.pending, self.sent + other.sent, self.failed + other.failed
        )


@dataclass(order=True)
class _Parcel(Generic[T]):
    due: float
    number: int
    items: list[T] = field(compare=False)
    tries: int = field(default=0, compare=False)
    closed: bool = field(default=False, compare=False)
    """Nothing is put to it."""

    @property
    def is_open(self) -> bool:
        return self.tries == 0 and not self.closed


class Courier(Generic[T]):
    """`deliver` says whether it was taken. At most `at_once` of them at a time, each with up to
    `most_in_one` of what is due; what was refused is offered again as it was."""

    def __init__(
        self,
        deliver: Deliver[T],
        patience: Patience,
        *,
        most_in_one: int = 1,
        at_once: int = 4,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._deliver = deliver
        self._patience = patience
        self._most_in_one = most_in_one
        self._most_waiting = most_waiting
        self._slots = asyncio.Semaphore(at_once)
        self._heap: list[_Parcel[T]] = []
        self._number = 0
        self._wake = asyncio.Event()
        self.tally = Tally()

    def put(self, item: T, after: float = 0.0) -> bool:
        """To be carried in so many seconds; False if there are too many."""
        return self._take([item], after, closed=False)

    def put_together(self, items: Sequence[T], after: float = 0.0) -> bool:
        """The same for several that are to be delivered at once, in their order and without others."""
        return self._take(list(items), after, closed=True)

    def _take(self, items: list[T], after: float, *, closed: bool) -> bool:
        if self.tally.pending >= self._most_waiting:
            self.tally += Tally(failed=len(items))
            return False
        self.tally += Tally(pending=len(items))
        self._push(items, asyncio.get_running_loop().time() + after, 0, closed)
        return True

    @asynccontextmanager
    async def running(self, session: aiohttp.ClientSession) -> AsyncIterator[None]:
        """Carries until the block ends; what waits then is not carried any more."""
        task = asyncio.create_task(self._run(session))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                await self._slots.acquire()
                group.create_task(self._carry(session, await self._next()))

    async def _next(self) -> _Parcel[T]:
        loop = asyncio.get_running_loop()
        while not (self._heap and self._heap[0].due <= loop.time()):
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._heap[0].due if self._heap else None):
                    await self._wake.wait()
        parcel = heapq.heappop(self._heap)
        now = loop.time()
        while (
            parcel.is_open
            and len(parcel.items) < self._most_in_one
            and self._heap
            and self._heap[0].due <= now
            and self._heap[0].is_open
        ):
            parcel.items += heapq.heappop(self._heap).items
        return parcel

    async def _carry(self, session: aiohttp.ClientSession, parcel: _Parcel[T]) -> None:
        try:
            taken = await self._deliver(session, parcel.items)
        except (aiohttp.ClientError, OSError, ValueError):
            taken = False  # nobody there, too slow, or no address at all
        except Exception:
            log.exception("courier.fault")
            taken = False
        finally:
            self._slots.release()
        parcel.tries += 1
        pause = None if taken else self._patience.pause(parcel.tries)
        count = len(parcel.items)
        if pause is not None:
            due = asyncio.get_running_loop().time() + pause
            self._push(parcel.items, due, parcel.tries, parcel.closed)
        elif taken:
            self.tally += Tally(pending=-count, sent=count)
        else:
            self.tally += Tally(pending=-count, failed=count)

    def _push(self, items: list[T], due: float, tries: int, closed: bool) -> None:
        self._number += 1
        heapq.heappush(self._heap, _Parcel(due, self._number, items, tries, closed))
        if self._heap[0].number == self._number:
            self._wake.set()


@asynccontextmanager
async def courier_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Asks nothing of the environment, follows nobody, keeps no cookies."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield session
