"""The fake store keeps the rules of the real one (tests/integration/notify runs the same suite)."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.notify.testing.memory import MemoryMessages
from services.notify.testing.store_suite import StoreSuite


class TestMemoryMessages(StoreSuite):
    @pytest.fixture
    def store(self) -> MemoryMessages:
        return MemoryMessages()

    @pytest.fixture
    def read(self, store: MemoryMessages) -> Callable[[str], Awaitable[dict[str, Any]]]:
        async def by_id(id_: str) -> dict[str, Any]:
            return copy.deepcopy(store.documents[id_])

        return by_id
