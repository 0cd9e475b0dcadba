"""`samvad suggest TEXT`: which services the line takes a citizen's words to be about, and how surely."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.line import ask, opened
from services.kernel.adapters.directory.faults import DirectoryFaults
from services.kernel.adapters.directory.reader import read_district
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.settings import Settings
from services.kernel.domain.directory import KINDS, District, Kind
from services.kernel.domain.errors import Unknown
from services.kernel.domain.filing import MOST_SUGGESTED, MOST_TEXT, comparable
from services.kernel.domain.suggest import Suggester, Suggestion


@click.command("suggest")
@click.argument("text", nargs=-1, required=True)
@click.option("--district", default=None, metavar="ID", help="Default: SAMVAD_DEFAULT_DISTRICT.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A district's YAML file, instead of the newest directory in the store.",
)
@click.option("--kind", type=click.Choice(KINDS), help="Only services that take it. Default: any.")
@click.option(
    "--most",
    default=MOST_SUGGESTED,
    show_default=True,
    type=click.IntRange(min=1),
    help="Services.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    text: tuple[str, ...],
    district: str | None,
    file: Path | None,
    kind: str | None,
    most: int,
    as_json: bool,
) -> None:
    """Print the services that TEXT is about, the likeliest first.

    TEXT is what a citizen writes: Hindi or Chhattisgarhi in either script, or English."""
    said = " ".join(text).strip()
    if not said:
        raise click.ClickException("TEXT says nothing")
    if len(said) > MOST_TEXT:
        raise click.ClickException(f"TEXT has {len(said)} characters, above {MOST_TEXT}")
    directory = _of_file(file, district) if file else ask(_newest(Settings(), district))
    found = Suggester(directory).suggest(comparable(said), cast("Kind | None", kind), most)
    if as_json:
        click.echo(json.dumps(as_object(directory, kind, found), ensure_ascii=False))
    elif found:
        Console().print(_table(directory, found))
    else:
        raise click.ClickException(f"TEXT names no service of {directory.id}")


def as_object(
    directory: District, kind: str | None, found: tuple[Suggestion, ...]
) -> dict[str, Any]:
    """For machines: `version` is null for a file, `suggestions` empty where TEXT names no service."""
    return {
        "district": directory.id,
        "version": directory.version or None,
        "kind": kind,
        "suggestions": [
            {
                "service": one.service,
                "score": one.score,
                "name": {"hi": service.name.hi, "en": service.name.en},
                "department": {
                    "id": department.id,
                    "name": {"hi": department.name.hi, "en": department.name.en},
                },
            }
            for one in found
            for service in (directory.service_by_id[one.service],)
            for department in (directory.department_by_id[service.department],)
        ],
    }


def _of_file(file: Path, district: str | None) -> District:
    try:
        directory = read_district(file.read_text("utf-8", errors="replace"), source=file.name)
    except DirectoryFaults as faults:
        count = len(faults.faults)
        why = f"{file.name}: {count} faults (samvad directory check {file.name})"
        raise click.ClickException(why) from None
    if district is not None and district != directory.id:
        why = f"{file.name} is the directory of {directory.id}, not of {district}"
        raise click.ClickException(why)
    return directory


async def _newest(settings: Settings, district: str | None) -> District:
    """Raises Unavailable."""
    wanted = district or settings.default_district
    async with opened(settings) as database:
        try:
            return await DirectoryStore(database).newest(wanted)
        except Unknown:
            raise click.ClickException(f"district {wanted} has no directory in the store") from None


def _table(directory: District, found: tuple[Suggestion, ...]) -> Table:
    table = Table("score", "service", "name", "department")
    for one in found:
        service = directory.service_by_id[one.service]
        department = directory.department_by_id[service.department]
        table.add_row(
            f"{one.score:.2f}",
            one.service,
            Text(f"{service.name.hi}\n{service.name.en}"),  # as it is: names may hold [brackets]
            Text(f"{department.name.hi}\n{department.name.en}"),
        )
    return table
