"""The providers' clients: what goes over the wire, and what a broken wire means."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from services.notify.adapters.mobile_seva import MobileSeva, key_of
from services.notify.adapters.whatsapp import WhatsApp, request_body
from services.notify.core.contacts import Contacts, reachable
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing

MESSAGE = Outgoing(
    key="2600104237/case/1:citizen:abc",
    to="+919876543210",
    language="hi",
    registered="samvad_citizen_filed_v1",
    text="नमस्ते 👍",
    parameters=("सक्ती", "JC-2600104237"),
)
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def whatsapp(answer: Answer) -> WhatsApp:
    return WhatsApp(client(answer), url="http://wa.example/v1/", phone_number_id="100", token="t")


def mobile_seva(answer: Answer, **more: str) -> MobileSeva:
    return MobileSeva(
        client(answer),
        url="http://sms.example/sms",
        username="samvad",
        password="pass word",
        secure_key="secret-key",
        sender="SAMVAD",
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("content", "key"),
    [
        # printf %s "$username$sender$content$key" | sha512sum
        (
            "Your case JC-2600104237",
            "770a3ac9ac128b19f922c0cea8ccbd77b9452c601bbff366d21de30369f28c83"
            "fc98b551298c35c133fae2bafba0313fca66ae0ee0dd936c3013bf2d0e39c175",
        ),
        (
            "&#2344;&#55357;&#56397;",
            "15a4de97922ce68d863d777bd7b9f2994912f63f9a675b71bdd418a9e24d4dc3"
            "9a7a42dd04cea2bf4007a14ccb2ca0487006adfcede88af181a6aee306556756",
        ),
    ],
)
def test_the_gateways_hash(content: str, key: str) -> None:
    assert key_of("samvad", "SAMVAD", content, "secret-key") == key


def test_the_form_of_an_sms() -> None:
    seva = mobile_seva(lambda request: httpx.Response(200))
    form = seva.form(MESSAGE)
    assert form["content"] == "&#2344;&#2350;&#2360;&#2381;&#2340;&#2375;&#32;&#55357;&#56397;"
    assert form["key"] == key_of("samvad", "SAMVAD", form["content"], "secret-key")
    assert form["smsservicetype"] == "unicodemsg"
    assert form["mobileno"] == "9876543210"
    assert form["templateid"] == "samvad_citizen_filed_v1"
    assert form["password"] == "da882eab5e403421ac24258a5f7d5f965c29c849"
    sha256 = mobile_seva(lambda request: httpx.Response(200), digest="sha256").form(MESSAGE)
    assert sha256["password"] == "78980e257f412437fbf9343787bc00ec5b10636429bc000b290107335b089786"


def test_the_body_of_a_template() -> None:
    assert request_body(MESSAGE) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "919876543210",
        "type": "template",
        "template": {
            "name": "samvad_citizen_filed_v1",
            "language": {"code": "hi"},
            "components": [
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "text": "सक्ती"},
                        {"type": "text", "text": "JC-2600104237"},
                    ],
                }
            ],
        },
        "biz_opaque_callback_data": "2600104237/case/1:citizen:abc",
    }


async def test_whatsapp_accepts() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"messages": [{"id": "wamid.x"}]})

    assert await whatsapp(answer).send(MESSAGE) == Outcome("accepted", provider_id="wamid.x")
    assert str(seen[0].url) == "http://wa.example/v1/100/messages"
    assert seen[0].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messages":[]}', b'{"messages":[{"id":3}]}'])
async def test_a_success_that_says_nothing_is_unknown(body: bytes) -> None:
    outcome = await whatsapp(lambda request: httpx.Response(200, content=body)).send(MESSAGE)
    assert outcome == Outcome("unknown", "whatsapp_unreadable_answer")


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("99999", 3600.0), ("Wed, 21 Oct", None), ("-1", None)]
)
async def test_retry_after(header: str, seconds: float | None) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        error = {"error": {"code": 130429}}
        return httpx.Response(429, json=error, headers={"Retry-After": header})

    outcome = await whatsapp(answer).send(MESSAGE)
    assert outcome.retry_after == seconds
    assert (outcome.kind, outcome.reason) == ("transient", "whatsapp_130429")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), "transient"),
        (httpx.ConnectTimeout("slow"), "transient"),
        (httpx.PoolTimeout("busy"), "transient"),
        (httpx.UnsupportedProtocol("what"), "transient"),
        (httpx.WriteTimeout("half"), "unknown"),
        (httpx.WriteError("half"), "unknown"),
        (httpx.ReadTimeout("no answer"), "unknown"),
        (httpx.ReadError("cut"), "unknown"),
        (httpx.RemoteProtocolError("closed"), "unknown"),
    ],
)
async def test_a_broken_wire(error: Exception, kind: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    for provider in (whatsapp(answer), mobile_seva(answer)):
        outcome = await provider.send(MESSAGE)
        assert outcome.kind == kind
        assert outcome.whole_provider
        assert type(error).__name__.lower() in outcome.reason


async def test_the_gateway_reaches_indian_numbers_alone() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError("must not be called")

    abroad = Outgoing("k", "+14155550123", "en", "1", "text", ())
    assert (await mobile_seva(answer).send(abroad)).kind == "permanent"


def test_recipients_are_named_by_a_keyed_hash() -> None:
    contacts = Contacts("secret")
    # printf %s phone:+919876543210 | openssl dgst -sha256 -hmac secret
    assert contacts.phone("+919876543210") == "1758da1a1c92a4236c50e3c31ec010b2"
    assert Contacts("other").phone("+919876543210") != contacts.phone("+919876543210")
    assert contacts.officer("a", "b") != contacts.officer("a/b", "")


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+919876543210", "+919876543210"),
        ("09876543210", "+919876543210"),
        ("98765 43210", "+919876543210"),
        ("112", None),
        ("********10", None),
        ("", None),
        (None, None),
    ],
)
def test_reachable_numbers(raw: str | None, number: str | None) -> None:
    assert reachable(raw) == number
