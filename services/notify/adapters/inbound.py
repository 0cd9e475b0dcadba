"""What came by WhatsApp, as notify reads it: statuses of our messages, that somebody wrote, and that somebody
has another number or user id now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.follower import Rejected, decoded
from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.beside import MessageRequested, WhatsAppReceived
from services.kernel.contracts.codec import Record
from services.kernel.contracts.envelope import MasterKeys, Requested, new_data_key, seal
from services.kernel.domain.choices import Choices
from services.kernel.domain.errors import Unknown
from services.kernel.domain.whatsapp_people import (
    Change,
    changes_of,
    sender_of,
    typed_text,
    written_at,
)
from services.notify.adapters.contact_store import ContactStore, Heard
from services.notify.adapters.moves import Moves
from services.notify.adapters.provider_receipts import receipts_of
from services.notify.adapters.receiving import Receiving
from services.notify.adapters.requests import Requests
from services.notify.core.receipts import Receipt

log = get_logger()
TEMPLATES = {False: "opted_out", True: "opted_in"}
"""What is answered to who wants no messages, and to who wants them again."""


@dataclass(frozen=True)
class _Written:
    """`address`: at which he is answered. `order`: grows with what he writes."""

    heard: Heard
    address: str = field(repr=False)
    district: str
    order: int


class Answers:
    """Tells a person that his choice was heard, and how he undoes it: once a message of his."""

    def __init__(
        self, requests: Requests, directories: DirectoryStore, keys: MasterKeys
    ) -> None:
        self._requests = requests
        self._directories = directories
        self._keys = keys

    async def confirm(self, written: _Written) -> None:
        """Raises Retry."""
        heard, district = written.heard, written.district
        if heard.wants is None:
            return
        template = TEMPLATES[heard.wants]
        key = f"choice/{template}/{heard.at:%Y%m%dT%H%M%S}"
        data_key = new_data_key()
        try:
            directory = await self._directories.newest(district)
        except Unknown:
            log.error("inbound.no_directory", district=district)
            return  # his choice counts all the same
        content = Requested(
            to=written.address,
            audience="citizen",
            channels=("whatsapp",),
            values={"call_centre": directory.call_centre.phone},
        )
        asked = MessageRequested(
            district=district,
            key=key,
            recipient=heard.contact,
            template=template,
            at=heard.at,
            sealed=seal(content, data_key, key),
            wrapped_key=self._keys.wrap(data_key, key),
        )
        await self._requests.plan([(await self._requests.read(asked), written.order)])


class Inbound:
    """Handles records of the topic of what came by WhatsApp. Idempotent."""

    def __init__(
        self,
        receiving: Receiving,
        contacts: ContactStore,
        moves: Moves,
        choices: Choices,
        answers: Answers,
    ) -> None:
        self._receiving = receiving
        self._contacts = contacts
        self._moves = moves
        self._choices = choices
        self._answers = answers

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """Raises Retry."""
        some, rejected = decoded(records, WhatsAppReceived)
        receipts: list[Receipt] = []
        written: list[_Written] = []
        for record, received in some:
            if received.kind == "status":
                receipt = receipts_of(received.item, received.at)
                if receipt is not None:
                    receipts.append(receipt)
            elif changes := changes_of(received.item, received.at):
                # what he wrote before was written by who he was
                await self._hear(written)
                written = []
                for change in changes:
                    await self._change(change)
            elif received.kind == "message":
                one = self._written(received, record.offset)
                if one is not None:
                    written.append(one)
        await self._hear(written)
        await self._receiving.apply(receipts)
        return rejected

    def _written(self, received: WhatsAppReceived, order: int) -> _Written | None:
        addresses = sender_of(received.item, received.contacts).addresses
        if not addresses:
            return None
        name, *beside = map(self._moves.name, addresses)
        heard = Heard(
            name,
            written_at(received.item, received.at),
            self._choices.wants(typed_text(received.item)),
            beside[0] if beside else None,
        )
        return _Written(heard, addresses[0], received.district, order)

    async def _hear(self, written: Sequence[_Written]) -> None:
        wished = await self._contacts.hear([one.heard for one in written])
        for one, counts in zip(written, wished, strict=True):
            if counts:
                await self._answers.confirm(one)

    async def _change(self, change: Change) -> None:
        for move in change.moves:
            old = self._moves.name(move.old)
            moved = self._moves.seal(old, move.new, change.at)
            await self._contacts.move(old, self._moves.name(move.new), moved)
            log.info("inbound.moved")
