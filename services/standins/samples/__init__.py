"""Media made by code, so that a page or a test can send a photo or a voice note without a file."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from services.standins import ogg
from services.standins.samples import jpeg, mp4

Kind = Literal["image", "audio", "video", "document", "sticker"]
VOICE_MS = 1500
PICTURE_MS = 500
# a hand pump in a yard, 24 by 18: sky, sun, wall, earth, iron, handle, water's stone
_PHOTO = """
ssssssssssssssssssssssss
sssssssssssssssssssyyyss
sssssssssssssssssssyyyss
ssssssssssssssssssssssss
swwwwwwwwwwwwwwwwwwwwwws
swwwwwwwwwwwwwwwwwwwwwws
swwwhhhwwwwwwwwwwwwwwwws
swwwwwhhhhwiiiwwwwwwwwws
swwwwwwwwhhiiiwwwwwwwwws
swwwwwwwwwwiiiiiiwwwwwws
swwwwwwwwwwiiiiiiwwwwwws
eewwwwwwwwwiiiwwiwwwwwee
eeeeeeeeeeeiiieeeeeeeeee
eeeeeeeeeeeiiieeeeeeeeee
eeeeeeeeeeeiiieeeeeeeeee
eeeeeeegggggggggggggeeee
eeeeeegggggggggggggggeee
eeeeeeeeeeeeeeeeeeeeeeee
"""
_COLOURS: Mapping[str, jpeg.Colour] = {
    "s": (176, 212, 232),
    "y": (246, 196, 84),
    "w": (214, 170, 128),
    "e": (150, 112, 76),
    "i": (44, 84, 104),
    "h": (32, 60, 76),
    "g": (168, 164, 156),
}
_STICKER = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
"""The smallest lossless WebP there is: one pixel."""


@dataclass(frozen=True)
class Sample:
    name: str
    kind: Kind
    mime_type: str
    content: bytes
    filename: str = ""


@cache
def samples() -> Mapping[str, Sample]:
    """By name. Always the same bytes."""
    found = (
        Sample("photo", "image", "image/jpeg", _photo()),
        Sample("voice", "audio", "audio/ogg; codecs=opus", ogg.silence(VOICE_MS)),
        Sample("video", "video", "video/mp4", _video()),
        Sample("letter", "document", "application/pdf", _letter(), "avedan.pdf"),
        Sample("sticker", "sticker", "image/webp", b64decode(_STICKER)),
    )
    return {sample.name: sample for sample in found}


def _photo() -> bytes:
    rows = [[_COLOURS[letter] for letter in line] for line in _PHOTO.split()]
    return jpeg.draw(rows)


def _video() -> bytes:
    """Water that rises: two pictures."""

    def picture(water: int) -> list[list[mp4.Level]]:
        dry, wet = (190, 120, 140), (110, 170, 100)
        return [[wet if row >= 6 - water else dry] * 6 for row in range(6)]

    return mp4.film([picture(1), picture(3)], PICTURE_MS)


def _letter() -> bytes:
    """One page, one line."""
    text = b"BT /F1 18 Tf 72 760 Td (Application: hand pump out of order) Tj ET"
    objects: Sequence[bytes] = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(out))
    )
