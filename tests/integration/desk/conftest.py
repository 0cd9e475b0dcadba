"""Cases in a real MongoDB as routing and sla would have left them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.kernel.adapters import case_document, mongo
from services.kernel.domain import tickets
from services.kernel.domain.case import Case, CasePlace

NOW = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)


@pytest.fixture
def make_case() -> Callable[..., Case]:
    def make(sequence: int = 1, **fields: Any) -> Case:
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
            "place": CasePlace(block="akaltara", village="tarod"),
            "name": "रामलाल साहू",
            "phone": "+919876543210",
            "text": "हैंडपंप खराब है",
        }
        return Case(ticket=tickets.make(26, sequence), **{**usual, **fields})

    return make


@pytest.fixture
def to_document() -> Callable[..., mongo.Document]:
    def document(case: Case, deadline: datetime | None = None) -> mongo.Document:
        stored: mongo.Document = {
            "_id": case.ticket,
            "case": {**case_document.to_fields(case), "n": 1, "seen": {}, "outbox": []},
        }
        if deadline is not None:
            stored["sla"] = {"deadline": deadline, "targets": {}, "n": 0, "seen": {}, "outbox": []}
        return stored

    return document
