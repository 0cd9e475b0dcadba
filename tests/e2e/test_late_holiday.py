"""Holidays that are declared while a case is open, on the whole line: previewed at the desk, applied by the
command, carried out by the clock's worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.cli.stack import Stack
from tests.conftest import DISTRICTS, sample
from tests.e2e.client import Line, bearer
from tests.e2e.test_line import TAP

HOLIDAYS = "    holidays:\n"
NAME = {"hi": "स्थानीय अवकाश", "en": "Local holiday"}


@pytest.fixture
async def at(line: Stack) -> AsyncIterator[Line]:
    client = Line(line)
    yield client
    await client.http.aclose()


def soon() -> list[date]:
    """The three days from tomorrow on that are no holidays in Sakti; a week has no more than one day off."""
    taken = {holiday.day for holiday in sample("sakti").calendar_by_id["kaamkaj"].holidays}
    today = datetime.now(ZoneInfo("Asia/Kolkata")).date()
    ahead = (today + timedelta(days=n) for n in range(1, 10))
    return [day for day in ahead if day not in taken][:3]


async def test_a_case_moves_to_where_the_preview_said(at: Line, tmp_path: Path) -> None:
    days = soon()
    source = (DISTRICTS / "sakti.yaml").read_text(encoding="utf-8")
    lines = "".join(
        f"      - {{day: {day}, name: {{hi: {NAME['hi']}, en: {NAME['en']}}}}}\n" for day in days
    )
    file = tmp_path / "sakti.yaml"
    file.write_text(source.replace(HOLIDAYS, HOLIDAYS + lines, 1), encoding="utf-8")

    ticket = (await at.filed(**{**TAP, "service": "nal-kharab"}))["ticket"]
    collector = at.token("collector", district="sakti")
    case = await at.case_where(
        ticket, collector, lambda c: c["officer"] and c["sla"] and c["sla"]["deadline"], "timed"
    )
    declared = [{"calendar": "kaamkaj", "day": str(day), "name": NAME} for day in days]
    answer = await at.http.post(
        at.stack.url("desk", "/api/v1/calendar/preview"),
        json={"holidays": declared},
        headers=bearer(collector),
    )
    assert answer.status_code == 200, answer.text
    (move,) = (
        one for one in answer.json()["moves"] if (one["ticket"], one["target"]) == (ticket, "resolve")
    )
    assert move["from"] == case["sla"]["deadline"] < move["to"]

    words = ("calendar", "apply", str(file), "--cause", "local holidays")
    applied = await asyncio.to_thread(at.run, *words)
    assert applied.stdout.splitlines()[-1] == "done", applied.stdout
    moved = await at.case(ticket, collector)
    assert moved is not None
    assert moved["sla"]["deadline"] == move["to"]
    assert moved["sla"]["directory_version"] > case["sla"]["directory_version"]
    checked = await asyncio.to_thread(at.run, "topic", "check", "--ticket", ticket, check=False)
    assert checked.returncode == 0, checked.stdout
