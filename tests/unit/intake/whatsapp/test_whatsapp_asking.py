"""Who is heard: verification, signatures, sizes, bodies that are none; and what is said without Kafka."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.intake.whatsapp.webhook.api import MAX_BODY_BYTES, PATH
from services.intake.whatsapp.webhook.app import parts_of
from services.intake.whatsapp.webhook.records import read_numbers
from services.intake.whatsapp.webhook.signature import Signatures, same
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.process import CannotStart
from services.kernel.adapters.settings import Settings
from tests.unit.intake.whatsapp.calling import Webhook, body, change

MESSAGE = {"from": "919999900301", "id": "wamid.T1=", "type": "text", "text": {"body": "पानी"}}
ASKED = {"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "1158201444"}


async def test_the_challenge_comes_back_bare(webhook: Webhook) -> None:
    answer = await webhook.http.get(PATH, params=ASKED)
    assert answer.status_code == 200
    assert answer.text == "1158201444"
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "change_of",
    [
        {"hub.verify_token": "verify-me-not"},
        {"hub.verify_token": ""},
        {"hub.verify_token": "\u0935\u0939\u0940"},
        {"hub.verify_token": None},
        {"hub.mode": "unsubscribe"},
        {"hub.mode": None},
        {"hub.challenge": None},
    ],
    ids=str,
)
async def test_other_words_are_no_verification(webhook: Webhook, change_of: dict[str, Any]) -> None:
    given = {name: text for name, text in {**ASKED, **change_of}.items() if text is not None}
    answer = await webhook.http.get(PATH, params=given)
    assert answer.status_code == 403
    assert "1158201444" not in answer.text


def test_nothing_is_the_same_as_an_empty_token() -> None:
    assert not same("", "")
    assert same("a", "a")
    assert not same("a", "b")


def test_the_signature_is_the_documented_one() -> None:
    header = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914"
    assert Signatures("secret").hold(b"test", header)
    assert not Signatures("Secret").hold(b"test", header)
    assert not Signatures("secret").hold(b"test ", header)


@pytest.mark.parametrize("secrets", ["secret", "new, secret", "secret,old", " secret ,"])
def test_while_the_secret_is_changed_either_signs(secrets: str) -> None:
    header = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914"
    assert Signatures(secrets).hold(b"test", header)


async def test_the_old_and_the_new_secret_are_heard_and_no_third() -> None:
    webhook = Webhook("new,old")
    for secret, status in (("new", 200), ("old", 200), ("third", 401), ("new,old", 401)):
        assert (await webhook.send(body(change(messages=[MESSAGE])), secret)).status_code == status
    assert len(webhook.records()) == 2
    await webhook.http.aclose()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914",
        "sha1=0329a06b62cd16b33eb6792be8c60b158d89a2ee",
        "sha256=" + "0" * 64,
        "sha256=\u00fc",
    ],
)
async def test_what_is_not_signed_is_not_read(webhook: Webhook, header: str | None) -> None:
    before = _metric("samvad_intake_refused_total", channel="whatsapp", reason="unauthenticated")
    headers = {} if header is None else {b"X-Hub-Signature-256": header.encode("latin-1")}
    for raw in (json.dumps(body(change(messages=[MESSAGE]))).encode(), b"[", b""):
        answer = await webhook.http.post(PATH, content=raw, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["field"] == "x-hub-signature-256"
    assert webhook.records() == []
    after = _metric("samvad_intake_refused_total", channel="whatsapp", reason="unauthenticated")
    assert after == before + 3


async def test_the_bytes_are_signed_and_not_what_they_mean(webhook: Webhook) -> None:
    """The provider signs its own escaped form; the same JSON written otherwise has another signature."""
    escaped = json.dumps(body(change(messages=[MESSAGE]))).encode()
    plain = json.dumps(body(change(messages=[MESSAGE])), ensure_ascii=False).encode()
    assert b"\\u092a" in escaped
    assert (await webhook.send(escaped)).status_code == 200
    signature = (await webhook.send(escaped)).request.headers["x-hub-signature-256"]
    answer = await webhook.http.post(PATH, content=plain, headers={"X-Hub-Signature-256": signature})
    assert answer.status_code == 401


async def test_a_body_of_three_mebibytes_is_taken_and_not_a_byte_more(webhook: Webhook) -> None:
    empty = json.dumps(body(change(messages=[{**MESSAGE, "text": {"body": ""}}])))
    filling = "x" * (MAX_BODY_BYTES - len(empty))
    whole = empty.replace('"body": ""', f'"body": "{filling}"').encode()
    assert len(whole) == MAX_BODY_BYTES
    assert (await webhook.send(whole)).status_code == 200
    assert webhook.received()[0].item["text"]["body"] == filling
    answer = await webhook.send(whole + b" ")
    assert answer.status_code == 413
    assert str(MAX_BODY_BYTES) in answer.json()["error"]["reason"]
    assert len(webhook.records()) == 1


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"entry": [NaN]}', "NaN is no number"),
        (b'{"entry": -Infinity}', "Infinity is no number"),
        (b'\xef\xbb\xbf{"entry": []}', "not JSON"),
        (b'{"entry": "\xff"}', "not UTF-8 at position 11"),
        (b'{"a": "\n"}', "not JSON"),
        (b"[]", "must be a JSON object"),
        (b'"entry"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"17", "must be a JSON object"),
        (b"[" * 200_000, "nested too deep"),
        (b'{"entry":' * 200_000, "nested too deep"),
    ],
    ids=lambda part: repr(part[:20]),
)
async def test_a_body_that_is_no_object_is_named(webhook: Webhook, raw: bytes, names: str) -> None:
    answer = await webhook.send(raw)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "body"
    assert names in answer.json()["error"]["reason"]
    assert webhook.records() == []


async def test_kafka_away_is_503_and_the_same_body_later_is_taken(webhook: Webhook) -> None:
    sent = body(change(messages=[MESSAGE]))
    webhook.broker.down = True
    answer = await webhook.send(sent)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert webhook.records() == []
    webhook.broker.down = False
    assert (await webhook.send(sent)).status_code == 200
    assert len(webhook.records()) == 1


async def test_an_answer_of_kafka_that_got_lost_is_no_200(webhook: Webhook) -> None:
    before = _metric("samvad_whatsapp_received_total", kind="message")
    webhook.broker.lose_next_answer = True
    assert (await webhook.send(body(change(messages=[MESSAGE])))).status_code == 503
    assert _metric("samvad_whatsapp_received_total", kind="message") == before
    assert (await webhook.send(body(change(messages=[MESSAGE])))).status_code == 200
    first, second = webhook.records()
    assert first.header("ce_id") == second.header("ce_id") == "wamid.T1="
    assert first.key == second.key
    assert _metric("samvad_whatsapp_received_total", kind="message") == before + 1


async def test_it_is_ready_while_kafka_is(webhook: Webhook) -> None:
    assert (await webhook.http.get("/health/ready")).json() == {"ready": True, "checks": {"kafka": True}}
    webhook.up = False
    assert (await webhook.http.get("/health/ready")).status_code == 503
    assert (await webhook.http.get("/health/live")).status_code == 200


async def test_nothing_of_a_body_is_logged(webhook: Webhook) -> None:
    sent = body(change(messages=[MESSAGE, 5], statuses="919999900301"))
    with capture_logs() as lines:
        await webhook.send(sent)
        await webhook.send(json.dumps(sent).encode()[:-1])
        webhook.broker.down = True
        await webhook.send(sent)
    assert lines == [
        {"event": "whatsapp.ignored", "parts": 2, "kept": 1, "log_level": "warning"},
    ]


async def test_other_methods_and_addresses_are_told_plainly(webhook: Webhook) -> None:
    assert (await webhook.http.put(PATH)).status_code == 405
    assert (await webhook.http.post("/webhooks")).status_code == 404


def test_numbers_belong_to_districts() -> None:
    assert read_numbers("") == {}
    assert read_numbers(" 100:janjgir-champa, 200 : sakti ,") == {
        "100": "janjgir-champa",
        "200": "sakti",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("100", "`100` is not"),
        ("100:", "`100:` is not"),
        (":sakti", "`:sakti` is not"),
        ("+100:sakti", "`+100:sakti` is not"),
        ("100:Sakti", "`100:Sakti` is not"),
        ("100:a,100:b", "100 is given twice"),
    ],
)
def test_numbers_that_are_none_are_named(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("+", r"\+")):
        read_numbers(text)


@pytest.mark.parametrize(
    ("setting", "text"), [("whatsapp_numbers", "100"), ("whatsapp_app_secret", " , ")]
)
def test_a_setting_that_is_of_no_use_stops_the_start(setting: str, text: str) -> None:
    settings = Settings(**{setting: text})  # type: ignore[arg-type]
    with pytest.raises(CannotStart, match=f"SAMVAD_{setting.upper()}"):
        parts_of(settings, Publisher("127.0.0.1:9", client_id="test"))


def _metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0
