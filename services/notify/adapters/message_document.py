"""A message's document in collection `messages`, to and from its value. No address, no words in the clear.

Neither the recipient's address nor anything that a citizen wrote is stored here: the address is looked
up in the receipt or the directory when the message is sent, so that erasing a person needs no second
place and an officer's new number counts at once. Words lie in the envelope that they came in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.contracts.base import Sealed
from services.notify.core.messages import Attempt, Message, Queue, Step
from services.notify.core.planning import PlannedMessage

KEPT_SECONDS = 30 * 24 * 3600
ATTEMPTS_KEPT = 20
INDEXES = [
    # urgent ones first, whatever waits; bucket comes last: with 256 buckets in front the planner would
    # sort everything that is due
    mongo.IndexModel(
        [("queue", 1), ("urgent", -1), ("next_at", 1), ("bucket", 1)],
        partialFilterExpression={"next_at": {"$exists": True}},
    ),
    mongo.IndexModel(
        [("thread", 1), ("order", 1)],
        partialFilterExpression={"next_at": {"$exists": True}},
    ),
    mongo.IndexModel([("ticket", 1), ("order", 1)]),
    mongo.IndexModel([("created_at", 1)], expireAfterSeconds=KEPT_SECONDS),
]
_PLANNED = (
    "ticket", "thread", "district", "zone", "event", "event_id", "event_at", "audience", "person", "source",
    "recipient", "template", "language", "urgent", "at_once", "announced",
)  # fmt: skip
_PLAIN = (*_PLANNED, "channel", "values", "order", "state", "tries", "since", "created_at", "v")
_MAYBE = ("next_at", "claim", "held_until", "wrapped_key", "key", "reason", "summary")
_ATTEMPT = ("claim", "channel", "outcome", "provider_id", "status")


def to_document(
    message: PlannedMessage, *, order: int, bucket: int, now: datetime
) -> mongo.Document:
    """A planned message, due with its first channel's provider or, gathered, with its summary."""
    document: dict[str, Any] = {name: getattr(message, name) for name in _PLANNED}
    document |= {
        "_id": message.id,
        "channels": list(message.channels),
        "providers": list(message.providers),
        "values": dict(message.values),
        "channel": message.channels[0],
        "queue": "gather" if message.gathered else message.providers[0],
        "order": order,
        "bucket": bucket,
        "state": "planned",
        "next_at": message.not_before or now,
        "since": message.not_before or now,
        "tries": 0,
        "attempts": [],
        "v": 0,
        "created_at": now,
    }
    if message.not_before is not None:
        document["held_until"] = message.not_before
    if message.sealed is not None:
        document["sealed"] = message.sealed.model_dump()
    if message.numberless:
        document["numberless"] = True
    if message.wrapped_key is not None:
        document |= {"wrapped_key": message.wrapped_key, "key": message.key}
    return document


def from_document(document: mongo.Document) -> Message:
    sealed = document.get("sealed")
    plain: dict[str, Any] = {name: document[name] for name in _PLAIN}
    plain |= {name: document.get(name) for name in _MAYBE}
    return Message(
        id=document["_id"],
        channels=tuple(document["channels"]),
        providers=tuple(document["providers"]),
        sealed=Sealed.model_validate(sealed) if sealed else None,
        stale=bool(document.get("stale")),
        numberless=bool(document.get("numberless")),
        owes=tuple(document.get("owes", ())),
        attempts=tuple(_attempt(one) for one in document.get("attempts", ())),
        **plain,
    )


def _attempt(stored: Mapping[str, Any]) -> Attempt:
    known: dict[str, Any] = {name: stored.get(name) for name in _ATTEMPT}
    return Attempt(form=stored.get("form", ""), at=stored.get("claimed_at"), **known)


def step_update(
    step: Step, message: Message, at: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that a step of `message` sets and takes away."""
    sets: dict[str, Any] = {"state": step.state, "channel": step.channel, "reason": step.reason}
    unsets: dict[str, Any] = {}
    if step.state != "unknown":  # whoever holds the claim may still tell more of an unknown one
        unsets["claim"] = ""
    if step.channel != message.channel:
        sets |= {"tries": 0, "since": at}
    if step.next_at is None:
        unsets |= {"next_at": "", "queue": ""}
    else:
        sets |= {"next_at": step.next_at, "queue": queue_of(step, message)}
    if step.owes:
        sets["owes"] = list(step.owes)
    else:
        unsets["owes"] = ""
    reached = step.state in ("sent", "delivered", "read", "failed")
    if reached and step.state != message.state:
        sets[f"{step.state}_at"] = at
    return sets, unsets


def queue_of(step: Step, message: Message) -> Queue:
    """Where a step's message is due: with the provider of its channel, or to be settled."""
    return message.provider_of(step.channel) if step.state == "planned" else "settle"
