"""A file sealed piece by piece: a part opens without the rest, and no piece in another's place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.adapters.sealed_pieces import (
    PIECE_BYTES,
    SEALED_BYTES,
    Opener,
    count_of,
    seal_pieces,
)
from services.kernel.contracts.envelope import CannotOpen, new_data_key

SIZES = st.sampled_from([1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 7])


def _sealed(size: int) -> tuple[bytes, bytes, list[bytes]]:
    key = new_data_key()
    data = bytes(n % 251 for n in range(min(size, 999))) * (size // min(size, 999) + 1)
    data = data[:size]
    sealed = seal_pieces(data, key, "m-1")
    return key, data, [sealed[at : at + SEALED_BYTES] for at in range(0, len(sealed), SEALED_BYTES)]


@given(SIZES)
def test_what_was_sealed_opens_piece_by_piece(size: int) -> None:
    key, data, pieces = _sealed(size)
    assert len(pieces) == count_of(size)
    opener = Opener(key, "m-1", size)
    assert b"".join(opener.open(n, piece) for n, piece in enumerate(pieces)) == data
    assert not any(data[:64] in piece for piece in pieces if size > 64)


def test_a_piece_opens_nowhere_else() -> None:
    size = 2 * PIECE_BYTES + 5
    key, _, pieces = _sealed(size)
    for opener, n, piece in (
        (Opener(new_data_key(), "m-1", size), 0, pieces[0]),
        (Opener(key, "m-2", size), 0, pieces[0]),
        (Opener(key, "m-1", size), 1, pieces[0]),
        (Opener(key, "m-1", PIECE_BYTES), 0, pieces[0]),  # as if the rest had never been there
        (Opener(key, "m-1", size), 2, pieces[2][:-1]),
        (Opener(key, "m-1", size), 0, pieces[0][:-1] + bytes([pieces[0][-1] ^ 1])),
    ):
        with pytest.raises(CannotOpen):
            opener.open(n, piece)
