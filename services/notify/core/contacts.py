"""Naming a recipient without his address: an HMAC under the installation's secret.

A message is one per (event, recipient), so the name must not change when a record is handled again.
A citizen is named by his number, which his filing fixed; an officer by his id, since his number may
be changed in the directory between two deliveries of the same record.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from services.kernel.domain.errors import Invalid
from services.kernel.domain.phones import normalise

_E164 = re.compile(r"\+[1-9][0-9]{7,14}")


class Contacts:
    """Names recipients. 128 bits: no two of a state's people share a name."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def phone(self, number: str) -> str:
        return self._name(f"phone:{number}")

    def officer(self, district: str, officer: str) -> str:
        return self._name(f"officer:{district}/{officer}")

    def _name(self, of: str) -> str:
        return hmac.new(self._secret, of.encode(), hashlib.sha256).hexdigest()[:32]


def reachable(phone: str | None) -> str | None:
    """The number in E.164, or None where there is none that could be anybody's."""
    if not phone:
        return None
    if _E164.fullmatch(phone):
        return phone
    try:
        return normalise(phone)
    except Invalid:
        return None
