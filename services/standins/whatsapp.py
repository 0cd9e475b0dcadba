"""A stand-in for Meta's WhatsApp Cloud API: sending. Same addresses, bodies and errors.

Checked as Meta does: token, sender, template name and language (132001), number of parameters (132000),
no line breaks, tabs or runs of spaces in a parameter, callback data up to 512.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.kernel.adapters.clock import Clock
from services.standins.behaviour import Behaviours, Ruling
from services.standins.journal import Journal, Taken
from services.standins.registry import Registry

THROTTLES = {4, 80007, 130429, 131048, 131056, 133016}
MOST_TEXT = 4096
MOST_CALLBACK_DATA = 512


class Refused(Exception):
    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Content:
    kind: str
    text: str
    template: str = ""
    language: str = ""


def router(
    journal: Journal,
    behaviours: Behaviours,
    registry: Registry,
    clock: Clock,
    *,
    phone_number_id: str,
    token: str,
) -> APIRouter:
    routes = APIRouter()

    @routes.post("/whatsapp/{sender}/messages")
    async def send(sender: str, request: Request) -> Response:
        ruling = behaviours.rule("whatsapp")
        try:
            if request.headers.get("authorization") != f"Bearer {token}":
                raise Refused(190, "Invalid OAuth access token", 401)
            if sender != phone_number_id:
                raise Refused(100, f"Object with ID '{sender}' does not exist")
            body = _body(await request.body())
            to, key = _addressed(body)
            content = read_content(body, registry)
        except Refused as error:
            return _error(error.status, error.code, error.message)
        wamid = "wamid." + urlsafe_b64encode(token_bytes(24)).decode()
        code = ruling.fail_code or (130429 if ruling.throttled else None)
        journal.add(
            Taken(
                id=wamid,
                at=clock(),
                provider="whatsapp",
                to=to,
                kind=content.kind,
                template=content.template,
                language=content.language,
                text=content.text,
                key=key,
                # without our key nothing says that two are one message
                identity=f"whatsapp:{key or wamid}",
                accepted=not ruling.fails,
                code=str(code or ruling.http_status or "") if ruling.fails else "",
            )
        )
        await behaviours.hold(ruling)
        if ruling.fails:
            return _failure(ruling, code)
        answer = {
            "messaging_product": "whatsapp",
            "contacts": [{"input": to, "wa_id": to}],
            "messages": [{"id": wamid, "message_status": "accepted"}],
        }
        return Response(orjson.dumps(answer), media_type="application/json")

    return routes


def _body(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise Refused(100, "The parameter messaging_product is required.")
    if body.get("messaging_product") != "whatsapp":
        raise Refused(100, "(#100) messaging_product must be 'whatsapp'")
    return body


def _addressed(body: dict[str, Any]) -> tuple[str, str]:
    to = str(body.get("to", "")).removeprefix("+")
    if not re.fullmatch(r"[1-9][0-9]{6,14}", to):
        raise Refused(131009, "(#131009) Parameter value is not valid: to")
    key = body.get("biz_opaque_callback_data", "")
    if not isinstance(key, str) or len(key) > MOST_CALLBACK_DATA:
        raise Refused(100, "(#100) biz_opaque_callback_data must have 512 characters at most")
    return to, key


def read_content(body: dict[str, Any], registry: Registry) -> Content:
    """What the citizen sees. Raises Refused with Meta's code."""
    kind = body.get("type", "text")
    if not isinstance(kind, str):
        raise Refused(100, "(#100) Param type must be a string")
    part = body.get(kind)
    if not isinstance(part, dict):
        raise Refused(100, f"(#100) The parameter {kind} is required.")
    if kind == "template":
        return _template(part, registry)
    text = part.get("body", "")
    if isinstance(text, dict):
        text = text.get("text", "")
    if not isinstance(text, str) or not 0 < len(text) <= MOST_TEXT:
        raise Refused(100, f"(#100) Param {kind}['body'] must have 1 to {MOST_TEXT} characters")
    return Content(kind, text)


def _template(part: dict[str, Any], registry: Registry) -> Content:
    name, language = part.get("name"), _object(part.get("language"), "language").get("code")
    if not isinstance(name, str) or not isinstance(language, str):
        raise Refused(100, "(#100) Param template must have a name and a language code")
    registered = registry.whatsapp.get((name, language))
    if registered is None:
        raise Refused(
            132001, f"(#132001) Template name does not exist in the translation: {name} ({language})",
            404,
        )  # fmt: skip
    given = [
        _text(parameter)
        for component in _objects(part.get("components"), "components")
        if component.get("type") == "body"
        for parameter in _objects(component.get("parameters"), "parameters")
    ]
    if len(given) != len(registered.variables):
        raise Refused(
            132000,
            "(#132000) Number of parameters does not match the expected number of params: "
            f"{len(given)} instead of {len(registered.variables)}",
        )
    if any(not text or re.search(r"[\n\t]| {5}", text) for text in given):
        raise Refused(
            132018, "(#132018) Param text cannot have new-line/tab characters or be empty"
        )
    return Content("template", registered.fill(given), name, language)


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(100, f"(#100) Param {name} must be an object")
    return value


def _objects(value: object, name: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(100, f"(#100) Param {name} must be an array")
    return [_object(one, name) for one in value]


def _text(parameter: dict[str, Any]) -> str:
    text = parameter.get("text", "")
    if not isinstance(text, str):
        raise Refused(100, "(#100) Param text must be a string")
    return text


def _failure(ruling: Ruling, code: int | None) -> Response:
    status = ruling.http_status
    if status is None:
        status = 429 if ruling.throttled or code in THROTTLES else 401 if code == 190 else 400
    if code is None:
        return Response(status_code=status)
    answer = _error(status, code, f"(#{code}) failed on request")
    if ruling.throttled:
        answer.headers["Retry-After"] = "1"
    return answer


def _error(status: int, code: int, message: str) -> Response:
    error = {
        "message": message,
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": message},
        "fbtrace_id": "standin",
    }
    return Response(orjson.dumps({"error": error}), status, media_type="application/json")
