"""Collection `conversations`: one document a person, his words sealed.

A turn is one guarded write: what is remembered, which messages were handled, and what is to be said, in an
outbox. Names are HMACs of numbers and user ids; nobody has two documents, nobody shares one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.intake.whatsapp.conversation.core.memory import Handled, Memory
from services.kernel.adapters import mongo
from services.kernel.contracts.codec import Message
from services.kernel.contracts.envelope import (
    CannotOpen,
    MasterKeys,
    Private,
    new_data_key,
    seal,
    unseal,
)
from services.kernel.contracts.events import Sealed
from services.kernel.domain.errors import Unavailable

COLLECTION = "conversations"
GONE = "gone:"
"""What a name begins with that is nobody's: of a conversation whose names are all another's now."""
INDEXES = [
    mongo.IndexModel([("names", 1)], unique=True),
    # whom a name belonged to before it changed hands
    mongo.IndexModel([("former.name", 1)], sparse=True),
    mongo.IndexModel([("touched_at", 1)], sparse=True),
]


class Remembered(Private):
    """What the envelope of a conversation holds."""

    memory: Memory


@dataclass
class Stored:
    """A conversation as it lies in the store; `version` 0: not yet. `names`: by which the person is known
    now; `former`: by which no longer, each with the instant. `outbox`: what is to be published; `adopts`:
    names of another conversation that is this person's too; `takes`: names that were somebody else's until
    now. `began`: when its first message came."""

    id: str
    version: int
    names: tuple[str, ...]
    memory: Memory
    handled: Handled
    former: tuple[tuple[str, datetime], ...] = ()
    outbox: list[Message] = field(default_factory=list)
    adopts: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    began: datetime | None = None
    data_key: bytes = field(default_factory=new_data_key, repr=False)
    wrapped_key: str = ""


class ConversationStore:
    def __init__(self, database: mongo.Database, keys: MasterKeys) -> None:
        self._conversations = database[COLLECTION]
        self._keys = keys

    async def read(self, names: Collection[str]) -> list[Stored]:
        """Those of whom any of `names` is. Raises Unavailable."""
        if not names:
            return []
        async with mongo.store_errors():
            found = await self._conversations.find({"names": {"$in": list(names)}}).to_list(None)
        return [self._open(document) for document in found]

    async def one(self, id_: str) -> Stored | None:
        """Raises Unavailable."""
        async with mongo.store_errors():
            document = await self._conversations.find_one({"_id": id_})
        return self._open(document) if document is not None else None

    async def changed_hands(self, names: Collection[str]) -> Mapping[str, datetime]:
        """When each of `names` ceased to be somebody's, where it was. Raises Unavailable."""
        if not names:
            return {}
        async with mongo.store_errors():
            found = await self._conversations.find(
                {"former.name": {"$in": list(names)}}, {"former": 1}
            ).to_list(None)
        ended: dict[str, datetime] = {}
        for document in found:
            for one in document["former"]:
                ended[one["name"]] = max(one["at"], ended.get(one["name"], one["at"]))
        return {name: at for name, at in ended.items() if name in names}

    async def write(self, stored: Sequence[Stored], now: datetime) -> set[int]:
        """One bulk; the positions of those that lost to another writer. Raises Unavailable."""
        if not stored:
            return set()
        try:
            async with mongo.store_errors():
                await self._conversations.bulk_write(
                    [self._request(one, now) for one in stored], ordered=False
                )
        except mongo.BulkWriteError as error:
            return set(mongo.duplicates(error))
        return set()

    async def release(self, name: str, keeper: str, at: datetime | None = None) -> None:
        """`name` is nobody's but `keeper`'s from now on; `at`: it has changed hands then. Raises
        Unavailable."""
        # the index takes one document without a name, so each has one that is nobody's
        left = {"$setDifference": ["$names", [name]]}
        change: dict[str, Any] = {
            "names": {"$setUnion": [left, [{"$concat": [GONE, "$_id"]}]]},
            "v": {"$add": ["$v", 1]},
        }
        if at is not None:
            before = {"$ifNull": ["$former", []]}
            change["former"] = {"$concatArrays": [before, [{"name": name, "at": at}]]}
        async with mongo.store_errors():
            await self._conversations.update_many(
                {"names": name, "_id": {"$ne": keeper}}, [{"$set": change}]
            )

    async def adopt(self, name: str, keeper: str) -> None:
        """`name` is `keeper`'s, whoever had it; `keeper` knows already what is to be known of the other.
        Raises Unavailable."""
        await self.release(name, keeper)
        try:
            async with mongo.store_errors():
                await self._conversations.update_one(
                    {"_id": keeper}, {"$addToSet": {"names": name}, "$inc": {"v": 1}}
                )
        except mongo.DuplicateKeyError:
            return  # somebody began anew under it meanwhile: the next message that has both adopts that

    async def forget(self, before: datetime) -> int:
        """What was talked about by those of whom nothing was heard since `before`; how many. Who they are and
        under which names they filed stays, so that they find their cases again. Raises Unavailable."""
        async with mongo.store_errors():
            found = await self._conversations.find(
                {"touched_at": {"$lt": before}}, limit=500
            ).to_list(None)
        kept = 0
        for document in found:
            stored = self._open(document)
            memory = stored.memory
            bare = Memory(
                user=memory.user,
                numbers=memory.numbers,
                clients=memory.clients,
                conversation=type(memory.conversation)(
                    tongue=memory.conversation.tongue,
                    drafts=memory.conversation.drafts,
                    opted_out=memory.conversation.opted_out,
                ),
            )
            update = {
                "$set": {"sealed": self._seal(stored, bare), "outbox": []},
                "$unset": {"touched_at": ""},
                "$inc": {"v": 1},
            }
            async with mongo.store_errors():
                done = await self._conversations.update_one(
                    {"_id": stored.id, "v": stored.version}, update
                )
            kept += done.modified_count
        return kept

    def _request(self, one: Stored, now: datetime) -> Any:
        document = {
            "names": list(one.names),
            "former": [{"name": name, "at": at} for name, at in one.former],
            "v": one.version + 1,
            "sealed": self._seal(one, one.memory),
            "key": one.wrapped_key or self._keys.wrap(one.data_key, one.id),
            "handled": mongo.Binary(one.handled.stored(now)),
            "outbox": [_entry(message) for message in one.outbox],
            "touched_at": now,
            "began": one.began or now,
        }
        if not document["former"]:
            del document["former"]
        # of another version, it finds nothing to replace and its insert is refused: the write has lost
        return mongo.ReplaceOne({"_id": one.id, "v": one.version}, document, upsert=True)

    def _seal(self, one: Stored, memory: Memory) -> dict[str, Any]:
        return seal(Remembered(memory=memory), one.data_key, one.id).model_dump()

    def _open(self, document: mongo.Document) -> Stored:
        id_ = document["_id"]
        try:
            data_key = self._keys.unwrap(document["key"], id_)
            sealed = Sealed.model_validate(document["sealed"])
            memory = unseal(sealed, Remembered, data_key, id_).memory
        except CannotOpen as error:
            # a master key that is missing is a fault of the set-up: nobody's draft is thrown away for it
            raise Unavailable("the conversation's key") from error
        return Stored(
            id=id_,
            version=document["v"],
            names=tuple(document["names"]),
            memory=memory,
            handled=Handled(bytes(document["handled"])),
            former=tuple((one["name"], one["at"]) for one in document.get("former", ())),
            outbox=[_message(entry) for entry in document["outbox"]],
            data_key=data_key,
            wrapped_key=document["key"],
            began=document["began"],
        )


def _entry(message: Message) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "key": mongo.Binary(message.key),
        "headers": [[name, mongo.Binary(value)] for name, value in message.headers],
        "value": mongo.Binary(message.value),
    }


def _message(entry: Mapping[str, Any]) -> Message:
    return Message(
        topic=entry["topic"],
        key=bytes(entry["key"]),
        headers=tuple((name, bytes(value)) for name, value in entry["headers"]),
        value=bytes(entry["value"]),
    )
