"""A provider of files on a port of its own: it speaks the Graph API for media and misbehaves as told."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from aiohttp import web

TOKEN = "graph-token"
Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Served:
    """One file. What is told of it is true unless `told` says otherwise; `look_up` and `download` answer in
    place of the server."""

    data: bytes
    told: dict[str, Any] = field(default_factory=dict)
    look_up: Answers | None = None
    download: Answers | None = None


class GraphServer:
    def __init__(self) -> None:
        self.port = 0
        self.files: dict[str, Served] = {}
        self.token = TOKEN
        self.asked: Counter[str] = Counter()
        self.downloads: Counter[str] = Counter()
        self.headers: list[tuple[str, str]] = []
        """Path and Authorization of every request."""
        self.now_open = 0
        self.most_open = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v23.0"

    def put(self, id_: str, data: bytes, **more: Any) -> Served:
        self.files[id_] = Served(data, **more)
        return self.files[id_]

    async def look_up(self, request: web.Request) -> web.StreamResponse:
        id_ = request.match_info["id"]
        self.asked[id_] += 1
        self.headers.append((request.path, request.headers.get("Authorization", "")))
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return error(401, 190)
        served = self.files.get(id_)
        if served is None:
            return error(404, 100)
        if served.look_up is not None:
            return await served.look_up(request)
        told = {
            "messaging_product": "whatsapp",
            "url": f"http://127.0.0.1:{self.port}/files/?mid={id_}&hash=A%2Fb",
            "mime_type": "image/png",
            "sha256": sha256(served.data).hexdigest(),
            "file_size": len(served.data),
            "id": id_,
            **served.told,
        }
        return web.json_response({name: value for name, value in told.items() if value is not None})

    async def download(self, request: web.Request) -> web.StreamResponse:
        id_ = request.query["mid"]
        self.downloads[id_] += 1
        self.headers.append((request.path, request.headers.get("Authorization", "")))
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        served = self.files[id_]
        self.now_open += 1
        self.most_open = max(self.most_open, self.now_open)
        try:
            if served.download is not None:
                return await served.download(request)
            await asyncio.sleep(0)
            return web.Response(body=served.data, content_type="application/octet-stream")
        finally:
            self.now_open -= 1


def error(status: int, code: int, **headers: str) -> web.Response:
    body = {"error": {"message": "no", "type": "OAuthException", "code": code}}
    return web.json_response(body, status=status, headers=headers)


def answers(status: int, code: int = 0, **headers: str) -> Answers:
    async def answer(_: web.Request) -> web.StreamResponse:
        return error(status, code, **headers)

    return answer


def leads_to(address: str, status: int = 302) -> Answers:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": address})

    return answer


def streams(data: bytes, *, length: int | None = None, cut: bool = False, hang: bool = False) -> Answers:
    """Bytes without a length, or with a wrong one; then the connection is cut, or nothing more comes."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if length is not None:
            response.content_length = length
        await response.prepare(request)
        step = 64 * 1024
        for at in range(0, len(data), step):
            await response.write(data[at : at + step])
        if hang:
            await asyncio.Event().wait()
        if cut:
            assert request.transport is not None
            request.transport.abort()
        else:
            await response.write_eof()
        return response

    return answer


def base64_of(data: bytes) -> str:
    return b64encode(sha256(data).digest()).decode()


@asynccontextmanager
async def graph_server() -> AsyncIterator[GraphServer]:
    graph = GraphServer()
    app = web.Application()
    app.router.add_get("/v23.0/{id}", graph.look_up)
    app.router.add_get("/files/", graph.download)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    graph.port = runner.addresses[0][1]
    try:
        yield graph
    finally:
        await runner.cleanup()
