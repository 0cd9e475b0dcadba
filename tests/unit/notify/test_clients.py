"""The providers' clients: what goes over the wire, and what the answers mean."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.kernel.domain.naming import Names
from services.notify.adapters.mobile_seva import key_of
from services.notify.adapters.whatsapp import request_body
from services.notify.adapters.wire import MOST_ANSWER, Client, http_client
from services.notify.core.contacts import reachable
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing
from tests.unit.notify.provider_server import (
    MESSAGE,
    TAKEN,
    Exchange,
    mobile_seva,
    serving,
    whatsapp,
)

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with http_client() as client:
        yield client


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


async def test_the_form_of_an_sms(client: Client) -> None:
    form = mobile_seva(client, NOWHERE).form(MESSAGE)
    assert form["content"] == "&#2344;&#2350;&#2360;&#2381;&#2340;&#2375;&#32;&#55357;&#56397;"
    assert form["key"] == key_of("samvad", "SAMVAD", form["content"], "secret-key")
    assert form["smsservicetype"] == "unicodemsg"
    assert form["mobileno"] == "9876543210"
    assert form["templateid"] == "samvad_citizen_filed_v1"
    assert form["password"] == "da882eab5e403421ac24258a5f7d5f965c29c849"
    sha256 = mobile_seva(client, NOWHERE, digest="sha256").form(MESSAGE)
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


def on_the_wire(request: bytes) -> tuple[str, dict[str, str], str]:
    """The request line, the headers, the body."""
    head, _, body = request.decode().partition("\r\n\r\n")
    line, *headers = head.split("\r\n")
    return line, dict(header.split(": ", 1) for header in headers), body


async def test_a_template_on_the_wire(client: Client) -> None:
    async with serving(Exchange.answer) as server:
        outcome = await whatsapp(client, server.url).send(MESSAGE)
    assert outcome == Outcome("accepted", provider_id="wamid.x")
    (request,) = server.requests
    line, headers, body = on_the_wire(request)
    assert line == "POST /v1/100/messages HTTP/1.1"
    assert headers == {
        "Host": f"127.0.0.1:{server.port}",
        "User-Agent": "samvad",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
        "Authorization": "Bearer t",
        "Content-Type": "application/json",
        "Content-Length": "356",
    }
    assert body == (
        '{"messaging_product":"whatsapp","recipient_type":"individual","to":"919876543210",'
        '"type":"template","template":{"name":"samvad_citizen_filed_v1","language":{"code":"hi"},'
        '"components":[{"type":"body","parameters":[{"type":"text","text":"सक्ती"},'
        '{"type":"text","text":"JC-2600104237"}]}]},'
        '"biz_opaque_callback_data":"2600104237/case/1:citizen:abc"}'
    )


@pytest.mark.parametrize(
    ("text", "content", "service"),
    [
        (
            MESSAGE.text,
            "%26%232344%3B%26%232350%3B%26%232360%3B%26%232381%3B%26%232340%3B%26%232375%3B"
            "%26%2332%3B%26%2355357%3B%26%2356397%3B",
            "unicodemsg",
        ),
        (
            "Case: a&b=c~d*e/f+g% 100 @ Rs. 5",
            "Case%3A+a%26b%3Dc~d%2Ae%2Ff%2Bg%25+100+%40+Rs.+5",
            "singlemsg",
        ),
    ],
)
async def test_an_sms_on_the_wire(client: Client, text: str, content: str, service: str) -> None:
    async with serving(lambda exchange: exchange.answer(b"402,MsgID = 28")) as server:
        gateway = mobile_seva(client, server.url)
        message = replace(MESSAGE, text=text)
        assert await gateway.send(message) == Outcome("accepted", provider_id="28")
    (request,) = server.requests
    line, headers, body = on_the_wire(request)
    assert line == "POST /sms HTTP/1.1"
    assert headers == {
        "Host": f"127.0.0.1:{server.port}",
        "User-Agent": "samvad",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
    }
    assert body == (
        "username=samvad&password=da882eab5e403421ac24258a5f7d5f965c29c849&senderid=SAMVAD"
        f"&content={content}&smsservicetype={service}&mobileno=9876543210"
        f"&key={gateway.form(message)['key']}&templateid=samvad_citizen_filed_v1"
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"messages":[]}', b'{"messages":[{"id":3}]}']
)
async def test_a_success_that_says_nothing_is_unknown(client: Client, body: bytes) -> None:
    async with serving(lambda exchange: exchange.answer(body)) as server:
        outcome = await whatsapp(client, server.url).send(MESSAGE)
    assert outcome == Outcome("unknown", "whatsapp_unreadable_answer")


@pytest.mark.parametrize("charset", ["nonsense", "utf-16", "\xe9", ";;", "us-ascii"])
async def test_a_wrong_charset_is_no_fault(client: Client, charset: str) -> None:
    type_ = f"Content-Type: text/html; charset={charset}"
    async with serving(
        lambda exchange: exchange.answer(b"402,MsgID = 2\xff8", 200, type_)
    ) as server:
        outcome = await mobile_seva(client, server.url).send(MESSAGE)
    assert outcome == Outcome("accepted", provider_id="2\ufffd8")


async def test_a_compressed_answer_is_read(client: Client) -> None:
    body = gzip.compress(TAKEN)
    async with serving(
        lambda exchange: exchange.answer(body, 200, "Content-Encoding: gzip")
    ) as server:
        assert (await whatsapp(client, server.url).send(MESSAGE)).provider_id == "wamid.x"


async def test_an_answer_as_long_as_may_be_is_read(client: Client) -> None:
    body = TAKEN.ljust(MOST_ANSWER)
    async with serving(lambda exchange: exchange.answer(body)) as server:
        assert (await whatsapp(client, server.url).send(MESSAGE)).kind == "accepted"
    async with serving(lambda exchange: exchange.answer(body + b" ")) as server:
        assert (await whatsapp(client, server.url).send(MESSAGE)).kind == "unknown"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("99999", 3600.0), ("Wed, 21 Oct", None), ("-1", None), ("\xb2", None)],
)
async def test_retry_after(client: Client, header: str, seconds: float | None) -> None:
    async def throttle(exchange: Exchange) -> None:
        await exchange.answer(b'{"error":{"code":130429}}', 429, f"RETRY-After: {header}")

    async with serving(throttle) as server:
        outcome = await whatsapp(client, server.url).send(MESSAGE)
    assert outcome.retry_after == seconds
    assert (outcome.kind, outcome.reason) == ("transient", "whatsapp_130429")


async def test_the_gateway_reaches_indian_numbers_alone(client: Client) -> None:
    abroad = Outgoing("k", "+14155550123", "en", "1", "text", ())
    async with serving(Exchange.answer) as server:
        assert (await mobile_seva(client, server.url).send(abroad)).kind == "permanent"
    assert server.connections == 0


def test_recipients_are_named_by_a_keyed_hash() -> None:
    contacts = Names("secret")
    # printf %s phone:+919876543210 | openssl dgst -sha256 -hmac secret
    assert contacts.phone("+919876543210") == "1758da1a1c92a4236c50e3c31ec010b2"
    assert Names("other").phone("+919876543210") != contacts.phone("+919876543210")
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
