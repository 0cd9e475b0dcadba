"""What a citizen's browser does on the way to a case's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx

from services.intake.web.testing import MemoryIntake
from services.kernel.domain.case import Entry

Read = Callable[[httpx.Response], Any]
WORDS = "हैंडपंप ख़राब है"


async def blank(client: httpx.AsyncClient, read_page: Read, query: str = "") -> dict[str, str]:
    """The form as it comes, all fields empty."""
    values: dict[str, str] = read_page(await client.get(f"/{query}")).values
    return values


async def filed(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> tuple[str, str]:
    """A new case's ticket and the path of its page."""
    values = await blank(client, read_page)
    answer = await client.post("/", data={**values, "kind": "complaint", "text": WORDS})
    path = urlsplit(answer.headers["location"]).path
    return path.split("/")[2], path


async def resolved(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake, **fields: object
) -> tuple[str, str]:
    ticket, path = await filed(client, read_page, intake)
    at = intake.clock.advance(hours=3)
    entry = Entry(1, at, "resolve", "resolved", "officer", "officer-1", note="बन गया", public=True)
    given = {"state": "resolved", "history": (entry,), "resolved_at": at, **fields}
    intake.route(ticket, **given)
    return ticket, path


def form_of(page: Any, act: str) -> dict[str, str]:
    """What pressing the button of `act` sends: the fields of its own form."""
    sent: dict[str, str] = {}
    for tag, given in page.tags:
        if tag == "form":
            sent = {}
        if tag == "input":
            sent[given["name"]] = given["value"]
        if tag == "button" and given.get("value") == act:
            return {**sent, "act": act}
    raise AssertionError(f"no button for {act}")
