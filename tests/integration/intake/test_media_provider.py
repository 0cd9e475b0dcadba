"""A provider of files fails, lies and leads elsewhere: nothing is lost, and the token goes nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.whatsapp.conversation.adapters import graph_media as graph_module
from services.intake.whatsapp.conversation.adapters.graph_media import graph_media
from services.intake.whatsapp.conversation.adapters.media_fetcher import MediaFetcher
from services.kernel.domain.media import media_id
from tests import media_samples as samples
from tests.integration.intake.graph_server import (
    TOKEN,
    Served,
    answers,
    graph_server,
    leads_to,
    streams,
)
from tests.integration.intake.media_line import PHOTO, MediaLine, count

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
async def test_what_fails_is_tried_again_until_it_is_there(media_line: MediaLine, fault: Served) -> None:
    media_line.graph.files["1001"] = fault
    id_ = await media_line.want("1001")
    assert await media_line.until_done() == 1, "it is not tried again at once"
    assert (await media_line.of(id_)).state == "wanted"
    tries = await media_line.insist(days=0.25)
    assert 5 < tries < 30
    media_line.graph.put("1001", PHOTO)
    await media_line.insist(days=0.25)
    assert await media_line.data(id_) == PHOTO
    assert media_line.told == []
    assert await media_line.files() == 1


@pytest.mark.parametrize("phase", ["look_up", "download"])
async def test_a_provider_that_hangs_is_left(
    media_line: MediaLine, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "TOTAL_SECONDS", 0.5)
    media_line.graph.put("1001", PHOTO, **{phase: streams(b"{", hang=True)})
    id_ = await media_line.want("1001")
    assert await media_line.until_done(hours=1) == 1
    media_line.graph.put("1001", PHOTO)
    await media_line.until_done()
    assert await media_line.data(id_) == PHOTO


async def test_a_provider_that_is_not_there_is_asked_again(media_line: MediaLine) -> None:
    async with graph_media(url="http://127.0.0.1:9/v23.0", token=TOKEN) as source:
        away = MediaFetcher(media_line.store, source, media_line.tell, media_line.clock)
        media_line.graph.put("1001", PHOTO)
        id_ = await media_line.want("1001")
        assert await away.turn()
    media_line.clock.advance(hours=1)
    await media_line.until_done()
    assert await media_line.data(id_) == PHOTO


async def test_the_provider_is_left_alone_for_as_long_as_it_wishes(media_line: MediaLine) -> None:
    media_line.graph.put("1001", PHOTO, look_up=answers(429, 4, **{"Retry-After": "600"}))
    await media_line.want("1001")
    await media_line.until_done(seconds=599)
    assert await media_line.until_done(seconds=2) == 0
    assert await media_line.until_done() == 1


async def test_what_comes_wrong_for_a_day_is_refused(media_line: MediaLine) -> None:
    media_line.graph.put("1001", PHOTO, download=streams(samples.png(9, 9)))
    id_ = await media_line.want("1001")
    await media_line.insist(days=0.9)
    assert (await media_line.of(id_)).state == "wanted"
    await media_line.insist(days=0.3)
    found = await media_line.of(id_)
    assert (found.state, found.reason) == ("refused", "damaged")
    assert [one.reason for one in media_line.told] == ["damaged"]


# ---------------------------------------------------------------- what is gone


async def test_what_the_provider_has_no_more_is_gone_at_once(media_line: MediaLine) -> None:
    for provider_id in ("1001", "../me", "", "a" * 300, "1001?fields=x"):
        id_ = await media_line.want(provider_id, id_=media_id(provider_id))
        await media_line.until_done()
        found = await media_line.of(id_)
        assert (found.state, found.reason) == ("gone", "gone")
    assert {path for path, _ in media_line.graph.headers} == {"/v23.0/1001"}
    assert len(media_line.told) == 5


async def test_what_is_said_to_be_there_and_is_not_is_gone_after_a_day(media_line: MediaLine) -> None:
    media_line.graph.put("1001", PHOTO, download=answers(404))
    id_ = await media_line.want("1001")
    await media_line.insist(days=0.9)
    assert (await media_line.of(id_)).state == "wanted"
    await media_line.insist(days=0.3)
    assert (await media_line.of(id_)).state == "gone"


async def test_after_seven_days_it_is_gone(media_line: MediaLine) -> None:
    media_line.graph.put("1001", PHOTO, look_up=answers(500))
    id_ = await media_line.want("1001")
    tries = await media_line.insist(days=6.9)
    assert (await media_line.of(id_)).state == "wanted"
    assert 100 < tries < 400
    await media_line.insist(days=0.3)
    assert (await media_line.of(id_)).state == "gone"
    assert [one.reason for one in media_line.told] == ["gone"]
    asked = media_line.graph.asked["1001"]
    media_line.graph.put("1001", PHOTO)
    assert await media_line.insist(days=1) == 0
    assert media_line.graph.asked["1001"] == asked


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
    media_line: MediaLine, fault: Served
) -> None:
    media_line.graph.files["1001"] = fault
    before = count("set_up")
    id_ = await media_line.want("1001")
    tries = await media_line.insist(days=5)
    assert (await media_line.of(id_)).state == "wanted"
    assert count("set_up") == before + tries
    media_line.graph.put("1001", PHOTO)
    await media_line.until_done(minutes=10)
    await media_line.until_done()
    assert await media_line.data(id_) == PHOTO
    assert media_line.told == []


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
async def test_the_token_goes_nowhere_else(media_line: MediaLine, address: Any, how: str) -> None:
    async with graph_server() as other:
        other.put("1001", PHOTO)
        if isinstance(address, str):
            address = address.format(port=media_line.graph.port, other=other.port)
        if how == "told":
            media_line.graph.put("1001", PHOTO, told={"url": address})
        elif isinstance(address, str) and "\r" not in address:
            media_line.graph.put("1001", PHOTO, download=leads_to(address))
        else:
            return
        before = count("set_up")
        id_ = await media_line.want("1001")
        await media_line.until_done()
        assert (await media_line.of(id_)).state == "wanted"
        assert count("set_up") == before + 1
        assert other.headers == []
        assert media_line.graph.downloads["1001"] == (how == "redirect")


async def test_redirects_that_do_not_end_are_left(media_line: MediaLine) -> None:
    media_line.graph.put("1001", PHOTO, download=leads_to("/files/?mid=1001"))
    id_ = await media_line.want("1001")
    await media_line.until_done()
    assert (await media_line.of(id_)).state == "wanted"
    assert media_line.graph.downloads["1001"] == graph_module.MOST_HOPS
