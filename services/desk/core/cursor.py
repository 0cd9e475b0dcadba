"""Where the next page begins: a place in the order of the list, not a count, so nothing is shown twice.

The order is the nearest deadline first, cases without a deadline after all others, then the ticket. The
text that a client is given is signed: it is ours or it is refused.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from services.kernel.domain.errors import Invalid

_MAC_BYTES = 12
_LONGEST = 120
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = re.compile(r"(-?\d{1,15}|none)/(\d{10})", re.ASCII)


@dataclass(frozen=True)
class Position:
    """The last case of a page; `deadline` None: among those without one."""

    deadline: datetime | None
    ticket: str

    def write(self, secret: str) -> str:
        """The text for an address. It hides nothing; the signature only keeps others from making one."""
        body = f"{_milliseconds(self.deadline)}/{self.ticket}".encode()
        return urlsafe_b64encode(_mac(body, secret) + body).decode().rstrip("=")

    @staticmethod
    def read(text: str, secret: str) -> Position:
        """Raises Invalid for a text that `write` did not make with this secret."""
        body = _body(text, secret)
        found = _FORM.fullmatch(body.decode("ascii", "replace")) if body is not None else None
        if found is None:
            raise Invalid("is not a cursor that was given here", field="cursor")
        when, ticket = found.groups()
        if when == "none":
            return Position(None, ticket)
        return Position(_EPOCH + timedelta(milliseconds=int(when)), ticket)


def _milliseconds(instant: datetime | None) -> str:
    return "none" if instant is None else str((instant - _EPOCH) // timedelta(milliseconds=1))


def _body(text: str, secret: str) -> bytes | None:
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    return body if hmac.compare_digest(mac, _mac(body, secret)) else None


def _mac(body: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), b"cursor:" + body, sha256).digest()[:_MAC_BYTES]
