"""The address of a message, looked up when it is sent: the citizen's in his filing, an officer's in the
newest directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.domain.errors import Retry, Unknown
from services.notify.adapters.filings import Filings
from services.notify.core.contacts import reachable
from services.notify.core.messages import Message


class FindsRecipients(Protocol):
    async def find(self, messages: Sequence[Message]) -> Mapping[str, str | None]:
        """The number (E.164) by the message's id; None for who was erased or cannot be reached. What
        cannot be told now, since a key cannot be unwrapped, is left out."""
        ...


class Recipients:
    def __init__(self, filings: Filings, directories: DirectoryStore) -> None:
        self._filings = filings
        self._directories = directories

    async def find(self, messages: Sequence[Message]) -> Mapping[str, str | None]:
        """Raises Retry when the store is away or lacks a district's directory."""
        filed = await self._filings.read({m.ticket for m in messages if m.audience == "citizen"})
        found: dict[str, str | None] = {}
        for message in messages:
            if message.audience == "citizen":
                case = filed.get(message.ticket)
                if case is not None and case.locked:
                    continue
                phone = case.filing.phone if case and case.filing else None
            else:
                phone = await self._officer(message)
            found[message.id] = reachable(phone)
        return found

    async def _officer(self, message: Message) -> str | None:
        try:
            directory = await self._directories.newest(message.district)
        except Unknown as error:
            raise Retry(f"district {message.district} has no directory") from error
        officer = directory.officer_by_id.get(message.person or "")
        return officer.phone if officer is not None and not officer.retired else None
