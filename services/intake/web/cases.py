"""Following and answering one's case: what the pages use of `intake/cases.py`."""

from __future__ import annotations

from services.intake.cases import Cases, MongoReceipts, ReadsReceipts, StoredCases

__all__ = ["Cases", "MongoReceipts", "ReadsReceipts", "StoredCases"]
