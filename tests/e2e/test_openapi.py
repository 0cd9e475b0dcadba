"""Both OpenAPI documents against the running line: every operation, with data that fits its document and data
that does not. Afterwards the line is as whole as before.

The same requests each time; what is asked of each answer is in `openapi_checks.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.media import MediaStore
from services.kernel.adapters.settings import Settings
from services.kernel.domain.media import Wanted, media_id
from tests import media_samples as samples
from tests.e2e import openapi
from tests.e2e.client import Line, bearer, until
from tests.e2e.openapi import Report
from tests.e2e.test_line import PUMP

WORKERS = ("routing", "sla", "notify")
PREVIEW = "POST /api/v1/calendar/preview"
CASES = 4
"""They are one officer's, whose token is one of those tried."""


@pytest.fixture
async def at(line: Stack) -> AsyncIterator[Line]:
    client = Line(line)
    yield client
    await client.http.aclose()


def assert_clean(
    report: Report, accepted: int, operations: set[str], closed: Collection[str] = ()
) -> None:
    """Nothing was found, everything was asked, and enough of it got through to be worth the asking; of what
    is closed to who asks, nothing."""
    assert report.code == 0, report.text
    assert report.operations == len(operations)
    assert {operation for operation, count in report.accepted.items() if count} == operations - set(closed)
    for operation, count in report.accepted.items():
        assert count >= accepted, f"{operation}: {count} of {report.requests} requests accepted"


async def test_the_citizens_api(at: Line, tmp_path: Path) -> None:
    receipt = await at.filed(**PUMP)
    known = {
        "body.service": ["hand-pump", "power-cut"],
        "body.district": ["janjgir-champa", "sakti"],
        "body.named_official": ["phe-akaltara-1"],
        "body.place.block": ["akaltara"],
        "body.citizen.phone": ["9999991003", "+919999991004"],
        "path.ticket": [receipt["ticket"]],
        "path.key": [receipt["status_url"].rpartition("/")[2]],
    }
    report = await asyncio.to_thread(
        openapi.run, at.stack.url("intake-web", "/openapi.json"), tmp_path, examples=60, known=known
    )
    operations = {"POST /api/v1/cases", "GET /api/v1/status/{ticket}/{key}"}
    assert_clean(report, accepted=10, operations=operations)
    await assert_whole(at)


async def test_the_desks_api_for_those_who_work_there(at: Line, tmp_path: Path) -> None:
    filed = [(await at.filed(**PUMP))["ticket"] for _ in range(CASES)]
    collector = at.token("collector")
    cases = [await at.case_where(t, collector, lambda c: c["officer"], "routed") for t in filed]
    officer = cases[0]["officer"]
    for case in cases:
        # routing gives cases to whoever has the fewest, which depends on what was filed before
        if case["officer"] != officer:
            act = {"action": "assign", "officer": officer, "expected_version": case["version"]}
            assert (await at.act(case["ticket"], collector, **act)).status_code == 200
    photo = await a_photo_of_all(at, filed, collector)
    known = {
        "path.ticket": filed,
        "path.media_id": [photo],
        "body.media[*]": [photo],
        "query.department": ["phe"],
        "query.officer": [officer],
        "query.service": ["hand-pump"],
        "query.block": ["akaltara"],
        "query.q": ["राम", filed[0]],
        "query.cursor": [await a_cursor(at, collector)],
        "body.department": ["phe"],
        "body.officer": [officer],
        "body.service": ["hand-pump"],
        "body.holidays[*].calendar": ["office", "call-centre"],
    }
    operations = {
        "GET /api/v1/cases", "GET /api/v1/cases/{ticket}", "GET /api/v1/cases/{ticket}/sla",
        "GET /api/v1/cases/{ticket}/notices", "GET /api/v1/cases/{ticket}/media/{media_id}",
        "POST /api/v1/cases/{ticket}/actions", PREVIEW,
    }  # fmt: skip
    for role, person, phases in (
        ("officer", officer, ("fuzzing",)),
        ("operator", "op-1", ("fuzzing",)),
        ("collector", None, openapi.PHASES),
    ):
        report = await asyncio.to_thread(
            openapi.run,
            at.stack.url("desk", "/openapi.json"),
            tmp_path,
            examples=40,
            known=known,
            bearer=at.token(role, person),
            phases=phases,
        )
        assert_clean(report, 10, operations, closed=set() if role == "collector" else {PREVIEW})
    moved = [await at.case(ticket, collector) for ticket in known["path.ticket"]]
    assert any(case is not None and len(case["history"]) > 3 for case in moved)
    await assert_whole(at)


async def a_cursor(at: Line, token: str) -> str:
    """As a list of several pages gives it: nobody else can make one up."""
    url = at.stack.url("desk", "/api/v1/cases?state=all&limit=1")
    answer = await at.http.get(url, headers=bearer(token))
    cursor: str = answer.json()["next_cursor"]
    assert cursor
    return cursor


async def a_photo_of_all(at: Line, filed: list[str], token: str) -> str:
    """A file as one that was sent, which all these cases name."""
    settings = Settings()
    database = mongo.connect(at.stack.settings["SAMVAD_MONGO"], settings.database)
    clock = system_clock()
    store = MediaStore(database, settings.keys, clock)
    id_ = media_id(filed[0])
    # due later than any fetcher looks: it is kept by hand
    wanted = Wanted(id_, "janjgir-champa", "1", "image", "", "", "", False, clock() + timedelta(days=1))
    await store.want([wanted])
    ahead = MediaStore(database, settings.keys, lambda: wanted.at)
    claimed = await ahead.claim()
    assert claimed is not None
    assert await ahead.keep(claimed, samples.png(), "image/png")
    mongo.close(database)
    for ticket in filed:
        case = await at.case(ticket, token)
        assert case is not None
        act = {"action": "attach", "media": [id_], "expected_version": case["version"]}
        assert (await at.act(ticket, token, **act)).status_code == 200
    return id_


async def assert_whole(at: Line) -> None:
    """Every receipt has its case, every worker is ready and has nothing left to do."""

    async def accounted() -> bool:
        audit = await asyncio.to_thread(at.audit)
        return audit["unaccounted"] == audit["doubled"] == 0 and audit["accepted"] == audit["stored"]

    async def nothing_left() -> bool:
        lags = [await at.metric(name, "samvad_consumer_lag") for name in WORKERS]
        parked = [await at.metric(name, "samvad_parked_records") for name in WORKERS]
        return not any(lags) and not any(parked)

    await until(accounted, "every receipt to have its case")
    await until(nothing_left, "every worker to have nothing left to do")
    ready: dict[str, Any] = {row.name: row.ready for row in await asyncio.to_thread(at.stack.status)}
    assert all(ready.values()), ready
