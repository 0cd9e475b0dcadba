"""A sender among fakes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.kernel.testing.memory import ManualClock
from services.notify.adapters.book_file import load_book
from services.notify.adapters.sender import Sender
from services.notify.core.rates import Rate, Rates
from services.notify.testing.memory import (
    CountedWakes,
    FixedComposer,
    MemoryMessages,
    ScriptedProvider,
)
from services.notify.testing.store_suite import ALL, NOW

BOOK = load_book()
FAST = Rate(1e6, 1e6)


class Bench:
    """A sender with fakes around it."""

    def __init__(self, slots: int = 64) -> None:
        self.store = MemoryMessages()
        self.provider = ScriptedProvider()
        self.composer = FixedComposer(BOOK)
        self.clock = ManualClock(NOW)
        self.wakes = CountedWakes()
        self.sender = self.another(slots)

    def another(self, slots: int = 64, provider: ScriptedProvider | None = None) -> Sender:
        """One more process's sender on the same store."""
        return Sender(
            provider or self.provider,
            self.store,
            self.composer,
            BOOK,
            Rates(FAST, FAST, NOW),
            self.clock,
            self.wakes,
            slots=slots,
            chance=lambda: 0.0,
        )

    async def fire(self, sender: Sender | None = None) -> int:
        taken, _ = await (sender or self.sender).fire(self.clock(), ALL, 500)
        return taken

    async def settle(self, sender: Sender | None = None) -> None:
        """Until every call that was begun has its outcome written."""
        while (sender or self.sender)._tasks:
            await asyncio.gather(*(sender or self.sender)._tasks, return_exceptions=True)

    async def round(self) -> int:
        taken = await self.fire()
        await self.settle()
        return taken

    def state(self, document: dict[str, Any]) -> str:
        return str(self.store.documents[document["_id"]]["state"])

    def stored(self, document: dict[str, Any]) -> dict[str, Any]:
        return self.store.documents[document["_id"]]


@pytest.fixture
def bench() -> Bench:
    return Bench()
