"""A turn of something every few seconds, in a process's own loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from services.kernel.adapters.logging import get_logger
from services.kernel.domain.errors import Retry

log = get_logger()


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
