"""What came by WhatsApp, as notify reads it: statuses of our messages, and that somebody wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.follower import Rejected
from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.beside import MessageRequested, WhatsAppReceived
from services.kernel.contracts.codec import Record
from services.kernel.contracts.envelope import MasterKeys, Requested, new_data_key, seal
from services.kernel.domain.errors import Unknown
from services.kernel.domain.naming import Names
from services.notify.adapters.contact_store import ContactStore, Heard
from services.notify.adapters.provider_receipts import inbound_of, receipts_of
from services.notify.adapters.receiving import Receiving
from services.notify.adapters.requests import Requests
from services.notify.core.choices import Choices
from services.notify.core.receipts import Receipt

log = get_logger()
TEMPLATES = {False: "opted_out", True: "opted_in"}
"""What is answered to who wants no messages, and to who wants them again."""


class Answers:
    """Tells a person that his choice was heard, and how he undoes it: once a message of his."""

    def __init__(
        self, requests: Requests, directories: DirectoryStore, keys: MasterKeys
    ) -> None:
        self._requests = requests
        self._directories = directories
        self._keys = keys

    async def confirm(self, heard: Heard, number: str, district: str, order: int) -> None:
        """Raises Retry."""
        if heard.wants is None:
            return
        key = f"choice/{heard.at:%Y%m%dT%H%M%S}"
        data_key = new_data_key()
        try:
            directory = await self._directories.newest(district)
        except Unknown:
            log.error("inbound.no_directory", district=district)
            return  # his choice counts all the same
        content = Requested(
            to=number,
            audience="citizen",
            channels=("whatsapp",),
            values={"call_centre": directory.call_centre.phone},
        )
        asked = MessageRequested(
            district=district,
            key=key,
            recipient=heard.contact,
            template=TEMPLATES[heard.wants],
            at=heard.at,
            sealed=seal(content, data_key, key),
            wrapped_key=self._keys.wrap(data_key, key),
        )
        await self._requests.plan([(await self._requests.read(asked), order)])


class Inbound:
    """Handles records of the topic of what came by WhatsApp. Idempotent."""

    def __init__(
        self,
        receiving: Receiving,
        contacts: ContactStore,
        names: Names,
        choices: Choices,
        answers: Answers,
    ) -> None:
        self._receiving = receiving
        self._contacts = contacts
        self._names = names
        self._choices = choices
        self._answers = answers

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """Raises Retry."""
        rejected: list[Rejected] = []
        receipts: list[Receipt] = []
        heard: list[tuple[Heard, str, str, int]] = []
        for record in records:
            if record.header("ce_type") != WhatsAppReceived.TYPE:
                continue
            try:
                received = WhatsAppReceived.model_validate_json(record.value or b"")
            except ValidationError as error:
                rejected.append((record, f"undecodable: {error.error_count()} faults"))
                continue
            if received.kind == "status":
                receipt = receipts_of(received.item, received.at)
                if receipt is not None:
                    receipts.append(receipt)
            elif received.kind == "message":
                number, text = inbound_of(received.item)
                if number is not None:
                    wants = self._choices.wants(text)
                    at = min(received.at, _written_at(received.item) or received.at)
                    one = Heard(self._names.phone(number), at, wants)
                    heard.append((one, number, received.district, record.offset))
        await self._contacts.hear([one for one, *_ in heard])
        for one, number, district, order in heard:
            await self._answers.confirm(one, number, district, order)
        await self._receiving.apply(receipts)
        return rejected


def _written_at(item: Mapping[str, Any]) -> datetime | None:
    """When it was written, by the provider: what it sends again later opens no window anew."""
    text = item.get("timestamp")
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 12:
        return datetime.fromtimestamp(int(text), UTC)
    return None
