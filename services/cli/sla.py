"""`samvad sla`: the worker that keeps the time limits; `samvad sla explain`: why a case is due when it is."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import datetime

import click

from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.timer_document import from_fields
from services.kernel.domain import tickets
from services.kernel.domain.directory import LANGUAGES, Language
from services.kernel.domain.errors import Invalid, Retry, Unavailable
from services.kernel.domain.explain import explain as explained
from services.kernel.domain.explain_words import Sentences, no_clock, no_clock_yet


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
        lines = asyncio.run(_explain(settings, number, at, lang))
    except Unavailable as error:
        raise click.ClickException(f"{error}; is the line running? (samvad status)") from None
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
    async with AsyncExitStack() as stack:
        database = mongo.connect(settings.mongo, settings.database)
        stack.callback(mongo.close, database)
        async with mongo.store_errors():
            found = await database[CASES].find_one({"_id": ticket}, {"sla": 1})
        if found is None:
            return None
        room = found.get("sla") or {}
        if "filed_at" not in room:
            return [no_clock_yet(language)]
        timer = from_fields(room)
        rules = await RulesOf(DirectoryStore(database)).get(timer.district, timer.directory_version)
    running = rules.running(timer)
    if running.plan is None:
        return [no_clock(language)]
    sentences = Sentences(language, rules.calendars.working(running.plan.calendar))
    found_out = explained(timer, running, at)
    lines: list[str] = []
    for account in found_out.accounts:
        lines.append(sentences.of(found_out, account))
        for one in account.stretches:
            start, end = sentences.instant(one.start, at), sentences.instant(one.end, at)
            what, length = sentences.stretch(one), sentences.length(one.length)
            lines.append(f"    {start} – {end}  {what}  {length}")
    lapse = sentences.lapse(found_out)
    return [*lines, lapse] if lapse is not None else lines
