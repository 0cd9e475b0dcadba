"""What notify keeps of a case's messages, read by its contract (`contracts/notices.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from services.kernel.adapters import mongo
from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.notices import COLLECTION, FIELDS, MessageRow

log = get_logger()
LONGEST_MS = 10_000
_NEWEST_FIRST = [("created_at", -1), ("_id", -1)]
_PROVIDERS = {"whatsapp": "whatsapp", "sms": "mobile_seva"}
"""The only ones that there were before attempts named theirs."""


class StoredNotices:
    """Only ever read: the collection is notify's to write."""

    def __init__(self, database: mongo.Database) -> None:
        self._messages = database[COLLECTION]

    async def of(self, ticket: str, limit: int) -> tuple[list[MessageRow], bool]:
        """The newest `limit` messages, oldest first; whether there are older ones. Raises Unavailable."""
        async with mongo.store_errors():
            found = await self._messages.find(
                {"ticket": ticket},
                dict.fromkeys(FIELDS, 1),
                sort=_NEWEST_FIRST,
                limit=limit + 1,
                max_time_ms=LONGEST_MS,
            ).to_list(None)
        rows = [row for document in found[:limit] if (row := _row(document)) is not None]
        return rows[::-1], len(found) > limit


def _row(document: mongo.Document) -> MessageRow | None:
    """None for what is not of the contract: one message that cannot be read hides no other."""
    try:
        return MessageRow.model_validate(_completed(document))
    except ValidationError as error:
        fields = sorted({str(fault["loc"][0]) for fault in error.errors(include_input=False)})
        log.warning("notices.unreadable", event_id=document.get("event_id"), fields=fields)
        return None


def _completed(document: mongo.Document) -> dict[str, Any]:
    """What documents of an older shape lack: an attempt's provider, and the instants outside attempts."""
    attempts = [
        {"provider": _PROVIDERS.get(str(attempt.get("channel")), "unknown"), **attempt}
        for attempt in document.get("attempts") or ()
        if isinstance(attempt, Mapping)
    ]
    whole = {**document, "attempts": attempts}
    if attempts and "sent_at" not in document:
        whole["sent_at"] = attempts[-1].get("sent_at")
    return whole
