"""`samvad replay`: every clock worked out again from the topic, into a database of its own, and compared."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import click
from rich.progress import Progress

from services.cli.replay.compare import Comparison
from services.cli.replay.lives import Fault, Life, Partition, rows_of
from services.cli.sla import instant
from services.cli.topic.command import bare
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import read_whole
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.errors import Retry, Unavailable
from services.kernel.domain.timer import Rules
from services.sla.adapters.armed import fields_of

EVENTS = "clock_events"
BATCH = 500
LATELY = timedelta(minutes=5)
"""An end farther back is compared by what was announced alone: the rooms have gone on since."""


@click.command()
@click.option("--until", "written", help="As of this instant, with its zone; default: now.")
@click.option("--into", required=True, help="A database for the result; it must have no cases.")
@click.option("--ticket", "named", multiple=True, help="This case alone; may be given again.")
@click.option("--compare/--no-compare", default=True, help="Against what was lived (default).")
def command(written: str | None, into: str, named: tuple[str, ...], compare: bool) -> None:
    """Work out every clock again from the topic: targets, pauses, warnings, breaches, escalations.

    Nothing is published or sent. Exit 1 where it differs from what was lived, or cannot be worked out.
    """
    settings = Settings()
    now = system_clock(settings.clock_offset)()
    until = instant(written) if written else now
    if into == settings.database:
        raise click.ClickException(f"{into} is the living database: name another one")
    only = {bare(ticket) for ticket in named} or None
    try:
        done = asyncio.run(replay(settings, until, into, compare=compare, now=now, only=only))
    except Unavailable as error:
        raise click.ClickException(f"{error}; is the line running? (samvad status)") from None
    click.echo(sentence(done, compare=compare))
    for line in done.comparison.lines:
        click.echo(f"  {line}")
    for fault in done.faults[:20]:
        click.echo(f"  {fault.ticket}: {fault.why}")
    if done.faults or done.comparison.differing:
        raise SystemExit(1)


class Done:
    """What a replay came to."""

    def __init__(self) -> None:
        self.cases = 0
        self.events = 0
        self.foreign = 0
        self.faults: list[Fault] = []
        self.comparison = Comparison()


def sentence(done: Done, *, compare: bool) -> str:
    said = f"{done.cases} clocks, {done.events} events of theirs, {len(done.faults)} faults"
    if not compare:
        return said
    found = done.comparison
    return f"{said}; {found.differing} differ from what was lived, {found.behind} were behind"


async def replay(
    settings: Settings,
    until: datetime,
    into: str,
    *,
    compare: bool,
    now: datetime,
    only: Collection[str] | None = None,
) -> Done:
    """Raises Unavailable; ClickException where `into` is in use."""
    done = Done()
    async with AsyncExitStack() as stack:
        living = mongo.connect(settings.mongo, settings.database)
        stack.callback(mongo.close, living)
        result = mongo.connect(settings.mongo, into)
        stack.callback(mongo.close, result)
        async with mongo.store_errors():
            if await result[CASES].find_one({}, {"_id": 1}) is not None:
                raise click.ClickException(f"{into} has cases already: name an empty database")
        rules = RulesOf(DirectoryStore(living))
        partitions = range(TOPICS[COMPLAINTS].partitions)
        with Progress(transient=True) as progress:
            task = progress.add_task("replaying", total=len(partitions))
            for number in partitions:
                partition = Partition(only)
                async for record in read_whole(settings.kafka, COMPLAINTS, number):
                    partition.take(record)
                done.foreign += partition.foreign
                await _fold(partition, rules, until, done, living if compare else None, result, now)
                progress.advance(task)
    return done


async def _fold(
    partition: Partition,
    rules: RulesOf,
    until: datetime,
    done: Done,
    living: mongo.Database | None,
    result: mongo.Database,
    now: datetime,
) -> None:
    versions: dict[tuple[str, int], Rules] = {}
    for version in partition.versions():
        try:
            versions[version] = await rules.get(*version)
        except Unavailable:
            raise
        except Retry:
            continue  # told with each case that needs it
    batch: list[Life] = []
    for life in partition.lives(versions, until):
        if isinstance(life, Fault):
            done.faults.append(life)
            continue
        batch.append(life)
        if len(batch) == BATCH:
            await _store(batch, done, living, result, lately=now - until < LATELY)
            batch = []
    await _store(batch, done, living, result, lately=now - until < LATELY)


async def _store(
    lives: list[Life],
    done: Done,
    living: mongo.Database | None,
    result: mongo.Database,
    *,
    lately: bool,
) -> None:
    if not lives:
        return
    cases: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for life in lives:
        running = life.rules.running(life.timer)
        fields = fields_of(life.ticket, life.timer, running)
        cases.append({"_id": life.ticket, "sla": {**fields, "n": len(life.announced)}})
        events += [
            {"_id": f"{life.ticket}/sla/{n}", "ticket": life.ticket, **row}
            for n, row in enumerate(rows_of(life.announced), start=1)
        ]
    async with mongo.store_errors():
        await result[CASES].insert_many(cases, ordered=False)
        if events:
            await result[EVENTS].insert_many(events, ordered=False)
    done.cases += len(cases)
    done.events += len(events)
    if living is None:
        return
    for life in lives:
        done.comparison.events_of(life)
    if lately:
        async with mongo.store_errors():
            stored = await living[CASES].find(
                {"_id": {"$in": [life.ticket for life in lives]}},
                {"sla": 1, "case.n": 1, "notices.n": 1},
            ).to_list(None)
            again = await result[CASES].find(
                {"_id": {"$in": [life.ticket for life in lives]}}, {"sla": 1}
            ).to_list(None)
        by_ticket = {one["_id"]: one for one in stored}
        for one in again:
            done.comparison.fields_of(one["_id"], by_ticket.get(one["_id"]), one["sla"])
