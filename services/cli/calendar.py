"""`samvad calendar preview|apply FILE`: a holiday declared late, and what it does to open cases."""

from __future__ import annotations

import asyncio
import json
import time
import unicodedata
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from services.cli.directory import FILE, put, read
from services.cli.line import ask, opened
from services.kernel.adapters import mongo, parking
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.clock import Clock, system_clock
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.recalculation import (
    ANY_VERSION,
    LONGEST_CAUSE,
    Recalculation,
    Recalculations,
    behind,
)
from services.kernel.adapters.recalculation_preview import (
    Listed,
    Preview,
    as_object,
    changed,
    stored_clocks,
)
from services.kernel.adapters.recalculation_preview import preview as previewed
from services.kernel.adapters.settings import Settings
from services.kernel.domain import tickets
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Unknown

T = TypeVar("T")
SHOWN = 50
MOST_IN_JSON = 10_000
LOOK_SECONDS = 1.0
NOBODY_SECONDS = 10.0
"""After so long without a clock that moves it is said that the worker does not seem to run."""


@click.group()
def group() -> None:
    """See and apply what another calendar does to the clocks of open cases."""


@group.command()
@FILE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def preview(file: Path, as_json: bool) -> None:
    """List which open cases FILE moves from when to when, and which breaches stay."""
    district = read(file)
    found, changes, now = ask(_preview(district, MOST_IN_JSON if as_json else SHOWN))
    if as_json:
        click.echo(json.dumps(as_object(found, district, now, changes)))
    else:
        _show_list(found, district)
        _show_summary(found, changes)


@group.command()
@FILE
@click.option("--cause", required=True, help="Why, in a few words: every event says it, for ever.")
@click.option("--by", default="admin", show_default=True, help="Who applies it, for the record.")
@click.option("--wait/--no-wait", default=True, help="Wait until all clocks are moved (default).")
def apply(file: Path, cause: str, by: str, wait: bool) -> None:
    """Make FILE the newest version of its district and move the clocks of open cases to it."""
    cause = " ".join(cause.split())
    control = any(unicodedata.category(letter) == "Cc" for letter in cause)
    if not cause or len(cause) > LONGEST_CAUSE or control:
        raise click.ClickException(f"--cause: 1 to {LONGEST_CAUSE} characters of plain text")
    district = read(file)
    found, changes, _ = ask(_preview(district, SHOWN))
    _show_summary(found, changes)
    wanted = ask(_ask(district, cause, by))
    click.echo(f"{district.id}: version {wanted.version}, {wanted.cause}")
    if wait:
        try:
            ask(_wait(wanted, district))
        except KeyboardInterrupt:
            click.echo("the worker goes on by itself; the same command again waits for it")


async def _with_store(use: Callable[[mongo.Database, Clock], Awaitable[T]]) -> T:
    settings = Settings()
    async with opened(settings) as database:
        return await use(database, system_clock(settings.clock_offset))


async def _preview(district: District, most: int) -> tuple[Preview, list[str], datetime]:
    async def use(database: mongo.Database, clock: Clock) -> tuple[Preview, list[str], datetime]:
        directory, now = DirectoryStore(database), clock()
        newest = await _newest(directory, district.id)
        version = newest.version if newest is not None and newest == district else ANY_VERSION
        clocks = stored_clocks(database[CASES], behind(district, version, now))
        found = await previewed(clocks, RulesOf(directory), district, now, most=most)
        return found, changed(newest, district), now

    return await _with_store(use)


async def _newest(directory: DirectoryStore, district: str) -> District | None:
    try:
        return await directory.newest(district)
    except Unknown:
        return None


async def _ask(district: District, cause: str, by: str) -> Recalculation:
    version = await put(Settings(), district, by)

    async def use(database: mongo.Database, clock: Clock) -> Recalculation:
        # no new version: FILE is the newest already, and what was left behind is moved to it
        number = version or (await DirectoryStore(database).newest(district.id)).version
        asked = Recalculations(database)
        return await asked.ask(district.id, number, cause=cause, by=by, at=clock())

    return await _with_store(use)


async def _wait(wanted: Recalculation, district: District) -> None:
    """Until the worker has moved all, or all that is not set aside."""

    async def use(database: mongo.Database, clock: Clock) -> None:
        asked, parked = Recalculations(database), database[parking.COLLECTION]
        all_ = last = await asked.left(wanted, district, clock())
        changed_at, told = time.monotonic(), False
        click.echo(f"{all_} clocks to be moved")
        while True:
            stands = await asked.read(wanted)
            left = await asked.left(wanted, district, clock())
            if left != last:
                last, changed_at = left, time.monotonic()
                all_ = max(all_, left)
                click.echo(f"{all_ - left} of {all_} clocks moved")
            if not left or stands is None or stands.done_at is not None:
                break
            if time.monotonic() - changed_at > NOBODY_SECONDS:
                async with mongo.store_errors():
                    keys = await parked.distinct("key", {"consumer": "sla"})
                aside = await asked.left(wanted, district, clock(), keys)
                if aside == left:
                    click.echo(f"{aside} are set aside (samvad dead-letters list): moved once requeued")
                    return
                if not told:
                    click.echo("no clock moves: does sla run? (samvad status) They move when it does")
                told = True
            await asyncio.sleep(LOOK_SECONDS)
        for ticket in await asked.unmovable(wanted, district, clock(), SHOWN):
            number = tickets.show(district.code, ticket)
            click.echo(f"{number} could not be moved; the log of sla says why")
        click.echo("done")

    await _with_store(use)


def _show_list(found: Preview, district: District) -> None:
    zone = ZoneInfo(district.zone)

    def local(at: datetime | None) -> str:
        return f"{at.astimezone(zone):%d-%m-%Y %H:%M}" if at is not None else "no limit"

    def case(one: Listed[Any]) -> str:
        return f"{tickets.show(district.code, one.ticket)}  {one.service or '-'}"

    for moving in found.moves:
        move = moving.what
        past = "  (past: told at once)" if move.at_once else ""
        when = f"{local(move.before)} → {local(move.after)}"
        click.echo(f"{case(moving)}  {move.limit}  {when}{past}")
    for staying in found.stays:
        stay = staying.what
        stays = f"breach of {local(stay.breached_at)} stays (would be {local(stay.would_be)})"
        click.echo(f"{case(staying)}  {stay.target}  {stays}")
    for ticket, why in found.unmovable:
        click.echo(f"{tickets.show(district.code, ticket)}  cannot be moved: {why}")
    if found.truncated:
        click.echo(f"… the nearest {SHOWN} of each kind; --json lists more")


def _show_summary(found: Preview, changes: list[str]) -> None:
    click.echo(f"changed: {', '.join(changes) or 'nothing that clocks count by'}")
    click.echo(
        f"{found.moving} of {found.clocks} clocks move, by {_length(found.furthest)} at most, "
        f"{found.at_once} of them into the past; breaches of {found.keeping} stay; "
        f"{found.stuck} cannot be moved"
    )


def _length(span: timedelta) -> str:
    days, seconds = span.days, span.seconds
    return f"{days} d {seconds // 3600:02d}:{seconds % 3600 // 60:02d}"
