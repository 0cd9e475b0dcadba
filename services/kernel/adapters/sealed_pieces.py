"""A file sealed piece by piece, so that a part of it can be opened without reading the rest.

AES-256-GCM under a key that seals this one file and nothing else: so the number of a piece may be its nonce.
The file's id, the piece's number and how many there are, are authenticated with it: no piece can be moved,
left out or cut off unnoticed.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.kernel.contracts.envelope import NONCE_BYTES, CannotOpen

PIECE_BYTES = 255 * 1024
"""Of a file; the last one is shorter."""
SEALED_BYTES = PIECE_BYTES + 16
"""Of a piece with its tag."""


def count_of(size: int) -> int:
    """How many pieces a file of `size` bytes has."""
    return -(-size // PIECE_BYTES)


def seal_pieces(data: bytes, key: bytes, name: str) -> bytes:
    """All pieces one behind the other, each SEALED_BYTES long but the last. `key` must be new."""
    cipher = AESGCM(key)
    count = count_of(len(data))
    view = memoryview(data)
    return b"".join(
        cipher.encrypt(
            _nonce(n), view[n * PIECE_BYTES : (n + 1) * PIECE_BYTES], _about(name, n, count)
        )
        for n in range(count)
    )


class Opener:
    """Opens the pieces of one file of `size` bytes."""

    def __init__(self, key: bytes, name: str, size: int) -> None:
        self._cipher = AESGCM(key)
        self._name = name
        self._count = count_of(size)

    def open(self, n: int, sealed: bytes) -> bytes:
        """The n-th piece, from 0. Raises CannotOpen."""
        try:
            return self._cipher.decrypt(_nonce(n), sealed, _about(self._name, n, self._count))
        except InvalidTag:
            raise CannotOpen(f"piece {n} of file {self._name}") from None


def _nonce(n: int) -> bytes:
    return n.to_bytes(NONCE_BYTES, "big")


def _about(name: str, n: int, count: int) -> bytes:
    return f"{name}/{n}/{count}".encode()
