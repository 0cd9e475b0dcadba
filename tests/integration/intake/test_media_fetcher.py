"""Files are fetched into the real store: kept as what they are, or refused and their citizen told once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from services.intake.whatsapp.conversation.adapters.graph_media import graph_media
from services.intake.whatsapp.conversation.adapters.media_fetcher import MediaFetcher
from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.media import LEASE, MediaStore
from services.kernel.adapters.settings import Settings
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.media import LARGEST, MediaKind, RefusedMedia
from tests import media_samples as samples
from tests.integration.intake.graph_server import (
    TOKEN,
    GraphServer,
    Served,
    base64_of,
    leads_to,
    streams,
)
from tests.integration.intake.media_line import PHOTO, MediaLine, count

LARGE = samples.MP4 + bytes(3 * 1024 * 1024)
TICKET = "2600104237"


# ---------------------------------------------------------------- what is well


@pytest.mark.parametrize(
    ("kind", "data", "mime"),
    [
        ("image", PHOTO, "image/png"),
        ("audio", samples.voice_note(), "audio/ogg"),
        ("video", LARGE, "video/mp4"),
        ("document", samples.PDF, "application/pdf"),
        ("document", PHOTO, "image/png"),
    ],
)
async def test_a_file_is_fetched_and_kept_as_what_it_is(
    media_line: MediaLine, kind: MediaKind, data: bytes, mime: str
) -> None:
    media_line.graph.put("1001", data, told={"mime_type": "text/html", "file_size": str(len(data))})
    kept = count("kept")
    id_ = await media_line.want("1001", kind, sha256=base64_of(data), mime="text/html")
    assert await media_line.until_done(days=1) == 1
    found = await media_line.of(id_)
    assert (found.state, found.mime, found.size) == ("kept", mime, len(data))
    assert await media_line.data(id_) == data
    assert await media_line.until_done() == 0
    assert media_line.told == []
    assert count("kept") == kept + 1
    assert {header for _, header in media_line.graph.headers} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("kind", ["image", "audio", "video", "document"])
async def test_the_largest_that_is_taken(media_line: MediaLine, kind: MediaKind) -> None:
    begins = {
        "image": PHOTO, "audio": samples.AMR, "video": samples.MP4, "document": samples.PDF
    }[kind]  # fmt: skip
    data = begins + bytes(LARGEST[kind] - len(begins))
    media_line.graph.put("1001", data)
    id_ = await media_line.want("1001", kind)
    await media_line.until_done()
    assert (await media_line.of(id_)).size == LARGEST[kind]
    assert await media_line.data(id_) == data


async def test_an_address_may_lead_on_within_what_is_allowed(media_line: MediaLine) -> None:
    media_line.graph.put("1001", PHOTO)
    media_line.graph.put("1002", PHOTO, download=leads_to("/files/?mid=1001"))
    id_ = await media_line.want("1002")
    await media_line.until_done()
    assert await media_line.data(id_) == PHOTO


# ---------------------------------------------------------------- what is not taken


@pytest.mark.parametrize(
    ("kind", "served", "reason"),
    [
        ("image", Served(samples.HTML), "not_taken"),
        ("image", Served(samples.SVG), "not_taken"),
        ("image", Served(samples.PDF), "not_taken"),
        ("audio", Served(samples.EXE), "not_taken"),
        ("document", Served(samples.ZIP), "not_taken"),
        ("image", Served(b""), "empty"),
        ("image", Served(PHOTO, told={"file_size": LARGEST["image"] + 1}), "too_large"),
        ("image", Served(PHOTO + bytes(LARGEST["image"]), told={"file_size": 5}), "too_large"),
        ("image", Served(PHOTO, download=streams(PHOTO + bytes(LARGEST["image"]))), "too_large"),
        ("image", Served(PHOTO, download=streams(PHOTO, length=10**12, hang=True)), "too_large"),
    ],
)
async def test_what_is_not_taken_is_told_once(
    media_line: MediaLine, kind: MediaKind, served: Served, reason: str
) -> None:
    media_line.graph.files["1001"] = served
    id_ = await media_line.want("1001", kind, voice=kind == "audio")
    await media_line.store.bind([id_], TICKET)
    await media_line.until_done(days=1)
    assert await media_line.until_done() == 0
    found = await media_line.of(id_)
    assert (found.state, found.reason, found.mime) == ("refused", reason, None)
    assert media_line.told == [
        RefusedMedia(
            id=id_,
            district="janjgir-champa",
            owner="c0ffee",
            kind=kind,
            voice=kind == "audio",
            reason=reason,  # type: ignore[arg-type]
            at=found.at,
            ticket=TICKET,
        )
    ]
    assert await media_line.files() == 0


async def test_an_endless_file_is_not_read_to_its_end(media_line: MediaLine) -> None:
    read = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal read
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(bytes(1024 * 1024))
                read += 1
        return response

    media_line.graph.put("1001", PHOTO, download=endless)
    id_ = await media_line.want("1001")
    await media_line.until_done()
    assert (await media_line.of(id_)).reason == "too_large"
    assert read < 20


async def test_a_packed_file_is_not_unpacked(media_line: MediaLine) -> None:
    """A small body that says of itself that it is a large one, packed."""

    async def packed(_: web.Request) -> web.StreamResponse:
        return web.Response(body=PHOTO, headers={"Content-Encoding": "gzip"})

    media_line.graph.put("1001", PHOTO, download=packed)
    id_ = await media_line.want("1001")
    await media_line.until_done()
    assert await media_line.data(id_) == PHOTO


async def test_telling_that_fails_is_tried_again_and_done_once(media_line: MediaLine) -> None:
    media_line.graph.put("1001", samples.HTML)
    media_line.telling_fails = 3
    id_ = await media_line.want("1001")
    await media_line.insist(days=0.2)
    assert [one.id for one in media_line.told] == [id_]
    assert media_line.graph.downloads["1001"] == 1
    assert (await media_line.of(id_)).state == "refused"


async def test_what_was_told_before_a_crash_is_told_under_the_same_id(
    media_line: MediaLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_line.graph.put("1001", samples.HTML)
    id_ = await media_line.want("1001")

    async def crash(*_: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(media_line.store, "told", crash)
    with pytest.raises(asyncio.CancelledError):
        await media_line.fetcher.turn()
    monkeypatch.undo()
    assert await media_line.until_done(seconds=LEASE.total_seconds()) == 0
    assert await media_line.until_done(days=1) == 1
    assert [one.id for one in media_line.told] == [id_, id_]
    assert await media_line.until_done() == 0


# ---------------------------------------------------------------- several at once


async def test_two_fetchers_take_each_file_once(media_line: MediaLine, database: mongo.Database) -> None:
    async with graph_media(url=media_line.graph.url, token=TOKEN) as source:
        second = MediaFetcher(
            MediaStore(database, Settings().keys, media_line.clock), source, media_line.tell, media_line.clock
        )
        ids = []
        for n in range(40):
            media_line.graph.put(f"20{n:02}", PHOTO + bytes([n]))
            ids.append(await media_line.want(f"20{n:02}"))

        async def all_turns(fetcher: MediaFetcher) -> int:
            turns = 0
            while await fetcher.turn():
                turns += 1
            return turns

        counts = await asyncio.gather(*(all_turns(f) for f in (media_line.fetcher, second) * 3))
    assert sum(counts) == 40
    assert set(media_line.graph.downloads.values()) == {1}
    assert [await media_line.data(id_) for id_ in ids] == [PHOTO + bytes([n]) for n in range(40)]
    assert await media_line.files() == 40


async def test_the_loop_fetches_what_comes_and_outlives_what_goes_wrong(
    database: mongo.Database, graph: GraphServer, eventually: Callable[..., Any]
) -> None:
    async with graph_media(url=graph.url, token=TOKEN) as source:
        running = MediaLine(database, graph, source)
        running.clock = system_clock()  # type: ignore[assignment]
        running.store = MediaStore(database, Settings().keys, running.clock)
        claim, faults = running.store.claim, [RuntimeError("a fault"), Unavailable("the store")]

        async def faulty() -> Any:
            if faults:
                raise faults.pop()
            return await claim()

        running.store.claim = faulty  # type: ignore[method-assign]
        fetcher = MediaFetcher(running.store, source, running.tell, running.clock, workers=3)
        loop = asyncio.create_task(fetcher.run())
        for n in range(12):
            graph.put(f"30{n:02}", PHOTO, download=_after(0.05, PHOTO))
        ids = [await running.want(f"30{n:02}") for n in range(12)]
        fetcher.wake()

        async def all_kept() -> bool:
            return {one.state for one in (await running.store.of(ids)).values()} == {"kept"}

        await eventually(all_kept, "all files")
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    assert graph.most_open == 3


def _after(seconds: float, data: bytes) -> Any:
    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.Response(body=data)

    return answer


async def test_a_store_that_goes_away_in_between_loses_nothing(
    media_line: MediaLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_line.graph.put("1001", PHOTO)
    id_ = await media_line.want("1001")

    async def away(*_: Any) -> bool:
        raise Unavailable("the store")

    monkeypatch.setattr(media_line.store, "keep", away)
    await media_line.until_done(hours=1)
    monkeypatch.undo()
    await media_line.until_done()
    assert await media_line.data(id_) == PHOTO
