"""The phone simulator: its page, its files, and what the page asks for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import orjson
import yaml
from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from services.kernel.adapters.clock import Clock
from services.kernel.domain.errors import Invalid, Unknown
from services.standins.chats import Chats
from services.standins.items import DISPLAYED
from services.standins.media_store import MOST_BYTES_OF_ONE
from services.standins.page import HERE, OTHER, Page
from services.standins.receipts import Webhook
from services.standins.whatsapp import is_address

MOST_SHOWN = 300
TYPES: Mapping[str, str] = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def router(page: Page, chats: Chats, webhook: Webhook, clock: Clock) -> APIRouter:
    routes = APIRouter()
    files = _files()

    @routes.get("/phone", response_class=HTMLResponse)
    async def phone(lang: str = "hi") -> HTMLResponse:
        lang = lang if lang in OTHER else "hi"
        data = {
            "lang": lang,
            "texts": page.texts("phone_", lang),
            "places": _places(lang),
            "business": DISPLAYED,
            "most_bytes": MOST_BYTES_OF_ONE,
        }
        text = page.phone(lang=lang, data=orjson.dumps(data).decode())
        return HTMLResponse(text, headers={**HEADERS, "Content-Security-Policy": POLICY})

    @routes.get("/static/{name}")
    async def file(name: str) -> Response:
        if name not in files:
            raise Unknown("there is no such file", field="name")
        return Response(files[name], media_type=TYPES[Path(name).suffix], headers=HEADERS)

    @routes.get("/api/phone/{who}/messages")
    async def messages(who: str, after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        """What a phone shows, and has changed since change number `after`: oldest first. `cursor` is the
        next `after`; with another `epoch` everything is to be asked for anew."""
        phone = chats.phone(_who(who))
        now = clock()
        typing = phone is not None and phone.typing_until is not None and now < phone.typing_until
        return {
            "epoch": chats.epoch,
            "cursor": chats.changes,
            "typing": typing,
            "name": phone.name if phone else "",
            "messages": [m.as_json() for m in chats.since(phone, after, MOST_SHOWN)] if phone else [],
        }

    @routes.post("/api/phone/{who}/read")
    async def seen(who: str) -> dict[str, int]:
        """The phone shows all that was delivered to it: the webhook is told so, once a message."""
        phone = chats.phone(_who(who))
        now = clock()
        count = 0
        for message in chats.unseen(phone) if phone else ():
            if message.taken is not None:
                webhook.tell_read(message.taken, now)
                count += 1
        return {"read": count}

    return routes


def _who(who: str) -> str:
    who = who.removeprefix("+")
    if not is_address(who):
        raise Invalid("a number or a user id", field="who")
    return who


@cache
def _files() -> Mapping[str, bytes]:
    folder = HERE / "static"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in TYPES}


def _places(lang: str) -> list[dict[str, Any]]:
    data = yaml.safe_load((HERE / "data" / "places.yaml").read_text(encoding="utf-8"))
    return [
        {**place, "name": place["name"][lang], "block": place["block"][lang]}
        for place in data["places"]
    ]
