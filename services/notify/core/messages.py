"""A message as it is stored, and what the sender asks of the store.

    planned → claimed → sent | failed | unknown        (claimed → planned again, when it may be retried)

`next_at` is there while a message is open: when it is due, or, once claimed, when the claim is too old
to be anybody's. So one index finds both, and what is finished is in no index of the sender's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from services.kernel.domain.directory import Language
from services.notify.core.book import Audience, Channel
from services.notify.core.outcomes import Outcome

State = Literal["planned", "claimed", "sent", "failed", "unknown"]


@dataclass(frozen=True)
class Message:
    """`order` counts a case's events as they were planned; `tries` the attempts that were claimed."""

    id: str
    ticket: str
    district: str
    event: str
    event_at: datetime
    audience: Audience
    person: str | None
    recipient: str
    channel: Channel
    template: str
    language: Language
    values: Mapping[str, str]
    order: int
    state: State
    next_at: datetime
    tries: int
    created_at: datetime


@dataclass(frozen=True)
class Head:
    """The earliest open message of a case to a recipient: nothing later may be sent before it."""

    id: str
    state: State
    next_at: datetime


@dataclass(frozen=True)
class Conclusion:
    """How a claimed attempt ended. `next_at`: it is to be tried again then; None: it is finished."""

    id: str
    claim: str
    outcome: Outcome
    state: State
    ended_at: datetime
    next_at: datetime | None = None


class Messages(Protocol):
    """The store of messages. Everything may raise Unavailable; every write may be done again."""

    async def due(
        self, channel: Channel, buckets: Sequence[int], now: datetime, limit: int
    ) -> list[Message]:
        """Open messages whose `next_at` has come, earliest first."""
        ...

    async def heads(self, tickets: Collection[str]) -> Mapping[tuple[str, str], Head]:
        """The earliest open message by (ticket, recipient)."""
        ...

    async def claim(
        self, ids: Collection[str], claim: str, channel: Channel, at: datetime, until: datetime
    ) -> set[str]:
        """Move planned messages to claimed; the ids that are ours. Of two claimants one has it."""
        ...

    async def give_back(self, ids: Collection[str], claim: str, at: datetime) -> None:
        """Undo a claim of which nothing was sent."""
        ...

    async def postpone(self, later: Mapping[str, datetime]) -> None:
        """Move planned messages' `next_at`."""
        ...

    async def lapse(self, ids: Collection[str], now: datetime) -> int:
        """Claims older than their bound: their outcome is unknown, and they are never sent again."""
        ...

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        """Write outcomes; whoever holds the claim knows better than a lapse."""
        ...
