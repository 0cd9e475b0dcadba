"""What providers tell of messages that they have accepted: read from their formats.

Pure, and made for what strangers may send: nothing here raises, and whatever is not understood is None.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

from services.notify.core.outcomes import Outcome
from services.notify.core.receipts import Receipt, Status
from services.notify.core.sms_codes import kannel_failure
from services.notify.core.smtp_codes import bounce
from services.notify.core.whatsapp_codes import whatsapp_failure

MOST_ID = 512
"""Characters of an id, the provider's or ours."""

# ------------------------------------------------------------------- WhatsApp

_WHATSAPP_STATUS: Mapping[str, Status] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}


def receipts_of(item: Mapping[str, Any], at: datetime) -> Receipt | None:
    """One entry of a webhook's `statuses`; None for a status that says nothing of delivery."""
    word = item.get("status")
    status = _WHATSAPP_STATUS.get(word) if isinstance(word, str) else None
    message_id, provider_id = _id(item.get("biz_opaque_callback_data")), _id(item.get("id"))
    if status is None or not (message_id or provider_id):
        return None
    return Receipt(
        channel="whatsapp",
        status=status,
        at=at,
        message_id=message_id or "",
        provider_id=provider_id,
        failure=_whatsapp_failure(item.get("errors")) if status == "failed" else None,
    )


def _whatsapp_failure(errors: object) -> Outcome:
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, Mapping) else None
    return whatsapp_failure(code if isinstance(code, int) else None)


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MOST_ID else None


# ------------------------------------------------------------------- Kannel

_KANNEL_STATUS: Mapping[int, Status] = {1: "delivered", 2: "failed", 8: "sent", 16: "failed"}


def signature(secret: str, message_id: str, claim: str) -> str:
    """HMAC-SHA256, hex: what Kannel is asked to call back with, so that nobody else can."""
    signed = f"{message_id}|{claim}".encode()
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def kannel_receipt(
    kind: int, message_id: str, claim: str, smsc_id: str, said: str, at: datetime
) -> Receipt | None:
    """A delivery report. `kind`: one bit of Kannel's dlr-mask; None for what is not final (buffered)."""
    status = _KANNEL_STATUS.get(kind)
    if status is None:
        return None
    return Receipt(
        channel="sms",
        status=status,
        at=at,
        message_id=message_id,
        provider_id=_id(smsc_id),
        claim=claim or None,
        failure=kannel_failure(kind, said) if status == "failed" else None,
    )


# ------------------------------------------------------------------- e-mail

KEY_HEADER = "X-Samvad-Message"
"""Carries the message's key in what we send; a bounce returns the headers."""
WORD = 48
_ACTION_STATUS: Mapping[str, Status] = {"failed": "failed", "delivered": "delivered"}


def key_to_header(key: str) -> str:
    """The key in words of ASCII, which may be folded between them but are recoded by nobody on the way."""
    text = base64.urlsafe_b64encode(key.encode()).decode()
    return " ".join(text[i : i + WORD] for i in range(0, len(text), WORD))


def mail_receipt(raw: bytes, at: datetime) -> Receipt | None:
    """A delivery status notification (RFC 3464) about a message of ours; None for any other mail.

    A notification of delay is no receipt: the server goes on trying.
    """
    try:
        return _mail_receipt(message_from_bytes(raw, policy=policy.compat32), at)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # a mail that is broken enough to trip the library's parser, of which there is no end
        return None


def _mail_receipt(mail: Message, at: datetime) -> Receipt | None:
    parts = list(mail.walk())
    report = next((p for p in parts if p.get_content_type() == "message/delivery-status"), None)
    blocks = report.get_payload() if report is not None else None
    if not isinstance(blocks, list):
        return None
    returned = next((header for part in parts[1:] if (header := _returned(part))), None)
    if returned is None:
        return None
    key, provider_id = returned
    for fields in blocks:
        if not isinstance(fields, Message):
            continue
        action = str(fields.get("Action", "")).split(";")[0].strip().lower()
        status = _ACTION_STATUS.get(action)
        if status is not None:
            return Receipt(
                channel="email",
                status=status,
                at=at,
                message_id=key,
                provider_id=provider_id,
                failure=bounce(str(fields.get("Status", ""))) if status == "failed" else None,
            )
    return None


def _returned(part: Message) -> tuple[str, str | None] | None:
    """Our key and the Message-ID out of the returned message, or out of its headers alone."""
    headers: Message = part
    if part.get_content_type() == "text/rfc822-headers":
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            headers = message_from_bytes(payload, policy=policy.compat32)
    header = headers.get(KEY_HEADER)
    key = _key(str(header)) if header is not None else None
    return (key, _id(str(headers.get("Message-ID", "")).strip())) if key else None


def _key(header: str) -> str | None:
    text = "".join(header.split())
    try:
        return _id(base64.b64decode(text, altchars=b"-_", validate=True).decode())
    except (binascii.Error, ValueError):
        return None
