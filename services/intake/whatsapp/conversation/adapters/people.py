"""Who wrote: the persons of a batch, by the names under which they are known, and whose conversation it is.

A name is an HMAC of a number or of a user id; one person may have both, and a name may change hands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.intake.whatsapp.conversation.adapters.conversation_store import (
    ConversationStore,
    Stored,
)
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.memory import (
    Handled,
    Held,
    Memory,
    people,
    short,
)
from services.intake.whatsapp.conversation.core.reading import heard_of, read
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.codec import Record
from services.kernel.domain.naming import Names

_TELLS_OF_PEOPLE = ("user_id_update",)
"""Changes that are no messages, and tell that somebody has another id."""


@dataclass
class Heard:
    """What one record says: a message, or that a message of ours was about a case. `names`: whose it is, the
    one by which the record is keyed first."""

    names: tuple[str, ...]
    district: str
    inbound: Inbound | None = None
    told: tuple[str, str] | None = None


@dataclass
class Person:
    """Who wrote in a batch, with all of it in its order."""

    names: frozenset[str]
    heard: list[Heard] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """Of those who wrote: the conversations that there are, by name, and for names that have none when they
    ceased to be somebody else's, where they were."""

    stored: Mapping[str, Stored]
    ended: Mapping[str, datetime]


class People:
    """Whose conversation a batch's messages belong to."""

    def __init__(self, conversations: ConversationStore, names: Names) -> None:
        self._conversations = conversations
        self._names = names

    def heard(self, received: WhatsAppReceived, record: Record) -> Heard | None:
        """What a record says; None for what nobody is to hear."""
        key = (record.key or b"").decode("ascii", "replace")
        if received.kind == "status":
            told = heard_of(received.item)
            return Heard((key,), received.district, told=told) if told is not None else None
        if received.kind == "other" and received.item.get("field") not in _TELLS_OF_PEOPLE:
            return None
        inbound = read(received.item, received.contacts, received.at)
        if inbound is None:
            return None
        person = inbound.person
        mine = []  # not the record's key: what is no message has the business number's, which all share
        if person.number is not None:
            mine.append(self._names.phone(person.number))
        if person.user is not None:
            mine.append(self._names.user(person.user))
        return Heard(tuple(mine), received.district, inbound=inbound)

    async def known(self, some: Sequence[Person]) -> Known:
        """Raises Unavailable."""
        names = {name for one in some for name in one.names}
        stored = {
            name: one for one in await self._conversations.read(names) for name in one.names
        }
        new = {
            name
            for one in some
            if not one.names & stored.keys() and any(heard.inbound for heard in one.heard)
            for name in one.names
        }
        return Known(stored, await self._conversations.changed_hands(new))

    def conversation_of(self, one: Person, known: Known) -> Stored:
        """The person's document, or a new one. Of two (he was known by his number and by his user id apart)
        the first is kept and takes over what the other was."""
        first = one.heard[0].names
        named = [known.stored[name] for name in sorted(one.names) if name in known.stored]
        mine = list({stored.id: stored for stored in named}.values())
        if not mine and all(heard.inbound is None for heard in one.heard):
            return Stored(first[0], 0, (), Memory(), Handled())  # of who never wrote nothing is kept
        if not mine:
            memory = Memory()
            since = max((known.ended[n] for n in one.names if n in known.ended), default=None)
            number = next((h.inbound.person.number for h in one.heard if h.inbound), None)
            if since is not None and number is not None:
                memory = replace(memory, numbers=(Held(number, since=since),))
            # the same for the same first message taken again, or a case of this batch would be filed twice;
            # and another for whoever has the number next
            begun = next(heard.inbound.id for heard in one.heard if heard.inbound)
            id_ = short(f"{first[0]}/{begun}")
            return Stored(id_, 0, tuple(sorted(one.names)), memory, Handled())
        kept = next((stored for stored in mine if first[0] in stored.names), mine[0])
        others = [stored for stored in mine if stored is not kept]
        for other in others:
            # two documents turn out to be one person's: the cases of both are his
            clients = (*kept.memory.clients, other.id, *other.memory.clients)
            kept.memory = replace(kept.memory, clients=tuple(dict.fromkeys(clients)))
            kept.adopts = (*kept.adopts, *other.names)
        missing = one.names - {name for stored in mine for name in stored.names}
        kept.names = (*kept.names, *sorted(missing))
        return kept

    async def adopt(self, stored: Stored) -> None:
        """Only when it is written whose cases are his too: a crash before leaves the other as he was."""
        for name in stored.adopts:
            await self._conversations.adopt(name, stored.id)

    async def changed(self, stored: Stored, inbound: Inbound, now: datetime) -> None:
        """The provider tells that the person has another number or user id now."""
        memory, gone, new = stored.memory, set[str](), []
        if inbound.now_number is not None:
            gone |= {self._names.phone(one.number) for one in memory.numbers}
            if inbound.person.number is not None:
                gone.add(self._names.phone(inbound.person.number))
                memory = memory.seen_as(inbound.person)
            memory = memory.with_number(inbound.now_number, now)
            new.append(self._names.phone(inbound.now_number))
        if inbound.now_user is not None:
            former = inbound.person.user or memory.user
            if former is not None:
                gone.add(self._names.user(former))
            memory = replace(memory, user=inbound.now_user)
            new.append(self._names.user(inbound.now_user))
        for name in new:
            await self._conversations.release(name, stored.id)
        gone -= set(new)
        stored.memory = memory
        stored.former = (*stored.former, *((name, now) for name in sorted(gone)))
        kept = [name for name in stored.names if name not in gone]
        stored.names = tuple(dict.fromkeys([*kept, *new]))


def grouped(heard: Sequence[Heard]) -> list[Person]:
    """By person, each one's messages in their order."""
    groups = [Person(names) for names in people([one.names for one in heard])]
    by_name = {name: person for person in groups for name in person.names}
    for one in heard:
        by_name[one.names[0]].heard.append(one)
    return groups
