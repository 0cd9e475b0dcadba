"""The web intake on parts in memory, spoken to as a browser and a program speak to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx
import pytest

from services.intake.web.api import build
from services.intake.web.testing import MemoryIntake
from services.kernel.adapters.http import BodyLimit
from services.kernel.domain.directory import District


@dataclass
class Html(HTMLParser):
    """What a page holds: the values of its fields, its texts by id, its links and headings."""

    values: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    language: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, str]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "html":
            self.language = given["lang"]
        if tag == "input":
            chosen = given.get("type") not in ("radio", "checkbox") or "checked" in given
            if chosen:
                self.values[given["name"]] = given.get("value", "")
            return
        if tag in ("select", "textarea"):
            self._select = given["name"]
            self.values[given["name"]] = ""
        if tag == "option" and "selected" in given:
            self.values[self._select] = given.get("value", "")
        if tag not in ("meta", "link", "path"):
            self._open.append((tag, given.get("id", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag, id_ in self._open:
            if id_:
                self.texts[id_] = self.texts.get(id_, "") + data
            if tag == "textarea":
                text = data.removeprefix("\n")
                self.values[id_] = self.values.get(id_, "") + text


@pytest.fixture
def read_page() -> Callable[[httpx.Response], Html]:
    def read(response: httpx.Response) -> Html:
        assert response.headers["content-type"] == "text/html; charset=utf-8", response.text
        page = Html()
        page.feed(response.text)
        return page

    return read


@pytest.fixture
def intake(janjgir: District, sakti: District) -> MemoryIntake:
    return MemoryIntake(janjgir, sakti)


@pytest.fixture
async def client(intake: MemoryIntake) -> AsyncIterator[httpx.AsyncClient]:
    async def store() -> bool:
        return not intake.receipts.down

    app, shelf = build(intake.parts, {"store": store})
    await shelf.warm(intake.district)
    # a fault of ours must come out as itself, not as an answer of 500
    transport = httpx.ASGITransport(app=BodyLimit(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://samvad.test") as client:
        yield client
