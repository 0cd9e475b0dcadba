"""`samvad directory check|apply FILE`: a district's directory from a YAML file."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import click

from services.cli.line import ask, opened
from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.changes import Changes, differences
from services.kernel.adapters.directory.faults import DirectoryFaults, Fault
from services.kernel.adapters.directory.reader import inspect, read_district
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.outbox import Publishes
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import beside_the_case
from services.kernel.contracts.events import DirectoryPublished
from services.kernel.contracts.topics import DIRECTORY
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Unknown

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def group() -> None:
    """Check and apply a district's directory (departments, officers, services, calendars, limits)."""


@group.command()
@FILE
def check(file: Path) -> None:
    """Name every fault of FILE by path and line."""
    found = inspect(file.read_text(encoding="utf-8", errors="replace"))
    for fault in found.faults:
        click.echo(_line(file, fault))
    errors = sum(fault.level == "error" for fault in found.faults)
    if errors:
        raise click.ClickException(f"{file.name}: {errors} faults")
    click.echo(f"{file.name}: no faults")


@group.command()
@FILE
@click.option("--by", default="admin", show_default=True, help="Who applies it, for the record.")
def apply(file: Path, by: str) -> None:
    """Make FILE the newest version of its district."""
    district = read(file)
    version = ask(put(Settings(), district, by))
    if version is None:
        click.echo(f"{district.id}: nothing has changed")
    else:
        click.echo(f"{district.id}: version {version}")


def read(file: Path) -> District:
    """The district of FILE; its faults are printed, and nothing else is done with it."""
    try:
        return read_district(file.read_text(encoding="utf-8", errors="replace"), source=file.name)
    except DirectoryFaults as faults:
        for fault in faults.faults:
            click.echo(_line(file, fault))
        raise click.ClickException(f"{file.name}: nothing was applied") from None


async def put(settings: Settings, district: District, by: str) -> int | None:
    """Store and announce the next version; None when nothing has changed. Refused where an id was given up
    that may not be, or that open cases are with. Raises Unavailable."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings))
        publisher = Publisher(settings.kafka, client_id="directory")
        stack.push_async_callback(publisher.stop)
        directory = DirectoryStore(database)
        try:
            changes = differences(await directory.newest(district.id), district)
        except Unknown:
            changes = Changes()
        for change in changes.forbidden:
            click.echo(f"{change.list}/{change.id}: {change.reason}")
        if changes.forbidden:
            raise click.ClickException("nothing was applied")
        busy = await retired_with_open_cases(database, district.id, changes)
        for line in busy:
            click.echo(line)
        if busy:
            raise click.ClickException(
                "nothing was applied: transfer these cases first, or keep what they are with"
            )
        now = system_clock(settings.clock_offset)()
        return await publish(directory, publisher, district, by=by, now=now)


_HELD_BY = {"officers": "case.officer", "offices": "case.office", "services": "case.service"}


async def retired_with_open_cases(
    database: mongo.Database, district: str, changes: Changes
) -> list[str]:
    """What would be retired though open cases are with it, a line each. Raises Unavailable."""
    lines: list[str] = []
    for name, path in _HELD_BY.items():
        for retired in changes.of(name).retired:
            async with mongo.store_errors():
                count = await database["cases"].count_documents(
                    {"case.district": district, "case.open": True, path: retired}
                )
            if count:
                lines.append(f"{name}/{retired}: {count} open cases")
    return lines


async def publish(
    directory: DirectoryStore, publisher: Publishes, district: District, *, by: str, now: datetime
) -> int | None:
    """Store the next version and announce it; None when nothing has changed. Raises Unavailable.

    An unchanged directory is announced again: the announcement of an earlier run may have been lost.
    Readers find a version in the store whether or not it came through.
    """
    version = await directory.put(district, by=by, at=now)
    newest = version or (await directory.newest(district.id)).version
    if newest:
        event = DirectoryPublished(district=district.id, version=newest, at=now)
        message = beside_the_case(
            event,
            DIRECTORY,
            "cli",
            key=district.id.encode(),
            ce_id=f"{district.id}/{newest}",
        )
        await publisher.publish([message])
    return version


def _line(file: Path, fault: Fault) -> str:
    return f"{file.name}:{fault.line}: {fault.level}: {fault.path}: {fault.message}"
