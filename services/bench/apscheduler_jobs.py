"""APScheduler with its MongoDB store, for comparison. Run as a process:

    python -m services.bench.apscheduler_jobs WAY NAME ARMED DUE

Fills database NAME with ARMED jobs that run in a month and DUE that are due now, says `ready`, waits for a
line, runs what is due and says in how many seconds. Ten threads, as is APScheduler's default. WAY

- `nothing`: the jobs do nothing, run once and are deleted, acknowledged by one member without a journal (its
  default): what it costs to be called by APScheduler at all;
- `act`: what ours does. Each fires one of the cases in database NAME, publishes to topic NAME, and is armed
  anew for a month later; the store acknowledges as it does to us. APScheduler runs a job before it has armed
  it anew, so after a crash jobs run again.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.jobstores.mongodb import MongoDBJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from bson import Binary

from services.bench import scheduled_acts
from services.kernel.adapters.settings import Settings

BULK = 5_000
FAR = timedelta(days=30)
LOOK_SECONDS = 0.005


def _states(
    scheduler: BackgroundScheduler, way: str, at: datetime, names: Iterator[str]
) -> Iterator[dict[str, Any]]:
    """Jobs as the store keeps them: what `add_job` would have written one by one."""
    again = IntervalTrigger(days=FAR.days, start_date=at, timezone=UTC)
    job = scheduler.add_job(
        f"{scheduled_acts.__name__}:{way}",
        DateTrigger(at) if way == "nothing" else again,
        ["?"],
        misfire_grace_time=None,
        id="example",
        name="fire",
    )
    state = job.__getstate__()
    job.remove()
    for name in names:
        mine = {**state, "id": name, "args": (name,), "next_run_time": at}
        kept = pickle.dumps(mine, pickle.HIGHEST_PROTOCOL)
        yield {"_id": name, "next_run_time": at.timestamp(), "job_state": Binary(kept)}


def _insert(jobs: Any, documents: Iterator[dict[str, Any]]) -> None:
    bulk: list[dict[str, Any]] = []
    for document in documents:
        bulk.append(document)
        if len(bulk) == BULK:
            jobs.insert_many(bulk, ordered=False)
            bulk = []
    if bulk:
        jobs.insert_many(bulk, ordered=False)


def _main(way: str, name: str, armed: str, due: str) -> None:
    settings = Settings()
    durable = {} if way == "nothing" else {"w": "majority", "journal": True}
    store = MongoDBJobStore(name, "jobs", host=settings.mongo, **durable)
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone=UTC)
    executed = 0

    def count(_: Any) -> None:
        nonlocal executed
        executed += 1

    scheduler.start(paused=True)
    now = datetime.now(UTC)
    jobs = store.collection
    jobs.delete_many({"_id": {"$not": {"$regex": "^far-"}}})  # of an earlier run, armed anew
    there = jobs.estimated_document_count()
    far = (f"far-{number:010d}" for number in range(there, int(armed)))
    _insert(jobs, _states(scheduler, way, now + FAR, far))
    wanted = int(due)
    tickets = (f"due-{number:010d}" for number in range(wanted))
    if way == "act":
        acts = scheduled_acts.begin(settings, name, name)
        tickets = (case["_id"] for case in acts.cases.find({}, {"_id": 1}, limit=wanted))
    _insert(jobs, _states(scheduler, way, now, tickets))
    scheduler.add_listener(count, EVENT_JOB_EXECUTED)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    scheduler.resume()
    while executed < wanted or jobs.find_one({"next_run_time": {"$lte": now.timestamp()}}, {"_id": 1}):
        time.sleep(LOOK_SECONDS)
    print(time.perf_counter() - began, flush=True)
    scheduler.shutdown()


if __name__ == "__main__":
    _main(*sys.argv[1:])
