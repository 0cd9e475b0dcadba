"""The phone simulator in a real browser: what a citizen does on it, as the webhook gets it, and what he is
sent, as he sees it. Nothing is asked of other places, and what people write is shown, not obeyed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from services.cli.stack import Stack
from services.standins.registry import load_registry
from services.standins.samples import samples
from tests.e2e.client import Line, until
from tests.e2e.phone_page import (
    NARROW,
    NUMBER,
    Open,
    Site,
    choose,
    chromium,
    looking,
    message,
    say,
    serving_site,
)
from tests.e2e.telling import new_phone

LEAST_TARGET = 44
BUTTONS = {
    "type": "button",
    "body": {"text": "क्या करना है?"},
    "action": {
        "buttons": [
            {"type": "reply", "reply": {"id": "kind:complaint", "title": "शिकायत"}},
            {"type": "reply", "reply": {"id": "kind:demand", "title": "माँग"}},
        ]
    },
}
LIST = {
    "type": "list",
    "header": {"type": "text", "text": "विषय"},
    "body": {"text": "कौन-सा?"},
    "footer": {"text": "या लिखिए"},
    "action": {
        "button": "विषय चुनिए",
        "sections": [
            {"title": "पानी", "rows": [{"id": "pump", "title": "हैंडपंप", "description": "खराब"}]},
            {"title": "बाकी", "rows": [{"id": "road", "title": "सड़क"}]},
        ],
    },
}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving_site(tmp_path) as site:
        yield site


@pytest.fixture
async def open_() -> AsyncIterator[Open]:
    async with chromium() as browser, looking(browser) as open_:
        yield open_


async def test_a_word_its_ticks_and_the_answer(site: Site, open_: Open) -> None:
    page = await open_(site.url)
    await expect(page.get_by_test_id("phone")).to_have_attribute("data-who", NUMBER)
    await page.get_by_test_id("greet").click()
    mine = message(page, "text")
    await expect(mine.get_by_test_id("text")).to_have_text("नमस्ते")
    await expect(mine).to_have_attribute("data-status", "delivered")
    item = await site.item("text")
    assert (item["from"], item["text"]) == (NUMBER, {"body": "नमस्ते"})
    typing = {"status": "read", "message_id": item["id"], "typing_indicator": {"type": "text"}}
    assert await site.graph(**typing) == {"success": True}
    await expect(mine).to_have_attribute("data-status", "read")
    await expect(page.get_by_test_id("typing")).to_have_text("लिख रहे हैं…")
    await site.send("मैं *संवाद* हूँ: https://example.org/s/1.")
    theirs = message(page, "text", "theirs")
    await expect(theirs.get_by_test_id("text")).to_have_text("मैं संवाद हूँ: https://example.org/s/1.")
    await expect(theirs.locator("strong")).to_have_text("संवाद")
    await expect(theirs.locator("a")).to_have_attribute("href", "https://example.org/s/1")
    await expect(page.get_by_test_id("typing")).not_to_have_text("लिख रहे हैं…")

    # it is on the screen: the webhook hears that it was read
    async def read() -> bool:
        return any(status["status"] == "read" for status in site.items("statuses"))

    await until(read, "a receipt of reading", 10)


async def test_buttons_and_a_list_are_tapped(site: Site, open_: Open) -> None:
    page = await open_(site.url)
    await say(page, "शिकायत")
    await site.send(BUTTONS)
    await page.get_by_test_id("reply-button").nth(1).click()
    item = await site.item("interactive")
    tapped = {"type": "button_reply", "button_reply": {"id": "kind:demand", "title": "माँग"}}
    assert item["interactive"] == tapped
    asked = await message(page, "interactive", "theirs").get_attribute("data-id")
    assert item["context"]["id"] == asked
    await expect(message(page, "tap").get_by_test_id("quote")).to_contain_text("क्या करना है?")
    await site.send(LIST)
    rows = message(page, "interactive", "theirs")
    await expect(rows.locator(".bubble")).to_contain_text("विषय")
    await expect(rows.locator(".bubble")).to_contain_text("या लिखिए")
    # by the keyboard: the sheet takes the focus and gives it back
    opener = rows.get_by_test_id("list-open")
    await expect(opener).to_have_text("विषय चुनिए")
    await opener.press("Enter")
    sheet = page.get_by_test_id("sheet")
    await expect(sheet).to_be_visible()
    await expect(sheet.get_by_test_id("list-row")).to_have_text(["हैंडपंपखराब", "सड़क"])
    await expect(sheet.get_by_test_id("list-row").first).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await expect(opener).to_be_focused()
    await opener.press("Enter")
    await page.keyboard.press("Enter")
    await expect(message(page, "tap").get_by_test_id("text")).to_have_text("हैंडपंप")

    async def chosen() -> bool:
        return (await site.item("interactive"))["interactive"]["type"] == "list_reply"

    await until(chosen, "the row", 10)
    reply = (await site.item("interactive"))["interactive"]["list_reply"]
    assert reply == {"id": "pump", "title": "हैंडपंप", "description": "खराब"}


async def test_a_photo_and_voice_notes(site: Site, open_: Open, tmp_path: Path) -> None:
    page = await open_(site.url)
    photo = tmp_path / "नल.jpg"
    photo.write_bytes(samples()["photo"].content)
    await page.get_by_test_id("attach").click()
    async with page.expect_file_chooser() as chooser:
        await page.get_by_test_id("attach-photo").click()
    await (await chooser.value).set_files(photo)
    await expect(page.get_by_test_id("bar")).to_contain_text("नल.jpg")
    await say(page, "यह देखिए")
    image = (await site.item("image"))["image"]
    digest = base64.b64encode(hashlib.sha256(photo.read_bytes()).digest()).decode()
    assert (image["caption"], image["sha256"], image["mime_type"]) == (
        "यह देखिए", digest, "image/jpeg"
    )  # fmt: skip
    shown = message(page, "image").locator("img")
    await expect(shown).to_have_js_property("naturalWidth", 192)

    async def duration(what: Locator) -> float:
        seconds: float = await what.evaluate(
            "sound => sound.duration || new Promise(ok => "
            "{ sound.onloadedmetadata = () => ok(sound.duration) })"
        )
        return seconds

    await page.get_by_test_id("attach").click()
    await page.get_by_test_id("attach-sample-voice").click()
    assert 1.4 < await duration(message(page, "audio").locator("audio")) < 1.6
    assert (await site.item("audio"))["audio"]["voice"] is True
    # from the microphone: kept as a phone would send it, and it can be heard
    await page.get_by_test_id("record").click()
    await expect(page.get_by_test_id("recording").get_by_role("timer")).to_have_text("0:01")
    await page.get_by_test_id("record-send").click()
    await expect(page.locator("[data-kind=audio]")).to_have_count(2)
    assert await duration(message(page, "audio").locator("audio")) > 0.8

    async def recorded() -> bool:
        return sum(item["type"] == "audio" for item in site.items()) == 2

    await until(recorded, "the recording", 10)
    audio = (await site.item("audio"))["audio"]
    assert (audio["voice"], audio["mime_type"]) == (True, "audio/ogg; codecs=opus")
    # one that is thrown away goes nowhere
    await page.get_by_test_id("record").click()
    await page.get_by_test_id("record-cancel").click()
    await expect(page.get_by_test_id("record")).to_be_focused()
    await expect(page.locator("[data-kind=audio]")).to_have_count(2)


async def test_a_place(site: Site, open_: Open) -> None:
    page = await open_(site.url)
    await page.get_by_test_id("attach").click()
    await page.get_by_test_id("attach-location").click()
    await page.get_by_test_id("place").first.click()
    place = (await site.item("location"))["location"]
    assert (place["name"], place["latitude"]) == ("तरौद", 21.9706)
    await expect(message(page, "location")).to_contain_text("21.9706, 82.4753")
    await page.get_by_test_id("attach").click()
    await page.get_by_test_id("attach-location").click()
    await page.get_by_test_id("latitude").fill("91")
    await page.get_by_test_id("send-place").click()
    await expect(page.get_by_test_id("sheet").get_by_role("alert")).to_contain_text("-90")
    await page.get_by_test_id("latitude").fill("21.5")
    await page.get_by_test_id("send-place").click()
    await expect(message(page, "location")).to_contain_text("21.5000")


async def test_answered_edited_taken_back_and_reacted_to(site: Site, open_: Open) -> None:
    page = await open_(site.url)
    await say(page, "पानी नहीं आता")
    await site.send("कब से?")
    theirs = message(page, "text", "theirs")
    wamid = await theirs.get_attribute("data-id")
    await choose(page, theirs, "do-reply")
    await say(page, "तीन दिन से")
    await expect(message(page, "text").get_by_test_id("quote")).to_contain_text("कब से?")
    assert (await site.item("text"))["context"]["id"] == wamid
    await choose(page, message(page, "text"), "do-edit")
    await expect(page.get_by_test_id("text-box")).to_have_value("तीन दिन से")
    await say(page, "चार दिन से")
    await expect(message(page, "text").get_by_test_id("text")).to_have_text("चार दिन से")
    edit = (await site.item("edit"))["edit"]
    assert edit["message"] == {"type": "text", "text": {"body": "चार दिन से"}}
    await choose(page, theirs, "do-react")
    await expect(theirs.get_by_test_id("reaction")).to_have_text("👍")
    assert (await site.item("reaction"))["reaction"] == {"message_id": wamid, "emoji": "👍"}
    await choose(page, message(page, "text"), "do-delete")
    await expect(message(page, "text")).to_contain_text("आपने यह संदेश हटाया")
    assert (await site.item("revoke"))["revoke"] == {
        "original_message_id": edit["original_message_id"]
    }


async def test_a_template_is_shown_as_one(site: Site, open_: Open) -> None:
    page = await open_(site.url)
    (name, language), text = next(iter(load_registry().whatsapp.items()))
    parameters = [{"type": "text", "text": "7970001634"}] * len(text.variables)
    template = {
        "name": name,
        "language": {"code": language},
        "components": [{"type": "body", "parameters": parameters}],
    }
    await site.graph(type="template", template=template, to=NUMBER)
    shown = message(page, "template", "theirs")
    await expect(shown).to_have_attribute("data-template", name)
    await expect(shown.get_by_test_id("template")).to_contain_text(name)
    await expect(shown.get_by_test_id("text")).to_contain_text("7970001634")


async def test_phones_beside_each_other_one_without_a_number(site: Site, open_: Open) -> None:
    page = await open_(site.url)
    await page.get_by_test_id("add-phone").click()
    dialog = page.get_by_test_id("new-phone")
    await dialog.locator("#new-name").fill("मोहन")
    await dialog.locator("#new-number").fill("12")
    await dialog.locator("#new-add").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("दस अंकों")
    await dialog.locator("input[value=user]").check()
    await dialog.locator("#new-add").click()
    phones = page.get_by_test_id("phone")
    await expect(phones).to_have_count(2)
    await phones.nth(1).get_by_test_id("greet").click()
    item = await site.item("text")
    user = await phones.nth(1).get_attribute("data-who")
    assert user is not None
    assert (item["from_user_id"], "from" in item) == (user, False)
    await site.send("नमस्ते मोहन जी", recipient=user)
    await expect(message(phones.nth(1), "text", "theirs")).to_be_visible()
    await expect(phones.nth(0).get_by_test_id("message")).to_have_count(0)
    # in the other language, and after a reload, they are the same phones with the same chats
    await page.locator("#language").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(phones).to_have_count(2)
    await expect(phones.nth(1).get_by_test_id("message")).to_have_count(2)
    await phones.nth(0).get_by_test_id("phone-menu").click()
    await page.get_by_test_id("remove-phone").click()
    await expect(phones).to_have_attribute("data-who", user)


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> javascript:alert(3) *<b>x</b>*"


async def test_what_is_written_is_shown_and_never_obeyed(site: Site, open_: Open) -> None:
    page = await open_(site.url)
    await say(page, HOSTILE)
    await site.send(HOSTILE)
    await site.send({**BUTTONS, "body": {"text": HOSTILE}, "footer": {"text": "<i>x</i>"}})
    await site.http.post("/api/inbound", json={"from": NUMBER, "text": "x", "name": "<b>आशा</b>"})
    shown = HOSTILE.replace("*", "")
    await expect(message(page, "text", "theirs").get_by_test_id("text")).to_have_text(shown)
    await expect(message(page, "interactive", "theirs").locator(".footer")).to_have_text("<i>x</i>")
    await expect(page.get_by_test_id("chat").locator("img, script, b, i, a")).to_have_count(0)


async def test_nobody_answers(site: Site, open_: Open) -> None:
    page = await open_(site.url)
    await expect(page.get_by_test_id("greet")).to_be_visible()
    await page.route("**/api/**", lambda route: route.abort("failed"))
    await page.get_by_test_id("text-box").fill("पानी नहीं आता")
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("complaint")).to_contain_text("संदेश नहीं गया")
    await expect(page.locator(".offline")).to_be_visible()
    await expect(page.get_by_test_id("text-box")).to_have_value("पानी नहीं आता")
    await page.unroute("**/api/**")
    await page.get_by_test_id("send").click()
    await expect(message(page, "text")).to_have_attribute("data-status", "delivered")
    await expect(page.locator(".offline")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_small_screen(scheme: str, site: Site, open_: Open) -> None:
    page = await open_(
        site.url, viewport=NARROW, color_scheme=scheme, has_touch=True, is_mobile=True
    )
    await page.get_by_test_id("greet").tap()
    await expect(message(page, "text")).to_be_visible()
    await site.send({**LIST, "body": {"text": "लंबाशब्द" * 40}})
    await expect(page.get_by_test_id("list-open")).to_be_visible()
    await page.get_by_test_id("add-phone").tap()
    await page.locator("#new-name").fill("मोहन")
    await page.locator("#new-add").tap()
    tabs = page.get_by_test_id("tab")
    await expect(tabs).to_have_count(2)
    await expect(page.locator(".phone:visible")).to_have_count(1)
    await site.send("और एक")
    await expect(tabs.first.locator(".count")).to_have_text("1")
    await tabs.first.tap()
    await expect(tabs.first.locator(".count")).to_be_hidden()
    await page.get_by_test_id("list-open").tap()
    await expect(page.get_by_test_id("list-row").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    for handle in await page.locator("a:visible, button:visible, textarea:visible").all():
        box = await handle.bounding_box()
        assert box is not None
        label = f"{await handle.get_attribute('aria-label') or await handle.inner_text()}: {box}"
        assert box["x"] >= -0.5 and box["x"] + box["width"] <= NARROW["width"] + 0.5, label
        is_menu = await handle.get_attribute("data-testid") == "message-menu"
        assert box["height"] >= (36 if is_menu else LEAST_TARGET), label


async def test_a_word_through_the_whole_line(line: Stack, open_: Open) -> None:
    """The real webhook takes it, the chatbot answers, notify sends, the phone shows it, and the webhook is
    told so."""
    at = Line(line)
    number = new_phone().removeprefix("+")
    try:
        before = await at.metric("intake-whatsapp", "samvad_whatsapp_received_total")
        page = await open_(line.url("standins"), number=number)
        phone = page.get_by_test_id("phone")
        await phone.get_by_test_id("text-box").fill("नमस्ते")
        await phone.get_by_test_id("text-box").press("Enter")
        answer = phone.locator("[data-testid=message][data-side=theirs]").first
        await expect(answer).to_be_visible(timeout=30_000)
        await expect(answer).to_have_attribute("data-status", "read", timeout=30_000)
        assert await at.metric("intake-whatsapp", "samvad_whatsapp_received_total") > before
    finally:
        await at.http.aclose()
