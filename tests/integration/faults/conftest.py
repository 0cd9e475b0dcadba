"""The real world of the kernel's tests, and a topic with real workers of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.kernel.adapters.kafka import Publisher
from tests.integration.kernel import worker_line
from tests.integration.kernel.conftest import _plain_log, publisher, real, topics
from tests.integration.kernel.worker_line import Line

__all__ = ["_plain_log", "line", "publisher", "real", "topics"]


@pytest.fixture
async def line(
    real: Any, publisher: Publisher, mongo_url: str, tmp_path: Path
) -> AsyncIterator[Line]:
    async with worker_line.opened(real, publisher, mongo_url, tmp_path) as made:
        yield made
