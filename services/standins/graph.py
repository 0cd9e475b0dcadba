"""How Meta's Graph API answers: who may ask, and errors."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request, Response

from services.standins.behaviour import Ruling
from services.standins.content import Refused

THROTTLES = {4, 80007, 130429, 131048, 131056, 133016}
THROTTLED = 130429


def check_token(request: Request, token: str) -> None:
    """Raises Refused."""
    if request.headers.get("authorization") != f"Bearer {token}":
        raise Refused(190, "Invalid OAuth access token", 401)


def no_object(id_: str, status: int = 400) -> Refused:
    return Refused(100, f"Object with ID '{id_}' does not exist", status)


def answer(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def error(status: int, code: int, message: str) -> Response:
    body = {
        "message": message,
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": message},
        "fbtrace_id": "standin",
    }
    return Response(orjson.dumps({"error": body}), status, media_type="application/json")


def refusal(refused: Refused) -> Response:
    return error(refused.status, refused.code, refused.message)


def code_of(ruling: Ruling) -> int | None:
    """The error code of a request that fails; None where an HTTP status says all."""
    return ruling.fail_code or (THROTTLED if ruling.throttled else None)


def failure(ruling: Ruling) -> Response:
    """The answer to a request that fails on request."""
    code, status = code_of(ruling), ruling.http_status
    if status is None:
        status = 429 if ruling.throttled or code in THROTTLES else 401 if code == 190 else 400
    if code is None:
        return Response(status_code=status)
    failed = error(status, code, f"(#{code}) failed on request")
    if ruling.throttled:
        failed.headers["Retry-After"] = "1"
    return failed
