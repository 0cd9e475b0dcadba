"""What was filed, out of the receipts: one find a batch gives the filed event and the case's key.

The receipt is there before any event of its case is, whichever service is ahead or behind; the rooms of
the case document are not. It also outlives them: a case's messages need no personal data of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from services.kernel.adapters import mongo
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.vault import open_sealed
from services.kernel.contracts.envelope import CannotOpen, Filing, MasterKeys
from services.kernel.contracts.events import CaseFiled

log = get_logger()


@dataclass(frozen=True)
class Filed:
    """`filing` is None when the person was erased or the envelope was tampered with, and when the
    case is `locked`: its key was wrapped with a master key that this installation does not have. `key`: the
    case's own, for the envelopes of its later events."""

    event: CaseFiled
    filing: Filing | None
    locked: bool = False
    key: bytes | None = field(default=None, repr=False)


class Filings:
    """Reads the filing of cases; keeps nothing."""

    def __init__(self, receipts: mongo.Collection, keys: MasterKeys) -> None:
        self._receipts = receipts
        self._keys = keys

    async def read(self, tickets: Collection[str]) -> Mapping[str, Filed]:
        """The filing of each ticket that has a receipt. Raises Unavailable."""
        if not tickets:
            return {}
        async with mongo.store_errors():
            found = await self._receipts.find(
                {"_id": {"$in": list(tickets)}}, {"event.value": 1, "wrapped_key": 1}
            ).to_list(None)
        return {doc["_id"]: self._open(doc) for doc in found}

    def _open(self, doc: mongo.Document) -> Filed:
        ticket = doc["_id"]
        event = CaseFiled.model_validate_json(bytes(doc["event"]["value"]))
        wrapped = doc.get("wrapped_key")
        if wrapped is None:
            return Filed(event, None)
        try:
            key = self._keys.unwrap(wrapped, ticket)
        except CannotOpen:
            # a fault of the set-up: whoever asks waits for it to be mended
            log.error("filings.cannot_unwrap", ticket=ticket)
            return Filed(event, None, locked=True)
        try:
            filing = open_sealed(event.sealed, Filing, {ticket: key}, ticket)
            return Filed(event, filing, key=key)
        except CannotOpen:
            # tampered with: no later try can open it, and other cases must go on
            log.error("filings.cannot_open", ticket=ticket)
            return Filed(event, None)
