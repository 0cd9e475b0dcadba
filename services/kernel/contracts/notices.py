"""What notify lets others read of a message: the fields of its document that are part of the contract.

The collection is notify's alone to write. It holds no address, no name and nobody's words.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from services.kernel.contracts.base import Model

COLLECTION = "messages"
MessageState = Literal[
    "planned", "claimed", "sent", "delivered", "read", "failed", "unknown", "collapsed"
]
"""collapsed: never sent, since a later message says more (`reason`: overtaken or summarised)."""


class AttemptRow(Model):
    """One try of a channel. `outcome`: what the call came to (of a permanent one there may have been none:
    no address, not wanted); the instants of receipts after it."""

    channel: str
    provider: str
    claimed_at: AwareDatetime
    outcome: Literal["accepted", "transient", "permanent", "unknown"] | None = None
    reason: str | None = None
    sent_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    read_at: AwareDatetime | None = None
    failed_at: AwareDatetime | None = None


class MessageRow(Model):
    """A message of a case. `person`: an officer's id, None for a citizen. `channel`: the one in use, or the
    last one. `reason`: why it failed, is unknown or was collapsed; `summary`: the id of the message that it
    became a part of."""

    id: str = Field(alias="_id")
    ticket: str
    event: str
    event_id: str
    event_at: AwareDatetime
    audience: str
    person: str | None = None
    channel: str
    template: str
    language: str
    urgent: bool
    state: MessageState
    reason: str | None = None
    summary: str | None = None
    created_at: AwareDatetime
    sent_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    read_at: AwareDatetime | None = None
    failed_at: AwareDatetime | None = None
    attempts: tuple[AttemptRow, ...] = ()


FIELDS = tuple("_id" if name == "id" else name for name in MessageRow.model_fields)
"""What a reader asks the store for."""
