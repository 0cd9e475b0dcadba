"""What became of a call to a provider, and what is to be done then. Pure.

Providers take no idempotency key, so what may have been sent is never sent a second time.
"""

from __future__ import annotations

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
    `bad_address`: of a permanent failure, the address itself is nobody's on this channel. `window_closed`:
    free text is refused, since the person has not written for 24 hours; the template would be taken.
    """

    kind: Kind
    reason: str = ""
    provider_id: str | None = None
    retry_after: float | None = None
    whole_provider: bool = False
    bad_address: bool = False
    window_closed: bool = False


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


def http_fault(provider: str, status: int, retry_after: float | None = None) -> Outcome | None:
    """What an HTTP status alone says of any provider; None where the body, or the provider, says more.

    408 and 425 came instead of the handling of a request. 504 comes from a gateway that waited for the
    provider in vain: that one may have the message.
    """
    reason = f"{provider}_http_{status}"
    if status == 504:
        return Outcome("unknown", reason, whole_provider=True)
    if status in (408, 425, 429) or status >= 500:
        return Outcome("transient", reason, retry_after=retry_after, whole_provider=True)
    return None
