"""Collection `contacts`: what is known of an address, by its name (HMAC). No person, and no address but the
sealed one at which somebody is reached now.

Kept for as long as the installation: that somebody wants no messages must outlive every case of his.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.contracts.base import Sealed
from services.kernel.domain.directory import Language
from services.notify.core.book import Channel
from services.notify.core.contacts import WINDOW, Contact, Moved

COLLECTION = "contacts"
MOVES_KEPT = 20
_OF_A_PERSON = ("window_until", "closed_at", "opted_out_at", "opted_in_at", "chosen_at", "bad", "language")
"""What is said of who has the address, and not of who has it after him."""


@dataclass(frozen=True)
class Heard:
    """A message that somebody sent us by WhatsApp at `at`; `wants` whether he wants messages, where it says
    so. `beside`: another name that he may be known by, of which nothing is begun but that he wants none."""

    contact: str
    at: datetime
    wants: bool | None = None
    beside: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.contact,) if self.beside is None else (self.contact, self.beside)


@dataclass(frozen=True)
class Learnt:
    """A receipt or an answer told that an address is nobody's on a channel."""

    contact: str
    channel: Channel
    at: datetime


class ContactStore:
    def __init__(self, database: mongo.Database) -> None:
        self._contacts = database[COLLECTION]

    async def read(self, names: Collection[str]) -> Mapping[str, Contact]:
        """Those of `names` of whom anything is known."""
        if not names:
            return {}
        async with mongo.store_errors():
            found = await self._contacts.find({"_id": {"$in": list(names)}}).to_list(None)
        return {doc["_id"]: _contact(doc) for doc in found}

    async def speak(self, languages: Mapping[str, Language]) -> None:
        """The language in which each contact was written to at his own wish."""
        if not languages:
            return
        async with mongo.store_errors():
            await self._contacts.bulk_write(
                [
                    mongo.UpdateOne({"_id": name}, {"$set": {"language": language}}, upsert=True)
                    for name, language in languages.items()
                ],
                ordered=False,
            )

    async def hear(self, heard: Sequence[Heard]) -> list[bool]:
        """Somebody wrote: his window is open, his number good. Told again it changes nothing, and what was
        said earlier changes nothing that was said later.

        Of each, whether it was a wish that is to be answered: that he wants no messages, or wants them again
        after he had stopped them. Told again it is the same, unless he has wished otherwise since.
        """
        updates: list[Any] = []
        wished: list[bool] = []
        for one in heard:
            for name in one.names:
                updates.append(_wrote(name, one.at, upsert=name == one.contact or one.wants is False))
                if one.wants is False:
                    updates.append(_stopped(name, one.at))
            if one.wants:
                await self._write(updates)
                updates = []
            wished.append(one.wants is False or (one.wants is True and await self._start(one)))
        await self._write(updates)
        return wished

    async def _write(self, updates: Sequence[Any]) -> None:
        if updates:
            async with mongo.store_errors():
                await self._contacts.bulk_write(list(updates), ordered=True)

    async def _start(self, one: Heard) -> bool:
        """Whether he had stopped messages and has them again by this: one update tells, for each name."""
        counts = False
        for name in one.names:
            had_stopped = {"opted_out_at": {"$lte": one.at}}
            told_again = {"opted_in_at": one.at, "opted_out_at": {"$exists": False}}
            async with mongo.store_errors():
                done = await self._contacts.update_one(
                    {"_id": name, "$or": [had_stopped, told_again]},
                    {
                        "$set": {"opted_in_at": one.at, "chosen_at": one.at},
                        "$unset": {"opted_out_at": ""},
                    },
                )
            counts = counts or bool(done.matched_count)
        return counts

    async def move(self, old: str, new: str, moved: Moved) -> None:
        """Who is named `old` is reached as `new` from `moved.at` on. What he has wished goes with him, and of
        who has the old address after him nothing is known. Told again it changes nothing."""
        async with mongo.store_errors():
            doc = await self._contacts.find_one({"_id": old}) or {}
            if any(one["at"] == moved.at for one in doc.get("moved", ())):
                return
            # first: after a crash in between it is done again
            await self._contacts.bulk_write(_carried(doc, new), ordered=True)
            entry = {
                "at": moved.at,
                "sealed": moved.sealed.model_dump(),
                "wrapped_key": moved.wrapped_key,
            }
            await self._contacts.update_one(
                {"_id": old},
                {
                    "$push": {"moved": {"$each": [entry], "$sort": {"at": 1}, "$slice": -MOVES_KEPT}},
                    "$unset": dict.fromkeys(_OF_A_PERSON, ""),
                },
                upsert=True,
            )

    async def learn(self, learnt: Sequence[Learnt]) -> None:
        if not learnt:
            return
        async with mongo.store_errors():
            await self._contacts.bulk_write(
                [
                    mongo.UpdateOne(
                        {"_id": one.contact}, {"$set": {f"bad.{one.channel}": one.at}}, upsert=True
                    )
                    for one in learnt
                ],
                ordered=False,
            )

    async def close_window(self, contacts: Collection[str], at: datetime) -> None:
        """The provider says of a call at `at` that these had not written for 24 hours."""
        async with mongo.store_errors():
            await self._contacts.bulk_write(
                [
                    mongo.UpdateOne({"_id": name}, {"$max": {"closed_at": at}}, upsert=True)
                    for name in contacts
                ],
                ordered=False,
            )


def _contact(doc: mongo.Document) -> Contact:
    return Contact(
        window_until=doc.get("window_until"),
        opted_out_at=doc.get("opted_out_at"),
        bad=doc.get("bad", {}),
        language=doc.get("language"),
        closed_at=doc.get("closed_at"),
        moved=tuple(
            Moved(one["at"], Sealed.model_validate(one["sealed"]), one["wrapped_key"])
            for one in doc.get("moved", ())
        ),
    )


def _wrote(name: str, at: datetime, *, upsert: bool) -> Any:
    return mongo.UpdateOne(
        {"_id": name},
        {"$max": {"window_until": at + WINDOW}, "$unset": {"bad.whatsapp": ""}},
        upsert=upsert,
    )


def _stopped(name: str, at: datetime) -> Any:
    """Of two in one body the later one stands."""
    return mongo.UpdateOne(
        {"_id": name, "$or": [{"chosen_at": {"$lte": at}}, {"chosen_at": {"$exists": False}}]},
        {"$set": {"chosen_at": at, "opted_out_at": at}},
    )


def _carried(doc: mongo.Document, new: str) -> list[Any]:
    """What a person takes with him to his new name."""
    updates: list[Any] = [
        mongo.UpdateOne({"_id": new}, {"$setOnInsert": {"moved": []}}, upsert=True)
    ]
    if stopped_at := doc.get("opted_out_at"):
        updates.append(_stopped(new, stopped_at))
    if language := doc.get("language"):
        unspoken = {"_id": new, "language": {"$exists": False}}
        updates.append(mongo.UpdateOne(unspoken, {"$set": {"language": language}}))
    return updates
