"""The desk's pages in a real browser, against a real MongoDB: on a desk's screen, on a phone, without
scripts. The list refreshes itself and takes nothing away from who is typing or has scrolled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from services.cli.stack import Ports
from services.desk.adapters.clocks import StoredClocks
from services.desk.adapters.lists import CaseLists
from services.desk.adapters.texts import load_texts
from services.desk.api import build
from services.desk.handlers.desk import Desk
from services.kernel.adapters import case_document, mongo, tokens
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.media import MediaStore
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.process import serve
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.timer_document import to_fields
from services.kernel.contracts import events
from services.kernel.domain import tickets
from services.kernel.domain.case import Act, Case, CasePlace
from services.kernel.domain.people import Actor, Role
from services.kernel.testing.memory import MemoryBroker, MemoryVault
from services.sla.testing import Living
from tests.e2e.browser import CHROMIUM, running

SECRET = "a-secret-of-the-tests-with-32-bytes"
DISTRICT = "janjgir-champa"
OFFICER = "phe-akaltara-1"
CASES = 200
WAIT_MS = 15_000


class DeskServer:
    """A desk on a port of its own, over a database of the test's own."""

    def __init__(self, database: mongo.Database, directory: DirectoryStore) -> None:
        self.clock = system_clock()
        self.database = database
        rooms = MongoRooms(database["cases"], "case", READS)
        self.store = CaseStore(rooms, Outbox("case", MemoryBroker()), MemoryVault(), self.clock)
        texts = load_texts()
        lists = CaseLists(database["cases"])
        clocks = StoredClocks(RulesOf(directory))
        desk = Desk(self.store, lists, directory, clocks, texts, self.clock, SECRET)
        assets = Settings().home / "assets"
        assert (assets / "htmx.org").is_dir(), f"the set-up unpacks the web assets to {assets}"
        self.app = build(
            desk, texts, {}, token_secret=SECRET, assets=assets, media=self.files(database)
        )
        self.url = ""

    def files(self, database: mongo.Database) -> MediaStore | None:
        """Where the citizens' files lie; here are none."""
        return None

    def token(self, role: Role, person: str | None = None) -> str:
        now = self.clock()
        return tokens.issue(SECRET, role=role, person=person, district=DISTRICT, now=now)

    async def act(self, ticket: str, action: str) -> None:
        await self.store.act(ticket, Act(action, Actor("officer", OFFICER, DISTRICT)))

    async def put(self, sequence: int, *, hours: float, now: datetime, **fields: Any) -> str:
        case = Case(
            **{
                "ticket": tickets.make(26, sequence),
                "district": DISTRICT,
                "kind": "complaint",
                "channel": "whatsapp",
                "language": "hi",
                "priority": "normal",
                "filed_at": now - timedelta(days=3),
                "updated_at": now - timedelta(days=3),
                "directory_version": 1,
                "state": "assigned",
                "service": "hand-pump",
                "department": "phe",
                "office": "phe-akaltara",
                "officer": OFFICER,
                "place": CasePlace(block="akaltara", village="tarod"),
                "name": "रामलाल साहू",
                "phone": f"+9198765{sequence:05d}",
                "text": "हैंडपंप दो हफ़्ते से खराब है।\nपानी एक किलोमीटर दूर से लाना पड़ता है।",
                **fields,
            }
        )
        room = {**case_document.to_fields(case), "n": 1, "seen": {}, "outbox": []}
        clock = {"deadline": now + timedelta(hours=hours), "targets": {}, "n": 0, "seen": {}}
        await self.database["cases"].insert_one({"_id": case.ticket, "case": room, "sla": clock})
        return case.ticket


@asynccontextmanager
async def running_desk(server: DeskServer) -> AsyncIterator[None]:
    """On a port of its own, until the end of the block."""
    port = Ports.free()["desk"]
    async with AsyncExitStack() as stack:
        server.store.start()
        stack.push_async_callback(server.store.stop)
        await serve(stack, server.app, "127.0.0.1", port, asyncio.Event())
        server.url = f"http://127.0.0.1:{port}"
        yield


@pytest.fixture
async def desk(database: mongo.Database, directory: DirectoryStore) -> AsyncIterator[DeskServer]:
    server = DeskServer(database, directory)
    now = server.clock()
    for sequence in range(1, CASES + 1):
        # ten are overdue; the first is due in a little more than three hours
        hours = -sequence if sequence > CASES - 10 else 3.1 + sequence
        await server.put(sequence, hours=3.1 if sequence == 1 else hours, now=now)
    async with running_desk(server):
        yield server


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with running() as browser:
        yield browser


Enter = Callable[..., Any]


@pytest.fixture
async def enter(desk: DeskServer, chromium: Browser) -> AsyncIterator[Enter]:
    """Log in: `page = await enter("officer", OFFICER, width=360)`. Nothing may go wrong unseen."""
    troubles: list[str] = []

    async def log_in(
        role: Role, person: str | None = None, *, width: int = 1280, scripts: bool = True
    ) -> Page:
        context = await chromium.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=scripts
        )
        context.set_default_timeout(WAIT_MS)
        page = await context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "requestfailed", lambda request: troubles.append(f"{request.url} {request.failure}")
        )
        await page.goto(f"{desk.url}/?lang=en")
        await page.fill("#token", desk.token(role, person))
        await page.click("main button")
        await page.wait_for_selector("table.cases")
        return page

    yield log_in
    # a poll that leaving a page cuts off is no trouble
    assert [trouble for trouble in troubles if "ERR_ABORTED" not in trouble] == []


async def _fits(page: Page) -> bool:
    """Whether nothing sticks out of the screen sideways."""
    wider: int = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wider <= 0


async def test_an_officer_sees_two_hundred_cases_the_nearest_deadline_first(
    desk: DeskServer, enter: Enter
) -> None:
    page = await enter("officer", OFFICER)
    rows = page.locator("table.cases tbody tr")
    await expect(rows).to_have_count(50)
    await expect(page.locator(".totals .total")).to_have_text("200 Total")
    await expect(page.locator("#t-overdue")).to_have_text("10 Overdue")
    await expect(rows.first.locator(".c-number")).to_have_text(f"JC-{tickets.make(26, CASES)}")
    await expect(rows.first.locator(".c-deadline strong")).to_have_text("overdue by 8 days")
    colour = await rows.first.locator(".c-deadline strong").evaluate(
        "element => getComputedStyle(element).color"
    )
    assert colour == "rgb(179, 38, 30)"
    await expect(rows.nth(10).locator(".c-deadline strong")).to_have_text("due in 3 h")
    seen = set(await page.locator(".c-number a").all_inner_texts())
    for _ in range(3):
        await page.click("#p-next")
        seen |= set(await page.locator(".c-number a").all_inner_texts())
    assert len(seen) == 200
    await expect(page.locator("#p-next")).to_have_count(0)


async def test_filters_and_search(desk: DeskServer, enter: Enter) -> None:
    ticket = await desk.put(
        900, hours=5, now=desk.clock(), name="Sunita Yadav", state="acknowledged"
    )
    page = await enter("head", "phe-head-1")
    await page.select_option("#overdue", "true")
    await page.click(".filters button")
    await expect(page.locator("table.cases tbody tr")).to_have_count(10)
    await page.click(".filters .go a")
    await page.fill("#q", "sunita")
    await page.press("#q", "Enter")
    await expect(page.locator("table.cases tbody tr")).to_have_count(1)
    await expect(page.locator("#q")).to_have_value("sunita")
    await page.fill("#q", f"JC {ticket[:5]} {ticket[5:]}")
    await page.press("#q", "Enter")
    await expect(page.locator("h1")).to_have_text(f"JC-{ticket}")


async def test_the_table_refreshes_itself_and_takes_nothing_from_who_types(
    desk: DeskServer, enter: Enter
) -> None:
    ticket = tickets.make(26, 30)
    page = await enter("officer", OFFICER)
    row = page.locator(f"tr:has(#c-{ticket})")
    await expect(row.locator(".state")).to_have_text("assigned")
    await page.evaluate("window.stayed = true")
    await page.fill("#q", "half a wor")
    await page.evaluate("window.scrollTo(0, 700)")
    await desk.act(ticket, "acknowledge")
    await expect(row.locator(".state")).to_have_text("acknowledged", timeout=WAIT_MS)
    assert await page.evaluate("window.stayed") is True
    assert await page.evaluate("window.scrollY") == 700
    await expect(page.locator("#q")).to_have_value("half a wor")
    await expect(page.locator("#q")).to_be_focused()
    await expect(page.locator("#t-acknowledged")).to_have_text("1 acknowledged")
    # and again: the new table polls on
    await desk.act(ticket, "start")
    await expect(row.locator(".state")).to_have_text("in progress", timeout=WAIT_MS)


async def test_an_officer_works_a_case_to_its_resolution(desk: DeskServer, enter: Enter) -> None:
    ticket = tickets.make(26, 1)
    page = await enter("officer", OFFICER)
    await page.goto(f"{desk.url}/cases/{ticket}")
    await expect(page.locator("blockquote")).to_contain_text("हैंडपंप")
    await page.click("button:has-text('Acknowledge')")
    await expect(page.locator(".said.good")).to_have_text("Done: acknowledged")
    await page.click("button:has-text('Start work')")
    await expect(page.locator(".headline .state")).to_have_text("in progress")
    await page.fill("#resolve-note", "नया हैंडपंप लगा दिया गया है।")
    await page.click("details:has(#resolve-note) button")
    await expect(page.locator(".headline .state")).to_have_text("resolved")
    await expect(page.locator(".history li").first).to_contain_text("नया हैंडपंप")
    stored = await desk.database["cases"].find_one({"_id": ticket})
    assert stored is not None
    actions = [entry["action"] for entry in stored["case"]["history"]]
    assert actions == ["acknowledge", "start", "resolve"]


async def test_the_second_of_two_keeps_his_words_and_sees_the_fresh_state(
    desk: DeskServer, enter: Enter
) -> None:
    ticket = tickets.make(26, 2)
    page = await enter("head", "phe-head-1")
    await page.goto(f"{desk.url}/cases/{ticket}")
    await page.click("summary:has-text('Write a note')")
    await page.fill("#note-note", "कृपया आज ही देखें")
    await desk.act(ticket, "acknowledge")
    await page.click("details:has(#note-note) button")
    await expect(page.locator(".said.bad")).to_contain_text("Somebody else has just acted")
    await expect(page.locator(".headline .state")).to_have_text("acknowledged")
    await expect(page.locator("#note-note")).to_have_value("कृपया आज ही देखें")
    await page.click("details:has(#note-note) button")
    await expect(page.locator(".said.good")).to_have_text("Done: note")


async def test_a_head_assigns_and_a_collector_transfers(desk: DeskServer, enter: Enter) -> None:
    ticket = tickets.make(26, 3)
    page = await enter("head", "phe-head-1")
    await page.goto(f"{desk.url}/cases/{ticket}")
    await page.click("summary:has-text('Assign')")
    await page.select_option("#assign-officer", "phe-akaltara-2")
    await page.click("details:has(#assign-officer) button")
    await expect(page.locator("dd:has-text('Pooja Kashyap')")).to_be_visible()
    page = await enter("collector")
    await page.goto(f"{desk.url}/cases/{ticket}")
    await page.click("summary:has-text('Transfer')")
    await page.select_option("#transfer-department", "pwd")
    await page.click("details:has(#transfer-department) button")
    await expect(page.locator("dd:has-text('Manoj Kumar Bareth')")).to_be_visible()
    await expect(page.locator(".history li").first).to_contain_text("Nandini Sengupta")


@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_sticks_out_of_the_screen(desk: DeskServer, enter: Enter, width: int) -> None:
    long_name = "बहुतलंबानाम" * 12
    ticket = await desk.put(
        901, hours=-500, now=desk.clock(), name=long_name, text="शब्द" * 300, priority="emergency"
    )
    page = await enter("collector", width=width)
    for language in ("en", "hi"):
        for path in ("/", f"/cases/{ticket}"):
            await page.goto(f"{desk.url}{path}?lang={language}")
            assert await _fits(page), (path, language)
            for details in await page.locator("details").all():
                await details.evaluate("element => { element.open = true }")
            assert await _fits(page), (path, language, "everything open")


async def test_it_works_without_scripts(desk: DeskServer, enter: Enter) -> None:
    ticket = tickets.make(26, 4)
    page = await enter("officer", OFFICER, width=360, scripts=False)
    refresh = page.locator("meta[http-equiv=refresh]")
    await expect(refresh).to_have_count(1)
    await page.click(f"#c-{tickets.make(26, CASES)}")
    await page.goto(f"{desk.url}/cases/{ticket}")
    await page.click("button:has-text('Acknowledge')")
    await expect(page.locator(".headline .state")).to_have_text("acknowledged")
    await page.click(".bar .switch")
    await expect(page.locator("html")).to_have_attribute("lang", "hi")
    await page.click("button:has-text('बाहर जाएँ')")
    await expect(page.locator("#token")).to_be_visible()
    await page.goto(f"{desk.url}/cases/{ticket}")
    await expect(page.locator("#token")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query) == {}


async def test_how_a_limit_was_counted_is_read_on_a_phone_without_scripts(
    desk: DeskServer, directory: DirectoryStore, enter: Enter
) -> None:
    now = desk.clock()
    ticket = await desk.put(902, hours=5, now=now)
    living = Living(
        await directory.version(DISTRICT, 1), now - timedelta(days=20), "hand-pump", block="akaltara"
    )
    living.did(events.QuestionAsked, now - timedelta(days=9), question=1)
    living.reached(now - timedelta(days=8))
    living.did(events.QuestionAnswered, now - timedelta(days=6), question=1)
    room = {**to_fields(living.timer, living.running), "n": 0, "seen": {}}
    await desk.database["cases"].update_one({"_id": ticket}, {"$set": {"sla": room}})
    page = await enter("officer", OFFICER, width=360, scripts=False)
    for language, title, question in (
        ("en", "How this was counted", "question 1, delivered by WhatsApp"),
        ("hi", "हिसाब देखें", "प्रश्न 1, WhatsApp से पहुँचा"),
    ):
        await page.goto(f"{desk.url}/cases/{ticket}?lang={language}")
        limit = page.locator(".targets li").last
        await expect(limit.locator("> span")).to_contain_text(question)
        paused = limit.locator("tr.paused")
        await expect(paused).to_be_hidden()
        await limit.locator(f"summary:has-text('{title}')").click()
        await expect(paused).to_be_visible()
        await expect(paused).to_contain_text(question)
        assert await _fits(page), language


async def test_a_session_that_ends_leads_to_the_log_in(desk: DeskServer, enter: Enter) -> None:
    """The table's own polling notices it: nobody goes on looking at yesterday's list."""
    page = await enter("officer", OFFICER)
    await page.context.clear_cookies()
    await page.wait_for_selector("#token", timeout=WAIT_MS)


def test_the_browser_of_the_tests_is_there() -> None:
    assert Path(CHROMIUM).exists(), "the page tests need Debian's chromium"
