"""What a mail server's replies, and the status codes of a bounce, mean. Pure.

Of a reply only its numbers are kept: its words may repeat the address.
"""

from __future__ import annotations

import re
from typing import Literal

from services.notify.core.outcomes import Outcome

Stage = Literal["greeting", "login", "sender", "recipient", "data"]
_ENHANCED = re.compile(r"\s*([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.])")
_NOT_OURS_TO_SEND = frozenset({502, 503, 504, 530, 534, 535, 538})
"""Log-in wanted or refused, or the commands not taken in this order: set-up, whatever the stage."""
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})


def smtp_reply(stage: Stage, code: int, text: str = "") -> Outcome:
    """A negative reply at a stage of the conversation: the server says that it has not the message."""
    enhanced = _ENHANCED.match(text)
    subject = f"_{enhanced[1]}.{enhanced[2]}.{enhanced[3]}" if enhanced else ""
    reason = f"smtp_{stage}_{code}{subject}"
    if not 400 <= code < 600:
        # no reply that the protocol knows there
        return Outcome("transient", f"smtp_{stage}_unreadable", whole_provider=True)
    if stage in ("greeting", "login", "sender") or code == 421 or code in _NOT_OURS_TO_SEND:
        return Outcome("transient", reason, whole_provider=True)
    if code < 500:
        return Outcome("transient", reason)
    if stage == "data":
        return Outcome("permanent", reason)
    nobody = _is_nobody(enhanced[2], enhanced[3]) if enhanced else code in _NO_SUCH_MAILBOX
    return Outcome("permanent", reason, bad_address=nobody)


def bounce(status: str) -> Outcome:
    """Of a delivery status `failed`: 4.x.x too is for good, since the server has stopped trying."""
    enhanced = _ENHANCED.match(status)
    if enhanced is None:
        return Outcome("permanent", "smtp_bounced")
    reason = f"smtp_bounced_{enhanced[1]}.{enhanced[2]}.{enhanced[3]}"
    nobody = enhanced[1] == "5" and _is_nobody(enhanced[2], enhanced[3])
    return Outcome("permanent", reason, bad_address=nobody)


def _is_nobody(subject: str, detail: str) -> bool:
    """RFC 3463: x.1.1–x.1.6 and x.1.10 of the recipient's address, x.2.1 a mailbox that is disabled. A full
    one, a policy against us or a sender's address (x.1.7, x.1.8) says nothing of whose the address is."""
    if subject == "1":
        return detail in ("0", "1", "2", "3", "4", "6", "10")
    return (subject, detail) == ("2", "1")
