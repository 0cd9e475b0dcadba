"""What became of a call to a provider, and what is to be done then. Pure.

Providers take no idempotency key, so what may have been sent is never sent a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["accepted", "transient", "permanent", "unknown"]

FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 15 * 60.0
GIVE_UP_AFTER = timedelta(hours=48)
"""A message that could not be handed over for so long is no news any more."""


@dataclass(frozen=True)
class Outcome:
    """accepted: the provider has it. transient: it has it not, and may take it later. permanent: it
    will never take it. unknown: it may have it.

    `whole_provider`: not this message but the provider, the way to it or our set-up is at fault, so
    that others would fare the same. `retry_after` in seconds, as the provider asked. `reason`: a short code.
    """

    kind: Kind
    reason: str = ""
    provider_id: str | None = None
    retry_after: float | None = None
    whole_provider: bool = False


def retry_at(
    now: datetime, tries: int, outcome: Outcome, chance: float, created_at: datetime
) -> datetime | None:
    """When to try again after the `tries`-th attempt (from 1), or None to give up.

    Exponential with jitter (`chance` in [0, 1)) between half and the whole wait, never before the
    provider's Retry-After.
    """
    if now - created_at >= GIVE_UP_AFTER:
        return None
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(tries - 1, 20))
    wait = longest * (0.5 + 0.5 * chance)
    if outcome.retry_after is not None:
        wait = max(wait, outcome.retry_after)
    return now + timedelta(milliseconds=round(wait * 1000))


# ------------------------------------------------------------------- WhatsApp Cloud API

_WHATSAPP_PROVIDER_LATER = {4, 80007, 130429, 131048, 133016}
_WHATSAPP_MESSAGE_LATER = {131053, 131056}
_WHATSAPP_PERMANENT = {
    131026: "undeliverable",
    131047: "outside_window",
    131062: "user_id_addressing",
    132000: "template",
    132001: "template",
    132012: "template",
    132015: "template",
    132016: "template",
}


def whatsapp_error(status: int, code: int | None, retry_after: float | None) -> Outcome:
    """An error answer of the Cloud API. `code` is `error.code` of its body, None if unreadable."""
    reason = f"whatsapp_{code if code is not None else f'http_{status}'}"
    if code in _WHATSAPP_PERMANENT:
        return Outcome("permanent", f"{reason}_{_WHATSAPP_PERMANENT[code]}")
    if code in _WHATSAPP_MESSAGE_LATER:
        return Outcome("transient", reason, retry_after=retry_after)
    # credentials: a fault of the installation, not of the message, which waits until it is mended
    set_up = status in (401, 403) or code in (0, 3, 10, 190)
    if code in _WHATSAPP_PROVIDER_LATER or status == 429 or status >= 500 or set_up:
        return Outcome("transient", reason, retry_after=retry_after, whole_provider=True)
    return Outcome("permanent", reason)


# ------------------------------------------------------------------- C-DAC Mobile Seva

SMS_ACCEPTED = "402"
_SMS: Mapping[str, tuple[Kind, bool, str]] = {
    # code: kind, whole provider, what it means
    "401": ("transient", True, "credentials"),
    "403": ("transient", True, "credits"),
    "406": ("permanent", False, "number"),
    "411": ("transient", True, "sender"),
    "412": ("transient", True, "sender"),
    "413": ("permanent", False, "rejected"),
    "414": ("permanent", False, "rejected"),
    "415": ("transient", True, "key"),
    "416": ("transient", True, "key"),
    "418": ("transient", True, "daily_limit"),
}


def sms_answer(status: int, body: str, retry_after: float | None) -> Outcome:
    """An answer of Mobile Seva: `402,MsgID = …` on success, else a code in front of the body."""
    code = body.strip()[:3]
    if status == 429 or status >= 500:
        return Outcome(
            "transient", f"sms_http_{status}", retry_after=retry_after, whole_provider=True
        )
    if code == SMS_ACCEPTED and 200 <= status < 300:
        _, _, message_id = body.partition("=")
        return Outcome("accepted", provider_id=message_id.strip()[:100] or None)
    if code in _SMS:
        kind, whole, meaning = _SMS[code]
        return Outcome(kind, f"sms_{code}_{meaning}", retry_after=retry_after, whole_provider=whole)
    if 200 <= status < 300:
        # it answered, but not in a way that says whether it took the message
        return Outcome("unknown", "sms_unreadable_answer")
    if status in (401, 403):
        return Outcome("transient", f"sms_http_{status}", whole_provider=True)
    return Outcome("permanent", f"sms_http_{status}")
