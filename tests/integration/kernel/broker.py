"""Kafka made to stand still: the connections stay open and nothing is answered."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.cli.stack import Stack


@asynccontextmanager
async def standing_still(stack: Stack) -> AsyncIterator[None]:
    """Within, the broker stands still; after, it goes on, whatever happened."""
    pid = stack.kill("kafka", signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            # the signal is sent, but the machine's many threads come to a stop a moment later
            while _state(pid) != "T":
                await asyncio.sleep(0.005)
        yield
    finally:
        stack.kill("kafka", signal.SIGCONT)


def _state(pid: int) -> str:
    """One letter, as in proc(5): T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
