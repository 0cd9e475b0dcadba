"""A stand-in for Meta's WhatsApp Cloud API: sending. Same addresses, bodies and errors.

Checked as Meta does: token, sender, recipient (a number, or the user id of somebody who has written),
callback data up to 512, the content (`content.py`), and that whoever is written to freely wrote within 24
hours (131047).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Collection
from datetime import datetime
from secrets import token_bytes
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.kernel.adapters.clock import Clock
from services.standins import graph
from services.standins.behaviour import Behaviours, Ruling, Sort
from services.standins.chats import Chats
from services.standins.content import Content, Refused, read_content
from services.standins.journal import Journal, Taken, language_of
from services.standins.receipts import Webhook
from services.standins.registry import Registry

MOST_CALLBACK_DATA = 512
Body = dict[str, Any]
_NUMBER = re.compile(r"[1-9][0-9]{6,14}")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")


def router(
    journal: Journal,
    behaviours: Behaviours,
    registry: Registry,
    webhook: Webhook,
    chats: Chats,
    clock: Clock,
    *,
    numbers: Collection[str],
    token: str,
) -> APIRouter:
    """`numbers`: the ids of the business's numbers."""
    routes = APIRouter()

    @routes.post("/whatsapp/{sender}/messages")
    async def post(sender: str, request: Request) -> Response:
        body = _object(await request.body())
        is_mark = body is not None and body.get("status") == "read"
        ruling = behaviours.rule("reads") if is_mark else behaviours.rule("whatsapp", _sort(body))
        now = clock()
        try:
            graph.check_token(request, token)
            if sender not in numbers:
                raise graph.no_object(sender)
            product = _of_product(body)
            if is_mark:
                return await _mark(product, ruling, now)
            return await _send(product, ruling, now)
        except Refused as refused:
            return graph.refusal(refused)

    async def _send(body: Body, ruling: Ruling, now: datetime) -> Response:
        to, key = _addressed(body)
        if not to.isdigit() and not chats.knows(to):
            raise Refused(131026, "(#131026) Message undeliverable: nobody here has this user id")
        content = read_content(body, registry)
        if content.is_free and not chats.is_open(to, now):
            raise Refused(
                131047,
                "(#131047) Re-engagement message: more than 24 hours have passed since the "
                "recipient last replied to the sender number",
            )
        taken = _taken(to, key, content, _answered(body), ruling, now)
        journal.add(taken)
        if not ruling.fails:
            chats.got(taken)
            webhook.tell_of(taken, ruling, behaviours.chance)
        await behaviours.hold(ruling)
        if ruling.fails:
            return graph.failure(ruling)
        # who is written to by his user id is named by it alone
        named = {"wa_id": to} if to.isdigit() else {"user_id": to}
        return graph.answer(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": to, **named}],
                "messages": [{"id": taken.id, "message_status": "accepted"}],
            }
        )

    async def _mark(body: Body, ruling: Ruling, now: datetime) -> Response:
        """What a person wrote was read; with `typing_indicator` an answer is being written."""
        wamid, typing = body.get("message_id"), body.get("typing_indicator")
        if not isinstance(wamid, str) or chats.author(wamid) is None:
            raise Refused(131009, "(#131009) Parameter value is not valid: message_id")
        if typing is not None and typing != {"type": "text"}:
            raise Refused(100, "(#100) Param typing_indicator['type'] must be text")
        if not ruling.fails:
            chats.read_by_us(wamid, now if typing else None)
        await behaviours.hold(ruling)
        return graph.failure(ruling) if ruling.fails else graph.answer({"success": True})

    return routes


def new_wamid() -> str:
    return "wamid." + urlsafe_b64encode(token_bytes(24)).decode()


def is_address(text: str) -> bool:
    """Whether it is a number, without +, or a user id."""
    return bool(_NUMBER.fullmatch(text) or _USER_ID.fullmatch(text))


def _object(raw: bytes) -> Body | None:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _sort(body: Body | None) -> Sort:
    return "user_id" if body is not None and "to" not in body and "recipient" in body else "number"


def _of_product(body: Body | None) -> Body:
    if body is None:
        raise Refused(100, "The parameter messaging_product is required.")
    if body.get("messaging_product") != "whatsapp":
        raise Refused(100, "(#100) messaging_product must be 'whatsapp'")
    return body


def _addressed(body: Body) -> tuple[str, str]:
    """Number, without +, or user id; and the callback data."""
    if _sort(body) == "user_id":
        to = body["recipient"]
        if not isinstance(to, str) or not _USER_ID.fullmatch(to):
            raise Refused(131009, "(#131009) Parameter value is not valid: recipient")
    else:
        to = str(body.get("to", "")).removeprefix("+")
        if not _NUMBER.fullmatch(to):
            raise Refused(131009, "(#131009) Parameter value is not valid: to")
    key = body.get("biz_opaque_callback_data", "")
    if not isinstance(key, str) or len(key) > MOST_CALLBACK_DATA:
        raise Refused(100, "(#100) biz_opaque_callback_data must have 512 characters at most")
    return to, key


def _answered(body: Body) -> str:
    """The id of the message that it answers."""
    context = body.get("context")
    if context is None:
        return ""
    wamid = context.get("message_id") if isinstance(context, dict) else None
    if not isinstance(wamid, str):
        raise Refused(100, "(#100) Param context['message_id'] must be a string")
    return wamid


def _taken(
    to: str, key: str, content: Content, answered: str, ruling: Ruling, now: datetime
) -> Taken:
    wamid = new_wamid()
    code = str(graph.code_of(ruling) or ruling.http_status or "")
    return Taken(
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
        code=code if ruling.fails else "",
        buttons=content.buttons,
        layout=content.layout,
        replies_to=answered,
    )
