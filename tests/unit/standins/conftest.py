"""The stand-ins behind a real uvicorn, and whoever listens to them, each on a port of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI

from services.kernel.adapters.http import server
from services.kernel.adapters.settings import Settings
from services.standins import mail
from services.standins.app import create_app
from services.standins.media_store import MOST_BODY

Serving = Callable[..., Any]


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    http = server(app, "127.0.0.1", 0, MOST_BODY)
    task = asyncio.create_task(http.serve())
    try:
        while not http.started:
            assert not task.done()
            await asyncio.sleep(0.005)
        port = http.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        http.should_exit = True
        await task


@dataclass
class Listener:
    """Takes webhooks and delivery reports; answers with the statuses of `answers`, then with 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.queries.append(dict(parse_qsl(request.rel_url.raw_query_string, True)))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@dataclass(frozen=True)
class Running:
    url: str
    smtp_port: int


@asynccontextmanager
async def serving(home: Path, **settings: Any) -> AsyncIterator[Running]:
    """Fresh stand-ins that keep their journal under `home`."""
    smtp = mail.listen("127.0.0.1", 0)
    chosen: dict[str, Any] = {"whatsapp_webhook": "http://127.0.0.1:1/nobody", **settings}
    async with served(create_app(Settings(home=home, **chosen), smtp)) as url:
        yield Running(url, smtp.getsockname()[1])


@pytest.fixture
def standins_in() -> Serving:
    return serving


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application()
    app.router.add_route("*", "/hook", listener.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield listener
    await runner.cleanup()


@pytest.fixture
async def running(tmp_path: Path, listener: Listener) -> AsyncIterator[Running]:
    async with serving(tmp_path, whatsapp_webhook=listener.url) as running:
        yield running


@pytest.fixture
async def address(running: Running) -> str:
    return running.url


@pytest.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, timeout=10) as client:
        yield client
