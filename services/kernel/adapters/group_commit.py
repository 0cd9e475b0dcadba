"""Group commit: requests that arrive while a bulk is in flight share the next one, each with its answer.

The store is used once for many requests at high load and at once for a single one at low load: a command
costs it ten times what one more item in it does. Where requests come so thick that they shared the last
bulk, the next waits a few milliseconds for more of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from services.kernel.domain.errors import Retry, Unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Commit = Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]]


MOST_WAITING = 5_000
GATHER_SECONDS = 0.004


class GroupCommit(Generic[Item, Answer]):
    """`commit` takes up to `most` items and returns one answer an item, in order. A Retry that it raises
    every item of that bulk is told; after any other error each is committed alone, so `commit` must bear
    to be given an item twice."""

    def __init__(
        self,
        commit: Commit[Item, Answer],
        *,
        most: int = 200,
        lanes: int = 1,
        gather: float = GATHER_SECONDS,
    ) -> None:
        self._commit = commit
        self._most = most
        self._gather = gather
        self._thick = False
        self._free_lanes = lanes
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Answer:
        """The answer for `item`. Raises what `commit` raised, and Unavailable at once when too many wait:
        a store that is slow must not pile up requests without end."""
        if len(self._waiting) >= MOST_WAITING:
            raise Unavailable("the store")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._free_lanes:
            self._free_lanes -= 1
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                if self._thick and len(self._waiting) < self._most:
                    await asyncio.sleep(self._gather)
                count = min(self._most, len(self._waiting))
                self._thick = count > 1
                await self._bulk([self._waiting.popleft() for _ in range(count)])
        finally:
            self._free_lanes += 1

    async def _bulk(self, bulk: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._commit([item for item, _ in bulk])
            for (_, future), answer in list(zip(bulk, answers, strict=True)):
                if not future.done():
                    future.set_result(answer)
        except Exception as error:
            if len(bulk) > 1 and not isinstance(error, Retry):
                # somebody's item is at fault, and the others shall not pay for it
                for one in bulk:
                    await self._bulk([one])
                return
            for _, future in bulk:
                if not future.done():
                    future.set_exception(error)
        except BaseException:
            for _, future in bulk:
                future.cancel()
            raise
