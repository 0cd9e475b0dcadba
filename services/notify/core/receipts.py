"""What a provider says of a message after it has accepted it. Pure values.

Receipts come late, repeated, out of order, or never, and some (WhatsApp's `delivered` before `read`) are
left out. `delivery.py` says what they make of a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.notify.core.book import Channel
from services.notify.core.outcomes import Outcome

Status = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True)
class Receipt:
    """`message_id` is our key as the provider echoed it, empty where it did not; `provider_id` its own.

    `claim` names the attempt where the provider echoes that. `at`: when we got it, never the provider's
    time. `failure`: of a failed one what its code means (transient, permanent; see `outcomes.py`).
    """

    channel: Channel
    status: Status
    at: datetime
    message_id: str = ""
    provider_id: str | None = None
    claim: str | None = None
    failure: Outcome | None = None
