"""`samvad topic`: whether what was recorded may be: nothing lost, out of turn, doubled or illegal."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import click

from services.cli.line import ask
from services.cli.topic.findings import Findings
from services.cli.topic.model import TopicModel
from services.kernel.adapters.kafka import read_whole
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain import tickets


@click.group()
def group() -> None:
    """The topic of cases, as it is recorded."""


@group.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--ticket", "named", multiple=True, help="Judge this case alone; may be given again.")
def check_(as_json: bool, named: tuple[str, ...]) -> None:
    """Hear the whole topic and judge each case by its numbers, its lifecycle and its clock.

    Exit 1 unless nothing is lost, disordered, doubled or illegal.
    """
    only = {bare(ticket) for ticket in named}
    found = ask(check(Settings().kafka, COMPLAINTS, only or None))
    if found.cases < len(only):
        raise click.ClickException(f"the topic has {found.cases} of the {len(only)} cases")
    if as_json:
        click.echo(json.dumps(as_dict(found)))
    else:
        click.echo(sentence(found))
        for fault in found.faults:
            click.echo(f"  {fault.kind}: {fault.ce_id}: {fault.why}")
    if not found.clean:
        raise SystemExit(1)


async def check(kafka: str, topic: str, only: Collection[str] | None = None) -> Findings:
    """Reads the whole topic; of the cases `only` these count. Raises Unavailable."""
    model = TopicModel()
    keys = None if only is None else {ticket.encode() for ticket in only}
    async for record in read_whole(kafka, topic):
        if keys is None or record.key in keys:
            model.feed(record)
    return model.findings()


def bare(written: str) -> str:
    ticket = tickets.parse(written)
    if ticket is None:
        raise click.BadParameter("this is no ticket number", param_hint="--ticket")
    return ticket


def as_dict(found: Findings) -> dict[str, Any]:
    return asdict(found)


def sentence(found: Findings) -> str:
    return (
        f"{found.records} records of {found.cases} cases ({found.repeated} repeated, "
        f"{found.foreign} foreign): {found.lost} lost, {found.disordered} disordered, "
        f"{found.doubled} doubled, {found.illegal} illegal"
    )
