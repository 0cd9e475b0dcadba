"""Bodies a second of the WhatsApp webhook, against a bare FastAPI that checks the signature and appends.

A closed loop of signed bodies, each with one message of a person of his own; then bodies of 100 messages, as
they come after the provider could not reach us.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import uvloop

from services.bench.figures import Figure, against, plain
from services.bench.ground import Say, Scale
from services.bench.processes import processor_seconds
from services.bench.whatsapp_talk import PATH, STEPS, Said, body, signed
from services.bench.wire import Http
from services.cli.stack import Ports, Stack
from services.cli.stack.settings import PROJECT, listening_possible
from services.kernel.adapters.kafka import create_topics
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.topics import WHATSAPP_INBOUND

LEAST = 0.7
CONNECTIONS = 64
MANY = 100
"""Messages of a large body."""
BODIES_TO_A_LARGE_ONE = 20
TOPIC = "bench.webhook"
START_SECONDS = 30.0
Bodies = Sequence[tuple[bytes, bytes]]
"""Each with its header."""


@dataclass
class Webhook:
    """One of the two. `small`, `large`: bodies a second of each run; `cost`: core-ms of a small one."""

    port: int
    pid: int
    small: list[float] = field(default_factory=list)
    large: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)


def measure(stack: Stack, first: int, scale: Scale, say: Say) -> list[Figure]:
    """Ours and the bare one by turns, on the same Kafka."""
    uvloop.run(_topic(stack))
    port = Ports.free()["standins"]
    bare = _start_bare(stack, port)
    try:
        return uvloop.run(_measure(stack, first, Webhook(port, bare.pid), scale, say))
    finally:
        bare.terminate()
        bare.wait(10)


async def _topic(stack: Stack) -> None:
    ours = TOPICS[WHATSAPP_INBOUND]
    await create_topics(stack.settings["SAMVAD_KAFKA"], {TOPIC: (ours.partitions, ours.configs)})


def _start_bare(stack: Stack, port: int) -> subprocess.Popen[bytes]:
    kafka = stack.settings["SAMVAD_KAFKA"]
    words = ("services.bench.bare_webhook", str(port), kafka, TOPIC)
    bare = subprocess.Popen([sys.executable, "-m", *words], cwd=PROJECT)
    end = time.monotonic() + START_SECONDS
    while listening_possible(port):
        if bare.poll() is not None or time.monotonic() > end:
            raise RuntimeError("the bare webhook does not start")
        time.sleep(0.05)
    return bare


async def _measure(
    stack: Stack, first: int, bare: Webhook, scale: Scale, say: Say
) -> list[Figure]:
    pid = stack.pid("intake-whatsapp")
    assert pid is not None
    ours = Webhook(stack.ports["intake-whatsapp"], pid)
    people = iter(range(first, 2**62))
    large = max(1, scale.intake // BODIES_TO_A_LARGE_ONE)
    for which in (ours, bare):
        await _post(which, _bodies(people, scale.warm, 1))
        await _post(which, _bodies(people, 2, MANY))
    for run in range(scale.runs):
        for which in (ours, bare):
            small = _bodies(people, scale.intake, 1)
            before = processor_seconds(which.pid)
            which.small.append(await _post(which, small))
            spent = processor_seconds(which.pid) - before
            which.cost.append(spent / scale.intake * 1000)
            which.large.append(await _post(which, _bodies(people, large, MANY)))
        say(
            f"webhook {run + 1}/{scale.runs}: {ours.small[-1]:.0f}/s, bare {bare.small[-1]:.0f}/s; of "
            f"{MANY} messages {ours.large[-1]:.0f}/s, bare {bare.large[-1]:.0f}/s"
        )
    return [
        against("webhook accepted", ours.small, bare.small, "bodies/s", least=LEAST),
        plain("webhook core time", statistics.median(ours.cost), "core-ms/body"),
        plain("bare webhook core time", statistics.median(bare.cost), "core-ms/body"),
        against(
            f"webhook accepted, {MANY} messages a body",
            [rate * MANY for rate in ours.large],
            [rate * MANY for rate in bare.large],
            "messages/s",
            least=None,
        ),
    ]


def _bodies(people: Iterator[int], count: int, messages: int) -> Bodies:
    """`count` bodies of so many messages, each of a person of his own who tells his story."""
    at, story = time.time(), STEPS.index("story")
    raws = [body([Said(next(people), story) for _ in range(messages)], at) for _ in range(count)]
    return [(raw, signed(raw)) for raw in raws]


async def _post(webhook: Webhook, bodies: Bodies) -> float:
    """Closed loop; bodies a second. Raises RuntimeError for another answer than 200."""
    http = Http(webhook.port)
    left = iter(bodies)

    async def one_after_another() -> None:
        for raw, header in left:
            answer = await http.post(PATH, raw, header)
            if answer.status != 200:
                raise RuntimeError(f"answered {answer.status}: {answer.body[:200]!r}")

    began = time.perf_counter()
    try:
        await asyncio.gather(*(one_after_another() for _ in range(CONNECTIONS)))
    finally:
        http.close()
    return len(bodies) / (time.perf_counter() - began)
