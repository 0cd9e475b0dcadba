"""Little files as people send them, made here: real where a browser must read them, else their beginnings."""

from __future__ import annotations

import struct
import zlib

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x48\x00\x48\x00\x00" + bytes(64)
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\r\x00\x00\x00/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41" + bytes(64)
THREE_GP = b"\x00\x00\x00\x18ftyp3gp4\x00\x00\x02\x00isom3gp4" + bytes(64)
M4A = b"\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00isomM4A mp42" + bytes(64)
AAC = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(64)
AMR = b"#!AMR\n\x3c" + bytes(64)
MP3 = b"\xff\xfb\x90\x64" + bytes(64)
MP3_WITH_TITLE = b"ID3\x04\x00\x00\x00\x00\x00\x21TIT2" + bytes(64)
QUICKTIME = b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  " + bytes(64)
HTML = b"<!doctype html><script>alert(document.cookie)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
ZIP = b"PK\x03\x04" + bytes(64)
EXE = b"MZ\x90\x00" + bytes(64)


def png(width: int = 4, height: int = 3) -> bytes:
    """A picture of one colour."""
    rows = (b"\x00" + b"\x2a\x7f\xd4" * width) * height
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )


def voice_note(seconds: float = 2.0) -> bytes:
    """Silence as WhatsApp's voice notes are: Opus in Ogg, one channel, 20 ms a packet."""
    packets = [b"\xf8\xff\xfe"] * round(seconds * 50)
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    pages = [_page(0, 2, 0, [head]), _page(1, 0, 0, [tags])]
    for start in range(0, len(packets), 50):
        some = packets[start : start + 50]
        last = 4 if start + 50 >= len(packets) else 0
        pages.append(_page(len(pages), last, (start + len(some)) * 960, some))
    return b"".join(pages)


def _page(number: int, flags: int, granule: int, packets: list[bytes]) -> bytes:
    header = struct.pack(
        "<4sBBqIIIB", b"OggS", 0, flags, granule, 0x5A4D, number, 0, len(packets)
    )
    raw = header + bytes(map(len, packets)) + b"".join(packets)
    return raw[:22] + struct.pack("<I", _ogg_crc(raw)) + raw[26:]


def _ogg_crc(raw: bytes) -> int:
    crc = 0
    for byte in raw:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1
            crc &= 0xFFFFFFFF
    return crc
