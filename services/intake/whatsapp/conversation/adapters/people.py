"""Who wrote: the persons of a batch, by the names under which they are known, and whose conversation it is.

A name is an HMAC of a number or of a user id; one person may have both, and a name may change hands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.intake.whatsapp.conversation.adapters.conversation_store import (
    GONE,
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
from services.intake.whatsapp.conversation.core.reading import heard_of, read_all
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.codec import Record
from services.kernel.domain.naming import Names

LATE_NOTICE = timedelta(minutes=10)
"""A notice of a change may be handled after messages from the new number that were written after it."""
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

    @property
    def messages(self) -> list[Inbound]:
        return [heard.inbound for heard in self.heard if heard.inbound is not None]


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

    def heard(self, received: WhatsAppReceived, record: Record) -> list[Heard]:
        """What a record says; nothing for what nobody is to hear."""
        key = (record.key or b"").decode("ascii", "replace")
        if received.kind == "status":
            told = heard_of(received.item)
            return [Heard((key,), received.district, told=told)] if told is not None else []
        if received.kind == "other" and received.item.get("field") not in _TELLS_OF_PEOPLE:
            return []
        some = read_all(received.item, received.contacts, received.at)
        return [self._of(inbound, received.district) for inbound in some]

    def _of(self, inbound: Inbound, district: str) -> Heard:
        person = inbound.person
        mine = []  # not the record's key: what is no message has the business number's, which all share
        if person.number is not None:
            mine.append(self._names.phone(person.number))
        if person.user is not None:
            mine.append(self._names.user(person.user))
        return Heard(tuple(mine), district, inbound=inbound)

    async def known(self, some: Sequence[Person]) -> Known:
        """Raises Unavailable."""
        names = {name for one in some for name in one.names}
        stored = {
            name: one for one in await self._conversations.read(names) for name in one.names
        }
        new = {
            name
            for one in some
            if not one.names & stored.keys() and one.messages
            for name in one.names
        }
        return Known(stored, await self._conversations.changed_hands(new))

    def conversation_of(self, one: Person, known: Known) -> Stored:
        """The person's document, or a new one. Of two (he was known by his number and by his user id apart)
        the first is kept and takes over what the other was."""
        first = one.heard[0].names
        named = [known.stored[name] for name in sorted(one.names) if name in known.stored]
        mine = list({stored.id: stored for stored in named}.values())
        messages = one.messages
        if not mine and not messages:
            return Stored(first[0], 0, (), Memory(), Handled())  # of who never wrote nothing is kept
        strangers = [stored for stored in mine if self._is_another(stored, one)]
        mine = [stored for stored in mine if stored not in strangers]
        if not mine:
            memory = Memory()
            since = max((known.ended[n] for n in one.names if n in known.ended), default=None)
            if strangers:
                # the number came with another user id before, and nobody has told of a change
                since = messages[0].at
            number = messages[0].person.number
            if since is not None and number is not None:
                memory = replace(memory, numbers=(Held(number, since=since),))
            # the same for the same first message taken again, or a case of this batch would be filed twice;
            # and another for whoever has the number next
            id_ = short(f"{first[0]}/{messages[0].id}")
            taken = {name for stored in strangers for name in stored.names} & one.names
            return Stored(
                id_, 0, tuple(sorted(one.names)), memory, Handled(), takes=tuple(sorted(taken))
            )
        kept = next((stored for stored in mine if first[0] in stored.names), mine[0])
        for name, at in kept.former:
            kept.memory = self._ended(kept.memory, name, at)
        for other in [stored for stored in mine if stored is not kept]:
            self._join(kept, other)
        missing = one.names - {name for stored in mine for name in stored.names}
        kept.names = (*kept.names, *sorted(missing))
        return kept

    def _is_another(self, stored: Stored, one: Person) -> bool:
        """Whether who writes from a number is not who wrote from it before: he has another user id."""
        users = {inbound.person.user for inbound in one.messages} - {None}
        known = stored.memory.user
        if known is None or not users or known in users:
            return False
        return not any(self._names.user(user) in stored.names for user in users if user)

    def _join(self, kept: Stored, other: Stored) -> None:
        """Two documents turn out to be one person's: what both told, and the cases of both, are his."""
        kept.memory = kept.memory.joined(other.memory, other.id)
        kept.handled.join(other.handled)
        kept.former = (*kept.former, *other.former)
        kept.adopts = (*kept.adopts, *(name for name in other.names if not name.startswith(GONE)))

    def _ended(self, memory: Memory, name: str, at: datetime) -> Memory:
        number = memory.number
        if number is None or self._names.phone(number) != name:
            return memory
        return memory.ended(number, at)

    async def take(self, stored: Stored, now: datetime) -> None:
        """Names that come into other hands: before it is written whose they are now."""
        for name in stored.takes:
            await self._conversations.release(name, stored.id, now)

    async def adopt(self, stored: Stored) -> None:
        """Only when it is written whose cases are his too: a crash before leaves the other as he was."""
        for name in stored.adopts:
            await self._conversations.adopt(name, stored.id)

    async def changed(self, stored: Stored, inbound: Inbound) -> None:
        """The provider tells that the person has another number or user id now. Raises Unavailable."""
        at = inbound.written_at
        memory, gone, new = stored.memory, set[str](), []
        if inbound.now_number is not None:
            gone |= {self._names.phone(one.number) for one in memory.numbers}
            if inbound.person.number is not None:
                gone.add(self._names.phone(inbound.person.number))
                memory = memory.seen_as(inbound.person)
            memory = memory.with_number(inbound.now_number, at)
            new.append(self._names.phone(inbound.now_number))
        if inbound.now_user is not None:
            former = inbound.person.user or memory.user
            if former is not None:
                gone.add(self._names.user(former))
            memory = replace(memory, user=inbound.now_user)
            new.append(self._names.user(inbound.now_user))
        stored.memory = memory
        for other in await self._conversations.read(new):
            if other.id == stored.id:
                continue
            if other.began is not None and other.began > at - LATE_NOTICE:
                # he has written under the new name already, and the notice came behind
                self._join(stored, other)
            else:
                stored.takes = (*stored.takes, *(name for name in new if name in other.names))
        gone -= set(new)
        stored.former = (*stored.former, *((name, at) for name in sorted(gone)))
        kept = [name for name in stored.names if name not in gone]
        theirs = set(stored.adopts)
        stored.names = tuple(dict.fromkeys([*kept, *(n for n in new if n not in theirs)]))

    def moved(self, stored: Stored, inbound: Inbound) -> None:
        """Who is known by his user id writes from another number, and nobody has told of a change."""
        number, memory = inbound.person.number, stored.memory
        user = inbound.person.user
        if number is None or memory.number in (None, number) or user is None or user != memory.user:
            return
        assert memory.number is not None
        name = self._names.phone(memory.number)
        stored.memory = memory.with_number(number, inbound.at)
        stored.former = (*stored.former, (name, inbound.at))
        stored.names = tuple(one for one in stored.names if one != name)


def grouped(heard: Sequence[Heard]) -> list[Person]:
    """By person, each one's messages in their order."""
    groups = [Person(names) for names in people([one.names for one in heard])]
    by_name = {name: person for person in groups for name in person.names}
    for one in heard:
        by_name[one.names[0]].heard.append(one)
    return groups
