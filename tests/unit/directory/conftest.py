from __future__ import annotations

from pathlib import Path

import pytest

from services.kernel.adapters.directory import read_district
from services.kernel.domain.directory import District


@pytest.fixture(scope="session")
def small_text() -> str:
    """A whole district's file in a hundred lines, without a fault."""
    return Path(__file__).with_name("small.yaml").read_text("utf-8")


@pytest.fixture(scope="session")
def small(small_text: str) -> District:
    return read_district(small_text, source="small.yaml")
