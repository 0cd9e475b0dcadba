"""A case whose clock runs."""

from __future__ import annotations

import pytest

from services.kernel.domain.directory import District
from services.sla.testing import Living


@pytest.fixture
def pump(janjgir: District) -> Living:
    """8 h to acknowledge, 16 h to respond, 40 h to resolve, filed on a Monday; Wednesday is Holi."""
    return Living(janjgir, "2026-03-02 10:00", "hand-pump", block="akaltara")
