"""Turns of conversations out of the topic of what came by WhatsApp, in batches: one read for all who wrote, a
turn for each message in its sender's order, one guarded write a person, then what is said is published.

What a turn has done besides (a case filed, an act) has the message as its key, so a turn that is taken again,
after a crash or a lost write, finds it done. What was handled before is published again and nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from pydantic import ValidationError

from services.intake.following import Followed
from services.intake.whatsapp.conversation.adapters.conversation_store import (
    ConversationStore,
    Stored,
)
from services.intake.whatsapp.conversation.adapters.doing import Doing
from services.intake.whatsapp.conversation.adapters.saying import Saying
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.machine import Machine, remember
from services.intake.whatsapp.conversation.core.memory import (
    Handled,
    Held,
    Memory,
    people,
    short,
)
from services.intake.whatsapp.conversation.core.model import CasesWanted, Turn, World
from services.intake.whatsapp.conversation.core.reading import heard_of, read
from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.follower import Rejected
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Publishes
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.codec import Message, Record
from services.kernel.domain import tickets
from services.kernel.domain.choices import Choices
from services.kernel.domain.directory import District, Kind
from services.kernel.domain.errors import Retry, Unknown
from services.kernel.domain.media import Wanted
from services.kernel.domain.naming import Names

log = get_logger()
AT_ONCE = 64
"""People whose turns are taken beside one another."""
ROUNDS = 8
MOST_ACKNOWLEDGED = 50_000
MOST_EFFECTS = 3
"""Things done because of one message, one after another."""
_TELLS_OF_PEOPLE = ("user_id_update",)
"""Changes that are no messages, and tell that somebody has another id."""
Suggests = Callable[[District], Awaitable[Callable[[str, Kind], Sequence[str]]]]


class WantsMedia(Protocol):
    async def want(self, wanted: Sequence[Wanted]) -> None: ...


@dataclass
class Heard:
    """What one record says: a message, or that a message of ours was about a case. `names`: whose it is, the
    one by which the record is keyed first."""

    names: tuple[str, ...]
    district: str
    inbound: Inbound | None = None
    told: tuple[str, str] | None = None


@dataclass
class _Person:
    """Who wrote in a batch, with all of it in its order."""

    names: frozenset[str]
    heard: list[Heard] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """Of those who wrote: the conversations that there are, by name, and for names that have none when they
    ceased to be somebody else's, where they were."""

    stored: Mapping[str, Stored]
    ended: Mapping[str, datetime]


class Turns:
    """Handles records of the topic. Idempotent."""

    def __init__(
        self,
        machine: Machine,
        conversations: ConversationStore,
        doing: Doing,
        saying: Saying,
        media: WantsMedia,
        directories: DirectoryStore,
        suggests: Suggests,
        choices: Choices,
        names: Names,
        publisher: Publishes,
        clock: Clock,
    ) -> None:
        self._machine = machine
        self._conversations = conversations
        self._doing = doing
        self._saying = saying
        self._media = media
        self._directories = directories
        self._suggests = suggests
        self._choices = choices
        self._names = names
        self._publisher = publisher
        self._clock = clock
        self._acknowledged: dict[str, int] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """Raises Retry."""
        rejected: list[Rejected] = []
        heard: list[Heard] = []
        for record in records:
            if record.header("ce_type") != WhatsAppReceived.TYPE:
                continue
            try:
                received = WhatsAppReceived.model_validate_json(record.value or b"")
            except ValidationError as error:
                rejected.append((record, f"undecodable: {error.error_count()} faults"))
                continue
            one = self._heard(received, record)
            if one is not None:
                heard.append(one)
        left = _grouped(heard)
        for _ in range(ROUNDS):
            left = await self._round(left)
            if not left:
                return rejected
        raise Retry("conversations: writes lost again and again")

    def _heard(self, received: WhatsAppReceived, record: Record) -> Heard | None:
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
        mine = [key]
        if person.number is not None:
            mine.append(self._names.phone(person.number))
        if person.user is not None:
            mine.append(self._names.user(person.user))
        return Heard(tuple(dict.fromkeys(mine)), received.district, inbound=inbound)

    # ------------------------------------------------------------ one round

    async def _round(self, some: Sequence[_Person]) -> list[_Person]:
        """Take the turns and write them; who lost to another writer, for the next round. Raises Retry."""
        known = await self._known(some)
        taken = await asyncio.gather(*(self._one(one, known) for one in some))
        now = self._clock()
        changed = [(one, stored) for one, (stored, is_new) in zip(some, taken, strict=True) if is_new]
        lost = await self._conversations.write([stored for _, stored in changed], now)
        again = [changed[at][0] for at in sorted(lost)]
        losers = {id(one) for one in again}
        written = [
            stored for one, (stored, _) in zip(some, taken, strict=True) if id(one) not in losers
        ]
        await self._publisher.publish([message for one in written for message in one.outbox])
        for at, (_, stored) in enumerate(changed):
            if at not in lost and stored.outbox:
                self._acknowledged[stored.id] = stored.version + 1
        while len(self._acknowledged) > MOST_ACKNOWLEDGED:
            del self._acknowledged[next(iter(self._acknowledged))]
        return again

    async def _known(self, some: Sequence[_Person]) -> _Known:
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
        return _Known(stored, await self._conversations.changed_hands(new))

    async def _one(self, one: _Person, known: _Known) -> tuple[Stored, bool]:
        """A person's conversation after all that he sent, and whether anything is new."""
        async with self._slots:
            stored = await self._conversation_of(one, known)
            if self._acknowledged.get(stored.id) == stored.version:
                stored.outbox = []  # Kafka has it; this write takes it out
            is_new = False
            for heard in one.heard:
                if heard.told is not None:
                    is_new |= self._tell(stored, heard.told)
                elif heard.inbound is not None and heard.inbound.id not in stored.handled:
                    await self._turn(stored, heard, heard.inbound)
                    is_new = True
            if not stored.version and not is_new:
                stored.outbox = []
            return stored, is_new

    async def _conversation_of(self, one: _Person, known: _Known) -> Stored:
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
        for other in mine:
            if other is not kept:
                await self._join(kept, other)
        missing = one.names - set(kept.names)
        kept.names = (*kept.names, *sorted(missing))
        return kept

    async def _join(self, kept: Stored, other: Stored) -> None:
        """Two documents turn out to be one person's: the cases of both are his, the newer talk goes on."""
        clients = (*kept.memory.clients, other.id, *other.memory.clients)
        kept.memory = replace(kept.memory, clients=tuple(dict.fromkeys(clients)))
        # first the other lets its names go: the index lets nobody have them twice
        for name in other.names:
            await self._conversations.release(name, kept.id)

    def _tell(self, stored: Stored, told: tuple[str, str]) -> bool:
        conversation = remember(stored.memory.conversation, *told)
        changed = conversation is not stored.memory.conversation and bool(stored.version)
        stored.memory = replace(stored.memory, conversation=conversation)
        return changed

    # ------------------------------------------------------------ one turn

    async def _turn(self, stored: Stored, heard: Heard, inbound: Inbound) -> None:
        now = self._clock()
        stored.handled.add(inbound.id, now)
        if inbound.sort == "changed":
            await self._changed(stored, inbound, now)
            return
        try:
            directory = await self._directories.newest(heard.district)
        except Unknown:
            log.error("conversation.no_directory", district=heard.district)
            return
        stored.memory = stored.memory.seen_as(inbound.person)
        world = World(directory, now, await self._suggests(directory), self._choices)
        memory = stored.memory
        conversation = memory.conversation
        turn = await self._with_cases(
            lambda w: self._machine.step(conversation, inbound, w), world, stored, inbound
        )
        turns = [turn]
        while turn.effect is not None and len(turns) <= MOST_EFFECTS:
            outcome = await self._doing.carry_out(turn.effect, stored.id, memory)
            after = replace(turn, effect=None).conversation
            # the world has changed by what was done
            turn = await self._with_cases(
                lambda w, c=after, o=outcome: self._machine.after(c, inbound, o, w),  # type: ignore[misc]
                world,
                stored,
                inbound,
            )
            turns.append(turn)
        stored.memory = replace(memory, conversation=turn.conversation)
        await self._keep(stored, heard, turns, now)
        stored.outbox += self._said(stored, heard, inbound, turns, now)
        metrics.CONVERSATION_TURNS.labels(heard.district, inbound.sort).inc()

    async def _with_cases(
        self, take: Callable[[World], Turn], world: World, stored: Stored, inbound: Inbound
    ) -> Turn:
        """The turn, in a world that has the person's cases only where it asks for them."""
        try:
            return take(world)
        except CasesWanted:
            pass
        cases: list[Followed] = await self._doing.own(stored.id, stored.memory, _ticket_of(inbound))
        return take(replace(world, known=cases))

    async def _keep(
        self, stored: Stored, heard: Heard, turns: Sequence[Turn], now: datetime
    ) -> None:
        """Files are wanted before the turn is written: after it nobody would."""
        await self._media.want(
            [
                Wanted(
                    id=one.id,
                    district=heard.district,
                    provider_id=one.media.id,
                    kind=one.media.kind,
                    mime=one.media.mime,
                    sha256=one.media.sha256,
                    owner=stored.id,
                    voice=one.media.voice,
                    at=now,
                )
                for turn in turns
                for one in turn.wanted
            ]
        )

    def _said(
        self,
        stored: Stored,
        heard: Heard,
        inbound: Inbound,
        turns: Sequence[Turn],
        now: datetime,
    ) -> list[Message]:
        replies = [reply for turn in turns for reply in turn.replies]
        said = [
            self._saying.message(reply, place, inbound, stored.memory, heard.district, now)
            for place, reply in enumerate(replies)
        ]
        asked = [
            self._saying.callback(one, heard.district, now)
            for turn in turns
            for one in turn.callbacks
        ]
        return [*(message for message in said if message is not None), *asked]

    async def _changed(self, stored: Stored, inbound: Inbound, now: datetime) -> None:
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
        metrics.CONVERSATION_TURNS.labels("", "changed").inc()


def _grouped(heard: Sequence[Heard]) -> list[_Person]:
    """By person, each one's messages in their order."""
    groups = [_Person(names) for names in people([one.names for one in heard])]
    by_name = {name: person for person in groups for name in person.names}
    for one in heard:
        by_name[one.names[0]].heard.append(one)
    return groups


def _ticket_of(inbound: Inbound) -> str | None:
    """A ticket that the message names, in its words or by what was tapped."""
    for part in (inbound.text, *inbound.choice.replace(":", ".").split(".")):
        ticket = tickets.parse(part) if part and len(part) <= 40 else None
        if ticket is not None:
            return ticket
    return None
