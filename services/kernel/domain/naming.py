"""Naming a person without his address: an HMAC under the installation's contact secret.

Records are keyed and messages addressed by such a name, so every service makes it here, in one form:
what `intake-whatsapp` calls the sender of a status is what `notify` calls the recipient.
"""

from __future__ import annotations

import hashlib
import hmac

LETTERS = 32
"""Hex digits of a name. 128 bits: no two of a state's people share one."""


class Names:
    """Makes names; nobody without the secret can tell whose they are."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def phone(self, number: str) -> str:
        """Of a number in E.164, with its +."""
        return self.of(f"phone:{number}")

    def user(self, user_id: str) -> str:
        """Of a person who shows WhatsApp's businesses no number, only an id."""
        return self.of(f"user:{user_id}")

    def officer(self, district: str, officer: str) -> str:
        """Of an officer by his id: his number may change."""
        return self.of(f"officer:{district}/{officer}")

    def call_centre(self, district: str) -> str:
        return self.of(f"call_centre:{district}")

    def mail(self, address: str) -> str:
        return self.of(f"mail:{address.strip().lower()}")

    def of(self, what: str) -> str:
        """Of anything else; `what` begins with its sort and a colon."""
        return hmac.new(self._secret, what.encode(), hashlib.sha256).hexdigest()[:LETTERS]
