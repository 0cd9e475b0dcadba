"""Collection `messages` in MongoDB; see `core/messages.py` for what each method promises."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.kernel.adapters import metrics, mongo
from services.kernel.contracts.notices import COLLECTION
from services.notify.adapters.message_document import ATTEMPTS_KEPT, from_document, step_update
from services.notify.core.book import Audience
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

AT_ONCE = 32
"""So many guarded writes are under way at once."""


class MessageStore:
    """`messages` in MongoDB."""

    def __init__(self, database: mongo.Database) -> None:
        self._messages = database[COLLECTION]

    async def plan(self, documents: Sequence[mongo.Document]) -> int:
        """Insert what is not there yet; how many. A message that exists stays as it is."""
        if not documents:
            return 0
        lost: set[int] = set()
        try:
            async with mongo.store_errors():
                await self._messages.insert_many(documents, ordered=False)
        except mongo.BulkWriteError as error:
            lost = set(mongo.duplicates(error))
        for index, document in enumerate(documents):
            if index not in lost:
                metrics.PLANNED.labels(document["event"], document["audience"]).inc()
        return len(documents) - len(lost)

    async def collapse(self, by: Iterable[tuple[str, int, Iterable[tuple[str, Audience]]]]) -> None:
        """Of each ticket the messages before `order` about these events to these audiences are no news
        any more: what is not claimed yet is not sent, what was sent is not sent by another channel."""
        planned = {"$eq": ["$state", "planned"]}

        def or_as_it_is(value: Any, name: str) -> Any:
            return {"$cond": [planned, value, f"${name}"]}

        change = [
            {
                "$set": {
                    "stale": True,
                    "v": {"$add": ["$v", 1]},
                    "reason": or_as_it_is(OVERTAKEN, "reason"),
                    "next_at": or_as_it_is("$$REMOVE", "next_at"),
                    "queue": or_as_it_is("$$REMOVE", "queue"),
                    "state": or_as_it_is("collapsed", "state"),
                }
            }
        ]
        updates: list[Any] = []
        for ticket, order, told in by:
            pairs = [{"event": event, "audience": audience} for event, audience in told]
            if pairs:
                open_ = {"thread": ticket, "order": {"$lt": order}, "next_at": {"$exists": True}}
                updates.append(mongo.UpdateMany({**open_, "$or": pairs}, change))
        if updates:
            async with mongo.store_errors():
                await self._messages.bulk_write(updates, ordered=False)

    async def due(
        self, queue: Queue, buckets: Sequence[int], now: datetime, limit: int
    ) -> list[Message]:
        return await self._due(queue, now, limit, {"bucket": {"$in": list(buckets)}})

    async def of_people(
        self, queue: Queue, recipients: Collection[str], now: datetime
    ) -> list[Message]:
        """All that is due in the queue for these recipients."""
        return await self._due(queue, now, 0, {"recipient": {"$in": list(recipients)}})

    async def waiting_long(
        self,
        queue: Queue,
        buckets: Sequence[int],
        since: datetime,
        urgent_since: datetime,
        now: datetime,
        limit: int,
    ) -> list[Message]:
        """Planned messages that were taken up on their channel before `since` (urgent ones before
        `urgent_since`) and have a further one."""
        further = {"$ne": ["$channel", {"$arrayElemAt": ["$channels", -1]}]}
        only = {
            "bucket": {"$in": list(buckets)},
            "state": "planned",
            "stale": {"$ne": True},
            "$or": [{"since": {"$lte": since}}, {"urgent": True, "since": {"$lte": urgent_since}}],
            "$expr": further,
        }
        return await self._due(queue, now, limit, only)

    async def _due(
        self, queue: Queue, now: datetime, limit: int, only: Mapping[str, Any]
    ) -> list[Message]:
        async with mongo.store_errors():
            found = await self._messages.find(
                # both kinds named, so that the index gives them one after the other, each by its instant
                {"queue": queue, "urgent": {"$in": [True, False]}, "next_at": {"$lte": now}, **only},
                sort=[("urgent", -1), ("next_at", 1)],
                limit=limit,
            ).to_list(None)
        return [from_document(document) for document in found]

    async def read(self, ids: Collection[str]) -> Mapping[str, Message]:
        async with mongo.store_errors():
            found = await self._messages.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {document["_id"]: from_document(document) for document in found}

    async def mark(self, ids: Collection[str], summary: str) -> None:
        """Messages that become a part of `summary`, whatever happens in between; one that is a part of
        another already stays so."""
        async with mongo.store_errors():
            await self._messages.update_many(
                {
                    "_id": {"$in": list(ids)},
                    "state": "planned",
                    "queue": "gather",
                    "summary": {"$exists": False},
                },
                {"$set": {"summary": summary}, "$inc": {"v": 1}},
            )

    async def heads(self, threads: Collection[str], now: datetime) -> Mapping[tuple[str, str], Head]:
        async with mongo.store_errors():
            found = await self._messages.find(
                {
                    "thread": {"$in": list(threads)},
                    "next_at": {"$exists": True},
                    "state": {"$in": list(OPEN)},
                    "queue": {"$ne": "gather"},
                },
                {"thread": 1, "recipient": 1, "state": 1, "next_at": 1, "held_until": 1},
                sort=[("thread", 1), ("order", 1)],
            ).to_list(None)
        heads: dict[tuple[str, str], Head] = {}
        for doc in found:
            held = doc.get("held_until")
            if doc["state"] == "planned" and held is not None and held > now:
                continue
            head = Head(doc["_id"], doc["state"], doc["next_at"])
            heads.setdefault((doc["thread"], doc["recipient"]), head)
        return heads

    async def claim(self, ids: Collection[str], claim: Claim) -> set[str]:
        wanted = set(ids)
        if not wanted:
            return wanted
        forms: dict[str, list[str]] = {}
        for id_ in wanted:
            forms.setdefault(claim.forms.get(id_, ""), []).append(id_)
        async with mongo.store_errors():
            result = await self._messages.bulk_write(
                [_claim(claim, some, form) for form, some in forms.items()], ordered=False
            )
            if result.modified_count == len(wanted):
                return wanted
            found = await self._messages.find(
                {"_id": {"$in": list(wanted)}, "claim": claim.id}, {"_id": 1}
            ).to_list(None)
        return {doc["_id"] for doc in found}

    async def give_back(self, ids: Collection[str], claim: str, at: datetime) -> None:
        async with mongo.store_errors():
            await self._messages.update_many(
                {"_id": {"$in": list(ids)}, "claim": claim, "state": "claimed"},
                {
                    "$set": {"state": "planned", "next_at": at},
                    "$inc": {"tries": -1, "v": 1},
                    "$pull": {"attempts": {"claim": claim}},
                    "$unset": {"claim": ""},
                },
            )

    async def postpone(self, later: Mapping[str, datetime]) -> None:
        if not later:
            return
        async with mongo.store_errors():
            await self._messages.bulk_write(
                [
                    mongo.UpdateOne({"_id": id_, "state": "planned"}, {"$set": {"next_at": at}})
                    for id_, at in later.items()
                ],
                ordered=False,
            )

    async def hold(self, until: Mapping[str, datetime]) -> None:
        if not until:
            return
        async with mongo.store_errors():
            await self._messages.bulk_write(
                [
                    mongo.UpdateOne(
                        {"_id": id_, "state": "planned"},
                        {"$set": {"next_at": at, "held_until": at, "since": at}},
                    )
                    for id_, at in until.items()
                ],
                ordered=False,
            )

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        async with mongo.store_errors():
            done = await self._messages.bulk_write(
                [update for conclusion in conclusions for update in _conclusion(conclusion)],
                ordered=False,
            )
            if done.matched_count < len(conclusions):
                # a receipt, or whoever gave the claim up, has decided what becomes of the message
                await self._messages.bulk_write(
                    [_outcome(conclusion) for conclusion in conclusions], ordered=False
                )

    async def move(self, moves: Sequence[Move]) -> set[str]:
        lost: set[str] = set()
        async with mongo.store_errors():
            for start in range(0, len(moves), AT_ONCE):
                some = moves[start : start + AT_ONCE]
                written = await asyncio.gather(*(self._move(move) for move in some))
                lost |= {m.message.id for m, ok in zip(some, written, strict=True) if not ok}
        return lost

    async def _move(self, move: Move) -> bool:
        message, step, seen = move.message, move.step, move.seen
        sets: dict[str, Any] = {}
        unsets: dict[str, Any] = {}
        filters: list[Any] = []
        if step is not None:
            sets, unsets = step_update(step, message, move.at)
        if seen is not None:
            one = "attempts.$[one]"
            sets |= {f"{one}.status": seen.status, f"{one}.{seen.status}_at": move.at}
            if seen.reason is not None:
                sets[f"{one}.reason"] = seen.reason
            if seen.provider_id is not None:
                sets[f"{one}.provider_id"] = seen.provider_id
            filters.append({"one.claim": seen.claim})
        if move.lapsed is not None:
            one = "attempts.$[lapsed]"
            sets |= {f"{one}.outcome": "unknown", f"{one}.reason": "claim_lapsed"}
            sets[f"{one}.ended_at"] = move.at
            filters.append({"lapsed.claim": move.lapsed, "lapsed.outcome": {"$exists": False}})
        update: dict[str, Any] = {"$set": sets, "$inc": {"v": 1}}
        if unsets:
            update["$unset"] = unsets
        result = await self._messages.update_one(
            {"_id": message.id, "v": message.v}, update, array_filters=filters or None
        )
        return bool(result.matched_count)

    async def put_off(self, message: Message, at: datetime) -> None:
        async with mongo.store_errors():
            await self._messages.update_one(
                {"_id": message.id, "v": message.v}, {"$set": {"next_at": at}}
            )

    async def paid(self, message: Message, debt: Debt, again_at: datetime | None) -> None:
        update: dict[str, Any] = {"$pull": {"owes": debt}, "$inc": {"v": 1}}
        if again_at is None:
            update["$unset"] = {"next_at": "", "queue": ""}
        else:
            update["$set"] = {"next_at": again_at}
        async with mongo.store_errors():
            await self._messages.update_one({"_id": message.id, "v": message.v}, update)


def _claim(claim: Claim, ids: Sequence[str], form: str) -> Any:
    attempt = {
        "claim": claim.id,
        "channel": claim.channel,
        "provider": claim.provider,
        "claimed_at": claim.at,
    }
    if form:
        attempt["form"] = form
    return mongo.UpdateMany(
        # in the provider's own queue: it may have gone on to the next channel since it was read
        {"_id": {"$in": list(ids)}, "state": "planned", "queue": claim.provider},
        {
            "$set": {"state": "claimed", "claim": claim.id, "next_at": claim.until},
            "$inc": {"tries": 1, "v": 1},
            "$push": {"attempts": {"$each": [attempt], "$slice": -ATTEMPTS_KEPT}},
        },
    )


def _conclusion(conclusion: Conclusion) -> list[Any]:
    """`claim` goes with the first writing, so that a repeated one cannot touch a later attempt. What was
    overtaken while it was being sent is not tried again: of two updates then one counts."""
    message, step = conclusion.message, conclusion.step
    ours: dict[str, Any] = {
        "_id": message.id,
        "claim": conclusion.claim,
        "state": {"$in": ["claimed", "unknown"]},
        "attempts.claim": conclusion.claim,
    }

    def update(only: dict[str, Any], step: Step) -> Any:
        sets, unsets = step_update(step, message, conclusion.ended_at)
        change = {"$set": sets | _ended(conclusion), "$unset": {**unsets, "claim": ""}}
        return mongo.UpdateOne(only, {**change, "$inc": {"v": 1}})

    if step.state != "planned":
        return [update(ours, step)]
    return [
        update({**ours, "stale": {"$ne": True}}, step),
        update({**ours, "stale": True}, overtaken(message)),
    ]


def _outcome(conclusion: Conclusion) -> Any:
    attempt = {"claim": conclusion.claim, "outcome": {"$exists": False}}
    return mongo.UpdateOne(
        {"_id": conclusion.message.id, "attempts": {"$elemMatch": attempt}},
        {"$set": _ended(conclusion)},
    )


def _ended(conclusion: Conclusion) -> dict[str, Any]:
    outcome = conclusion.outcome
    ended = "sent_at" if outcome.kind == "accepted" else "ended_at"
    fields: dict[str, Any] = {
        "outcome": outcome.kind,
        ended: conclusion.ended_at,
    }
    if outcome.provider_id is not None:  # a receipt may have told it already
        fields["provider_id"] = outcome.provider_id
    if outcome.reason:
        fields["reason"] = outcome.reason
    return {f"attempts.$.{name}": value for name, value in fields.items()}
