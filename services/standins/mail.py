"""A stand-in for a mail server: SMTP in, one message a mailbox in the journal. No TLS, no accounts.

Two sendings are one message when Message-ID and recipient are the same.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import weakref
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from secrets import token_hex
from typing import Literal

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.kernel.adapters.clock import Clock
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.process import CannotStart
from services.standins.behaviour import Behaviours, Ruling
from services.standins.journal import Journal, Taken, language_of

log = get_logger()
MOST_BYTES = 2 * 1024 * 1024
MOST_TEXT = 200_000
MOST_RECIPIENTS = 100
KEY_HEADER = "X-Samvad-Message"
AT_RECIPIENT = frozenset({450, 550, 551, 553})
"""Answers about a mailbox, which come at RCPT; all others come after DATA."""
ANSWERS = {
    421: "4.3.2 Service not available, closing transmission channel",
    450: "4.2.0 Mailbox unavailable",
    451: "4.3.0 Local error in processing",
    452: "4.3.1 Insufficient system storage",
    550: "5.1.1 User unknown",
    551: "5.1.6 User not local",
    552: "5.2.2 Mailbox full",
    553: "5.1.3 Mailbox name not allowed",
    554: "5.7.1 Transaction failed",
}
THROTTLED = "451 4.7.1 Too many messages, try again later"


def listen(host: str, port: int) -> socket.socket:
    """Raises CannotStart naming the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        why = (error.strerror or "").partition(" (")[0]
        raise CannotStart(
            f"port {port} on {host} cannot be had ({why}): free it, or change "
            "its SAMVAD_STANDINS_SMTP_PORT"
        ) from None


@asynccontextmanager
async def serving(
    listening: socket.socket, journal: Journal, behaviours: Behaviours, clock: Clock
) -> AsyncIterator[None]:
    """Takes mail until the block ends."""
    # it logs every line of a session, which holds who is written to, and what
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    handler = Handler(journal, behaviours, clock)
    sessions: weakref.WeakSet[SMTP] = weakref.WeakSet()
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        smtp = SMTP(
            handler,
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname="standins.invalid",
            ident="Samvad stand-in",
            loop=loop,
        )
        sessions.add(smtp)
        return smtp

    server = await loop.create_server(session, sock=listening)
    try:
        yield
    finally:
        server.close()
        for smtp in list(sessions):
            if smtp.transport is not None:
                smtp.transport.close()


class Handler:
    """What aiosmtpd asks at every step of a session."""

    def __init__(self, journal: Journal, behaviours: Behaviours, clock: Clock) -> None:
        self._journal = journal
        self._behaviours = behaviours
        self._clock = clock
        self._rulings: weakref.WeakKeyDictionary[Envelope, Ruling] = weakref.WeakKeyDictionary()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        ruling = self._rulings.get(envelope)
        if ruling is None:
            # one ruling a message, whatever its number of recipients
            ruling = self._rulings[envelope] = self._behaviours.rule("smtp")
        if ruling.throttled or (ruling.fails and ruling.fail_code in AT_RECIPIENT):
            # the message itself was not seen
            self._journal.add(self._taken(EmailMessage(), address, ruling))
            await self._behaviours.hold(ruling)
            return _failure(ruling)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        ruling = self._rulings.pop(envelope, Ruling())
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.SMTP)
        for address in dict.fromkeys(envelope.rcpt_tos):
            self._journal.add(self._taken(message, address, ruling))
        await self._behaviours.hold(ruling)
        return _failure(ruling) if ruling.fails else f"250 2.0.0 OK: queued as {token_hex(6)}"

    async def handle_exception(self, error: Exception) -> str:
        log.error("mail.fault", exc_info=error)
        return "451 4.3.0 A fault of ours"

    def _taken(self, message: EmailMessage, address: str, ruling: Ruling) -> Taken:
        id_ = token_hex(12)
        text, html = _part(message, "plain"), _part(message, "html")
        name = str(message.get("Message-ID", "")).strip().strip("<>")
        return Taken(
            id=id_,
            at=self._clock(),
            provider="smtp",
            to=address,
            kind="mail",
            template="",
            language=language_of(text or html),
            text=text,
            key=_key(message) or name,
            # without our id nothing says that two are one message
            identity=f"smtp:{name or id_}:{address.casefold()}",
            accepted=not ruling.fails,
            code=_failure(ruling).partition(" ")[0] if ruling.fails else "",
            subject=str(message.get("Subject", ""))[:998],
            html=html,
        )


def _key(message: EmailMessage) -> str:
    """The sender's own name for the message, which it puts into a header for bounces."""
    text = "".join(str(message.get(KEY_HEADER, "")).split())
    try:
        return urlsafe_b64decode(text).decode()
    except ValueError:
        return ""


def _part(message: EmailMessage, kind: Literal["plain", "html"]) -> str:
    """The text of a message's part of this kind; empty where there is none, or none that can be read."""
    part = message.get_body((kind,))
    if not isinstance(part, EmailMessage) or part.get_payload() is None:
        return ""
    try:
        content = part.get_content()
    except (LookupError, ValueError):
        return ""
    return str(content).replace("\r\n", "\n").strip()[:MOST_TEXT]


def _failure(ruling: Ruling) -> str:
    if ruling.throttled:
        return THROTTLED
    code = ruling.fail_code or 451
    return f"{code} {ANSWERS.get(code, ('4' if code < 500 else '5') + '.0.0 Failed on request')}"
