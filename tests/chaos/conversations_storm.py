"""What is done to the line while people talk to it: the chatbot killed again and again; in the long form
notify killed too, and Kafka away for a while."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from services.cli.stack import Stack
from tests.chaos.conversations_crowd import Crowd
from tests.chaos.faults import Say
from tests.chaos.lives import forget_the_dead

CONVERSATION = "conversation"
GROUP = f"samvad-{CONVERSATION}"
BOUND_SECONDS = 45.0
LOOK_SECONDS = 0.01
STUCK_SECONDS = 90.0
LEAST_WAITING = 5
"""So many must wait for an answer when it is killed: it has something in hand, or is about to."""
MESSAGES_EACH = 7
"""About so many a citizen writes."""


@dataclass(frozen=True)
class Form:
    """`kills` of the chatbot; `patient`: of so many of them Kafka is left to find out by itself, which takes
    it ten seconds. `kafka_away`: seconds. `over_seconds`: within which all begin."""

    citizens: int
    kills: int
    patient: int
    notify_kills: int
    kafka_away: float
    over_seconds: float


FORMS = {
    "short": Form(200, 3, 0, 0, 0.0, over_seconds=6.0),
    "long": Form(600, 12, 3, 1, 20.0, over_seconds=90.0),
}


@dataclass
class Damage:
    """`waiting`: how many were without an answer at each kill of the chatbot; `back`: seconds until it was
    ready again. `starts`: how often a process had to be started for it."""

    waiting: list[int] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    starts: Counter[str] = field(default_factory=Counter)


class Storm:
    def __init__(self, stack: Stack, crowd: Crowd, form: Form, chance: random.Random, say: Say) -> None:
        self._stack = stack
        self._crowd = crowd
        self._form = form
        self._chance = chance
        self._say = say
        self.damage = Damage()

    async def blow(self) -> None:
        """Each fault at a moment of chance, in a part of the talk of its own."""
        form = self._form
        faults: list[Callable[[], Awaitable[None]]] = [
            *[partial(self._kill, patient=False)] * (form.kills - form.patient),
            *[partial(self._kill, patient=True)] * form.patient,
            *[self._kill_notify] * form.notify_kills,
        ]
        if form.kafka_away:
            faults.append(self._without_kafka)
        self._chance.shuffle(faults)
        whole = len(self._crowd.citizens) * MESSAGES_EACH
        part = whole * 0.85 / len(faults)
        for number, fault in enumerate(faults):
            await self._moved(part * (number + self._chance.uniform(0.1, 0.9)))
            await fault()

    async def _moved(self, count: float) -> None:
        """Wait until so many messages are answered, and enough are not."""
        end = asyncio.get_running_loop().time() + STUCK_SECONDS
        while self._crowd.moved < count or self._crowd.waiting < LEAST_WAITING:
            assert asyncio.get_running_loop().time() < end, f"stuck after {self._crowd.moved} answers"
            await asyncio.sleep(LOOK_SECONDS)

    async def _kill(self, *, patient: bool) -> None:
        self.damage.waiting.append(self._crowd.waiting)
        began = asyncio.get_running_loop().time()
        old = await asyncio.to_thread(self._stack.kill, CONVERSATION)
        self.damage.starts[CONVERSATION] += 1
        if not patient:
            await forget_the_dead(self._stack.settings["SAMVAD_KAFKA"], GROUP)
        await asyncio.to_thread(self._stack.wait_restarted, CONVERSATION, old, BOUND_SECONDS)
        self.damage.back.append(asyncio.get_running_loop().time() - began)
        self._say(
            f"the chatbot is killed while {self.damage.waiting[-1]} wait for an answer, "
            f"ready after {self.damage.back[-1]:.1f} s"
        )

    async def _kill_notify(self) -> None:
        old = await asyncio.to_thread(self._stack.kill, "notify")
        self.damage.starts["notify"] += 1
        await asyncio.to_thread(self._stack.wait_restarted, "notify", old, BOUND_SECONDS)
        self._say("notify is killed and ready again")

    async def _without_kafka(self) -> None:
        await asyncio.to_thread(self._stack.stop, "kafka")
        self.damage.starts["kafka"] += 1
        try:
            await asyncio.sleep(self._form.kafka_away)
        finally:
            await asyncio.to_thread(self._stack.start, "kafka", seconds=BOUND_SECONDS)
        self._say(f"kafka was away for {self._form.kafka_away:.0f} s")
