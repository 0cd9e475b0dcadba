"""WhatsApp Cloud API: template messages. `POST {url}/{phone number id}/messages`.

Templates, since the 24 h window is not known here; `biz_opaque_callback_data` carries our key, which
Meta only echoes in statuses: it is no idempotency key.
"""

from __future__ import annotations

from typing import Any

import orjson

from services.notify.adapters.wire import Answer, Client, retry_after
from services.notify.core.outcomes import Outcome, whatsapp_error
from services.notify.core.provider import Outgoing

MOST_CALLBACK_DATA = 512


class WhatsApp:
    def __init__(self, client: Client, *, url: str, phone_number_id: str, token: str) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/{phone_number_id}/messages"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def send(self, message: Outgoing) -> Outcome:
        body = orjson.dumps(request_body(message))
        return await self._client.post("whatsapp", self._url, self._headers, body, _judge)


def request_body(message: Outgoing) -> dict[str, Any]:
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
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.to.removeprefix("+"),
        "type": "template",
        "template": template,
        "biz_opaque_callback_data": message.key[:MOST_CALLBACK_DATA],
    }


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
