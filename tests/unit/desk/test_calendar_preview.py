"""A holiday's preview over the JSON API: who may ask, what is taken, what it is asked with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from services.desk import calendar_models
from services.desk.api import build
from services.desk.core.holidays import LONGEST_NAME, MOST
from services.kernel.domain.directory import District, Holiday, Text
from services.kernel.domain.people import Scope
from tests.unit.desk.conftest import SECRET

NAME = {"hi": "कार्तिक पूर्णिमा", "en": "Kartik Purnima"}
DESCRIBED = Draft202012Validator(calendar_models.request())


class Asked:
    """Keeps what it is asked, and answers nothing of its own."""

    def __init__(self) -> None:
        self.calls: list[tuple[Scope, District, District, datetime]] = []

    async def make(
        self, scope: Scope, before: District, after: District, now: datetime
    ) -> dict[str, Any]:
        self.calls.append((scope, before, after, now))
        return {"clocks": 0}


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
async def client(bench: Any, asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    app = build(bench.desk, bench.texts, {}, token_secret=SECRET, previews=asked)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://desk"
    ) as client:
        yield client


async def post(
    client: httpx.AsyncClient, bench: Any, body: Any, role: str = "collector", person: str | None = None
) -> httpx.Response:
    headers = bench.bearer(role, person)
    return await client.post("/api/v1/calendar/preview", json=body, headers=headers)


def declared(*more: Any, **fields: Any) -> dict[str, Any]:
    first = {"calendar": "office", "day": "2026-11-30", "name": NAME, **fields}
    return {"holidays": [first, *more]}


async def test_the_holiday_is_added_to_the_directory_of_now(
    client: httpx.AsyncClient, bench: Any, asked: Asked
) -> None:
    second = {"calendar": "call-centre", "day": "2026-11-30", "name": NAME}
    answer = await post(client, bench, declared(second))
    assert (answer.status_code, answer.json()) == (200, {"clocks": 0})
    ((scope, before, after, now),) = asked.calls
    assert (before.version, now) == (7, bench.clock())
    assert scope.hidden_officers == {before.collector}, "it is his own sight"
    holiday = Holiday(date(2026, 11, 30), Text(**NAME))
    for calendar in after.calendars:
        old = before.calendar_by_id[calendar.id].holidays
        new = (*old, holiday) if calendar.id in ("office", "call-centre") else old
        assert calendar.holidays == new


async def test_only_the_collector_and_admins_may_ask(
    client: httpx.AsyncClient, bench: Any, asked: Asked
) -> None:
    for role, person, status in (
        ("collector", None, 200),
        ("collector", "collector-1", 200),
        ("admin", None, 200),
        ("collector", "phe-head-1", 403),  # he claims a post that he does not hold
        ("operator", "op-1", 403),
        ("officer", "phe-akaltara-1", 403),
        ("head", "phe-head-1", 403),
        ("sdm", "sdm-akaltara-1", 403),
    ):
        answer = await post(client, bench, declared(), role, person)
        assert answer.status_code == status, (role, person)
        assert status == 200 or answer.json()["error"]["code"] == "forbidden"
    assert len(asked.calls) == 3


async def test_without_a_token_it_is_401(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/calendar/preview", json=declared())).status_code == 401


DOES_NOT_FIT: list[tuple[Any, str]] = [
    ({}, "holidays"),
    ({"holidays": {}}, "holidays"),
    ({"holidays": []}, "holidays"),
    ({"holidays": [{}] * (MOST + 1)}, "holidays"),
    ({**declared(), "cause": "x"}, "cause"),
    ({"holidays": ["2026-11-30"]}, "holidays[0]"),
    ({"holidays": [{"calendar": "office", "day": "2026-11-30"}]}, "holidays[0]"),
    (declared(why="x"), "holidays[0]"),
    (declared(calendar=7), "holidays[0].calendar"),
    (declared(day="30-11-2026"), "holidays[0].day"),
    (declared(day="20261130"), "holidays[0].day"),
    (declared(day="2026-11-30T00:00"), "holidays[0].day"),
    (declared(day="२०२६-११-३०"), "holidays[0].day"),
    (declared(day="0026-11-30"), "holidays[0].day"),
    (declared(day=20261130), "holidays[0].day"),
    (declared(name="Kartik Purnima"), "holidays[0].name"),
    (declared(name={"en": "x"}), "holidays[0].name"),
    (declared(name={**NAME, "fr": "x"}), "holidays[0].name"),
    (declared(name={**NAME, "en": " "}), "holidays[0].name.en"),
    (declared(name={**NAME, "hi": "a\nb"}), "holidays[0].name.hi"),
    (declared(name={**NAME, "hi": None}), "holidays[0].name.hi"),
    (declared(name={**NAME, "hi": "अ" * (LONGEST_NAME + 1)}), "holidays[0].name.hi"),
]
NO_DOCUMENT_CAN_SAY: list[tuple[Any, str]] = [
    (declared(calendar="bank"), "holidays[0].calendar"),
    (declared(day="2026-02-30"), "holidays[0].day"),
    (declared(day="2026-12-25"), "holidays[0].day"),
    (declared(declared()["holidays"][0]), "holidays[1].day"),
]


async def test_what_is_wrong_is_named_and_the_document_says_so_where_it_can(
    client: httpx.AsyncClient, bench: Any, asked: Asked
) -> None:
    assert DESCRIBED.is_valid(declared())
    for body, field in (*DOES_NOT_FIT, *NO_DOCUMENT_CAN_SAY):
        answer = await post(client, bench, body)
        assert answer.status_code == 422, body
        error = answer.json()["error"]
        assert (error["code"], error["field"]) == ("invalid", field), body
        assert DESCRIBED.is_valid(body) == ((body, field) in NO_DOCUMENT_CAN_SAY), body
    assert not asked.calls


async def test_what_is_no_json_is_told_as_everywhere(client: httpx.AsyncClient, bench: Any) -> None:
    headers = bench.bearer("collector")
    for content, type_, status in (("{", "application/json", 400), ("{}", "text/plain", 415)):
        answer = await client.post(
            "/api/v1/calendar/preview",
            content=content,
            headers={**headers, "Content-Type": type_},
        )
        assert answer.status_code == status
