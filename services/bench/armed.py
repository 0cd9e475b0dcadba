"""Armed cases by the million: clones of cases that the line itself has routed and timed.

A clone is the case document alone, under a ticket of its own, its search terms and its clock's instants
moved. It has no receipt and no record on the topic, which no clock looks for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.due import BUCKETS, bucket_of
from services.kernel.domain import tickets

Document = dict[str, Any]

YEAR = 97
"""Clones are numbered in a year of their own, which no intake of today gives out."""
FAR = timedelta(days=30)
BULK = 1_000
TOGETHER = 3
SLOWER = 1.5
"""By how much more slowly they may be stored than those before them."""
TRIES = 3
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Batch:
    """Cases that were stored to fall due from `since` on, the last before `until`."""

    count: int
    since: datetime
    until: datetime
    first: int

    @property
    def tickets(self) -> set[str]:
        return {tickets.make(YEAR, number) for number in range(self.first, self.first + self.count)}


class Armed:
    """The collection `cases` of a stack, and what was put into it."""

    def __init__(self, database: mongo.Database, examples: Sequence[Document]) -> None:
        self._cases = database["cases"]
        self._examples = examples
        self._number = 0
        self._rate = 5_000.0

    async def fill(self, count: int) -> float:
        """`count` cases that fall due in a month; cases a second."""
        far = system_clock()() + FAR

        def clone(index: int, ticket: str) -> Document:
            example = self._examples[index % len(self._examples)]
            return _clone(example, ticket, {"next_at": far + timedelta(milliseconds=index)})

        self._rate = await self._store(count, clone)
        return self._rate

    async def due(self, count: int, spread: timedelta, *, foreign: bool = False) -> Batch:
        """`count` cases that begin to fall due when they are all stored, evenly over `spread`: half of them
        with a warning, half with a breach. `foreign`: their buckets are none of the clock's.

        Raises RuntimeError when again and again the first is due before the last is stored.
        """
        for _ in range(TRIES):
            since = system_clock()() + timedelta(seconds=0.5 + SLOWER * count / self._rate)
            batch = Batch(count, since, since + spread, self._number)
            self._rate = await self._store(count, partial(self._one_due, batch, foreign))
            if system_clock()() < since:
                return batch
            await self.all_fired(batch)
        raise RuntimeError("the cases fall due before they are stored: the store is too slow")

    def _one_due(self, batch: Batch, foreign: bool, index: int, ticket: str) -> Document:
        example = self._examples[index % len(self._examples)]
        at = batch.since + index * (batch.until - batch.since) / batch.count
        sla = _due(example["sla"], at, breach=index % 2 == 1)
        if foreign:
            sla["bucket"] = bucket_of(ticket) + BUCKETS
        return _clone(example, ticket, sla)

    async def all_fired(self, batch: Batch) -> float:
        """Wait until nothing of `batch` is due and nothing waits to be published; cases a second since the
        first fell due. Raises RuntimeError when they do not fire."""
        left = {"sla.next_at": {"$lt": batch.until}}
        unsent = {"sla.unsent_since": {"$exists": True}}
        end = time.monotonic() + PATIENCE_SECONDS
        for waits in (left, unsent):
            while await self._cases.find_one(waits, {"_id": 1}) is not None:
                if time.monotonic() > end:
                    raise RuntimeError("what is due does not fire")
                await asyncio.sleep(LOOK_SECONDS)
        seconds: float = (system_clock()() - batch.since).total_seconds()
        return batch.count / seconds

    async def _store(self, count: int, clone: Callable[[int, str], Document]) -> float:
        """Store `count` clones; how many a second."""
        first, self._number = self._number, self._number + count
        began = time.perf_counter()
        starts = iter(range(0, count, BULK))

        async def one_after_another() -> None:
            for start in starts:
                documents = [
                    clone(index, tickets.make(YEAR, first + index))
                    for index in range(start, min(start + BULK, count))
                ]
                await self._cases.insert_many(documents, ordered=False)

        await asyncio.gather(*(one_after_another() for _ in range(TOGETHER)))
        return count / (time.perf_counter() - began)


def _clone(example: Document, ticket: str, sla: Mapping[str, Any]) -> Document:
    case = example["case"]
    terms = [*case["terms"][:-1], f"91{ticket}"]
    return {
        "_id": ticket,
        "case": {**case, "terms": terms, "outbox": []},
        "sla": {**example["sla"], "bucket": bucket_of(ticket), **sla},
    }


def _due(sla: Mapping[str, Any], at: datetime, *, breach: bool) -> Document:
    """Room `sla` with all its instants moved, so that its acknowledgement is warned of, or breached, at
    `at`."""
    first = sla["targets"]["acknowledge"]
    by = at - first["due_at" if breach else "warn_at"]
    moved: Document = _moved(sla, by)
    if breach:
        limit = moved["targets"]["acknowledge"]
        limit["warned_at"] = limit["warn_at"]
        moved.update(n=1, fired=["1/0/acknowledge/warning/0"], last_fired=limit["warn_at"])
    return {**moved, "next_at": at}


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, datetime):
        return value + by
    return {name: _moved(one, by) for name, one in value.items()} if isinstance(value, dict) else value
