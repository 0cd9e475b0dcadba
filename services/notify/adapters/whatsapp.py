"""WhatsApp Cloud API. `POST {url}/{phone number id}/messages`.

Inside the 24 h window free text, with up to three reply buttons or a list of up to ten rows; outside it a
template.
`biz_opaque_callback_data` carries our key, which Meta only echoes in statuses: it is no idempotency key.
"""

from __future__ import annotations

from typing import Any

import orjson

from services.kernel.domain.whatsapp_limits import MOST_TEXT, utf16_units
from services.notify.adapters.wire import Answer, Client, retry_after
from services.notify.core.book import Channel
from services.notify.core.contacts import is_number
from services.notify.core.offering import Buttons, Rows, buttons_fit, in_plain, list_fits
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing, ProviderName
from services.notify.core.whatsapp_codes import whatsapp_error

MOST_CALLBACK_DATA = 512


class WhatsApp:
    name: ProviderName = "whatsapp"
    channel: Channel = "whatsapp"
    receipts = True

    def __init__(self, client: Client, *, url: str, phone_number_id: str, token: str) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/{phone_number_id}/messages"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def send(self, message: Outgoing) -> Outcome:
        body = request_body(message)
        if body is None:
            return Outcome("permanent", "whatsapp_no_template")
        return await self._client.post(
            "whatsapp", self._url, self._headers, orjson.dumps(body), _judge
        )


def request_body(message: Outgoing) -> dict[str, Any] | None:
    """What is sent; None for what can be said neither as a text nor by a template."""
    content = _text(message) if message.in_window else None
    content = content or _template(message)
    if content is None:
        return None
    body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    if is_number(message.to):
        body["to"] = message.to.removeprefix("+")
    else:
        # whoever writes under a user name has an id in place of a number
        body["recipient"] = message.to
    body |= content
    if len(message.key) <= MOST_CALLBACK_DATA:
        body["biz_opaque_callback_data"] = message.key
    return body


def _text(message: Outgoing) -> dict[str, Any] | None:
    """Free text, with what it offers where that fits, else in plain words; None where there is nothing to
    say, or where a template says better what is too long."""
    text, buttons, rows = message.text, message.buttons, message.rows
    if rows and not buttons and list_fits(text, rows, message.list_button):
        return _list(text, rows, message.list_button)
    if buttons and not rows and buttons_fit(text, buttons):
        return _buttons(text, buttons)
    if message.registered and utf16_units(text) > MOST_TEXT:
        return None
    body = in_plain(text, buttons, rows)
    return {"type": "text", "text": {"preview_url": False, "body": body}} if body else None


def _buttons(text: str, buttons: Buttons) -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": id_, "title": title}} for id_, title in buttons]
    return _interactive("button", text, {"buttons": replies})


def _list(text: str, rows: Rows, button: str) -> dict[str, Any]:
    shown = [
        {"id": id_, "title": title} | ({"description": said} if said.strip() else {})
        for id_, title, said in rows
    ]
    return _interactive("list", text, {"button": button, "sections": [{"rows": shown}]})


def _interactive(kind: str, text: str, action: dict[str, Any]) -> dict[str, Any]:
    what = {"type": kind, "body": {"text": text}, "action": action}
    return {"type": "interactive", "interactive": what}


def _template(message: Outgoing) -> dict[str, Any] | None:
    if not message.registered:
        return None
    template: dict[str, Any] = {
        "name": message.registered,
        "language": {"code": message.language},
    }
    if message.parameters:
        template["components"] = [
            {
                "type": "body",
                "parameters": [{"type": "text", "text": value} for value in message.parameters],
            }
        ]
    return {"type": "template", "template": template}


def _judge(answer: Answer) -> Outcome:
    body = _json(answer)
    if answer.is_success:
        messages = body.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        id_ = first.get("id") if isinstance(first, dict) else None
        if isinstance(id_, str) and id_:
            return Outcome("accepted", provider_id=id_[:200])
        # taken, by the status; but nothing in the answer says so
        return Outcome("unknown", "whatsapp_unreadable_answer")
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return whatsapp_error(
        answer.status, code if isinstance(code, int) else None, retry_after(answer)
    )


def _json(answer: Answer) -> dict[str, Any]:
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
