"""A stand-in for Meta's WhatsApp Cloud API: sending. Same addresses, bodies and errors.

Checked as Meta does: token, sender, recipient, callback data up to 512, the content (`content.py`), and
that whoever is written to freely wrote within 24 hours (131047).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from secrets import token_bytes
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.kernel.adapters.clock import Clock
from services.standins.behaviour import Behaviours, Ruling
from services.standins.content import Refused, read_content
from services.standins.journal import Journal, Taken, language_of
from services.standins.receipts import Webhook
from services.standins.registry import Registry
from services.standins.window import Windows

THROTTLES = {4, 80007, 130429, 131048, 131056, 133016}
MOST_CALLBACK_DATA = 512


def router(
    journal: Journal,
    behaviours: Behaviours,
    registry: Registry,
    webhook: Webhook,
    windows: Windows,
    clock: Clock,
    *,
    phone_number_id: str,
    token: str,
) -> APIRouter:
    routes = APIRouter()

    @routes.post("/whatsapp/{sender}/messages")
    async def send(sender: str, request: Request) -> Response:
        ruling = behaviours.rule("whatsapp")
        now = clock()
        try:
            if request.headers.get("authorization") != f"Bearer {token}":
                raise Refused(190, "Invalid OAuth access token", 401)
            if sender != phone_number_id:
                raise Refused(100, f"Object with ID '{sender}' does not exist")
            body = _body(await request.body())
            to, key = _addressed(body)
            content = read_content(body, registry)
            if content.is_free and not windows.is_open(to, now):
                raise Refused(
                    131047,
                    "(#131047) Re-engagement message: more than 24 hours have passed since the "
                    "recipient last replied to the sender number",
                )
        except Refused as error:
            return _error(error.status, error.code, error.message)
        wamid = new_wamid()
        code = ruling.fail_code or (130429 if ruling.throttled else None)
        taken = Taken(
            id=wamid,
            at=now,
            provider="whatsapp",
            to=to,
            kind=content.kind,
            template=content.template,
            language=content.language or language_of(content.text),
            text=content.text,
            key=key,
            # without our key nothing says that two are one message
            identity=f"whatsapp:{key or wamid}",
            accepted=not ruling.fails,
            code=str(code or ruling.http_status or "") if ruling.fails else "",
            buttons=content.buttons,
        )
        journal.add(taken)
        if not ruling.fails:
            webhook.tell_of(taken, ruling, behaviours.chance)
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


def new_wamid() -> str:
    return "wamid." + urlsafe_b64encode(token_bytes(24)).decode()


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
    if "to" not in body and body.get("recipient"):
        raise Refused(131062, "(#131062) Business-scoped User ID recipients are not supported")
    to = str(body.get("to", "")).removeprefix("+")
    if not re.fullmatch(r"[1-9][0-9]{6,14}", to):
        raise Refused(131009, "(#131009) Parameter value is not valid: to")
    key = body.get("biz_opaque_callback_data", "")
    if not isinstance(key, str) or len(key) > MOST_CALLBACK_DATA:
        raise Refused(100, "(#100) biz_opaque_callback_data must have 512 characters at most")
    return to, key


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
