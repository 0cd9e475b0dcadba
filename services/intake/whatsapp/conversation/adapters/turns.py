"""Turns of conversations out of the topic of what came by WhatsApp, in batches: one read for all who wrote, a
turn for each message in its sender's order, one guarded write a person, then what is said is published.

What a turn has done besides (a case filed, an act) has the message as its key, so a turn that is taken again,
after a crash or a lost write, finds it done. What was handled before is published again and nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from services.intake.following import Followed
from services.intake.whatsapp.conversation.adapters.conversation_store import (
    ConversationStore,
    Stored,
)
from services.intake.whatsapp.conversation.adapters.doing import Doing
from services.intake.whatsapp.conversation.adapters.people import (
    Heard,
    Known,
    People,
    Person,
    grouped,
)
from services.intake.whatsapp.conversation.adapters.saying import Saying
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.machine import Machine, remember
from services.intake.whatsapp.conversation.core.model import CasesWanted, Turn, World
from services.intake.whatsapp.conversation.core.saying import together
from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.follower import Rejected, decoded
from services.kernel.adapters.outbox import Publishes
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.codec import Message, Record
from services.kernel.domain import tickets
from services.kernel.domain.choices import Choices
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Retry
from services.kernel.domain.filing import Suggest
from services.kernel.domain.media import Wanted
from services.kernel.domain.naming import Names

AT_ONCE = 64
"""People whose turns are taken beside one another."""
ROUNDS = 8
MOST_ACKNOWLEDGED = 50_000
MOST_EFFECTS = 3
"""Things done because of one message, one after another."""
Suggests = Callable[[District], Awaitable[Suggest]]


class WantsMedia(Protocol):
    async def want(self, wanted: Sequence[Wanted]) -> None: ...


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
        self._people = People(conversations, names)
        self._publisher = publisher
        self._clock = clock
        self.wanted = asyncio.Event()
        """Set when a file is wanted."""
        self._acknowledged: dict[str, int] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """Raises Retry."""
        some, rejected = decoded(records, WhatsAppReceived)
        left = grouped([one for record, event in some for one in self._people.heard(event, record)])
        for _ in range(ROUNDS):
            left = await self._round(left)
            if not left:
                return rejected
        raise Retry("conversations: writes lost again and again")

    # ------------------------------------------------------------ one round

    async def _round(self, some: Sequence[Person]) -> list[Person]:
        """Take the turns and write them; who lost to another writer, for the next round. Raises Retry."""
        known = await self._people.known(some)
        taken = await asyncio.gather(*(self._one(one, known) for one in some))
        now = self._clock()
        changed = [(one, stored) for one, (stored, is_new) in zip(some, taken, strict=True) if is_new]
        for _, stored in changed:
            await self._people.take(stored, now)
        lost = await self._conversations.write([stored for _, stored in changed], now)
        for at, (_, stored) in enumerate(changed):
            if at not in lost:
                await self._people.adopt(stored)
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

    async def _one(self, one: Person, known: Known) -> tuple[Stored, bool]:
        """A person's conversation after all that he sent, and whether anything is new."""
        async with self._slots:
            stored = self._people.conversation_of(one, known)
            if self._acknowledged.get(stored.id) == stored.version:
                stored.outbox = []  # Kafka has it; this write takes it out
            is_new = False
            for heard in one.heard:
                if heard.told is not None:
                    is_new |= self._tell(stored, heard.told)
                elif heard.inbound is not None and heard.inbound.id not in stored.handled:
                    await self._turn(stored, heard, heard.inbound)
                    is_new = True
            return stored, is_new

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
            await self._people.changed(stored, inbound)
            metrics.CONVERSATION_TURNS.labels(heard.district, inbound.sort).inc()
            return
        # without a directory nothing can be answered: the record is set aside until there is one
        directory = await self._directories.newest(heard.district)
        self._people.moved(stored, inbound)
        stored.memory = stored.memory.seen_as(inbound.person)
        suggest = _once(await self._suggests(directory))
        world = World(directory, now, suggest, self._choices)
        memory = stored.memory
        conversation = memory.conversation
        turn = await self._with_cases(
            lambda w: self._machine.step(conversation, inbound, w), world, stored, inbound
        )
        turns = [turn]
        while turn.effect is not None and len(turns) <= MOST_EFFECTS:
            outcome = await self._doing.carry_out(turn.effect, stored.id, memory)
            # the world has changed by what was done
            turn = await self._with_cases(
                lambda w, c=turn.conversation, o=outcome: self._machine.after(c, inbound, o, w),  # type: ignore[misc]
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
        wanted = [
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
        await self._media.want(wanted)
        if wanted:
            self.wanted.set()

    def _said(
        self,
        stored: Stored,
        heard: Heard,
        inbound: Inbound,
        turns: Sequence[Turn],
        now: datetime,
    ) -> list[Message]:
        replies = together([reply for turn in turns for reply in turn.replies])
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


def _once(suggest: Suggest) -> Suggest:
    """`suggest`, asked once for the same words: a turn asks several times, and may be taken twice."""
    return lru_cache(maxsize=8)(suggest)


def _ticket_of(inbound: Inbound) -> str | None:
    """A ticket that the message names, in its words or by what was tapped."""
    for part in (inbound.text, *inbound.choice.replace(":", ".").split(".")):
        ticket = tickets.parse(part) if part and len(part) <= 40 else None
        if ticket is not None:
            return ticket
    return None
