"""A video of a few still pictures: H.264 with uncompressed blocks (I_PCM) in an MP4 file.

ITU-T H.264 (baseline profile) and ISO/IEC 14496-12, 14496-15; as little of them as players need.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

BLOCK = 16
TIMESCALE = 1000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_I_PCM, _SLICE_OF_I = 25, 7
Level = tuple[int, int, int]
"""Brightness (16 to 235) and the two differences of colour (16 to 240)."""


def film(pictures: Sequence[Sequence[Sequence[Level]]], ms_each: int) -> bytes:
    """`pictures`: of rows of blocks of 16 by 16, all of one size; each stands for `ms_each`."""
    columns, rows = len(pictures[0][0]), len(pictures[0])
    sps, pps = _sequence(columns, rows), _picture()
    samples = [_nal(0x65, _slice(picture, n % 2)) for n, picture in enumerate(pictures)]
    samples = [struct.pack(">I", len(sample)) + sample for sample in samples]
    kind = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    data = _box(b"mdat", *samples)
    size = (columns * BLOCK, rows * BLOCK)
    duration = ms_each * len(samples)
    tables = _tables(samples, ms_each, len(kind) + 8, size, sps, pps)
    return kind + data + _movie(tables, duration, size)


# ------------------------------------------------------------------- H.264


class _Bits:
    def __init__(self) -> None:
        self._text: list[str] = []
        self._length = 0

    def put(self, length: int, value: int) -> None:
        self._text.append(f"{value:0{length}b}")
        self._length += length

    def golomb(self, *values: int) -> None:
        """Unsigned Exp-Golomb codes."""
        for value in values:
            self.put(2 * (value + 1).bit_length() - 1, value + 1)

    def align(self, fill: int = 0) -> None:
        if self._length % 8:
            self.put(-self._length % 8, fill)

    def stop(self) -> bytes:
        self.put(1, 1)
        self.align()
        return int("1" + "".join(self._text), 2).to_bytes(self._length // 8 + 1, "big")[1:]


def _sequence(columns: int, rows: int) -> bytes:
    bits = _Bits()
    for byte in (66, 0xC0, 30):  # constrained baseline, level 3
        bits.put(8, byte)
    bits.golomb(0, 0, 2, 0)  # id, frame numbers of 4 bits, shown in the order sent, no references
    bits.put(1, 0)
    bits.golomb(columns - 1, rows - 1)
    for flag in (1, 1, 0, 0):  # whole frames, 8x8 inference, no cropping, nothing about display
        bits.put(1, flag)
    return _nal(0x67, bits.stop())


def _picture() -> bytes:
    bits = _Bits()
    bits.golomb(0, 0)
    bits.put(2, 0)  # variable-length codes
    bits.golomb(0, 0, 0)
    bits.put(3, 0)
    bits.golomb(0, 0, 0)
    bits.put(3, 0b100)  # a slice says how its edges are smoothed: not at all
    return _nal(0x68, bits.stop())


def _slice(picture: Sequence[Sequence[Level]], idr: int) -> bytes:
    bits = _Bits()
    bits.golomb(0, _SLICE_OF_I, 0)
    bits.put(4, 0)
    bits.golomb(idr)
    bits.put(2, 0)
    bits.golomb(0, 1)  # as fine as the picture's set, no smoothing
    for row in picture:
        for brightness, blue, red in row:
            bits.golomb(_I_PCM)
            bits.align()
            for level, count in ((brightness, 256), (blue, 64), (red, 64)):
                for _ in range(count):
                    bits.put(8, level)
    return bits.stop()


def _nal(kind: int, content: bytes) -> bytes:
    """Three bytes that would look like a start are broken up."""
    out = bytearray([kind])
    zeros = 0
    for byte in content:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return bytes(out)


# ------------------------------------------------------------------- MP4


def _box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + name + content


def _full(name: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", flags), *parts)


def _tables(
    samples: Sequence[bytes], ms_each: int, offset: int, size: tuple[int, int], sps: bytes, pps: bytes
) -> bytes:
    config = bytes([1, sps[1], sps[2], sps[3], 0xFF, 0xE1]) + struct.pack(">H", len(sps)) + sps
    config += bytes([1]) + struct.pack(">H", len(pps)) + pps
    entry = _box(
        b"avc1",
        struct.pack(">6xH16xHHII4xH32xHh", 1, *size, 0x480000, 0x480000, 1, 24, -1),
        _box(b"avcC", config),
    )
    lengths = struct.pack(f">{len(samples)}I", *(len(sample) for sample in samples))
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), entry),
        _full(b"stts", struct.pack(">III", 1, len(samples), ms_each)),
        _full(b"stsc", struct.pack(">IIII", 1, 1, len(samples), 1)),
        _full(b"stsz", struct.pack(">II", 0, len(samples)), lengths),
        _full(b"stco", struct.pack(">II", 1, offset)),
    )


def _movie(tables: bytes, duration: int, size: tuple[int, int]) -> bytes:
    head = struct.pack(">IIIIIH10x", 0, 0, TIMESCALE, duration, 0x10000, 0x100)
    width, height = (side << 16 for side in size)
    track = struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, duration, 0, 0, 0, 0)
    links = _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1))
    return _box(
        b"moov",
        _full(b"mvhd", head, _MATRIX, bytes(24), struct.pack(">I", 2)),
        _box(
            b"trak",
            _full(b"tkhd", track, _MATRIX, struct.pack(">II", width, height), flags=3),
            _box(
                b"mdia",
                _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, TIMESCALE, duration, 0x55C4, 0)),
                _full(b"hdlr", struct.pack(">I4s12x", 0, b"vide"), b"video\x00"),
                _box(
                    b"minf",
                    _full(b"vmhd", bytes(8), flags=1),
                    _box(b"dinf", links),
                    tables,
                ),
            ),
        ),
    )
