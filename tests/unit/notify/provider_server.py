"""A provider on a port of the test's own that answers, or breaks, as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.notify.adapters.kannel import Kannel
from services.notify.adapters.mobile_seva import MobileSeva
from services.notify.adapters.whatsapp import WhatsApp
from services.notify.adapters.wire import Client
from services.notify.core.provider import Outgoing

MESSAGE = Outgoing(
    key="2600104237/case/1:citizen:abc",
    to="+919876543210",
    language="hi",
    registered="samvad_citizen_filed_v1",
    text="नमस्ते 👍",
    parameters=("सक्ती", "JC-2600104237"),
    claim="c1a1",
)
TAKEN = b'{"messages":[{"id":"wamid.x"}]}'


class Exchange:
    """The connection by which a request came that has been wholly read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(
        self, body: bytes = TAKEN, status: int = 200, *headers: str, length: int | None = None
    ) -> None:
        lines = [f"HTTP/1.1 {status} X", *headers]
        lines.append(f"Content-Length: {len(body) if length is None else length}")
        await self.write("\r\n".join([*lines, "", ""]).encode() + body)

    async def write(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def close(self) -> None:
        shut(self.writer)

    async def hang(self) -> None:
        """No answer for as long as the client waits."""
        await self.reader.read()


def shut(writer: asyncio.StreamWriter) -> None:
    """Close a connection in the kernel at once, before any loop has had a turn to notice."""
    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)


Script = Callable[[Exchange], Awaitable[None]]


class ProviderServer:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.port = 0
        self.requests: list[bytes] = []
        self.connections = 0
        self.open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                await self.script(Exchange(reader, writer))
        writer.close()
        self.open.discard(writer)


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[ProviderServer]:
    served = ProviderServer(script)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(served.serve(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=256)
    served.port = listening.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        listening.close()
        for writer in set(served.open):
            writer.transport.abort()
        await asyncio.gather(*tasks)


class Gate:
    """Answers none before it is told to, and counts how many wait at once."""

    def __init__(self) -> None:
        self.waiting = 0
        self.most = 0
        self.released = asyncio.Semaphore(0)

    async def __call__(self, exchange: Exchange) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.released.acquire()
        self.waiting -= 1
        await exchange.answer()

    def release(self, count: int) -> None:
        for _ in range(count):
            self.released.release()


def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def whatsapp(client: Client, url: str, token: str = "t") -> WhatsApp:
    return WhatsApp(client, url=f"{url}/v1/", phone_number_id="100", token=token)


def mobile_seva(client: Client, url: str, **more: str) -> MobileSeva:
    return MobileSeva(
        client,
        url=f"{url}/sms",
        username="samvad",
        password="pass word",
        secure_key="secret-key",
        sender="SAMVAD",
        **more,  # type: ignore[arg-type]
    )


def kannel(client: Client, url: str, **more: str) -> Kannel:
    settings = {
        "username": "samvad",
        "password": "pass word",
        "sender": "SAMVAD",
        "receipts_url": "http://127.0.0.1:8014/receipts/kannel",
        "secret": "receipt-secret",
        **more,
    }
    return Kannel(client, url=f"{url}/cgi-bin/sendsms", **settings)
