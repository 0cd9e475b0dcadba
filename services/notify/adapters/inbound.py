"""What came by WhatsApp, as notify reads it: statuses of our messages, and that somebody wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from services.kernel.adapters.follower import Rejected
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.codec import Record
from services.kernel.domain.naming import Names
from services.notify.adapters.contact_store import ContactStore, Heard
from services.notify.adapters.provider_receipts import inbound_of, receipts_of
from services.notify.adapters.receiving import Receiving
from services.notify.core.choices import Choices
from services.notify.core.receipts import Receipt

DATA = Path(__file__).resolve().parent.parent / "data" / "choices.yaml"


def load_choices(file: Path = DATA) -> Choices:
    words = yaml.safe_load(file.read_text(encoding="utf-8"))
    return Choices.of(words["stop"], words["start"])


class Inbound:
    """Handles records of the topic of what came by WhatsApp. Idempotent."""

    def __init__(
        self, receiving: Receiving, contacts: ContactStore, names: Names, choices: Choices
    ) -> None:
        self._receiving = receiving
        self._contacts = contacts
        self._names = names
        self._choices = choices

    async def handle(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """Raises Retry."""
        rejected: list[Rejected] = []
        receipts: list[Receipt] = []
        heard: list[Heard] = []
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
            elif received.kind == "message" and (one := self._heard(received)) is not None:
                heard.append(one)
        await self._contacts.hear(heard)
        await self._receiving.apply(receipts)
        return rejected

    def _heard(self, received: WhatsAppReceived) -> Heard | None:
        number, text = inbound_of(received.item)
        if number is None:
            return None
        return Heard(self._names.phone(number), received.at, self._choices.wants(text))
