"""Group commit: requests that arrive while a bulk is in flight share the next one, each with its answer.

The store is written once for many requests at high load and at once for a single one at low load; nobody
waits on a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Commit = Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]]


class GroupCommit(Generic[Item, Answer]):
    """`commit` takes up to `most` items and returns one answer an item, in order; what it raises, every
    item of that bulk is told."""

    def __init__(self, commit: Commit[Item, Answer], *, most: int = 200, lanes: int = 2) -> None:
        self._commit = commit
        self._most = most
        self._free_lanes = lanes
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Answer:
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
                count = min(self._most, len(self._waiting))
                bulk = [self._waiting.popleft() for _ in range(count)]
                try:
                    answers = await self._commit([item for item, _ in bulk])
                except Exception as error:
                    for _, future in bulk:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), answer in zip(bulk, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._free_lanes += 1
