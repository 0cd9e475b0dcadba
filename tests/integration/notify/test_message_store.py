"""The real store of messages, by the suite that the fake passes too; and its indexes are used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.adapters import mongo
from services.kernel.contracts.notices import COLLECTION
from services.notify.adapters.message_store import MessageStore
from services.notify.testing.store_suite import ALL, NOW, StoreSuite, planned


class TestMongoMessages(StoreSuite):
    @pytest.fixture
    def store(self, database: mongo.Database) -> MessageStore:
        return MessageStore(database)

    @pytest.fixture
    def read(self, database: mongo.Database) -> Callable[[str], Awaitable[dict[str, Any]]]:
        async def by_id(id_: str) -> dict[str, Any]:
            found = await database[COLLECTION].find_one({"_id": id_})
            assert found is not None
            return found

        return by_id


async def test_finding_what_is_due_examines_only_that(database: mongo.Database) -> None:
    store = MessageStore(database)
    soon = [planned(1, ticket=f"26{n:08d}", bucket=n % 256) for n in range(100)]
    later = [
        planned(1, ticket=f"27{n:08d}", bucket=n % 256, at=NOW + timedelta(days=1))
        for n in range(900)
    ]
    await store.plan([*soon, *later])
    explained = await (
        database[COLLECTION]
        .find(
            {
                "queue": "mobile_seva",
                "urgent": {"$in": [True, False]},
                "next_at": {"$lte": NOW},
                "bucket": {"$in": list(ALL)},
            }
        )
        .sort([("urgent", -1), ("next_at", 1)])
        .limit(20)
        .explain()
    )
    assert explained["executionStats"]["totalDocsExamined"] == 20
    assert explained["executionStats"]["totalKeysExamined"] <= 21
