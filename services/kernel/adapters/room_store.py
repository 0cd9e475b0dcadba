"""A room of the case documents as a store: read into drafts, written by guarded atomic updates.

A write is one update of one room: its fields, the numbers `seen` of the rooms it follows, its counter
`n` and its outbox. It requires `n`, `seen` and the draft's guards as they were read, so of two writers
of a room one loses, and finds on reading again what the other did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from services.kernel.adapters import metrics, mongo
from services.kernel.contracts.events import Room

Fields = Mapping[str, Any]
FOLLOWS: Mapping[Room, tuple[Room, ...]] = {
    "case": ("intake", "sla"),
    "sla": ("intake", "case", "notices"),
    "notices": ("intake", "case", "sla"),
}
"""Which rooms each room follows: the one place that says it."""


@dataclass(slots=True)
class Draft:
    """A case while something is folded into one of its rooms.

    `room` holds the room's own fields as they stand now (without n, seen, outbox); `others` the rest of
    the document as far as it was read; `exists`: the document was there; `before`: what was read.
    `guards` are dotted fields that must still have the value that was read (None: absent or null).
    `unsent_since` is set where no redelivery would publish the outbox: acts and timers.
    """

    ticket: str
    exists: bool
    others: Fields
    before: Fields
    room: dict[str, Any]
    n: int
    seen: dict[str, int]
    outbox: list[dict[str, Any]]
    unsent_since: datetime | None = None
    guards: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    repeated: bool = False
    planned: list[Any] = field(default_factory=list)


class RoomStore(Protocol):
    """What a consumer, the case store, the timers and the sweeper need. All may raise Unavailable."""

    room: Room

    async def read(self, tickets: Sequence[str]) -> dict[str, Draft]:
        """A draft for every ticket, whether or not it is stored."""
        ...

    async def write(self, drafts: Sequence[Draft]) -> set[int]:
        """Write what was drafted; the positions of those whose guard did not hold, so not written."""
        ...

    async def documents(self, tickets: Sequence[str]) -> Mapping[str, Fields]:
        """The whole documents of those tickets that are stored."""
        ...

    async def unsent(self, before: datetime, limit: int) -> dict[str, list[Any]]:
        """Outboxes whose oldest unsent entry is older than `before`."""
        ...

    async def trim(self, acknowledged: Sequence[tuple[str, int]]) -> None:
        """Take out entries up to n; `unsent_since` goes where nothing remains."""
        ...

    async def backlog(self) -> int:
        """How many rooms have unsent entries."""
        ...


def _absent(path: str) -> dict[str, Any]:
    """What a field must be that was absent. Never an equality: an upsert would make the field out of it."""
    counts = path.endswith(".n") or ".seen." in path
    return {"$in": [None, 0]} if counts else {"$lte": None}


def up_to_date(room: Room) -> dict[str, Any]:
    """For `$expr`: the room has seen all that the others have announced in the same document. What the
    intake says is said before there is a room."""
    return {
        "$and": [
            {"$eq": [{"$ifNull": [f"${other}.n", 0]}, {"$ifNull": [f"${room}.seen.{other}", 0]}]}
            for other in FOLLOWS[room]
            if other != "intake"
        ]
    }


def to_draft(room: Room, ticket: str, document: Fields | None) -> Draft:
    """The draft of a document as it was read."""
    stored = dict((document or {}).get(room) or {})
    outbox = list(stored.pop("outbox", ()))
    unsent_since = stored.pop("unsent_since", None)
    n = stored.pop("n", 0)
    seen = stored.pop("seen", {})
    return Draft(
        ticket=ticket,
        exists=document is not None,
        others=document or {},
        before={"n": n, "seen": seen, "fields": stored},
        room=dict(stored),
        n=n,
        seen={name: seen.get(name, 0) for name in FOLLOWS[room]},
        outbox=outbox,
        unsent_since=unsent_since,
    )


def guard_of(room: Room, draft: Draft) -> dict[str, Any]:
    """What must still be so when the draft is written; None stands for absent, null or zero."""
    before = draft.before
    return {
        f"{room}.n": before["n"] or None,
        **{f"{room}.seen.{name}": before["seen"].get(name) or None for name in draft.seen},
        **draft.guards,
    }


class MongoRooms:
    """The real store: collection `cases`."""

    def __init__(
        self, cases: mongo.Collection, room: Room, reads: Sequence[str] = ()
    ) -> None:
        """`reads`: dotted fields of other rooms that drafts are to carry."""
        self.room = room
        self._cases = cases
        self._projection = {room: 1, **dict.fromkeys(reads, 1)}

    async def read(self, tickets: Sequence[str]) -> dict[str, Draft]:
        async with mongo.store_errors():
            found = await self._cases.find(
                {"_id": {"$in": list(tickets)}}, self._projection
            ).to_list(None)
        documents = {doc["_id"]: doc for doc in found}
        return {ticket: to_draft(self.room, ticket, documents.get(ticket)) for ticket in tickets}

    async def due(
        self, buckets: Sequence[int], now: datetime, limit: int
    ) -> tuple[list[Draft], datetime | None]:
        """Drafts whose `next_at` is before `now` and whose room has seen all that the others announced,
        nearest first; and the next instant after `now`."""
        mine = {f"{self.room}.bucket": {"$in": list(buckets)}}
        next_at = f"{self.room}.next_at"
        async with mongo.store_errors():
            found = await self._cases.find(
                {**mine, next_at: {"$lt": now}, "$expr": up_to_date(self.room)},
                self._projection,
                sort=[(next_at, 1)],
                limit=limit,
            ).to_list(None)
            following = await self._cases.find_one(
                {**mine, next_at: {"$gte": now}}, {next_at: 1}, sort=[(next_at, 1)]
            )
        drafts = [to_draft(self.room, doc["_id"], doc) for doc in found]
        return drafts, following[self.room]["next_at"] if following else None

    async def write(self, drafts: Sequence[Draft]) -> set[int]:
        if not drafts:
            return set()
        try:
            async with mongo.store_errors():
                await self._cases.bulk_write([self._operation(d) for d in drafts], ordered=False)
        except mongo.BulkWriteError as error:
            lost = set(mongo.duplicates(error))
            metrics.CONFLICTS.labels(self.room).inc(len(lost))
            return lost
        return set()

    def _operation(self, draft: Draft) -> Any:
        room = self.room
        whole = {**draft.room, "n": draft.n, "seen": draft.seen, "outbox": draft.outbox}
        if draft.unsent_since is not None:
            whole["unsent_since"] = draft.unsent_since
        query: dict[str, Any] = {"_id": draft.ticket}
        for path, value in guard_of(room, draft).items():
            query[path] = _absent(path) if value is None else value
        if not draft.exists:
            # no insert: all rooms meet the same `filed` at the same time, and two of three would lose
            return mongo.UpdateOne(query, {"$set": {room: whole}}, upsert=True)
        stored = draft.before["fields"]
        sets: dict[str, Any] = {}
        pushes: dict[str, Any] = {}
        seen = draft.before["seen"]
        for name, value in whole.items():
            if name == "seen":
                sets.update(
                    {f"{room}.seen.{other}": n for other, n in value.items() if n != seen.get(other)}
                )
            elif name not in stored or stored[name] != value:
                old = stored.get(name)
                if name == "history" and old and value[: len(old)] == old:
                    pushes[f"{room}.{name}"] = {"$each": value[len(old) :]}
                else:
                    sets[f"{room}.{name}"] = value
        gone = {f"{room}.{name}": "" for name in stored if name not in whole}
        update: dict[str, Any] = {"$set": sets}
        if pushes:
            update["$push"] = pushes
        if gone:
            update["$unset"] = gone
        # upsert: a guard that no longer holds then tries to insert the same _id, and the duplicate-key
        # error names the loser, which a bulk's matched count cannot
        return mongo.UpdateOne(query, update, upsert=True)

    async def documents(self, tickets: Sequence[str]) -> Mapping[str, Fields]:
        async with mongo.store_errors():
            found = await self._cases.find({"_id": {"$in": list(tickets)}}).to_list(None)
        return {doc["_id"]: doc for doc in found}

    async def unsent(self, before: datetime, limit: int) -> dict[str, list[Any]]:
        async with mongo.store_errors():
            found = await self._cases.find(
                {f"{self.room}.unsent_since": {"$lt": before}},
                {f"{self.room}.outbox": 1},
                limit=limit,
            ).to_list(None)
        return {doc["_id"]: doc[self.room].get("outbox", []) for doc in found}

    async def trim(self, acknowledged: Sequence[tuple[str, int]]) -> None:
        """Rooms that have announced nothing since are emptied by one update for many; the rest one by one."""
        if not acknowledged:
            return
        outbox, since = f"{self.room}.outbox", f"{self.room}.unsent_since"
        by_n: dict[int, list[str]] = {}
        for ticket, n in acknowledged:
            by_n.setdefault(n, []).append(ticket)
        async with mongo.store_errors():
            done = await self._cases.bulk_write(
                [
                    mongo.UpdateMany(
                        {"_id": {"$in": tickets}, f"{self.room}.n": n},
                        {"$set": {outbox: []}, "$unset": {since: ""}},
                    )
                    for n, tickets in by_n.items()
                ],
                ordered=False,
            )
            if done.matched_count < len(acknowledged):
                await self._trim_each(dict(acknowledged))

    async def _trim_each(self, acknowledged: Mapping[str, int]) -> None:
        outbox, since = f"{self.room}.outbox", f"{self.room}.unsent_since"
        left = await self._cases.find(
            {
                "_id": {"$in": list(acknowledged)},
                "$or": [{f"{outbox}.0": {"$exists": True}}, {since: {"$exists": True}}],
            },
            {"_id": 1},
        ).to_list(None)
        updates = [
            mongo.UpdateOne(
                {"_id": doc["_id"]},
                [
                    {
                        "$set": {
                            outbox: {
                                "$filter": {
                                    "input": f"${outbox}",
                                    "cond": {"$gt": ["$$this.n", acknowledged[doc["_id"]]]},
                                }
                            }
                        }
                    },
                    {
                        "$set": {
                            since: {"$cond": [{"$eq": [f"${outbox}", []]}, "$$REMOVE", f"${since}"]}
                        }
                    },
                ],
            )
            for doc in left
        ]
        if updates:
            await self._cases.bulk_write(updates, ordered=False)

    async def backlog(self) -> int:
        async with mongo.store_errors():
            return await self._cases.count_documents({f"{self.room}.unsent_since": {"$exists": True}})
