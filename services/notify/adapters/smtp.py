"""E-mail by SMTP, with STARTTLS or TLS from the start.

What may have been sent is never sent again: as soon as the content has been written, only the server's
reply to it tells whether it has the mail.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Any, Literal

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from services.kernel.adapters.clock import Clock
from services.notify.adapters.provider_receipts import KEY_HEADER, key_to_header
from services.notify.core.book import Channel
from services.notify.core.outcomes import Kind, Outcome
from services.notify.core.provider import Outgoing, ProviderName
from services.notify.core.smtp_codes import Stage, smtp_reply

Security = Literal["starttls", "tls", "none"]
GO_ON, DONE = 354, 250
POLICY = compat32.clone(linesep="\r\n")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")


@dataclass(frozen=True)
class SmtpBounds:
    """Seconds; together shorter than what the sender gives a call. None makes a mail be sent again."""

    slot: float = 2.0
    """Until one of the connections is free."""
    step: float = 3.0
    """Connecting, TLS, and each command."""
    before: float = 7.0
    """All of what comes before the content."""
    data: float = 5.0
    """From the content to the server's reply."""
    keep: float = 5.0
    """An idle connection is used again within it, and closed after it."""
    connections: int = 8


class NoStartTls(SMTPException):
    """The server offers no TLS: nothing is said to it in the clear."""


class Smtp:
    """One server. `sender` is an address with or without a name; bounces return to it.

    Raises ValueError for a sender that is no address, or certificates that cannot be read.
    """

    name: ProviderName = "smtp"
    channel: Channel = "email"
    receipts = False

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: Security,
        sender: str,
        clock: Clock,
        ca: Path | None = None,
        username: str = "",
        password: str = "",
        bounds: SmtpBounds | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._security = security
        self._sender = sender_of(sender)
        self._clock = clock
        self._context = _context(ca) if security != "none" else None
        self._username = username
        self._password = password
        self._bounds = bounds or SmtpBounds()
        self._slots = asyncio.Semaphore(self._bounds.connections)
        self._idle: list[tuple[SMTP, asyncio.TimerHandle]] = []

    async def send(self, message: Outgoing) -> Outcome:
        recipient = recipient_of(message.to)
        if recipient is None:
            return Outcome("permanent", "smtp_address", bad_address=True)
        try:
            async with asyncio.timeout(self._bounds.slot):
                await self._slots.acquire()
        except TimeoutError:
            return Outcome("transient", "smtp_no_connection_free", whole_provider=True)
        try:
            mail = compose(message, self._sender, recipient, self._clock())
            return await self._deliver(mail, recipient)
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Take leave of the server on the connections that lie idle."""
        while (line := self._idle_line()) is not None:
            try:
                await line.quit(timeout=1.0)
            except (SMTPException, OSError):
                pass
            finally:
                line.close()

    async def _deliver(self, mail: Message, recipient: Address) -> Outcome:
        conversation = _Conversation(self._bounds)
        try:
            async with asyncio.timeout(self._bounds.before):
                await self._greet(conversation)
                refused = await conversation.address(recipient.addr_spec)
            outcome = refused or await conversation.content(mail)
        except SMTPResponseException as error:
            if conversation.written:
                return Outcome("unknown", "smtp_unreadable_answer", whole_provider=True)
            return smtp_reply(conversation.stage, error.code, error.message)
        except (SMTPException, OSError, ValueError) as error:
            # of the error its name alone: its text may hold the address
            cause = error.__cause__ if isinstance(error, SMTPException) else None
            reason = f"smtp_{type(cause or error).__name__.lower()}"
            kind: Kind = "unknown" if conversation.written else "transient"
            return Outcome(kind, reason, whole_provider=True)
        else:
            if outcome.kind == "accepted":
                self._keep(conversation)
            return outcome
        finally:
            conversation.close()

    async def _greet(self, conversation: _Conversation) -> None:
        """A connection on which the server has taken our sender: one that lay idle, or a new one."""
        while (line := self._idle_line()) is not None:
            conversation.line = line
            try:
                await conversation.sender(self._sender.addr_spec)
            except (SMTPException, OSError):
                # given up by the server, or used often enough for it: nothing was sent by it
                conversation.close()
            else:
                return
        line = SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=self._sender.domain,
            timeout=self._bounds.step,
            use_tls=self._security == "tls",
            start_tls=False,
            tls_context=self._context,
        )
        conversation.line = line
        conversation.stage = "greeting"
        await line.connect()
        if self._security == "starttls":
            await line.ehlo()
            if not line.supports_extension("starttls"):
                raise NoStartTls("not offered")
            await line.starttls()
        conversation.stage = "login"
        if self._username:
            await line.login(self._username, self._password)
        await conversation.sender(self._sender.addr_spec)

    def _idle_line(self) -> SMTP | None:
        while self._idle:
            line, closing = self._idle.pop()
            closing.cancel()
            if line.is_connected:
                return line
            line.close()
        return None

    def _keep(self, conversation: _Conversation) -> None:
        line = conversation.give_up()
        closing = asyncio.get_running_loop().call_later(self._bounds.keep, line.close)
        self._idle.append((line, closing))


class _Conversation:
    """One mail on one connection. `written`: the content may be with the server."""

    def __init__(self, bounds: SmtpBounds) -> None:
        self.line: SMTP | None = None
        self.stage: Stage = "greeting"
        self.written = False
        self._bounds = bounds

    async def sender(self, address: str) -> None:
        self.stage = "sender"
        await self._line.mail(address)

    async def address(self, address: str) -> Outcome | None:
        """Up to where the server waits for the content; how it ended where the server refuses that."""
        self.stage = "recipient"
        await self._line.rcpt(address)
        self.stage = "data"
        reply = await self._line.execute_command(b"DATA")
        return None if reply.code == GO_ON else smtp_reply("data", reply.code, reply.message)

    async def content(self, mail: Message) -> Outcome:
        """The library's own `data` does not tell whether it broke before the content or after it."""
        raw = stuffed(to_bytes(mail))
        protocol = self._line.protocol
        if protocol is None:
            raise ConnectionResetError
        self.written = True
        protocol.write(raw)
        reply = await protocol.read_response(timeout=self._bounds.data)
        if reply.code == DONE:
            return Outcome("accepted", provider_id=mail["Message-ID"])
        if 400 <= reply.code < 600:
            return smtp_reply("data", reply.code, reply.message)
        return Outcome("unknown", "smtp_unreadable_answer", whole_provider=True)

    def give_up(self) -> SMTP:
        """The connection, which is no longer this conversation's."""
        line, self.line = self._line, None
        return line

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None

    @property
    def _line(self) -> SMTP:
        if self.line is None:
            raise ConnectionResetError
        return self.line


def compose(message: Outgoing, sender: Address, recipient: Address, at: datetime) -> Message:
    """The mail: text, and HTML beside it where there is any. Two sendings of a key have one Message-ID.

    Made of the older half of the standard library: the newer one, as of Python 3.11, takes an encoded word
    in a subject for one of its own, line breaks included, and loses spaces of long Devanagari subjects.
    """
    mail: Message[Any, Any] = _part(message.text, "plain")
    if message.html:
        mail = MIMEMultipart("alternative", None, [mail, _part(message.html, "html")])
    mail["From"] = formataddr((sender.display_name, sender.addr_spec))
    mail["To"] = recipient.addr_spec
    mail["Subject"] = Header(_one_line(message.subject), "utf-8", header_name="Subject")
    mail["Date"] = format_datetime(at)
    name = hashlib.sha256(message.key.encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{name}@{sender.domain}>"
    # nobody's holiday reply is wanted
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.language
    mail[KEY_HEADER] = key_to_header(message.key)
    return mail


def to_bytes(mail: Message) -> bytes:
    """The mail as it goes over the wire, but for its dots: ASCII in lines that end in CRLF."""
    return mail.as_bytes(policy=POLICY)


def stuffed(raw: bytes) -> bytes:
    """With the line that ends the content, and a second dot for every line that could be taken for it."""
    return _LEADING_DOT.sub(b"..", raw) + b".\r\n"


def _part(text: str, subtype: str) -> MIMEText:
    return MIMEText(_LINE_END.sub("\r\n", text), subtype, "utf-8")


def _one_line(text: str) -> str:
    """Without line breaks and other control characters: nothing in it can be another header."""
    return _CONTROL.sub("", " ".join(text.split()))


def sender_of(text: str) -> Address:
    name, address = parseaddr(text)
    parsed = recipient_of(address)
    if parsed is None:
        raise ValueError("mail_from: not an e-mail address")
    return Address(_one_line(name), addr_spec=parsed.addr_spec)


def recipient_of(text: str) -> Address | None:
    if not _ADDRESS.fullmatch(text):
        return None
    try:
        return Address(addr_spec=text)
    except (ValueError, LookupError):
        return None


def _context(ca: Path | None) -> ssl.SSLContext:
    """The system's certificates, or those of `ca` alone."""
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ValueError(f"smtp_ca: cannot be read ({type(error).__name__})") from None
