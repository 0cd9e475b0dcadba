"""WhatsApp's receipts and what citizens write, as they come to the customer's webhook."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.intake.whatsapp.webhook.body import read, take_apart
from services.kernel.adapters.settings import Settings
from services.standins import receipts
from services.standins.bodies import Update, body_of
from services.standins.courier import Patience
from services.standins.receipts import signature
from services.standins.registry import load_registry

SETTINGS = Settings()
TOKEN = {"Authorization": f"Bearer {SETTINGS.whatsapp_token.get_secret_value()}"}
SEND = f"/whatsapp/{SETTINGS.whatsapp_phone_number_id}/messages"
PHONE = "919876543210"
_NAME, _LANGUAGE = next(iter(load_registry().whatsapp))
_COUNT = len(load_registry().whatsapp[_NAME, _LANGUAGE].variables)
TEMPLATE = {
    "messaging_product": "whatsapp",
    "to": PHONE,
    "type": "template",
    "template": {
        "name": _NAME,
        "language": {"code": _LANGUAGE},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "x"}] * _COUNT}],
    },
}


def template(key: str) -> dict[str, Any]:
    return {**TEMPLATE, "biz_opaque_callback_data": key}


def values(bodies: list[bytes]) -> Iterator[dict[str, Any]]:
    for raw in bodies:
        body = orjson.loads(raw)
        assert body["object"] == "whatsapp_business_account"
        for entry in body["entry"]:
            for change in entry["changes"]:
                assert change["field"] == "messages"
                value = change["value"]
                assert value["messaging_product"] == "whatsapp"
                assert value["metadata"]["phone_number_id"] == SETTINGS.whatsapp_phone_number_id
                assert value["metadata"]["display_phone_number"].isdigit()
                yield value


def statuses(bodies: list[bytes]) -> list[dict[str, Any]]:
    return [status for value in values(bodies) for status in value.get("statuses", [])]


async def settled(http: httpx.AsyncClient) -> bool:
    return (await http.get("/api/receipts")).json()["pending"] == 0


async def send(http: httpx.AsyncClient, body: dict[str, Any]) -> str:
    answer = await http.post(SEND, json=body, headers=TOKEN)
    assert answer.status_code == 200, answer.text
    wamid: str = answer.json()["messages"][0]["id"]
    return wamid


async def test_a_message_is_told_to_be_sent_and_delivered(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    wamid = await send(http, template("my key"))
    await eventually(lambda: len(statuses(listener.bodies)) == 2, "both statuses")
    told = statuses(listener.bodies)
    assert [one["status"] for one in told] == ["sent", "delivered"]
    for one in told:
        assert (one["id"], one["recipient_id"]) == (wamid, PHONE)
        assert one["biz_opaque_callback_data"] == "my key"
        assert one["timestamp"].isdigit()
        assert one["pricing"]["category"] == "utility"
        assert "errors" not in one
    await eventually(lambda: settled(http), "they are counted")
    assert (await http.get("/api/receipts")).json() == {"pending": 0, "sent": 2, "failed": 0}
    (got,) = (await http.get("/api/messages")).json()["messages"]
    assert got["status"] == "delivered"


async def test_bodies_are_signed_over_their_bytes(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    await http.post("/api/inbound", json={"from": PHONE, "text": "हैंडपंप 👍", "name": "आशा"})
    await eventually(lambda: listener.bodies, "the message comes")
    (raw,) = listener.bodies
    (headers,) = listener.headers
    secret = SETTINGS.whatsapp_app_secret.get_secret_value().encode()
    expected = hmac.new(secret, raw, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"
    assert headers["content-type"] == "application/json"
    assert raw.isascii()
    # Meta's own example
    assert signature(b"test", b"secret").endswith(
        "0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914"
    )


async def test_the_first_of_several_secrets_signs(
    tmp_path: Path, standins_in: Any, listener: Any, eventually: Callable[..., Any]
) -> None:
    settings = {"whatsapp_webhook": listener.url, "whatsapp_app_secret": "new, old"}
    async with standins_in(tmp_path, **settings) as at, httpx.AsyncClient(base_url=at.url) as http:
        await http.post("/api/inbound", json={"from": PHONE, "text": "1"})
        await eventually(lambda: listener.bodies, "the message comes")
    assert listener.headers[0]["x-hub-signature-256"] == signature(listener.bodies[0], b"new")


async def test_what_a_citizen_writes(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    answer = await http.post("/api/inbound", json={"from": "+" + PHONE, "text": "पानी नहीं आता"})
    assert answer.status_code == 202
    await eventually(lambda: listener.bodies, "the message comes")
    (value,) = values(listener.bodies)
    assert value["contacts"] == [{"profile": {"name": PHONE}, "wa_id": PHONE}]
    (message,) = value["messages"]
    assert message["id"] == answer.json()["id"]
    assert message["from"] == PHONE
    assert message["type"] == "text"
    assert message["text"] == {"body": "पानी नहीं आता"}
    assert message["timestamp"].isdigit()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"text": "x"}, "from"),
        ({"from": "112", "text": "x"}, "from"),
        ({"from": PHONE}, "text"),
        ({"from": PHONE, "text": ""}, "text"),
        ({"from": PHONE, "text": "x" * 4097}, "text"),
        ({"from": PHONE, "text": "x\x00"}, "text"),
        ({"from": PHONE, "text": "x", "name": "n" * 101}, "name"),
        ({"from": PHONE, "text": "x", "to": "y"}, "to"),
    ],
)
async def test_what_nobody_can_write(
    wrong: dict[str, str], field: str, http: httpx.AsyncClient, listener: Any
) -> None:
    answer = await http.post("/api/inbound", json=wrong)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert (await http.get("/api/receipts")).json() == {"pending": 0, "sent": 0, "failed": 0}


async def test_receipts_misbehave_on_request(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    async def told(key: str, **behaviour: Any) -> list[dict[str, Any]]:
        await http.post("/api/behaviour", json={"provider": "whatsapp", **behaviour})
        await send(http, template(key))
        await eventually(lambda: settled(http), "all are carried")
        found = statuses(listener.bodies)
        return [one for one in found if one["biz_opaque_callback_data"] == key]

    assert await told("dropped", receipts="drop") == []
    repeated = [one["status"] for one in await told("repeated", receipts="repeat", read=True)]
    assert set(repeated) == {"sent", "delivered", "read"}
    assert all(repeated.count(status) >= 2 for status in set(repeated))
    shuffled = [one["status"] for one in await told("shuffled", receipts="shuffle", read=True)]
    assert sorted(shuffled) == ["delivered", "read", "sent"]
    assert shuffled != ["sent", "delivered", "read"]
    failed = await told("failed", receipt_fail_code=131026)
    assert [one["status"] for one in failed] == ["sent", "failed"]
    (error,) = failed[1]["errors"]
    assert error["code"] == 131026
    assert error["title"] == error["message"] == "Message undeliverable"
    assert error["error_data"]["details"]
    found = (await http.get("/api/messages")).json()["messages"]
    assert {m["key"]: m["status"] for m in found} == {
        "dropped": "", "repeated": "read", "shuffled": "read", "failed": "failed"
    }  # fmt: skip
    assert (await http.get("/api/duplicates")).json()["count"] == 0


async def test_a_refused_message_has_no_receipts_and_a_hanging_one_has(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    await http.post("/api/behaviour", json={"provider": "whatsapp", "fail_code": 131026})
    assert (await http.post(SEND, json=template("no"), headers=TOKEN)).status_code == 400
    await http.post("/api/behaviour", json={"provider": "whatsapp", "hang": True})
    with pytest.raises(httpx.ReadTimeout):
        await http.post(SEND, json=template("yes"), headers=TOKEN, timeout=0.3)
    await eventually(lambda: len(statuses(listener.bodies)) == 2, "both statuses")
    assert {one["biz_opaque_callback_data"] for one in statuses(listener.bodies)} == {"yes"}
    await http.delete("/api/behaviour")


async def test_the_webhook_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    standins_in: Any,
    listener: Any,
    eventually: Callable[..., Any],
) -> None:
    monkeypatch.setattr(receipts, "PATIENCE", Patience(3, 0.01, 0.02))
    # anything but 200 is another try, also what others would call success
    listener.answers = [503, 204, 200, 500, 500, 500]
    at = standins_in(tmp_path, whatsapp_webhook=listener.url)
    async with at as at_, httpx.AsyncClient(base_url=at_.url) as http:
        await send(http, template("taken"))
        await eventually(lambda: settled(http), "it is taken")
        assert len(set(listener.bodies)) == 1
        assert len(listener.bodies) == 3
        await send(http, template("lost"))
        await eventually(lambda: settled(http), "it is given up")
        assert (await http.get("/api/receipts")).json() == {"pending": 0, "sent": 2, "failed": 2}
        assert (await http.get("/api/receipts", params={"provider": "kannel"})).json() == {
            "pending": 0, "sent": 0, "failed": 0
        }  # fmt: skip


async def test_nobody_at_the_webhook_slows_nothing_down(tmp_path: Path, standins_in: Any) -> None:
    async with standins_in(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        for n in range(20):
            await send(http, template(str(n)))
        told = (await http.get("/api/receipts")).json()
        assert told == {"pending": 40, "sent": 0, "failed": 0}
        assert (await http.get("/health/ready")).status_code == 200


def test_a_body_of_many_has_several_changes() -> None:
    updates = [Update("statuses", {"id": str(n)}) for n in range(25)]
    updates.append(Update("messages", {"id": "m"}, {"wa_id": "1"}))
    found = list(values([body_of(updates, SETTINGS.whatsapp_phone_number_id)]))
    assert [len(value.get("statuses", [])) for value in found] == [10, 10, 5, 0]
    assert [value.get("contacts") for value in found] == [None, None, None, [{"wa_id": "1"}]]


def test_what_is_of_several_numbers_comes_in_changes_of_their_own() -> None:
    updates = [Update("messages", {"id": str(n)}, number=str(n % 2)) for n in range(4)]
    pieces = take_apart(read(body_of(updates, "9"))).pieces
    assert [(piece.wamid, piece.number) for piece in pieces] == [
        ("0", "0"), ("2", "0"), ("1", "1"), ("3", "1")
    ]  # fmt: skip
