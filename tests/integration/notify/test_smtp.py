"""E-mail by a real mail server: what it is given, by which way, and what its refusals mean."""

from __future__ import annotations

import asyncio
import email
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from typing import Any

import pytest
import uvloop

from services.notify.adapters.smtp import Smtp
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing
from tests.integration.notify.mail_server import (
    PASSWORD,
    USERNAME,
    Certificates,
    Post,
    certificates,
    serving,
)

AT = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
MAIL = Outgoing(
    key="digest/2026-01-05/phe-head-1",
    to="head.phe@cg.example.in",
    language="hi",
    subject="आज के मामले: जल विभाग, जांजगीर-चांपा, 3 समय सीमा से बाहर, 5 आज देय",
    text="नमस्ते,\n.\nJC-2600104237 हैंडपंप खराब है 👍\n",
    html="<table><tr><td>JC-2600104237</td><td>हैंडपंप</td></tr></table>",
)


@pytest.fixture(
    params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"]
)
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    """The services run on uvloop, whose TLS is its own."""
    policy: asyncio.AbstractEventLoopPolicy = request.param()
    return policy


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("ours"))


@asynccontextmanager
async def smtp(port: int, **more: Any) -> AsyncIterator[Smtp]:
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "starttls",
        "sender": "संवाद <samvad@cg.example.in>",
        "clock": lambda: AT,
        **more,
    }
    provider = Smtp(**settings)
    try:
        yield provider
    finally:
        await provider.close()


def whole(kind: Any, reason: str) -> Outcome:
    return Outcome(kind, reason, whole_provider=True)


@pytest.mark.parametrize(
    ("security", "from_the_start"), [("starttls", False), ("tls", True)], ids=["starttls", "tls"]
)
async def test_a_hindi_mail_with_html(
    post: Post, ours: Certificates, security: str, from_the_start: bool
) -> None:
    with serving(post, ours.server, from_the_start=from_the_start) as port:
        async with smtp(port, security=security, ca=ours.authority) as provider:
            outcome = await provider.send(MAIL)
    (envelope,) = post.mails
    assert envelope.mail_from == "samvad@cg.example.in"
    assert envelope.rcpt_tos == ["head.phe@cg.example.in"]
    assert from_the_start or post.encrypted == [True]
    mail: Any = email.message_from_bytes(envelope.content, policy=policy.default)
    assert outcome == Outcome("accepted", provider_id=mail["Message-ID"])
    assert mail["Subject"] == MAIL.subject
    assert mail["From"].addresses[0].display_name == "संवाद"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.iter_parts()
    assert text.get_content().splitlines() == MAIL.text.splitlines()
    assert html.get_content() == MAIL.html


async def test_many_mails_at_once(post: Post, ours: Certificates) -> None:
    mails = [replace(MAIL, key=f"k{n}", to=f"to{n}@example.in") for n in range(30)]
    with serving(post, ours.server) as port:
        async with smtp(port, ca=ours.authority) as provider:
            outcomes = await asyncio.gather(*(provider.send(mail) for mail in mails))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    assert sorted(e.rcpt_tos[0] for e in post.mails) == sorted(mail.to for mail in mails)
    assert len({outcome.provider_id for outcome in outcomes}) == 30


@pytest.mark.parametrize(
    ("at_recipient", "at_data", "outcome"),
    [
        (
            "550 5.1.1 <head.phe@cg.example.in>: no such user",
            None,
            Outcome("permanent", "smtp_recipient_550_5.1.1", bad_address=True),
        ),
        (
            "451 4.7.1 Greylisted, come again later",
            None,
            Outcome("transient", "smtp_recipient_451_4.7.1"),
        ),
        (None, "552 5.3.4 Message too big", Outcome("permanent", "smtp_data_552_5.3.4")),
        (None, "451 4.3.0 Disk full", Outcome("transient", "smtp_data_451_4.3.0")),
    ],
)
async def test_refusals(
    post: Post,
    ours: Certificates,
    at_recipient: str | None,
    at_data: str | None,
    outcome: Outcome,
) -> None:
    post.at_recipient, post.at_data = at_recipient, at_data
    with serving(post, ours.server) as port:
        async with smtp(port, ca=ours.authority) as provider:
            assert await provider.send(MAIL) == outcome
            assert post.mails == []
            # the next mail has a connection on which nothing is left over
            post.at_recipient = post.at_data = None
            assert (await provider.send(MAIL)).kind == "accepted"
    assert len(post.mails) == 1


async def test_a_certificate_that_nobody_vouches_for(post: Post, ours: Certificates) -> None:
    with serving(post, ours.server) as port:
        async with smtp(port, username=USERNAME, password=PASSWORD) as provider:
            outcome = await provider.send(MAIL)
    assert outcome == whole("transient", "smtp_sslcertverificationerror")
    assert (post.mails, post.logins) == ([], [])


@pytest.mark.parametrize(
    ("security", "from_the_start"), [("starttls", False), ("tls", True)], ids=["starttls", "tls"]
)
async def test_a_certificate_of_another_server(
    post: Post, tmp_path: Path, security: str, from_the_start: bool
) -> None:
    others = certificates(tmp_path, host="mail.example.in")
    with serving(post, others.server, from_the_start=from_the_start) as port:
        async with smtp(port, security=security, ca=others.authority) as provider:
            outcome = await provider.send(MAIL)
    assert outcome == whole("transient", "smtp_sslcertverificationerror")
    assert post.mails == []


async def test_a_server_that_wants_tls(post: Post, ours: Certificates) -> None:
    with serving(post, ours.server, require_starttls=True) as port:
        async with smtp(port, security="none") as provider:
            outcome = await provider.send(MAIL)
    assert (outcome.kind, outcome.whole_provider) == ("transient", True)
    assert post.mails == []


async def test_a_server_without_tls(post: Post) -> None:
    with serving(post) as port:
        async with smtp(port) as provider:
            assert await provider.send(MAIL) == whole("transient", "smtp_nostarttls")
        assert post.mails == []
        async with smtp(port, security="none") as provider:
            assert (await provider.send(MAIL)).kind == "accepted"


async def test_log_in(post: Post, ours: Certificates) -> None:
    with serving(post, ours.server, auth_required=True) as port:
        async with smtp(port, ca=ours.authority, username=USERNAME, password=PASSWORD) as provider:
            assert (await provider.send(MAIL)).kind == "accepted"
        assert post.logins == [True]
        async with smtp(port, ca=ours.authority, username=USERNAME, password="wrong") as provider:
            outcome = await provider.send(MAIL)
        assert (outcome.kind, outcome.whole_provider) == ("transient", True)
        assert outcome.reason.startswith("smtp_login_535")
        async with smtp(port, ca=ours.authority) as provider:
            outcome = await provider.send(MAIL)
        assert (outcome.kind, outcome.whole_provider) == ("transient", True)
    assert len(post.mails) == 1


async def test_a_server_that_is_down(
    post: Post, ours: Certificates, eventually: Callable[..., Any]
) -> None:
    with serving(post, ours.server) as port:
        async with smtp(port, ca=ours.authority) as provider:
            assert (await provider.send(MAIL)).kind == "accepted"
    # its port is nobody's now, and the connection that was kept is closed
    async with smtp(port, ca=ours.authority) as provider:
        assert await provider.send(MAIL) == whole("transient", "smtp_connectionrefusederror")
    assert len(post.mails) == 1
