"""What the conversation asks to be done: a case is filed, a case is acted upon. Each once, however often it
is asked: its key is the message that brought it about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from services.intake.cases import OwnCases
from services.intake.filing import Filer
from services.intake.following import Followed, placement
from services.intake.whatsapp.conversation.core.memory import Held, Memory, short
from services.intake.whatsapp.conversation.core.model import (
    Acted,
    Acts,
    CitizenAct,
    Effect,
    File,
    Filed,
    NotActed,
    NotFiled,
    Outcome,
)
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.tokens import link_key
from services.kernel.domain import tickets
from services.kernel.domain.case import Act
from services.kernel.domain.causes import cause_of
from services.kernel.domain.directory import Text
from services.kernel.domain.errors import (
    Conflict,
    Forbidden,
    IllegalAction,
    Invalid,
    KeyReused,
    Unknown,
)
from services.kernel.domain.filing import Faulty
from services.kernel.domain.people import Actor

CHANNEL = "whatsapp"


class BindsMedia(Protocol):
    async def bind(self, ids: Sequence[str], ticket: str) -> None: ...


class Doing:
    def __init__(
        self,
        filer: Filer,
        cases: OwnCases,
        media: BindsMedia,
        directories: DirectoryStore,
        clock: Clock,
        *,
        public_url: str,
        link_secret: str,
        sentence: Text,
    ) -> None:
        """`sentence`: what the office is told of who works a reopened case again, {to}."""
        self._filer = filer
        self._cases = cases
        self._media = media
        self._directories = directories
        self._clock = clock
        self._public_url = public_url
        self._link_secret = link_secret
        self._sentence = sentence

    async def own(self, client: str, memory: Memory, ticket: str | None) -> list[Followed]:
        """The person's own cases, the newest first, and the one that he names where it is his and older.
        Raises Unavailable."""
        found: dict[str, Followed] = {}
        for phone, name, held in _ways(client, memory):
            for one in await self._cases.of(phone=phone, client=name, since=held.since):
                if _is_within(one, held):
                    found.setdefault(one.ticket, one)
        newest = sorted(found.values(), key=lambda one: (one.filed_at, one.ticket), reverse=True)
        if ticket is not None and ticket not in found:
            named = await self._one(client, memory, ticket)
            newest += [named] if named is not None else []
        return newest

    async def carry_out(self, effect: Effect, client: str, memory: Memory) -> Outcome:
        """Raises Unavailable."""
        if isinstance(effect, File):
            return await self._file(effect, client)
        return await self._act(effect, client, memory)

    async def _file(self, effect: File, client: str) -> Outcome:
        application = effect.application
        try:
            filed = await self._filer.file(
                application, channel=CHANNEL, client=client, key=short(effect.key)
            )
            ticket, number = filed.ticket, filed.number
        except KeyReused:
            # the message has filed a case before, though another version of us read it otherwise
            earlier = await self._filer.earlier(CHANNEL, client, short(effect.key))
            if earlier is None:
                raise
            ticket = earlier
            directory = await self._directories.newest(application.district)
            number = tickets.show(directory.code, ticket)
        except Faulty as error:
            return NotFiled(effect.draft, tuple(fault.field for fault in error.faults))
        await self._media.bind(application.media, ticket)
        link = f"{self._public_url}/s/{ticket}/{link_key(self._link_secret, ticket)}"
        return Filed(effect.draft, ticket, number, link)

    async def _act(self, effect: Acts, client: str, memory: Memory) -> Outcome:
        done = 0
        followed = await self._one(client, memory, effect.ticket)
        try:
            for act in effect.acts if followed is not None else ():
                assert followed is not None
                await self._one_act(effect, act, followed)
                done += 1
        except (IllegalAction, Forbidden, Conflict, Invalid, Unknown):
            pass  # the case as it is now says why
        followed = await self._one(client, memory, effect.ticket)
        if done < len(effect.acts) or followed is None:
            return NotActed(effect.ticket, effect.acts[done:], followed)
        return Acted(effect.ticket, effect.acts, followed)

    async def _one_act(self, effect: Acts, act: CitizenAct, followed: Followed) -> None:
        now = self._clock()
        citizen = Actor("citizen", None, followed.district)
        data = await self._data(act, followed, now)
        # without the recordings: they follow from the media, and earlier versions asked without them
        asked = {"action": act.action, "words": act.words, "media": act.media, "rating": act.rating}
        await self._cases.act(
            effect.ticket,
            Act(
                action=act.action,
                by=citizen,
                cause=cause_of(citizen, f"{short(effect.key)}/{act.action}", asked),
                note=act.words,
                public=act.words is not None,
                data=data,
                via=CHANNEL,
                recordings=act.recordings,
            ),
        )
        if act.media:
            await self._media.bind(act.media, effect.ticket)

    async def _data(self, act: CitizenAct, followed: Followed, now: datetime) -> dict[str, Any]:
        if act.action == "reopen":
            directory = await self._directories.newest(followed.district)
            return placement(followed, directory, now, self._sentence)
        if act.action == "rate":
            return {"rating": act.rating}
        return {"media": list(act.media)} if act.media else {}

    async def _one(self, client: str, memory: Memory, ticket: str) -> Followed | None:
        for phone, name, held in _ways(client, memory):
            one = await self._cases.one(ticket, phone=phone, client=name, since=held.since)
            if one is not None and _is_within(one, held):
                return one
        return None


def _ways(client: str, memory: Memory) -> Iterator[tuple[str | None, str, Held]]:
    """How his cases are found: by his number and where he filed; and by what they were before, if ever."""
    *former, last = memory.numbers or (_NO_NUMBER,)
    yield last.number or None, client, last
    for name in memory.clients:
        yield None, name, _NO_NUMBER
    for held in former:
        yield held.number, _NOBODY, held


def _is_within(followed: Followed, held: Held) -> bool:
    return held.until is None or followed.filed_at <= held.until


_NO_NUMBER = Held("")
_NOBODY = "-"
"""No client has this name: a former number alone is asked for."""
