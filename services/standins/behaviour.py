"""How a stand-in misbehaves, on request: failures, delays, throttling, requests that never end, receipts
that are lost, late, repeated, out of order or bad, media that are not what they are said to be."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field, replace
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

ProviderName = Literal["whatsapp", "sms", "kannel", "smtp"]
Behaving = Literal["whatsapp", "reads", "media", "sms", "kannel", "smtp"]
"""Providers, and what of WhatsApp behaves on its own: marks that a message was read, and media."""
Sort = Literal["number", "user_id", "url", "bytes"]
"""Of requests: messages to a number or to a user id; media's address or their bytes."""
_SORTS: Mapping[str, frozenset[str]] = {
    "whatsapp": frozenset({"number", "user_id"}),
    "media": frozenset({"url", "bytes"}),
}
ReceiptsMode = Literal["send", "drop", "repeat", "shuffle"]
LONGEST_HANG_SECONDS = 300.0
LATEST_RECEIPT_MS = 3_600_000
MOST_BYTES = 256 * 1024 * 1024
SEED = 1
T = TypeVar("T")


class Behaviour(BaseModel):
    """`fail_code`: the provider's own error code. `times`: for so many requests, then as usual. `share`:
    of so many requests; those that behaviours of one provider fail are never the same ones.

    A request that hangs or is delayed was taken; one that fails or is throttled was not. What is said of
    receipts holds for `receipt_share` of the messages that are taken. `only`: requests of this sort.

    Media: `told_url`, `told_size`, `told_mime` and `told_sha256` are said in place of the truth; `sent_bytes`
    are sent, cut off or filled up with zeros.
    """

    model_config = ConfigDict(extra="forbid")

    provider: Behaving
    only: Sort | None = None
    fail_code: int | None = Field(default=None, ge=1, le=9_999_999)
    http_status: int | None = Field(default=None, ge=200, le=599)
    delay_ms: int = Field(default=0, ge=0, le=300_000)
    throttle_per_second: int | None = Field(default=None, ge=1, le=1_000_000)
    hang: bool = False
    times: int | None = Field(default=None, ge=1)
    share: float = Field(default=1.0, ge=0, le=1)
    receipts: ReceiptsMode = "send"
    receipt_share: float = Field(default=1.0, ge=0, le=1)
    receipt_delay_ms: int = Field(default=0, ge=0, le=LATEST_RECEIPT_MS)
    receipt_fail_code: int | None = Field(default=None, ge=1, le=9_999_999)
    read: bool = False
    told_url: str | None = Field(default=None, max_length=2000)
    told_size: int | None = Field(default=None, ge=0)
    told_mime: str | None = Field(default=None, max_length=200, pattern=r"^[ -~]*$")
    told_sha256: str | None = Field(default=None, max_length=200, pattern=r"^[ -~]*$")
    sent_bytes: int | None = Field(default=None, ge=0, le=MOST_BYTES)

    @model_validator(mode="after")
    def _fits_the_provider(self) -> Self:
        code = self.fail_code
        if self.provider in ("kannel", "smtp") and code is not None and not 400 <= code <= 599:
            raise ValueError(f"fail_code of {self.provider} is an answer of 400 to 599")
        if self.provider == "smtp" and self.http_status is not None:
            raise ValueError("http_status: smtp has none, use fail_code")
        if self.provider not in ("whatsapp", "kannel") and self.tells_of_receipts:
            raise ValueError(f"receipts: {self.provider} sends none")
        if self.only is not None and self.only not in _SORTS.get(self.provider, ()):
            raise ValueError(f"only: {self.provider} has no requests of the sort {self.only}")
        if self.provider != "media" and self.lies != Lies():
            raise ValueError(f"told_… and sent_bytes: {self.provider} has no media")
        return self

    @property
    def lies(self) -> Lies:
        told = (self.told_url, self.told_size, self.told_mime, self.told_sha256)
        return Lies(*told, sent=self.sent_bytes)

    @property
    def tells_of_receipts(self) -> bool:
        return (
            self.receipts != "send"
            or self.receipt_delay_ms > 0
            or self.receipt_fail_code is not None
            or self.read
        )

    @property
    def fails(self) -> bool:
        return self.fail_code is not None or (self.http_status or 0) >= 300


@dataclass(frozen=True)
class Lies:
    """What is said of a medium in place of the truth, and how many bytes come; None: the truth."""

    url: str | None = None
    size: int | None = None
    mime: str | None = None
    sha256: str | None = None
    sent: int | None = None

    def joined(self, other: Lies) -> Lies:
        """With `other`'s where there are none yet."""
        both = zip(astuple(self), astuple(other), strict=True)
        return Lies(*(mine if mine is not None else its for mine, its in both))


@dataclass(frozen=True)
class Receipts:
    """What is to become of one message's receipts. `fail_code`: it is told to have failed with it."""

    drop: bool = False
    repeat: bool = False
    shuffle: bool = False
    delay_ms: int = 0
    fail_code: int | None = None
    read: bool = False

    def joined(self, behaviour: Behaviour) -> Receipts:
        mode = behaviour.receipts
        return Receipts(
            drop=self.drop or mode == "drop",
            repeat=self.repeat or mode == "repeat",
            shuffle=self.shuffle or mode == "shuffle",
            delay_ms=max(self.delay_ms, behaviour.receipt_delay_ms),
            fail_code=self.fail_code or behaviour.receipt_fail_code,
            read=self.read or behaviour.read,
        )

    def order(self, usual: Sequence[T], chance: random.Random) -> list[T]:
        """`usual` as these receipts come; shuffled ones never as they should."""
        if self.drop:
            return []
        sent = [one for one in usual for _ in range(chance.randint(2, 3) if self.repeat else 1)]
        if self.shuffle:
            right = list(sent)
            chance.shuffle(sent)
            if sent == right:
                sent.reverse()
        return sent


@dataclass(frozen=True)
class Ruling:
    """What is to become of one request. `fails`: answered as an error and not taken."""

    fails: bool = False
    throttled: bool = False
    fail_code: int | None = None
    http_status: int | None = None
    delay_ms: int = 0
    hang: bool = False
    receipts: Receipts = Receipts()
    lies: Lies = Lies()

    @property
    def receipts_after(self) -> float:
        """Seconds until the first receipt: not before the answer, if there is to be one."""
        return (self.delay_ms + self.receipts.delay_ms) / 1000


@dataclass
class _State:
    behaviour: Behaviour
    left: int | None
    taken_at: deque[float] = field(default_factory=deque)


class Behaviours:
    """The behaviours of each provider; `seconds` is a monotonic clock. The same ones in the same order
    fall upon the same requests, counted from the last `reset`."""

    def __init__(self, seconds: Callable[[], float], seed: int = SEED) -> None:
        self._seconds = seconds
        self._seed = seed
        self._states: dict[str, list[_State]] = {}
        self._released = asyncio.Event()
        self.chance = random.Random(seed)

    def set(self, *behaviours: Behaviour) -> None:
        """In place of what the providers that are named did; all of them in force at once."""
        for provider in {behaviour.provider for behaviour in behaviours}:
            self._states[provider] = [
                _State(behaviour, behaviour.times)
                for behaviour in behaviours
                if behaviour.provider == provider
            ]

    def reset(self) -> None:
        """As usual again; requests that hang are let go."""
        self._states.clear()
        self.chance.seed(self._seed)
        released, self._released = self._released, asyncio.Event()
        released.set()

    def current(self) -> list[dict[str, object]]:
        return [
            {**state.behaviour.model_dump(exclude_none=True), "left": state.left}
            for states in self._states.values()
            for state in states
        ]

    def rule(self, provider: Behaving, sort: Sort | None = None) -> Ruling:
        """The ruling on a request that came now; `sort` None: of none that a behaviour could name."""
        ruling = Ruling()
        edge = 0.0
        states = self._states.get(provider, ())
        if not states:
            return ruling
        drawn = self.chance.random()
        for state in states:
            behaviour = state.behaviour
            if behaviour.only not in (None, sort):
                continue
            if behaviour.fails:
                applies = edge <= drawn < edge + behaviour.share
                edge += behaviour.share
            else:
                applies = self._falls(behaviour.share)
            told = behaviour.tells_of_receipts and self._falls(behaviour.receipt_share)
            if state.left == 0 or not (applies or told):
                continue
            if state.left is not None:
                state.left -= 1
            if applies:
                ruling = self._joined(ruling, state)
            if told:
                ruling = replace(ruling, receipts=ruling.receipts.joined(behaviour))
        return ruling

    def _falls(self, share: float) -> bool:
        return share >= 1 or self.chance.random() < share

    def _joined(self, ruling: Ruling, state: _State) -> Ruling:
        behaviour = state.behaviour
        throttled = behaviour.throttle_per_second is not None and not self._admits(
            state, behaviour.throttle_per_second
        )
        first = not ruling.fails
        return Ruling(
            fails=ruling.fails or throttled or behaviour.fails,
            throttled=ruling.throttled or (first and throttled),
            fail_code=(first and behaviour.fail_code) or ruling.fail_code,
            http_status=(first and behaviour.http_status) or ruling.http_status,
            delay_ms=max(ruling.delay_ms, behaviour.delay_ms),
            hang=ruling.hang or behaviour.hang,
            receipts=ruling.receipts,
            lies=ruling.lies.joined(behaviour.lies),
        )

    def _admits(self, state: _State, per_second: int) -> bool:
        now = self._seconds()
        while state.taken_at and state.taken_at[0] <= now - 1.0:
            state.taken_at.popleft()
        if len(state.taken_at) >= per_second:
            return False
        state.taken_at.append(now)
        return True

    async def hold(self, ruling: Ruling) -> None:
        """Keep the caller waiting as the ruling says; a hanging one until `reset`."""
        if ruling.delay_ms:
            await asyncio.sleep(ruling.delay_ms / 1000)
        if ruling.hang:
            released = self._released
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_HANG_SECONDS):
                    await released.wait()

