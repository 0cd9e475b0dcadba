"""A lean HTTP client for load: keep-alive connections, one request at a time on each.

The load shares the machine with what it measures, so the client must cost little: the general clients
cost as much as the services' own work. It reads what our servers write (a Content-Length on every answer)
and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

import orjson

ANSWER_SECONDS = 30.0


class Broken(Exception):
    """The connection ended before the answer was whole."""


class Answer:
    """`body` as it came; `json` reads it."""

    __slots__ = ("body", "status")

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self.open = True

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        top = bytes(self._received[:head]).lower()
        at = top.find(b"content-length:")
        if at < 0:
            self._fail("an answer without a Content-Length")
            return
        length = int(top[at + 15 : at + 40].split(b"\r\n", 1)[0])
        end = head + 4 + length
        if len(self._received) < end:
            return
        answer = Answer(int(top[9:12]), bytes(self._received[head + 4 : end]))
        del self._received[:end]
        if b"connection: close" in top:
            self.close()
        waiting, self._answer = self._answer, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection was closed")

    def _fail(self, why: str) -> None:
        self.close()
        waiting, self._answer = self._answer, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(Broken(why))

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        assert self._transport is not None and self._answer is None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.close()


class Http:
    """One server on 127.0.0.1. Connections are made as they are needed, and used again."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._port = port
        self._idle: deque[_Connection] = deque()
        self._all: list[_Connection] = []
        lines = {"Host": f"127.0.0.1:{port}", **(headers or {})}
        self._common = "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode()

    async def post(
        self, path: str, body: bytes, headers: bytes = b"", kind: str = "application/json"
    ) -> Answer:
        """`headers`: further lines, each ended by CRLF. Raises Broken, TimeoutError, OSError."""
        head = (
            f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n".encode()
        )
        return await self._ask(head + self._common + headers + b"\r\n" + body)

    async def get(self, path: str, headers: bytes = b"") -> Answer:
        """As `post`."""
        return await self._ask(f"GET {path} HTTP/1.1\r\n".encode() + self._common + headers + b"\r\n")

    async def _ask(self, request: bytes) -> Answer:
        connection = await self._connection()
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await connection.ask(request)
        if connection.open:
            self._idle.append(connection)
        return answer

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        self._all.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._all:
            connection.close()
