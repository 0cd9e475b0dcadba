"""A file of a case over HTTP: whole or in part, under the type that its own bytes told, never as a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from services.desk.core import media as files
from services.desk.core import ranges
from services.desk.core.ports import KeptFile, Media
from services.desk.handlers.desk import Desk, Seat
from services.kernel.adapters import http
from services.kernel.domain import tickets
from services.kernel.domain.case import Case
from services.kernel.domain.errors import Unknown
from services.kernel.domain.media import EXTENSIONS
from services.kernel.domain.people import Actor

CONTENT = {mime: {"schema": {"type": "string", "format": "binary"}} for mime in EXTENSIONS}
"""What an answer may hold, for the OpenAPI description."""
_SHOWN = ("image/", "audio/", "video/")
"""What a browser may show by itself; the rest is for saving."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; "
    "style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
    "Accept-Ranges": "bytes",
}


async def shown(media: Media | None, case: Case, actor: Actor) -> list[dict[str, Any]]:
    """The files of a case that this actor sees; none where they are not served. Raises Unavailable."""
    wanted = files.ids(case) if media is not None and files.sees(actor, case) else ()
    if media is None or not wanted:
        return []
    return files.items(case, actor, await media.of(wanted))


async def answer(
    desk: Desk, media: Media, seat: Seat, ticket: str, id_: str, request: Request
) -> Response:
    """Raises Unknown for whatever this person may not see as a file of this case, or is not there (yet)."""
    row = await desk.look(seat, ticket)
    absent = Unknown("there is no such file", field="media")
    if not files.sees(seat.actor, row.case) or id_ not in files.ids(row.case):
        raise absent
    if not files.is_of((await media.of([id_])).get(id_), row.case):
        raise absent
    kept = await media.open(id_)
    number = tickets.show(seat.directory.code, row.case.ticket)
    return await _file(kept, f"{number}-{id_[2:8]}.{EXTENSIONS[kept.mime]}", request)


async def _file(kept: KeptFile, name: str, request: Request) -> Response:
    try:
        # a condition that it be unchanged: nothing here ever says what it was
        asked = request.headers.get("range") if "if-range" not in request.headers else None
        part = ranges.parse(asked, kept.size)
    except ranges.Unsatisfiable:
        refused = http.problem(416, "range", "the file ends before that", field="range")
        refused.headers["Content-Range"] = f"bytes */{kept.size}"
        return refused
    start, end = part or (0, kept.size)
    pieces = kept.pieces(start, end)
    # read before the answer begins: what cannot be opened is then an error and no broken file
    first = await anext(pieces, b"")
    how = "inline" if kept.mime.startswith(_SHOWN) else "attachment"
    headers = {
        **_HEADERS,
        "Content-Length": str(end - start),
        "Content-Disposition": f'{how}; filename="{name}"',
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{kept.size}"
    return StreamingResponse(
        _after(first, pieces), 200 if part is None else 206, headers, media_type=kept.mime
    )


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
