"""`samvad demo`: sixty cases through the running line, seen as they are routed, timed and told."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import click
import httpx
import yaml
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from services.cli import audit
from services.kernel.adapters import tokens
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.settings import Settings
from services.kernel.domain.errors import Unavailable

DISTRICT = "janjgir-champa"
EVERY_SECONDS = 0.12
PATIENCE_SECONDS = 60.0
SHOWN = 14


@dataclass
class Row:
    """One case of the demonstration as far as it has come."""

    service: str
    language: str
    ticket: str = ""
    number: str = ""
    state: str = ""
    officer: str = ""
    deadline: datetime | None = None
    told: int = 0
    has_phone: bool = True
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return bool(self.state) and bool(self.deadline) and self.told > 0


@click.command()
@click.option("--cases", default=60, show_default=True, type=click.IntRange(1, 60))
def command(cases: int) -> None:
    """File realistic cases over the running line and watch each one travel."""
    settings = Settings()
    if settings.env == "production":
        raise click.ClickException("the demonstration files made-up cases: not in production")
    try:
        complete = asyncio.run(_run(settings, cases))
        found = asyncio.run(audit.run(settings, 0.0, True))
    except (httpx.HTTPError, Unavailable) as error:
        raise click.ClickException(
            f"{type(error).__name__}: is the line running? (samvad status)"
        ) from None
    click.echo(f"audit: {audit.sentence(found)}")
    if not complete or found.unaccounted or found.doubled:
        raise SystemExit(1)


async def _run(settings: Settings, count: int) -> bool:
    entries = yaml.safe_load(resources.files("services.cli").joinpath("data/demo.yaml").read_text())
    entries = entries[:count]
    rows = [Row(service=entry[2] or "?", language=entry[1]) for entry in entries]
    token = tokens.issue(
        settings.token_secret.get_secret_value(),
        role="collector",
        person=None,
        district=DISTRICT,
        now=system_clock(settings.clock_offset)(),
    )
    base = f"http://{settings.host}"
    run = uuid.uuid4().hex[:8]
    async with httpx.AsyncClient(timeout=20) as http:
        filing = asyncio.create_task(
            _file(http, f"{base}:{settings.intake_web_port}/api/v1/cases", entries, rows, run)
        )
        desk = f"{base}:{settings.desk_port}/api/v1/cases"
        inbox = f"{base}:{settings.standins_port}/api/messages"
        headers = {"Authorization": f"Bearer {token}"}
        end = time.monotonic() + PATIENCE_SECONDS
        console = Console()
        with Live(console=console, refresh_per_second=8) as live:
            while True:
                await _look(http, desk, inbox, headers, rows)
                live.update(_picture(rows))
                if filing.done() and (all(row.done for row in rows) or time.monotonic() > end):
                    break
                await asyncio.sleep(0.1)
        await filing
    return all(row.done for row in rows)


async def _file(
    http: httpx.AsyncClient, url: str, entries: list[Any], rows: list[Row], run: str
) -> None:
    for index, (entry, row) in enumerate(zip(entries, rows, strict=True)):
        kind, language, service, block, village, name, text = entry
        body = {
            "district": DISTRICT,
            "kind": kind,
            "language": language,
            "text": text,
            "place": {"block": block, "village": village},
            "citizen": {"name": name, "phone": f"+9199999100{index:02d}"},
        }
        if service:
            body["service"] = service
        answer = await http.post(
            url, json=body, headers={"Idempotency-Key": f"demo-{run}-{index}"}
        )
        answer.raise_for_status()
        receipt = answer.json()
        row.ticket, row.number = receipt["ticket"], receipt.get("number", receipt["ticket"])
        row.seconds["filed"] = time.monotonic()
        await asyncio.sleep(EVERY_SECONDS)


async def _look(
    http: httpx.AsyncClient, desk: str, inbox: str, headers: Mapping[str, str], rows: list[Row]
) -> None:
    open_rows = [row for row in rows if row.ticket and not row.done]
    if not open_rows:
        return
    answers = await asyncio.gather(
        *(http.get(f"{desk}/{row.ticket}", headers=dict(headers)) for row in open_rows[:20])
    )
    sent = (await http.get(inbox)).json()
    told = Counter(
        row.ticket
        for row in open_rows
        for message in sent["messages"]
        if row.ticket in _digits(str(message.get("text", "")))
    )
    for row, answer in zip(open_rows, answers, strict=False):
        row.told = told[row.ticket]
        if answer.status_code == 200:
            case = answer.json()
            row.state = case["state"]
            row.officer = case.get("officer") or case.get("department") or ""
            deadline = (case.get("sla") or {}).get("deadline")
            row.deadline = datetime.fromisoformat(deadline) if deadline else None
            if row.state and "routed" not in row.seconds:
                row.seconds["routed"] = time.monotonic()


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit() or letter.isalpha())


def _picture(rows: list[Row]) -> Group:
    table = Table(box=None, padding=(0, 1))
    for name, width in (("ticket", 13), ("service", 15), ("state", 8), ("officer", 19), ("due", 12)):
        table.add_column(name, no_wrap=True, width=width, overflow="ellipsis")
    table.add_column("told")
    filed = [row for row in rows if row.ticket]
    zone = ZoneInfo("Asia/Kolkata")
    for row in filed[-SHOWN:]:
        due = f"{row.deadline.astimezone(zone):%d %b %H:%M}" if row.deadline else "…"
        told = Text("✓", "green") if row.told else Text("…", "yellow")
        table.add_row(row.number, row.service, row.state or "…", row.officer or "…", due, told)
    counts = (
        f"{len(filed)} filed · {sum(bool(r.state) for r in rows)} routed · "
        f"{sum(bool(r.deadline) for r in rows)} timed · {sum(r.told > 0 for r in rows)} told"
    )
    return Group(table, Text(counts, "bold"))
