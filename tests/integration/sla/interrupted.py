"""A write that comes too late, for tests of what two do at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from services.kernel.adapters.room_store import Draft


class Interrupted:
    """A room store in which something else happens just before the first write."""

    def __init__(self, rooms: Any, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._rooms = rooms
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rooms, name)

    async def write(self, drafts: Sequence[Draft]) -> set[int]:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        lost: set[int] = await self._rooms.write(drafts)
        return lost
