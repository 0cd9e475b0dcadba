"""Cases in a real MongoDB as routing and sla would have left them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from services.desk.testing import made_up
from services.kernel.adapters import case_document, mongo
from services.kernel.domain.case import Case


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """`make_case(sequence, **fields)`: see `made_up`."""
    return made_up


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
