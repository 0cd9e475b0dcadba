"""A case whose clock runs."""

from __future__ import annotations

import pytest

from services.kernel.domain.directory import District
from services.sla.testing import Living
from tests import conftest


@pytest.fixture(scope="session")
def janjgir() -> District:
    return conftest.without_repeats(conftest.sample("janjgir-champa"))


@pytest.fixture(scope="session")
def sakti() -> District:
    return conftest.without_repeats(conftest.sample("sakti"))


@pytest.fixture(scope="session")
def repeating() -> District:
    """The first district as its file has it."""
    return conftest.sample("janjgir-champa")


@pytest.fixture
def pump(janjgir: District) -> Living:
    """8 h to acknowledge, 16 h to respond, 40 h to resolve, filed on a Monday; Wednesday is Holi."""
    return Living(janjgir, "2026-03-02 10:00", "hand-pump", block="akaltara")
