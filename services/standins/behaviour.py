"""How a stand-in misbehaves, on request: failures, delays, throttling, requests that never end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ProviderName = Literal["whatsapp", "sms"]
LONGEST_HANG_SECONDS = 300.0


class Behaviour(BaseModel):
    """`fail_code`: the provider's own error code. `times`: for so many requests, then as usual.

    A request that hangs or is delayed was taken; one that fails or is throttled was not.
    """

    model_config = ConfigDict(extra="forbid")

    provider: ProviderName
    fail_code: int | None = Field(default=None, ge=1, le=9_999_999)
    http_status: int | None = Field(default=None, ge=200, le=599)
    delay_ms: int = Field(default=0, ge=0, le=300_000)
    throttle_per_second: int | None = Field(default=None, ge=1, le=1_000_000)
    hang: bool = False
    times: int | None = Field(default=None, ge=1)


@dataclass(frozen=True)
class Ruling:
    """What is to become of one request. `fails`: answered as an error and not taken."""

    fails: bool = False
    throttled: bool = False
    fail_code: int | None = None
    http_status: int | None = None
    delay_ms: int = 0
    hang: bool = False


@dataclass
class _State:
    behaviour: Behaviour
    left: int | None
    taken_at: deque[float] = field(default_factory=deque)


class Behaviours:
    """The behaviour of each provider; `seconds` is a monotonic clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._states: dict[str, _State] = {}
        self._released = asyncio.Event()

    def set(self, behaviour: Behaviour) -> None:
        self._states[behaviour.provider] = _State(behaviour, behaviour.times)

    def reset(self) -> None:
        """As usual again; requests that hang are let go."""
        self._states.clear()
        released, self._released = self._released, asyncio.Event()
        released.set()

    def current(self) -> list[dict[str, object]]:
        return [
            {**state.behaviour.model_dump(exclude_none=True), "left": state.left}
            for state in self._states.values()
        ]

    def rule(self, provider: ProviderName) -> Ruling:
        """The ruling on a request that came now."""
        state = self._states.get(provider)
        if state is None:
            return Ruling()
        if state.left is not None:
            if state.left == 0:
                return Ruling()
            state.left -= 1
        behaviour = state.behaviour
        throttled = behaviour.throttle_per_second is not None and not self._admits(
            state, behaviour.throttle_per_second
        )
        bad_status = behaviour.http_status is not None and behaviour.http_status >= 300
        return Ruling(
            fails=throttled or behaviour.fail_code is not None or bad_status,
            throttled=throttled,
            fail_code=behaviour.fail_code,
            http_status=behaviour.http_status,
            delay_ms=behaviour.delay_ms,
            hang=behaviour.hang,
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
