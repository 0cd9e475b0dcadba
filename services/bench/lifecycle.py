"""Lives a second with few and with many cases stored, and what a case costs, process by process."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping

import uvloop

from services.bench import stored
from services.bench.book import write_short_book
from services.bench.figures import Figure, against, limited, plain
from services.bench.filing import file_over_http
from services.bench.ground import Lines, Say, Scale, line
from services.bench.lives import Lives
from services.bench.processes import Cost, cost
from services.bench.wire import Http
from services.cli.stack import Home, Stack

TOGETHER = 96
LIVES_A_SECOND = 150.0
HELD_AT_MANY = 0.9
SETTLED_SECONDS = 60.0
_NAMES = ("intake-web", "routing", "sla", "notify", "desk", "standins", "kafka", "mongod")


def measure(lines: Lines, scale: Scale, say: Say) -> list[Figure]:
    """One message a life first, with few and many stored; then the built-in set of messages."""
    book = write_short_book(Home.from_environment().path / "bench" / "book")
    with line("lifecycle", environment={"SAMVAD_NOTIFY_BOOK": str(book)}) as stack:
        figures = uvloop.run(_one_message(stack, scale, say))
    with lines.of("lifecycle-all") as (stack, first):
        return [*figures, *uvloop.run(_all_messages(stack, first, scale, say))]


async def _one_message(stack: Stack, scale: Scale, say: Say) -> list[Figure]:
    lives = Lives(stack, TOGETHER, 0)
    await _warm(lives, stack, scale)
    await stored.fill(stack, scale.few)
    few, whole = await _rates(lives, stack, scale, say, f"{scale.few} stored")
    filed = await _filing(stack, lives, scale)
    await stored.fill(stack, scale.many)
    many, _ = await _rates(lives, stack, scale, say, f"{scale.many} stored")
    return [
        limited(
            f"lives, {scale.few} stored, one message",
            statistics.median(few),
            "lives/s",
            limit=LIVES_A_SECOND,
            sense="≥",
        ),
        against(
            f"lives, {scale.many} stored ÷ {scale.few} stored", many, few, "lives/s", least=HELD_AT_MANY
        ),
        *_costs("a life", whole),
        *_costs("file, route, notify", filed),
    ]


async def _all_messages(stack: Stack, first: int, scale: Scale, say: Say) -> list[Figure]:
    lives = Lives(stack, TOGETHER, first)
    await _warm(lives, stack, scale)
    await stored.fill(stack, scale.few)
    rates, whole = await _rates(lives, stack, scale, say, "all messages")
    return [
        plain(
            f"lives, {scale.few} stored, built-in messages", statistics.median(rates), "lives/s"
        ),
        *_costs("a life, built-in messages", whole),
    ]


async def _warm(lives: Lives, stack: Stack, scale: Scale) -> None:
    """Code compiled, caches filled; a part of the cases stays open, as in a district."""
    await lives.live(scale.warm)
    await _file(stack, lives, scale.warm // 4)
    await settled(stack)


async def _rates(
    lives: Lives, stack: Stack, scale: Scale, say: Say, what: str
) -> tuple[list[float], dict[str, float]]:
    """Lives a second of every run, and core-milliseconds a life by process over all of them. One run before
    them is not counted: mongod writes to disk what was stored in one go, which no day brings."""
    rates: list[float] = []
    await lives.live(scale.lives)
    await settled(stack)
    before = cost(stack)
    for run in range(scale.runs):
        rates.append(await lives.live(scale.lives))
        say(f"lifecycle {run + 1}/{scale.runs}, {what}: {rates[-1]:.0f} lives/s")
        await settled(stack)
    return rates, _each(before, cost(stack), scale.runs * scale.lives)


async def _filing(stack: Stack, lives: Lives, scale: Scale) -> dict[str, float]:
    before = cost(stack)
    await _file(stack, lives, scale.filings)
    await settled(stack)
    return _each(before, cost(stack), scale.filings)


async def _file(stack: Stack, lives: Lives, count: int) -> None:
    first, lives.first = lives.first, lives.first + count
    await file_over_http(stack.ports["intake-web"], first, count, together=TOGETHER)


async def settled(stack: Stack) -> None:
    """Every worker has handled what was published, and every message was sent."""
    end = time.monotonic() + SETTLED_SECONDS
    calm = 0
    last: tuple[object, ...] | None = None
    http = Http(stack.ports["standins"])
    try:
        while calm < 3:
            if time.monotonic() > end:
                raise RuntimeError("the line does not settle")
            await asyncio.sleep(0.3)
            status = await asyncio.to_thread(stack.status)
            sent = (await http.get("/api/messages?limit=1")).json["messages"]
            now = (*(one.lag for one in status), *(message["id"] for message in sent))
            idle = all(not one.lag for one in status)
            calm = calm + 1 if idle and now == last else 0
            last = now
    finally:
        http.close()


def _each(before: Cost, after: Cost, cases: int) -> dict[str, float]:
    return {name: seconds / cases * 1000 for name, seconds in after.since(before).items()}


def _costs(of: str, each: Mapping[str, float]) -> list[Figure]:
    known = {name: each[name] for name in _NAMES if name in each}
    return [
        plain(f"{of}: all processes", sum(known.values()), "core-ms"),
        *(plain(f"{of}: {name}", value, "core-ms") for name, value in known.items()),
    ]
