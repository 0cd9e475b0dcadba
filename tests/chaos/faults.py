"""What is done to the line, and how long each process takes to be ready again."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.cli.stack import Stack
from services.cli.stack.journal import Ended, Journal, Spawned
from services.cli.stack.probes import get
from tests.chaos.scale import Scale

WORKERS = ("routing", "sla", "notify")
SERVICES = ("intake-web", "desk", *WORKERS)
BOUND_SECONDS = 45.0
"""Within which every process must be ready again; Kafka keeps a dead worker's place for 10 of them."""
BETWEEN_SECONDS = 0.7
"""Between the faults of one wave, so that each strikes something that works."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Recovery:
    """`seconds` from the fault, or from the return of what was away, until `process` was ready again."""

    process: str
    after: str
    seconds: float


@dataclass
class Damage:
    """What was done. `starts`: how often the supervisor had to start each process for it."""

    recoveries: list[Recovery] = field(default_factory=list)
    killed_at: dict[str, list[datetime]] = field(default_factory=dict)
    starts: Counter[str] = field(default_factory=Counter)
    injected: int = 0


class Storm:
    """The waves. Each returns when every process is ready again.

    notify is killed early: what a crash leaves open is given up 40 s later, and the storm's end need not
    wait for it then.
    """

    def __init__(self, stack: Stack, scale: Scale, say: Say) -> None:
        self._stack = stack
        self._scale = scale
        self._say = say
        self._journal = Journal(stack.home.log_of("supervisord"))
        self.damage = Damage()

    @property
    def waves(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        return (self._workers_and_intake, self._workers_and_store, self._broker_and_desk)

    async def _workers_and_intake(self) -> None:
        await self._one_after_the_other("routing", "sla", "notify", "intake-web")

    async def _workers_and_store(self) -> None:
        """The store is killed and comes back, and stays away for a while after that; the workers, killed
        too, start without it."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._one_after_the_other("notify", "sla", "routing"))
            await asyncio.sleep(BETWEEN_SECONDS / 2)
            await self._kill("mongod")
            await self._away("mongod", self._scale.mongod_away)
        await self._all_well("mongod's return")

    async def _broker_and_desk(self) -> None:
        """The desk is killed while Kafka is away and must come back without it; the intake goes on
        giving numbers."""
        await self._away("kafka", self._scale.kafka_away, self._desk_and_intake_go_on)
        await self._all_well("kafka's return")

    async def _desk_and_intake_go_on(self) -> None:
        await asyncio.gather(self._kill("desk"), self._intake_goes_on())

    async def _away(
        self, name: str, seconds: float, meanwhile: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Stopped in good order, and started again after `seconds` and what is to happen meanwhile."""
        self._say(f"{name} is stopped for {seconds:.0f} s")
        self.damage.injected += 1
        self.damage.starts[name] += 1
        await asyncio.to_thread(self._stack.stop, name)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(asyncio.sleep(seconds))
                if meanwhile is not None:
                    await meanwhile()
        finally:
            begun = time.monotonic()
            await asyncio.to_thread(self._stack.start, name, seconds=BOUND_SECONDS)
        self._note(name, "its start", begun)

    async def _intake_goes_on(self) -> None:
        """It is ready without Kafka, and says that Kafka is away."""
        wanted = {"ready": True, "checks": {"mongo": True, "kafka": False}}
        end = time.monotonic() + BOUND_SECONDS
        while True:
            status, body = await asyncio.to_thread(
                get, self._stack.ports["intake-web"], "/health/ready"
            )
            if status == 200 and json.loads(body) == wanted:
                return
            assert time.monotonic() < end, f"the intake without Kafka: {status} {body}"
            await asyncio.sleep(0.1)

    async def _one_after_the_other(self, *names: str) -> None:
        async with asyncio.TaskGroup() as kills:
            for name in names:
                kills.create_task(self._kill(name))
                await asyncio.sleep(BETWEEN_SECONDS)

    async def _kill(self, name: str) -> None:
        old = await asyncio.to_thread(self._stack.kill, name)
        begun = time.monotonic()
        self.damage.killed_at.setdefault(name, []).append(datetime.now(UTC))
        self.damage.injected += 1
        self.damage.starts[name] += 1
        self._say(f"{name} is killed")
        await asyncio.to_thread(self._stack.wait_restarted, name, old, BOUND_SECONDS)
        self._note(name, "kill -9", begun)

    async def _all_well(self, after: str) -> None:
        begun = time.monotonic()
        async with asyncio.TaskGroup() as looks:
            for name in SERVICES:
                looks.create_task(self._well(name, after, begun))

    async def _well(self, name: str, after: str, begun: float) -> None:
        """Ready, and content with everything that it depends on."""
        while True:
            status, body = await asyncio.to_thread(get, self._stack.ports[name], "/health/ready")
            if status == 200 and all(json.loads(body)["checks"].values()):
                self._note(name, after, begun)
                return
            assert time.monotonic() - begun < BOUND_SECONDS, f"{name} after {after}: {status} {body}"
            await asyncio.sleep(0.1)

    def _note(self, process: str, after: str, begun: float) -> None:
        recovery = Recovery(process, after, time.monotonic() - begun)
        self.damage.recoveries.append(recovery)
        self._say(f"{process} is ready {recovery.seconds:.1f} s after {after}")

    def strange_ends(self) -> list[str]:
        """Starts and ends of processes that are not our doing, by the supervisor's own log."""
        spawned: Counter[str] = Counter()
        strange: list[str] = []
        for event in self._journal.new():
            if isinstance(event, Spawned):
                spawned[event.name] += 1
            elif isinstance(event, Ended) and not event.asked and event.how != "terminated by SIGKILL":
                strange.append(f"{event.name} ended by itself: {event.how}")
        for name in {*spawned, *self.damage.starts}:
            if spawned[name] != self.damage.starts[name]:
                starts = f"{spawned[name]} starts for {self.damage.starts[name]} faults"
                strange.append(f"{name}: {starts}")
        return strange
