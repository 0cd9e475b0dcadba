"""A message as it is stored, and what senders and the settling ask of the store.

    planned → claimed → sent → delivered → read        (claimed → planned again, when it may be retried,
                      ↘ failed | unknown                 or on the next channel)
    planned → collapsed: a later message says more

`queue` and `next_at` are there while something is still due: to be sent (the provider's queue), to be
gathered into a summary, or to be settled (a receipt that should have come, a debt). So one index finds
each, and what is finished is in no index of theirs. `v` counts the writes: whoever decides on what he has
read writes only if nobody else has meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from services.kernel.contracts.base import Sealed
from services.kernel.contracts.notices import MessageState
from services.kernel.domain.directory import Language
from services.notify.core.book import Audience, Channel
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import ProviderName
from services.notify.core.receipts import Status

State = MessageState
Queue = ProviderName | Literal["gather", "settle"]
Debt = Literal["callback", "delivered", "failed"]
"""What must still be said of a message: a call-back asked for, or the case's event of its delivery."""
OPEN: tuple[State, ...] = ("planned", "claimed")
"""States in which a message is still to be sent."""


@dataclass(frozen=True)
class Attempt:
    """One claim of one channel, at `at`. `form`: "text" where WhatsApp's 24 h window was used. `outcome`
    None: the call's is not known. `status`: the furthest receipt that came."""

    claim: str
    channel: Channel
    outcome: str | None = None
    provider_id: str | None = None
    form: str = ""
    status: Status | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Message:
    """`providers`: of each of the `channels`, by the district's settings when it was planned. `zone`: the
    district's, for quiet hours. `thread`: whose order it keeps, a ticket's or, without a case, its
    recipient's; `order` counts there.

    `tries`: attempts on this channel, which was taken up at `since`. `source`: the ticket whose filing
    holds a citizen's address; `numberless`: it is a user id, by which nobody can be called. `sealed`: an
    envelope of words, under the key of `ticket`'s receipt or, with `wrapped_key`, of the message's own.
    `held_until`: kept back on purpose (quiet hours) until then.
    `summary`: the message that it becomes a part of.
    """

    id: str
    ticket: str | None
    thread: str
    district: str
    zone: str
    event: str
    event_id: str
    event_at: datetime
    audience: Audience
    person: str | None
    source: str | None
    recipient: str
    channels: tuple[Channel, ...]
    providers: tuple[ProviderName, ...]
    channel: Channel
    template: str
    language: Language
    values: Mapping[str, str]
    urgent: bool
    at_once: bool
    announced: bool
    order: int
    state: State
    tries: int
    since: datetime
    created_at: datetime
    v: int
    next_at: datetime | None = None
    claim: str | None = None
    held_until: datetime | None = None
    summary: str | None = None
    sealed: Sealed | None = None
    wrapped_key: str | None = None
    key: str | None = None
    reason: str | None = None
    stale: bool = False
    numberless: bool = False
    owes: tuple[Debt, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    def provider_of(self, channel: Channel) -> ProviderName:
        return self.providers[self.channels.index(channel)]


@dataclass(frozen=True)
class Head:
    """The earliest message of a thread to a recipient that is still to be sent: nothing later may be sent
    before it."""

    id: str
    state: State
    next_at: datetime


@dataclass(frozen=True)
class Step:
    """What becomes of a message: its state, and when it is looked at again (None: never).

    `planned` goes to its channel's provider, everything else is settled. `channel` other than before: it
    is taken up there anew.
    """

    state: State
    channel: Channel
    next_at: datetime | None = None
    reason: str | None = None
    owes: tuple[Debt, ...] = ()


@dataclass(frozen=True)
class Conclusion:
    """How a claimed attempt ended, and what becomes of the message if nothing else has decided that."""

    message: Message
    claim: str
    outcome: Outcome
    step: Step
    ended_at: datetime


@dataclass(frozen=True)
class Seen:
    """What a receipt says of an attempt. `provider_id`: by which its repetitions are known, also where the
    answer with it was lost."""

    claim: str
    status: Status
    reason: str | None = None
    provider_id: str | None = None


@dataclass(frozen=True)
class Move:
    """A step decided on `message` as it was read, at `at`; `seen`: the receipt that it was decided on.
    `step` None: the receipt changes the attempt alone. `lapsed`: the claim that nobody holds any more."""

    message: Message
    at: datetime
    step: Step | None
    seen: Seen | None = None
    lapsed: str | None = None


@dataclass(frozen=True)
class Claim:
    """A provider's claim of several messages; `forms` by the message's id, where there is one."""

    id: str
    provider: ProviderName
    channel: Channel
    at: datetime
    until: datetime
    forms: Mapping[str, str] = field(default_factory=dict)


class Messages(Protocol):
    """The store of messages. Everything may raise Unavailable; every write may be done again."""

    async def due(
        self, queue: Queue, buckets: Sequence[int], now: datetime, limit: int
    ) -> list[Message]:
        """Messages of the queue whose `next_at` has come: urgent ones first, then earliest first."""
        ...

    async def of_people(
        self, queue: Queue, recipients: Collection[str], now: datetime
    ) -> list[Message]:
        """All that is due in the queue for these recipients, whatever their buckets."""
        ...

    async def waiting_long(
        self,
        queue: Queue,
        buckets: Sequence[int],
        since: datetime,
        urgent_since: datetime,
        now: datetime,
        limit: int,
    ) -> list[Message]:
        """Planned messages that were taken up on their channel before `since` (urgent ones before
        `urgent_since`), are still news, and have a further channel."""
        ...

    async def read(self, ids: Collection[str]) -> Mapping[str, Message]:
        """Those of `ids` that there are."""
        ...

    async def heads(self, threads: Collection[str], now: datetime) -> Mapping[tuple[str, str], Head]:
        """The earliest message still to be sent, by (thread, recipient); not what is held back on purpose."""
        ...

    async def claim(self, ids: Collection[str], claim: Claim) -> set[str]:
        """Move planned messages to claimed; the ids that are ours. Of two claimants one has it."""
        ...

    async def give_back(self, ids: Collection[str], claim: str, at: datetime) -> None:
        """Undo a claim of which nothing was sent."""
        ...

    async def postpone(self, later: Mapping[str, datetime]) -> None:
        """Move planned messages' `next_at`."""
        ...

    async def hold(self, until: Mapping[str, datetime]) -> None:
        """Keep planned messages back on purpose."""
        ...

    async def conclude(self, conclusions: Sequence[Conclusion]) -> None:
        """Write outcomes; whoever holds the claim knows better than a lapse, a receipt better than he."""
        ...

    async def move(self, moves: Sequence[Move]) -> set[str]:
        """Write steps; the ids of those that somebody else has written since they were read."""
        ...

    async def put_off(self, message: Message, at: datetime) -> None:
        """Settle it later: what it waits for is not there yet."""
        ...

    async def paid(self, message: Message, debt: Debt, again_at: datetime | None) -> None:
        """The debt is paid; `again_at`: when the message is to be settled again, None where never."""
        ...
