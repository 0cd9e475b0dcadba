"""Opening and sealing envelopes: the case's data key comes from its receipt, where it lies wrapped.

A missing key means that the person was erased: the case is handled without personal data, not retried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from services.kernel.adapters import mongo
from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.envelope import CannotOpen, MasterKeys, seal, unseal
from services.kernel.contracts.events import Model, Sealed

log = get_logger()
M = TypeVar("M", bound=Model)


class Seals(Protocol):
    """What seals a text for a case; `Vault` is the real one."""

    async def seal(self, content: Model, ticket: str) -> Sealed | None: ...

    async def data_keys(self, tickets: Iterable[str]) -> Mapping[str, bytes]: ...


class Vault:
    """Reads wrapped keys from `receipts`; holds none longer than the call."""

    def __init__(self, receipts: mongo.Collection, keys: MasterKeys) -> None:
        self._receipts = receipts
        self._keys = keys

    async def data_keys(self, tickets: Iterable[str]) -> Mapping[str, bytes]:
        """The data key of each ticket that still has one. Raises Unavailable."""
        async with mongo.store_errors():
            found = await self._receipts.find(
                {"_id": {"$in": list(tickets)}, "wrapped_key": {"$ne": None}}, {"wrapped_key": 1}
            ).to_list(None)
        keys: dict[str, bytes] = {}
        for doc in found:
            try:
                keys[doc["_id"]] = self._keys.unwrap(doc["wrapped_key"], doc["_id"])
            except CannotOpen:
                log.error("vault.cannot_unwrap", ticket=doc["_id"])
                raise
        return keys

    async def seal(self, content: Model, ticket: str) -> Sealed | None:
        """`content` sealed for the case; None when its key was erased. Raises Unavailable."""
        keys = await self.data_keys([ticket])
        return seal(content, keys[ticket], ticket) if ticket in keys else None


def open_sealed(
    sealed: Sealed | None, as_: type[M], keys: Mapping[str, bytes], ticket: str
) -> M | None:
    """The envelope's content, or None where there is none or the key was erased. Raises CannotOpen."""
    key = keys.get(ticket)
    if sealed is None or key is None:
        return None
    return unseal(sealed, as_, key, ticket)
