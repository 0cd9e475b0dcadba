"""What is taken of what citizens send, told by its bytes alone."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.domain import media
from services.kernel.domain.media import LARGEST, Judged, MediaKind, judge, media_id, recognise
from tests import media_samples as samples

KINDS: tuple[MediaKind, ...] = ("image", "audio", "video", "document")
TAKEN: list[tuple[str, bytes, dict[MediaKind, str]]] = [
    ("jpeg", samples.JPEG, {"image": "image/jpeg", "document": "image/jpeg"}),
    ("png", samples.png(), {"image": "image/png", "document": "image/png"}),
    ("webp", samples.WEBP, {"image": "image/webp", "document": "image/webp"}),
    ("voice note", samples.voice_note(0.1), {"audio": "audio/ogg"}),
    ("aac", samples.AAC, {"audio": "audio/aac"}),
    ("amr", samples.AMR, {"audio": "audio/amr"}),
    ("mp3", samples.MP3, {"audio": "audio/mpeg"}),
    ("mp3 with a title", samples.MP3_WITH_TITLE, {"audio": "audio/mpeg"}),
    ("m4a", samples.M4A, {"audio": "audio/mp4"}),
    ("mp4", samples.MP4, {"audio": "audio/mp4", "video": "video/mp4"}),
    ("3gp", samples.THREE_GP, {"audio": "audio/3gpp", "video": "video/3gpp"}),
    ("pdf", samples.PDF, {"document": "application/pdf"}),
    ("pdf behind a mark", b"\xef\xbb\xbf\n" + samples.PDF, {"document": "application/pdf"}),
    ("web page", samples.HTML, {}),
    ("drawing with a script", samples.SVG, {}),
    ("gif", samples.GIF, {}),
    ("quicktime", samples.QUICKTIME, {}),
    ("archive", samples.ZIP, {}),
    ("program", samples.EXE, {}),
    ("text", "केवल शब्द".encode(), {}),
    ("vorbis in ogg", b"OggS\x00\x02" + bytes(22) + b"\x01vorbis" + bytes(20), {}),
    ("a wave in riff", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(20), {}),
    ("layer two", b"\xff\xfd\x90\x64" + bytes(20), {}),
    ("a web page that says it is pdf later", b"<html>" + bytes(20) + b"%PDF-", {}),
    ("a web page in mp4's place", b"<htmftypx<script>", {}),
    ("two bytes", b"\xff\xfb", {}),
]


@pytest.mark.parametrize(("name", "data", "types"), TAKEN, ids=[row[0] for row in TAKEN])
@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_say_what_it_is(
    name: str, data: bytes, types: dict[MediaKind, str], kind: MediaKind
) -> None:
    assert recognise(kind, data) == types.get(kind)
    expected = types.get(kind)
    assert judge(kind, data) == Judged(expected, None if expected else "not_taken")


def test_every_type_that_can_come_out_has_an_ending() -> None:
    out = {mime for _, _, types in TAKEN for mime in types.values()}
    assert out == set(media.EXTENSIONS)


@given(st.binary(max_size=80), st.sampled_from(KINDS))
def test_nothing_comes_out_that_a_browser_would_run(data: bytes, kind: MediaKind) -> None:
    assert recognise(kind, data) in {None, *media.EXTENSIONS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_byte_too_many(kind: MediaKind) -> None:
    begins = {
        "image": samples.JPEG, "audio": samples.AMR, "video": samples.MP4, "document": samples.PDF
    }[kind]  # fmt: skip
    most = LARGEST[kind]
    whole = begins + bytes(most - len(begins))
    assert judge(kind, whole).mime is not None
    assert judge(kind, whole + b"\x00") == Judged(reason="too_large")


def test_nothing_at_all() -> None:
    assert judge("image", b"") == Judged(reason="empty")
    # the provider says that there was something
    assert judge("image", b"", [sha256(b"x").hexdigest()]) == Judged(reason="damaged")


PNG = samples.png()
DIGEST = sha256(PNG).digest()


@pytest.mark.parametrize(
    "told",
    [
        (),
        ("",),
        (DIGEST.hex(),),
        (DIGEST.hex().upper(),),
        (b64encode(DIGEST).decode(),),
        (b64encode(DIGEST).decode().rstrip("="),),
        (urlsafe_b64encode(DIGEST).decode(),),
        (DIGEST.hex(), b64encode(DIGEST).decode()),
        ("<HASH>",),
    ],
)
def test_what_came_is_what_was_told(told: tuple[str, ...]) -> None:
    assert judge("image", PNG, told) == Judged("image/png")


@pytest.mark.parametrize(
    "told",
    [
        (sha256(b"other").hexdigest(),),
        (b64encode(sha256(b"other").digest()).decode(),),
        (DIGEST.hex(), b64encode(sha256(b"other").digest()).decode()),
    ],
)
def test_what_came_is_something_else(told: tuple[str, ...]) -> None:
    assert judge("image", PNG, told) == Judged(reason="damaged")


def test_the_same_message_has_the_same_file() -> None:
    one = media_id("wamid.HBgMOTE5ODc2NTQzMjEwFQIAEhggRkY=")
    assert one == media_id("wamid.HBgMOTE5ODc2NTQzMjEwFQIAEhggRkY=") == "m-fc65deed26a75683912fcdd3"
    assert media.is_media_id(one)
    assert one != media_id("wamid.HBgMOTE5ODc2NTQzMjEwFQIAEhggRkZ=")


@pytest.mark.parametrize(
    "text", ["", "m-", "m-" + "g" * 24, "m-" + "a" * 25, "../" + "a" * 23, "m-" + "A" * 24]
)
def test_what_is_no_id_of_ours(text: str) -> None:
    assert not media.is_media_id(text)


def test_waits_grow_to_an_hour_and_heed_the_provider() -> None:
    shortest = [media.seconds_to_wait(tries, 0.0) for tries in range(1, 40)]
    assert shortest[:4] == [1, 2, 4, 8]
    assert shortest == sorted(shortest)
    assert shortest[-1] == 1800
    assert media.seconds_to_wait(40, 1.0) == 3600
    assert media.seconds_to_wait(1, 0.0, told=120.0) == 120
    assert media.seconds_to_wait(1, 0.0, told=1e9) == 3600
    # a week of tries is few enough for a provider that is away
    assert sum(1 for _ in _instants(7 * 24 * 3600)) < 400


def _instants(until: float) -> list[float]:
    at, tries, found = 0.0, 0, []
    while at < until:
        tries += 1
        at += media.seconds_to_wait(tries, 0.5)
        found.append(at)
    return found
