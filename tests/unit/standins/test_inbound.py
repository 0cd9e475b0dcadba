"""What people write, as it comes to the customer's webhook: every kind of message, of people with a number
and without, alone and several in one body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from services.intake.whatsapp.webhook.body import read, take_apart
from services.kernel.adapters.settings import Settings
from services.standins.items import DISPLAYED
from services.standins.samples import samples

SETTINGS = Settings()
TOKEN = {"Authorization": f"Bearer {SETTINGS.whatsapp_token.get_secret_value()}"}
SEND = f"/whatsapp/{SETTINGS.whatsapp_phone_number_id}/messages"
PHONE = "919876543210"
USER = "IN.13491208655302741918"
Json = dict[str, Any]


@pytest.fixture
def written(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> Callable[..., Any]:
    """Writes, and gives the signed bodies that the webhook got of it."""

    async def write(bodies: int = 1, **request: Any) -> list[Json]:
        before = len(listener.bodies)
        answer = await http.post("/api/inbound", json=request)
        assert answer.status_code == 202, answer.text
        await eventually(lambda: len(listener.bodies) == before + bodies, "the bodies")
        secret = SETTINGS.whatsapp_app_secret.get_secret_value().encode()
        found = []
        for raw, headers in zip(
            listener.bodies[before:], listener.headers[before:], strict=True
        ):
            signed = hmac.new(secret, raw, hashlib.sha256).hexdigest()
            assert headers["x-hub-signature-256"] == f"sha256={signed}"
            found.append(orjson.loads(raw))
        return found

    return write


@pytest.fixture
def one(written: Callable[..., Any]) -> Callable[..., Any]:
    """Writes one message; its value in the webhook."""

    async def write(**message: Any) -> Json:
        (body,) = await written(**{"from": PHONE, **message})
        (entry,) = body["entry"]
        (change,) = entry["changes"]
        assert change["field"] == "messages"
        value: Json = change["value"]
        return value

    return write


async def send(http: httpx.AsyncClient, **body: Any) -> httpx.Response:
    text = {"type": "text", "text": {"body": "ठीक है"}}
    return await http.post(SEND, json={"messaging_product": "whatsapp", **text, **body}, headers=TOKEN)


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        ({"text": "पानी नहीं"}, "text", {"body": "पानी नहीं"}),
        (
            {"button": {"id": "yes", "title": "हाँ"}},
            "interactive",
            {"type": "button_reply", "button_reply": {"id": "yes", "title": "हाँ"}},
        ),
        (
            {"row": {"id": "hand-pump", "title": "हैंडपंप", "description": "खराब"}},
            "interactive",
            {
                "type": "list_reply",
                "list_reply": {"id": "hand-pump", "title": "हैंडपंप", "description": "खराब"},
            },
        ),
        (
            {"row": {"id": "x", "title": "y"}},
            "interactive",
            {"type": "list_reply", "list_reply": {"id": "x", "title": "y"}},
        ),
        ({"quick_reply": {"payload": "p", "text": "हाँ"}}, "button", {"payload": "p", "text": "हाँ"}),
        (
            {"location": {"latitude": 21.97, "longitude": 82.47, "name": "तरौद", "address": "अकलतरा"}},
            "location",
            {"latitude": 21.97, "longitude": 82.47, "name": "तरौद", "address": "अकलतरा"},
        ),
        (
            {"location": {"latitude": 0, "longitude": 0}},
            "location",
            {"latitude": 0, "longitude": 0},
        ),
        (
            {"contacts": [{"name": "सरपंच", "phone": "+91 99999 00303"}]},
            "contacts",
            [
                {
                    "name": {"formatted_name": "सरपंच", "first_name": "सरपंच"},
                    "phones": [{"phone": "+91 99999 00303", "type": "CELL"}],
                }
            ],
        ),
        (
            {"reaction": {"message_id": "wamid.1", "emoji": "🙏"}},
            "reaction",
            {"message_id": "wamid.1", "emoji": "🙏"},
        ),
        ({"reaction": {"message_id": "wamid.1"}}, "reaction", {"message_id": "wamid.1"}),
        (
            {"edit": {"message_id": "wamid.1", "text": "अब"}},
            "edit",
            {
                "original_message_id": "wamid.1",
                "message": {"type": "text", "text": {"body": "अब"}},
            },
        ),
        (
            {"revoke": {"message_id": "wamid.1"}},
            "revoke",
            {"original_message_id": "wamid.1"},
        ),
        ({"unsupported": {"type": "poll_creation"}}, "unsupported", {"type": "poll_creation"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_every_kind_of_message(
    content: Json, kind: str, told: Any, one: Callable[..., Any]
) -> None:
    value = await one(**content)
    (item,) = value["messages"]
    assert item["type"] == kind
    assert item[kind] == told
    assert (item["from"], item["timestamp"].isdigit()) == (PHONE, True)
    assert value["contacts"] == [{"profile": {"name": PHONE}, "wa_id": PHONE}]
    assert value["metadata"]["phone_number_id"] == SETTINGS.whatsapp_phone_number_id
    if kind == "unsupported":
        assert item["errors"][0]["code"] == 131051


@pytest.mark.parametrize("name", list(samples()))
async def test_a_file(name: str, one: Callable[..., Any], http: httpx.AsyncClient) -> None:
    sample = samples()[name]
    uploaded = await http.post(
        "/api/media", content=sample.content, headers={"Content-Type": sample.mime_type}
    )
    given = {"id": uploaded.json()["id"], "caption": "देखिए"}
    value = await one(**{sample.kind: given})
    told = value["messages"][0][sample.kind]
    assert (told["id"], told["mime_type"]) == (given["id"], sample.mime_type)
    assert told["sha256"] == base64.b64encode(hashlib.sha256(sample.content).digest()).decode()
    assert told["caption"] == "देखिए"
    if sample.kind == "audio":
        assert told["voice"] is True
    # the same without having handed anything in, and told to be something else
    lie = {"sample": name, "mime_type": "image/x", "sha256": "AA=="}
    told = (await one(**{sample.kind: lie}))["messages"][0][sample.kind]
    assert (told["mime_type"], told["sha256"], len(told["id"])) == ("image/x", "AA==", 16)


async def test_a_file_that_nobody_has(one: Callable[..., Any]) -> None:
    told = (await one(audio={"id": "1", "voice": True}))["messages"][0]["audio"]
    assert told == {"id": "1", "mime_type": "application/octet-stream", "sha256": "", "voice": True}


async def test_whoever_shows_no_number(
    written: Callable[..., Any], http: httpx.AsyncClient, listener: Any,
    eventually: Callable[..., Any],
) -> None:  # fmt: skip
    (body,) = await written(user_id=USER, username="asha.s", text="नमस्ते")
    value = body["entry"][0]["changes"][0]["value"]
    assert value["contacts"] == [
        {"profile": {"name": "asha.s", "username": "asha.s"}, "user_id": USER}
    ]
    (item,) = value["messages"]
    assert item["from_user_id"] == USER
    assert "from" not in item
    (piece,) = take_apart(read(listener.bodies[0])).pieces
    assert (piece.people, len(piece.contacts)) == (("", USER), 1)
    # he is answered by his user id, and is told of by it
    answer = await send(http, recipient=USER)
    assert answer.status_code == 200
    assert answer.json()["contacts"] == [{"input": USER, "user_id": USER}]
    await eventually(lambda: len(listener.bodies) > 1, "receipts")
    for piece in take_apart(read(listener.bodies[1])).pieces:
        assert piece.people == ("", USER)


async def test_somebody_with_a_number_and_a_user_id(
    written: Callable[..., Any], http: httpx.AsyncClient, listener: Any,
    eventually: Callable[..., Any],
) -> None:  # fmt: skip
    (body,) = await written(**{"from": PHONE, "user_id": USER, "name": "आशा", "text": "1"})
    value = body["entry"][0]["changes"][0]["value"]
    assert value["contacts"] == [{"profile": {"name": "आशा"}, "wa_id": PHONE, "user_id": USER}]
    assert (value["messages"][0]["from"], value["messages"][0]["from_user_id"]) == (PHONE, USER)
    for to in ({"to": PHONE}, {"recipient": USER}):
        assert (await send(http, **to)).status_code == 200
    await eventually(
        lambda: sum(len(take_apart(read(raw)).pieces) for raw in listener.bodies) == 5, "receipts"
    )
    receipts = [p for raw in listener.bodies[1:] for p in take_apart(read(raw)).pieces]
    assert {piece.people for piece in receipts} == {(PHONE, USER)}


async def test_a_user_id_that_nobody_has_and_one_that_is_none(http: httpx.AsyncClient) -> None:
    assert (await send(http, recipient=USER)).json()["error"]["code"] == 131026
    for wrong in (5, "", "x", {"a": 1}, PHONE):
        assert (await send(http, recipient=wrong)).json()["error"]["code"] == 131009


async def test_user_ids_are_not_supported_on_request(http: httpx.AsyncClient) -> None:
    await http.post("/api/inbound", json={"from": PHONE, "user_id": USER, "text": "1"})
    behaviour = {"provider": "whatsapp", "fail_code": 131062, "only": "user_id", "times": 1}
    await http.post("/api/behaviour", json=behaviour)
    assert (await send(http, to=PHONE)).status_code == 200
    refused = await send(http, recipient=USER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 131062)
    assert (await send(http, recipient=USER)).status_code == 200
    wrong = {**behaviour, "only": "url"}
    assert (await http.post("/api/behaviour", json=wrong)).status_code == 422


async def test_who_has_another_number_or_user_id(
    one: Callable[..., Any], http: httpx.AsyncClient
) -> None:
    await http.post("/api/behaviour", json={"provider": "whatsapp", "receipts": "drop"})
    await one(user_id=USER, text="1")
    value = await one(system={"number": "919876543299"})
    assert "contacts" not in value
    (item,) = value["messages"]
    assert (item["from"], item["type"]) == (PHONE, "system")
    assert item["system"]["type"] == "user_changed_number"
    assert item["system"]["wa_id"] == "919876543299"
    # the same person: his 24 hours and his chat go with him, nobody has the old number
    assert (await send(http, to="919876543299")).status_code == 200
    assert (await send(http, to=PHONE)).json()["error"]["code"] == 131047
    found = (await http.get("/api/phone/919876543299/messages")).json()["messages"]
    assert [one["kind"] for one in found] == ["text", "system", "text"]
    value = await one(**{"from": None}, user_id=USER, system={"user_id": "IN.2"})
    (item,) = value["messages"]
    assert item["from_user_id"] == "IN.2"
    assert "from" not in item
    assert item["system"]["type"] == "user_changed_user_id"
    assert item["system"]["previous_user_id"] == USER
    assert (await send(http, recipient="IN.2")).status_code == 200
    assert (await send(http, recipient=USER)).json()["error"]["code"] == 131026


async def test_what_a_message_answers(one: Callable[..., Any], http: httpx.AsyncClient) -> None:
    await http.post("/api/behaviour", json={"provider": "whatsapp", "receipts": "drop"})
    mine = (await one(text="1"))["messages"][0]["id"]
    theirs = (await send(http, to=PHONE)).json()["messages"][0]["id"]
    (item,) = (await one(text="2", context=theirs))["messages"]
    assert item["context"] == {"from": DISPLAYED, "id": theirs}
    (item,) = (await one(text="3", context=mine))["messages"]
    assert item["context"] == {"from": PHONE, "id": mine}


async def test_another_number_of_the_business(one: Callable[..., Any]) -> None:
    value = await one(text="1", phone_number_id="200000000000002")
    assert value["metadata"]["phone_number_id"] == "200000000000002"


@pytest.mark.parametrize(
    ("earlier", "code"),
    [({"hours": 23, "minutes": 59}, 200), ({"hours": 24, "seconds": 1}, 400)],
)
async def test_when_it_was_written_decides_the_24_hours(
    earlier: dict[str, int], code: int, one: Callable[..., Any], http: httpx.AsyncClient
) -> None:
    at = datetime.now(UTC) - timedelta(**earlier)
    value = await one(text="1", written_at=at.isoformat())
    assert value["messages"][0]["timestamp"] == str(int(at.timestamp()))
    assert (await send(http, to=PHONE)).status_code == code
    # later words open them, and what comes late of earlier ones does not close them
    await one(text="2")
    await one(text="0", written_at=at.isoformat())
    assert (await send(http, to=PHONE)).status_code == 200


async def test_neither_edits_nor_what_the_provider_tells_open_them(
    one: Callable[..., Any], http: httpx.AsyncClient
) -> None:
    await one(edit={"message_id": "wamid.1", "text": "x"})
    await one(revoke={"message_id": "wamid.1"})
    await one(system={"number": "919876543299"})
    assert (await send(http, to="919876543299")).json()["error"]["code"] == 131047
    await one(reaction={"message_id": "wamid.1", "emoji": "👍"})
    assert (await send(http, to=PHONE)).status_code == 200


async def test_several_in_one_body_in_their_order(written: Callable[..., Any]) -> None:
    messages = [
        {"from": PHONE, "text": "1"},
        {"item": {"id": "wamid.S", "status": "read"}, "field": "statuses"},
        {"from": "919876543211", "text": "2"},
        {"from": PHONE, "text": "3", "phone_number_id": "2"},
    ]
    for spread in ("one", "changes", "entries"):
        (body,) = await written(messages=messages, spread=spread)
        pieces = take_apart(body).pieces
        assert [piece.kind for piece in pieces] == ["message", "status", "message", "message"]
        assert [p.item.get("text", {}).get("body") for p in pieces] == ["1", None, "2", "3"]
        assert pieces[3].number == "2"
        changes = [len(entry["changes"]) for entry in body["entry"]]
        assert changes == ([1] * 4 if spread == "entries" else [4])


async def test_all_of_one_person_lie_in_one_change(written: Callable[..., Any]) -> None:
    texts = [str(n) for n in range(30)]
    (body,) = await written(messages=[{"from": PHONE, "text": text} for text in texts])
    (change,) = body["entry"][0]["changes"]
    assert [item["text"]["body"] for item in change["value"]["messages"]] == texts
    assert len(change["value"]["contacts"]) == 1


async def test_the_same_message_twice(
    written: Callable[..., Any], http: httpx.AsyncClient
) -> None:
    first, second = await written(2, **{"from": PHONE, "text": "1", "repeat": 2})
    assert first == second
    same = {"from": PHONE, "text": "2", "id": "wamid.SAME="}
    (body,) = await written(messages=[same, same])
    assert [piece.wamid for piece in take_apart(body).pieces] == ["wamid.SAME="] * 2
    answer = await http.post("/api/inbound", json={"messages": [same, {**same, "id": "wamid.2"}]})
    assert answer.json() == {"ids": ["wamid.SAME=", "wamid.2"]}
    # the phone shows a message once
    found = (await http.get(f"/api/phone/{PHONE}/messages")).json()["messages"]
    assert [one["text"] for one in found] == ["1", "2", "2"]


async def test_anything_that_a_test_sends(written: Callable[..., Any]) -> None:
    item = {"from": PHONE, "id": "wamid.H", "type": "hologram", "hologram": {"shape": [[1, 2], 3]}}
    contact = {"wa_id": PHONE, "profile": 5}
    (body,) = await written(item=item, contact=contact)
    value = body["entry"][0]["changes"][0]["value"]
    assert (value["messages"], value["contacts"]) == ([item], [contact])
    (body,) = await written(item={}, phone_number_id="7")
    assert take_apart(body).pieces[0].number == "7"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"from": PHONE, "text": "x", "image": {}}, "image"),
        ({"user_id": "asha", "text": "x"}, "user_id"),
        ({"from": PHONE, "row": {"id": "x"}}, "row.title"),
        ({"from": PHONE, "location": {"latitude": 91, "longitude": 0}}, "location.latitude"),
        ({"from": PHONE, "system": {}}, "system"),
        ({"from": PHONE, "image": {"sample": "nothing"}}, "sample"),
        ({"from": PHONE, "text": "x", "repeat": 11}, "repeat"),
        ({"from": PHONE, "text": "x", "written_at": "2026-01-05T10:00:00"}, "written_at"),
        ({"from": PHONE, "text": "x", "id": "with a blank"}, "id"),
        ({"messages": []}, "messages"),
        ({"messages": [{"from": PHONE}]}, "messages.0.text"),
        ({"messages": [{"from": PHONE, "text": "1"}], "spread": "wide"}, "spread"),
        ({"item": 5}, "item"),
        ({"item": {}, "text": "x"}, "text"),
    ],
)
async def test_what_makes_no_sense(
    wrong: Json, field: str, http: httpx.AsyncClient, listener: Any
) -> None:
    answer = await http.post("/api/inbound", json=wrong)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert (await http.get("/api/receipts")).json() == {"pending": 0, "sent": 0, "failed": 0}


async def test_a_batch_is_never_mixed_with_what_else_waits(
    tmp_path: Any, standins_in: Any, listener: Any, eventually: Callable[..., Any]
) -> None:
    listener.answers = [503]
    async with standins_in(tmp_path, whatsapp_webhook=listener.url) as at:
        async with httpx.AsyncClient(base_url=at.url) as http:
            batch = [{"from": PHONE, "text": "1"}, {"from": PHONE, "text": "2"}]
            for body in ({"messages": batch}, {"from": PHONE, "text": "3"}, {"messages": batch}):
                await http.post("/api/inbound", json=body)

            async def settled() -> bool:
                return (await http.get("/api/receipts")).json() == {
                    "pending": 0, "sent": 5, "failed": 0
                }  # fmt: skip

            await eventually(settled, "all are taken")
    sizes = sorted(len(take_apart(read(raw)).pieces) for raw in listener.bodies)
    assert sizes == [1, 2, 2, 2] or sizes == [1, 1, 2, 2]
