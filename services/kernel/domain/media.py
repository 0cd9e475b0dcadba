"""What citizens send beside words: photos, voice notes, videos, documents. What is taken of it. Pure.

What a file is, its first bytes say; what the provider calls it tells only as what it was sent. So nothing is
ever shown under a type that somebody else has named.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

MediaKind = Literal["image", "audio", "video", "document"]
State = Literal["wanted", "kept", "refused", "gone"]
Refusal = Literal["empty", "too_large", "not_taken", "damaged", "gone"]
"""Why there is nothing to be shown. `damaged`: what came was for a whole day not what the provider said that
it would be; `gone`: the provider has it no more."""

MOST_MEDIA = 10
"""Files of one filing, or of one act."""
_MIB = 1024 * 1024
LARGEST: Mapping[MediaKind, int] = {
    "image": 5 * _MIB,
    "audio": 16 * _MIB,
    "video": 16 * _MIB,
    "document": 16 * _MIB,
}
"""Bytes."""
RECORDINGS: tuple[MediaKind, ...] = ("audio", "video")
"""What somebody can listen to and write down."""

EXPIRES = timedelta(days=7)
"""For so long the provider keeps what was sent, from when we heard of it."""
PATIENCE = timedelta(days=1)
"""For so long what comes damaged is fetched again."""
UNBOUND_FOR = timedelta(days=30)
"""For so long a file is kept that belongs to no case: its draft was forgotten."""
_LONGEST_WAIT_SECONDS = 3600.0
_MOST_DOUBLINGS = 12

EXTENSIONS: Mapping[str, str] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "audio/ogg": "ogg",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/3gpp": "3ga",
    "video/mp4": "mp4",
    "video/3gpp": "3gp",
    "application/pdf": "pdf",
}
"""Every type that is kept, with how its files' names end."""

_PROVIDER_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MP4_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4A ")
_SOUND_ALONE = (b"M4A ", b"M4B ")


@dataclass(frozen=True)
class Wanted:
    """A file that the provider has and we want. `id` is ours (`media_id`), `provider_id` the provider's, good
    for seven days from `at`, when we heard of it. `owner`: the conversation in which it came, by an opaque
    name. `mime` and `sha256` as the provider tells them, "" where it does not."""

    id: str
    district: str
    provider_id: str
    kind: MediaKind
    mime: str
    sha256: str
    owner: str
    voice: bool
    at: datetime


@dataclass(frozen=True)
class Medium:
    """What is known of a file. `mime` and `size` (bytes) of what is kept, `reason` of what is refused or
    gone. `ticket` None: of no case yet."""

    id: str
    kind: MediaKind
    state: State
    voice: bool
    at: datetime
    mime: str | None = None
    size: int | None = None
    reason: Refusal | None = None
    ticket: str | None = None


@dataclass(frozen=True)
class RefusedMedia:
    """A file that will not be shown, for whoever tells the citizen so. `ticket` None: of no case yet."""

    id: str
    district: str
    owner: str
    kind: MediaKind
    voice: bool
    reason: Refusal
    at: datetime
    ticket: str | None = None


@dataclass(frozen=True)
class Judged:
    """What a file's bytes are: of a type that is taken, or refused for a reason."""

    mime: str | None = None
    reason: Refusal | None = None


def is_provider_id(text: str) -> bool:
    """Whether `text` can be the provider's id of a file: it becomes part of an address, and may lead nowhere
    else."""
    return _PROVIDER_ID.fullmatch(text) is not None


def media_id(message: str) -> str:
    """Our id of the file that came with the provider's message of this id; it tells nothing of the sender."""
    return "m-" + sha256(message.encode()).hexdigest()[:24]


def is_media_id(text: str) -> bool:
    """Whether `text` could be an id of ours."""
    return len(text) == 26 and text.startswith("m-") and all(c in "0123456789abcdef" for c in text[2:])


def judge(kind: MediaKind, data: bytes, told: Iterable[str] = ()) -> Judged:
    """Whether `data`, the whole file, is taken as a `kind`. `told`: its SHA-256 as the provider says it, in
    hex or base64; what is neither is not compared."""
    if len(data) > LARGEST[kind]:
        return Judged(reason="too_large")
    if not _is_what_was_told(data, told):
        return Judged(reason="damaged")
    if not data:
        return Judged(reason="empty")
    mime = recognise(kind, data)
    return Judged(mime=mime) if mime is not None else Judged(reason="not_taken")


def recognise(kind: MediaKind, data: bytes) -> str | None:
    """The type of `data` by its first bytes; None where it is not one that is taken as a `kind`.

    A photo may also be sent as a document. Film and sound lie in the same container, so of an MP4 or 3GP
    file the kind says which it is; one that has sound alone is no film.
    """
    if kind == "image":
        return _image(data)
    if kind == "document":
        return _pdf(data) or _image(data)
    container = _container(data)
    if kind == "video":
        return f"video/{container}" if container and data[8:12] not in _SOUND_ALONE else None
    return f"audio/{container}" if container else _sound(data)


def seconds_to_wait(tries: int, share: float, told: float | None = None) -> float:
    """Until the next try, after so many: twice as long each time, up to an hour, of which at least half is
    waited and the rest by `share` (0 to 1), so that not all come at once. Never less than the provider has
    `told`, as long as that is within the hour."""
    full = min(_LONGEST_WAIT_SECONDS, 2.0 ** min(tries, _MOST_DOUBLINGS))
    return max(full / 2 * (1 + share), min(told or 0.0, _LONGEST_WAIT_SECONDS))


def _image(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _pdf(data: bytes) -> str | None:
    # some writers put a byte order mark or an empty line before it
    return "application/pdf" if data[:16].lstrip(b"\xef\xbb\xbf\r\n ").startswith(b"%PDF-") else None


def _container(data: bytes) -> str | None:
    """`mp4` or `3gpp` where the file begins with the box that says so."""
    if data[4:8] != b"ftyp":
        return None
    brand = data[8:12]
    if brand[:3] in (b"3gp", b"3gr", b"3gs", b"3ge", b"3gg"):
        return "3gpp"
    return "mp4" if brand in (*_MP4_BRANDS, *_SOUND_ALONE) else None


def _sound(data: bytes) -> str | None:
    if data[:4] == b"OggS" and b"OpusHead" in data[:64]:
        return "audio/ogg"
    if data.startswith(b"#!AMR\n"):
        return "audio/amr"
    if data.startswith(b"ID3"):
        return "audio/mpeg"
    if len(data) < 4 or data[0] != 0xFF:
        return None
    if data[1] & 0xF6 == 0xF0:
        return "audio/aac"  # ADTS: twelve bits of sync, and a layer of nought
    layer_three = data[1] & 0xE6 == 0xE2 and data[1] & 0x18 != 0x08
    return "audio/mpeg" if layer_three and data[2] >> 4 != 0xF and data[2] & 0x0C != 0x0C else None


def _is_what_was_told(data: bytes, told: Iterable[str]) -> bool:
    digest = sha256(data).digest()
    written = {digest.hex(), b64encode(digest).decode().rstrip("=")}
    return all(one in written for one in map(_normal, told) if one is not None)


def _normal(told: str) -> str | None:
    """A SHA-256 as one writes it: small hex digits, or base64 without its padding; None for anything else."""
    if len(told) == 64:
        return told.lower()
    unpadded = told.strip().rstrip("=")
    return unpadded.replace("-", "+").replace("_", "/") if len(unpadded) == 43 else None
