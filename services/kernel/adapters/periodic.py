"""Turns in a process's own loop: of something every few seconds, and of others during long work."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from services.kernel.adapters.logging import get_logger
from services.kernel.domain.errors import Retry

log = get_logger()
TURN = 25
"""After how many steps of long work others get their turn: of clocks that are folded, some milliseconds."""


async def give_way(step: int) -> None:
    """Called at each step of long work, counted by `step`: now and then others run."""
    if step % TURN == 0:
        await asyncio.sleep(0)


async def every(seconds: float, name: str, turn: Callable[[], Awaitable[object]]) -> None:
    """Run `turn` for ever, about every `seconds` (±10 %, so that processes do not march in step)."""
    while True:
        try:
            await turn()
        except Retry as error:
            log.warning("periodic.postponed", turn=name, why=str(error))
        except Exception:
            log.exception("periodic.fault", turn=name)
        await asyncio.sleep(seconds * random.uniform(0.9, 1.1))
