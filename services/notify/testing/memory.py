"""In-memory doubles of what the sender talks to, with the rules that matter; see `store_suite.py`."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.kernel.domain.errors import Unavailable
from services.notify.adapters.message_document import from_document, step_update
from services.notify.adapters.waking import Wakes
from services.notify.core.book import Audience, Book, Channel
from services.notify.core.composing import Found, compose
from services.notify.core.contacts import UNKNOWN
from services.notify.core.delivery import OVERTAKEN, overtaken
from services.notify.core.messages import (
    OPEN,
    Claim,
    Conclusion,
    Debt,
    Head,
    Message,
    Move,
    Queue,
    Step,
)
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import CHANNEL_OF, Outgoing, ProviderName

ACCEPTED = Outcome("accepted", provider_id="id-1")


class MemoryMessages:
    """Collection `messages` in memory. `down`: every use refuses. `lose_answer`: the named method does
    its work once and then says that the store is away."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.down = False
        self.lose_answer: str | None = None

    async def plan(self, documents: Sequence[dict[str, Any]]) -> int:
        self._up()
        fresh = [document for document in documents if document["_id"] not in self.documents]
        self.documents.update({document["_id"]: copy.deepcopy(document) for document in fresh})
        return len(fresh)

    async def collapse(
        self, by: Iterable[tuple[str, int, Iterable[tuple[str, Audience]]]]
    ) -> None:
        self._up()
        for thread, order, told in by:
            pairs = set(told)
            for doc in self.documents.values():
                if (
                    doc["thread"] != thread
                    or doc["order"] >= order
                    or "next_at" not in doc
                    or (doc["event"], doc["audience"]) not in pairs
                ):
                    continue
                if doc["state"] == "planned":
                    doc.update(state="collapsed", reason=OVERTAKEN)
                    _take_away(doc, "next_at", "queue")
                doc["stale"] = True
                doc["v"] += 1

    async def due(
        self, queue: Queue, buckets: Sequence[int], now: datetime, limit: int
    ) -> list[Message]:
        self._up()
        found = [
            doc
            for doc in self.documents.values()
            if doc.get("queue") == queue and doc["bucket"] in buckets and _due(doc, now)
        ]
        return _in_order(found)[:limit]

    async def of_people(
        self, queue: Queue, recipients: Collection[str], now: datetime
    ) -> list[Message]:
        self._up()
        docs = self.documents.values()
        mine = [d for d in docs if d.get("queue") == queue and d["recipient"] in recipients]
        return _in_order([doc for doc in mine if _due(doc, now)])

    async def waiting_long(
        self,
        queue: Queue,
        buckets: Sequence[int],
        since: datetime,
        urgent_since: datetime,
        now: datetime,
        limit: int,
    ) -> list[Message]:
        found = await self.due(queue, buckets, now, len(self.documents))
        return [
            message
            for message in found
            if message.state == "planned"
            and not message.stale
            and message.channel != message.channels[-1]
            and message.since <= (urgent_since if message.urgent else since)
        ][:limit]

    async def read(self, ids: Collection[str]) -> Mapping[str, Message]:
        self._up()
        docs = {id_: self.documents[id_] for id_ in ids if id_ in self.documents}
        return {id_: from_document(copy.deepcopy(doc)) for id_, doc in docs.items()}

    async def mark(self, ids: Collection[str], summary: str) -> None:
        self._up()
        for id_ in ids:
            doc = self.documents[id_]
            if doc["state"] == "planned" and doc["queue"] == "gather" and "summary" not in doc:
                doc["summary"] = summary
                doc["v"] += 1

    async def heads(self, threads: Collection[str], now: datetime) -> Mapping[tuple[str, str], Head]:
        self._up()
        heads: dict[tuple[str, str], Head] = {}
        for doc in sorted(self.documents.values(), key=lambda d: d["order"]):
            held = doc["state"] == "planned" and doc.get("held_until", now) > now
            waits = "next_at" in doc and doc["state"] in OPEN and doc["queue"] != "gather"
            if doc["thread"] in threads and waits and not held:
                key = (doc["thread"], doc["recipient"])
                heads.setdefault(key, Head(doc["_id"], doc["state"], doc["next_at"]))
        return heads

    async def claim(self, ids: Collection[str], claim: Claim) -> set[str]:
        self._up()
        docs = self.documents
        ours = {
            id_
            for id_ in ids
            if docs[id_]["state"] == "planned" and docs[id_]["queue"] == claim.provider
        }
        for id_ in ours:
            doc = self.documents[id_]
            doc.update(state="claimed", claim=claim.id, next_at=claim.until, tries=doc["tries"] + 1)
            doc["v"] += 1
            attempt = {
                "claim": claim.id,
                "channel": claim.channel,
                "provider": claim.provider,
                "claimed_at": claim.at,
            }
            if id_ in claim.forms:
                attempt["form"] = claim.forms[id_]
            doc["attempts"].append(attempt)
        self._lose("claim")
        return ours

    async def give_back(self, ids: Collection[str], claim: str, at: datetime) -> None:
        self._up()
        for id_ in ids:
            doc = self.documents[id_]
            if doc.get("claim") == claim and doc["state"] == "claimed":
                doc.update(state="planned", next_at=at, tries=doc["tries"] - 1, v=doc["v"] + 1)
                doc["attempts"] = [a for a in doc["attempts"] if a["claim"] != claim]
                del doc["claim"]

    async def postpone(self, later: Mapping[str, datetime]) -> None:
        self._up()
        for id_, at in later.items():
            if self.documents[id_]["state"] == "planned":
                self.documents[id_]["next_at"] = at

    async def hold(self, until: Mapping[str, datetime]) -> None:
        self._up()
        for id_, at in until.items():
            if self.documents[id_]["state"] == "planned":
                self.documents[id_].update(next_at=at, held_until=at, since=at)

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        self._up()
        for conclusion in conclusions:
            doc = self.documents[conclusion.message.id]
            attempt = next(a for a in doc["attempts"] if a["claim"] == conclusion.claim)
            ours = doc.get("claim") == conclusion.claim and doc["state"] in ("claimed", "unknown")
            if ours:
                step = conclusion.step
                if step.state == "planned" and doc.get("stale"):
                    step = overtaken(conclusion.message)
                _step(doc, step, conclusion.message, conclusion.ended_at)
                doc.pop("claim", None)
            elif "outcome" in attempt:
                continue
            outcome = conclusion.outcome
            attempt["outcome"] = outcome.kind
            if outcome.provider_id is not None:
                attempt["provider_id"] = outcome.provider_id
            if outcome.reason:
                attempt["reason"] = outcome.reason
            ended = "sent_at" if outcome.kind == "accepted" else "ended_at"
            attempt[ended] = conclusion.ended_at
        self._lose("conclude")

    async def move(self, moves: Sequence[Move]) -> set[str]:
        self._up()
        lost: set[str] = set()
        for move in moves:
            doc = self.documents[move.message.id]
            if doc["v"] != move.message.v:
                lost.add(move.message.id)
                continue
            if move.step is not None:
                _step(doc, move.step, move.message, move.at)
            else:
                doc["v"] += 1
            for attempt in doc["attempts"]:
                if move.seen is not None and attempt["claim"] == move.seen.claim:
                    attempt["status"] = move.seen.status
                    attempt[f"{move.seen.status}_at"] = move.at
                    if move.seen.reason is not None:
                        attempt["reason"] = move.seen.reason
                    if move.seen.provider_id is not None:
                        attempt["provider_id"] = move.seen.provider_id
                if attempt["claim"] == move.lapsed and "outcome" not in attempt:
                    attempt.update(outcome="unknown", reason="claim_lapsed", ended_at=move.at)
        return lost

    async def put_off(self, message: Message, at: datetime) -> None:
        self._up()
        doc = self.documents[message.id]
        if doc["v"] == message.v:
            doc["next_at"] = at

    async def paid(self, message: Message, debt: Debt, again_at: datetime | None) -> None:
        self._up()
        doc = self.documents[message.id]
        if doc["v"] != message.v:
            return
        doc["owes"] = [one for one in doc.get("owes", ()) if one != debt]
        doc["v"] += 1
        if again_at is None:
            _take_away(doc, "next_at", "queue")
        else:
            doc["next_at"] = again_at

    def _up(self) -> None:
        if self.down:
            raise Unavailable("the store")

    def _lose(self, method: str) -> None:
        if self.lose_answer == method:
            self.lose_answer = None
            raise Unavailable("the store")


def _in_order(docs: Sequence[dict[str, Any]]) -> list[Message]:
    ordered = sorted(docs, key=lambda doc: (not doc["urgent"], doc["next_at"]))
    return [from_document(copy.deepcopy(doc)) for doc in ordered]


def _due(doc: Mapping[str, Any], now: datetime) -> bool:
    return "next_at" in doc and doc["next_at"] <= now


def _step(doc: dict[str, Any], step: Step, message: Message, at: datetime) -> None:
    sets, unsets = step_update(step, message, at)
    doc.update(sets)
    doc["v"] += 1
    _take_away(doc, *unsets)


def _take_away(doc: dict[str, Any], *names: str) -> None:
    for name in names:
        doc.pop(name, None)


class CountedWakes(Wakes):
    """Counts how often everybody was woken, and how often each queue by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.everybody = 0
        self.named: Counter[str] = Counter()

    def queues(self, queues: Collection[str]) -> None:
        self.named.update(queues)

    def all(self) -> None:
        self.everybody += 1


class ScriptedProvider:
    """Answers from a script by key, else accepts; `gate` holds every call while it is cleared, or those alone
    whose keys are in `held`."""

    def __init__(self, name: ProviderName = "mobile_seva", *, receipts: bool = False) -> None:
        self.name = name
        self.channel: Channel = CHANNEL_OF[name]
        self.receipts = receipts
        self.calls: list[Outgoing] = []
        self.outcomes: dict[str, list[Outcome | Exception]] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.held: set[str] | None = None
        self.under_way = 0
        self.most_under_way = 0

    @property
    def times(self) -> Counter[str]:
        return Counter(call.key for call in self.calls)

    async def send(self, message: Outgoing) -> Outcome:
        self.calls.append(message)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.held is None or message.key in self.held:
                await self.gate.wait()
        finally:
            self.under_way -= 1
        script = self.outcomes.get(message.key, [])
        outcome = script.pop(0) if script else ACCEPTED
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class FixedComposer:
    """Every message goes to `number`, except those in `unknown` (no address) and `locked`; what is known of
    the number is `contact`."""

    def __init__(self, book: Book, number: str = "+919876543210") -> None:
        self.book = book
        self.number = number
        self.contact = UNKNOWN
        self.unknown: set[str] = set()
        self.locked: set[str] = set()
        self.down = False

    async def compose(
        self, messages: Sequence[Message], channel: Channel, now: datetime
    ) -> Mapping[str, Outgoing | Outcome]:
        if self.down:
            raise Unavailable("the store")
        return {
            message.id: compose(
                message,
                channel,
                Found(None if message.id in self.unknown else self.number, self.contact),
                self.book,
                now,
            )
            for message in messages
            if message.id not in self.locked
        }

    async def contact_names(self, messages: Sequence[Message], channel: Channel) -> Mapping[str, str]:
        return {message.id: f"name-of-{self.number}" for message in messages}
