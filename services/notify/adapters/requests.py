"""Messages without a case, as they are asked for on a topic: replies, codes, digests.

Each becomes a message under its caller's key, so that asking again changes nothing. Address and words stay in
the envelope; it is opened here only to see which way the message goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from services.kernel.adapters.clock import Clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.follower import Rejected
from services.kernel.contracts.beside import MessageRequested
from services.kernel.contracts.codec import Record
from services.kernel.contracts.envelope import CannotOpen, MasterKeys, Requested, unseal
from services.kernel.domain.directory import Language
from services.notify.adapters.contact_store import ContactStore
from services.notify.adapters.message_document import new_document
from services.notify.adapters.message_store import MessageStore
from services.notify.core.book import Book
from services.notify.core.contacts import UNKNOWN
from services.notify.core.planning import provider_of

FIRST_LANGUAGE: Language = "hi"
"""Of who was never written to."""


class Requests:
    """Handles records of the topic of messages that are asked for. Idempotent. `planned` is called when
    something is to be sent."""

    def __init__(
        self,
        messages: MessageStore,
        contacts: ContactStore,
        directories: DirectoryStore,
        book: Book,
        keys: MasterKeys,
        clock: Clock,
        bucket_of: Callable[[str], int],
    ) -> None:
        self.planned: Callable[[], None] = lambda: None
        self._messages = messages
        self._contacts = contacts
        self._directories = directories
        self._book = book
        self._keys = keys
        self._clock = clock
        self._bucket_of = bucket_of

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """Raises Retry, also where a district has no directory yet."""
        rejected: list[Rejected] = []
        documents: list[dict[str, Any]] = []
        for record in records:
            if record.header("ce_type") != MessageRequested.TYPE:
                continue
            try:
                asked = MessageRequested.model_validate_json(record.value or b"")
                documents.append(await self._document(asked, record))
            except ValidationError as error:
                rejected.append((record, f"undecodable: {error.error_count()} faults"))
            except (CannotOpen, _Refused) as error:
                rejected.append((record, str(error)))
        if documents:
            await self._speak(documents)
            await self._messages.plan(documents)
            self.planned()
        return rejected

    async def _speak(self, documents: Sequence[dict[str, Any]]) -> None:
        """Each in the language that was asked for, which is remembered, or in the one that is."""
        silent = {doc["recipient"] for doc in documents if doc["language"] is None}
        known = await self._contacts.read(silent)
        chosen: dict[str, Language] = {}
        for doc in documents:
            if doc["language"] is not None and doc["audience"] == "citizen":
                chosen[doc["recipient"]] = doc["language"]
            contact = known.get(doc["recipient"], UNKNOWN)
            doc["language"] = doc["language"] or contact.language or FIRST_LANGUAGE
        await self._contacts.speak(chosen)

    async def _document(self, asked: MessageRequested, record: Record) -> dict[str, Any]:
        if asked.wrapped_key is None:
            raise _Refused("no key came with the envelope")
        data_key = self._keys.unwrap(asked.wrapped_key, asked.key)
        content = unseal(asked.sealed, Requested, data_key, asked.key)
        if content.text is None and asked.template not in self._book.templates:
            raise _Refused("the template is not in the book")
        if not content.channels:
            raise _Refused("no channel is named")
        directory = await self._directories.newest(asked.district)
        channels = list(dict.fromkeys(content.channels))
        providers = [provider_of(channel, directory) for channel in channels]
        return new_document(
            {
                "_id": f"{asked.key}:{asked.recipient}",
                "ticket": None,
                "thread": asked.recipient,
                "district": asked.district,
                "zone": directory.zone,
                "event": asked.TYPE,
                "event_id": asked.key,
                "event_at": asked.at,
                "audience": content.audience,
                "person": None,
                "source": None,
                "recipient": asked.recipient,
                "channels": channels,
                "providers": providers,
                "template": asked.template,
                "language": content.language,
                "values": {},
                "urgent": content.urgent,
                "at_once": True,
                "announced": False,
                # of one recipient they are in one partition: the offset is their order; none is the first
                "order": record.offset + 2,
                "bucket": self._bucket_of(asked.recipient),
                "wrapped_key": asked.wrapped_key,
                "key": asked.key,
            },
            queue=providers[0],
            sealed=asked.sealed,
            not_before=None,
            now=self._clock(),
        )


class _Refused(Exception):
    """A request that no later try can make good."""
