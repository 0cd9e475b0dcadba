"""WhatsApp's Graph API for files: `GET {url}/{media id}` says where a file lies, a second call brings it.

The address is good for minutes and is asked for anew each time. The token goes to the API's own origin and to
hosts that are allowed by name, never elsewhere, whatever an answer says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
import orjson
from yarl import URL

from services.kernel.domain.media import LARGEST, Wanted, is_provider_id

TOTAL_SECONDS = 90.0
"""For both calls together."""
MOST_ANSWER = 64 * 1024
MOST_HOPS = 3
_LONGEST_ADDRESS = 4096
_LATER = frozenset({1, 2, 4, 17, 32, 613, 80007, 130429, 131016, 131048, 131056, 131057, 133016})
"""Codes of an API that is throttling, overloaded or in maintenance."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Trouble = Literal["again", "set_up", "gone", "missing", "damaged", "too_large"]


@dataclass(frozen=True)
class Fetched:
    """All bytes of a file. `told`: its SHA-256 as the API and the message tell it."""

    data: bytes
    told: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """Why there is no file, or not yet. `again`: the provider or the way to it failed; `set_up`: it does not
    know us, or sends us where we do not go; `gone`: it says that it has none; `missing`: it says that it has,
    but there is none at the address that it gives; `damaged`: it is not as long as told. `why` is for logs
    and holds nothing personal; `after`: seconds, as the provider wishes."""

    trouble: Trouble
    why: str
    after: float | None = None


class GraphMedia:
    """Made by `graph_media`."""

    def __init__(
        self, session: aiohttp.ClientSession, *, url: str, token: str, hosts: Collection[str] = ()
    ) -> None:
        self._session = session
        self._base = url.rstrip("/")
        self._origin = URL(url).origin()
        self._hosts = frozenset(host.strip().lower() for host in hosts if host.strip())
        self._headers = {"Authorization": f"Bearer {token}"}

    async def fetch(self, wanted: Wanted) -> Fetched | Failed:
        """The file, whole and no larger than its kind may be. It raises nothing."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._fetch(wanted)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # of the error its name alone: its text may hold the address, its attributes the headers
            return Failed("again", type(error).__name__.lower())

    async def _fetch(self, wanted: Wanted) -> Fetched | Failed:
        if not is_provider_id(wanted.provider_id):
            return Failed("gone", "no_id")
        found = await self._look_up(wanted.provider_id)
        if isinstance(found, Failed):
            return found
        size = _size(found.get("file_size"))
        most = LARGEST[wanted.kind]
        if size is not None and size > most:
            return Failed("too_large", "file_size")
        address = found.get("url")
        data = await self._download(address if isinstance(address, str) else "", most)
        if isinstance(data, Failed):
            return data
        hashes = (found.get("sha256"), wanted.sha256)
        told = tuple(one for one in hashes if isinstance(one, str) and one)
        if not told and size is not None and size != len(data):
            return Failed("damaged", "length")
        return Fetched(data, told)

    async def _look_up(self, provider_id: str) -> Mapping[str, Any] | Failed:
        address = URL(f"{self._base}/{provider_id}", encoded=True)
        async with self._session.get(
            address, headers=self._headers, allow_redirects=False
        ) as answer:
            body = _object(await _read(answer, MOST_ANSWER))
            if answer.status == 200:
                return body if body else Failed("again", "unreadable_answer")
            return _refusal(answer, body)

    async def _download(self, written: str, most: int) -> bytes | Failed:
        """What lies at the address, from where it may lead on to another that is allowed."""
        address = _address(written)
        for _ in range(MOST_HOPS):
            if address is None or not self._is_allowed(address):
                host = (address.host or "")[:100] if address is not None else ""
                return Failed("set_up", f"address_not_allowed {host}".strip())
            async with self._session.get(
                address, headers=self._headers, allow_redirects=False
            ) as answer:
                if answer.status in _REDIRECTS:
                    address = _address(answer.headers.get("Location", ""), address)
                    continue
                if answer.status in (404, 410):
                    return Failed("missing", f"http_{answer.status}")
                if answer.status != 200:
                    return _refusal(answer, {})
                if (answer.content_length or 0) > most:
                    return Failed("too_large", "content_length")
                data = await _read(answer, most)
                return Failed("too_large", "body") if data is None else data
        return Failed("set_up", "redirects")

    def _is_allowed(self, address: URL) -> bool:
        if address.user is not None or address.password is not None:
            return False
        if address.origin() == self._origin:
            return True
        host = (address.host or "").lower()
        return address.scheme == "https" and address.port == 443 and host in self._hosts


@asynccontextmanager
async def graph_media(
    *, url: str, token: str, hosts: Collection[str] = (), connections: int = 16
) -> AsyncIterator[GraphMedia]:
    """A client of its own pool of connections, closed at the end of the block. No proxy and no credentials
    from the environment, no cookies; nothing is unpacked, so that what comes is as long as it looks."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=None, connect=5.0, sock_connect=5.0, sock_read=15.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"User-Agent": "samvad", "Accept-Encoding": "identity"},
    ) as session:
        yield GraphMedia(session, url=url, token=token, hosts=hosts)


def _refusal(answer: aiohttp.ClientResponse, body: Mapping[str, Any]) -> Failed:
    """What an answer that is no success means.

    An id that the API says it cannot find "due to missing permissions" (code 100) stays wanted until it has
    expired: so it answers for every file while the token lacks a right.
    """
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    status = answer.status
    why = f"code_{code}" if isinstance(code, int) else f"http_{status}"
    after = _retry_after(answer.headers.get("Retry-After", ""))
    if status == 429 or status >= 500 or code in _LATER:
        return Failed("again", why, after)
    if status in (404, 410):
        return Failed("gone", why)
    return Failed("set_up", why, after)


def _address(written: str, base: URL | None = None) -> URL | None:
    """An absolute address of http(s), as it is written; None for anything else."""
    plain = written.isascii() and written.isprintable() and " " not in written
    if not written or not plain or len(written) > _LONGEST_ADDRESS:
        return None
    try:
        found = URL(written, encoded=True)
        found = base.join(found) if base is not None else found
        return found if found.scheme in ("http", "https") and found.host else None
    except ValueError:
        return None


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The whole body; None if it is longer than `most`, the rest of which is then left unread."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > most:
            answer.close()
            return None
    return bytes(body)


def _object(body: bytes | None) -> dict[str, Any]:
    try:
        value = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _size(value: object) -> int | None:
    """A length in bytes, which the API writes as a number or as its digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _retry_after(text: str) -> float | None:
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None
