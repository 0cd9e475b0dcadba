"""aiokafka's producer with two of its habits cured (measured with aiokafka 0.14, whose insides this uses).

While no broker answers, its sender and its metadata refresh chase each other without a pause: three thousand
rounds a second. And `stop` waits for what cannot be sent, while the sender goes on for ever.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

END_SECONDS = 1.0


class Backoff:
    """Pauses between tries: doubled from `first` to `most` seconds, with a jitter of half."""

    def __init__(self, first: float = 0.1, most: float = 1.0) -> None:
        self._first = first
        self._most = most
        self._failures = 0

    def failed(self) -> float:
        """One more failure; the seconds to wait before the next try."""
        whole: float = min(self._most, self._first * 2 ** min(self._failures, 16))
        self._failures += 1
        return whole * random.uniform(0.5, 1.0)

    def succeeded(self) -> None:
        """The next failure is a first one again."""
        self._failures = 0


class Producer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka is untyped
    """Pauses between tries to reach a broker; `abandon` ends it at once."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._sending: set[asyncio.Task[Any]] = set()
        self._pace_metadata()
        self._follow_sending()

    async def abandon(self) -> None:
        """End within END_SECONDS and leave no task; what was not sent fails with a KafkaError.

        For a producer that is stuck; may be called again, and after `stop`."""
        self._closed = True
        sender = self._sender.sender_task
        tasks = {task for task in (*self._sending, sender) if task is not None and not task.done()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=END_SECONDS)
        self._fail_what_waits()
        with suppress(Exception):
            await asyncio.wait_for(self.client.close(), END_SECONDS)

    def _fail_what_waits(self) -> None:
        accumulator = self._message_accumulator
        accumulator._closed = True
        # a batch that was to be sent again is in no set, and its end takes it out of this one
        for batches in accumulator._batches.values():
            accumulator._pending_batches.update(batches)
        waiting = list(accumulator._pending_batches)
        accumulator.fail_all(KafkaConnectionError("the producer was given up"))
        for batch in waiting:
            if not batch._drain_waiter.cancelled():
                batch._drain_waiter.exception()  # looked at, or asyncio complains that nobody did

    def _pace_metadata(self) -> None:
        update, backoff = self.client._metadata_update, Backoff()

        async def paced(cluster: Any, topics: Any) -> bool:
            if await update(cluster, topics):
                backoff.succeeded()
                return True
            await asyncio.sleep(backoff.failed())
            return False

        self.client._metadata_update = paced

    def _follow_sending(self) -> None:
        send = self._sender._send_produce_req

        async def followed(node: int, batches: Mapping[Any, Any]) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._sending.add(task)
            try:
                await send(node, batches)
            finally:
                self._sending.discard(task)

        self._sender._send_produce_req = followed
