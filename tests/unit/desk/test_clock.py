"""The clock of a case at the desk: over the API and on its page."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.desk.core.clock_view import read_at
from services.desk.testing import NOW
from services.kernel.adapters.timer_document import to_fields
from services.kernel.contracts import events as e
from services.kernel.contracts.events import By
from services.kernel.domain.directory import District, Language
from services.sla.testing import Living

OFFICER = "phe-akaltara-1"


def put(bench: Any, make_case: Any, janjgir: District, **fields: Any) -> tuple[str, Living]:
    """A hand pump's case with its clock as the worker would have stored it: paused."""
    case = make_case(filed_at=NOW - timedelta(days=7), **fields)
    ticket = bench.put(case)
    living = Living(janjgir, case.filed_at, "hand-pump", block="akaltara")
    living.did(e.QuestionAsked, NOW - timedelta(days=4), question=1)
    living.did(e.QuestionMarked, NOW - timedelta(days=4), question=1)
    store(bench, ticket, living)
    return ticket, living


def store(bench: Any, ticket: str, living: Living) -> None:
    room = {**to_fields(living.timer, living.running), "n": 0, "seen": {}, "outbox": []}
    bench.cases.documents[ticket]["sla"] = room


async def ask(bench: Any, ticket: str, **params: str) -> Any:
    headers = bench.bearer("officer", OFFICER)
    return await bench.client.get(f"/api/v1/cases/{ticket}/sla", headers=headers, params=params)


async def test_every_limit_with_its_segments_and_sentences(
    bench: Any, make_case: Any, janjgir: District
) -> None:
    ticket, _ = put(bench, make_case, janjgir)
    answer = await ask(bench, ticket)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["paused"], body["cycle"]) == ("paused", True, 1)
    assert body["policy"] == "water"
    resolve = body["targets"][-1]
    assert resolve["state"] == "paused"
    assert resolve["allowed"] == 40 * 3600
    assert resolve["burnt"] + resolve["left"] == resolve["allowed"]
    assert resolve["sentence"]["hi"].startswith("निराकरण")
    segments = resolve["segments"]
    assert segments[-1]["kind"] == "paused"
    assert (segments[-1]["by"], segments[-1]["how"]) == ("somebody", "voice")
    start, until = (datetime.fromisoformat(resolve[key]) for key in ("started_at", "until"))
    assert sum(one["seconds"] for one in segments) == (until - start).total_seconds()
    assert [one["from"] for one in segments[1:]] == [one["to"] for one in segments[:-1]]


async def test_as_of_an_earlier_instant(bench: Any, make_case: Any, janjgir: District) -> None:
    ticket, _ = put(bench, make_case, janjgir)
    before = (await ask(bench, ticket, at="2026-01-01T00:00:00+00:00")).json()
    assert (before["state"], before["paused"]) == ("running", False)
    assert before["at"] == "2026-01-01T00:00:00+00:00"
    odd_zone = (await ask(bench, ticket, at="2026-01-01t05:53:00.5+05:53")).json()
    assert odd_zone["at"] == "2026-01-01T00:00:00.500000+00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "yesterday",
        "2026-01-01",
        "2026-01-01 00:00:00+00:00",
        "2026-01-01T00:00:00+05:53:20",
        "2026-13-01T00:00:00+00:00",
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+05:30",
        "2027-02-01T00:00:00+00:00",
        "9999-12-31T23:59:59-05:00",
    ],
)
async def test_an_instant_that_nothing_is_told_of(
    bench: Any, make_case: Any, janjgir: District, wrong: str
) -> None:
    ticket, _ = put(bench, make_case, janjgir)
    answer = await ask(bench, ticket, at=wrong)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "at")


async def test_a_case_without_a_limit_says_so(
    bench: Any, make_case: Any, janjgir: District
) -> None:
    """And one that the clock has not heard of yet says that."""
    case = make_case()
    ticket = bench.put(case, deadline=NOW)
    body = (await ask(bench, ticket)).json()
    assert (body["state"], body["targets"], body["cycle"]) == ("no_clock", [], None)
    assert "not worked out yet" in body["sentence"]["en"]
    unlimited = replace(
        janjgir,
        version=7,
        services=tuple(replace(service, policy=None) for service in janjgir.services),
    )
    bench.directories.districts[janjgir.id] = unlimited
    store(bench, ticket, Living(unlimited, case.filed_at, "hand-pump", block="akaltara"))
    body = (await ask(bench, ticket)).json()
    assert (body["state"], body["targets"], body["cycle"]) == ("no_clock", [], 1)
    assert "no time limit" in body["sentence"]["en"]


async def test_who_may_not_see_the_case_sees_no_clock(
    bench: Any, make_case: Any, janjgir: District
) -> None:
    ticket, _ = put(bench, make_case, janjgir)
    stranger = bench.bearer("officer", "pwd-akaltara-1")
    url = f"/api/v1/cases/{ticket}/sla"
    assert (await bench.client.get(url, headers=stranger)).status_code == 404
    assert (await bench.client.get(url)).status_code == 401


async def test_a_directory_that_is_not_there_is_503(
    bench: Any, make_case: Any, janjgir: District
) -> None:
    ticket, _ = put(bench, make_case, janjgir)
    bench.cases.documents[ticket]["sla"]["directory_version"] = 9
    answer = await ask(bench, ticket)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_resolved_case_says_when_it_is_settled(
    bench: Any, make_case: Any, janjgir: District
) -> None:
    ticket, living = put(bench, make_case, janjgir)
    living.did(e.CaseResolved, NOW - timedelta(days=1))
    store(bench, ticket, living)
    body = (await ask(bench, ticket)).json()
    assert body["state"] == "resolved"
    assert body["lapses_at"] is not None
    assert "settled" in body["sentence"]["en"]
    living.did(e.FeedbackPlanned, NOW - timedelta(hours=1))
    store(bench, ticket, living)
    body = (await ask(bench, ticket)).json()
    assert (body["state"], body["lapses_at"]) == ("resolved", None), "it waits for a call"


@pytest.mark.parametrize("language", ["hi", "en"])
async def test_the_page_of_a_case_tells_how_its_limits_were_counted(
    bench: Any, make_case: Any, janjgir: District, language: Language
) -> None:
    case = make_case(filed_at=NOW - timedelta(days=7))
    ticket = bench.put(case)
    living = Living(janjgir, case.filed_at, "hand-pump", block="akaltara")
    living.did(e.QuestionAsked, NOW - timedelta(days=4), question=1, by=By(role="officer", id=OFFICER))
    living.did(e.QuestionMarked, NOW - timedelta(days=4), question=1)
    store(bench, ticket, living)
    await bench.client.post("/login", data={"token": bench.token("officer", OFFICER)})
    page = html.unescape((await bench.client.get(f"/cases/{ticket}?lang={language}")).text)
    body = (await ask(bench, ticket)).json()
    for limit in body["targets"]:
        assert limit["sentence"][language] in page
    rows = re.findall(r"<tr class=\"(\w+)\"><td>", page)
    assert rows == [one["kind"] for limit in body["targets"] for one in limit["segments"]]
    officer = janjgir.officer_by_id[OFFICER].name.say(language)
    assert re.search(rf"<td>[^<]*1[^<]*\({officer}\)</td>", page), "who asked, by name"


async def test_the_page_of_a_case_without_a_clock_says_so(bench: Any, make_case: Any) -> None:
    ticket = bench.put(make_case())
    await bench.client.post("/login", data={"token": bench.token("officer", OFFICER)})
    page = (await bench.client.get(f"/cases/{ticket}?lang=en")).text
    assert "the time limits of this case are not worked out yet" in page


def test_no_instant_is_now() -> None:
    assert read_at(None, NOW) == NOW
