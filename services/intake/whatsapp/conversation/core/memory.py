"""What is remembered of one person between two messages, beside the conversation itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from services.intake.whatsapp.conversation.core.inbound import Person
from services.intake.whatsapp.conversation.core.model import (
    MOST_PARKED,
    MOST_TOLD,
    Conversation,
    Option,
)
from services.intake.whatsapp.conversation.core.questions import MOST_NAMES

HANDLED_FOR = timedelta(days=8)
"""The provider sends a message again for seven days."""
MOST_HANDLED = 2000
"""Messages of one person that are known again. Who sends more in a week may be answered twice, no more."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_ID_BYTES = 8
_HOUR_BYTES = 4
_BYTES = _ID_BYTES + _HOUR_BYTES


@dataclass(frozen=True)
class Held:
    """A number that is or was the person's: of the cases filed with it, his are those between the two."""

    number: str = field(repr=False)
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Memory:
    """`numbers`: the person's, the one in use last and without an end. `clients`: under which he filed cases
    while he was known by another name."""

    conversation: Conversation = field(default_factory=Conversation)
    user: str | None = field(default=None, repr=False)
    numbers: tuple[Held, ...] = ()
    clients: tuple[str, ...] = ()

    @property
    def number(self) -> str | None:
        last = self.numbers[-1] if self.numbers else None
        return last.number if last is not None and last.until is None else None

    def seen_as(self, person: Person) -> Memory:
        """After a message of `person`, who may have shown what he hid before."""
        user = person.user or self.user
        if person.number is None or person.number == self.number:
            return self if user == self.user else replace(self, user=user)
        return replace(self, user=user, numbers=(*self.numbers, Held(person.number)))

    def ended(self, number: str, at: datetime) -> Memory:
        """After it turned out that a number of his is somebody else's."""
        numbers = tuple(
            replace(one, until=at) if one.number == number and one.until is None else one
            for one in self.numbers
        )
        return self if numbers == self.numbers else replace(self, numbers=numbers)

    def joined(self, other: Memory, client: str) -> Memory:
        """After it turned out that `other`, who filed under `client`, is the same person."""
        clients = dict.fromkeys((*self.clients, client, *other.clients))
        known = {one.number for one in self.numbers}
        numbers = tuple(one for one in other.numbers if one.number not in known)
        return replace(
            self,
            conversation=joined(self.conversation, other.conversation),
            user=self.user or other.user,
            # the number in use stays the last one
            numbers=(*numbers, *self.numbers),
            clients=tuple(clients),
        )

    def with_number(self, number: str, at: datetime) -> Memory:
        """After the provider has told that his number is another one now."""
        if number == self.number:
            return self
        ended = tuple(
            one if one.until is not None else replace(one, until=at) for one in self.numbers
        )
        return replace(self, numbers=(*ended, Held(number, since=at)))


def joined(one: Conversation, other: Conversation) -> Conversation:
    """What two conversations of one person come to. The later one goes on; the drafts of both are kept, under
    numbers that no button in either chat has, so that none of them answers what it was not asked for."""
    later, earlier = one, other
    if (other.last_at or _LONG_AGO) > (one.last_at or _LONG_AGO):
        later, earlier = other, one
    drafts = [*earlier.parked, *filter(None, [earlier.draft]), *later.parked]
    in_hand = later.draft
    if in_hand is None and drafts:
        in_hand = drafts.pop()
    last = max(one.drafts, other.drafts)
    parked = []
    for draft in drafts[-MOST_PARKED:]:
        last += 1
        parked.append(replace(draft, number=last))
    offered: tuple[Option, ...] = ()
    if in_hand is not None:
        last += 1
        # what was asked of it last is still asked
        asked = next((c.offered for c in (later, earlier) if c.draft is in_hand), ())
        offered = tuple(
            replace(option, id=f"{last}.{option.id.partition('.')[2]}")
            for option in asked
            if option.id.partition(".")[0] == str(in_hand.number)
        )
        in_hand = replace(in_hand, number=last)
    return Conversation(
        tongue=later.tongue or earlier.tongue,
        at="draft" if in_hand is not None else "idle",
        draft=in_hand,
        parked=tuple(parked),
        drafts=last,
        offered=offered,
        names=tuple(dict.fromkeys((*later.names, *earlier.names)))[:MOST_NAMES],
        told=(*earlier.told, *later.told)[-MOST_TOLD:],
        opted_out=later.opted_out,
        tokens=later.tokens,
        flooded=later.flooded,
        last_at=later.last_at,
    )


class Handled:
    """Which messages of a person were handled: a digest and the hour of each, in a few bytes."""

    def __init__(self, stored: bytes = b"") -> None:
        whole = len(stored) - len(stored) % _BYTES
        self._stored = bytearray(stored[:whole])
        self._known = {
            bytes(stored[at : at + _ID_BYTES]) for at in range(0, whole, _BYTES)
        }

    def join(self, other: Handled) -> None:
        """What was handled in another conversation of the same person, too."""
        for at in range(0, len(other._stored), _BYTES):
            digest = bytes(other._stored[at : at + _ID_BYTES])
            if digest not in self._known:
                self._known.add(digest)
                self._stored += other._stored[at : at + _BYTES]

    def __contains__(self, message: str) -> bool:
        return _digest(message) in self._known

    def add(self, message: str, at: datetime) -> None:
        digest = _digest(message)
        if digest not in self._known:
            self._known.add(digest)
            self._stored += digest + _hour(at).to_bytes(_HOUR_BYTES, "big")

    def stored(self, now: datetime) -> bytes:
        """What is to be kept of it: nothing that cannot come again."""
        first = _hour(now - HANDLED_FOR)
        kept = [
            self._stored[at : at + _BYTES]
            for at in range(0, len(self._stored), _BYTES)
            if int.from_bytes(self._stored[at + _ID_BYTES : at + _BYTES], "big") >= first
        ]
        return b"".join(kept[-MOST_HANDLED:])


def reply_key(message: str, place: int) -> str:
    """The key of the reply to a message that is its `place`-th."""
    return f"wa/{short(message)}/{place}"


def short(message: str) -> str:
    """A provider's id without what it may tell: it can hold a telephone number."""
    return sha256(message.encode()).hexdigest()[:32]


def people(names: Sequence[Sequence[str]]) -> list[frozenset[str]]:
    """Names that belong together: each of `names` are one message's; who shares one is the same person."""
    groups: list[set[str]] = []
    for some in names:
        mine = set(some)
        touching = [group for group in groups if group & mine]
        for group in touching:
            mine |= group
            groups.remove(group)
        groups.append(mine)
    return [frozenset(group) for group in groups]


def _digest(message: str) -> bytes:
    return sha256(message.encode()).digest()[:_ID_BYTES]


def _hour(at: datetime) -> int:
    return max(0, int(at.timestamp()) // 3600)
