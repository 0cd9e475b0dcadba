"""A store that has seen many cases: clones of cases that the line itself has brought to where they are.

A clone is the case document, its receipt and its `filed` on the topic, under a ticket and a phone number of
its own. So the clones weigh, and are indexed, as real ones; the workers meet their records on the topic and
find them done; and the audit counts them in. (Their envelopes open for nobody, which nobody tries.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.bench import people
from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.outbox import from_entry
from services.kernel.contracts.codec import EventId
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain import tickets

BULK = 1_000
EXAMPLES = 200
YEAR = 98
"""Clones are numbered in a year of their own, which no intake of today gives out."""
CAUGHT_UP_SECONDS = 300.0
FIRST_PHONE = 500_000_000


async def fill(stack: Stack, total: int) -> None:
    """Until `total` cases are stored, and the workers have passed their records."""
    settings = stack.settings
    database = mongo.connect(settings["SAMVAD_MONGO"], "samvad")
    publisher = Publisher(settings["SAMVAD_KAFKA"], client_id="bench-fill")
    try:
        there = await database["cases"].estimated_document_count()
        clones = await database["receipts"].count_documents({"_id": {"$regex": f"^{YEAR}"}})
        examples = await _examples(database)
        for start in range(there, total, BULK):
            await _clone(database, publisher, examples, clones + start - there, min(BULK, total - start))
        await _caught_up(stack)
    finally:
        await publisher.stop()
        mongo.close(database)


async def _examples(database: mongo.Database) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Cases at rest, with their receipts: what is open has its clock armed, what is resolved was told."""
    cases = await database["cases"].find(
        {"case.n": {"$gte": 1}, "case.unsent_since": None, "sla.n": 0, "notices.n": 0},
        limit=EXAMPLES,
    ).to_list(None)
    found = await database["receipts"].find({"_id": {"$in": [c["_id"] for c in cases]}}).to_list(None)
    receipts = {receipt["_id"]: receipt for receipt in found}
    return [(case, receipts[case["_id"]]) for case in cases]


async def _clone(
    database: mongo.Database,
    publisher: Publisher,
    examples: list[tuple[dict[str, Any], dict[str, Any]]],
    first: int,
    count: int,
) -> None:
    cases: list[dict[str, Any]] = []
    receipts: list[dict[str, Any]] = []
    messages = []
    for number in range(first, first + count):
        case, receipt = examples[number % len(examples)]
        ticket = tickets.make(YEAR, number)
        event = dict(receipt["event"])
        event["value"] = mongo.Binary(bytes(event["value"]).replace(case["_id"].encode(), ticket.encode()))
        cases.append({**case, "_id": ticket, "case": _renumbered(case["case"], number)})
        receipts.append({**receipt, "_id": ticket, "key": f"clone-{ticket}", "event": event})
        announced = from_entry(ticket, "intake", event)
        announced = replace(announced, id=EventId(ticket, "intake", 1))
        messages.append(announced.message(COMPLAINTS, "/samvad/intake"))
    await database["receipts"].insert_many(receipts, ordered=False)
    await database["cases"].insert_many(cases, ordered=False)
    await publisher.publish(messages)


def _renumbered(room: Mapping[str, Any], number: int) -> dict[str, Any]:
    old, new = room["phone"].lstrip("+"), f"91{people.phone(FIRST_PHONE + number)}"
    terms = [new if term == old else term for term in room["terms"]]
    return {**room, "phone": f"+{new}", "terms": terms, "outbox": []}


async def _caught_up(stack: Stack) -> None:
    end = time.monotonic() + CAUGHT_UP_SECONDS
    names = {"routing", "sla", "notify"}
    while True:
        status = await asyncio.to_thread(stack.status)
        lags = [one.lag for one in status if one.name in names]
        if len(lags) == len(names) and all(lag == 0 for lag in lags):
            return
        if time.monotonic() > end:
            raise RuntimeError(f"the workers have not passed the stored cases: {lags}")
        await asyncio.sleep(0.5)
