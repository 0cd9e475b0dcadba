"""The kernel's collections and indexes in one list, made when the installation is set up; idempotent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.kernel.adapters import case_document, media, mongo, parking, receipts
from services.kernel.adapters.directory import store as directory

Indexes = Mapping[str, Sequence[mongo.IndexModel]]

INDEXES: Indexes = {
    "cases": case_document.INDEXES,
    receipts.COLLECTION: receipts.INDEXES,
    parking.COLLECTION: parking.INDEXES,
    directory.COLLECTION: directory.INDEXES,
    **media.INDEXES,
}


async def ensure(database: mongo.Database, more: Indexes) -> None:
    """Create what is missing; `more`: the indexes of collections that services own. Raises Unavailable."""
    async with mongo.store_errors():
        for name, indexes in {**INDEXES, **more}.items():
            await database[name].create_indexes(list(indexes))
