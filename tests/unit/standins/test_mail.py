"""The mail server, spoken to by the standard library's client."""

from __future__ import annotations

import asyncio
import smtplib
import socket
from collections.abc import Callable
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.text import MIMEText
from typing import Any

import httpx
import pytest

from services.kernel.adapters.process import CannotStart
from services.standins import mail

TO = "asha.sahu@example.in"
SUBJECT = "संवाद: आज आपके 12 आवेदन बाकी हैं, जिनमें से 3 की समय-सीमा निकल चुकी है"


def composed(**headers: str) -> EmailMessage:
    message = EmailMessage()
    given = {"From": "Samvad <samvad@localhost>", "To": TO, "Subject": "Digest", **headers}
    for name, value in given.items():
        message[name.replace("_", "-")] = value
    message.set_content("नमस्ते आशा जी,\n\n.एक बिंदु से शुरू\n")
    message.add_alternative("<h1>नमस्ते</h1><script>alert(1)</script>", subtype="html")
    return message


def deliver(port: int, message: Message, *to: str) -> dict[str, Any]:
    """Who was refused, as smtplib tells it; raises its errors."""
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        refused: dict[str, Any] = client.send_message(message, "samvad@localhost", list(to or (TO,)))
        return refused


async def sent(running: Any, message: Message, *to: str) -> dict[str, Any]:
    return await asyncio.to_thread(deliver, running.smtp_port, message, *to)


async def taken(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/api/messages")).json()["messages"]
    return found


async def doubles(http: httpx.AsyncClient) -> int:
    found: int = (await http.get("/api/duplicates")).json()["count"]
    return found


async def test_a_mail_with_text_and_html(running: Any, http: httpx.AsyncClient) -> None:
    assert await sent(running, composed(Message_ID="<one@samvad>")) == {}
    (got,) = await taken(http)
    assert (got["provider"], got["to"], got["kind"]) == ("smtp", TO, "mail")
    assert got["text"] == "नमस्ते आशा जी,\n\n.एक बिंदु से शुरू"
    assert got["html"] == "<h1>नमस्ते</h1><script>alert(1)</script>"
    assert (got["subject"], got["language"], got["key"]) == ("Digest", "hi", "one@samvad")
    assert [m["id"] for m in (await http.get("/api/messages", params={"to": TO.upper()})).json()[
        "messages"
    ]] == [got["id"]]  # fmt: skip


async def test_a_long_hindi_subject(running: Any, http: httpx.AsyncClient) -> None:
    message = MIMEText("x", "plain", "utf-8")
    message["Subject"] = Header(SUBJECT, "utf-8")
    message["X-Samvad-Message"] = "Y2FzZTrg pLngpYLgpIE="
    await sent(running, message)
    (got,) = await taken(http)
    assert (got["subject"], got["text"], got["html"]) == (SUBJECT, "x", "")
    assert got["key"] == "case:हूँ"


async def test_a_mail_that_is_none_is_taken_as_well(running: Any, http: httpx.AsyncClient) -> None:
    message = Message()
    message["Content-Type"] = "text/plain; charset=klingon"
    message.set_payload("x")
    await sent(running, message)
    (got,) = await taken(http)
    assert (got["text"], got["subject"], got["accepted"]) == ("", "", True)


async def test_doubles_are_told_by_message_id_and_mailbox(
    running: Any, http: httpx.AsyncClient
) -> None:
    first = composed(Message_ID="<one@samvad>")
    await sent(running, first, TO, "other@example.in")
    await sent(running, composed(Message_ID="<two@samvad>"))
    await sent(running, composed())
    await sent(running, composed())
    assert len(await taken(http)) == 5
    assert await doubles(http) == 0
    await sent(running, first, TO.replace("asha", "Asha"))
    assert await doubles(http) == 1


async def test_refused_at_the_mailbox(running: Any, http: httpx.AsyncClient) -> None:
    await http.post("/api/behaviour", json={"provider": "smtp", "fail_code": 550, "times": 1})
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        await sent(running, composed())
    assert refusal.value.recipients[TO] == (550, b"5.1.1 User unknown")
    (got,) = await taken(http)
    assert (got["accepted"], got["code"], got["to"]) == (False, "550", TO)
    assert await sent(running, composed()) == {}


@pytest.mark.parametrize("code", [421, 452, 552, 554, 571])
async def test_refused_after_the_content(code: int, running: Any, http: httpx.AsyncClient) -> None:
    await http.post("/api/behaviour", json={"provider": "smtp", "fail_code": code, "times": 1})
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        await sent(running, composed(Message_ID="<one@samvad>"))
    assert refusal.value.smtp_code == code
    (got,) = await taken(http)
    assert (got["accepted"], got["code"], got["subject"]) == (False, str(code), "Digest")
    await sent(running, composed(Message_ID="<one@samvad>"))
    assert await doubles(http) == 0


async def test_throttling(running: Any, http: httpx.AsyncClient) -> None:
    await http.post("/api/behaviour", json={"provider": "smtp", "throttle_per_second": 1})
    found = await asyncio.gather(
        *(sent(running, composed()) for _ in range(5)), return_exceptions=True
    )
    refused = [one for one in found if isinstance(one, smtplib.SMTPRecipientsRefused)]
    # five at once cannot lie in more than two seconds' windows
    assert 1 <= 5 - len(refused) <= 2
    assert refused[0].recipients[TO][0] == 451


async def test_one_that_hangs_was_taken(
    running: Any, http: httpx.AsyncClient, eventually: Callable[..., Any]
) -> None:
    await http.post("/api/behaviour", json={"provider": "smtp", "hang": True})
    waiting = asyncio.create_task(sent(running, composed(Message_ID="<one@samvad>")))
    await eventually(lambda: taken(http), "it is taken")
    assert (await taken(http))[0]["accepted"] is True
    assert not waiting.done()
    await http.delete("/api/behaviour")
    assert await waiting == {}
    await sent(running, composed(Message_ID="<one@samvad>"))
    assert await doubles(http) == 1


async def test_too_large_a_mail_is_refused(running: Any, http: httpx.AsyncClient) -> None:
    message = MIMEText("x\n" * (mail.MOST_BYTES // 2), "plain", "us-ascii")
    with pytest.raises(smtplib.SMTPResponseException) as refusal:
        await sent(running, message)
    assert refusal.value.smtp_code == 552
    assert await taken(http) == []


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=f"port {port} .*SAMVAD_STANDINS_SMTP_PORT"):
            mail.listen("127.0.0.1", port)
