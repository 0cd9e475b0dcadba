"""Messages without a case, as they are asked for on a topic: replies in a conversation, codes, digests.

Each becomes a message under its caller's key, so that asking again changes nothing. Address and words stay in
the envelope; it is opened here only to see which way the message goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from services.kernel.adapters.clock import Clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.follower import Rejected, decoded
from services.kernel.contracts.beside import MessageRequested
from services.kernel.contracts.codec import Record
from services.kernel.contracts.envelope import CannotOpen, MasterKeys, Requested, unseal
from services.kernel.domain.directory import District, Language
from services.kernel.domain.errors import Unknown
from services.notify.adapters.contact_store import ContactStore
from services.notify.adapters.message_document import to_document
from services.notify.adapters.message_store import MessageStore
from services.notify.adapters.waking import Wakes
from services.notify.core.book import Book
from services.notify.core.contacts import UNKNOWN
from services.notify.core.planning import PlannedMessage, provider_of

FIRST_LANGUAGE: Language = "hi"
"""Of who was never written to."""
LONGEST_KEY = 400
"""Characters: a provider echoes 512 at most, and the recipient's name comes behind it."""
AFTER_THE_FIRST = 2
"""A thread's order begins at 1; offsets begin at 0, and none of these is the first of a case."""


class Requests:
    """Handles records of the topic of messages that are asked for. Idempotent."""

    def __init__(
        self,
        messages: MessageStore,
        contacts: ContactStore,
        directories: DirectoryStore,
        book: Book,
        keys: MasterKeys,
        clock: Clock,
        bucket_of: Callable[[str], int],
        wakes: Wakes,
    ) -> None:
        self._messages = messages
        self._contacts = contacts
        self._directories = directories
        self._book = book
        self._keys = keys
        self._clock = clock
        self._bucket_of = bucket_of
        self._wakes = wakes

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """Raises Retry."""
        some, rejected = decoded(records, MessageRequested)
        planned: list[tuple[PlannedMessage, int]] = []
        for record, request in some:
            try:
                planned.append((await self.read(request), record.offset))
            except (CannotOpen, _Refused) as error:
                rejected.append((record, str(error)))
        await self.plan(planned)
        return rejected

    async def plan(self, planned: Sequence[tuple[PlannedMessage, int]]) -> None:
        """Plan messages that were read, each with a number that grows with what is written to its
        recipient. Raises Retry."""
        if not planned:
            return
        now = self._clock()
        documents = [
            to_document(
                message,
                order=order + AFTER_THE_FIRST,
                bucket=self._bucket_of(message.recipient),
                now=now,
            )
            for message, order in await self._in_their_language(planned)
        ]
        # somebody waits for these: neither write waits for the other, and both may be done again
        await asyncio.gather(self._plan(documents), self._contacts.speak(_languages(planned)))

    async def _plan(self, documents: Sequence[dict[str, Any]]) -> None:
        await self._messages.plan(documents)
        self._wakes.queues({document["queue"] for document in documents})

    async def _in_their_language(
        self, planned: Sequence[tuple[PlannedMessage, int]]
    ) -> list[tuple[PlannedMessage, int]]:
        """Each in the language that was asked for, or in the one that is remembered."""
        silent = {message.recipient for message, _ in planned if not message.language}
        known = await self._contacts.read(silent)
        spoken: list[tuple[PlannedMessage, int]] = []
        for message, order in planned:
            theirs = known.get(message.recipient, UNKNOWN).language or FIRST_LANGUAGE
            spoken.append((replace(message, language=message.language or theirs), order))
        return spoken

    def _open(self, asked: MessageRequested) -> Requested:
        if asked.wrapped_key is None:
            raise _Refused("no key came with the envelope")
        if len(asked.key) > LONGEST_KEY:
            raise _Refused(f"the key is longer than {LONGEST_KEY} characters")
        data_key = self._keys.unwrap(asked.wrapped_key, asked.key)
        content = unseal(asked.sealed, Requested, data_key, asked.key)
        if not content.channels:
            raise _Refused("no channel is named")
        template = self._book.templates.get(asked.template)
        if template is not None and template.id not in self._book.free:
            raise _Refused("the template is one of messages about a case")
        if content.text is None:
            if template is None:
                raise _Refused("the template is not in the book")
            return content
        worded = {channel for channel, _ in template.wordings} if template is not None else set()
        if set(content.channels) - worded - {"whatsapp"}:
            # an SMS needs a registered text, an e-mail a subject
            raise _Refused("a text goes by whatsapp alone where no template has one for other channels")
        return content

    async def _directory(self, district: str) -> District:
        try:
            return await self._directories.newest(district)
        except Unknown:
            # set aside: to wait for it, perhaps for a typing error, would hold up everybody behind it
            raise _Refused("its district has no directory") from None

    async def read(self, asked: MessageRequested) -> PlannedMessage:
        """The message that is asked for, its language still open where none was named. Raises CannotOpen or
        a refusal for what no later try can read, Unavailable."""
        content = self._open(asked)
        directory = await self._directory(asked.district)
        channels = tuple(dict.fromkeys(content.channels))
        return PlannedMessage(
            id=f"{asked.key}:{asked.recipient}",
            event_id=asked.key,
            event=asked.TYPE,
            event_at=asked.at,
            ticket=None,
            thread=asked.recipient,
            district=asked.district,
            zone=directory.zone,
            audience=content.audience,
            person=None,
            source=None,
            recipient=asked.recipient,
            channels=channels,
            providers=tuple(provider_of(channel, directory) for channel in channels),
            template=asked.template,
            language=content.language or "",  # type: ignore[arg-type]
            urgent=content.urgent,
            at_once=True,
            announced=False,
            gathered=False,
            not_before=None,
            sealed=asked.sealed,
            wrapped_key=asked.wrapped_key,
            key=asked.key,
        )


def _languages(planned: Sequence[tuple[PlannedMessage, int]]) -> dict[str, Language]:
    """In which citizens have asked to be written to, by their names."""
    return {
        message.recipient: message.language
        for message, _ in planned
        if message.language and message.audience == "citizen"
    }


class _Refused(Exception):
    """A request that no later try can make good."""
