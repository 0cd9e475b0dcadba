"""What notify keeps of a case's messages, read by its contract (`contracts/notices.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import ValidationError

from services.desk.core.notices import SUMMARISED, PartRow, SummaryRow
from services.kernel.adapters import mongo
from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.base import Model
from services.kernel.contracts.notices import COLLECTION, FIELDS, MessageRow

log = get_logger()
LONGEST_MS = 10_000
_NEWEST_FIRST = [("order", -1), ("_id", -1)]
"""As they were planned: the order of the case's events."""
_SUMMARY_FIELDS = tuple("_id" if name == "id" else name for name in SummaryRow.model_fields)
R = TypeVar("R", bound=Model)


class StoredNotices:
    """Only ever read: the collection is notify's to write."""

    def __init__(self, database: mongo.Database) -> None:
        self._messages = database[COLLECTION]

    async def of(self, ticket: str, limit: int) -> tuple[list[MessageRow], bool]:
        """The newest `limit` messages, oldest first; whether there are older ones. What went in a summary is
        a PartRow, while that is kept. Raises Unavailable."""
        async with mongo.store_errors():
            found = await self._messages.find(
                {"ticket": ticket},
                dict.fromkeys(FIELDS, 1),
                sort=_NEWEST_FIRST,
                limit=limit + 1,
                max_time_ms=LONGEST_MS,
            ).to_list(None)
        rows = [
            row for document in found[:limit] if (row := _read(MessageRow, document)) is not None
        ]
        return await self._with_summaries(rows[::-1]), len(found) > limit

    async def _with_summaries(self, rows: Sequence[MessageRow]) -> list[MessageRow]:
        # a mark alone does not make it a part: what was overtaken after it went in no summary
        marks = {row.summary for row in rows if row.reason == SUMMARISED and row.summary}
        wholes = await self._summaries(sorted(marks)) if marks else {}
        return [_joined(row, wholes) for row in rows]

    async def _summaries(self, ids: Sequence[str]) -> Mapping[str, SummaryRow]:
        async with mongo.store_errors():
            found = await self._messages.find(
                {"_id": {"$in": list(ids)}},
                dict.fromkeys(_SUMMARY_FIELDS, 1),
                max_time_ms=LONGEST_MS,
            ).to_list(None)
        read = [_read(SummaryRow, document) for document in found]
        return {row.id: row for row in read if row is not None}


def _joined(row: MessageRow, wholes: Mapping[str, SummaryRow]) -> MessageRow:
    whole = wholes.get(row.summary or "") if row.reason == SUMMARISED else None
    return row if whole is None else PartRow(**row.model_dump(by_alias=True), whole=whole)


def _read(as_: type[R], document: mongo.Document) -> R | None:
    """None for what is not of the contract: one message that cannot be read hides no other."""
    try:
        return as_.model_validate(document)
    except ValidationError as error:
        fields = sorted({str(fault["loc"][0]) for fault in error.errors(include_input=False)})
        log.warning("notices.unreadable", id=document["_id"], fields=fields)
        return None
