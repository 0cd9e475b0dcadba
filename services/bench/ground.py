"""What a benchmark stands on: stacks of its own, and how much of everything is measured."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from services.cli.stack import Home, Plan, Ports, Stack, whole
from services.cli.stack.tools import Tools

Say = Callable[[str], None]
"""Tells whoever waits what is going on."""


async def until(
    done: Callable[[], Awaitable[bool]], fault: str, *, within: float, every: float
) -> None:
    """Look every so many seconds. Raises RuntimeError(`fault`) when it takes longer than `within` seconds."""
    end = time.monotonic() + within
    while not await done():
        if time.monotonic() > end:
            raise RuntimeError(fault)
        await asyncio.sleep(every)


@dataclass(frozen=True)
class Scale:
    """`runs`: of each measurement, of which the median counts. The rest are numbers of cases."""

    runs: int = 3
    intake: int = 6_000
    pipeline: int = 8_000
    one_by_one: int = 2_000
    rate: int = 50
    seconds: int = 60
    warm: int = 600
    lives: int = 2_000
    filings: int = 2_000
    few: int = 10_000
    many: int = 100_000
    load_seconds: float = 30.0
    load_lives: int = 1_000
    arming: int = 8_000
    armed: int = 1_000_000
    due: int = 100_000
    due_rate: int = 1_000
    due_seconds: int = 60
    scheduled: int = 10_000
    scheduled_acts: int = 4_000
    sent: int = 6_000
    steady_rate: int = 50
    steady_seconds: int = 20


FULL = Scale()
SHORT = Scale(
    runs=1,
    intake=200,
    pipeline=200,
    one_by_one=60,
    rate=20,
    seconds=2,
    warm=20,
    lives=40,
    filings=40,
    few=100,
    many=300,
    load_seconds=1.0,
    load_lives=100,
    arming=200,
    armed=1_000,
    due=300,
    due_rate=100,
    due_seconds=1,
    scheduled=100,
    scheduled_acts=20,
    sent=200,
    steady_rate=20,
    steady_seconds=2,
)
"""Shows that every benchmark runs and what it tells; its numbers say nothing."""


UNTHROTTLED: Mapping[str, str] = {
    "SAMVAD_WHATSAPP_PER_SECOND": "1000000",
    "SAMVAD_SMS_PER_SECOND": "1000000",
    "SAMVAD_RECIPIENT_SECONDS": "0.001",
}
"""How often providers may be called: what they allow would be all that is measured."""


@contextmanager
def line(
    name: str, *processes: str, environment: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """A stack in a home of its own, on free ports; taken away at the end. `processes`: the services that
    are wanted beside Kafka and MongoDB; none named: the whole line with its Prometheus."""
    home = Home(Home.from_environment().path / "bench" / f"{name}-{os.getpid()}")
    shutil.rmtree(home.path, ignore_errors=True)
    added = {**UNTHROTTLED, **(environment or {})}
    try:
        if processes:
            stack = Stack(home, Ports.free(), make_plan=_only(processes), environment=added)
        else:
            stack = Stack(home, Ports.free(), environment=added)
        try:
            stack.up()
            yield stack
        finally:
            stack.drop()
    finally:
        shutil.rmtree(home.path, ignore_errors=True)


SHARE = 100_000_000
"""Filings' numbers that each benchmark has to itself; a phone number is made of each."""


class Lines(ExitStack):
    """Whole lines for the benchmarks: each has its own, or all share one, which saves the starts."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        self._shared = shared
        self._lines: dict[tuple[str, ...], Stack] = {}
        self._given = 0

    @contextmanager
    def of(self, name: str, *processes: str) -> Iterator[tuple[Stack, int]]:
        """A line of these processes, or the whole, at its defaults, and the number to count filings from.
        Where the line is shared there are other processes beside."""
        with self._line(name, processes, () if self._shared else processes) as given:
            yield given

    @contextmanager
    def only(self, name: str, *processes: str) -> Iterator[tuple[Stack, int]]:
        """As `of`, but with these processes and no others; shared with those who want just the same."""
        with self._line(name, processes, processes) as given:
            yield given

    @contextmanager
    def _line(
        self, name: str, processes: tuple[str, ...], shared: tuple[str, ...]
    ) -> Iterator[tuple[Stack, int]]:
        first, self._given = self._given, self._given + SHARE
        if not self._shared:
            with line(name, *processes) as stack:
                yield stack, first
            return
        if shared not in self._lines:
            named = "-".join(("shared", *shared))
            self._lines[shared] = self.enter_context(line(named, *shared))
        yield self._lines[shared], first


def _only(names: tuple[str, ...]) -> Callable[[Home, Ports, Tools], Plan]:
    def make(home: Home, ports: Ports, tools: Tools) -> Plan:
        full = whole(home, ports, tools)
        wanted = {"kafka", "mongod", *names}
        return replace(full, processes=[p for p in full.processes if p.name in wanted])

    return make
