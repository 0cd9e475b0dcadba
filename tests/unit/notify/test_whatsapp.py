"""Which kind of message WhatsApp is sent, and what it says back in its webhooks' entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.kernel.domain.whatsapp_limits import MOST_TEXT
from services.notify.adapters.whatsapp import request_body
from services.notify.adapters.wire import http_client
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing
from tests.unit.notify.provider_server import MESSAGE, Exchange, serving, whatsapp

BUTTONS = (("yes JC-2600104237", "हाँ, संतुष्ट हूँ"), ("no JC-2600104237", "नहीं"))
OPEN = replace(MESSAGE, in_window=True, text="क्या आप संतुष्ट हैं?")


def kind_of(message: Outgoing) -> str:
    body = request_body(message)
    assert body is not None
    return str(body["type"])


def test_free_text_inside_the_window() -> None:
    assert request_body(OPEN) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "919876543210",
        "type": "text",
        "text": {"preview_url": False, "body": "क्या आप संतुष्ट हैं?"},
        "biz_opaque_callback_data": MESSAGE.key,
    }


def test_buttons_inside_the_window() -> None:
    assert request_body(replace(OPEN, buttons=BUTTONS)) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "919876543210",
        "type": "interactive",
        "interactive": {
            "type": "button",
            "body": {"text": "क्या आप संतुष्ट हैं?"},
            "action": {
                "buttons": [
                    {
                        "type": "reply",
                        "reply": {"id": "yes JC-2600104237", "title": "हाँ, संतुष्ट हूँ"},
                    },
                    {"type": "reply", "reply": {"id": "no JC-2600104237", "title": "नहीं"}},
                ]
            },
        },
        "biz_opaque_callback_data": MESSAGE.key,
    }


def test_outside_the_window_a_template_has_no_buttons() -> None:
    assert kind_of(replace(MESSAGE, buttons=BUTTONS)) == "template"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"text": "x" * 1024}, "interactive"),
        ({"text": "x" * 1025}, "text"),
        ({"text": "👍" * 513}, "text"),
        ({"text": "x" * MOST_TEXT}, "text"),
        ({"text": "x" * (MOST_TEXT + 1)}, "template"),
        ({"buttons": (("a", "x" * 20),)}, "interactive"),
        ({"buttons": (("a", "x" * 21),)}, "text"),
        ({"buttons": (("a", "👍" * 11),)}, "text"),
        ({"buttons": (("a", ""),)}, "text"),
        ({"buttons": (("", "a"),)}, "text"),
        ({"buttons": (("a" * 257, "a"),)}, "text"),
        ({"buttons": tuple((c, c) for c in "abc")}, "interactive"),
        ({"buttons": tuple((c, c) for c in "abcd")}, "text"),
        ({"buttons": (("a", "same"), ("b", "same"))}, "text"),
        ({"buttons": (("same", "a"), ("same", "b"))}, "text"),
    ],
)
def test_the_limits(change: dict[str, Any], kind: str) -> None:
    assert kind_of(replace(OPEN, **{"buttons": BUTTONS, **change})) == kind


def test_a_key_is_echoed_whole_or_not_at_all() -> None:
    long = request_body(replace(OPEN, key="k" * 512))
    longer = request_body(replace(OPEN, key="k" * 513))
    assert long is not None and longer is not None
    assert long["biz_opaque_callback_data"] == "k" * 512
    assert "biz_opaque_callback_data" not in longer


def test_somebody_without_a_number_is_written_to_by_his_id() -> None:
    body = request_body(replace(OPEN, to="IN.1234567890"))
    assert body is not None
    assert body["recipient"] == "IN.1234567890"
    assert "to" not in body


async def test_nothing_to_say_it_with_is_not_sent() -> None:
    async with serving(Exchange.answer) as server, http_client() as client:
        outcome = await whatsapp(client, server.url).send(replace(MESSAGE, registered=""))
    assert outcome == Outcome("permanent", "whatsapp_no_template")
    assert server.connections == 0


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (131047, Outcome("permanent", "whatsapp_131047_outside_window", window_closed=True)),
        (131026, Outcome("permanent", "whatsapp_131026_undeliverable", bad_address=True)),
        (132015, Outcome("permanent", "whatsapp_132015_template_paused")),
        (131056, Outcome("transient", "whatsapp_131056")),
    ],
)
async def test_refusals(code: int, outcome: Outcome) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.answer(b'{"error":{"code":%d,"message":"why"}}' % code, 400)

    async with serving(refuse) as server, http_client() as client:
        assert await whatsapp(client, server.url).send(OPEN) == outcome
