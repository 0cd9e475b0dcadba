"""What a conversation with a mail server that breaks off may mean: over real sockets, with short bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from services.notify.adapters.smtp import SmtpBounds
from services.notify.core.outcomes import Outcome
from tests.unit.notify.provider_server import MESSAGE, refused_port
from tests.unit.notify.scripted_smtp import CLOSE, HANG, mail_server, smtp

MAIL = replace(MESSAGE, to="ram@example.in", subject="मामला", text=".\n..\nनमस्ते")
SHORT = SmtpBounds(step=0.1, data=0.1)
Eventually = Callable[..., Any]


@pytest.fixture(
    params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"]
)
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    policy: asyncio.AbstractEventLoopPolicy = request.param()
    return policy


def whole(kind: Any, reason: str) -> Outcome:
    return Outcome(kind, reason, whole_provider=True)


async def test_a_mail_is_handed_over() -> None:
    async with mail_server() as server:
        outcome = await smtp(server.port).send(MAIL)
    assert outcome.kind == "accepted"
    assert outcome.provider_id is not None
    assert server.lines == [
        "EHLO gov.example",
        "MAIL FROM:<samvad@gov.example>",
        "RCPT TO:<ram@example.in>",
        "DATA",
    ]
    (mail,) = server.mails
    assert f"Message-ID: {outcome.provider_id}\r\n".encode() in mail


# ------------------------------------------------------------------ before anything was sent


async def test_nobody_there() -> None:
    outcome = await smtp(refused_port()).send(MAIL)
    assert outcome == whole("transient", "smtp_connectionrefusederror")


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("break_", [CLOSE, HANG, "nonsense", "999 what"])
async def test_broken_before_the_content_is_transient(verb: str, break_: str) -> None:
    async with mail_server(**{verb: break_}) as server:
        outcome = await smtp(server.port, SHORT).send(MAIL)
        assert (outcome.kind, outcome.whole_provider) == ("transient", True)
        assert outcome.reason.startswith("smtp_")
        assert server.mails == []
        assert server.connections == 1


async def test_a_server_that_is_slow_at_every_step() -> None:
    async with mail_server(RCPT=HANG) as server:
        provider = smtp(server.port, SmtpBounds(step=60, before=0.2))
        assert await provider.send(MAIL) == whole("transient", "smtp_timeouterror")


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        ({"CONNECT": "554 no"}, whole("transient", "smtp_greeting_554")),
        ({"CONNECT": "421 later"}, whole("transient", "smtp_greeting_421")),
        ({"EHLO": "550 no", "HELO": "550 no"}, whole("transient", "smtp_sender_550")),
        ({"MAIL": "553 5.1.8 not you"}, whole("transient", "smtp_sender_553_5.1.8")),
        ({"MAIL": "451 4.3.2 later"}, whole("transient", "smtp_sender_451_4.3.2")),
        (
            {"RCPT": "550 5.1.1 <ram@example.in> who?"},
            Outcome("permanent", "smtp_recipient_550_5.1.1", bad_address=True),
        ),
        ({"RCPT": "550 5.7.1 no relay"}, Outcome("permanent", "smtp_recipient_550_5.7.1")),
        ({"RCPT": "450 4.2.0 greylisted"}, Outcome("transient", "smtp_recipient_450_4.2.0")),
        ({"DATA": "451 later"}, Outcome("transient", "smtp_data_451")),
        ({"DATA": "554 no"}, Outcome("permanent", "smtp_data_554")),
        ({"CONTENT": "552 5.3.4 too big"}, Outcome("permanent", "smtp_data_552_5.3.4")),
        ({"CONTENT": "451 4.3.0 later"}, Outcome("transient", "smtp_data_451_4.3.0")),
        ({"CONTENT": "421 bye"}, whole("transient", "smtp_data_421")),
    ],
)
async def test_refusals(replies: dict[str, str], outcome: Outcome) -> None:
    async with mail_server(**replies) as server:
        assert await smtp(server.port).send(MAIL) == outcome
        assert server.connections == 1


@pytest.mark.parametrize("to", ["", "ram", "ram@x\r\nRCPT TO:<eve@x>", "राम@example.in"])
async def test_what_is_no_address_is_not_tried(to: str) -> None:
    async with mail_server() as server:
        outcome = await smtp(server.port).send(replace(MAIL, to=to))
    assert outcome == Outcome("permanent", "smtp_address", bad_address=True)
    assert server.connections == 0


async def test_without_the_tls_that_is_wanted_nothing_is_sent() -> None:
    async with mail_server() as server:
        provider = smtp(server.port, security="starttls", username="u", password="pass-word")
        outcome = await provider.send(MAIL)
        assert outcome == whole("transient", "smtp_nostarttls")
        assert [line.partition(" ")[0] for line in server.lines] == ["EHLO"]


async def test_a_server_that_speaks_no_tls() -> None:
    async with mail_server() as server:
        outcome = await smtp(server.port, security="tls").send(MAIL)
    assert (outcome.kind, outcome.whole_provider, server.lines) == ("transient", True, [])


# ----------------------------------------------------- after something may have been sent


@pytest.mark.parametrize("break_", [CLOSE, HANG, "nonsense", "999 what", "150 hm"])
async def test_broken_after_the_content_is_unknown(break_: str) -> None:
    async with mail_server(CONTENT=break_) as server:
        provider = smtp(server.port, SHORT)
        outcome = await provider.send(MAIL)
        assert (outcome.kind, outcome.whole_provider) == ("unknown", True)
        assert len(server.mails) == 1
        # what was left unread must not become the answer to the next mail
        server.replies["CONTENT"] = "250 ok"
        assert (await provider.send(MAIL)).kind == "accepted"
        assert (len(server.mails), server.connections) == (2, 2)


# ------------------------------------------------------------------- the connections


async def test_a_connection_is_used_again_and_left_politely(eventually: Eventually) -> None:
    async with mail_server() as server:
        provider = smtp(server.port)
        for _ in range(3):
            assert (await provider.send(MAIL)).kind == "accepted"
        assert (server.connections, len(server.mails)) == (1, 3)
        await provider.close()
        assert server.lines[-1] == "QUIT"
        await eventually(lambda: not server.open, "the connection being closed")


async def test_an_idle_connection_is_closed(eventually: Eventually) -> None:
    async with mail_server() as server:
        provider = smtp(server.port, SmtpBounds(keep=0.1))
        await provider.send(MAIL)
        await eventually(lambda: not server.open, "the idle connection being closed")
        assert (await provider.send(MAIL)).kind == "accepted"
        assert server.connections == 2


async def test_a_connection_that_the_server_gave_up_is_not_the_mails_fault() -> None:
    async with mail_server() as server:
        provider = smtp(server.port)
        assert (await provider.send(MAIL)).kind == "accepted"
        for writer in set(server.open):
            writer.transport.abort()
        assert (await provider.send(MAIL)).kind == "accepted"
        assert (server.connections, len(server.mails)) == (2, 2)


async def test_a_connection_used_often_enough_is_not_the_mails_fault(
    eventually: Eventually,
) -> None:
    async with mail_server() as server:
        provider = smtp(server.port)
        assert (await provider.send(MAIL)).kind == "accepted"
        server.replies["MAIL"] = "421 too many"
        assert await provider.send(MAIL) == whole("transient", "smtp_sender_421")
        assert server.connections == 2
        await eventually(lambda: not server.open, "both connections being closed")


async def test_after_a_refusal_the_connection_is_not_used_again() -> None:
    async with mail_server(RCPT="550 no") as server:
        provider = smtp(server.port)
        await provider.send(MAIL)
        server.replies["RCPT"] = "250 ok"
        assert (await provider.send(MAIL)).kind == "accepted"
        assert server.connections == 2


async def test_no_more_connections_than_the_server_may_bear(eventually: Eventually) -> None:
    async with mail_server(CONTENT=HANG) as server:
        provider = smtp(server.port, SmtpBounds(connections=2, slot=0.1, data=60))
        calls = [asyncio.create_task(provider.send(MAIL)) for _ in range(2)]
        await eventually(lambda: len(server.mails) == 2, "both connections being in use")
        assert await provider.send(MAIL) == whole("transient", "smtp_no_connection_free")
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await eventually(lambda: not server.open, "cancelled calls giving their connections up")
        server.replies["CONTENT"] = "250 ok"
        assert (await provider.send(MAIL)).kind == "accepted"
    assert server.connections == 3


async def test_nothing_personal_is_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    outcomes = []
    for replies in ({}, {"RCPT": "550 ram@example.in"}, {"CONTENT": CLOSE}, {"MAIL": CLOSE}):
        async with mail_server(EHLO="250-x\r\n250 AUTH PLAIN", AUTH="235 ok", **replies) as server:
            provider = smtp(server.port, username="u", password="pass-word")
            outcomes.append(await provider.send(MAIL))
    said = caplog.text + repr(outcomes)
    assert [outcome.kind for outcome in outcomes] == [
        "accepted", "permanent", "unknown", "transient",
    ]  # fmt: skip
    for secret in ("pass-word", "ram@", "नमस्ते"):
        assert secret not in said
