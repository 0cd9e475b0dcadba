"""Whether the provider takes a reply as it is meant: by the stand-in's reading of the Cloud API's limits."""

from __future__ import annotations

from services.intake.whatsapp.conversation.core.model import Reply
from services.notify.adapters.whatsapp import request_body
from services.notify.core.provider import Outgoing
from services.standins.content import Refused, read_content
from services.standins.registry import Registry

_NOTHING_REGISTERED = Registry(whatsapp={}, sms={})


def fault_of(reply: Reply) -> str:
    """Why not; "" where it does."""
    if reply.buttons and reply.rows:
        return "buttons and rows together"
    body = request_body(
        Outgoing(
            key="wa/0/0",
            to="+919999900001",
            language="hi",
            text=reply.text,
            in_window=True,
            buttons=reply.buttons,
            rows=reply.rows,
            list_button=reply.list_button,
        )
    )
    if body is None:
        return "nothing is said"
    try:
        content = read_content(body, _NOTHING_REGISTERED)
    except Refused as refused:
        return refused.message
    offered = reply.buttons or tuple((id_, title) for id_, title, _ in reply.rows)
    if content.buttons != offered:
        return f"it would be said in plain words: {offered}"
    return "" if content.text == reply.text else "the text is cut"
