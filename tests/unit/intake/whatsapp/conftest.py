from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.intake.whatsapp.calling import Webhook


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    made = Webhook()
    yield made
    await made.http.aclose()
