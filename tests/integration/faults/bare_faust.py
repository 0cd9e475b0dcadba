"""A control: faust as its own documentation has it, with nothing around it. What it does is told on stdout.

    bare_faust.py <broker> <name>

Four agents of one application, each on a topic of its own, `<name>.<agent>`, with one partition. Each is
given the numbers from 0 and says `<agent> <number>` of what it has handled.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from typing import Any

import faust

BAD = 3
BROKER, NAME = sys.argv[1:]

app = faust.App(
    NAME,
    broker=f"kafka://{BROKER}",
    store="memory://",
    datadir=tempfile.mkdtemp(),
    autodiscover=False,
    web_enabled=False,
    topic_disable_leader=True,
    topic_allow_declare=False,
    consumer_auto_offset_reset="earliest",
    broker_commit_interval=0.2,
)
failed: set[str] = set()


def say(agent: str, *numbers: int) -> None:
    for number in numbers:
        print(agent, number, flush=True)


def fail_once(agent: str) -> None:
    """What failed goes through when it is tried again, if ever it is."""
    if agent not in failed:
        failed.add(agent)
        raise ZeroDivisionError


async def raising(stream: Any) -> None:
    """Row 1: a handler that raises."""
    async for number in stream:
        if number == BAD:
            fail_once("raising")
        say("raising", number)


async def taking(stream: Any) -> None:
    """Row 2: a handler of batches that raises."""
    async for numbers in stream.take(5, within=1.0):
        if BAD in numbers:
            fail_once("taking")
        say("taking", *numbers)


async def decoding(stream: Any) -> None:
    """Row 3: bytes that are no JSON, or not of the type."""
    async for number in stream:
        say("decoding", number)


async def hurrying(stream: Any) -> None:
    """Row 5: the head of the partition takes its time, the tail does not."""
    async for number in stream:
        if number == 0:
            await asyncio.Event().wait()
        say("hurrying", number)


for agent, concurrency in ((raising, 1), (taking, 1), (decoding, 1), (hurrying, 2)):
    topic = app.topic(f"{NAME}.{agent.__name__}", value_type=int)
    app.agent(topic, concurrency=concurrency)(agent)


async def main() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await app.start()
    await stopping.wait()


if __name__ == "__main__":
    asyncio.run(main())
