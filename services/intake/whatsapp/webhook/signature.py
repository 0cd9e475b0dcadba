"""Who is asking: the provider signs the bytes of each body with the app's secret.

Pure. Comparisons take the same time whatever is wrong, and an empty secret is nobody's.
"""

from __future__ import annotations

import hashlib
import hmac

SCHEME = "sha256="


class Signatures:
    """`secrets`: comma-separated, several while the app's secret is changed; ValueError without any."""

    def __init__(self, secrets: str) -> None:
        self._secrets = [part.strip().encode() for part in secrets.split(",") if part.strip()]
        if not self._secrets:
            raise ValueError("there is no app secret")

    def hold(self, body: bytes, header: str) -> bool:
        """Whether `header` (X-Hub-Signature-256) signs `body`, as it came, with one of the secrets."""
        given = header.encode()
        fits = [hmac.compare_digest(given, _sign(secret, body)) for secret in self._secrets]
        return any(fits)


def _sign(secret: bytes, body: bytes) -> bytes:
    return f"{SCHEME}{hmac.new(secret, body, hashlib.sha256).hexdigest()}".encode()


def same(given: str, expected: str) -> bool:
    """Whether a token is the expected one; never, where none is expected."""
    return hmac.compare_digest(given.encode(), expected.encode()) and bool(expected)
