"""Made-up cases for the desk's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.desk.core.digests import DueCase
from services.kernel.domain import tickets
from services.kernel.domain.case import Case, CasePlace

NOW = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
"""A Monday, 11:30 in India."""
MORNING = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
"""09:30 of that day."""


def made_up(sequence: int = 1, **fields: Any) -> Case:
    """A case of the sample district as it lies with an officer, filed two days before NOW."""
    filed = NOW - timedelta(days=2)
    usual: dict[str, Any] = {
        "district": "janjgir-champa",
        "kind": "complaint",
        "channel": "web",
        "language": "hi",
        "priority": "normal",
        "filed_at": filed,
        "updated_at": filed,
        "directory_version": 1,
        "state": "assigned",
        "service": "hand-pump",
        "department": "phe",
        "office": "phe-akaltara",
        "officer": "phe-akaltara-1",
        "place": CasePlace(block="akaltara", village="tarod", landmark="मंदिर के पास"),
        "name": "रामलाल साहू",
        "phone": "+919876543210",
        "text": "हैंडपंप दो हफ़्ते से खराब है",
    }
    return Case(ticket=tickets.make(26, sequence), **{**usual, **fields})


def due(sequence: int, hours: float, **fields: Any) -> DueCase:
    """A case as digests tell of it, due so many hours after MORNING."""
    usual: dict[str, Any] = {"service": "hand-pump", "state": "assigned", "confidential": False}
    deadline = MORNING + timedelta(hours=hours)
    return DueCase(ticket=tickets.make(26, sequence), deadline=deadline, **{**usual, **fields})
