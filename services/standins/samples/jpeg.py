"""A JPEG of flat squares: each pixel that is given becomes eight by eight of one colour.

Baseline (ITU-T T.81) with nothing but the mean of each block, so it needs no cosine transform.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

BLOCK = 8
Colour = tuple[int, int, int]
_MEANS_BY_LENGTH = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)
"""How many codes of 1 to 16 bits: the standard's own table for means, of 0 to 11 bits."""
_END_OF_BLOCK = (1, 0)
"""The one code for what follows a mean: one bit, zero."""


def draw(rows: Sequence[Sequence[Colour]]) -> bytes:
    """The picture of `rows` of red, green, blue (0 to 255), all equally long."""
    height, width = len(rows) * BLOCK, len(rows[0]) * BLOCK
    # every step is one: the mean of a block is eight times its brightness, from -1024 to 1016
    steps = b"\x00" + bytes([1]) * 64
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    scan = b"".join(bytes([number, 0x00]) for number in (1, 2, 3))
    parts = (
        b"\xff\xd8",
        _segment(0xE0, b"JFIF\x00" + bytes([1, 1, 0, 0, 1, 0, 1, 0, 0])),
        _segment(0xDB, steps),
        _segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components),
        _segment(0xC4, b"\x00" + bytes(_MEANS_BY_LENGTH) + bytes(range(12))),
        _segment(0xC4, b"\x10" + bytes([1, *[0] * 15]) + b"\x00"),
        _segment(0xDA, b"\x03" + scan + bytes([0, 63, 0])),
        _scan(rows),
        b"\xff\xd9",
    )
    return b"".join(parts)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _scan(rows: Sequence[Sequence[Colour]]) -> bytes:
    codes = _codes()
    last = [0, 0, 0]
    bits: list[str] = []
    for row in rows:
        for colour in row:
            for component, level in enumerate(_levels(colour)):
                mean = BLOCK * level
                step, last[component] = mean - last[component], mean
                length = abs(step).bit_length()
                bits.append(_in_bits(*codes[length]))
                if length:  # negative ones are written as the complement
                    bits.append(_in_bits(length, step if step > 0 else step + (1 << length) - 1))
                bits.append(_in_bits(*_END_OF_BLOCK))
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    raw = int(stream, 2).to_bytes(len(stream) // 8, "big")
    return raw.replace(b"\xff", b"\xff\x00")


def _levels(colour: Colour) -> tuple[int, int, int]:
    """Brightness and the two differences of colour (JFIF), about zero."""
    red, green, blue = colour
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    return (
        round(y) - 128,
        max(-128, min(127, round((blue - y) * 0.564))),
        max(-128, min(127, round((red - y) * 0.713))),
    )


def _codes() -> dict[int, tuple[int, int]]:
    """(bits, code) by the length of a mean's step."""
    found: dict[int, tuple[int, int]] = {}
    code = 0
    for bits, count in enumerate(_MEANS_BY_LENGTH, start=1):
        for _ in range(count):
            found[len(found)] = (bits, code)
            code += 1
        code <<= 1
    return found


def _in_bits(length: int, value: int) -> str:
    return f"{value:0{length}b}"
