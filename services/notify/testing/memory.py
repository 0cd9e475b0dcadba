"""In-memory doubles of what the sender talks to, with the rules that matter; see `store_suite.py`."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.kernel.domain.errors import Unavailable
from services.notify.core.book import Channel
from services.notify.core.messages import Conclusion, Head, Message
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing

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

    async def due(
        self, channel: Channel, buckets: Sequence[int], now: datetime, limit: int
    ) -> list[Message]:
        self._up()
        found = [
            doc
            for doc in self.documents.values()
            if doc["channel"] == channel and doc["bucket"] in buckets and _due(doc, now)
        ]
        return [_message(doc) for doc in sorted(found, key=lambda d: d["next_at"])[:limit]]

    async def heads(self, tickets: Collection[str]) -> Mapping[tuple[str, str], Head]:
        self._up()
        heads: dict[tuple[str, str], Head] = {}
        for doc in sorted(self.documents.values(), key=lambda d: d["order"]):
            if doc["ticket"] in tickets and "next_at" in doc:
                key = (doc["ticket"], doc["recipient"])
                heads.setdefault(key, Head(doc["_id"], doc["state"], doc["next_at"]))
        return heads

    async def claim(
        self, ids: Collection[str], claim: str, channel: Channel, at: datetime, until: datetime
    ) -> set[str]:
        self._up()
        ours = {id_ for id_ in ids if self.documents[id_]["state"] == "planned"}
        for id_ in ours:
            doc = self.documents[id_]
            doc.update(state="claimed", claim=claim, next_at=until, tries=doc["tries"] + 1)
            doc["attempts"].append({"claim": claim, "channel": channel, "claimed_at": at})
        self._lose("claim")
        return ours

    async def give_back(self, ids: Collection[str], claim: str, at: datetime) -> None:
        self._up()
        for id_ in ids:
            doc = self.documents[id_]
            if doc.get("claim") == claim:
                doc.update(state="planned", next_at=at, tries=doc["tries"] - 1)
                doc["attempts"] = [a for a in doc["attempts"] if a["claim"] != claim]
                del doc["claim"]

    async def postpone(self, later: Mapping[str, datetime]) -> None:
        self._up()
        for id_, at in later.items():
            if self.documents[id_]["state"] == "planned":
                self.documents[id_]["next_at"] = at

    async def lapse(self, ids: Collection[str], now: datetime) -> int:
        self._up()
        count = 0
        for id_ in ids:
            doc = self.documents[id_]
            if doc["state"] == "claimed" and _due(doc, now):
                doc["state"] = "unknown"
                del doc["next_at"]
                for attempt in doc["attempts"]:
                    if "outcome" not in attempt:
                        attempt.update(outcome="unknown", reason="claim_lapsed", ended_at=now)
                count += 1
        return count

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        self._up()
        for conclusion in conclusions:
            doc = self.documents[conclusion.id]
            if doc.get("claim") != conclusion.claim:
                continue
            del doc["claim"]
            doc.pop("next_at", None)
            doc["state"] = conclusion.state
            if conclusion.next_at is not None:
                doc["next_at"] = conclusion.next_at
            attempt = next(a for a in doc["attempts"] if a["claim"] == conclusion.claim)
            outcome = conclusion.outcome
            attempt.update(
                outcome=outcome.kind,
                reason=outcome.reason or None,
                provider_id=outcome.provider_id,
            )
            ended = "sent_at" if outcome.kind == "accepted" else "ended_at"
            attempt[ended] = conclusion.ended_at
        self._lose("conclude")

    def _up(self) -> None:
        if self.down:
            raise Unavailable("the store")

    def _lose(self, method: str) -> None:
        if self.lose_answer == method:
            self.lose_answer = None
            raise Unavailable("the store")


def _due(doc: Mapping[str, Any], now: datetime) -> bool:
    return "next_at" in doc and doc["next_at"] <= now


def _message(doc: Mapping[str, Any]) -> Message:
    names = Message.__dataclass_fields__
    return Message(**{name: doc["_id" if name == "id" else name] for name in names})


class ScriptedProvider:
    """Answers from a script by key, else accepts; `gate` holds every call while it is cleared."""

    def __init__(self) -> None:
        self.calls: list[Outgoing] = []
        self.outcomes: dict[str, list[Outcome | Exception]] = {}
        self.gate = asyncio.Event()
        self.gate.set()
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
            await self.gate.wait()
        finally:
            self.under_way -= 1
        script = self.outcomes.get(message.key, [])
        outcome = script.pop(0) if script else ACCEPTED
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class FixedRecipients:
    """Every message goes to `number`, except those in `unknown` (no address) and `locked`."""

    def __init__(self, number: str = "+919876543210") -> None:
        self.number = number
        self.unknown: set[str] = set()
        self.locked: set[str] = set()
        self.down = False

    async def find(self, messages: Sequence[Message]) -> Mapping[str, str | None]:
        if self.down:
            raise Unavailable("the store")
        return {
            message.id: None if message.id in self.unknown else self.number
            for message in messages
            if message.id not in self.locked
        }
