"""From the 202 to the provider's being called, at a steady rate of arrivals."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import uvloop

from services.bench import people
from services.bench.figures import Figure, limited, plain
from services.bench.ground import Lines, Say, Scale
from services.bench.lifecycle import settled
from services.bench.wire import Http
from services.cli.stack import Stack

P50_MS = 50.0
P99_MS = 150.0
_TICKET = re.compile(r"\d{10}")
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Told:
    """Milliseconds of each case, shortest first. `delays`: from the 202 to the provider's being called;
    `waits`: from the request to the 202."""

    delays: list[float]
    waits: list[float]


def measure(lines: Lines, scale: Scale, say: Say) -> list[Figure]:
    """With all messages of the built-in book."""
    with lines.of("latency") as (stack, first):
        told = uvloop.run(tell(stack, first, scale, say))
    return [
        limited("202 to provider, p50", part(told.delays, 0.5), "ms", limit=P50_MS, sense="≤"),
        limited("202 to provider, p99", part(told.delays, 0.99), "ms", limit=P99_MS, sense="≤"),
        plain("202 to provider, longest", told.delays[-1], "ms"),
        plain("request to 202, p50", part(told.waits, 0.5), "ms"),
        plain("request to 202, p99", part(told.waits, 0.99), "ms"),
    ]


async def tell(stack: Stack, first: int, scale: Scale, say: Say) -> Told:
    """Open loop: a case every 1/rate seconds whether or not the earlier ones are done."""
    web = Http(stack.ports["intake-web"])
    answered: dict[str, float] = {}
    waits: list[float] = []

    async def file(number: int) -> None:
        began = time.perf_counter()
        answer = await web.post("/api/v1/cases", people.filing(number))
        waits.append(time.perf_counter() - began)
        now = time.time()
        if answer.status != 202:
            raise RuntimeError(f"answered {answer.status}: {answer.body[:200]!r}")
        answered[answer.json["ticket"]] = now

    async def at_a_rate(start: int, count: int) -> None:
        began = time.perf_counter()
        tasks = []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / scale.rate - time.perf_counter()))
            tasks.append(asyncio.create_task(file(start + number)))
        await asyncio.gather(*tasks)

    await at_a_rate(first, scale.warm)
    await settled(stack)
    answered.clear()
    waits.clear()
    await at_a_rate(first + scale.warm, scale.rate * scale.seconds)
    called = await _called(stack, set(answered))
    web.close()
    say(f"latency: {len(answered)} cases told of")
    # the provider may be called before the citizen has read his answer: that is no wait
    delays = sorted(max(0.0, called[t] - at) * 1000 for t, at in answered.items())
    return Told(delays, sorted(wait * 1000 for wait in waits))


async def _called(stack: Stack, tickets: set[str]) -> dict[str, float]:
    """When the stand-in of the provider was first called about each of `tickets`, as a Unix time."""
    http = Http(stack.ports["standins"])
    end = time.monotonic() + PATIENCE_SECONDS
    try:
        while True:
            answer = await http.get("/api/messages?limit=10000&provider=sms")
            first: dict[str, float] = {}
            for message in answer.json["messages"]:
                for ticket in _TICKET.findall(message["text"]):
                    at = datetime.fromisoformat(message["at"]).timestamp()
                    first.setdefault(ticket, at)
            if tickets <= first.keys():
                return first
            if time.monotonic() > end:
                raise RuntimeError(f"{len(tickets - first.keys())} citizens were not told")
            await asyncio.sleep(0.2)
    finally:
        http.close()


def part(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
