"""Files are fetched from a provider that misbehaves, into the real store: nothing is lost, lied about or sent
where it does not belong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from services.intake.whatsapp.conversation.adapters import graph_media as graph_module
from services.intake.whatsapp.conversation.adapters.graph_media import GraphMedia, graph_media
from services.intake.whatsapp.conversation.adapters.media_fetcher import MediaFetcher
from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.media import LEASE, MediaStore
from services.kernel.adapters.settings import Settings
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.media import LARGEST, MediaKind, Medium, RefusedMedia, Wanted, media_id
from services.kernel.testing.memory import ManualClock
from tests import media_samples as samples
from tests.integration.intake.graph_server import (
    TOKEN,
    GraphServer,
    Served,
    answers,
    base64_of,
    graph_server,
    leads_to,
    streams,
)

PHOTO = samples.png()
LARGE = samples.MP4 + bytes(3 * 1024 * 1024)
TICKET = "2600104237"


class Line:
    """A fetcher between a provider and a store, by a clock of the test's own."""

    def __init__(self, database: mongo.Database, graph: GraphServer, source: GraphMedia) -> None:
        self.database = database
        self.graph = graph
        self.clock = ManualClock()
        self.store = MediaStore(database, Settings().keys, self.clock)
        self.told: list[RefusedMedia] = []
        self.telling_fails = 0
        self.fetcher = MediaFetcher(self.store, source, self._tell, self.clock)

    async def _tell(self, refused: RefusedMedia) -> None:
        if self.telling_fails:
            self.telling_fails -= 1
            raise Unavailable("Kafka")
        self.told.append(refused)

    async def want(
        self, provider_id: str, kind: MediaKind = "image", *, id_: str = "", **more: Any
    ) -> str:
        usual: dict[str, Any] = {
            "district": "janjgir-champa",
            "mime": "image/png",
            "sha256": "",
            "owner": "c0ffee",
            "voice": False,
            "at": self.clock(),
            **more,
        }
        id_ = id_ or media_id(f"wamid.{provider_id}")
        await self.store.want([Wanted(id=id_, provider_id=provider_id, kind=kind, **usual)])
        return id_

    async def of(self, id_: str) -> Medium:
        return (await self.store.of([id_]))[id_]

    async def until_done(self, **span: float) -> int:
        """Turns until nothing is due; `span`: and the clock goes on by it. How many there were."""
        turns = 0
        while await self.fetcher.turn():
            turns += 1
        self.clock.advance(**span)
        return turns

    async def insist(self, days: float) -> int:
        """All turns that fall due in so many days."""
        turns, hours = 0, 0.0
        while hours < days * 24:
            turns += await self.until_done(minutes=30)
            hours += 0.5
        return turns

    async def data(self, id_: str) -> bytes:
        return await (await self.store.open(id_)).read()

    async def files(self) -> int:
        return await self.database["media.files"].count_documents({})


@pytest.fixture
async def graph() -> AsyncIterator[GraphServer]:
    async with graph_server() as server:
        yield server


@pytest.fixture
async def line(database: mongo.Database, graph: GraphServer) -> AsyncIterator[Line]:
    async with graph_media(url=graph.url, token=TOKEN, hosts=["cdn.example"]) as source:
        yield Line(database, graph, source)


def _count(outcome: str) -> float:
    return float(metrics.MEDIA.labels(outcome)._value.get())


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
    line: Line, kind: MediaKind, data: bytes, mime: str
) -> None:
    line.graph.put("1001", data, told={"mime_type": "text/html", "file_size": str(len(data))})
    kept = _count("kept")
    id_ = await line.want("1001", kind, sha256=base64_of(data), mime="text/html")
    assert await line.until_done(days=1) == 1
    found = await line.of(id_)
    assert (found.state, found.mime, found.size) == ("kept", mime, len(data))
    assert await line.data(id_) == data
    assert await line.until_done() == 0
    assert line.told == []
    assert _count("kept") == kept + 1
    assert {header for _, header in line.graph.headers} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("kind", ["image", "audio", "video", "document"])
async def test_the_largest_that_is_taken(line: Line, kind: MediaKind) -> None:
    begins = {
        "image": PHOTO, "audio": samples.AMR, "video": samples.MP4, "document": samples.PDF
    }[kind]  # fmt: skip
    data = begins + bytes(LARGEST[kind] - len(begins))
    line.graph.put("1001", data)
    id_ = await line.want("1001", kind)
    await line.until_done()
    assert (await line.of(id_)).size == LARGEST[kind]
    assert await line.data(id_) == data


async def test_an_address_may_lead_on_within_what_is_allowed(line: Line) -> None:
    line.graph.put("1001", PHOTO)
    line.graph.put("1002", PHOTO, download=leads_to("/files/?mid=1001"))
    id_ = await line.want("1002")
    await line.until_done()
    assert await line.data(id_) == PHOTO


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
    line: Line, kind: MediaKind, served: Served, reason: str
) -> None:
    line.graph.files["1001"] = served
    id_ = await line.want("1001", kind, voice=kind == "audio")
    await line.store.bind([id_], TICKET)
    await line.until_done(days=1)
    assert await line.until_done() == 0
    found = await line.of(id_)
    assert (found.state, found.reason, found.mime) == ("refused", reason, None)
    assert line.told == [
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
    assert await line.files() == 0


async def test_an_endless_file_is_not_read_to_its_end(line: Line) -> None:
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

    line.graph.put("1001", PHOTO, download=endless)
    id_ = await line.want("1001")
    await line.until_done()
    assert (await line.of(id_)).reason == "too_large"
    assert read < 20


async def test_a_packed_file_is_not_unpacked(line: Line) -> None:
    """A small body that says of itself that it is a large one, packed."""

    async def packed(_: web.Request) -> web.StreamResponse:
        return web.Response(body=PHOTO, headers={"Content-Encoding": "gzip"})

    line.graph.put("1001", PHOTO, download=packed)
    id_ = await line.want("1001")
    await line.until_done()
    assert await line.data(id_) == PHOTO


async def test_telling_that_fails_is_tried_again_and_done_once(line: Line) -> None:
    line.graph.put("1001", samples.HTML)
    line.telling_fails = 3
    id_ = await line.want("1001")
    await line.insist(days=0.2)
    assert [one.id for one in line.told] == [id_]
    assert line.graph.downloads["1001"] == 1
    assert (await line.of(id_)).state == "refused"


async def test_what_was_told_before_a_crash_is_told_under_the_same_id(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.graph.put("1001", samples.HTML)
    id_ = await line.want("1001")

    async def crash(*_: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(line.store, "told", crash)
    with pytest.raises(asyncio.CancelledError):
        await line.fetcher.turn()
    monkeypatch.undo()
    assert await line.until_done(seconds=LEASE.total_seconds()) == 0
    assert await line.until_done(days=1) == 1
    assert [one.id for one in line.told] == [id_, id_]
    assert await line.until_done() == 0


# ---------------------------------------------------------------- what passes


@pytest.mark.parametrize(
    "fault",
    [
        Served(PHOTO, look_up=answers(500)),
        Served(PHOTO, look_up=answers(503, 131016)),
        Served(PHOTO, look_up=answers(429, 130429)),
        Served(PHOTO, look_up=answers(400, 80007)),
        Served(PHOTO, look_up=streams(b"not JSON")),
        Served(PHOTO, look_up=streams(b"[" * 100_000)),
        Served(PHOTO, look_up=streams(b"{", cut=True)),
        Served(PHOTO, download=answers(502)),
        Served(PHOTO, download=answers(404)),
        Served(PHOTO, download=streams(PHOTO[:20], cut=True)),
        Served(PHOTO, download=streams(PHOTO[:20], length=len(PHOTO), cut=True)),
        Served(PHOTO, download=streams(PHOTO[:20])),
        Served(PHOTO, download=streams(PHOTO + b"and more")),
        Served(PHOTO, download=streams(b"<html>Sorry, something went wrong</html>")),
        Served(PHOTO, told={"sha256": None}, download=streams(PHOTO[:20])),
    ],
)
async def test_what_fails_is_tried_again_until_it_is_there(line: Line, fault: Served) -> None:
    line.graph.files["1001"] = fault
    id_ = await line.want("1001")
    assert await line.until_done() == 1, "it is not tried again at once"
    assert (await line.of(id_)).state == "wanted"
    tries = await line.insist(days=0.25)
    assert 5 < tries < 30
    line.graph.put("1001", PHOTO)
    await line.insist(days=0.25)
    assert await line.data(id_) == PHOTO
    assert line.told == []
    assert await line.files() == 1


@pytest.mark.parametrize("phase", ["look_up", "download"])
async def test_a_provider_that_hangs_is_left(
    line: Line, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "TOTAL_SECONDS", 0.5)
    line.graph.put("1001", PHOTO, **{phase: streams(b"{", hang=True)})
    id_ = await line.want("1001")
    assert await line.until_done(hours=1) == 1
    line.graph.put("1001", PHOTO)
    await line.until_done()
    assert await line.data(id_) == PHOTO


async def test_a_provider_that_is_not_there_is_asked_again(line: Line, database: mongo.Database) -> None:
    async with graph_media(url="http://127.0.0.1:9/v23.0", token=TOKEN) as source:
        away = MediaFetcher(line.store, source, line._tell, line.clock)
        line.graph.put("1001", PHOTO)
        id_ = await line.want("1001")
        assert await away.turn()
    line.clock.advance(hours=1)
    await line.until_done()
    assert await line.data(id_) == PHOTO


async def test_the_provider_is_left_alone_for_as_long_as_it_wishes(line: Line) -> None:
    line.graph.put("1001", PHOTO, look_up=answers(429, 4, **{"Retry-After": "600"}))
    await line.want("1001")
    await line.until_done(seconds=599)
    assert await line.until_done(seconds=2) == 0
    assert await line.until_done() == 1


async def test_what_comes_wrong_for_a_day_is_refused(line: Line) -> None:
    line.graph.put("1001", PHOTO, download=streams(samples.png(9, 9)))
    id_ = await line.want("1001")
    await line.insist(days=0.9)
    assert (await line.of(id_)).state == "wanted"
    await line.insist(days=0.3)
    found = await line.of(id_)
    assert (found.state, found.reason) == ("refused", "damaged")
    assert [one.reason for one in line.told] == ["damaged"]


# ---------------------------------------------------------------- what is gone


async def test_what_the_provider_has_no_more_is_gone_at_once(line: Line) -> None:
    for provider_id in ("1001", "../me", "", "a" * 300, "1001?fields=x"):
        id_ = await line.want(provider_id, id_=media_id(provider_id))
        await line.until_done()
        found = await line.of(id_)
        assert (found.state, found.reason) == ("gone", "gone")
    assert {path for path, _ in line.graph.headers} == {"/v23.0/1001"}
    assert len(line.told) == 5


async def test_what_is_said_to_be_there_and_is_not_is_gone_after_a_day(line: Line) -> None:
    line.graph.put("1001", PHOTO, download=answers(404))
    id_ = await line.want("1001")
    await line.insist(days=0.9)
    assert (await line.of(id_)).state == "wanted"
    await line.insist(days=0.3)
    assert (await line.of(id_)).state == "gone"


async def test_after_seven_days_it_is_gone(line: Line) -> None:
    line.graph.put("1001", PHOTO, look_up=answers(500))
    id_ = await line.want("1001")
    tries = await line.insist(days=6.9)
    assert (await line.of(id_)).state == "wanted"
    assert 100 < tries < 400
    await line.insist(days=0.3)
    assert (await line.of(id_)).state == "gone"
    assert [one.reason for one in line.told] == ["gone"]
    asked = line.graph.asked["1001"]
    line.graph.put("1001", PHOTO)
    assert await line.insist(days=1) == 0
    assert line.graph.asked["1001"] == asked


# ---------------------------------------------------------------- faults of set-up


@pytest.mark.parametrize(
    "fault",
    [
        Served(PHOTO, look_up=answers(401, 190)),
        Served(PHOTO, look_up=answers(403, 10)),
        Served(PHOTO, look_up=answers(400, 100)),
        Served(PHOTO, download=answers(401)),
        Served(PHOTO, look_up=leads_to("http://127.0.0.1/")),
    ],
)
async def test_while_the_provider_does_not_know_us_it_alarms_and_loses_nothing(
    line: Line, fault: Served
) -> None:
    line.graph.files["1001"] = fault
    before = _count("set_up")
    id_ = await line.want("1001")
    tries = await line.insist(days=5)
    assert (await line.of(id_)).state == "wanted"
    assert _count("set_up") == before + tries
    line.graph.put("1001", PHOTO)
    await line.until_done(minutes=10)
    await line.until_done()
    assert await line.data(id_) == PHOTO
    assert line.told == []


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:{other}/files/?mid=1001",
        "http://127.0.0.1:{other}/files/?mid=1001",
        "https://127.0.0.1:{port}/files/?mid=1001",
        "http://user:secret@127.0.0.1:{port}/files/?mid=1001",
        "http://127.0.0.1:{port}@127.0.0.1:{other}/files/?mid=1001",
        "http://cdn.example/files/?mid=1001",
        "https://cdn.example:8443/files/?mid=1001",
        "https://cdn.example.evil.example/files/?mid=1001",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "//127.0.0.1:{other}/files/?mid=1001",
        "http://127.0.0.1:{port}/files/?mid=1001\r\nX-Injected: yes",
        "http://[::1",
        "",
        7,
    ],
)
@pytest.mark.parametrize("how", ["told", "redirect"])
async def test_the_token_goes_nowhere_else(line: Line, address: Any, how: str) -> None:
    async with graph_server() as other:
        other.put("1001", PHOTO)
        if isinstance(address, str):
            address = address.format(port=line.graph.port, other=other.port)
        if how == "told":
            line.graph.put("1001", PHOTO, told={"url": address})
        elif isinstance(address, str) and "\r" not in address:
            line.graph.put("1001", PHOTO, download=leads_to(address))
        else:
            return
        before = _count("set_up")
        id_ = await line.want("1001")
        await line.until_done()
        assert (await line.of(id_)).state == "wanted"
        assert _count("set_up") == before + 1
        assert other.headers == []
        assert line.graph.downloads["1001"] == (how == "redirect")


async def test_redirects_that_do_not_end_are_left(line: Line) -> None:
    line.graph.put("1001", PHOTO, download=leads_to("/files/?mid=1001"))
    id_ = await line.want("1001")
    await line.until_done()
    assert (await line.of(id_)).state == "wanted"
    assert line.graph.downloads["1001"] == graph_module.MOST_HOPS


# ---------------------------------------------------------------- several at once


async def test_two_fetchers_take_each_file_once(line: Line, database: mongo.Database) -> None:
    async with graph_media(url=line.graph.url, token=TOKEN) as source:
        second = MediaFetcher(
            MediaStore(database, Settings().keys, line.clock), source, line._tell, line.clock
        )
        ids = []
        for n in range(40):
            line.graph.put(f"20{n:02}", PHOTO + bytes([n]))
            ids.append(await line.want(f"20{n:02}"))

        async def all_turns(fetcher: MediaFetcher) -> int:
            turns = 0
            while await fetcher.turn():
                turns += 1
            return turns

        counts = await asyncio.gather(*(all_turns(f) for f in (line.fetcher, second) * 3))
    assert sum(counts) == 40
    assert set(line.graph.downloads.values()) == {1}
    assert [await line.data(id_) for id_ in ids] == [PHOTO + bytes([n]) for n in range(40)]
    assert await line.files() == 40


async def test_the_loop_fetches_what_comes_and_outlives_what_goes_wrong(
    database: mongo.Database, graph: GraphServer, eventually: Callable[..., Any]
) -> None:
    async with graph_media(url=graph.url, token=TOKEN) as source:
        running = Line(database, graph, source)
        running.clock = system_clock()  # type: ignore[assignment]
        running.store = MediaStore(database, Settings().keys, running.clock)
        claim, faults = running.store.claim, [RuntimeError("a fault"), Unavailable("the store")]

        async def faulty() -> Any:
            if faults:
                raise faults.pop()
            return await claim()

        running.store.claim = faulty  # type: ignore[method-assign]
        fetcher = MediaFetcher(running.store, source, running._tell, running.clock, workers=3)
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
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.graph.put("1001", PHOTO)
    id_ = await line.want("1001")

    async def away(*_: Any) -> bool:
        raise Unavailable("the store")

    monkeypatch.setattr(line.store, "keep", away)
    await line.until_done(hours=1)
    monkeypatch.undo()
    await line.until_done()
    assert await line.data(id_) == PHOTO
