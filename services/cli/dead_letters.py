"""`samvad dead-letters`: what consumers set aside, why, and how to send it through again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from services.cli.line import ask, opened
from services.kernel.adapters import mongo
from services.kernel.adapters.parking import COLLECTION, DROPPED
from services.kernel.adapters.settings import Settings

Answer = TypeVar("Answer")


@click.group()
def group() -> None:
    """Records that a consumer rejected, with the later ones of the same case behind them."""


@group.command("list")
def list_() -> None:
    """One line a parked case and consumer."""

    async def read(parked: mongo.Collection) -> list[Any]:
        return await parked.aggregate(
            [
                {"$sort": {"partition": 1, "offset": 1}},
                {
                    "$group": {
                        "_id": {"consumer": "$consumer", "key": "$key"},
                        "records": {"$sum": 1},
                        "reason": {"$first": "$reason"},
                        "since": {"$first": "$parked_at"},
                        "drain": {"$max": "$drain"},
                    }
                },
                {"$sort": {"since": 1}},
            ]
        ).to_list(None)

    rows = _with_parked(read)
    if not rows:
        click.echo("nothing is set aside")
        return
    table = Table("consumer", "key", "records", "since", "reason", "requeued")
    for row in rows:
        table.add_row(
            row["_id"]["consumer"],
            row["_id"]["key"],
            str(row["records"]),
            f"{row['since']:%Y-%m-%d %H:%M:%S}",
            row["reason"] or "",
            "yes" if row["drain"] else "",
        )
    Console().print(table)


@group.command()
@click.argument("consumer")
@click.argument("key")
def show(consumer: str, key: str) -> None:
    """Every parked record of KEY for CONSUMER: where it came from, its attributes, why."""

    async def read(parked: mongo.Collection) -> list[Any]:
        return await parked.find(
            {"consumer": consumer, "key": key}, sort=[("partition", 1), ("offset", 1)]
        ).to_list(None)

    rows = _with_parked(read)
    if not rows:
        raise click.ClickException(f"nothing of {key} is set aside for {consumer}")
    for row in rows:
        click.echo(f"{row['topic']}/{row['partition']}/{row['offset']}: {row['reason'] or 'behind'}")
        for name, value in row["headers"]:
            click.echo(f"    {name}: {bytes(value).decode(errors='replace')}")
        click.echo(f"    value: {len(row['value'] or b'')} bytes")


@group.command()
@click.argument("consumer")
@click.argument("key", required=False)
@click.option("--all", "everything", is_flag=True, help="Every key of the consumer.")
def requeue(consumer: str, key: str | None, everything: bool) -> None:
    """Mark KEY to be handled again, in order, by the consumer that owns its partition."""
    if (key is None) == (not everything):
        raise click.UsageError("name one KEY, or --all")

    async def mark(parked: mongo.Collection) -> int:
        query = {"consumer": consumer} | ({} if everything else {"key": key})
        result = await parked.update_many(query, {"$set": {"drain": True}})
        return int(result.matched_count)

    marked = _with_parked(mark)
    if not marked:
        raise click.ClickException("nothing of that is set aside")
    click.echo(f"{marked} records are marked; {consumer} handles them within a few seconds")


@group.command()
@click.argument("consumer")
@click.argument("key")
@click.option("--why", required=True, help="The reason, for the record.")
@click.option("--by", default="ops", show_default=True, help="Who drops it, for the record.")
@click.option("--held", is_flag=True, help="Give up the first record of KEY, which nobody rejected.")
def drop(consumer: str, key: str, why: str, by: str, held: bool) -> None:
    """Give up the rejected record of KEY; what waits behind it is handled by itself.

    Only for a record that should never have been there (a stray or doubled one): an event of a case that
    is dropped leaves a gap, behind which later events of its room are not applied.

    A held record (no reason is told; it is tried again until it goes through) is given up with --held: a
    stray filing that names what will never be there.
    """

    async def give_up(parked: mongo.Collection) -> int:
        query = {"consumer": consumer, "key": key, "reason": {"$ne": None}}
        rejected = await parked.find(query).to_list(None)
        if not rejected and held:
            rejected = await parked.find(
                {"consumer": consumer, "key": key}, sort=[("partition", 1), ("offset", 1)], limit=1
            ).to_list(None)
        for record in rejected:
            note = {"dropped_at": datetime.now(UTC), "by": by, "why": why}
            await parked.database[DROPPED].replace_one(
                {"_id": record["_id"]}, {**record, **note}, upsert=True
            )
            await parked.delete_one({"_id": record["_id"]})
        return len(rejected)

    dropped = _with_parked(give_up)
    if not dropped:
        raise click.ClickException(f"nothing of {key} was rejected by {consumer}")
    click.echo(f"{dropped} records dropped and kept in `{DROPPED}`; the rest of {key} goes on")


def _with_parked(use: Callable[[mongo.Collection], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with opened(Settings()) as database, mongo.store_errors():
            return await use(database[COLLECTION])

    return ask(run())
