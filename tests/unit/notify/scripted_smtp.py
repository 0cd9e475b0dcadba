"""A mail server on a port of the test's own that goes on, refuses, or breaks off, as a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from services.notify.adapters.smtp import Smtp, SmtpBounds

CLOSE, HANG = "close", "hang"
USUAL = {
    "CONNECT": "220 ready",
    "EHLO": "250-here\r\n250 SIZE 1000000",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "CONTENT": "250 2.0.0 queued",
    "QUIT": "221 bye",
}


class ScriptedServer:
    """`replies` by the verb: a reply, CLOSE or HANG. `mails`: every content that was read whole."""

    def __init__(self, replies: Mapping[str, str]) -> None:
        self.replies = {**USUAL, **replies}
        self.port = 0
        self.connections = 0
        self.lines: list[str] = []
        self.mails: list[bytes] = []
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            going = await self._say("CONNECT", reader, writer)
            while going:
                line = (await reader.readuntil(b"\r\n")).decode().rstrip("\r\n")
                self.lines.append(line)
                verb = line.partition(" ")[0].upper()
                going = await self._say(verb, reader, writer)
                if going and verb == "DATA" and self.replies["DATA"].startswith("354"):
                    self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    going = await self._say("CONTENT", reader, writer)
        writer.close()
        self.open.discard(writer)

    async def _say(
        self, verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the conversation goes on."""
        reply = self.replies.get(verb, "502 what?")
        if reply == CLOSE:
            return False
        if reply == HANG:
            await reader.read()
            return False
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()
        return verb != "QUIT"


@asynccontextmanager
async def mail_server(**replies: str) -> AsyncIterator[ScriptedServer]:
    served = ScriptedServer(replies)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(served.serve(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    served.port = listening.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        listening.close()
        for writer in set(served.open):
            writer.transport.abort()
        await asyncio.gather(*tasks)


def smtp(port: int, bounds: SmtpBounds | None = None, **more: Any) -> Smtp:
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "Samvad <samvad@gov.example>",
        "clock": lambda: datetime(2026, 1, 5, 4, 30, tzinfo=UTC),
        **more,
    }
    return Smtp(**settings, bounds=bounds)
