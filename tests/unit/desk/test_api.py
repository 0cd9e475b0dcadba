"""Who asks, one case, lists: the JSON API as a client meets it, over in-memory stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.desk import models
from services.kernel.adapters import tokens
from services.kernel.domain.case import Case

OFFICER = "phe-akaltara-1"
COLLEAGUE = "phe-akaltara-2"
HEAD = "phe-head-1"
MakeCase = Callable[..., Case]


# ---------------------------------------------------------------- who asks


@pytest.mark.parametrize(
    "header", [None, "Basic YTpi", "Bearer", "Bearer ", "Bearer not.a.token", "Bearer \xe9"]
)
async def test_without_a_valid_token_it_is_401_and_says_how(bench: Any, header: str | None) -> None:
    for method, path in (
        ("GET", "/api/v1/cases"),
        ("GET", "/api/v1/cases/2600000016"),
        ("POST", "/api/v1/cases/2600000016/actions"),
    ):
        headers = {} if header is None else {"Authorization": header.encode("latin-1")}
        answer = await bench.client.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["error"]["code"] == "unauthenticated"


async def test_a_token_expires(bench: Any, make_case: MakeCase) -> None:
    headers = bench.bearer("operator")
    assert (await bench.client.get("/api/v1/cases", headers=headers)).status_code == 200
    bench.clock.advance(hours=12)
    assert (await bench.client.get("/api/v1/cases", headers=headers)).status_code == 401


async def test_a_token_of_another_secret_is_refused(bench: Any) -> None:
    forged = tokens.issue(
        "x" * 40, role="collector", person=None, district="janjgir-champa", now=bench.clock()
    )
    headers = {"Authorization": f"Bearer {forged}"}
    assert (await bench.client.get("/api/v1/cases", headers=headers)).status_code == 401


# ---------------------------------------------------------------- one case


async def test_the_whole_case(bench: Any, make_case: MakeCase) -> None:
    deadline = bench.clock() + timedelta(days=3)
    ticket = bench.put(make_case(), n=4, deadline=deadline)
    answer = await bench.get(f"/api/v1/cases/{ticket}", "officer", OFFICER)
    assert answer.status_code == 200
    case = answer.json()
    models.CaseWhole.model_validate(case)
    assert case["ticket"] == ticket
    assert case["number"] == f"JC-{ticket}"
    assert case["version"] == 4
    assert case["state"] == "assigned"
    assert case["citizen"] == {
        "name": "रामलाल साहू",
        "phone": "+919876543210",
        "on_behalf_of": None,
    }
    assert case["names"]["service"] == {"hi": "हैंडपंप खराब", "en": "Hand pump broken"}
    assert case["names"]["village"]["en"] == "Tarod"
    assert case["sla"]["deadline"] == case["deadline"] == deadline.isoformat()
    assert case["overdue"] is False
    assert "acknowledge" in case["allowed"]
    assert "close" not in case["allowed"]


@pytest.mark.parametrize("form", ["{0}", "JC-{0}", "jc {0}", "{1} {2}", "{3}"])
async def test_a_ticket_may_be_written_in_any_way(
    bench: Any, make_case: MakeCase, form: str
) -> None:
    ticket = bench.put(make_case())
    devanagari = ticket.translate(str.maketrans("0123456789", "०१२३४५६७८९"))
    written = form.format(ticket, ticket[:4], ticket[4:], devanagari)
    answer = await bench.get(f"/api/v1/cases/{written}")
    assert answer.status_code == 200
    assert answer.json()["ticket"] == ticket


async def test_a_mistyped_digit_is_told_from_an_unknown_case(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case())
    wrong = ticket[:-1] + str((int(ticket[-1]) + 1) % 10)
    answer = await bench.get(f"/api/v1/cases/{wrong}")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "ticket"
    unknown = make_case(2).ticket
    assert (await bench.get(f"/api/v1/cases/{unknown}")).status_code == 404


async def test_a_stranger_learns_nothing(bench: Any, make_case: MakeCase) -> None:
    """The answer for a case that is not his to see is the answer for a case that is not."""
    ticket = bench.put(make_case())
    other = make_case(2).ticket
    for role, person in (
        ("officer", "phe-baloda-1"),
        ("head", "food-head-1"),
        ("sdm", "sdm-janjgir-1"),
        ("officer", "nobody-of-the-directory"),
        ("ops", None),
        ("citizen", None),
    ):
        seen = await bench.get(f"/api/v1/cases/{ticket}", role, person)
        unseen = await bench.get(f"/api/v1/cases/{other}", role, person)
        assert (seen.status_code, seen.content) == (404, unseen.content)
        acted = await bench.act(ticket, "note", role, person, note="…")
        assert (acted.status_code, acted.content) == (404, unseen.content)


async def test_personal_data_only_for_who_needs_it(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    await bench.act(ticket, "note", "officer", OFFICER, note="दो बार फ़ोन किया")
    for role, person, reads in (
        ("operator", None, True),
        ("officer", OFFICER, True),
        ("head", HEAD, True),
        ("sdm", "sdm-akaltara-1", True),
        ("collector", None, True),
        ("officer", COLLEAGUE, False),
        ("admin", None, False),
    ):
        answer = await bench.get(f"/api/v1/cases/{ticket}", role, person)
        assert answer.status_code == 200, (role, person)
        case = answer.json()
        assert (case["citizen"]["name"] is not None) is reads
        assert (case["text"] is not None) is reads
        assert (case["place"]["landmark"] is not None) is reads
        assert (case["history"][-1]["note"] is not None) is reads
        assert case["citizen"]["phone"] == ("+919876543210" if reads else "**********10")
        listed = (await bench.get("/api/v1/cases", role, person)).json()["items"][0]
        assert listed["citizen"] == case["citizen"]
        if not reads:
            assert "रामलाल" not in answer.text
            assert "हैंडपंप दो" not in answer.text


# ---------------------------------------------------------------- lists


async def test_the_nearest_deadline_first_and_none_last(bench: Any, make_case: MakeCase) -> None:
    now = bench.clock()
    hours = [30, None, -2, 5, None]
    for sequence, hour in enumerate(hours, 1):
        due = None if hour is None else now + timedelta(hours=hour)
        bench.put(make_case(sequence), deadline=due)
    answer = await bench.get("/api/v1/cases")
    page = answer.json()
    models.CasesPage.model_validate(page)
    order = [make_case(sequence).ticket for sequence in (3, 4, 1, 2, 5)]
    assert [item["ticket"] for item in page["items"]] == order
    assert [item["overdue"] for item in page["items"]] == [True, False, False, False, False]
    assert page["totals"] == {"all": 5, "overdue": 1, "by_state": {"assigned": 5}}
    assert page["next_cursor"] is None


async def test_pages_are_walked_by_cursor_and_totals_count_all(
    bench: Any, make_case: MakeCase
) -> None:
    for sequence in range(1, 8):
        bench.put(make_case(sequence))
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await bench.get("/api/v1/cases", limit=3, cursor=cursor)).json()
        seen += [item["ticket"] for item in page["items"]]
        assert page["totals"]["all"] == 7
        cursor = page["next_cursor"]
    assert seen == [make_case(sequence).ticket for sequence in range(1, 8)]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("state", "done", "assigned"),
        ("kind", "complain", "suggestion"),
        ("kind", "\x1d", "suggestion"),
        ("kind", " complaint", "suggestion"),
        ("department", "fire", "phe"),
        ("officer", "nobody", "phe-akaltara-1"),
        ("block", "delhi", "akaltara"),
        ("service", "moon", "hand-pump"),
        ("priority", "high", "urgent"),
        ("overdue", "yes", "true"),
        ("unwritten", "1", "true"),
        ("limit", "0", "1 to 200"),
        ("limit", "201", "1 to 200"),
        ("limit", "ten", "1 to 200"),
        ("limit", "9" * 5000, "1 to 200"),
        ("cursor", "AAAA", "not a cursor"),
        ("q", "??", "words"),
        ("q", "x" * 201, "200"),
        ("stat", "closed", "state"),
    ],
)
async def test_a_wrong_filter_is_named_with_what_it_takes(
    bench: Any, name: str, value: str, told: str
) -> None:
    answer = await bench.get("/api/v1/cases", **{name: value})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["field"] == name
    assert told in error["reason"]


async def test_a_parameter_without_a_name_is_of_the_query(bench: Any) -> None:
    for value in ("open", "\x00"):
        answer = await bench.get("/api/v1/cases", **{"": value})
        assert answer.status_code == 422
        assert answer.json()["error"]["field"] == "query"


async def test_empty_filters_are_none(bench: Any, make_case: MakeCase) -> None:
    bench.put(make_case())
    answer = await bench.get("/api/v1/cases", state="", department="", q="", cursor="", limit="")
    assert answer.json()["totals"]["all"] == 1


async def test_a_role_without_personal_data_does_not_search_persons(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case())
    assert (await bench.get("/api/v1/cases", "admin", q="रामलाल")).status_code == 403
    assert (await bench.get("/api/v1/cases", "admin", q="9876543210")).status_code == 403
    found = await bench.get("/api/v1/cases", "admin", q=f"JC-{ticket}")
    assert [item["ticket"] for item in found.json()["items"]] == [ticket]
