"""What citizens send, on the desk's pages in a real browser over a real MongoDB: a photo is seen, a voice
note plays and is sought in, an operator writes it down and the officer reads it. Without scripts as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.media import MediaStore
from services.kernel.adapters.sealed_pieces import PIECE_BYTES
from services.kernel.adapters.settings import Settings
from services.kernel.domain.case import Act
from services.kernel.domain.media import MediaKind, Refusal, Wanted, media_id
from services.kernel.domain.people import Actor, Role
from tests import media_samples as samples
from tests.e2e.browser import running
from tests.e2e.test_desk_page import DISTRICT, OFFICER, WAIT_MS, DeskServer, running_desk

WORDS = "हैंडपंप का पानी लाल है, बच्चे बीमार हैं"
SECONDS = 60
LONG_NOTE = samples.voice_note(SECONDS)


class MediaDesk(DeskServer):
    """A desk that has files too."""

    def files(self, database: mongo.Database) -> MediaStore:
        self.media = MediaStore(database, Settings().keys, self.clock)
        return self.media

    async def sent(
        self, name: str, kind: MediaKind, data: bytes = b"", mime: str = "", reason: Refusal | None = None
    ) -> str:
        """A file as the fetcher leaves it: kept, refused, or (with neither) just being fetched."""
        id_ = media_id(name)
        await self.media.want(
            [Wanted(id_, DISTRICT, "1", kind, "", "", "c0ffee", kind == "audio", self.clock())]
        )
        claimed = await self.media.claim()
        assert claimed is not None
        if data:
            assert await self.media.keep(claimed, data, mime)
        elif reason:
            assert await self.media.refuse(claimed, "refused", reason)
            await self.media.told(claimed)
        return id_


@pytest.fixture
async def desk(database: mongo.Database, directory: DirectoryStore) -> AsyncIterator[MediaDesk]:
    server = MediaDesk(database, directory)
    async with running_desk(server):
        yield server


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with running() as browser:
        yield browser


Look = Callable[..., Any]


@pytest.fixture
async def look(desk: MediaDesk, chromium: Browser) -> AsyncIterator[Look]:
    """The page of a case: `page = await look(ticket, "officer", OFFICER)`. Nothing may go wrong unseen."""
    troubles: list[str] = []

    async def open_it(
        ticket: str, role: Role = "operator", person: str | None = None, *,
        width: int = 1280, scripts: bool = True,
    ) -> Page:  # fmt: skip
        context = await chromium.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=scripts
        )
        context.set_default_timeout(WAIT_MS)
        page = await context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        await page.goto(f"{desk.url}/?lang=en")
        await page.fill("#token", desk.token(role, person))
        await page.click("main button")
        await page.goto(f"{desk.url}/cases/{ticket}")
        return page

    yield open_it
    assert troubles == []


@pytest.fixture
async def ticket(desk: MediaDesk) -> str:
    """A case whose citizen wrote nothing: a voice note, a photo, a document, one refused, one on its way."""
    media = (
        await desk.sent("voice", "audio", LONG_NOTE, "audio/ogg"),
        await desk.sent("photo", "image", samples.png(640, 480), "image/png"),
        await desk.sent("paper", "document", samples.PDF, "application/pdf"),
        await desk.sent("film", "video", reason="too_large"),
        await desk.sent("late", "image"),
    )
    found = await desk.put(1, hours=5, now=desk.clock(), text="", media=media)
    await desk.media.bind(media, found)
    return found


async def test_a_photo_is_seen_and_a_voice_note_plays(desk: MediaDesk, ticket: str, look: Look) -> None:
    page = await look(ticket)
    photo = page.locator(f"#{media_id('photo')} img")
    await expect(photo).to_be_visible()
    assert await photo.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640
    voice = page.locator(f"#{media_id('voice')} audio")
    await expect(voice).to_be_visible()
    played = await voice.evaluate(
        """audio => new Promise((done, failed) => {
            audio.onerror = () => failed(audio.error.message);
            audio.ontimeupdate = () => audio.currentTime > 0.2 && done([audio.duration, audio.readyState]);
            audio.muted = true;
            audio.play().catch(failed);
        })"""
    )
    assert played[0] == pytest.approx(SECONDS, abs=0.1)
    assert played[1] >= 2
    await expect(page.locator(f"#{media_id('film')}")).to_contain_text("too large")
    await expect(page.locator(f"#{media_id('late')}")).to_contain_text("being fetched")


async def test_a_voice_note_is_sought_in(desk: MediaDesk, ticket: str, look: Look) -> None:
    page = await look(ticket)
    at = await page.locator(f"#{media_id('voice')} audio").evaluate(
        """audio => new Promise((done, failed) => {
            audio.onerror = () => failed(audio.error.message);
            audio.onseeked = () => done(audio.currentTime);
            const seek = () => { audio.currentTime = 50; };
            audio.readyState ? seek() : audio.onloadedmetadata = seek;
        })"""
    )
    assert at == pytest.approx(50, abs=0.5)


async def test_a_photo_opens_large_and_a_document_is_saved(
    desk: MediaDesk, ticket: str, look: Look
) -> None:
    page = await look(ticket)
    async with page.expect_download() as saving:
        await page.click(f"#{media_id('paper')} a")
    saved = await saving.value
    assert saved.suggested_filename == f"JC-{ticket}-{media_id('paper')[2:8]}.pdf"
    assert (await saved.path()).read_bytes() == samples.PDF
    await page.click(f"#{media_id('photo')} > a")
    await page.wait_for_url("**/media/*")
    assert await page.evaluate("document.images[0].naturalWidth") == 640
    # the file cannot reach the session that it was fetched with
    assert await page.evaluate("self.origin") == "null"


@pytest.mark.parametrize("scripts", [True, False])
async def test_what_an_operator_writes_down_is_read_by_the_officer(
    desk: MediaDesk, ticket: str, look: Look, scripts: bool
) -> None:
    page = await look(ticket, scripts=scripts)
    voice = page.locator(f"#{media_id('voice')}")
    await voice.locator("textarea").fill(WORDS)
    await voice.locator("form button").click()
    await expect(page.locator(".said.good")).to_have_text("Done: note")
    await expect(voice.locator("blockquote")).to_have_text(WORDS)
    page = await look(ticket, "officer", OFFICER, scripts=scripts)
    await expect(page.locator(f"#{media_id('voice')} blockquote")).to_have_text(WORDS)
    await expect(page.locator(f"#{media_id('voice')} .words small")).to_contain_text("operator")
    stored = await desk.database["cases"].find_one({"_id": ticket})
    assert stored is not None
    entry = stored["case"]["history"][-1]
    assert (entry["action"], entry["data"]["media"]) == ("note", [media_id("voice")])
    # written again by the officer: the new words count
    again = page.locator(f"#{media_id('voice')}")
    await again.locator("summary").click()
    await again.locator("textarea").fill("हैंडपंप का पानी लाल है")
    await again.locator("form button").click()
    await expect(page.locator(f"#{media_id('voice')} blockquote")).to_have_text("हैंडपंप का पानी लाल है")


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_operator_finds_what_is_to_be_written_down_and_does_it(
    desk: MediaDesk, look: Look, scripts: bool
) -> None:
    voice = await desk.sent("voice", "audio", LONG_NOTE, "audio/ogg")
    photo = await desk.sent("photo", "image", samples.png(20, 10), "image/png")
    ticket = await desk.put(
        3, hours=5, now=desk.clock(), text="", media=(voice, photo), unwritten=(voice,)
    )
    await desk.put(4, hours=2, now=desk.clock(), media=(photo,))
    page = await look(ticket, scripts=scripts)
    await page.goto(f"{desk.url}/?lang=en")
    link = page.locator("#t-unwritten")
    await expect(link).to_have_text("Recordings not yet written down: 1")
    await expect(page.locator(".flag.waits")).to_have_count(1)
    await link.click()
    await expect(page.locator("#unwritten")).to_have_value("true")
    await expect(page.locator("table.cases tbody tr")).to_have_count(1)
    filtered = page.url
    await page.click(f"#c-{ticket}")
    marks = page.locator("figure .flag.waits")
    await expect(marks).to_have_text("Not yet written down")
    await page.locator(f"#{voice} textarea").fill(WORDS)
    await page.locator(f"#{voice} form button").click()
    await expect(page.locator(f"#{voice} blockquote")).to_have_text(WORDS)
    await expect(marks).to_have_count(0)
    await page.goto(filtered)
    await expect(page.locator("#cases .none")).to_be_visible()
    await expect(page.locator("#t-unwritten")).to_have_count(0)


async def test_an_open_list_tells_of_a_voice_note_that_comes_and_of_one_that_is_done(
    desk: MediaDesk, ticket: str, look: Look
) -> None:
    """Without anybody loading it again."""
    page = await look(ticket)
    await page.goto(f"{desk.url}/?lang=en")
    await expect(page.locator(f"#c-{ticket}")).to_be_visible()
    await expect(page.locator("#t-unwritten")).to_have_count(0)
    later = await desk.sent("later", "audio", LONG_NOTE, "audio/ogg")
    citizen, operator = Actor("citizen", None, DISTRICT), Actor("operator", None, DISTRICT)
    sent = Act("attach", citizen, data={"media": [later]}, recordings=(later,))
    await desk.store.act(ticket, sent)
    link = page.locator("#t-unwritten")
    await expect(link).to_have_text("Recordings not yet written down: 1", timeout=WAIT_MS)
    await desk.store.act(ticket, Act("note", operator, note=WORDS, data={"media": [later]}))
    await expect(link).to_have_count(0, timeout=WAIT_MS)


async def test_what_the_citizen_adds_later_stands_in_the_history(
    desk: MediaDesk, ticket: str, look: Look
) -> None:
    later = await desk.sent("later", "image", samples.png(20, 10), "image/png")
    act = Act("attach", Actor("citizen", None, DISTRICT), note="यह फ़ोटो आज की है", data={"media": [later]})
    await desk.store.act(ticket, act)
    page = await look(ticket, "officer", OFFICER)
    photo = page.locator(f".history #{later} img")
    assert await photo.evaluate("image => image.decode().then(() => image.naturalWidth)") == 20


async def test_nobody_else_gets_them(desk: MediaDesk, ticket: str, look: Look) -> None:
    page = await look(ticket, "officer", "phe-akaltara-2")
    await expect(page.locator(".what .hint").first).to_contain_text("those who work the case")
    await expect(page.locator("figure")).to_have_count(0)
    address = f"{desk.url}/cases/{ticket}/media/{media_id('voice')}"
    answer = await page.context.request.get(address)
    assert answer.status == 404
    assert (await page.context.request.get(f"{address}x")).status == 404


@pytest.mark.parametrize("width", [360, 1280])
async def test_it_fits_a_telephone(desk: MediaDesk, ticket: str, look: Look, width: int) -> None:
    voice, lost = await desk.sent("waiting", "audio", LONG_NOTE, "audio/ogg"), media_id("lost")
    waits = await desk.put(5, hours=5, now=desk.clock(), media=(voice, lost), unwritten=(voice, lost))
    page = await look(ticket, width=width)
    for language in ("en", "hi"):
        for path, marks in ((f"/cases/{ticket}", 0), ("/", 1), (f"/cases/{waits}", 2)):
            await page.goto(f"{desk.url}{path}?lang={language}")
            await expect(page.locator(".flag.waits")).to_have_count(marks)
            wider: int = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wider <= 0, (path, language)


async def test_by_the_keyboard_alone_a_recording_is_found_and_written_down(
    desk: MediaDesk, look: Look
) -> None:
    """And each control says what it is for."""
    voice = await desk.sent("voice", "audio", LONG_NOTE, "audio/ogg")
    ticket = await desk.put(6, hours=5, now=desk.clock(), media=(voice,), unwritten=(voice,))
    page = await look(ticket)
    await page.goto(f"{desk.url}/?lang=en")
    await page.get_by_role("link", name="Recordings not yet written down: 1").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("combobox", name="Recordings")).to_have_value("true")
    await page.locator(f"#c-{ticket}").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("textbox", name="Write down what is said in it").focus()
    await page.keyboard.type(WORDS)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(f"#{voice} blockquote")).to_have_text(WORDS)
    await expect(page.locator(f"#{voice} .flag.waits")).to_have_count(0)


async def test_a_file_of_many_pieces_comes_whole_through_the_page(
    desk: MediaDesk, look: Look
) -> None:
    data = samples.MP4 + bytes(n % 253 for n in range(3 * PIECE_BYTES))
    film = await desk.sent("long film", "video", data, "video/mp4")
    ticket = await desk.put(2, hours=5, now=desk.clock(), media=(film,))
    page = await look(ticket)
    answer = await page.context.request.get(f"{desk.url}/cases/{ticket}/media/{film}")
    assert await answer.body() == data
