"""How hard the storm blows is a setting: SAMVAD_CHAOS=long, as `make chaos` sets it; otherwise short."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.cli.stack import Stack
from tests.chaos.scale import SCALES, Scale
from tests.e2e.client import Line

FORM = os.environ.get("SAMVAD_CHAOS") or "short"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this folder may take as long as their form says."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(SCALES[FORM].seconds))


@pytest.fixture(scope="session")
def scale() -> Scale:
    return SCALES[FORM]


@pytest.fixture
async def at(line: Stack) -> AsyncIterator[Line]:
    client = Line(line)
    yield client
    await client.http.aclose()
