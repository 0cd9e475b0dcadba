"""Stand-ins for the message providers, for development and tests: real wire formats, nothing is sent."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime

from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.http import instrument
from services.kernel.adapters.process import CannotStart, run, serve
from services.kernel.adapters.settings import Settings
from services.standins import sms, whatsapp
from services.standins.behaviour import Behaviour, Behaviours, ProviderName
from services.standins.journal import Journal
from services.standins.page import Page
from services.standins.registry import load_registry

NAME = "standins"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class NotForProduction(CannotStart):
    """Stand-ins take messages that citizens wait for, and deliver them to nobody."""


def create_app(settings: Settings) -> FastAPI:
    """Raises NotForProduction. Messages are kept under `settings.home`/standins."""
    if settings.env == "production":
        raise NotForProduction("the stand-ins refuse to start with SAMVAD_ENV=production")
    clock = system_clock(settings.clock_offset)
    journal = Journal(settings.home / NAME / "messages.jsonl")
    behaviours = Behaviours(time.monotonic)
    registry = load_registry()
    page = Page()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        behaviours.reset()
        journal.close()

    app = FastAPI(title="Samvad provider stand-ins", lifespan=lifespan, openapi_url=None)
    instrument(app, {NAME: _ready})
    app.include_router(
        whatsapp.router(
            journal,
            behaviours,
            registry,
            clock,
            phone_number_id=settings.whatsapp_phone_number_id,
            token=settings.whatsapp_token.get_secret_value(),
        )
    )
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

    @app.get("/", response_class=HTMLResponse)
    async def messages_page(lang: str = "hi", group: str = "", to: str = "") -> HTMLResponse:
        text = page.render(journal, lang=lang, group=group, to=to[:20])
        return HTMLResponse(text, headers=HEADERS)

    @app.get("/api/messages")
    async def messages(
        to: str = "",
        ticket: str = "",
        since: AwareDatetime | None = None,
        provider: ProviderName | None = None,
        accepted: bool | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> dict[str, Any]:
        """The newest `limit`, oldest first. `ticket` is looked for in text and key."""
        found = journal.find(
            to=to, text=ticket, since=since, provider=provider or "", accepted=accepted
        )
        newest = list(islice(found, limit))
        return {"count": len(newest), "messages": [t.as_json() for t in reversed(newest)]}

    @app.delete("/api/messages")
    async def forget() -> dict[str, int]:
        return {"forgotten": journal.clear()}

    @app.get("/api/duplicates")
    async def duplicates() -> dict[str, Any]:
        """`count`: messages that a phone got more often than once, beyond the first."""
        count, found = journal.duplicates()
        return {"count": count, "duplicates": found}

    @app.get("/api/behaviour")
    async def behaviour() -> dict[str, Any]:
        return {"behaviour": behaviours.current()}

    @app.post("/api/behaviour")
    async def behave(behaviour: Behaviour) -> dict[str, Any]:
        behaviours.set(behaviour)
        return {"behaviour": behaviours.current()}

    @app.delete("/api/behaviour")
    async def as_usual() -> dict[str, Any]:
        behaviours.reset()
        return {"behaviour": []}

    return app


async def _ready() -> bool:
    return True


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    await serve(stack, create_app(settings), settings.host, settings.standins_port, stopping)


def main() -> None:
    try:
        run(NAME, _main)
    except NotForProduction as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
