"""Records by hand, a handler that does as it is told, and a guard between them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from services.kernel.adapters.guard import Failure, Guard
from services.kernel.contracts.codec import ROOMS, Received, Record, Undecodable, announce, decode
from services.kernel.contracts.events import By, CaseEvent, CaseFiled, CaseNoted, Sealed
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.errors import Retry, Unavailable
from services.kernel.testing.memory import MemoryParking

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)


class Script:
    """A handler that remembers what it applied, each record once, and misbehaves on request.

    `reject`, `fault`: ids that are answered as failures; `explode`: ids whose presence breaks the whole
    call; `lag`: ids that lack what they need, so often; `away`: how many calls meet a dependency that is
    down; `within`: called inside each call.
    """

    follows = ROOMS
    uses = {CaseFiled.TYPE: CaseFiled, CaseNoted.TYPE: CaseNoted}

    def __init__(self) -> None:
        self.reject: set[str] = set()
        self.fault: dict[str, int] = {}
        self.explode: dict[str, int] = {}
        self.lag: dict[str, int] = {}
        self.away = 0
        self.done: list[str] = []
        self.calls: list[list[str]] = []
        self.within: Callable[[], Any] | None = None

    async def handle(self, batch: Sequence[Received]) -> list[Failure]:
        self.calls.append([name(one) for one in batch])
        if self.within is not None:
            await self.within()
        if self.away:
            self.away -= 1
            raise Unavailable("the store")
        if any(self._spent(self.lag, name(one)) for one in batch):
            raise Retry("a version is not there yet")
        for one in batch:
            if self._spent(self.explode, name(one)):
                raise ZeroDivisionError
        failures: dict[str, Failure] = {}
        for one in batch:
            if one.id.ticket in failures or name(one) in self.done:
                continue
            try:
                decode(one, self.uses)
            except Undecodable as error:
                failures[one.id.ticket] = Failure(one, f"undecodable: {error}", rejected=True)
                continue
            if name(one) in self.reject:
                failures[one.id.ticket] = Failure(one, "made up", rejected=True)
            elif self._spent(self.fault, name(one)):
                failures[one.id.ticket] = Failure(one, "ZeroDivisionError")
            else:
                self.done.append(name(one))
        return list(failures.values())

    def _spent(self, faults: dict[str, int], key: str) -> bool:
        left = faults.get(key, 0)
        if left:
            faults[key] = left - 1
        return left > 0


def name(one: Received) -> str:
    return f"{one.id.ticket}/{one.id.room}/{one.id.n}"


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def record() -> Callable[..., Record]:
    """`record("A", 2)`: case A's second note; `record("A")`: its filing. Letters stand for tickets."""
    offsets = itertools.count()

    def make(case: str, n: int = 0, *, partition: int = 0, **changed: Any) -> Record:
        ticket = ticket_of(case)
        base: dict[str, Any] = {"district": "janjgir-champa", "ticket": ticket, "at": AT}
        event: CaseEvent
        if n:
            event = CaseNoted(**base, state="assigned", by=By(role="officer", id="o-1"))
        else:
            event = CaseFiled(
                **base,
                kind="complaint",
                channel="web",
                language="hi",
                directory_version=1,
                sealed=Sealed(nonce="AA==", data="AA=="),
            )
        room: Any = "case" if n else "intake"
        message = announce(event, room, n or 1).message(COMPLAINTS, "/samvad/test")
        fields = {"key": message.key, "headers": message.headers, "value": message.value, **changed}
        return Record(COMPLAINTS, partition, next(offsets), **fields)

    return make


def ticket_of(case: str) -> str:
    return f"{ord(case):010d}"


@pytest.fixture
def named() -> Callable[..., str]:
    """`named("A", 2)`: how `Script` calls that record."""
    return lambda case, n=0: f"{ticket_of(case)}/{'case' if n else 'intake'}/{n or 1}"


@pytest.fixture(scope="session", autouse=True)
def _plain_log() -> None:
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


class Waits:
    """A sleep that takes no time and remembers; it can stop a loop that would never end."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.most = 200

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) > self.most:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


class FlakyParking(MemoryParking):
    """Parking whose store is away for the next calls."""

    def __init__(self) -> None:
        super().__init__()
        self.away: dict[str, int] = {}

    def _maybe(self, call: str) -> None:
        if self.away.get(call):
            self.away[call] -= 1
            raise Unavailable("the store")

    async def parked_keys(self, keys: Any) -> set[str]:
        self._maybe("parked_keys")
        return await super().parked_keys(keys)

    async def park(self, records: Any) -> None:
        self._maybe("park")
        await super().park(records)

    async def release(self, record: Any) -> None:
        self._maybe("release")
        await super().release(record)


@pytest.fixture
def parking() -> FlakyParking:
    return FlakyParking()


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def guard(script: Any, parking: FlakyParking, waits: Waits) -> Guard:
    return Guard("test", script, parking, sleep=waits)


def parked(parking: MemoryParking) -> dict[str, list[int]]:
    return {key: [one.offset for one in records] for key, records in parking.parked.items()}
