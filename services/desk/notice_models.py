"""The shapes of what was told of a case, for the OpenAPI description. What is sent is made in
`core/notices.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from services.desk.core import notices
from services.desk.models import Name, Shape
from services.kernel.contracts.notices import MessageState


class RecipientShape(Shape):
    """A citizen has a phone, of the staff somebody is named; the call centre is neither."""

    phone: str | None = Field(
        description="Of the citizen; for those who do not work the case, and of a co-complainant always, "
        f"`{notices.DOTS}` with the last {notices.SHOWN_DIGITS} digits at most."
    )
    person: str | None = Field(description="An officer's id.")
    name: Name | None = Field(description="That officer's.")


class AttemptShape(Shape):
    """One handing over to a provider. The instants of receipts are ours, when they came."""

    channel: str
    provider: str
    claimed_at: AwareDatetime = Field(description="Just before the provider was called.")
    outcome: Literal["accepted", "transient", "permanent", "unknown"] | None = Field(
        description="What the call came to; null while it runs."
    )
    reason: str | None
    sent_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    read_at: AwareDatetime | None
    failed_at: AwareDatetime | None


class SummaryShape(Shape):
    """How far the message came that was sent in the place of several."""

    state: MessageState
    channel: str
    sent_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    read_at: AwareDatetime | None
    failed_at: AwareDatetime | None


class NoticeShape(Shape):
    event: str = Field(description="The type of the event that it tells of.")
    event_id: str
    event_at: AwareDatetime
    audience: str = Field(
        description="citizen, co_complainants (of cases merged into this one), officer (whom the event "
        "names), holder (who had the case then), head, sdm, collector or operator."
    )
    to: RecipientShape
    channel: str = Field(description="The one in use, or the last one: whatsapp, sms or email.")
    template: str
    language: str
    urgent: bool
    state: MessageState = Field(
        description="planned, claimed (being sent), sent (a provider has it), delivered, read, failed, "
        "unknown (the answer was lost; it is not sent again blindly), or collapsed (never sent by itself, "
        "since a later message says more, or a summary went in its place)."
    )
    planned_at: AwareDatetime
    sent_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    read_at: AwareDatetime | None
    failed_at: AwareDatetime | None
    reason: str | None = Field(
        description="A code: why it failed, is unknown or was collapsed."
    )
    summary: SummaryShape | None = Field(
        description=f"Of a message that was collapsed as `{notices.SUMMARISED}`: the summary that it became "
        "a part of."
    )
    attempts: list[AttemptShape] = Field(description="Oldest first; the last ones of very many.")


class NoticesShape(Shape):
    items: list[NoticeShape] = Field(description="Oldest first, by `planned_at`.")
    more: bool = Field(
        description=f"There were older ones: the newest {notices.MOST} are told."
    )
