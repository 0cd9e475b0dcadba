"""Media: handed in, told of, handed out as the provider does, and misbehaving on request."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.adapters.http import instrument
from services.kernel.adapters.settings import Settings
from services.standins import media, ogg, webm
from services.standins.behaviour import Behaviours
from services.standins.media import Samples
from services.standins.media_store import KEPT, MOST_BYTES_OF_ONE, MediaStore
from services.standins.samples import samples

SETTINGS = Settings()
TOKEN = {"Authorization": f"Bearer {SETTINGS.whatsapp_token.get_secret_value()}"}
NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
PHOTO = samples()["photo"].content
JPEG = {"Content-Type": "image/jpeg"}


async def handed_in(http: httpx.AsyncClient, content: bytes = PHOTO, **headers: str) -> str:
    answer = await http.post("/api/media", content=content, headers=headers or JPEG)
    assert answer.status_code == 201, answer.text
    id_: str = answer.json()["id"]
    return id_


async def told(http: httpx.AsyncClient, id_: str) -> dict[str, Any]:
    answer = await http.get(f"/whatsapp/{id_}", headers=TOKEN)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_file_goes_the_providers_way(http: httpx.AsyncClient) -> None:
    id_ = await handed_in(http)
    found = await told(http, id_)
    address = found.pop("url")
    assert found == {
        "messaging_product": "whatsapp",
        "mime_type": "image/jpeg",
        "sha256": hashlib.sha256(PHOTO).hexdigest(),
        "file_size": len(PHOTO),
        "id": id_,
    }
    assert address.startswith(str(http.base_url))
    answer = await http.get(address, headers=TOKEN)
    assert (answer.status_code, answer.content) == (200, PHOTO)
    assert answer.headers["content-type"] == "image/jpeg"
    shown = await http.get(f"/api/media/{id_}")
    assert (shown.content, shown.headers["content-type"]) == (PHOTO, "image/jpeg")


async def test_who_may_not_and_what_is_not_there(http: httpx.AsyncClient) -> None:
    id_ = await handed_in(http)
    address = (await told(http, id_))["url"]
    for url in (f"/whatsapp/{id_}", address):
        for headers in ({}, {"Authorization": "Bearer somebody"}):
            refused = await http.get(url, headers=headers)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, 190)
    forged = str(httpx.URL(address).copy_set_param("mid", "1" * 16))
    later = str(httpx.URL(address).copy_set_param("ext", "99999999999"))
    for url in ("/whatsapp/1", "/whatsapp/..%2F..%2Fmessages.jsonl", forged, later, address[:-1]):
        missing = await http.get(url, headers=TOKEN)
        assert missing.status_code == 404, url
    error = (await http.get("/whatsapp/1", headers=TOKEN)).json()["error"]
    assert (error["code"], error["type"]) == (100, "OAuthException")
    assert "1" in error["message"]
    assert (await http.get("/api/media/1")).status_code == 404


@dataclass
class Held:
    """The routes of media alone, with a clock that stands."""

    http: httpx.AsyncClient
    store: MediaStore
    now: datetime = field(default=NOW)


@pytest.fixture
async def held(tmp_path: Path) -> AsyncIterator[Held]:
    app = FastAPI()
    instrument(app, {})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://standins") as http:
        held = Held(http, MediaStore(tmp_path / "media"))
        token = SETTINGS.whatsapp_token.get_secret_value()

        def clock() -> datetime:
            return held.now

        behaviours = Behaviours(lambda: 0.0)
        app.include_router(media.graph_router(held.store, behaviours, clock, token=token))
        app.include_router(media.page_router(held.store, Samples(held.store, clock), clock))
        yield held


async def test_an_address_is_good_for_five_minutes_and_a_file_for_seven_days(held: Held) -> None:
    id_ = await handed_in(held.http)
    address = (await told(held.http, id_))["url"]
    held.now = NOW + timedelta(minutes=5, seconds=-1)
    assert (await held.http.get(address, headers=TOKEN)).content == PHOTO
    held.now = NOW + timedelta(minutes=5)
    assert (await held.http.get(address, headers=TOKEN)).status_code == 404
    again = (await told(held.http, id_))["url"]
    assert (await held.http.get(again, headers=TOKEN)).content == PHOTO
    held.now = NOW + KEPT
    assert (await held.http.get(f"/whatsapp/{id_}", headers=TOKEN)).status_code == 404


async def test_samples_are_there_whenever_they_are_asked_for(held: Held) -> None:
    async def ids() -> dict[str, str]:
        found = (await held.http.get("/api/samples")).json()["samples"]
        return {one["name"]: one["id"] for one in found}

    first = await ids()
    assert first.keys() == samples().keys()
    assert await ids() == first
    assert len(held.store) == len(first)
    held.now = NOW + KEPT
    later = await ids()
    assert set(later.values()).isdisjoint(first.values())
    assert (await told(held.http, later["voice"]))["mime_type"] == "audio/ogg; codecs=opus"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "image/jpeg", 422),
        (b"x" * (MOST_BYTES_OF_ONE + 1), "image/jpeg", 413),
        (b"x", "nonsense", 415),
        (b"x", "image/jpeg; a=b c", 415),
        (b"\x1a\x45\xdf\xa3 no recording", "audio/webm;codecs=opus", 415),
    ],
)
async def test_what_is_no_file(
    content: bytes, kind: str, status: int, http: httpx.AsyncClient
) -> None:
    answer = await http.post("/api/media", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status


async def test_the_largest_file(http: httpx.AsyncClient) -> None:
    content = b"x" * MOST_BYTES_OF_ONE
    id_ = await handed_in(http, content, **{"Content-Type": "video/mp4"})
    assert (await told(http, id_))["file_size"] == MOST_BYTES_OF_ONE


async def test_a_page_is_never_shown_what_could_be_one(http: httpx.AsyncClient) -> None:
    for kind in ("text/html", "image/svg+xml", "application/pdf"):
        id_ = await handed_in(http, b"<script>alert(1)</script>", **{"Content-Type": kind})
        shown = await http.get(f"/api/media/{id_}")
        assert shown.headers["content-type"] == "application/octet-stream"
        assert shown.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in shown.headers["content-security-policy"]


async def test_media_misbehave_on_request(http: httpx.AsyncClient) -> None:
    id_ = await handed_in(http)

    async def behave(*behaviours: dict[str, Any]) -> None:
        body = [{"provider": "media", **one} for one in behaviours]
        assert (await http.post("/api/behaviour", json=body)).status_code == 200

    await behave({"told_size": 5, "told_mime": "video/mp4", "told_sha256": "00"})
    found = await told(http, id_)
    assert (found["file_size"], found["mime_type"], found["sha256"]) == (5, "video/mp4", "00")
    sent = await http.get(found["url"], headers=TOKEN)
    assert (sent.content, sent.headers["content-type"]) == (PHOTO, "video/mp4")
    await behave({"told_url": "http://169.254.169.254/"})
    assert (await told(http, id_))["url"] == "http://169.254.169.254/"
    await behave({"sent_bytes": 100})
    assert (await http.get(found["url"], headers=TOKEN)).content == PHOTO[:100]
    await behave({"sent_bytes": 200_000})
    sent = await http.get(found["url"], headers=TOKEN)
    assert sent.content == PHOTO.ljust(200_000, b"\0")
    await behave({"only": "bytes", "http_status": 503, "times": 1})
    assert (await told(http, id_))["file_size"] == len(PHOTO)
    assert (await http.get(found["url"], headers=TOKEN)).status_code == 503
    assert (await http.get(found["url"], headers=TOKEN)).status_code == 200
    await behave({"only": "url", "fail_code": 131053, "http_status": 500})
    failed = await http.get(f"/whatsapp/{id_}", headers=TOKEN)
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, 131053)
    assert (await http.get(found["url"], headers=TOKEN)).status_code == 200
    await behave({"throttle_per_second": 1})
    answers = [await http.get(f"/whatsapp/{id_}", headers=TOKEN) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    await behave({"hang": True})
    with pytest.raises(httpx.ReadTimeout):
        await http.get(f"/whatsapp/{id_}", headers=TOKEN, timeout=0.2)
    await http.delete("/api/behaviour")


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider": "whatsapp", "told_size": 5},
        {"provider": "media", "only": "user_id"},
        {"provider": "media", "receipts": "drop"},
        {"provider": "media", "sent_bytes": -1},
        {"provider": "media", "told_mime": "x\ny"},
    ],
)
async def test_a_behaviour_that_makes_no_sense(
    wrong: dict[str, Any], http: httpx.AsyncClient
) -> None:
    assert (await http.post("/api/behaviour", json=wrong)).status_code == 422


class TestStore:
    async def test_it_outlives_a_restart_but_not_what_was_cut_short(self, tmp_path: Path) -> None:
        store = MediaStore(tmp_path)
        whole, cut, unsaid = [await store.put(b"abc", "image/png", NOW) for _ in range(3)]
        store.path(cut).write_bytes(b"a")
        store.path(unsaid).with_suffix(".json").unlink()
        (tmp_path / "1234567890123456.json").write_text("{}")
        again = MediaStore(tmp_path)
        assert again.get(whole.id, NOW) == whole
        assert again.path(whole).read_bytes() == b"abc"
        assert (again.get(cut.id, NOW), again.get(unsaid.id, NOW)) == (None, None)

    async def test_the_oldest_go_first(self, tmp_path: Path) -> None:
        store = MediaStore(tmp_path, most_bytes=10, most=3)
        kept = [await store.put(b"1234", "image/png", NOW + timedelta(n)) for n in range(4)]
        assert [store.get(one.id, NOW) for one in kept] == [None, None, *kept[2:]]
        assert len(os.listdir(tmp_path)) == 4
        few = [await store.put(b"", "image/png", NOW) for _ in range(4)]
        assert [store.get(one.id, NOW) for one in few] == [None, *few[1:]]
        # a single one that is larger than all that is kept is kept
        large = await store.put(b"x" * 50, "image/png", NOW)
        assert [store.get(one.id, NOW) for one in (*few, large)] == [None] * 4 + [large]


# ------------------------------------------------------------------- voice notes


def pages(file: bytes) -> list[tuple[int, int, list[bytes]]]:
    """Ogg, read on its own: of each page its flags, its position and its packets. Checks the checksum."""
    found = []
    while file:
        magic, version, flags, position, serial, number, crc, count = struct.unpack(
            "<4sBBqIIIB", file[:27]
        )
        assert (magic, version, serial, number) == (b"OggS", 0, ogg.SERIAL, len(found))
        laces, body = file[27 : 27 + count], file[27 + count :]
        length = sum(laces)
        page = file[: 27 + count + length]
        bare = page[:22] + bytes(4) + page[26:]
        remainder = 0
        for bit in (byte >> n & 1 for byte in bare for n in range(7, -1, -1)):
            top = remainder >> 31 ^ bit
            remainder = (remainder << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if top else 0)
        assert crc == remainder
        packets, packet = [], b""
        for lace in laces:
            packet, body = packet + body[:lace], body[lace:]
            if lace < 255:
                packets.append(packet)
                packet = b""
        assert packet == b""
        found.append((flags, position, packets))
        file = file[len(page) :]
    return found


def test_the_sample_voice_note_lasts_as_long_as_it_says() -> None:
    head, tags, *sound = pages(samples()["voice"].content)
    assert head[0] == 2
    assert head[2][0].startswith(b"OpusHead")
    assert tags[2][0].startswith(b"OpusTags")
    assert sum(len(packets) for _, _, packets in sound) == 75
    assert sound[-1][:2] == (4, 75 * 960)


OPUS = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 312, 48_000, 0, 0)


def element(id_: int, content: bytes, *, unknown: bool = False) -> bytes:
    name = id_.to_bytes((id_.bit_length() + 7) // 8, "big")
    if unknown:
        return name + b"\x01" + b"\xff" * 7 + content
    return name + (1 << 56 | len(content)).to_bytes(8, "big") + content


def recording(packets: list[bytes], codec: bytes = b"A_OPUS") -> bytes:
    """As browsers write it: of segment and clusters the length is not known."""
    track = element(0xAE, element(0xD7, b"\x01") + element(0x86, codec) + element(0x63A2, OPUS))
    blocks = [element(0xA3, b"\x81\x00\x00\x80" + packet) for packet in packets[::2]]
    groups = [element(0xA0, element(0xA1, b"\x81\x00\x00\x00" + p)) for p in packets[1::2]]
    mixed = [one for pair in zip(blocks, [*groups, b""], strict=False) for one in pair]
    cluster = element(0x1F43B675, element(0xE7, b"\x00") + b"".join(mixed), unknown=True)
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    return head + element(0x18538067, element(0x1654AE6B, track) + cluster, unknown=True)


@given(st.lists(st.binary(min_size=2, max_size=700).map(lambda p: b"\x78" + p), min_size=1))
def test_what_a_browser_records_becomes_a_voice_note(packets: list[bytes]) -> None:
    head, _, *sound = pages(webm.voice_note(recording(packets)))
    assert head[2] == [OPUS]
    assert [packet for _, _, inside in sound for packet in inside] == packets
    assert sound[-1][:2] == (4, 960 * len(packets))


@given(st.binary(max_size=200), st.integers(0, 300))
def test_no_recording_breaks_it(junk: bytes, cut: int) -> None:
    for data in (junk, recording([ogg.SILENCE] * 3)[:cut]):
        with suppress(webm.NoVoiceNote):
            assert webm.voice_note(data).startswith(b"OggS")


@pytest.mark.parametrize("packets", [[], [b""], [b"\x78", b""]])
def test_a_recording_of_nothing(packets: list[bytes]) -> None:
    with pytest.raises(webm.NoVoiceNote):
        webm.voice_note(recording(packets))


def test_a_recording_of_another_codec() -> None:
    with pytest.raises(webm.NoVoiceNote):
        webm.voice_note(recording([b"\x78"], b"A_VORBIS"))


async def test_a_recording_is_kept_as_a_phone_would_send_it(http: httpx.AsyncClient) -> None:
    sent = recording([ogg.SILENCE] * 50)
    id_ = await handed_in(http, sent, **{"Content-Type": "audio/webm;codecs=opus"})
    found = await told(http, id_)
    assert found["mime_type"] == "audio/ogg; codecs=opus"
    content = (await http.get(found["url"], headers=TOKEN)).content
    assert content == ogg.silence(1000)


# ------------------------------------------------------------------- samples


def test_samples_are_of_their_kind() -> None:
    begins = {
        "photo": b"\xff\xd8\xff\xe0",
        "voice": b"OggS",
        "video": b"\x00\x00\x00\x20ftyp",
        "letter": b"%PDF-1.4",
        "sticker": b"RIFF",
    }
    assert samples().keys() == begins.keys()
    for name, magic in begins.items():
        assert samples()[name].content.startswith(magic), name
        assert len(samples()[name].content) < 64 * 1024
    assert samples()["photo"].content.endswith(b"\xff\xd9")
    letter = samples()["letter"].content
    place = int(letter.split(b"startxref\n")[1].split()[0])
    assert letter[place:].startswith(b"xref")
