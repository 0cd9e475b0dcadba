"""Receipts and inbound messages, read from what providers send."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.adapters.provider_receipts import (
    KEY_HEADER,
    kannel_receipt,
    key_to_header,
    mail_receipt,
    receipts_of,
    signature,
)
from services.notify.adapters.smtp import compose, sender_of, to_bytes
from services.notify.core.outcomes import Outcome
from services.notify.core.receipts import Receipt
from tests.unit.notify.provider_server import MESSAGE

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


# ------------------------------------------------------------------- WhatsApp


def status(word: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "wamid.1",
        "status": word,
        "timestamp": "1767587400",
        "recipient_id": "919876543210",
        "biz_opaque_callback_data": MESSAGE.key,
        **more,
    }


@pytest.mark.parametrize(
    ("word", "known"),
    [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read")],
)
def test_statuses(word: str, known: Any) -> None:
    expected = Receipt("whatsapp", known, AT, MESSAGE.key, "wamid.1")
    assert receipts_of(status(word), AT) == expected


@pytest.mark.parametrize("word", ["deleted", "warning", "", None, 3, ["sent"]])
def test_other_statuses_are_none(word: Any) -> None:
    assert receipts_of(status(word), AT) is None


@pytest.mark.parametrize(
    ("errors", "failure"),
    [
        (
            [{"code": 131026, "title": "Message undeliverable"}],
            Outcome("permanent", "whatsapp_131026_undeliverable", bad_address=True),
        ),
        (
            [{"code": 131047}],
            Outcome("permanent", "whatsapp_131047_outside_window", window_closed=True),
        ),
        ([{"code": 131053}], Outcome("transient", "whatsapp_131053")),
        ([{"code": "131053"}], Outcome("permanent", "whatsapp_failed")),
        ([], Outcome("permanent", "whatsapp_failed")),
        (None, Outcome("permanent", "whatsapp_failed")),
        (["131026"], Outcome("permanent", "whatsapp_failed")),
    ],
)
def test_a_failed_status_says_why(errors: Any, failure: Outcome) -> None:
    receipt = receipts_of(status("failed", errors=errors), AT)
    assert receipt is not None
    assert (receipt.status, receipt.failure) == ("failed", failure)


def test_a_status_needs_one_of_the_ids() -> None:
    without_ours = receipts_of(status("read", biz_opaque_callback_data=None), AT)
    assert without_ours is not None
    assert (without_ours.message_id, without_ours.provider_id) == ("", "wamid.1")
    assert receipts_of({"status": "read"}, AT) is None
    assert receipts_of(status("read", id="", biz_opaque_callback_data="x" * 513), AT) is None


@given(st.dictionaries(st.sampled_from(["status", "id", "errors"]), JSON))
def test_nothing_of_a_status_is_a_fault(item: dict[str, Any]) -> None:
    receipts_of({"status": "failed", **item}, AT)


# ------------------------------------------------------------------- Kannel


@pytest.mark.parametrize(
    ("kind", "known"), [(1, "delivered"), (2, "failed"), (8, "sent"), (16, "failed")]
)
def test_delivery_reports(kind: int, known: str) -> None:
    receipt = kannel_receipt(kind, "m", "c", "f-1", "NACK/0x0000000b/x", AT)
    assert receipt is not None
    assert (receipt.channel, receipt.status, receipt.at) == ("sms", known, AT)
    assert (receipt.message_id, receipt.claim, receipt.provider_id) == ("m", "c", "f-1")
    assert (receipt.failure is not None) == (known == "failed")
    assert (receipt.failure is not None and receipt.failure.bad_address) == (kind == 16)


@pytest.mark.parametrize("kind", [0, 3, 4, 32, 99])
def test_what_is_not_final_is_no_receipt(kind: int) -> None:
    assert kannel_receipt(kind, "m", "c", "", "", AT) is None


def test_the_signature() -> None:
    # printf %s "m|c" | openssl dgst -sha256 -hmac s
    assert (
        signature("s", "m", "c")
        == "33d17c650a074810f6176644027a9a209f15dac92f7f8d85d0d9c7d6ad466bc4"
    )
    assert signature("s", "m", "c2") != signature("s", "m", "c") != signature("t", "m", "c")


# ------------------------------------------------------------------- bounces


WHOLE, HEADERS = "message/rfc822", "text/rfc822-headers"


def report(
    action: str = "failed",
    code: str = "5.1.1",
    returned: bytes | None = None,
    kind: str = WHOLE,
) -> bytes:
    """A notification as a mail server writes it, of our mail or of `returned`."""
    lines = [
        "From: MAILER-DAEMON@mx.example",
        "Subject: Undelivered Mail Returned to Sender",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"',
        "",
        "--B",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "I am sorry to have to inform you",
        "--B",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example",
        "",
        "Final-Recipient: rfc822; ram@example.in",
        f"Action: {action}",
        f"Status: {code}",
        "Diagnostic-Code: smtp; 550 5.1.1 <ram@example.in>: unknown",
        "",
        "--B",
        f"Content-Type: {kind}",
        "",
    ]
    head = "\r\n".join(lines).encode()
    return head + b"\r\n" + (to_bytes(ours()) if returned is None else returned) + b"\r\n--B--\r\n"


def ours() -> Message:
    return compose(MESSAGE, sender_of("s@gov.example"), sender_of("ram@example.in"), AT)


HEADERS_ALONE = to_bytes(ours()).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "returned"), [(WHOLE, None), (WHOLE, HEADERS_ALONE), (HEADERS, HEADERS_ALONE)]
)
def test_a_bounce_is_a_receipt(kind: str, returned: bytes | None) -> None:
    assert mail_receipt(report(kind=kind, returned=returned), AT) == Receipt(
        channel="email",
        status="failed",
        at=AT,
        message_id=MESSAGE.key,
        provider_id=ours()["Message-ID"],
        failure=Outcome("permanent", "smtp_bounced_5.1.1", bad_address=True),
    )


def test_a_server_that_gave_up_says_nothing_of_the_address() -> None:
    receipt = mail_receipt(report(code="4.4.7"), AT)
    assert receipt is not None
    assert receipt.failure == Outcome("permanent", "smtp_bounced_4.4.7")


def test_a_notification_of_delivery() -> None:
    receipt = mail_receipt(report("delivered", "2.0.0"), AT)
    assert receipt is not None
    assert (receipt.status, receipt.failure) == ("delivered", None)


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded", ""])
def test_the_server_goes_on_trying(action: str) -> None:
    assert mail_receipt(report(action, "4.0.0"), AT) is None


def test_a_bounce_of_somebody_elses_mail() -> None:
    lunch = b"Subject: lunch\r\n"
    assert mail_receipt(report(returned=lunch + b"\r\nhi"), AT) is None
    for header in (b"not base64 !", b"", b"=?utf-8?q?=FF?=", b"/w==", b"A" * 9000):
        forged = KEY_HEADER.encode() + b": " + header + b"\r\n"
        assert mail_receipt(report(returned=lunch + forged + b"\r\nhi"), AT) is None


def test_a_reply_to_our_mail_is_no_bounce() -> None:
    """It may quote all of our headers, its own included."""
    reply = ours()
    reply["In-Reply-To"] = reply["Message-ID"]
    assert mail_receipt(to_bytes(reply), AT) is None


def test_the_outer_mails_own_header_is_not_believed() -> None:
    raw = f"{KEY_HEADER}: {key_to_header('forged')}\r\n".encode() + report()
    receipt = mail_receipt(raw, AT)
    assert receipt is not None and receipt.message_id == MESSAGE.key


@given(st.binary(max_size=300))
def test_no_mail_is_a_fault(raw: bytes) -> None:
    assert mail_receipt(raw, AT) is None


@given(st.integers(0, 2000), st.binary(max_size=6), st.integers(0, 40))
def test_no_broken_bounce_is_a_fault(at: int, instead: bytes, cut: int) -> None:
    raw = report()
    at = min(at, len(raw))
    mail_receipt(raw[:at] + instead + raw[at + cut :], AT)


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=512))
def test_any_key_comes_back(key: str) -> None:
    mail = compose(
        replace(MESSAGE, key=key), sender_of("s@gov.example"), sender_of("s@gov.example"), AT
    )
    receipt = mail_receipt(report(returned=to_bytes(mail)), AT)
    assert receipt is not None and receipt.message_id == key
