"""Media: what phones hand in, as the provider hands it out, and samples made by code.

The provider tells an address that is good for five minutes; it and the bytes behind it want the bearer.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from services.kernel.adapters.clock import Clock
from services.kernel.adapters.http import UnsupportedMedia, problem
from services.kernel.domain.errors import Invalid, Unknown
from services.standins import graph, webm
from services.standins.behaviour import Behaviours, Lies
from services.standins.content import Refused
from services.standins.media_store import MOST_BYTES_OF_ONE, MediaStore, Medium
from services.standins.samples import Sample, samples

GOOD_FOR = timedelta(minutes=5)
PATH = "whatsapp_business/attachments/"
VOICE = "audio/ogg; codecs=opus"
UNKNOWN_TYPE = "application/octet-stream"
_TYPE = re.compile(r'[a-z]+/[a-z0-9.+-]+( ?; ?[a-z0-9-]+="?[A-Za-z0-9.,+-]+"?){0,4}')
_SHOWN = re.compile(r"image/(jpeg|png|webp|gif)|(audio|video)/[a-z0-9.+-]+")
"""What a browser is given to show on a page of ours; all else is only to be saved."""
_CHUNK = 64 * 1024


class Addresses:
    """Where a medium's bytes lie: signed, so that nobody makes one up, and good for a while."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or token_bytes(32)

    def of(self, medium: Medium, now: datetime) -> str:
        """Path and query."""
        until = int((now + GOOD_FOR).timestamp())
        return f"{PATH}?mid={medium.id}&ext={until}&hash={self._signed(medium.id, until)}"

    def is_good(self, id_: str, until: str, signed: str, now: datetime) -> bool:
        if not until.isascii() or not until.isdigit() or len(until) > 12:
            return False
        right = hmac.compare_digest(self._signed(id_, int(until)), signed)
        return right and now.timestamp() < int(until)

    def _signed(self, id_: str, until: int) -> str:
        return hmac.new(self._secret, f"{id_}|{until}".encode(), sha256).hexdigest()


class Samples:
    """The samples as media of the store, put there when they are first asked for."""

    def __init__(self, store: MediaStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._ids: dict[str, str] = {}

    async def medium(self, sample: Sample) -> Medium:
        now = self._clock()
        known = self._store.get(self._ids.get(sample.name, ""), now)
        if known is None:
            known = await self._store.put(sample.content, sample.mime_type, now)
            self._ids[sample.name] = known.id
        return known


def graph_router(
    store: MediaStore, behaviours: Behaviours, clock: Clock, *, token: str
) -> APIRouter:
    routes = APIRouter()
    addresses = Addresses()

    @routes.get("/whatsapp/{id_}")
    async def address(id_: str, request: Request) -> Response:
        ruling = behaviours.rule("media", "url")
        now = clock()
        try:
            graph.check_token(request, token)
            medium = _found(store, id_, now)
        except Refused as refused:
            return graph.refusal(refused)
        await behaviours.hold(ruling)
        if ruling.fails:
            return graph.failure(ruling)
        lies = ruling.lies
        return graph.answer(
            {
                "messaging_product": "whatsapp",
                "url": f"{request.base_url}{addresses.of(medium, now)}"
                if lies.url is None
                else lies.url,
                "mime_type": medium.mime_type if lies.mime is None else lies.mime,
                "sha256": medium.sha256 if lies.sha256 is None else lies.sha256,
                "file_size": medium.size if lies.size is None else lies.size,
                "id": medium.id,
            }
        )

    @routes.get(f"/{PATH}")
    async def content(request: Request, mid: str = "", ext: str = "", hash: str = "") -> Response:
        ruling = behaviours.rule("media", "bytes")
        now = clock()
        try:
            graph.check_token(request, token)
            if not addresses.is_good(mid, ext, hash, now):
                raise graph.no_object(mid, 404)
            medium = _found(store, mid, now)
        except Refused as refused:
            return graph.refusal(refused)
        await behaviours.hold(ruling)
        if ruling.fails:
            return graph.failure(ruling)
        return _bytes(medium, store.path(medium), ruling.lies)

    return routes


def _found(store: MediaStore, id_: str, now: datetime) -> Medium:
    medium = store.get(id_, now)
    if medium is None:
        raise graph.no_object(id_, 404)
    return medium


def _bytes(medium: Medium, path: Path, lies: Lies) -> Response:
    kind = medium.mime_type if lies.mime is None else lies.mime
    if lies.sent is None:
        return FileResponse(path, media_type=kind)
    headers = {"Content-Length": str(lies.sent)}
    return StreamingResponse(_of_length(path, lies.sent), media_type=kind, headers=headers)


async def _of_length(path: Path, length: int) -> AsyncIterator[bytes]:
    """The file cut off, or filled up with zeros."""
    content = (await asyncio.to_thread(path.read_bytes))[:length]
    if content:
        yield content
    left = length - len(content)
    while left > 0:
        yield bytes(min(left, _CHUNK))
        left -= _CHUNK


def page_router(store: MediaStore, ready_made: Samples, clock: Clock) -> APIRouter:
    """For the phone's page and for tests."""
    routes = APIRouter(prefix="/api")

    @routes.post("/media", status_code=201)
    async def take(request: Request) -> Response:
        """The raw bytes of one file, with its content type. What a browser recorded becomes the voice note
        that a phone would send."""
        content = await request.body()
        if not content:
            raise Invalid("there is nothing in it", field="body")
        if len(content) > MOST_BYTES_OF_ONE:
            reason = f"a file may have {MOST_BYTES_OF_ONE} bytes at most"
            return problem(413, "too_large", reason, field="body")
        kind = request.headers.get("content-type", UNKNOWN_TYPE)
        if not _TYPE.fullmatch(kind):
            raise UnsupportedMedia("this is no content type", field="content-type")
        if kind.partition(";")[0].strip() == webm.TYPE:
            content, kind = _recorded(content), VOICE
        medium = await store.put(content, kind, clock())
        answer = graph.answer(as_json(medium))
        answer.status_code = 201
        return answer

    @routes.get("/media/{id_}")
    async def show(id_: str) -> Response:
        medium = store.get(id_, clock())
        if medium is None:
            raise Unknown("there is no such medium", field="id")
        plain = medium.mime_type.partition(";")[0].strip()
        headers = {
            "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
        }
        if _SHOWN.fullmatch(plain):
            return FileResponse(store.path(medium), media_type=medium.mime_type, headers=headers)
        return FileResponse(
            store.path(medium), media_type=UNKNOWN_TYPE, filename=medium.id, headers=headers
        )

    @routes.get("/samples")
    async def made() -> dict[str, Any]:
        """Media that can be sent without a file, by their ids."""
        found = []
        for sample in samples().values():
            medium = await ready_made.medium(sample)
            told = {"name": sample.name, "kind": sample.kind, "filename": sample.filename}
            found.append({**told, **as_json(medium)})
        return {"samples": found}

    return routes


def _recorded(content: bytes) -> bytes:
    try:
        return webm.voice_note(content)
    except webm.NoVoiceNote:
        raise UnsupportedMedia("of WebM only Opus is taken", field="content-type") from None


def as_json(medium: Medium) -> dict[str, Any]:
    return {
        "id": medium.id,
        "mime_type": medium.mime_type,
        "sha256": medium.sha256,
        "file_size": medium.size,
    }
