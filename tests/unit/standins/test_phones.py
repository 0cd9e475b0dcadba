"""What the phones show: both sides of a chat, ticks, and what has changed since somebody looked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.kernel.adapters.settings import Settings

SETTINGS = Settings()
TOKEN = {"Authorization": f"Bearer {SETTINGS.whatsapp_token.get_secret_value()}"}
SEND = f"/whatsapp/{SETTINGS.whatsapp_phone_number_id}/messages"
PHONE, USER = "919876543210", "IN.1001"
Json = dict[str, Any]
BUTTONS = {
    "type": "button",
    "header": {"type": "text", "text": "संवाद"},
    "body": {"text": "संतुष्ट हैं?"},
    "footer": {"text": "JC-2600104237"},
    "action": {
        "buttons": [
            {"type": "reply", "reply": {"id": "yes", "title": "हाँ"}},
            {"type": "reply", "reply": {"id": "no", "title": "नहीं"}},
        ]
    },
}
LIST = {
    "type": "list",
    "body": {"text": "विषय?"},
    "action": {
        "button": "चुनिए",
        "sections": [
            {"title": "पानी", "rows": [{"id": "pump", "title": "हैंडपंप", "description": "खराब"}]},
            {"title": "बाकी", "rows": [{"id": "road", "title": "सड़क"}]},
        ],
    },
}


async def write(http: httpx.AsyncClient, **message: Any) -> str:
    plain = not message.keys() - {"user_id", "from", "name"}
    body = {"text": "नमस्ते"} if plain else {}
    answer = await http.post("/api/inbound", json={"from": PHONE, **body, **message})
    assert answer.status_code == 202, answer.text
    wamid: str = answer.json()["id"]
    return wamid


async def send(http: httpx.AsyncClient, content: Json | str = "ठीक है", **more: Any) -> str:
    if isinstance(content, str):
        part: Json = {"type": "text", "text": {"body": content}}
    else:
        part = {"type": "interactive", "interactive": content}
    to = {} if "recipient" in more else {"to": PHONE}
    body = {"messaging_product": "whatsapp", **to, **part, **more}
    answer = await http.post(SEND, json=body, headers=TOKEN)
    assert answer.status_code == 200, answer.text
    wamid: str = answer.json()["messages"][0]["id"]
    return wamid


async def mark(http: httpx.AsyncClient, wamid: Any, **more: Any) -> httpx.Response:
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid, **more}
    return await http.post(SEND, json=body, headers=TOKEN)


async def shown(http: httpx.AsyncClient, who: str = PHONE, after: int = 0) -> Json:
    answer = await http.get(f"/api/phone/{who}/messages", params={"after": after})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def messages(http: httpx.AsyncClient, who: str = PHONE, after: int = 0) -> list[Json]:
    found: list[Json] = (await shown(http, who, after))["messages"]
    return found


async def test_both_sides_of_a_chat(http: httpx.AsyncClient) -> None:
    assert await messages(http) == []
    first = await write(http, name="आशा")
    asked = await send(http, BUTTONS)
    tapped = await write(http, button={"id": "yes", "title": "हाँ"}, context=asked)
    await send(http, LIST, context={"message_id": tapped})
    await write(http, row={"id": "pump", "title": "हैंडपंप", "description": "खराब"})
    await write(http, image={"sample": "photo", "caption": "देखिए"})
    await write(http, location={"latitude": 21.97, "longitude": 82.47, "name": "तरौद"})
    found = await shown(http, "+" + PHONE)
    assert (found["name"], found["typing"]) == ("आशा", False)
    hello, buttons, tap, rows, row, photo, place = found["messages"]
    assert (hello["id"], hello["mine"], hello["kind"], hello["text"]) == (
        first, True, "text", "नमस्ते"
    )  # fmt: skip
    assert (buttons["mine"], buttons["kind"]) == (False, "interactive")
    assert buttons["layout"] == {
        "type": "button",
        "header": "संवाद",
        "body": "संतुष्ट हैं?",
        "footer": "JC-2600104237",
        "buttons": [{"id": "yes", "title": "हाँ"}, {"id": "no", "title": "नहीं"}],
    }
    assert (tap["kind"], tap["text"], tap["replies_to"]) == ("tap", "हाँ", asked)
    assert rows["replies_to"] == tapped
    assert rows["layout"]["button"] == "चुनिए"
    assert rows["layout"]["sections"] == [
        {"title": "पानी", "rows": [{"id": "pump", "title": "हैंडपंप", "description": "खराब"}]},
        {"title": "बाकी", "rows": [{"id": "road", "title": "सड़क", "description": ""}]},
    ]
    assert (row["kind"], row["description"]) == ("tap", "खराब")
    assert (photo["kind"], photo["text"]) == ("image", "देखिए")
    assert (await http.get(f"/api/media/{photo['media']['id']}")).status_code == 200
    assert place["location"] == {
        "name": "तरौद", "address": "", "latitude": 21.97, "longitude": 82.47
    }  # fmt: skip
    # the inbox has the structure too
    told = (await http.get("/api/messages")).json()["messages"]
    assert [one["layout"]["type"] for one in told] == ["button", "list"]
    assert told[1]["buttons"] == [["pump", "हैंडपंप"], ["road", "सड़क"]]


async def test_only_what_has_changed(
    http: httpx.AsyncClient, eventually: Callable[..., Any]
) -> None:
    await write(http)

    async def delivered() -> bool:
        return [one["status"] for one in await messages(http)] == ["delivered"]

    await eventually(delivered, "the webhook has it")
    cursor = (await shown(http))["cursor"]
    assert await messages(http, after=cursor) == []
    second = await write(http, text="दो")
    assert [one["id"] for one in await messages(http, after=cursor)] == [second]
    # nobody else's messages
    assert await messages(http, "919876543211") == []


async def test_ticks_of_what_was_written(
    tmp_path: Path, standins_in: Any, listener: Any, eventually: Callable[..., Any]
) -> None:
    listener.answers = [500]
    async with standins_in(tmp_path, whatsapp_webhook=listener.url) as at:
        async with httpx.AsyncClient(base_url=at.url) as http:
            wamid = await write(http)
            await eventually(lambda: listener.bodies, "the webhook was asked")
            assert [one["status"] for one in await messages(http)] == ["sent"]

            async def delivered() -> bool:
                return [one["status"] for one in await messages(http)] == ["delivered"]

            await eventually(delivered, "the webhook has taken it")
            later = await write(http, text="और")
            answer = await mark(http, wamid)
            assert answer.json() == {"success": True}
            assert (await messages(http))[0]["status"] == "read"
            assert (await messages(http))[1]["status"] != "read"
            await mark(http, later)
            assert [one["status"] for one in await messages(http)] == ["read", "read"]
    # a restart takes nothing back
    async with standins_in(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        assert [one["status"] for one in await messages(http)] == ["read", "read"]


async def test_whoever_answers_is_seen_to_write(http: httpx.AsyncClient) -> None:
    wamid = await write(http)
    assert (await mark(http, wamid, typing_indicator={"type": "text"})).status_code == 200
    assert (await shown(http))["typing"] is True
    await send(http)
    assert (await shown(http))["typing"] is False


async def test_marks_of_what_nobody_wrote(http: httpx.AsyncClient) -> None:
    await write(http)
    theirs = await send(http)
    for wrong in ("wamid.nobody", theirs, 5, None):
        refused = await mark(http, wrong)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, 131009)
    mine = (await messages(http))[0]["id"]
    assert (await mark(http, mine, typing_indicator={"type": "dance"})).status_code == 400
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": mine}
    assert (await http.post(SEND, json=body)).json()["error"]["code"] == 190
    # marks behave on their own: what fails of messages leaves them alone, and the other way round
    await http.post("/api/behaviour", json={"provider": "whatsapp", "http_status": 503, "times": 1})
    assert (await mark(http, mine)).status_code == 200
    await http.post("/api/behaviour", json={"provider": "reads", "http_status": 503})
    assert (await mark(http, mine)).status_code == 503
    assert (await http.get("/api/messages", params={"accepted": True})).json()["count"] == 1


async def test_edited_taken_back_and_reacted_to(http: httpx.AsyncClient) -> None:
    first, second = await write(http, text="एक"), await write(http, text="दो")
    theirs = await send(http)
    cursor = (await shown(http))["cursor"]
    await write(http, edit={"message_id": first, "text": "तीन"})
    await write(http, revoke={"message_id": second})
    await write(http, reaction={"message_id": theirs, "emoji": "🙏"})
    changed = {one["id"]: one for one in await messages(http, after=cursor)}
    assert changed.keys() >= {first, second, theirs}
    assert (changed[first]["text"], changed[first]["edited"]) == ("तीन", True)
    assert (changed[second]["revoked"], changed[second]["text"]) == (True, "")
    assert changed[theirs]["emoji"] == "🙏"
    await write(http, reaction={"message_id": theirs})
    assert (await messages(http))[-1]["emoji"] == ""
    # nobody edits or takes back what he was sent
    await write(http, edit={"message_id": theirs, "text": "x"})
    await write(http, revoke={"message_id": theirs})
    assert (await messages(http))[-1]["text"] == "ठीक है"
    assert len(await messages(http)) == 3


async def test_what_is_on_the_screen_is_told_to_be_read(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    await write(http)
    wamid = await send(http, biz_opaque_callback_data="key")

    async def delivered() -> bool:
        return (await messages(http))[-1]["status"] == "delivered"

    await eventually(delivered, "it is delivered")
    answers = [await http.post(f"/api/phone/{PHONE}/read") for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"read": 1}, {"read": 0}]

    async def read() -> bool:
        return (await messages(http))[-1]["status"] == "read"

    await eventually(read, "it is read")
    await eventually(lambda: b'"read"' in b"".join(listener.bodies), "the webhook hears of it")
    (last,) = [
        status
        for raw in listener.bodies
        for change in orjson.loads(raw)["entry"][0]["changes"]
        for status in change["value"].get("statuses", ())
        if status["status"] == "read"
    ]
    assert (last["id"], last["recipient_id"]) == (wamid, PHONE)
    assert last["biz_opaque_callback_data"] == "key"
    assert (await http.get("/api/messages")).json()["messages"][0]["status"] == "read"


async def test_a_receipt_that_was_lost_is_not_followed_by_another(http: httpx.AsyncClient) -> None:
    await write(http)
    await http.post("/api/behaviour", json={"provider": "whatsapp", "receipts": "drop"})
    await send(http)
    assert (await http.post(f"/api/phone/{PHONE}/read")).json() == {"read": 0}


async def test_a_chat_without_a_number(http: httpx.AsyncClient) -> None:
    await write(http, **{"from": None}, user_id=USER)
    await send(http, recipient=USER)
    assert [one["mine"] for one in await messages(http, USER)] == [True, False]
    # he shows his number after all: one chat
    await write(http, user_id=USER)
    await send(http)
    by_number, by_user = await messages(http), await messages(http, USER)
    assert [one["mine"] for one in by_number] == [True, False, True, False]
    assert by_number == by_user


async def test_two_chats_that_were_one_persons(http: httpx.AsyncClient) -> None:
    await write(http, text="1")
    await write(http, **{"from": None}, user_id=USER, text="2")
    cursor = (await shown(http))["cursor"]
    await write(http, user_id=USER, text="3")
    assert [one["text"] for one in await messages(http)] == ["1", "2", "3"]
    # whoever looks at either of them is told of what is new there
    assert {one["text"] for one in await messages(http, after=cursor)} >= {"2", "3"}


async def test_forgotten_and_begun_anew(http: httpx.AsyncClient) -> None:
    await write(http)
    before = await shown(http)
    await http.delete("/api/messages")
    after = await shown(http)
    assert after["messages"] == []
    assert after["epoch"] != before["epoch"]


async def test_a_restart_empties_no_phone(tmp_path: Path, standins_in: Any) -> None:
    async with standins_in(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        first = await write(http, text="1", user_id=USER)
        await send(http, "2")
        await write(http, text="3")
        await send(http, BUTTONS)
        await write(http, edit={"message_id": first, "text": "4"})
        epoch = (await shown(http))["epoch"]
    async with standins_in(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as http:
        found = await shown(http, USER)
        assert found["epoch"] != epoch
        assert [one["text"] for one in found["messages"]][:3] == ["4", "2", "3"]
        assert found["messages"][3]["layout"]["type"] == "button"
        # his 24 hours are still open, and he is still known
        await send(http, recipient=USER)


@pytest.mark.parametrize("who", ["112", "x", "IN.", "%2e%2e", "a@example.in"])
async def test_nobodys_phone(who: str, http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/api/phone/{who}/messages")).status_code == 422
    assert (await http.post(f"/api/phone/{who}/read")).status_code == 422


async def test_the_page_and_its_files(http: httpx.AsyncClient) -> None:
    page = await http.get("/phone", params={"lang": "en"})
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert '<html lang="en">' in page.text
    assert '<html lang="hi">' in (await http.get("/phone", params={"lang": "<x>"})).text
    assert page.text.count("<script") == 1
    assert (await http.get("/static/phone.js")).headers["content-type"].startswith("text/javascript")
    assert (await http.get("/static/chat.css")).headers["content-type"].startswith("text/css")
    for missing in ("../app.py", "nothing.js", "..%2fapp.py"):
        assert (await http.get(f"/static/{missing}")).status_code == 404
