"""What becomes of a message after a call, a receipt, or a wait that is over. Pure.

No provider takes an idempotency key, so what may have been sent is not sent on the same channel again. The
next channel is taken when one has failed for good, when no receipt came in time, or when a message could
not be handed over for as long. What failed on every channel becomes a call-back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.notify.core.book import CITIZENS, Channel, Waits
from services.notify.core.messages import Attempt, Debt, Message, Seen, Step
from services.notify.core.outcomes import Outcome, retry_at
from services.notify.core.receipts import Receipt

WaitsOf = Mapping[Channel, Waits]
OPTED_OUT = "opted_out"
"""The person does not want to be written to: no other channel and no call either."""
NO_ADDRESS = "no_address"
OVERTAKEN = "overtaken"
"""A later event of the case says more than the message would."""
LAPSED = Outcome("unknown", "claim_lapsed")
REACHED = ("delivered", "read")
_RANK = {None: 0, "sent": 1, "failed": 2, "delivered": 3, "read": 4}


def patience(message: Message, waits: WaitsOf) -> timedelta:
    """How long a channel is waited for before the next one is taken."""
    wait = waits[message.channel]
    return wait.urgent_receipt if message.urgent else wait.receipt


def following(message: Message) -> Channel | None:
    """The channel after the one in use; none for what is no news any more."""
    if message.stale:
        return None
    place = message.channels.index(message.channel) if message.channel in message.channels else -1
    rest = message.channels[place + 1 :]
    return rest[0] if rest else None


def after_call(
    message: Message,
    outcome: Outcome,
    *,
    receipts: bool,
    now: datetime,
    chance: float,
    waits: WaitsOf,
) -> Step:
    """After the `tries`-th call on this channel. `receipts`: whether its provider gives any."""
    if outcome.kind == "accepted":
        return _accepted(message, receipts, now, waits)
    if outcome.kind == "unknown":
        return _unknown(message, outcome, now, waits)
    if outcome.kind == "transient":
        again = retry_at(now, message.tries, outcome, chance, message.created_at)
        if again is not None and not _too_long(message, now, waits):
            return _again(message, again, outcome.reason)
    elif outcome.window_closed and not _was_template(message):
        return _again(message, now, outcome.reason)
    return _failed(message, outcome.reason, now)


def _again(message: Message, at: datetime, reason: str) -> Step:
    """By the same channel, unless it is no news any more."""
    return overtaken(message) if message.stale else Step("planned", message.channel, at, reason)


def overtaken(message: Message) -> Step:
    return Step("collapsed", message.channel, reason=OVERTAKEN)


def _accepted(message: Message, receipts: bool, now: datetime, waits: WaitsOf) -> Step:
    if receipts and (following(message) is not None or message.announced or message.urgent):
        return Step("sent", message.channel, now + patience(message, waits))
    if message.announced:
        return Step("sent", message.channel, now + waits[message.channel].assumed)
    return Step("sent", message.channel)


def _unknown(message: Message, outcome: Outcome, now: datetime, waits: WaitsOf) -> Step:
    if message.channel == "whatsapp" and following(message) is not None:
        # a status that carries our key may still come; without one the next channel is taken, once
        return Step("unknown", message.channel, now + patience(message, waits), outcome.reason)
    wanted = message.urgent and _is_to_be_called(message, outcome.reason)
    owes: tuple[Debt, ...] = ("callback",) if wanted else ()
    return Step("unknown", message.channel, now if owes else None, outcome.reason, owes)


def _failed(message: Message, reason: str, now: datetime) -> Step:
    then = following(message)
    if then is not None and reason != OPTED_OUT:
        return Step("planned", then, now, reason)
    owes: list[Debt] = []
    if _is_to_be_called(message, reason):
        owes.append("callback")
    if message.announced:
        owes.append("failed")
    return Step("failed", message.channel, now if owes else None, reason, tuple(owes))


def _is_to_be_called(message: Message, reason: str) -> bool:
    """Citizens, and staff where it is urgent; not who wants no messages, nor about what is no news, nor
    citizens of whom no number is left, or never was known."""
    if message.ticket is None or message.stale or message.numberless or reason == OPTED_OUT:
        return False
    if message.audience in CITIZENS:
        return reason != NO_ADDRESS
    return message.urgent


def _too_long(message: Message, now: datetime, waits: WaitsOf) -> bool:
    return following(message) is not None and now - message.since >= patience(message, waits)


def _was_template(message: Message) -> bool:
    last = message.attempts[-1] if message.attempts else None
    return last is not None and last.form != "text"


def give_way(message: Message, now: datetime, waits: WaitsOf) -> Step | None:
    """A planned message whose provider could not be asked for so long that the next one is."""
    if not _too_long(message, now, waits):
        return None
    return _failed(message, "not_handed_over", now)


def after_wait(message: Message, now: datetime, *, receipts: bool, waits: WaitsOf) -> Step:
    """A message that was sent, or may have been, when its wait is over."""
    if message.state == "sent" and not receipts and message.announced:
        # the channel tells nothing: what it accepted counts as delivered by now
        return Step("sent", message.channel, now, message.reason, ("delivered",))
    if message.state in ("sent", "unknown"):
        then = following(message)
        if then is not None:
            return Step("planned", then, now, "no_receipt")
        if receipts and message.urgent and _is_to_be_called(message, "no_receipt"):
            return Step(message.state, message.channel, now, "no_receipt", ("callback",))
    return Step(message.state, message.channel, reason=_reason(message, receipts))


def _reason(message: Message, receipts: bool) -> str | None:
    return "no_receipt" if message.state == "sent" and receipts else message.reason


def attempt_of(message: Message, receipt: Receipt) -> Attempt | None:
    """The attempt that a receipt is about: by the claim that it echoes, by the provider's id, or else the
    last one on its channel of which no id is known."""
    mine = [one for one in message.attempts if one.channel == receipt.channel]
    if receipt.claim is not None:
        return next((one for one in mine if one.claim == receipt.claim), None)
    if receipt.provider_id is not None:
        for one in mine:
            if one.provider_id == receipt.provider_id:
                return one
    if receipt.channel == "email":
        # relays may give a mail another id; what came back is the last one that was taken
        taken = [one for one in mine if one.outcome == "accepted"]
        return taken[-1] if taken else None
    # called, and not refused: the answer with its id may have been lost, or is still to be written
    unnamed = [
        one for one in mine if one.provider_id is None and one.outcome in (None, "unknown", "accepted")
    ]
    return unnamed[-1] if unnamed else None


def after_receipt(
    message: Message, receipt: Receipt, *, now: datetime, chance: float, waits: WaitsOf
) -> tuple[Seen | None, Step | None]:
    """What a receipt says of its attempt, and the step that it makes; nothing for what was known already.

    A status never moves backwards: what was delivered does not fail, what was read is not just sent.
    """
    attempt = attempt_of(message, receipt)
    if attempt is None or _RANK[receipt.status] <= _RANK[attempt.status]:
        return None, None
    if receipt.status == "sent" and attempt.outcome == "accepted":
        return None, None  # its own answer has said so
    failure = receipt.failure
    reason = failure.reason if failure else None
    seen = Seen(attempt.claim, receipt.status, reason, receipt.provider_id)
    if receipt.status in REACHED:
        if message.state == "read" or message.state == receipt.status:
            return seen, None
        # whatever else was owed is not so any more: nobody need call who was reached
        first = message.announced and message.state not in REACHED
        owes: tuple[Debt, ...] = ("delivered",) if first or "delivered" in message.owes else ()
        return seen, Step(receipt.status, attempt.channel, now if owes else None, None, owes)
    if not _is_current(message, attempt):
        return seen, None
    if receipt.status == "sent":
        if message.state not in ("claimed", "unknown"):
            return seen, None
        return seen, _accepted(message, True, now, waits)
    if message.state in (*REACHED, "planned", "failed", "collapsed"):
        return seen, None
    why = failure or Outcome("permanent", "failed")
    return seen, after_call(message, why, receipts=True, now=now, chance=chance, waits=waits)


def _is_current(message: Message, attempt: Attempt) -> bool:
    """Whether the message still hangs on this attempt, and not on a later one."""
    return attempt.channel == message.channel and message.attempts[-1].claim == attempt.claim
