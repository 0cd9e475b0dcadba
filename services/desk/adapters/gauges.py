"""The figures that the desk measures for everybody: open cases, and cases that nobody can account for."""

from __future__ import annotations

from datetime import datetime

from services.kernel.adapters import audit, metrics, mongo

GRACE_SECONDS = 60.0


async def measure_open_cases(cases: mongo.Collection) -> None:
    """One aggregation over the open cases of every district. Raises Unavailable."""
    async with mongo.store_errors():
        groups = await cases.aggregate(
            [
                {"$match": {"case.open": True, "case.district": {"$gte": ""}}},
                {
                    "$group": {
                        "_id": {
                            "district": "$case.district",
                            "department": "$case.department",
                            "state": "$case.state",
                        },
                        "count": {"$sum": 1},
                    }
                },
            ]
        ).to_list(None)
    # a state that no case is in any more must not keep its last figure
    metrics.OPEN_CASES.clear()
    for group in groups:
        key = group["_id"]
        labels = (key["district"], key.get("department") or "", key["state"])
        metrics.OPEN_CASES.labels(*labels).set(group["count"])


async def measure_unaccounted(database: mongo.Database, now: datetime) -> None:
    """Of the last day; the whole comparison is `samvad audit`. Raises Unavailable."""
    metrics.UNACCOUNTED.labels("day").set(
        await audit.unaccounted_lately(database, now, grace_seconds=GRACE_SECONDS)
    )
