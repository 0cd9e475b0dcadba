"""A message that was claimed, and what is done to it: for the tests of its steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from services.notify.adapters.book_file import load_book
from services.notify.adapters.message_document import from_document
from services.notify.core.book import Audience, Channel
from services.notify.core.delivery import (
    after_call,
    after_receipt,
)
from services.notify.core.messages import Attempt, Message, State, Step
from services.notify.core.outcomes import Outcome
from services.notify.core.receipts import Receipt, Status
from services.notify.testing.store_suite import NOW, planned

T = TypeVar("T")
WAITS = load_book().waits
PATIENCE = WAITS["whatsapp"].receipt
ACCEPTED = Outcome("accepted", provider_id="wamid-1")
BUSY = Outcome("transient", "busy")
REFUSED = Outcome("permanent", "refused")
LOST = Outcome("unknown", "call_timeout")
CLOSED = Outcome("permanent", "outside_window", window_closed=True)


def message(
    *channels: Channel,
    on: Channel | None = None,
    state: State = "claimed",
    attempts: tuple[Attempt, ...] | None = None,
    audience: Audience = "citizen",
    urgent: bool = False,
    announced: bool = False,
    **fields: Any,
) -> Message:
    """A message that was claimed once on the channel in use."""
    first, *rest = channels or ("whatsapp", "sms")
    made = from_document(
        planned(
            channel=first, then=tuple(rest), audience=audience, urgent=urgent, announced=announced
        )
    )
    on = on or first
    return replace(
        made,
        channel=on,
        state=state,
        tries=1,
        attempts=attempts if attempts is not None else (Attempt("c1", on),),
        **fields,
    )


def called(what: Message, outcome: Outcome, *, receipts: bool = True, **fields: Any) -> Step:
    known: dict[str, Any] = {"now": NOW, "chance": 0.0, "waits": WAITS}
    return after_call(what, outcome, receipts=receipts, **known | fields)


def told(what: Message, status: Status, **fields: Any) -> tuple[Any, Step | None]:
    last = what.attempts[-1]
    known: dict[str, Any] = {
        "channel": "whatsapp",
        "at": NOW,
        "message_id": what.id,
        "provider_id": last.provider_id,
    }
    if status == "failed":
        known["failure"] = REFUSED
    receipt = Receipt(status=status, **known | fields)
    return after_receipt(what, receipt, now=NOW, chance=0.0, waits=WAITS)
