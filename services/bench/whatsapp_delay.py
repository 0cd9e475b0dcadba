"""From a webhook's body to the chatbot's answer at the provider, in the midst of conversations.

As many citizens as messages a second, each of whom writes once a second, so that at any moment every step
of a conversation is being taken; whoever has filed his case is followed by a new one. Open loop: nobody
waits for his answer. It is counted from before the body is sent to the webhook until the stand-in takes the
reply's request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from services.bench.figures import Figure, limited, plain
from services.bench.ground import Say, Scale
from services.bench.latency import part
from services.bench.processes import cost
from services.bench.whatsapp_talk import PATH, STEPS, Said, body, signed
from services.bench.wire import Http
from services.cli.stack import Stack
from services.intake.whatsapp.conversation.core.memory import reply_key

P99_MS = 300.0
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.2
COSTLY = ("intake-whatsapp", "conversation", "notify", "standins", "mongod", "kafka")
MOST_TAKEN = 10_000
"""Messages that the stand-in tells of at once."""


@dataclass(frozen=True)
class Schedule:
    """`together` citizens, numbered from `first`, write once a second for so many seconds, those at their
    beginning, while not all have begun, not counted."""

    first: int
    together: int
    warm: int
    counted: int

    @property
    def seconds(self) -> int:
        return len(STEPS) + self.warm + self.counted

    def said(self, second: int, place: int) -> Said | None:
        """Who writes in a second as the `place`-th; at the beginning a place may be empty yet."""
        begun = second - place % len(STEPS)
        if begun < 0:
            return None
        round_, step = divmod(begun, len(STEPS))
        return Said(self.first + round_ * self.together + place, step)

    def counts(self, second: int) -> bool:
        return second >= self.seconds - self.counted


async def measure(stack: Stack, first: int, scale: Scale, say: Say) -> list[Figure]:
    """On a whole line that does nothing else."""
    schedule = Schedule(first, scale.rate, max(1, scale.warm // scale.rate), scale.seconds)
    load = Load(stack, schedule)
    began, before = datetime.now(UTC), cost(stack)
    try:
        await load.run()
        answered = await load.answered(began)
    finally:
        load.close()
    spent = cost(stack).since(before)
    delays = sorted((answered[key] - at) * 1000 for key, at in load.written.items())
    waits = sorted(wait * 1000 for wait in load.waits)
    say(f"whatsapp: {len(delays)} answers, p50 {part(delays, 0.5):.0f} ms, p99 {part(delays, 0.99):.0f} ms")
    told = f"webhook to reply, {scale.rate} messages/s"
    return [
        limited(f"{told}, p99", part(delays, 0.99), "ms", limit=P99_MS, sense="≤"),
        plain(f"{told}, p50", part(delays, 0.5), "ms"),
        plain(f"{told}, longest", delays[-1], "ms"),
        plain("webhook request to 200, p50", part(waits, 0.5), "ms"),
        plain("webhook request to 200, p99", part(waits, 0.99), "ms"),
        plain("a message and its answer: all processes", _each(spent, load), "core-ms"),
        *(
            plain(f"a message and its answer: {name}", _each({name: spent[name]}, load), "core-ms")
            for name in COSTLY
        ),
    ]


def _each(seconds: Mapping[str, float], load: Load) -> float:
    return sum(seconds.values()) / load.sent * 1000


class Load:
    """Sends what the schedule says. `sent`: how many messages that were. `written`: of each that counts when
    it was sent (Unix time), by the key of its answer; `waits`: seconds to the webhook's 200."""

    def __init__(self, stack: Stack, schedule: Schedule) -> None:
        self._schedule = schedule
        self._webhook = Http(stack.ports["intake-whatsapp"])
        self._standins = Http(stack.ports["standins"])
        self.sent = 0
        self.written: dict[str, float] = {}
        self.waits: list[float] = []

    def close(self) -> None:
        self._webhook.close()
        self._standins.close()

    async def run(self) -> None:
        """Returns when every message has its 200. Raises RuntimeError for another answer."""
        schedule = self._schedule
        began = time.perf_counter()
        tasks: list[asyncio.Task[None]] = []
        for number in range(schedule.seconds * schedule.together):
            due = began + number / schedule.together
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            second, place = divmod(number, schedule.together)
            said = schedule.said(second, place)
            if said is not None:
                tasks.append(asyncio.create_task(self._write(said, schedule.counts(second))))
        self.sent = len(tasks)
        await asyncio.gather(*tasks)

    async def _write(self, said: Said, counts: bool) -> None:
        at = time.time()
        if counts:
            self.written[reply_key(said.id, 0)] = at
        if said.step == 0:
            await self._begin(said, at)
            return
        raw = body([said], at)
        answer = await self._webhook.post(PATH, raw, signed(raw))
        if answer.status != 200:
            raise RuntimeError(f"the webhook answered {answer.status}: {answer.body[:200]!r}")
        if counts:
            self.waits.append(time.time() - at)

    async def _begin(self, said: Said, at: float) -> None:
        """A person's first words go through the stand-in, which sends them on: it takes no reply to somebody
        who has not written."""
        told = orjson.dumps({"item": said.item(at), "contact": said.contact})
        answer = await self._standins.post("/api/inbound", told)
        if answer.status != 202:
            raise RuntimeError(f"the stand-in answered {answer.status}: {answer.body[:200]!r}")

    async def answered(self, since: datetime) -> Mapping[str, float]:
        """When the stand-in was asked to deliver each answer, by its key. Raises RuntimeError when one does
        not come."""
        end = time.monotonic() + PATIENCE_SECONDS
        asked = since.isoformat().replace("+", "%2B")
        while True:
            answer = await self._standins.get(
                f"/api/messages?limit={MOST_TAKEN}&provider=whatsapp&since={asked}"
            )
            taken = {
                message["key"].partition(":")[0]: datetime.fromisoformat(message["at"]).timestamp()
                for message in reversed(answer.json["messages"])
            }
            if self.written.keys() <= taken.keys():
                return taken
            if time.monotonic() > end:
                left = len(self.written.keys() - taken.keys())
                raise RuntimeError(f"{left} of {len(self.written)} messages were not answered")
            await asyncio.sleep(LOOK_SECONDS)
