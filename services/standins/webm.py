"""What a browser records (Opus in WebM), as the voice note that a phone would send (Opus in Ogg): the same
packets in another wrapping. Reads no more of Matroska (RFC 9559) than browsers write."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from services.standins.ogg import PRE_SKIP, opus_file

TYPE = "audio/webm"
_SEGMENT, _CLUSTER, _GROUP = 0x18538067, 0x1F43B675, 0xA0
_TRACKS, _TRACK, _CODEC, _PRIVATE = 0x1654AE6B, 0xAE, 0x86, 0x63A2
_SIMPLE_BLOCK, _BLOCK = 0xA3, 0xA1
_HOLDERS = frozenset({_SEGMENT, _CLUSTER, _GROUP, _TRACKS, _TRACK})
_BLOCK_HEAD = 4
"""Track, time of two bytes, flags."""


class NoVoiceNote(ValueError):
    """It is not a recording of one Opus track."""


def voice_note(recording: bytes) -> bytes:
    """The recording as an Ogg file. Raises NoVoiceNote."""
    packets: list[bytes] = []
    codec, head = b"", b""
    try:
        for id_, content in _elements(recording):
            if id_ == _CODEC:
                codec = content
            elif id_ == _PRIVATE:
                head = content
            elif id_ in (_SIMPLE_BLOCK, _BLOCK):
                packets.append(content[_BLOCK_HEAD:])
    except (IndexError, struct.error) as error:
        raise NoVoiceNote("cut off") from error
    if codec != b"A_OPUS" or not packets or not all(packets):
        raise NoVoiceNote("no Opus in it")
    whole = head[:8] == b"OpusHead" and len(head) >= 12
    channels, pre_skip = struct.unpack("<BH", head[9:12]) if whole else (1, PRE_SKIP)
    return opus_file(packets, channels, pre_skip)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Every element in order; those that hold others are gone into, also those of unknown length."""
    at = 0
    while at < len(data):
        id_, at = _number(data, at, keep_marker=True)
        size, after = _number(data, at, keep_marker=False)
        unknown = size == (1 << 7 * (after - at)) - 1
        at = after
        if id_ in _HOLDERS:
            continue
        if unknown or at + size > len(data):
            raise IndexError
        yield id_, data[at : at + size]
        at += size


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    first = data[at]
    length = 9 - first.bit_length()
    if length > 8 or at + length > len(data):
        raise IndexError
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep_marker else value & ((1 << 7 * length) - 1), at + length
