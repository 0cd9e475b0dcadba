"""Sending: messages a second, how long after the 202 the provider is called, and whether a provider that
hangs holds up another.

*Sent* is a message that is found due, composed from its case's receipt, claimed, handed to the provider and
concluded: ours by notify's own senders, driven by the kernel's loop; the bare loop's as `bare_notify` says,
in bulks of the sizes that ours had. Both call a provider of the benchmark's own, which answers after 20 ms.
The goal is held against httpx, which looks through all its connections at every call; the same loop with
aiohttp, which ours is built on, tells what our layers cost.

*Called* of one of two providers is counted from when the message lies due in the store, at a steady rate for
each of them, while the other answers and while it hangs.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import orjson
import uvloop

from services.bench import children, latency
from services.bench.book import write_short_book
from services.bench.figures import Figure, against, limited, plain
from services.bench.ground import Lines, Say, Scale, line, until
from services.bench.latency import part
from services.bench.notify_messages import (
    WEB,
    WHATSAPP,
    Provider,
    lay,
    plan,
    provider,
    shape_of_one,
)
from services.bench.notify_sender import WAITING
from services.bench.processes import pids_of
from services.bench.wire import Http
from services.cli.stack import Home, Stack
from services.kernel.adapters import mongo
from services.kernel.contracts.notices import COLLECTION

LEAST = 0.7
P99_MS = 150.0
MOST_CHANGED = 1.2
STORES = {"kafka", "mongod"}
QUEUE = "whatsapp"
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.02
"""Seconds between two looks whether all is sent."""
HANGS, ANSWERS = "/hanging", "/sms"


def measure(lines: Lines, scale: Scale, say: Say) -> list[Figure]:
    """The whole line first, with one message a case; then, on its store, sending alone."""
    book = write_short_book(Home.from_environment().path / "bench" / "book")
    with line("notify", environment={"SAMVAD_NOTIFY_BOOK": str(book)}) as stack:
        told = uvloop.run(latency.tell(stack, 0, scale, say))
        for name in pids_of(stack).keys() - STORES:
            stack.stop(name)
        first = scale.warm + scale.rate * scale.seconds
        sent, held_up = uvloop.run(_measure(stack, first, scale, say))
    return [
        *sent,
        limited(
            f"202 to provider, {scale.rate} cases/s, one message, p99",
            part(told.delays, 0.99),
            "ms",
            limit=P99_MS,
            sense="≤",
        ),
        plain("202 to provider, one message, p50", part(told.delays, 0.5), "ms"),
        *held_up,
    ]


async def _measure(
    stack: Stack, first: int, scale: Scale, say: Say
) -> tuple[list[Figure], list[Figure]]:
    async with AsyncExitStack() as exits:
        database = mongo.connect(stack.settings["SAMVAD_MONGO"], "samvad")
        exits.callback(mongo.close, database)
        by_whatsapp = await plan(stack, database, first, scale.sent, WHATSAPP)
        ground = Ground(stack, database, await provider(exits, stack))
        exits.callback(ground.http.close)
        sent = await _sent(ground, by_whatsapp, scale, say)
        steady = scale.steady_rate * scale.steady_seconds
        by_sms = await plan(stack, database, first + scale.sent, steady, WEB)
        await lay(database, WAITING, [*by_whatsapp[:steady], *by_sms])
        return sent, await _held_up(ground, scale, min(steady, scale.sent), say)


@dataclass
class Ground:
    """What the turns stand on: the store, and the provider with a client to ask it."""

    stack: Stack
    database: mongo.Database
    provider: Provider
    http: Http = field(init=False)

    def __post_init__(self) -> None:
        self.http = Http(int(self.provider.url.rpartition(":")[2]))

    async def called(self) -> list[tuple[str, float]]:
        """Key and Unix time of the calls since this was last asked."""
        return [(key, at) for key, at in (await self.http.get("/called")).json]


# ---------------------------------------------------------------- messages a second


@dataclass(frozen=True)
class Turn:
    """Messages a second; how many there were to a claim and to a bulk of outcomes."""

    rate: float
    claimed: float
    concluded: float


async def _sent(
    ground: Ground, documents: Sequence[mongo.Document], scale: Scale, say: Say
) -> list[Figure]:
    ours: list[Turn] = []
    bare: dict[str, list[float]] = {"httpx": [], "aiohttp": []}
    url = ground.provider.url
    our_words = ("services.bench.notify_sender", url, ANSWERS)
    await _all_sent(ground, documents[: scale.warm], our_words)
    shape = await shape_of_one(ground.database)
    body = (await ground.http.get("/body")).json
    await ground.database["example"].insert_one({"_id": 1, "body": body})
    for run in range(scale.runs):
        ours.append(await _all_sent(ground, documents, our_words))
        sizes = (str(round(ours[-1].claimed)), str(round(ours[-1].concluded)))
        for client, rates in bare.items():
            words = ("services.bench.bare_notify", client, url, *sizes)
            rates.append((await _all_sent(ground, documents, words)).rate)
            if await shape_of_one(ground.database) != shape:
                raise RuntimeError("the bare loop does not write what ours writes")
        say(
            f"notify {run + 1}/{scale.runs}: {ours[-1].rate:.0f}/s, bare {bare['httpx'][-1]:.0f}/s, "
            f"with aiohttp {bare['aiohttp'][-1]:.0f}/s"
        )
    rates = [turn.rate for turn in ours]
    return [
        against("messages sent", rates, bare["httpx"], "messages/s", least=LEAST),
        against(
            "messages sent, over bare aiohttp", rates, bare["aiohttp"], "messages/s", least=None
        ),
        plain("messages to a claim", statistics.median(t.claimed for t in ours), "messages"),
        plain("outcomes to a write", statistics.median(t.concluded for t in ours), "messages"),
    ]


async def _all_sent(
    ground: Ground, documents: Sequence[mongo.Document], words: tuple[str, ...]
) -> Turn:
    """One process sends them all. Raises RuntimeError when it does not, or sends any twice."""
    messages = ground.database[COLLECTION]
    await lay(ground.database, COLLECTION, documents)
    due = {"queue": QUEUE, "next_at": {"$exists": True}}

    async def done() -> bool:
        return await messages.find_one(due, {"_id": 1}) is None

    commands, updates = await _written(ground.database)
    async with AsyncExitStack() as exits:
        await asyncio.to_thread(children.start, exits, ground.stack, words)
        began = time.perf_counter()
        await until(done, "what is due is not sent", within=PATIENCE_SECONDS, every=LOOK_SECONDS)
        seconds = time.perf_counter() - began
    more_commands, more_updates = await _written(ground.database)
    calls = Counter(key for key, _ in await ground.called())
    if calls != Counter(document["_id"] for document in documents):
        raise RuntimeError("not every message was sent once")
    count = len(documents)
    claims = more_updates - updates - count  # an outcome each is the rest
    writes = more_commands - commands - claims
    return Turn(count / seconds, count / claims, count / writes)


async def _written(database: mongo.Database) -> tuple[int, int]:
    """How many commands that update there were so far, and how many updates in them; nobody else writes."""
    status = await database.command("serverStatus")
    return status["metrics"]["commands"]["update"]["total"], status["opcounters"]["update"]


# ---------------------------------------------------------------- a provider that hangs


async def _held_up(ground: Ground, scale: Scale, count: int, say: Say) -> list[Figure]:
    """`count`: messages to each provider in a turn."""
    usual: list[float] = []
    hanging: list[float] = []
    for run in range(scale.runs):
        usual.append(part(await _delays(ground, ANSWERS, scale.steady_rate, count), 0.99))
        hanging.append(part(await _delays(ground, HANGS, scale.steady_rate, count), 0.99))
        say(
            f"notify {run + 1}/{scale.runs}: due to called p99 {usual[-1]:.0f} ms, "
            f"{hanging[-1]:.0f} ms while the other hangs"
        )
    found = against(
        "due to called, p99, while another provider hangs", hanging, usual, "ms", least=None
    )
    assert found.ratio is not None
    return [replace(found, goal=f"ratio ≤ {MOST_CHANGED:g}", met=found.ratio <= MOST_CHANGED)]


async def _delays(ground: Ground, sms: str, rate: int, count: int) -> list[float]:
    """Milliseconds of each WhatsApp message from when it was due to its call, shortest first."""
    await lay(ground.database, COLLECTION, ())
    called: dict[str, float] = {}
    async with AsyncExitStack() as exits:
        words = ("services.bench.notify_sender", ground.provider.url, sms, str(rate), str(count))
        (child,) = await asyncio.to_thread(children.start, exits, ground.stack, words)
        due: dict[str, float] = orjson.loads(await asyncio.to_thread(children.said, child))

        async def all_called() -> bool:
            called.update(await ground.called())
            return due.keys() <= called.keys()

        await until(
            all_called, "not all that is due is sent", within=PATIENCE_SECONDS, every=LOOK_SECONDS
        )
    # it may be taken up before the store has told whoever laid it there: that is no delay
    return sorted(max(0.0, called[key] - at) * 1000 for key, at in due.items())
