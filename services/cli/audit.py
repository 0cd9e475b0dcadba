"""`samvad audit`: no receipt without its case, no case without a receipt, no cause with two tickets."""

from __future__ import annotations

import json

import click

from services.cli.line import ask, opened
from services.kernel.adapters.audit import GRACE_SECONDS, Audit, count, witness
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--grace", default=GRACE_SECONDS, show_default=True, help="Seconds that a case may be under way."
)
@click.option("--topic/--no-topic", default=True, help="Hear the topic as a third witness (default).")
def command(as_json: bool, grace: float, topic: bool) -> None:
    """Compare receipts, cases and the topic. Exit 1 unless nothing is unaccounted or doubled."""
    found = ask(run(Settings(), grace, topic))
    if as_json:
        click.echo(json.dumps(as_dict(found)))
    else:
        click.echo(sentence(found))
        for ticket in found.tickets:
            click.echo(f"  unaccounted: {ticket}")
    if found.unaccounted or found.doubled:
        raise SystemExit(1)


async def run(settings: Settings, grace: float, topic: bool) -> Audit:
    """Raises Unavailable."""
    async with opened(settings) as database:
        found = await count(database, system_clock(settings.clock_offset)(), grace)
        return await witness(database, settings.kafka, found) if topic else found


def as_dict(audit: Audit) -> dict[str, int]:
    return {
        "accepted": audit.accepted,
        "stored": audit.stored,
        "unaccounted": audit.unaccounted,
        "doubled": audit.doubled,
    }


def sentence(audit: Audit) -> str:
    return (
        f"{audit.accepted} accepted, {audit.stored} stored, "
        f"{audit.unaccounted} unaccounted, {audit.doubled} doubled"
    )
