"""The clock with a million armed cases: what it fires a second, how late, what it arms, how big it is, and
how long an old case takes to explain.

*Fired* is a case that is claimed by the guarded write with its outbox, published, acknowledged and trimmed.
Ours is the real process with all buckets; the bare loop fires as many cases of the same collection, in
buckets that ours does not know.

*Late* is a record that Kafka's own stamp (the topic stamps at the append) says came so long after the due
instant, which the record carries: from idle to due to look to write to publish, with nothing taken off. All
is armed beforehand, so the loop knows the next instant and sleeps until then, never beyond one; what passes
between the due instant and the append is therefore all beyond the sleep, and the same delay is held against
both goals.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import click
import uvloop

from services.bench import arming, children, explaining, lateness
from services.bench.armed import Armed, Document
from services.bench.figures import Figure, against, limited, plain
from services.bench.ground import Lines, Say, Scale
from services.bench.processes import resident_bytes
from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.due import BUCKETS
from services.kernel.adapters.kafka import Publisher, create_topics

BARE_TOPIC = "bench.timers"
SCHEDULED = "bench-apscheduler"
MEMORY_MB = 250
LATE_MS = 700
LATE_AWAKE_MS = 250
SPREAD = timedelta(seconds=1)
"""Over which those fall due that are fired as fast as can be."""
MB = 1e6


def measure(lines: Lines, scale: Scale, say: Say) -> list[Figure]:
    """Needs APScheduler, which only the developers' set-up brings."""
    if importlib.util.find_spec("apscheduler") is None:
        raise click.ClickException(
            "`bench sla` compares with APScheduler, which is not installed: "
            "run deploy/local/setup.py test, or pip install -r requirements-dev.lock"
        )
    with lines.only("sla", "routing", "sla") as (stack, first):
        figures = uvloop.run(_measure(stack, first, scale, say))
    return [*figures, *explaining.measure()]


@dataclass
class _Rates:
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    nothing: list[float] = field(default_factory=list)
    acts: list[float] = field(default_factory=list)


async def _measure(stack: Stack, first: int, scale: Scale, say: Say) -> list[Figure]:
    database = mongo.connect(stack.settings["SAMVAD_MONGO"], "samvad")
    publisher = Publisher(stack.settings["SAMVAD_KAFKA"], client_id="bench")
    try:
        examples = await arming.examples(stack, database, publisher, first)
        with _without(stack, "routing"):
            armed, bare = await arming.measure(
                stack, database, publisher, first + arming.EXAMPLES, scale, say
            )
            return [
                *await _timers(stack, database, examples, scale, say),
                against("armed by events", armed, bare, "cases/s", least=0.5),
            ]
    finally:
        await publisher.stop()
        mongo.close(database)


@contextmanager
def _without(stack: Stack, name: str) -> Iterator[None]:
    """Without a process that would take what the clock says."""
    stack.stop(name)
    try:
        yield
    finally:
        stack.start(name, wait=False)


async def _timers(
    stack: Stack, database: mongo.Database, examples: Sequence[Document], scale: Scale, say: Say
) -> list[Figure]:
    kafka = stack.settings["SAMVAD_KAFKA"]
    pid = stack.pid("sla")
    assert pid is not None
    await create_topics(kafka, {name: (12, {}) for name in (BARE_TOPIC, SCHEDULED)})
    armed = Armed(database, examples)
    stored = await armed.fill(scale.armed)
    sizes = [resident_bytes(pid)]
    say(f"sla: {scale.armed} armed, {stored:.0f} stored a second")
    rates = _Rates()
    for run in range(scale.runs):
        rates.ours.append(await armed.all_fired(await armed.due(scale.due, SPREAD)))
        sizes.append(resident_bytes(pid))
        rates.bare.append(await _bare(stack, armed, scale))
        for way, some, found in (
            ("nothing", scale.scheduled, rates.nothing),
            ("act", scale.scheduled_acts, rates.acts),
        ):
            found.append(await _scheduled(stack, database, examples, way, some, scale.armed))
        say(
            f"sla {run + 1}/{scale.runs}: {rates.ours[-1]:.0f}/s, bare {rates.bare[-1]:.0f}/s, "
            f"APScheduler {rates.nothing[-1]:.0f}/s doing nothing, {rates.acts[-1]:.0f}/s doing the same"
        )
    late = await lateness.measure(kafka, armed, scale.due_rate, scale.due_seconds)
    sizes.append(resident_bytes(pid))
    if stack.pid("sla") != pid:
        raise RuntimeError("the clock was started anew while it was measured")
    p99 = late.part(0.99)
    return [
        against("fired", rates.ours, rates.bare, "cases/s", least=0.6),
        against(
            "fired, over APScheduler that does the same", rates.ours, rates.acts, "cases/s", least=10
        ),
        against(
            "fired, over APScheduler that does nothing", rates.ours, rates.nothing, "cases/s", least=None
        ),
        limited("due to published, p99", p99, "ms", limit=LATE_MS, sense="≤"),
        limited("due to published beyond the sleep, p99", p99, "ms", limit=LATE_AWAKE_MS, sense="≤"),
        plain("due to published, p50", late.part(0.5), "ms"),
        plain("due to published, longest", late.part(1.0), "ms"),
        limited("memory of sla, all armed", max(sizes) / MB, "MB", limit=MEMORY_MB, sense="<"),
    ]


async def _bare(stack: Stack, armed: Armed, scale: Scale) -> float:
    async with AsyncExitStack() as exits:
        children.start(exits, stack, ("services.bench.bare_timers", BARE_TOPIC, str(BUCKETS)))
        return await armed.all_fired(await armed.due(scale.due, SPREAD, foreign=True))


async def _scheduled(
    stack: Stack,
    database: mongo.Database,
    examples: Sequence[Document],
    way: str,
    due: int,
    armed: int,
) -> float:
    """APScheduler with as many jobs armed and `due` due; jobs a second."""
    if way == "act":
        client = database.client
        other = client.get_database(SCHEDULED, write_concern=database.write_concern)
        await other["cases"].drop()
        await Armed(other, examples).due(due, SPREAD)
    async with AsyncExitStack() as exits:
        module = "services.bench.apscheduler_jobs"
        words = (module, way, SCHEDULED, str(armed), str(due))
        (process,) = await asyncio.to_thread(children.start, exits, stack, words)
        children.go(process)
        return due / float(await asyncio.to_thread(children.said, process))
