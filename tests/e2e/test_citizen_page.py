"""The citizens' page in a browser as small as a village phone's, with and without JavaScript."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from services.intake.web.api import build
from services.intake.web.testing import MemoryIntake
from services.kernel.adapters.http import Server, server
from services.kernel.domain.case import Entry
from services.kernel.domain.directory import District
from tests.e2e.browser import CHROMIUM, FLAGS

PHONE = {"width": 360, "height": 740}
LEAST_TARGET = 44
"""CSS pixels that a thumb needs; WCAG 2.2 asks for 24."""
CASE = re.compile(r"/s/(\d{10})/")
WORDS = "स्कूल के पास का हैंडपंप तीन दिन से ख़राब है"


@dataclass
class Site:
    """A running page and the parts in memory behind it."""

    url: str
    intake: MemoryIntake


def _serve(http: Server, listening: socket.socket) -> None:
    asyncio.run(http.serve(sockets=[listening]))


@pytest.fixture
def site(janjgir: District) -> Iterator[Site]:
    intake = MemoryIntake(janjgir)

    async def ready() -> bool:
        return not intake.receipts.down

    app, _ = build(intake.parts, {"store": ready})
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    http = server(app, "127.0.0.1", port)
    thread = threading.Thread(target=_serve, args=(http, listening))
    thread.start()
    # the socket listens already: a browser that is early waits in its queue
    yield Site(f"http://127.0.0.1:{port}", intake)
    http.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=[False, True], ids=["no-script", "script"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        java_script_enabled=request.param,
        has_touch=True,
        is_mobile=True,
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def _fill(page: Page) -> None:
    page.locator("label.pick").first.tap()
    page.locator("#text").fill(WORDS)
    page.locator("#block").select_option("akaltara")
    page.locator("#village").fill("तरौद")
    page.locator("#name").fill("रामकली")
    page.locator("#phone").fill("98765 43210")


def _send(page: Page) -> Response:
    """Press the button; the answer to the form itself."""
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.locator("button.big").first.tap()
    return answer.value


def _file(page: Page) -> str:
    """Press the button; the ticket of the page that it leads to."""
    assert _send(page).status == 303
    page.wait_for_url(CASE)
    found = CASE.search(page.url)
    assert found is not None
    return found[1]


def _fits(page: Page) -> None:
    """Nothing sticks out to the right, and whatever can be pressed is large enough for a thumb."""
    box = page.locator("body").bounding_box()
    assert box is not None
    for handle in page.locator("a:visible, button:visible, input:visible, select:visible").all():
        found = handle.bounding_box()
        assert found is not None
        label = f"{handle.get_attribute('id') or handle.inner_text()}: {found}"
        assert found["x"] + found["width"] <= PHONE["width"] + 0.5, label
        if handle.get_attribute("type") in ("radio", "checkbox"):
            found = handle.locator("xpath=..").bounding_box()  # its label is what is pressed
            assert found is not None
        if found["x"] >= 0:  # the skip link waits outside until it has the focus
            assert found["height"] >= LEAST_TARGET, label


def test_filing_shows_a_number_to_read_aloud(site: Site, page: Page) -> None:
    page.goto(site.url)
    expect(page.locator("html")).to_have_attribute("lang", "hi")
    _fits(page)
    _fill(page)
    ticket = _file(page)
    spoken = page.locator("#number span").all_inner_texts()
    assert spoken == ["JC", ticket[:2], ticket[2:6], ticket[6:]]
    assert page.locator("#link").get_attribute("href") == page.url.partition("?")[0]
    _fits(page)
    filing = site.intake.receipts.filing(ticket)
    assert (filing.text, filing.name, filing.phone) == (WORDS, "रामकली", "+919876543210")
    event = site.intake.receipts.event(ticket)
    assert (event.place.block, event.place.village) == ("akaltara", "tarod")


def test_pressing_twice_files_once(site: Site, page: Page) -> None:
    page.goto(site.url)
    _fill(page)
    first = _file(page)
    # the same form once more, as a second press on a slow line sends it
    receipt = site.intake.receipts.stored[first]
    answer = page.request.post(
        site.url,
        form={
            "token": receipt.key,
            "lang": "hi",
            "district": "janjgir-champa",
            "kind": "complaint",
            "text": WORDS,
            "service": "",
            "block": "akaltara",
            "village": "तरौद",
            "landmark": "",
            "name": "रामकली",
            "phone": "98765 43210",
            "on_behalf_of": "",
        },
        max_redirects=0,
    )
    assert answer.status == 303
    assert f"/s/{first}/" in answer.headers["location"]
    assert list(site.intake.receipts.stored) == [first]


def test_what_is_wrong_stands_at_the_field_and_nothing_typed_is_lost(
    site: Site, page: Page
) -> None:
    page.goto(f"{site.url}/?lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator("#name").fill("Ramkali <b>")
    page.locator("#phone").fill("12345")
    page.locator("label.tick").tap()
    assert _send(page).status == 422
    expect(page.locator("#notice")).to_contain_text("Not sent yet")
    expect(page.locator("#text-fault")).to_contain_text("Write what happened")
    expect(page.locator("#phone-fault")).to_contain_text("10 digits")
    expect(page.locator("#kind-fault")).to_be_visible()
    expect(page.locator("#name")).to_have_value("Ramkali <b>")
    expect(page.locator("#phone")).to_have_value("12345")
    expect(page.locator("#confidential")).to_be_checked()
    _fits(page)
    page.locator("#phone").fill("9876543210")
    page.locator("label.pick").nth(2).tap()
    page.locator("#text").fill("A street light for our lane")
    ticket = _file(page)
    assert site.intake.receipts.event(ticket).kind == "demand"
    assert site.intake.receipts.event(ticket).confidential


def test_store_away_keeps_the_words_and_names_the_call_centre(site: Site, page: Page) -> None:
    page.goto(site.url)
    _fill(page)
    site.intake.down()
    answer = _send(page)
    assert answer.status == 503
    assert answer.headers["retry-after"].isdigit()
    expect(page.locator("#text")).to_have_value(WORDS)
    expect(page.locator("#block")).to_have_value("akaltara")
    expect(page.locator("#notice")).to_contain_text("7970001634")
    expect(page.locator("#notice")).to_contain_text("सोमवार से शुक्रवार")
    _fits(page)
    site.intake.down(False)
    _file(page)


def test_danger_is_answered_with_the_emergency_number(site: Site, page: Page) -> None:
    page.goto(site.url)
    _fill(page)
    page.locator("#text").fill("बिजली का तार टूटकर सड़क पर गिरा है, करंट आ रहा है")
    _file(page)
    expect(page.locator(".alarm-call").first).to_have_attribute("href", "tel:112")
    expect(page.locator(".alarm-call").nth(1)).to_have_attribute("href", "tel:1077")
    _fits(page)


def test_not_satisfied_with_a_reason_opens_the_case_again(site: Site, page: Page) -> None:
    ticket = _resolved(site, page)
    expect(page.locator("button.yes")).to_be_visible()
    _fits(page)
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.locator("button.no").tap()
    assert answer.value.status == 422
    expect(page.locator("#reason-fault")).to_be_visible()
    page.locator("#reason").fill("पानी अब भी नहीं आता")
    page.locator("button.no").tap()
    expect(page.locator(".notice-done")).to_be_visible()
    case = site.intake.case(ticket)
    assert (case.state, case.history[-1].note) == ("assigned", "पानी अब भी नहीं आता")


def test_satisfied_closes_the_case(site: Site, page: Page) -> None:
    ticket = _resolved(site, page)
    page.locator("button.yes").tap()
    expect(page.locator(".notice-done")).to_be_visible()
    assert site.intake.case(ticket).state == "closed"


def test_wrong_link_is_a_kind_page(site: Site, page: Page) -> None:
    answer = page.goto(f"{site.url}/s/2600104245/wrong")
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("h1")).to_contain_text("नहीं मिला")
    _fits(page)


def _resolved(site: Site, page: Page) -> str:
    """A case that the office says is done, open in the browser."""
    page.goto(site.url)
    _fill(page)
    ticket = _file(page)
    at = site.intake.clock.advance(hours=5)
    moves: tuple[tuple[str, str, str, str | None], ...] = (
        ("assign", "assigned", "routing", None),
        ("acknowledge", "acknowledged", "officer", None),
        ("resolve", "resolved", "officer", "हैंडपंप सुधार दिया गया"),
    )
    history = tuple(
        Entry(
            n=n,
            at=at + timedelta(hours=n),
            action=action,
            state=state,
            role=role,
            note=note,
            public=True,
            data={"office": "phe-akaltara"} if action == "assign" else {},
        )
        for n, (action, state, role, note) in enumerate(moves, start=1)
    )
    site.intake.clock.advance(hours=30)
    site.intake.route(ticket, state="resolved", history=history, resolved_at=history[-1].at)
    page.goto(page.url.partition("?")[0])
    return ticket
