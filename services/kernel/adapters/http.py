"""What every process serves over HTTP: health, metrics, errors as one shape, limits on what comes in.

Errors are `{"error": {"code", "reason", "field"?, …}}`. A body that is no JSON, too large or too deep,
or that holds what no store takes (NUL, unpaired surrogates), is refused before any handler sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kernel.adapters import metrics
from services.kernel.adapters.logging import get_logger
from services.kernel.domain import errors

log = get_logger()
Check = Callable[[], Awaitable[bool]]
MAX_BODY_BYTES = 256 * 1024
MAX_BODY_SECONDS = 20.0
MAX_DEPTH = 20
DISCARD_BYTES = 8 * 1024 * 1024
DISCARD_SECONDS = 5.0
MOST_FIELD = 100
"""Characters of a field's name that are told back."""


class Malformed(errors.Refused):
    """The bytes are not of the format that they claim."""

    code = "malformed"


class UnsupportedMedia(errors.Refused):
    """The format is not one that is taken here."""

    code = "unsupported_media_type"


STATUS: Mapping[type[errors.Refused], int] = {
    errors.Invalid: 422,
    errors.Unknown: 404,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.Unauthenticated: 401,
    Malformed: 400,
    UnsupportedMedia: 415,
}


def problem(status: int, code: str, reason: str, **more: Any) -> Response:
    """One error answer; entries that are None are left out."""
    body = {"code": code, "reason": reason, **{k: v for k, v in more.items() if v is not None}}
    headers = {"Retry-After": str(more["retry_after"])} if "retry_after" in more else None
    return Response(orjson.dumps({"error": body}), status, headers, "application/json")


def refusal(error: errors.Refused) -> Response:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
    more: dict[str, Any] = {}
    if isinstance(error, errors.IllegalAction):
        more = {"state": error.state, "action": error.action, "allowed": list(error.allowed)}
    if isinstance(error, errors.StaleVersion):
        more = {"expected_version": error.expected, "version": error.version}
    return problem(status, error.code, error.reason, field=error.field, **more)


@dataclass(frozen=True)
class Informs:
    """A check whose answer is told, though the process serves without it."""

    check: Check

    async def __call__(self) -> bool:
        return await self.check()


def instrument(app: FastAPI, ready: Mapping[str, Check]) -> None:
    """Add health, metrics and the error answers to a service's application."""

    @app.get("/health/live", include_in_schema=False)
    async def live() -> Response:
        return Response(b'{"live":true}', media_type="application/json")

    @app.get("/health/ready", include_in_schema=False)
    async def readiness() -> Response:
        names = list(ready)
        answers = await asyncio.gather(*(_ask(ready[name]) for name in names))
        checks = dict(zip(names, answers, strict=True))
        for name, up in checks.items():
            metrics.DEPENDENCY_UP.labels(name).set(up)
        is_ready = all(up for name, up in checks.items() if not isinstance(ready[name], Informs))
        body = orjson.dumps({"ready": is_ready, "checks": checks})
        return Response(body, 200 if is_ready else 503, media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    async def scrape() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(errors.Refused)
    async def refused(_: Request, error: errors.Refused) -> Response:
        return refusal(error)

    @app.exception_handler(errors.Unavailable)
    async def unavailable(_: Request, error: errors.Unavailable) -> Response:
        return problem(503, "unavailable", str(error), retry_after=error.retry_after)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        faults = [
            {"field": _field(fault["loc"]), "reason": fault["msg"]} for fault in error.errors()[:20]
        ]
        first = faults[0] if faults else {"field": "body", "reason": "invalid"}
        return problem(422, "invalid", first["reason"], field=first["field"], faults=faults)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> Response:
        code = {404: "unknown", 405: "method_not_allowed"}.get(error.status_code, "refused")
        answer = problem(error.status_code, code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> Response:
        log.exception("http.fault", exc_info=error)
        return problem(500, "fault", "a fault of ours; it has been recorded")


def _field(place: Sequence[str | int]) -> str:
    """The name of what is wrong; where in the request it was where it has no name."""
    return ".".join(str(part) for part in place[1:])[:MOST_FIELD] or str(place[0])


async def _ask(check: Check) -> bool:
    try:
        return await asyncio.wait_for(check(), 3.0)
    except Exception:
        return False


class BodyLimit:
    """Refuses a body that is too large (413 naming the limit), of which nothing is kept, and one that does
    not come within `max_seconds` (408); the connection is closed after either."""

    def __init__(
        self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES, max_seconds: float = MAX_BODY_SECONDS
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.max_seconds = max_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if not announced.isdigit() or int(announced) > self.max_bytes:
            await self._too_large(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.max_seconds):
                messages = await self._read(receive)
        except TimeoutError:
            reason = f"the body must come within {self.max_seconds:g} s"
            await _refuse(408, "too_slow", reason, scope, receive, send)
            return
        if messages is None:
            await self._too_large(scope, receive, send)
            return
        waiting = iter(messages)

        async def replay() -> Message:
            return next(waiting, None) or await receive()

        await self.app(scope, replay, send)

    async def _read(self, receive: Receive) -> list[Message] | None:
        """All messages of the body; None when it is too large."""
        read = 0
        messages: list[Message] = []
        more = True
        while more:
            message = await receive()
            messages.append(message)
            more = message["type"] == "http.request" and message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > self.max_bytes:
                return None
        return messages

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        # whoever is still sending when the connection is closed never reads the answer
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                await _discard(receive)
        reason = f"the body may have {self.max_bytes} bytes at most"
        await _refuse(413, "too_large", reason, scope, receive, send)


async def _discard(receive: Receive) -> None:
    """Read what is left of a body and forget it, up to a bound."""
    read = 0
    while read < DISCARD_BYTES:
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


async def _refuse(
    status: int, code: str, reason: str, scope: Scope, receive: Receive, send: Send
) -> None:
    answer = problem(status, code, reason, field="body")
    answer.headers["Connection"] = "close"  # the rest of the body is not read
    await answer(scope, receive, send)


def read_json(body: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object of a request. Raises Invalid naming field and reason."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMedia("the content type must be application/json", field="content-type")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # orjson refuses unpaired surrogates and over-deep nesting as well
        raise Malformed(f"not JSON: {error.msg} at position {error.pos}", field="body") from None
    if not isinstance(value, dict):
        raise errors.Invalid("the body must be a JSON object", field="body")
    check_values(value)
    return value


def check_values(value: object, path: str = "", depth: int = 0) -> None:
    """Refuse what no store and no phone can take: NUL, deep nesting. Raises Invalid."""
    field = path[:MOST_FIELD] or "body"
    if depth > MAX_DEPTH:
        raise errors.Invalid(f"nested deeper than {MAX_DEPTH} levels", field=field)
    if isinstance(value, str):
        check_text(value, field)
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_text(name, "body")
            check_values(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            check_values(inner, f"{path}[{index}]", depth + 1)


def check_text(text: str, field: str) -> str:
    """`text`, if it can be stored and shown. Raises Invalid naming `field`."""
    if "\x00" in text:
        raise errors.Invalid("contains a NUL character", field=field)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise errors.Invalid("contains an unpaired surrogate", field=field) from None
    return text


class Server(uvicorn.Server):
    """uvicorn inside a process that handles signals itself."""

    def install_signal_handlers(self) -> None:
        return None

    def capture_signals(self) -> Any:
        return nullcontext()


def server(app: FastAPI, host: str, port: int, max_bytes: int = MAX_BODY_BYTES) -> Server:
    """Access logs are off: addresses and queries are personal. Long keep-alive for the load balancer."""
    config = uvicorn.Config(
        BodyLimit(app, max_bytes),
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    return Server(config)
