"""`samvad calendar preview|apply FILE`: a holiday declared late, and what it does to open cases."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from services.cli.directory import FILE, put, read
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.recalculation import (
    LONGEST_CAUSE,
    Preview,
    Recalculation,
    Recalculations,
    behind,
)
from services.kernel.adapters.recalculation import (
    preview as previewed,
)
from services.kernel.adapters.settings import Settings
from services.kernel.domain import tickets
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Unavailable, Unknown
from services.kernel.domain.timer import Rules

SHOWN = 50
LOOK_SECONDS = 0.5
NOBODY_SECONDS = 15.0
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
    found = _run(_preview(Settings(), district, 10_000 if as_json else SHOWN))
    if as_json:
        click.echo(json.dumps(as_object(found), default=str))
    else:
        _show(found, district)


@group.command()
@FILE
@click.option("--cause", required=True, help="Why, in a few words: every event says it.")
@click.option("--by", default="admin", show_default=True, help="Who applies it, for the record.")
@click.option("--wait/--no-wait", default=True, help="Wait until all clocks are moved (default).")
def apply(file: Path, cause: str, by: str, wait: bool) -> None:
    """Make FILE the newest version of its district and move the clocks of open cases to it."""
    cause = " ".join(cause.split())
    if not cause or len(cause) > LONGEST_CAUSE:
        raise click.ClickException(f"--cause: 1 to {LONGEST_CAUSE} characters")
    district = read(file)
    settings = Settings()
    _show(_run(_preview(settings, district, SHOWN)), district)
    wanted = _run(_ask(settings, district, cause, by))
    click.echo(f"{district.id}: version {wanted.version}, {cause}")
    if wait:
        _run(_wait(settings, wanted, district.reopen_days))


def _run(work: Any) -> Any:
    try:
        return asyncio.run(work)
    except Unavailable as error:
        raise click.ClickException(f"{error}; is the line running? (samvad status)") from None


async def _preview(settings: Settings, district: District, most: int) -> Preview:
    async with AsyncExitStack() as stack:
        database = mongo.connect(settings.mongo, settings.database)
        stack.callback(mongo.close, database)
        now = system_clock(settings.clock_offset)()
        return await previewed(database[CASES], Rules(district), now, most=most)


async def _ask(settings: Settings, district: District, cause: str, by: str) -> Recalculation:
    version = await put(settings, district, by)
    async with AsyncExitStack() as stack:
        database = mongo.connect(settings.mongo, settings.database)
        stack.callback(mongo.close, database)
        if version is None:  # it is the newest already: what was left of it is moved
            try:
                version = (await DirectoryStore(database).newest(district.id)).version
            except Unknown:
                raise click.ClickException(f"{district.id}: no version is stored") from None
        now = system_clock(settings.clock_offset)()
        wanted = Recalculation(district.id, version, cause, now)
        await Recalculations(database).ask(wanted, by=by)
        return wanted


async def _wait(settings: Settings, wanted: Recalculation, reopen_days: int) -> None:
    """Until the worker has moved all; interrupted, it goes on without us."""
    async with AsyncExitStack() as stack:
        database = mongo.connect(settings.mongo, settings.database)
        stack.callback(mongo.close, database)
        since = wanted.at - timedelta(days=reopen_days)
        query = behind(wanted.district, wanted.version, since)
        last, told = -1, False
        changed = time.monotonic()
        while True:
            async with mongo.store_errors():
                left = await database[CASES].count_documents(query)
                asked = await database["recalculations"].find_one(
                    {"_id": f"{wanted.district}/{wanted.version}"}
                )
            if left != last:
                click.echo(f"{left} clocks to be moved")
                last, changed = left, time.monotonic()
            if asked is not None and asked["done_at"] is not None:
                if left:
                    click.echo("these cannot be moved: their service is not in the directory")
                return
            if not told and time.monotonic() - changed > NOBODY_SECONDS:
                click.echo("no clock has moved for a while: does sla run? It is done when it does.")
                told = True
            await asyncio.sleep(LOOK_SECONDS)


def as_object(found: Preview) -> dict[str, Any]:
    return {
        "clocks": found.clocks,
        "moving": found.moving,
        "staying": found.staying,
        "at_once": found.at_once,
        "moves": [
            {
                "ticket": ticket,
                "service": service,
                "target": move.target,
                "from": move.before,
                "to": move.after,
                "at_once": move.at_once,
            }
            for ticket, service, move in found.moves
        ],
        "stays": [
            {
                "ticket": ticket,
                "service": service,
                "target": stay.target,
                "breached_at": stay.breached_at,
                "would_be": stay.would_be,
            }
            for ticket, service, stay in found.stays
        ],
        "unmovable": [{"ticket": ticket, "why": why} for ticket, why in found.unmovable],
    }


def _show(found: Preview, district: District) -> None:
    zone = ZoneInfo(district.zone)

    def local(at: datetime | None) -> str:
        return at.astimezone(zone).strftime("%d-%m-%Y %H:%M") if at is not None else "no limit"

    for ticket, service, move in found.moves[:SHOWN]:
        number = tickets.show(district.code, ticket)
        past = "  (past: told at once)" if move.at_once else ""
        where = f"{number}  {service or '-'}  {move.target}"
        click.echo(f"{where}  {local(move.before)} → {local(move.after)}{past}")
    for ticket, service, stay in found.stays[:SHOWN]:
        number = tickets.show(district.code, ticket)
        click.echo(
            f"{number}  {service or '-'}  {stay.target}  breach of {local(stay.breached_at)} stays "
            f"(would be {local(stay.would_be)})"
        )
    for ticket, why in found.unmovable[:SHOWN]:
        click.echo(f"{tickets.show(district.code, ticket)}  cannot be moved: {why}")
    click.echo(
        f"{found.moving} of {found.clocks} clocks move, {found.at_once} of them into the past; "
        f"breaches of {found.staying} stay; {len(found.unmovable)} cannot be moved"
    )


