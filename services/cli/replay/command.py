"""`samvad replay`: every clock worked out again from the topic, into a database of its own, and compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from services.cli.line import ask, opened
from services.cli.replay.compare import Comparison
from services.cli.replay.lives import Fault, Life, Partition, Version, rows_of
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
MOST_SHOWN = 20
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_THE_SERVERS_OWN = frozenset({"admin", "config", "local"})


@click.command()
@click.option("--until", "written", help="As of this instant, with its zone; default: now.")
@click.option("--into", required=True, help="A database for the result; it must have no cases.")
@click.option("--ticket", "named", multiple=True, help="This case alone; may be given again.")
@click.option(
    "--compare/--no-compare",
    default=None,
    help="Against what was lived; default: unless --until is yet to come.",
)
def command(
    written: str | None, into: str, named: tuple[str, ...], compare: bool | None
) -> None:
    """Work out every clock again from the topic: targets, pauses, warnings, breaches, escalations.

    Nothing is published or sent. Exit 1 where it differs from what was lived, or cannot be worked out.
    """
    settings = Settings()
    now = system_clock(settings.clock_offset)()
    until = instant(written) if written else now
    if compare and until > now:
        raise click.ClickException("what is yet to come was not lived: use --no-compare")
    compare = until <= now if compare is None else compare
    only = {bare(ticket) for ticket in named} or None
    check_name(into, settings.database)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replaying", total=TOPICS[COMPLAINTS].partitions)

        def partition_done(cases: int) -> None:
            progress.update(task, advance=1, description=f"replaying: {cases} cases")

        done = ask(replay(settings, until, into, compare=compare, only=only, told=partition_done))
    for line in told(done, compare=compare):
        click.echo(line)
    if done.faults or done.comparison.differing:
        raise SystemExit(1)


def check_name(into: str, living: str) -> None:
    """Raises ClickException for a database that must not, or cannot, take the result."""
    # of two names that differ by capitals alone the server takes one
    if into.lower() == living.lower():
        raise click.ClickException(f"{into} is the living database: name another one")
    if _NAME.fullmatch(into) is None or into.lower() in _THE_SERVERS_OWN:
        raise click.ClickException(f"{into} is no name for a database of its own")


@dataclass
class Done:
    """What a replay came to. `unreadable`: records of the topic that no case can be told of."""

    cases: int = 0
    events: int = 0
    unreadable: int = 0
    faults: list[Fault] = field(default_factory=list)
    comparison: Comparison = field(default_factory=Comparison)


def told(done: Done, *, compare: bool) -> list[str]:
    """What is printed."""
    lines = [
        f"{done.cases} clocks, {done.events} events of theirs; {len(done.faults)} cases that cannot be "
        f"worked out, {done.unreadable} unreadable records"
    ]
    lines += [f"  {fault.ticket}: {fault.why}" for fault in done.faults[:MOST_SHOWN]]
    if not compare:
        return lines
    found = done.comparison
    same = found.cases - found.differing - found.behind
    rows = ", ".join(f"{count} {name}" for name, count in sorted(found.rows.items()))
    lines.append(f"as they were lived: {same} ({rows or 'nothing'})")
    if found.gone_on:
        lines.append(f"  of {found.gone_on} of them only the events: they have gone on since")
    if found.behind:
        lines.append(f"the living clock is behind, the same so far: {found.behind}")
    lines.append(f"different: {found.differing}")
    return [*lines, *(f"  {line}" for line in found.lines)]


async def replay(
    settings: Settings,
    until: datetime,
    into: str,
    *,
    compare: bool,
    only: Collection[str] | None = None,
    told: Callable[[int], None] = lambda cases: None,
) -> Done:
    """`told` hears after each partition how many cases are done. Raises Unavailable; ClickException where
    `into` is in use."""
    done = Done()
    async with opened(settings) as living, opened(settings, into) as result:
        async with mongo.store_errors():
            if await result[CASES].find_one({}, {"_id": 1}) is not None:
                raise click.ClickException(f"{into} has cases already: name an empty database")
        run = _Run(until, living, result, compare, RulesOf(DirectoryStore(living)), done)
        for number in range(TOPICS[COMPLAINTS].partitions):
            partition = Partition(only)
            async for record in read_whole(settings.kafka, COMPLAINTS, number):
                partition.take(record)
            done.unreadable += partition.foreign
            await run.fold(partition)
            told(done.cases)
    return done


@dataclass(frozen=True)
class _Run:
    until: datetime
    living: mongo.Database
    result: mongo.Database
    compare: bool
    rules: RulesOf
    done: Done

    async def fold(self, partition: Partition) -> None:
        versions: dict[Version, Rules] = {}
        for version in partition.versions():
            try:
                versions[version] = await self.rules.get(*version)
            except Unavailable:
                raise
            except Retry:
                continue  # told with each case that needs it
        batch: list[Life] = []
        for life in partition.lives(versions, self.until):
            if isinstance(life, Fault):
                self.done.faults.append(life)
                continue
            batch.append(life)
            if len(batch) == BATCH:
                await self._keep(batch)
                batch = []
        if batch:
            await self._keep(batch)

    async def _keep(self, lives: list[Life]) -> None:
        cases: dict[str, dict[str, Any]] = {}
        events: list[dict[str, Any]] = []
        for life in lives:
            cases[life.ticket] = fields_of(life.ticket, life.timer, life.rules.running(life.timer))
            events += [
                {"_id": f"{life.ticket}/sla/{n}", "ticket": life.ticket, **row}
                for n, row in enumerate(rows_of(life.announced), start=1)
            ]
        async with mongo.store_errors():
            await self.result[CASES].insert_many(
                [
                    {"_id": life.ticket, "sla": {**cases[life.ticket], "n": len(life.announced)}}
                    for life in lives
                ],
                ordered=False,
            )
            if events:
                await self.result[EVENTS].insert_many(events, ordered=False)
        self.done.cases += len(lives)
        self.done.events += len(events)
        if self.compare:
            await self._compare(lives, cases)

    async def _compare(self, lives: list[Life], cases: dict[str, dict[str, Any]]) -> None:
        async with mongo.store_errors():
            stored = await self.living[CASES].find(
                {"_id": {"$in": list(cases)}}, {"sla": 1, "case.n": 1, "notices.n": 1}
            ).to_list(None)
        by_ticket = {one["_id"]: one for one in stored}
        for life in lives:
            living = by_ticket.get(life.ticket)
            self.done.comparison.take(life, living, cases[life.ticket])
