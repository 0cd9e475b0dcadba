"""The mail itself: what a reader's program makes of it, whatever the words are."""

from __future__ import annotations

import email
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.adapters.provider_receipts import KEY_HEADER
from services.notify.adapters.smtp import Smtp, compose, recipient_of, sender_of, stuffed, to_bytes
from tests.unit.notify.provider_server import MESSAGE

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
MAIL = replace(
    MESSAGE,
    to="ram@example.in",
    subject="आज के लंबित मामले: जांजगीर-चांपा, सोमवार 5 जनवरी 2026, समय सीमा से बाहर",
    text="नमस्ते,\nमामला JC-2600104237\n.\nधन्यवाद",
    html="<p>नमस्ते, <b>मामला</b> &amp; more</p>",
)
HEADERS = (
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language",
    "Content-Type", "MIME-Version", KEY_HEADER,
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
ADDRESSES = st.from_regex(
    r"[a-z]{1,8}(\.[a-z]{1,8})?@([a-z]{1,8}\.){0,3}[a-z]{1,8}", fullmatch=True
)


def read(message: Any = MAIL, sender: str = "Samvad <s@gov.example>") -> tuple[EmailMessage, bytes]:
    """The mail as it was parsed by who got it, and its bytes."""
    raw = to_bytes(compose(message, sender_of(sender), sender_of(message.to), AT))
    return email.message_from_bytes(raw, policy=policy.default), raw  # type: ignore[return-value]


def test_what_is_read() -> None:
    mail, raw = read()
    assert mail["Subject"] == MAIL.subject
    assert (mail["From"], mail["To"]) == ("Samvad <s@gov.example>", "ram@example.in")
    assert mail["Date"].datetime == AT
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "hi"
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content() == MAIL.text.replace("\n", "\r\n")
    assert html.get_content() == MAIL.html
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_without_html_it_is_text_alone() -> None:
    mail, _ = read(replace(MAIL, html=""))
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == MAIL.text.splitlines()


def test_two_sendings_are_seen_to_be_one_mail() -> None:
    first, second = read()[0], read(replace(MAIL, claim="other", text="x", to="o@example.in"))[0]
    assert first["Message-ID"] == second["Message-ID"]
    assert read(replace(MAIL, key="another"))[0]["Message-ID"] != first["Message-ID"]
    assert first["Message-ID"].endswith("@gov.example>")


def test_no_line_ends_the_content_too_early() -> None:
    assert stuffed(b"a\r\n.\r\n..b\r\n") == b"a\r\n..\r\n...b\r\n.\r\n"
    assert stuffed(b".\r\n") == b"..\r\n.\r\n"


@pytest.mark.parametrize(
    "subject",
    [
        "a\r\nBcc: everybody@example.in",
        "a\nBcc: everybody@example.in\n\nbody",
        "a\rBcc: x@example.in",
        "a\x00\x0b\x0c\x1c\x85\u2028Bcc: x@example.in",
        "=?utf-8?q?a=0D=0ABcc:_x@example.in?=",
    ],
)
def test_a_subject_is_one_header(subject: str) -> None:
    mail, raw = read(replace(MAIL, subject=subject))
    assert mail["Bcc"] is None and "Bcc" in mail["Subject"]
    assert b"\nBcc" not in raw and b"\rBcc" not in raw
    assert sorted(mail.keys()) == sorted(HEADERS)


@given(subject=TEXTS, text=TEXTS, html=TEXTS, key=TEXTS.filter(bool))
def test_any_words_make_one_mail(subject: str, text: str, html: str, key: str) -> None:
    mail, raw = read(replace(MAIL, subject=subject, text=text, html=html, key=key))
    encoded = [] if html else ["Content-Transfer-Encoding"]
    assert sorted(mail.keys()) == sorted([*HEADERS, *encoded])
    assert raw.isascii() and raw.endswith(b"\r\n") and raw.count(b"\n") == raw.count(b"\r\n")
    body = mail.get_body(("plain",))
    assert body is not None
    # of line ends only that there are some is kept
    assert body.get_content().split() == text.split()


@given(words=st.lists(st.text("मामला स्थिति abc-12।👍", min_size=1, max_size=30), max_size=12))
def test_a_long_subject_is_read_as_it_was_written(words: list[str]) -> None:
    subject = " ".join(" ".join(words).split())
    assert read(replace(MAIL, subject=subject))[0]["Subject"] == subject


@given(address=ADDRESSES)
def test_an_address_is_an_address(address: str) -> None:
    recipient = recipient_of(address)
    assert recipient is not None and recipient.addr_spec == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ram",
        "@example.in",
        "ram@",
        "ram@example.in ",
        "ram@example.in\r\nRCPT TO:<x@y>",
        "ram@example.in\n",
        "<ram@example.in>",
        "Ram <ram@example.in>",
        "a@b@c",
        "a@b>",
        "a,b@c",
        '"a b"@c',
        "राम@example.in",
        "ram@उदाहरण.भारत",
        "a..b@c",
        "a" * 65 + "@c",
        "a@" + "c" * 200,
    ],
)
def test_no_address(text: str) -> None:
    assert recipient_of(text) is None


def test_the_sender_may_have_a_hindi_name() -> None:
    mail, raw = read(sender='"संवाद, जिला कलेक्टर" <s@gov.example>')
    assert mail["From"].addresses[0].display_name == "संवाद, जिला कलेक्टर"
    assert mail["From"].addresses[0].addr_spec == "s@gov.example"
    assert raw.isascii()


def test_a_wrong_setting_is_named() -> None:
    settings: dict[str, Any] = {"host": "h", "port": 1, "security": "tls", "clock": lambda: AT}
    with pytest.raises(ValueError, match="mail_from"):
        Smtp(**settings, sender="Samvad")
    with pytest.raises(ValueError, match="smtp_ca"):
        Smtp(**settings, sender="s@x", ca=Path("/nowhere/ca.pem"))
    with pytest.raises(ValueError, match="smtp_ca"):
        Smtp(**settings, sender="s@x", ca=Path(__file__))
