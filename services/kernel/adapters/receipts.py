"""Receipts: the outbox of every intake, and the citizen's proof that the case was accepted.

One insert holds ticket, sealed event and the case's wrapped key. It is unique on (channel, client,
idempotency key), so a repeated request finds the first one's ticket. A 2xx is given after the insert;
the event is published at once, and what a crash or an outage of Kafka left behind the sweeper publishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.group_commit import GroupCommit
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Publishes, from_entry, to_entry
from services.kernel.adapters.publishing import Publishing
from services.kernel.contracts.codec import Announced, trace_id
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.errors import KeyReused, Unavailable

log = get_logger()
COLLECTION = "receipts"
MARK_SECONDS = 0.25
"""How long a published receipt may count as unsent, so that many are marked by one update."""
INDEXES = [
    mongo.IndexModel([("channel", 1), ("client", 1), ("key", 1)], unique=True),
    mongo.IndexModel([("unsent_since", 1)], sparse=True),
    mongo.IndexModel([("received_at", 1)]),
]


@dataclass(frozen=True)
class Receipt:
    """`key`: the request's idempotency key; `digest`: SHA-256 of its body, hex."""

    ticket: str
    channel: str
    client: str
    key: str
    digest: str
    district: str
    kind: str
    received_at: datetime
    wrapped_key: str | None
    filed: Announced


@dataclass(frozen=True)
class Accepted:
    """The receipt as it stands in the store. `repeated`: an earlier request with the same key made it."""

    ticket: str
    kind: str
    district: str
    received_at: datetime
    repeated: bool


class Receipts:
    """Accepts, publishes and sweeps. `start` begins publishing in the background."""

    def __init__(self, database: mongo.Database, publisher: Publishes, clock: Clock) -> None:
        self._receipts = database[COLLECTION]
        self._publisher = publisher
        self._clock = clock
        self._inserts: GroupCommit[Receipt, Accepted | KeyReused] = GroupCommit(self._insert)
        self._publishing: Publishing[tuple[str, Announced]] = Publishing("receipts", self._send)
        self._marking: Publishing[str] = Publishing("receipts-sent", self._mark, gather=MARK_SECONDS)

    def start(self) -> None:
        self._publishing.start()
        self._marking.start()

    async def stop(self) -> None:
        await self._publishing.stop()
        await self._marking.stop()

    async def find(self, channel: str, client: str, key: str, digest: str) -> Accepted | None:
        """The receipt that an earlier request with this key was given. Raises KeyReused, Unavailable."""
        async with mongo.store_errors():
            found = await self._receipts.find_one(
                {"channel": channel, "client": client, "key": key}, _SHORT
            )
        if found is None:
            return None
        answer = _earlier(found, digest)
        if isinstance(answer, KeyReused):
            raise answer
        return answer

    async def ticket(self, channel: str, client: str, key: str) -> str | None:
        """The ticket that a request with this key was given, whatever it said. Raises Unavailable."""
        async with mongo.store_errors():
            found = await self._receipts.find_one(
                {"channel": channel, "client": client, "key": key}, {"_id": 1}
            )
        return str(found["_id"]) if found is not None else None

    async def accept(self, receipt: Receipt) -> Accepted:
        """Store the receipt; the ticket that counts is the answer's. Raises KeyReused, Unavailable."""
        answer = await self._inserts.submit(receipt)
        if isinstance(answer, KeyReused):
            raise answer
        if answer.repeated:
            metrics.INTAKE_REPEATED.labels(receipt.channel).inc()
        else:
            metrics.INTAKE_ACCEPTED.labels(receipt.district, receipt.channel, receipt.kind).inc()
            self._publishing.put((receipt.ticket, receipt.filed))
            trace = trace_id(receipt.filed.traceparent)
            log.info("receipt.accepted", ticket=receipt.ticket, channel=receipt.channel, trace=trace)
        return answer

    async def _insert(self, receipts: Sequence[Receipt]) -> Sequence[Accepted | KeyReused]:
        lost: list[int] = []
        try:
            async with mongo.store_errors():
                await self._receipts.insert_many(
                    [_document(receipt) for receipt in receipts], ordered=False
                )
        except mongo.BulkWriteError as error:
            lost = mongo.duplicates(error)
        answers: list[Accepted | KeyReused] = [
            Accepted(r.ticket, r.kind, r.district, r.received_at, repeated=False) for r in receipts
        ]
        for index in lost:
            answers[index] = await self._first(receipts[index])
        return answers

    async def _first(self, receipt: Receipt) -> Accepted | KeyReused:
        async with mongo.store_errors():
            found = await self._receipts.find_one(
                {"channel": receipt.channel, "client": receipt.client, "key": receipt.key}, _SHORT
            )
        if found is None:
            # the ticket itself is taken, which only a lease handed out twice could bring about
            log.error("receipts.ticket_taken", ticket=receipt.ticket)
            raise Unavailable("ticket numbers")
        answer = _earlier(found, receipt.digest)
        if isinstance(answer, Accepted) and answer.ticket == receipt.ticket:
            # this very insert, sent a second time by the driver after a lost answer
            return Accepted(
                answer.ticket, answer.kind, answer.district, answer.received_at, repeated=False
            )
        return answer

    async def _send(self, items: Sequence[tuple[str, Announced]]) -> None:
        await self._publish(items)
        for ticket, _ in items:
            self._marking.put(ticket)

    async def _publish(self, items: Sequence[tuple[str, Announced]]) -> None:
        await self._publisher.publish(
            [filed.message(COMPLAINTS, "/samvad/intake") for _, filed in items]
        )
        metrics.PUBLISHED.labels("intake").inc(len(items))

    async def _mark(self, tickets: Sequence[str]) -> None:
        async with mongo.store_errors():
            await self._receipts.update_many(
                {"_id": {"$in": list(tickets)}}, {"$unset": {"unsent_since": ""}}
            )

    async def sweep(self, after_seconds: float, limit: int = 500) -> int:
        """Publish receipts that have been unsent for `after_seconds`; how many. Raises Unavailable."""
        before = self._clock() - timedelta(seconds=after_seconds)
        async with mongo.store_errors():
            found = await self._receipts.find(
                {"unsent_since": {"$lt": before}}, {"event": 1}, sort=[("unsent_since", 1)], limit=limit
            ).to_list(None)
            backlog = await self._receipts.count_documents({"unsent_since": {"$exists": True}})
        metrics.OUTBOX_BACKLOG.labels("intake").set(backlog)
        if found:
            await self._publish(
                [(doc["_id"], from_entry(doc["_id"], "intake", doc["event"])) for doc in found]
            )
            await self._mark([doc["_id"] for doc in found])
            metrics.SWEPT.labels("intake").inc(len(found))
            log.info("receipts.swept", receipts=len(found))
        return len(found)


_SHORT = {"digest": 1, "kind": 1, "district": 1, "received_at": 1}


def _document(receipt: Receipt) -> dict[str, Any]:
    return {
        "_id": receipt.ticket,
        "channel": receipt.channel,
        "client": receipt.client,
        "key": receipt.key,
        "digest": receipt.digest,
        "district": receipt.district,
        "kind": receipt.kind,
        "received_at": receipt.received_at,
        "wrapped_key": receipt.wrapped_key,
        "event": to_entry(receipt.filed),
        "unsent_since": receipt.received_at,
    }


def _earlier(found: Mapping[str, Any], digest: str) -> Accepted | KeyReused:
    if found["digest"] != digest:
        return KeyReused("the idempotency key was used before for another request")
    return Accepted(
        found["_id"], found["kind"], found["district"], found["received_at"], repeated=True
    )
