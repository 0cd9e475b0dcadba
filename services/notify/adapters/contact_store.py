"""Collection `contacts`: what is known of an address, by its name (HMAC). No address, no person.

Kept for as long as the installation: that somebody wants no messages must outlive every case of his.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.domain.directory import Language
from services.notify.core.book import Channel
from services.notify.core.contacts import WINDOW, Contact

COLLECTION = "contacts"


@dataclass(frozen=True)
class Heard:
    """A message that somebody sent us by WhatsApp at `at`; `wants` whether he wants messages, where it says
    so."""

    contact: str
    at: datetime
    wants: bool | None = None


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
        return {
            doc["_id"]: Contact(
                doc.get("window_until"),
                doc.get("opted_out_at"),
                doc.get("bad", {}),
                doc.get("language"),
            )
            for doc in found
        }

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

    async def hear(self, heard: Sequence[Heard]) -> None:
        """Somebody wrote: his window is open, his number good. Told again it changes nothing, and what was
        said earlier changes nothing that was said later."""
        updates: list[Any] = []
        for one in heard:
            updates.append(
                mongo.UpdateOne(
                    {"_id": one.contact},
                    {
                        "$max": {"window_until": one.at + WINDOW},
                        "$unset": {"bad.whatsapp": ""},
                    },
                    upsert=True,
                )
            )
            if one.wants is not None:
                change: dict[str, Any] = {"$set": {"chosen_at": one.at}}
                if one.wants:
                    change["$unset"] = {"opted_out_at": ""}
                else:
                    change["$set"]["opted_out_at"] = one.at
                # of two in one body the later one stands
                earlier = [{"chosen_at": {"$lte": one.at}}, {"chosen_at": {"$exists": False}}]
                updates.append(mongo.UpdateOne({"_id": one.contact, "$or": earlier}, change))
        if updates:
            async with mongo.store_errors():
                await self._contacts.bulk_write(updates, ordered=True)

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

    async def close_window(self, contacts: Collection[str], now: datetime) -> None:
        """The provider says that these have not written for 24 hours."""
        async with mongo.store_errors():
            await self._contacts.update_many(
                {"_id": {"$in": list(contacts)}, "window_until": {"$gt": now}},
                {"$set": {"window_until": now}},
            )
