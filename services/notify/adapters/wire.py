"""What the providers' clients share: one HTTP client with bounds, and what a broken call may mean."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from services.notify.core.outcomes import Kind, Outcome

MOST_ANSWER = 64 * 1024
"""Bytes of an answer's body. The providers' own are far below 1 KiB."""


@dataclass(frozen=True)
class Bounds:
    """Seconds; each phase of a call has its own. None of them makes a call start again."""

    slot: float = 5.0
    """Until there is a connection: the wait for a free one and the making of a new one together."""
    connect: float = 3.0
    """One attempt to connect to one address of the provider, TLS included."""
    write: float = 5.0
    read: float = 10.0
    """Without a byte of the answer, after the request was written."""
    keep_alive: float = 2.0
    """Shorter than any server's, so that a request seldom meets a connection just being closed: whether
    it was read could not be told then, and the message would end as unknown."""
    connections: int = 64


@dataclass(frozen=True)
class Answer:
    """What a provider answered. Names of `headers` are in lower case.

    `body` is empty where it was longer than MOST_ANSWER: no answer that one could read, so that its
    status alone is judged.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as UTF-8 whatever its headers say: what is judged in it is ASCII."""
        return self.body.decode("utf-8", "replace")


class Client:
    """Makes the calls to one provider. Made by `http_client`."""

    def __init__(self, session: aiohttp.ClientSession, write: float) -> None:
        self._session = session
        self._write = write

    async def post(
        self,
        provider: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        judge: Callable[[Answer], Outcome],
    ) -> Outcome:
        """One call; what its answer means is for `judge`. Without an answer it depends on how far it got.

        As long as nothing of `body` was written, the provider cannot have the message: no connection,
        none free, a wrong address. Whatever breaks later leaves it unknown. `body` is not empty.
        """
        sending = _Body(body, self._write)
        try:
            try:
                answer = await self._ask(url, headers, sending)
            except AlreadyClosed:
                # nothing was sent, and others that were closed with it have been noticed by now
                answer = await self._ask(url, headers, sending)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # of the error its name alone: its text may hold the address, its attributes the headers
            reason = f"{provider}_{type(error).__name__.lower()}"
            kind: Kind = "unknown" if sending.begun else "transient"
            return Outcome(kind, reason, whole_provider=True)
        return judge(answer)

    async def _ask(self, url: str, headers: Mapping[str, str], sending: _Body) -> Answer:
        try:
            async with self._session.post(
                url, data=sending, headers=headers, allow_redirects=False
            ) as response:
                if not sending.begun:
                    # it lay there before our request: some servers say so that they will close
                    response.close()
                    raise AlreadyClosed
                body = await _body(response.content)
                names = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, names, body)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if sending.begun:
                raise
            raise AlreadyClosed from error


class AlreadyClosed(aiohttp.ClientConnectionError):
    """The provider had given a kept-alive connection up before anything of the request was sent."""


@asynccontextmanager
async def http_client(bounds: Bounds | None = None) -> AsyncIterator[Client]:
    """A client of its own pool of connections, closed at the end of the block.

    What may have been sent is never sent again: a second request is a second message. No redirects:
    they would carry credentials. No proxy and no credentials from the environment, no cookies.
    """
    bounds = bounds or Bounds()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=bounds.connections, keepalive_timeout=bounds.keep_alive
        ),
        # the library's `connect` begins with the wait for a free connection, `sock_connect` after it
        timeout=aiohttp.ClientTimeout(
            total=None, connect=bounds.slot, sock_connect=bounds.connect, sock_read=bounds.read
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": "samvad", "Accept-Encoding": "gzip, deflate"},
        read_bufsize=MOST_ANSWER,
    ) as session:
        yield Client(session, bounds.write)


class _Body(aiohttp.BytesPayload):
    """A request's body that knows whether its writing has begun, and bounds it: the library does not."""

    def __init__(self, body: bytes, seconds: float) -> None:
        super().__init__(body)
        self.begun = False
        self._seconds = seconds

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """The headers go out with the body's first bytes, so until then nothing was sent."""
        if _closed_by_peer(writer.transport):
            raise aiohttp.ClientConnectionResetError
        self.begun = True
        async with asyncio.timeout(self._seconds):
            await super().write_with_length(writer, content_length)


def _closed_by_peer(transport: asyncio.WriteTransport | None) -> bool:
    """Also what the kernel knows, but the loop has not come to yet."""
    if transport is None or transport.is_closing():
        return True
    poll = select.poll()
    # only Linux tells a close without reading; elsewhere a reset alone is seen
    poll.register(transport.get_extra_info("socket").fileno(), getattr(select, "POLLRDHUP", 0))
    return bool(poll.poll(0))


async def _body(content: aiohttp.StreamReader) -> bytes:
    """All of it; empty if it is longer than MOST_ANSWER, the rest of which is then left unread."""
    body = bytearray()
    while chunk := await content.readany():
        body += chunk
        if len(body) > MOST_ANSWER:
            return b""
    return bytes(body)


def retry_after(answer: Answer) -> float | None:
    """Seconds of a Retry-After header, at most an hour; None without one, or where it is a date."""
    text = answer.headers.get("retry-after", "").strip()
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None
