"""Insisting: a consumer's step is run until it goes through, since what was taken is not taken again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.kernel.adapters import metrics
from services.kernel.adapters.logging import get_logger
from services.kernel.domain.errors import Retry

log = get_logger()
T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 5.0


async def insist(
    consumer: str, step: Callable[[], Awaitable[T]], fault: str, sleep: Sleep = asyncio.sleep
) -> T:
    """What `step` gives once it goes through. It raises nothing but cancellation: an unforeseen exception
    is logged as `fault` and tried again like a Retry."""
    attempt = 0
    while True:
        try:
            return await step()
        except Retry as error:
            cause = type(error).__name__.lower()
        except Exception:
            # nothing may leave the consumer's loop: the batch would be acknowledged unhandled
            log.exception(fault, consumer=consumer)
            cause = "fault"
        metrics.RETRIED.labels(consumer, cause).inc()
        await pause(attempt, sleep)
        attempt += 1


async def pause(attempt: int, sleep: Sleep = asyncio.sleep) -> None:
    """Before the next attempt: longer each time, between half and the whole of it."""
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(attempt, 10))
    await sleep(random.uniform(longest / 2, longest))
