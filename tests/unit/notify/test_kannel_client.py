"""What goes to Kannel over the wire, and the address that it is to call back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.adapters.provider_receipts import signature
from services.notify.adapters.wire import http_client
from services.notify.core.outcomes import Outcome
from tests.unit.notify.provider_server import MESSAGE, Exchange, kannel, serving

ACCEPTED = b"0: Accepted for delivery"


async def on_the_wire(message: Any = MESSAGE, **settings: str) -> tuple[str, dict[str, str], bytes]:
    """The request line, the headers in lower case, the body."""
    async with serving(lambda exchange: exchange.answer(ACCEPTED, 202)) as server:
        async with http_client() as client:
            outcome = await kannel(client, server.url, **settings).send(message)
    assert outcome == Outcome("accepted")
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    pairs = (header.split(": ", 1) for header in headers)
    return line, {name.lower(): value for name, value in pairs}, body


async def test_a_message_on_the_wire() -> None:
    line, headers, body = await on_the_wire()
    assert line == "POST /cgi-bin/sendsms HTTP/1.1"
    assert body.decode() == MESSAGE.text
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert {n: v for n, v in headers.items() if n.startswith("x-kannel-")} == {
        "x-kannel-username": "samvad",
        "x-kannel-password": "pass word",
        "x-kannel-from": "SAMVAD",
        "x-kannel-to": "+919876543210",
        "x-kannel-coding": "2",
        "x-kannel-dlr-mask": "19",
        "x-kannel-dlr-url": "http://127.0.0.1:8014/receipts/kannel"
        "?m=2600104237%%2Fcase%%2F1%%3Acitizen%%3Aabc&a=c1a1&t="
        # printf %s "2600104237/case/1:citizen:abc|c1a1" | openssl dgst -sha256 -hmac receipt-secret
        "6456c7c9311d1fe2bba48eac903724d6c11a2216dc893e9d627527219ce6e144"
        "&d=%d&i=%F&s=%A",
        "x-kannel-priority": "0",
    }


@pytest.mark.parametrize(
    ("text", "coding"),
    [("Case JC-2600104237 [a] €5", "0"), ("मामला", "2"), ("naïve", "2"), ("👍", "2")],
)
async def test_the_coding_is_the_texts(text: str, coding: str) -> None:
    _, headers, body = await on_the_wire(replace(MESSAGE, text=text))
    assert headers["x-kannel-coding"] == coding
    assert body.decode() == text


async def test_urgent_messages_come_first() -> None:
    _, headers, _ = await on_the_wire(replace(MESSAGE, urgent=True))
    assert headers["x-kannel-priority"] == "3"


async def test_dlts_ids_go_with_the_message() -> None:
    _, headers, _ = await on_the_wire(entity="1001 & co")
    assert headers["x-kannel-meta-data"] == (
        "?smpp?PE_ID=1001+%26+co&TEMPLATE_ID=samvad_citizen_filed_v1"
    )


async def test_an_empty_text_is_not_sent() -> None:
    async with serving(Exchange.answer) as server, http_client() as client:
        outcome = await kannel(client, server.url).send(replace(MESSAGE, text=""))
    assert outcome == Outcome("permanent", "kannel_empty")
    assert server.connections == 0


def as_kannel_fills_it(pattern: str) -> str:
    """Kannel's own rule, for the escapes that a text may hold by chance: `%%` is one, `%x` a value."""
    values = {
        "d": "1",
        "F": "id-7",
        "A": quote_plus("ACK/"),
        "E": "?",
        "B": "?",
        "D": "?",
        "C": "?",
    }
    return re.sub(r"%(.)", lambda f: "%" if f[1] == "%" else values.get(f[1], f"%{f[1]}"), pattern)


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
@pytest.mark.parametrize("base", ["http://h/receipts", "http://h/r?x=%E0%A4%A8"])
def test_any_key_comes_back_as_it_was(base: str, key: str) -> None:
    client: Any = None
    url = kannel(client, "", receipts_url=base).receipt_url(replace(MESSAGE, key=key))
    assert url.isascii() and url.isprintable() and " " not in url
    query = parse_qs(urlsplit(as_kannel_fills_it(url)).query, strict_parsing=True)
    assert query["m"] == [key]
    assert query["t"] == [signature("receipt-secret", key, MESSAGE.claim)]
    assert (query["d"], query["i"], query["s"]) == (["1"], ["id-7"], ["ACK/"])
    assert query.get("x") in (None, ["न"])
