"""The store's collections and indexes in one list, made when the installation is set up; idempotent."""

from __future__ import annotations

from services.kernel.adapters import case_document, mongo, parking, receipts
from services.kernel.adapters.directory import store as directory

MESSAGES_INDEXES = [
    mongo.IndexModel(
        [("bucket", 1), ("next_at", 1)], partialFilterExpression={"next_at": {"$gt": 0}}
    ),
    mongo.IndexModel([("ticket", 1), ("created_at", 1)]),
]

INDEXES: dict[str, list[mongo.IndexModel]] = {
    "cases": case_document.INDEXES,
    receipts.COLLECTION: receipts.INDEXES,
    parking.COLLECTION: parking.INDEXES,
    directory.COLLECTION: directory.INDEXES,
    "messages": MESSAGES_INDEXES,
}


async def ensure(database: mongo.Database) -> None:
    """Create what is missing. Raises Unavailable."""
    async with mongo.store_errors():
        for name, indexes in INDEXES.items():
            await database[name].create_indexes(indexes)
