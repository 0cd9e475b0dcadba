"""Publishing after the answer: what was stored is published at once, in the background.

The request has its answer when the store has the state and its outbox. Here the outbox goes to Kafka and
is trimmed after; what cannot be published now is dropped from this queue, since the sweeper finds it in
the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from services.kernel.adapters.logging import get_logger
from services.kernel.domain.errors import Retry

log = get_logger()
Item = TypeVar("Item")
MOST = 500
QUEUE = 20_000
PAUSE_SECONDS = 1.0


class Publishing(Generic[Item]):
    """A queue in front of `send`, which takes a list of items and may raise Retry.

    `gather`: seconds to wait for further items after the first, where nobody waits for what is sent.
    """

    def __init__(
        self, name: str, send: Callable[[Sequence[Item]], Awaitable[None]], *, gather: float = 0.0
    ) -> None:
        self._name = name
        self._send = send
        self._gather = gather
        self._ending = asyncio.Event()
        self._queue: asyncio.Queue[Item] = asyncio.Queue(QUEUE)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send what is queued, within bounds, and end."""
        self._ending.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), 3.0)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def put(self, item: Item) -> None:
        """Never waits; a full queue leaves the item to the sweeper."""
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(item)

    async def _run(self) -> None:
        while True:
            items = [await self._queue.get()]
            if self._gather:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._gather):
                        await self._ending.wait()
            while len(items) < MOST and not self._queue.empty():
                items.append(self._queue.get_nowait())
            try:
                await self._send(items)
            except Retry as error:
                log.warning("publishing.postponed", queue=self._name, items=len(items), why=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
            except Exception:
                log.exception("publishing.fault", queue=self._name)
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                for _ in items:
                    self._queue.task_done()
