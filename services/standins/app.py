"""Stand-ins for the message providers, for development and tests: real wire formats, nothing is sent."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.http import instrument
from services.kernel.adapters.process import CannotStart, run, serve
from services.kernel.adapters.settings import Settings
from services.kernel.domain.errors import Unknown
from services.standins import api, inbound, kannel, mail, media, phone_page, sms, whatsapp
from services.standins.behaviour import Behaviours, ProviderName
from services.standins.chats import Chats
from services.standins.courier import Courier, courier_session
from services.standins.dlr import Reports
from services.standins.journal import Journal
from services.standins.media import Samples
from services.standins.media_store import MOST_BODY, MediaStore
from services.standins.page import Page
from services.standins.phone_log import PhoneLog
from services.standins.phones import Phones
from services.standins.receipts import Webhook
from services.standins.registry import load_registry
from services.standins.window import Windows

NAME = "standins"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LONGEST_ADDRESS = 254


class NotForProduction(CannotStart):
    """Stand-ins take messages that citizens wait for, and deliver them to nobody."""


def create_app(settings: Settings, smtp: socket.socket | None = None) -> FastAPI:
    """Raises NotForProduction. Messages are kept under `settings.home`/standins. Mail comes on `smtp`, which
    listens; without it on `settings.standins_smtp_port`, and starting raises CannotStart if it is taken."""
    if settings.env == "production":
        raise NotForProduction("the stand-ins refuse to start with SAMVAD_ENV=production")
    clock = system_clock(settings.clock_offset)
    journal = Journal(settings.home / NAME / "messages.jsonl")
    behaviours = Behaviours(time.monotonic)
    registry = load_registry(settings.notify_book)
    chats = Chats(Phones(), Windows(), PhoneLog(settings.home / NAME / "phones.jsonl"))
    chats.restore(journal.find(provider="whatsapp", accepted=True))
    store = MediaStore(settings.home / NAME / "media")
    ready_made = Samples(store, clock)
    webhook = Webhook(
        journal,
        chats,
        url=settings.whatsapp_webhook,
        secret=settings.whatsapp_app_secret.get_secret_value().partition(",")[0].strip(),
        phone_number_id=settings.whatsapp_phone_number_id,
    )
    reports = Reports(journal)
    token = settings.whatsapp_token.get_secret_value()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(journal.close)
            stack.callback(chats.close)
            listening = smtp or mail.listen(settings.host, settings.standins_smtp_port)
            await stack.enter_async_context(mail.serving(listening, journal, behaviours, clock))
            session = await stack.enter_async_context(courier_session())
            await stack.enter_async_context(webhook.courier.running(session))
            await stack.enter_async_context(reports.courier.running(session))
            stack.callback(behaviours.reset)
            yield

    app = FastAPI(title="Samvad provider stand-ins", lifespan=lifespan, openapi_url=None)
    instrument(app, {NAME: _ready})
    app.include_router(
        whatsapp.router(
            journal,
            behaviours,
            registry,
            webhook,
            chats,
            clock,
            numbers=_numbers(settings),
            token=token,
        )
    )
    app.include_router(media.graph_router(store, behaviours, clock, token=token))
    app.include_router(media.page_router(store, ready_made, clock))
    app.include_router(inbound.router(webhook, chats, store, ready_made, clock))
    app.include_router(
        sms.router(
            journal,
            behaviours,
            registry,
            clock,
            username=settings.sms_username,
            password=settings.sms_password.get_secret_value(),
            secure_key=settings.sms_secure_key.get_secret_value(),
            sender=settings.sms_sender,
        )
    )
    app.include_router(
        kannel.router(
            journal,
            behaviours,
            registry,
            reports,
            clock,
            username=settings.kannel_username,
            password=settings.kannel_password.get_secret_value(),
            sender=settings.sms_sender,
        )
    )
    couriers: dict[ProviderName, Courier[Any]] = {
        "whatsapp": webhook.courier,
        "kannel": reports.courier,
    }
    app.include_router(api.router(journal, chats, behaviours, couriers))
    page = Page()
    app.include_router(phone_page.router(page, chats, webhook, clock))
    _add_pages(app, page, journal)
    return app


def _numbers(settings: Settings) -> frozenset[str]:
    """The ids of the business's numbers: the one that it sends from, and those of other districts."""
    named = (part.partition(":")[0].strip() for part in settings.whatsapp_numbers.split(","))
    return frozenset({settings.whatsapp_phone_number_id, *filter(None, named)})


def _add_pages(app: FastAPI, page: Page, journal: Journal) -> None:

    @app.get("/", response_class=HTMLResponse)
    async def inbox(
        lang: str = "hi", group: str = "", to: str = "", only: str = "", still: str = ""
    ) -> HTMLResponse:
        text = page.inbox(
            journal, lang=lang, group=group, to=to[:LONGEST_ADDRESS], only=only, still=still
        )
        return HTMLResponse(text, headers=HEADERS)

    @app.get("/mail/{message}", response_class=HTMLResponse)
    async def mail_page(message: str, lang: str = "hi") -> HTMLResponse:
        taken = journal.one(message)
        if taken is None:
            raise Unknown("there is no such message", field="message")
        return HTMLResponse(page.mail(taken, lang=lang), headers=HEADERS)


async def _ready() -> bool:
    return True


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    listening = mail.listen(settings.host, settings.standins_smtp_port)
    stack.callback(listening.close)
    app = create_app(settings, listening)
    await serve(
        stack, app, settings.host, settings.standins_port, stopping, max_bytes=MOST_BODY
    )


def main() -> None:
    try:
        run(NAME, _main)
    except NotForProduction as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
