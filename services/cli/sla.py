"""`samvad sla`: the worker that keeps the time limits; `samvad sla explain`: why a case is due when it is."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import click

from services.cli.line import ask, opened
from services.desk.adapters.clocks import explained
from services.desk.core.clock_view import rows, summary
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.settings import Settings
from services.kernel.domain import tickets
from services.kernel.domain.directory import LANGUAGES, Language
from services.kernel.domain.errors import Invalid, Retry


@click.group(invoke_without_command=True)
@click.pass_context
def group(context: click.Context) -> None:
    """Without a sub-command: run the worker that keeps the time limits."""
    if context.invoked_subcommand is None:
        from services.sla.app import main

        main()


@group.command()
@click.argument("ticket")
@click.option("--at", "written", help="As of this instant, with its zone; default: now.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="hi", show_default=True)
def explain(ticket: str, written: str | None, lang: Language) -> None:
    """Say why TICKET is due when it is: each limit's sentence, and the stretches that make it up."""
    number = tickets.parse(ticket)
    if number is None:
        raise click.ClickException(f"{ticket} is not a ticket number; please check the digits")
    settings = Settings()
    at = instant(written) if written else system_clock(settings.clock_offset)()
    try:
        lines = ask(_explain(settings, number, at, lang))
    except Retry as error:  # a version of the directory that this store does not have
        raise click.ClickException(str(error)) from None
    except Invalid as error:
        raise click.ClickException(f"--{error.field} {error.reason}") from None
    if lines is None:
        raise click.ClickException(f"there is no case {number}")
    for line in lines:
        click.echo(line)


def instant(written: str) -> datetime:
    """Raises ClickException naming what an instant looks like."""
    with suppress(ValueError):
        at = datetime.fromisoformat(written)
        if at.tzinfo is not None:
            return at
    raise click.ClickException(
        f"{written} is no instant with a zone, such as 2026-03-02T18:00:00+05:30"
    )


async def _explain(
    settings: Settings, ticket: str, at: datetime, language: Language
) -> list[str] | None:
    """None where there is no such case. Raises Unavailable, Retry, and Invalid for `at`."""
    async with opened(settings) as database:
        async with mongo.store_errors():
            found = await database[CASES].find_one({"_id": ticket}, {"sla": 1})
        if found is None:
            return None
        rules = RulesOf(DirectoryStore(database))
        clock = await explained(found.get("sla") or {}, rules, at)
    lines: list[str] = []
    for limit in rows(clock, language, {}):
        lines.append(limit["sentence"])
        for one in limit["stretches"]:
            lines.append(f"    {one['from']} – {one['to']}  {one['what']}  {one['length']}")
    end = summary(clock, language)
    return [*lines, end] if end is not None else lines
