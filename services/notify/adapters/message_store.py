"""Collection `messages`: one document a message, one sub-document an attempt. No address, no words.

Neither the recipient's address nor anything that a citizen wrote is stored here: the address is looked
up in the receipt or the directory when the message is sent, so that erasing a person needs no second
place and an officer's new number counts at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.kernel.adapters import metrics, mongo
from services.notify.core.book import Channel
from services.notify.core.messages import Conclusion, Head, Message
from services.notify.core.planning import PlannedMessage

COLLECTION = "messages"
KEPT_SECONDS = 30 * 24 * 3600
ATTEMPTS_KEPT = 20
INDEXES = [
    # bucket comes last: with 256 buckets in front the planner would sort everything that is due
    mongo.IndexModel(
        [("channel", 1), ("next_at", 1), ("bucket", 1)],
        partialFilterExpression={"next_at": {"$exists": True}},
    ),
    mongo.IndexModel(
        [("ticket", 1), ("order", 1)],
        partialFilterExpression={"next_at": {"$exists": True}},
    ),
    mongo.IndexModel([("created_at", 1)], expireAfterSeconds=KEPT_SECONDS),
]
_FIELDS = tuple(Message.__dataclass_fields__)


def to_document(
    message: PlannedMessage, *, order: int, bucket: int, now: datetime
) -> mongo.Document:
    return {
        "_id": message.id,
        "ticket": message.ticket,
        "district": message.district,
        "event": message.event,
        "event_id": message.event_id,
        "event_at": message.event_at,
        "audience": message.audience,
        "person": message.person,
        "recipient": message.recipient,
        "channel": message.channel,
        "template": message.template,
        "language": message.language,
        "values": dict(message.values),
        "urgent": message.urgent,
        "order": order,
        "bucket": bucket,
        "state": "planned",
        "next_at": now,
        "tries": 0,
        "attempts": [],
        "created_at": now,
    }


class MessageStore:
    """`messages` in MongoDB; see `core/messages.py` for what each method promises."""

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

    async def due(
        self, channel: Channel, buckets: Sequence[int], now: datetime, limit: int
    ) -> list[Message]:
        async with mongo.store_errors():
            found = await self._messages.find(
                {"channel": channel, "next_at": {"$lte": now}, "bucket": {"$in": list(buckets)}},
                {"attempts": 0},
                sort=[("next_at", 1)],
                limit=limit,
            ).to_list(None)
        return [_message(document) for document in found]

    async def heads(self, tickets: Collection[str]) -> Mapping[tuple[str, str], Head]:
        async with mongo.store_errors():
            found = await self._messages.find(
                {"ticket": {"$in": list(tickets)}, "next_at": {"$exists": True}},
                {"ticket": 1, "recipient": 1, "state": 1, "next_at": 1},
                sort=[("ticket", 1), ("order", 1)],
            ).to_list(None)
        heads: dict[tuple[str, str], Head] = {}
        for doc in found:
            head = Head(doc["_id"], doc["state"], doc["next_at"])
            heads.setdefault((doc["ticket"], doc["recipient"]), head)
        return heads

    async def claim(
        self, ids: Collection[str], claim: str, channel: Channel, at: datetime, until: datetime
    ) -> set[str]:
        attempt = {"claim": claim, "channel": channel, "claimed_at": at}
        wanted = set(ids)
        async with mongo.store_errors():
            result = await self._messages.update_many(
                {"_id": {"$in": list(wanted)}, "state": "planned"},
                {
                    "$set": {"state": "claimed", "claim": claim, "next_at": until},
                    "$inc": {"tries": 1},
                    "$push": {"attempts": {"$each": [attempt], "$slice": -ATTEMPTS_KEPT}},
                },
            )
            if result.modified_count == len(wanted):
                return wanted
            found = await self._messages.find(
                {"_id": {"$in": list(wanted)}, "claim": claim}, {"_id": 1}
            ).to_list(None)
        return {doc["_id"] for doc in found}

    async def give_back(self, ids: Collection[str], claim: str, at: datetime) -> None:
        async with mongo.store_errors():
            await self._messages.update_many(
                {"_id": {"$in": list(ids)}, "claim": claim},
                {
                    "$set": {"state": "planned", "next_at": at},
                    "$inc": {"tries": -1},
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

    async def lapse(self, ids: Collection[str], now: datetime) -> int:
        async with mongo.store_errors():
            result = await self._messages.update_many(
                {"_id": {"$in": list(ids)}, "state": "claimed", "next_at": {"$lte": now}},
                {
                    "$set": {
                        "state": "unknown",
                        "attempts.$[open].outcome": "unknown",
                        "attempts.$[open].reason": "claim_lapsed",
                        "attempts.$[open].ended_at": now,
                    },
                    "$unset": {"next_at": ""},
                },
                array_filters=[{"open.outcome": {"$exists": False}}],
            )
        return int(result.modified_count)

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        async with mongo.store_errors():
            await self._messages.bulk_write(
                [_conclusion(conclusion) for conclusion in conclusions], ordered=False
            )


def _message(document: mongo.Document) -> Message:
    return Message(**{name: document["_id" if name == "id" else name] for name in _FIELDS})


def _conclusion(conclusion: Conclusion) -> Any:
    outcome = conclusion.outcome
    sets: dict[str, Any] = {
        "state": conclusion.state,
        "attempts.$.outcome": outcome.kind,
        "attempts.$.reason": outcome.reason or None,
        "attempts.$.provider_id": outcome.provider_id,
        "attempts.$.sent_at" if outcome.kind == "accepted" else "attempts.$.ended_at": (
            conclusion.ended_at
        ),
    }
    unsets = {"claim": ""}
    if conclusion.next_at is None:
        unsets["next_at"] = ""
    else:
        sets["next_at"] = conclusion.next_at
    # `claim` goes with the first writing, so that a repeated one cannot touch a later attempt
    return mongo.UpdateOne(
        {
            "_id": conclusion.id,
            "claim": conclusion.claim,
            "attempts.claim": conclusion.claim,
        },
        {"$set": sets, "$unset": unsets},
    )
