"""Voice notes: Opus packets in an Ogg file (RFC 3533, RFC 7845), as phones send them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

RATE = 48_000
PRE_SKIP = 312
SILENCE = bytes([0xF8, 0xFF, 0xFE])
"""A packet of 20 ms, one channel, full band."""
SERIAL = 1
MOST_IN_PAGE = 50
_FIRST, _LAST = 2, 4
_POLYNOMIAL = 0x04C11DB7
_FRAME_MS = (10, 20, 40, 60)
_SHORT_FRAME_MS = (2.5, 5, 10, 20)


def silence(ms: int) -> bytes:
    """A voice note of `ms`, in whole packets, in which nothing is said."""
    return opus_file([SILENCE] * max(1, ms // 20))


def opus_file(packets: Sequence[bytes], channels: int = 1, pre_skip: int = PRE_SKIP) -> bytes:
    """A file of what was encoded. `pre_skip`: samples at the start that are not to be heard."""
    head = struct.pack("<8sBBHIHB", b"OpusHead", 1, channels, pre_skip, RATE, 0, 0)
    vendor = b"samvad"
    tags = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", 0)
    pages = [_page([head], 0, 0, _FIRST), _page([tags], 0, 1, 0)]
    samples = 0
    parts = list(_parts(packets))
    for part in parts:
        samples += sum(_samples(packet) for packet in part)
        pages.append(_page(part, samples, len(pages), _LAST if part is parts[-1] else 0))
    return b"".join(pages)


def _parts(packets: Sequence[bytes]) -> Iterator[list[bytes]]:
    """What lies in a page each: few packets, and whole ones alone."""
    part: list[bytes] = []
    laces = 0
    for packet in packets:
        needed = len(packet) // 255 + 1
        if part and (len(part) == MOST_IN_PAGE or laces + needed > 255):
            yield part
            part, laces = [], 0
        part.append(packet)
        laces += needed
    yield part


def _samples(packet: bytes) -> int:
    """How long a packet sounds, by its first bytes (RFC 6716, section 3.1)."""
    config, count = packet[0] >> 3, packet[0] & 3
    if config < 12:
        ms: float = _FRAME_MS[config % 4]
    elif config < 16:
        ms = (10, 20)[config % 2]
    else:
        ms = _SHORT_FRAME_MS[config % 4]
    frames = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 1)[count]
    return int(frames * ms * RATE / 1000)


def _page(packets: Sequence[bytes], samples: int, number: int, flags: int) -> bytes:
    """`samples`: how many have been told when the page ends."""
    laces = b"".join(
        b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets
    )
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, samples, SERIAL, number, 0)
    page = head + bytes([len(laces)]) + laces + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _table() -> list[int]:
    found = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
        found.append(value & 0xFFFFFFFF)
    return found


_TABLE = _table()


def _checksum(page: bytes) -> int:
    """Ogg's CRC-32: the common polynomial, but neither reflected nor inverted."""
    value = 0
    for byte in page:
        value = ((value << 8) & 0xFFFFFFFF) ^ _TABLE[(value >> 24) ^ byte]
    return value
