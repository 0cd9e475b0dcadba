"""A whole conversation in the simulator: from the greeting to the number, the photo at the desk, "not done",
and the case open again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from services.cli.stack import Stack
from tests.e2e.client import Line, bearer, until
from tests.e2e.phone_page import Open, chromium, looking, say
from tests.e2e.telling import new_phone

WAIT_MS = 30_000


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest.fixture
async def open_(browser: Browser) -> AsyncIterator[Open]:
    async with looking(browser) as visit:
        yield visit


async def answered(page: Page, *words: str) -> None:
    """The last message of the chatbot holds these words."""
    last = page.locator("[data-testid=message][data-side=theirs]").last
    for one in words:
        await expect(last).to_contain_text(one, timeout=WAIT_MS)


async def tap(page: Page, title: str) -> None:
    await page.get_by_test_id("reply-button").filter(has_text=title).last.click()


async def resolve(at: Line, ticket: str, token: str) -> None:
    """The officer takes the case on and says that it is done."""
    for action in ("acknowledge", "start", "resolve"):
        case = await at.case_where(ticket, token, lambda case: case, "seen by the officer")
        more: dict[str, Any] = {"note": "हैंडपंप सुधार दिया गया है", "public": True} if action == "resolve" else {}
        done = await at.act(
            ticket, token, action=action, expected_version=case["version"], **more
        )
        assert done.status_code == 200, done.text


async def test_from_the_greeting_to_not_satisfied_and_open_again(
    line: Stack, open_: Open, browser: Browser
) -> None:
    at = Line(line)
    number = new_phone().removeprefix("+")
    try:
        page = await open_(line.url("standins"), number=number, name="सीता बाई")
        await say(page, "नमस्ते")
        await answered(page, "जांजगीर-चांपा")
        await say(page, "हमारे मोहल्ले का हैंडपंप तीन दिन से खराब है")
        await answered(page, "किस बारे में")
        await tap(page, "हैंडपंप खराब")
        await answered(page, "कहाँ की बात")
        await say(page, "तरोद")
        await answered(page, "किसके नाम से")
        await tap(page, "सीता बाई")
        await answered(page, "तरौद, अकलतरा", "हैंडपंप खराब")
        await page.get_by_test_id("attach").click()
        await page.get_by_test_id("attach-sample-photo").click()
        await page.get_by_test_id("send").click()
        await answered(page, "📷 1")
        await tap(page, "दर्ज करें")
        told = page.locator("[data-testid=message][data-side=theirs]").filter(has_text="JC-").first
        await expect(told).to_be_visible(timeout=WAIT_MS)
        found = re.search(r"JC-(\d{10})", await told.inner_text())
        assert found is not None
        ticket = found[1]

        # the officer sees the photo: the one of his office who got the case
        case = await at.case_where(ticket, at.token("collector"), lambda one: one["officer"], "routed")
        token = at.token("officer", case["officer"])
        case = await at.case_where(ticket, token, lambda case: case, "seen by the officer")
        (medium,) = case["media"]

        async def photo() -> bytes | None:
            url = line.url("desk", f"/api/v1/cases/{ticket}/media/{medium['id']}")
            answer = await at.http.get(url, headers=bearer(token))
            return answer.content if answer.status_code == 200 else None

        assert (await until(photo, "the photo at the desk")).startswith((b"\xff\xd8", b"\x89PNG"))

        await resolve(at, ticket, token)
        await answered(page, ticket, "संतुष्ट")
        await tap(page, "नहीं, काम नहीं हुआ")
        await answered(page, "क्या काम बाकी है")
        await say(page, "अभी भी पानी नहीं आ रहा")
        await answered(page, "फिर से खोल दी गई है")
        again = await at.case_where(ticket, token, lambda one: one["state"] == "assigned", "open again")
        reopened = next(one for one in reversed(again["history"]) if one["action"] == "reopen")
        assert reopened["note"] == "अभी भी पानी नहीं आ रहा"
        # in the chat he was answered, so nothing else tells him of what he did himself
        texts = [m["text"] for m in await at.messages(ticket) if m["to"] == number]
        assert sum("फिर से खोल" in text for text in texts) == 1
        assert sum("दर्ज हो" in text for text in texts) == 1
    finally:
        await at.http.aclose()
