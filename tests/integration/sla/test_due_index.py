"""A look at what is due costs what is due, not what is armed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kernel.adapters import mongo
from services.kernel.adapters.due import BUCKETS, bucket_of, buckets_of
from services.kernel.adapters.room_store import MongoRooms
from services.sla.adapters.room import READS
from services.sla.testing import ist

NOW = ist("2026-03-02 12:00")
ARMED = 10_000


@pytest.fixture
async def armed(database: mongo.Database) -> mongo.Database:
    """Ten thousand armed, none due, and as many whose clock has nothing more to say."""
    documents: list[dict[str, Any]] = []
    for number in range(2 * ARMED):
        ticket = f"26{number:08d}"
        room = {"n": 0, "seen": {}, "outbox": [], "bucket": bucket_of(ticket)}
        if number % 2:
            room["next_at"] = NOW + timedelta(minutes=1 + number)
        documents.append({"_id": ticket, "sla": room})
    await database["cases"].insert_many(documents, ordered=False)
    return database


@pytest.mark.parametrize("partitions", [12, 3])
async def test_a_look_examines_few_documents(armed: mongo.Database, partitions: int) -> None:
    """By one worker alone (all buckets) and by one of four."""
    rooms = MongoRooms(armed["cases"], "sla", READS)
    buckets = buckets_of(range(partitions), 12)
    await armed.command("profile", 2)
    drafts, next_at = await rooms.due(buckets, NOW, 500)
    await armed.command("profile", 0)
    assert drafts == []
    assert next_at is not None
    looks = await armed["system.profile"].find({"op": "query"}).to_list(None)
    assert len(looks) == 2
    for look in looks:
        assert look["planSummary"].startswith("IXSCAN"), look["planSummary"]
        assert "sla.next_at" in look["planSummary"]
        assert look["docsExamined"] <= 10
        assert look["keysExamined"] <= 2 * BUCKETS
        assert not look.get("hasSortStage"), "sorted in memory: all that is armed was read"


async def test_what_is_due_is_found_nearest_first(armed: mongo.Database) -> None:
    rooms = MongoRooms(armed["cases"], "sla", READS)
    drafts, next_at = await rooms.due(range(BUCKETS), NOW + timedelta(minutes=41), 15)
    assert [draft.room["next_at"] for draft in drafts] == [
        NOW + timedelta(minutes=1 + number) for number in range(1, 31, 2)
    ]
    assert next_at == NOW + timedelta(minutes=42)
