"""The queries of the periodic loops are answered by an index: at a million cases a scan is an outage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.adapters.recalculation import behind
from services.kernel.domain.directory import District

NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)


def _stages(plan: Any) -> set[str]:
    if isinstance(plan, dict):
        own = {plan["stage"]} if "stage" in plan else set()
        return own.union(*(_stages(value) for value in plan.values()))
    if isinstance(plan, list):
        return set().union(*(_stages(value) for value in plan))
    return set()


async def _plan(database: mongo.Database, collection: str, query: dict[str, Any], **more: Any) -> set[str]:
    found = database[collection].find(query, **more)
    plan = await found.explain()
    return _stages(plan["queryPlanner"]["winningPlan"])


async def test_the_clocks_of_cases_are_found_by_their_index(database: mongo.Database) -> None:
    await database["cases"].insert_many(
        [{"_id": str(n), "sla": {"bucket": n % 8, "next_at": NOW}} for n in range(40)]
    )
    query = {"sla.bucket": {"$in": [1, 2]}, "sla.next_at": {"$lt": NOW + timedelta(seconds=1)}}
    stages = await _plan(database, "cases", query, sort=[("sla.next_at", 1)], limit=10)
    assert "COLLSCAN" not in stages
    assert "IXSCAN" in stages


async def test_clocks_on_an_older_directory_are_found_without_those_that_ended_long_ago(
    database: mongo.Database, janjgir: District
) -> None:
    open_, ended = {"district": janjgir.id}, NOW - timedelta(days=janjgir.reopen_days)
    clocks: list[dict[str, Any]] = [
        {**open_, "directory_version": 1},
        {**open_, "directory_version": 2},
        {**open_, "directory_version": 1, "ended_at": ended},
        *({**open_, "directory_version": 1, "ended_at": ended - timedelta(1)} for _ in range(40)),
    ]
    await database["cases"].insert_many([{"_id": str(n), "sla": c} for n, c in enumerate(clocks)])
    found = database["cases"].find(behind(janjgir, 2, NOW))
    run = (await found.explain())["executionStats"]
    assert run["nReturned"] == 2
    assert run["totalDocsExamined"] <= 4, "each may be looked at twice, the others never"


async def test_what_is_unsent_and_what_is_parked_is_found_by_an_index(database: mongo.Database) -> None:
    for collection, query in (
        ("cases", {"case.unsent_since": {"$lt": NOW}}),
        ("cases", {"case.unsent_since": {"$exists": True}}),
        ("receipts", {"unsent_since": {"$lt": NOW}}),
        ("receipts", {"unsent_since": {"$exists": True}}),
        ("parked", {"consumer": "sla", "partition": {"$in": [0, 1]}, "drain": True}),
        ("parked", {"consumer": "sla", "partition": {"$in": [0, 1]}, "reason": None}),
        ("parked", {"consumer": "sla", "key": {"$in": ["a", "b"]}}),
    ):
        assert "COLLSCAN" not in await _plan(database, collection, query), query
