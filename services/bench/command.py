"""`samvad bench`: the line's speed, each figure against a bare baseline of the same run where it has one."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Sequence

import click
from rich.console import Console
from rich.table import Table

from services.bench import intake, latency, lifecycle, memory, notify, pipeline, sla, whatsapp
from services.bench.figures import Figure, as_json
from services.bench.ground import FULL, SHORT, Lines, Say, Scale
from services.kernel.adapters.logging import configure

BENCHES: dict[str, Callable[[Lines, Scale, Say], list[Figure]]] = {
    "intake": intake.measure,
    "pipeline": pipeline.measure,
    "latency": latency.measure,
    "lifecycle": lifecycle.measure,
    "memory": memory.measure,
    "sla": sla.measure,
    "notify": notify.measure,
    "whatsapp": whatsapp.measure,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)))
@click.option("--json", "as_object", is_flag=True, help="Print one JSON object.")
@click.option("--short", is_flag=True, help="Seconds instead of minutes; the numbers say nothing.")
def command(names: Sequence[str], as_object: bool, short: bool) -> None:
    """Measure NAMES (all by default) on stacks of their own, beside whatever else runs.

    The machine should be idle otherwise. Exit 0 whether or not the goals are met.
    """
    configure("bench", "WARNING")

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    say(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    figures: list[Figure] = []
    with Lines(shared=short) as lines:
        for name in names or BENCHES:
            figures += BENCHES[name](lines, SHORT if short else FULL, say)
    if as_object:
        click.echo(as_json(figures))
    else:
        Console().print(_table(figures))


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("figure", "value", "unit", "baseline", "ratio", "goal", "met", box=None)
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.value:g}",
            figure.unit,
            "" if figure.baseline is None else f"{figure.baseline:g}",
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            figure.goal or "",
            "" if figure.met is None else ("yes" if figure.met else "NO"),
        )
    return table
