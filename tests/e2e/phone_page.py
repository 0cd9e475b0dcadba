"""The phone simulator as tests use it: stand-ins on a port of their own with a customer behind the webhook,
and Chromium, in which nothing may go wrong unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web
from playwright.async_api import Browser, Locator, Page

from services.cli.stack import Ports
from services.kernel.adapters.process import serve
from services.kernel.adapters.settings import Settings
from services.standins import mail
from services.standins.app import create_app
from services.standins.media_store import MOST_BODY
from tests.e2e.browser import running
from tests.e2e.client import until

NUMBER = "919999900101"
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 360, "height": 740}
WAIT_MS = 10_000
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
Json = dict[str, Any]
Open = Callable[..., Awaitable[Page]]


@dataclass
class Site:
    """Stand-ins on a port of their own, and the customer whose webhook they call."""

    http: httpx.AsyncClient
    settings: Settings
    bodies: list[Json] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    async def hook(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        return web.Response()

    def items(self, name: str = "messages") -> list[Json]:
        changes = [change for body in self.bodies for change in body["entry"][0]["changes"]]
        return [item for change in changes for item in change["value"].get(name, ())]

    async def item(self, kind: str) -> Json:
        """The last message of that type, once there is one."""

        async def look() -> Json | None:
            return next((one for one in reversed(self.items()) if one["type"] == kind), None)

        found: Json = await until(look, f"a message of type {kind}", 10)
        return found

    async def graph(self, **body: Any) -> Json:
        """What notify asks of the Cloud API."""
        number = self.settings.whatsapp_phone_number_id
        token = self.settings.whatsapp_token.get_secret_value()
        answer = await self.http.post(
            f"/whatsapp/{number}/messages",
            json={"messaging_product": "whatsapp", **body},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def send(self, content: Json | str, **to: str) -> None:
        part: Json = {"type": "text", "text": {"body": content}}
        if not isinstance(content, str):
            part = {"type": "interactive", "interactive": content}
        await self.graph(**part, **(to or {"to": NUMBER}))


@asynccontextmanager
async def serving_site(home: Path) -> AsyncIterator[Site]:
    ports = Ports.free()
    hook = web.Application()
    runner = web.AppRunner(hook)
    url = f"http://127.0.0.1:{ports['standins']}"
    settings = Settings(
        home=home, whatsapp_webhook=f"http://127.0.0.1:{ports['intake-whatsapp']}/hook"
    )
    async with AsyncExitStack() as stack:
        site = Site(await stack.enter_async_context(httpx.AsyncClient(base_url=url)), settings)
        hook.router.add_post("/hook", site.hook)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", ports["intake-whatsapp"]).start()
        app = create_app(settings, mail.listen("127.0.0.1", 0))
        await serve(
            stack, app, "127.0.0.1", ports["standins"], asyncio.Event(), max_bytes=MOST_BODY
        )
        yield site


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """With a microphone that hums."""
    async with running(*MICROPHONE) as browser:
        yield browser


@asynccontextmanager
async def looking(browser: Browser) -> AsyncIterator[Open]:
    """Opens the simulator: `page = await open_(url, viewport=NARROW)`. In the end: nothing went wrong, and
    nothing was asked of another origin."""
    troubles: list[str] = []

    async def visit(
        url: str, lang: str = "hi", *, number: str = NUMBER, name: str = "आशा", **options: Any
    ) -> Page:
        context = await browser.new_context(
            **{"viewport": WIDE, "permissions": ["microphone"], **options}
        )
        context.set_default_timeout(WAIT_MS)
        page = await context.new_page()

        def told(kind: str, text: str) -> None:
            # what a test itself cuts off is no trouble
            if kind == "error" and "ERR_FAILED" not in text:
                troubles.append(text)

        def asked(address: str) -> None:
            if not address.startswith((url, "blob:")):
                troubles.append(f"another origin: {address}")

        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: told(message.type, message.text))
        page.on("request", lambda request: asked(request.url))
        await page.goto(f"{url}/phone?lang={lang}&number={number}&name={name}")
        return page

    yield visit
    assert troubles == []


def message(page: Page | Locator, kind: str, side: str = "mine") -> Locator:
    """The last one of a kind."""
    return page.locator(f"[data-testid=message][data-kind={kind}][data-side={side}]").last


async def say(page: Page, text: str) -> None:
    """Writes it, until the stand-in has it."""
    await page.get_by_test_id("text-box").fill(text)
    async with page.expect_response("**/api/inbound") as answer:
        await page.get_by_test_id("send").click()
    assert (await answer.value).status == 202


async def choose(page: Page, what: Locator, action: str) -> None:
    """By the menu of a message."""
    await what.hover()
    await what.get_by_test_id("message-menu").click()
    await page.get_by_test_id(action).first.click()
