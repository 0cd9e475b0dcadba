"""Where a person is reached who has another number or user id now: the new address, kept sealed under the
name of the old one. No address lies in the store in the clear."""

from __future__ import annotations

from datetime import datetime

from services.kernel.adapters.logging import get_logger
from services.kernel.contracts.envelope import (
    CannotOpen,
    MasterKeys,
    Private,
    new_data_key,
    seal,
    unseal,
)
from services.kernel.domain.naming import Names
from services.notify.core.contacts import Moved, is_number

log = get_logger()


class Address(Private):
    """A number (E.164) or a WhatsApp user id."""

    to: str


class Moves:
    """Seals addresses and opens them, and names them."""

    def __init__(self, names: Names, keys: MasterKeys) -> None:
        self._names = names
        self._keys = keys

    def name(self, address: str) -> str:
        """Of a number or a user id."""
        return self._names.phone(address) if is_number(address) else self._names.user(address)

    def seal(self, old: str, to: str, at: datetime) -> Moved:
        """That who is named `old` has the address `to` from `at` on."""
        data_key = new_data_key()
        sealed = seal(Address(to=to), data_key, old)
        return Moved(at, sealed, self._keys.wrap(data_key, old))

    def open(self, old: str, moved: Moved) -> str | None:
        """The new address; None where it was tampered with. Raises CannotOpen when its key was wrapped with a
        master key that this installation does not have: that can be mended."""
        data_key = self._keys.unwrap(moved.wrapped_key, old)
        try:
            return unseal(moved.sealed, Address, data_key, old).to
        except CannotOpen:
            log.error("moves.cannot_open")
            return None
