"""Files of citizens: what is wanted of the provider, and what is kept of it, sealed.

Collection `media` holds a document a file, GridFS (`media.files`, `media.chunks`) the bytes, sealed under a
key that the document holds wrapped: without the document they open for nobody. Who fetches takes a file by a
lease and writes under a name of his own, which the document knows before a byte is written: so two who fetch
the same one never mix, and what a crash leaves is found again and removed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.sealed_pieces import PIECE_BYTES, SEALED_BYTES, Opener, seal_pieces
from services.kernel.contracts.envelope import CannotOpen, MasterKeys, new_data_key
from services.kernel.domain.errors import Unknown
from services.kernel.domain.media import UNBOUND_FOR, Medium, Refusal, RefusedMedia, State, Wanted

log = get_logger()
COLLECTION = "media"
INDEXES: Mapping[str, Sequence[mongo.IndexModel]] = {
    COLLECTION: [
        mongo.IndexModel([("next_at", 1)], sparse=True),
        mongo.IndexModel([("purge_at", 1)], sparse=True),
        mongo.IndexModel([("loose_since", 1)], sparse=True),
    ],
    # GridFS's own, which the driver would make at the first write
    f"{COLLECTION}.files": [mongo.IndexModel([("filename", 1), ("uploadDate", 1)])],
    f"{COLLECTION}.chunks": [mongo.IndexModel([("files_id", 1), ("n", 1)], unique=True)],
}
LEASE = timedelta(minutes=3)
"""For so long a file that was taken up is nobody else's."""
LOOSE_AFTER = timedelta(hours=1)
"""After so long nobody writes any more under a name that came to nothing."""
MOST_COUNTED = 10_000
_PIECES_AT_ONCE = 4
_WANTED = tuple(Wanted.__dataclass_fields__)
_SHOWN = {name: 1 for name in Medium.__dataclass_fields__ if name != "id"}


@dataclass(frozen=True)
class Claimed:
    """A file that was taken up: to be fetched (`wanted`), or its citizen to be told (`refused`, `gone`).
    `tries` counts how often it has been, this time included."""

    wanted: Wanted
    state: State
    reason: Refusal | None
    ticket: str | None
    tries: int
    token: str
    loose: tuple[str, ...]


class Kept:
    """A file that is kept, of `size` bytes and a type that its own bytes told."""

    def __init__(
        self, chunks: mongo.Collection, file: str, opener: Opener, mime: str, size: int
    ) -> None:
        self._chunks = chunks
        self._file = file
        self._opener = opener
        self.mime = mime
        self.size = size

    async def pieces(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, a quarter of a MiB at a time. Raises Unavailable, and
        CannotOpen where they are not what was stored."""
        end = self.size if end is None else min(end, self.size)
        first, behind = start // PIECE_BYTES, -(-end // PIECE_BYTES)
        if start >= end:
            return
        wanted = {"files_id": self._file, "n": {"$gte": first, "$lt": behind}}
        n = first
        async with mongo.store_errors():
            found = self._chunks.find(wanted, sort=[("n", 1)], batch_size=_PIECES_AT_ONCE)
            async for chunk in found:
                if chunk["n"] != n:
                    break
                piece = self._opener.open(n, chunk["data"])
                at = n * PIECE_BYTES
                yield piece[max(start - at, 0) : end - at]
                n += 1
        if n != behind:
            raise CannotOpen(f"piece {n} of file {self._file} is missing")

    async def read(self) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self.pieces()])


class MediaStore:
    """Everything raises Unavailable when the store is away."""

    def __init__(self, database: mongo.Database, keys: MasterKeys, clock: Clock) -> None:
        self._media = database[COLLECTION]
        self._chunks = database[f"{COLLECTION}.chunks"]
        self._files = mongo.Files(database, COLLECTION, chunk_size_bytes=SEALED_BYTES)
        self._keys = keys
        self._clock = clock

    # ------------------------------------------------------------ for a conversation

    async def want(self, wanted: Sequence[Wanted]) -> None:
        """Have them fetched. Wanting one again changes nothing."""
        if not wanted:
            return
        try:
            async with mongo.store_errors():
                await self._media.insert_many([_document(one) for one in wanted], ordered=False)
        except mongo.BulkWriteError as error:
            mongo.duplicates(error)

    async def bind(self, ids: Collection[str], ticket: str) -> None:
        """They are this case's from now on, and kept as long as it is. Doing so again changes nothing; what
        is another case's stays so."""
        async with mongo.store_errors():
            await self._media.update_many(
                {"_id": {"$in": list(ids)}, "ticket": None, "state": {"$ne": "deleted"}},
                {"$set": {"ticket": ticket}, "$unset": {"purge_at": ""}},
            )

    async def delete(self, ids: Collection[str]) -> None:
        """Nobody can open them from here on; what lies there of them is removed at once, or soon."""
        gone = {"$set": {"state": "deleted", "purge_at": self._clock()}, "$unset": _PERSONAL}
        async with mongo.store_errors():
            await self._media.update_many({"_id": {"$in": list(ids)}}, gone)
            found = await self._media.find({"_id": {"$in": list(ids)}}).to_list(None)
            for doc in found:
                await self._remove(doc)

    # ------------------------------------------------------------ for those who look at a case

    async def of(self, ids: Collection[str]) -> Mapping[str, Medium]:
        """What is known of each; who is unknown is missing."""
        async with mongo.store_errors():
            found = await self._media.find(
                {"_id": {"$in": list(ids)}, "state": {"$ne": "deleted"}}, _SHOWN
            ).to_list(None)
        return {doc["_id"]: _medium(doc) for doc in found}

    async def open(self, id_: str) -> Kept:
        """Raises Unknown for what is not kept (yet, or any more), CannotOpen where its master key is gone."""
        async with mongo.store_errors():
            doc = await self._media.find_one({"_id": id_, "state": "kept"})
        if doc is None:
            raise Unknown("there is no such file", field="media")
        opener = Opener(self._keys.unwrap(doc["key"], id_), id_, doc["size"])
        return Kept(self._chunks, doc["file"], opener, doc["mime"], doc["size"])

    # ------------------------------------------------------------ for who fetches

    async def claim(self) -> Claimed | None:
        """Take up what is due, if anything is: nobody else gets it while LEASE lasts."""
        now, token = self._clock(), secrets.token_hex(8)
        async with mongo.store_errors():
            doc = await self._media.find_one_and_update(
                {"next_at": {"$lte": now}},
                {"$set": {"next_at": now + LEASE, "claim": token}, "$inc": {"tries": 1}},
                sort=[("next_at", 1)],
                return_document=mongo.ReturnDocument.AFTER,
            )
        if doc is None:
            return None
        return Claimed(
            wanted=Wanted(id=doc["_id"], **{name: doc[name] for name in _WANTED if name != "id"}),
            state=doc["state"],
            reason=doc.get("reason"),
            ticket=doc.get("ticket"),
            tries=doc["tries"],
            token=token,
            loose=tuple(doc.get("loose", ())),
        )

    async def keep(self, claimed: Claimed, data: bytes, mime: str) -> bool:
        """Store what was fetched. False: the lease is over, or the file was deleted, and nothing stays."""
        id_, key = claimed.wanted.id, new_data_key()
        file = f"{id_}/{claimed.token}"
        if not await self._change(
            claimed, {"$push": {"loose": file}, "$set": {"loose_since": self._clock()}}
        ):
            return False
        sealed = await asyncio.to_thread(seal_pieces, data, key, id_)
        async with mongo.store_errors():
            await self._files.upload_from_stream_with_id(file, id_, sealed)
        kept = {
            "state": "kept",
            "file": file,
            "key": self._keys.wrap(key, id_),
            "mime": mime,
            "size": len(data),
            "kept_at": self._clock(),
        }
        change: dict[str, Any] = {"$set": kept, "$unset": {"next_at": "", "claim": ""}}
        if claimed.loose:
            change["$pull"] = {"loose": file}
        else:
            change["$unset"] |= {"loose": "", "loose_since": ""}
        if await self._change(claimed, change):
            return True
        await self._remove_file(file)
        return False

    async def refuse(self, claimed: Claimed, state: State, reason: Refusal) -> bool:
        """There will be nothing: `refused` or `gone`. It stays taken up, for the citizen to be told."""
        return await self._change(claimed, {"$set": {"state": state, "reason": reason}})

    async def told(self, claimed: Claimed) -> None:
        """The citizen knows that there will be nothing."""
        await self._change(
            claimed,
            {"$set": {"told_at": self._clock()}, "$unset": {"next_at": "", "claim": ""}},
            state=("refused", "gone"),
        )

    async def postpone(self, claimed: Claimed, seconds: float) -> None:
        """Try again then."""
        again = self._clock() + timedelta(seconds=seconds)
        await self._change(
            claimed,
            {"$set": {"next_at": again}, "$unset": {"claim": ""}},
            state=("wanted", "refused", "gone"),
        )

    async def measure(self) -> None:
        """Set the gauges of what waits."""
        now = self._clock()
        async with mongo.store_errors():
            # of so many at most: tries put `next_at` off, and what is told is for how long nobody got it
            waiting = await self._media.find(
                {"next_at": {"$exists": True}}, {"at": 1}, limit=MOST_COUNTED
            ).to_list(None)
        first = min((document["at"] for document in waiting), default=now)
        late = (now - first).total_seconds()
        metrics.MEDIA_WAITING.set(len(waiting))
        metrics.MEDIA_OLDEST.set(max(late, 0.0))

    # ------------------------------------------------------------ what is left over

    async def purge(self, limit: int = 200) -> int:
        """Remove up to `limit` files that belong to no case for UNBOUND_FOR, or were deleted; how many."""
        due = {"purge_at": {"$lte": self._clock()}}
        async with mongo.store_errors():
            found = await self._media.find(due, {"_id": 1}, sort=[("purge_at", 1)], limit=limit).to_list(None)
            removed = 0
            for one in found:
                # asked again in the write: a case may have got it just now
                doc = await self._media.find_one_and_update(
                    {"_id": one["_id"], **due},
                    {"$set": {"state": "deleted"}, "$unset": _PERSONAL},
                    return_document=mongo.ReturnDocument.AFTER,
                )
                removed += doc is not None and await self._remove(doc)
        metrics.MEDIA.labels("forgotten").inc(removed)
        return removed

    async def tidy(self, limit: int = 200) -> int:
        """Remove what was written under names that came to nothing, of up to `limit` files; of how many."""
        since = {"loose_since": {"$lt": self._clock() - LOOSE_AFTER}, "state": {"$ne": "deleted"}}
        async with mongo.store_errors():
            found = await self._media.find(since, limit=limit).to_list(None)
            for doc in found:
                loose = doc.get("loose", [])
                for file in loose:
                    if file != doc.get("file"):
                        await self._remove_file(file)
                await self._media.update_one(
                    {"_id": doc["_id"], "loose_since": doc["loose_since"], "loose": loose},
                    {"$unset": {"loose": "", "loose_since": ""}},
                )
        return len(found)

    async def _remove(self, doc: mongo.Document) -> bool:
        """A deleted file's bytes, then its document: not while somebody may still be writing."""
        since = doc.get("loose_since")
        if since is not None and since > self._clock() - LOOSE_AFTER:
            await self._media.update_one(
                {"_id": doc["_id"]}, {"$set": {"purge_at": since + LOOSE_AFTER}}
            )
            return False
        for file in {doc.get("file"), *doc.get("loose", ())} - {None}:
            await self._remove_file(file)
        await self._media.delete_one({"_id": doc["_id"], "state": "deleted"})
        return True

    async def _remove_file(self, file: str) -> None:
        async with mongo.store_errors():
            with suppress(mongo.NoFile):  # its pieces, if there were any, are removed all the same
                await self._files.delete(file)

    async def _change(
        self, claimed: Claimed, change: Mapping[str, Any], state: Sequence[str] = ("wanted",)
    ) -> bool:
        """Whether it was still ours, and is changed now."""
        async with mongo.store_errors():
            done = await self._media.update_one(
                {"_id": claimed.wanted.id, "claim": claimed.token, "state": {"$in": list(state)}},
                change,
            )
        return bool(done.matched_count)


def refused(claimed: Claimed, reason: Refusal) -> RefusedMedia:
    """What its citizen is told of."""
    wanted = claimed.wanted
    return RefusedMedia(
        id=wanted.id,
        district=wanted.district,
        owner=wanted.owner,
        kind=wanted.kind,
        voice=wanted.voice,
        reason=reason,
        at=wanted.at,
        ticket=claimed.ticket,
    )


_PERSONAL = dict.fromkeys(("key", "provider_id", "owner", "sha256", "next_at", "claim"), "")
"""What a deleted file's document loses at once."""


def _document(wanted: Wanted) -> dict[str, Any]:
    stored = asdict(wanted)
    return {
        "_id": stored.pop("id"),
        **stored,
        "state": "wanted",
        "tries": 0,
        "next_at": wanted.at,
        "purge_at": wanted.at + UNBOUND_FOR,
    }


def _medium(doc: mongo.Document) -> Medium:
    known: datetime = doc["at"]
    return Medium(
        id=doc["_id"],
        kind=doc["kind"],
        state=doc["state"],
        voice=doc["voice"],
        at=known,
        mime=doc.get("mime") if doc["state"] == "kept" else None,
        size=doc.get("size"),
        reason=doc.get("reason"),
        ticket=doc.get("ticket"),
    )
