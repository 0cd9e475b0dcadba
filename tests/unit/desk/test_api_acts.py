"""Acts over the JSON API, and its description, over in-memory stand-ins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.desk import models
from services.desk.core.acts import FIELDS
from services.kernel.domain import lifecycle
from services.kernel.domain.case import MOST_ENTRIES, Case, Entry

OFFICER = "phe-akaltara-1"
HEAD = "phe-head-1"
MakeCase = Callable[..., Case]


async def test_an_act_changes_the_case_and_is_announced(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    answer = await bench.act(ticket, "acknowledge", "officer", OFFICER, key="k-1", note="देखता हूँ")
    assert answer.status_code == 200
    done = answer.json()
    models.ActDone.model_validate(done)
    assert (done["version"], done["state"], done["repeated"]) == (2, "acknowledged", False)
    assert "start" in done["allowed"]
    entry = bench.case(ticket).history[-1]
    assert (entry.action, entry.person, entry.note) == ("acknowledge", OFFICER, "देखता हूँ")
    room = bench.cases.documents[ticket]["case"]
    assert room["n"] == 2


async def test_the_same_key_again_is_the_first_outcome(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    first = (await bench.act(ticket, "acknowledge", "officer", OFFICER, key="k")).json()
    await bench.act(ticket, "start", "officer", OFFICER)
    again = await bench.act(ticket, "acknowledge", "officer", OFFICER, key="k", version=1)
    assert again.status_code == 200
    repeated = again.json()
    assert repeated["repeated"] is True
    for name in ("version", "state", "at"):
        assert repeated[name] == first[name]
    assert "resolve" in repeated["allowed"]  # what is allowed is of now
    assert bench.version(ticket) == 3
    other = await bench.act(ticket, "start", "officer", OFFICER, key="k")
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_key_reused"


async def test_the_same_key_of_two_people_is_two_keys(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    await bench.act(ticket, "note", "officer", OFFICER, key="1", note="अ")
    answer = await bench.act(ticket, "note", "head", HEAD, key="1", note="ब")
    assert answer.json()["repeated"] is False
    assert [entry.note for entry in bench.case(ticket).history] == ["अ", "ब"]


async def test_a_repeat_is_answered_though_the_case_has_left_his_sight(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case())
    first = await bench.act(ticket, "transfer", "officer", OFFICER, key="t", department="pwd")
    assert first.status_code == 200
    assert (await bench.get(f"/api/v1/cases/{ticket}", "officer", OFFICER)).status_code == 404
    again = await bench.act(
        ticket, "transfer", "officer", OFFICER, key="t", version=1, department="pwd"
    )
    assert again.status_code == 200
    assert again.json() == {**first.json(), "repeated": True, "allowed": []}


@pytest.mark.parametrize("key", ["x" * 201, "a\tb", "é"])
async def test_a_key_that_cannot_be_kept_is_named(
    bench: Any, make_case: MakeCase, key: str
) -> None:
    ticket = bench.put(make_case())
    answer = await bench.client.post(
        f"/api/v1/cases/{ticket}/actions",
        json={"action": "note", "expected_version": 1, "note": "x"},
        headers=bench.bearer("operator") | {"Idempotency-Key": key.encode("latin-1")},  # type: ignore[operator]
    )
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "Idempotency-Key"


async def test_the_second_of_two_gets_the_fresh_state(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    await bench.act(ticket, "acknowledge", "officer", OFFICER)
    answer = await bench.act(ticket, "start", "head", HEAD, version=1)
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "stale_version"
    assert (error["expected_version"], error["version"], error["action"]) == (1, 2, "start")
    assert error["state"] == "acknowledged"
    assert "start" in error["allowed"]


async def test_an_illegal_action_names_what_is_allowed(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    answer = await bench.act(ticket, "resolve", "officer", OFFICER)
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "illegal_action"
    assert (error["state"], error["action"], error["version"]) == ("assigned", "resolve", 1)
    assert "acknowledge" in error["allowed"]
    assert "resolve" not in error["allowed"]


async def test_what_the_role_may_not_do_is_403(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case(state="resolved"))
    for action, role, person in (
        ("confirm", "officer", OFFICER),
        ("close", "head", HEAD),
        ("reopen", "officer", OFFICER),
        ("rate", "collector", None),
    ):
        fields = {"rating": 5} if action == "rate" else {}
        answer = await bench.act(ticket, action, role, person, **fields)
        assert answer.status_code == 403, action
        assert answer.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "fly", "expected_version": 1}, "action"),
        ({"action": ["note"], "expected_version": 1}, "action"),
        ({"action": "acknowledge"}, "expected_version"),
        ({"action": "acknowledge", "expected_version": "1"}, "expected_version"),
        ({"action": "acknowledge", "expected_version": True}, "expected_version"),
        ({"action": "acknowledge", "expected_version": -1}, "expected_version"),
        ({"action": "acknowledge", "expected_version": 1, "note": 5}, "note"),
        ({"action": "acknowledge", "expected_version": 1, "note": "x" * 4001}, "note"),
        ({"action": "acknowledge", "expected_version": 1, "public": "yes"}, "public"),
        ({"action": "acknowledge", "expected_version": 1, "officer": OFFICER}, "officer"),
        ({"action": "acknowledge", "expected_version": 1, "note": "a\u0000b"}, "note"),
        ({"action": "note", "expected_version": 1}, "note"),
        ({"action": "note", "expected_version": 1, "note": "   "}, "note"),
        ({"action": "assign", "expected_version": 1}, "officer"),
        ({"action": "assign", "expected_version": 1, "officer": "nobody"}, "officer"),
        ({"action": "assign", "expected_version": 1, "officer": {"$ne": 1}}, "officer"),
        ({"action": "assign", "expected_version": 1, "officer": "pwd-district-1"}, "officer"),
        ({"action": "assign", "expected_version": 1, "directory_version": 1}, "directory_version"),
        ({"action": "transfer", "expected_version": 1, "department": "fire"}, "department"),
        ({"action": "transfer", "expected_version": 1, "department": "phe"}, "department"),
        ({"action": "transfer", "expected_version": 1, "officer": OFFICER}, "officer"),
        ({"action": "change_service", "expected_version": 1}, "service"),
        ({"action": "change_service", "expected_version": 1, "service": "moon"}, "service"),
        (
            {
                "action": "change_service",
                "expected_version": 1,
                "service": "dirty-water",
                "priority": "high",
            },
            "priority",
        ),
        ({"action": "propose_rejection", "expected_version": 1}, "reason"),
        ({"action": "propose_rejection", "expected_version": 1, "reason": "dull"}, "reason"),
        *(
            ({"action": "note", "expected_version": 1, "note": f"a{control}b"}, "note")
            for control in "\x01\x08\x0b\x0c\x1b\x1f\x7f\x85\x9f"
        ),
        ({"action": "note", "expected_version": 1, "note": "\x1ca"}, "note"),
        ({"action": "acknowledge", "expected_version": 1, "": 1}, "body"),
        ({"action": "acknowledge", "expected_version": 2**31}, "expected_version"),
        ({"action": "acknowledge", "expected_version": 1.5}, "expected_version"),
        ({"action": "attach", "expected_version": 1}, "media"),
        ({"action": "attach", "expected_version": 1, "media": [], "note": " "}, "media"),
        ({"action": "attach", "expected_version": 1, "media": "photo"}, "media"),
        ({"action": "attach", "expected_version": 1, "media": ["A/../b"]}, "media"),
    ],
)
async def test_a_wrong_field_is_named(
    bench: Any, make_case: MakeCase, body: dict[str, Any], field: str
) -> None:
    ticket = bench.put(make_case(9))
    answer = await bench.client.post(
        f"/api/v1/cases/{ticket}/actions", json=body, headers=bench.bearer("head", HEAD)
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == field
    assert bench.version(ticket) == 1


async def test_a_whole_number_is_one_however_json_writes_it(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    assert (await bench.act(ticket, "note", version=1.0, note="देखा")).status_code == 200


async def test_lines_tabs_and_joiners_are_words_too(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    words = "क्\u200dष\n\tदूसरी पंक्ति\r\nतीसरी"
    assert (await bench.act(ticket, "note", note=words)).status_code == 200
    assert bench.case(ticket).history[-1].note == words


async def test_attaching_needs_media_or_words(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    for fields in ({"note": "फ़ोटो बाद में"}, {"media": ["photo-1"]}):
        assert (await bench.act(ticket, "attach", **fields)).status_code == 200


async def test_a_full_history_takes_what_moves_the_case_and_says_so(
    bench: Any, make_case: MakeCase
) -> None:
    case = make_case(state="in_progress")
    entries = tuple(
        Entry(n, case.filed_at, "note", "in_progress", "operator", note="अ")
        for n in range(1, MOST_ENTRIES + 1)
    )
    ticket = bench.put(replace(case, history=entries), n=MOST_ENTRIES)
    answer = await bench.act(ticket, "note", "officer", OFFICER, note="एक और")
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("conflict", "history")
    assert {"resolve", "transfer"} <= set(error["allowed"])
    assert "note" not in error["allowed"]
    resolved = await bench.act(ticket, "resolve", "officer", OFFICER, note="हो गया")
    assert resolved.json()["state"] == "resolved"


async def test_what_is_no_json_object_is_refused(bench: Any, make_case: MakeCase) -> None:
    path = f"/api/v1/cases/{bench.put(make_case())}/actions"
    headers = bench.bearer("operator")
    for content, kind, status in (
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b'{"action": "\\ud800"}', "application/json", 400),
    ):
        answer = await bench.client.post(
            path, content=content, headers={**headers, "Content-Type": kind}
        )
        assert answer.status_code == status


async def test_the_store_away_is_503_with_a_hint(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    bench.cases.down = True
    for path in (f"/api/v1/cases/{ticket}", "/api/v1/cases"):
        answer = await bench.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0


async def test_kafka_away_does_not_stop_an_act(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    bench.broker.down = True
    answer = await bench.act(ticket, "acknowledge", "officer", OFFICER)
    assert answer.status_code == 200
    room = bench.cases.documents[ticket]["case"]
    assert len(room["outbox"]) == 1
    assert room["unsent_since"] is not None


# ---------------------------------------------------------------- the description


async def test_the_description_names_every_route_and_answer(bench: Any) -> None:
    description = (await bench.client.get("/openapi.json")).json()
    assert set(description["paths"]) == {
        "/api/v1/cases",
        "/api/v1/cases/{ticket}",
        "/api/v1/cases/{ticket}/actions",
        "/api/v1/cases/{ticket}/media/{media_id}",
        "/api/v1/cases/{ticket}/notices",
        "/api/v1/cases/{ticket}/sla",
    }
    act = description["paths"]["/api/v1/cases/{ticket}/actions"]["post"]
    assert {"200", "400", "401", "403", "404", "408", "409", "413", "415", "422", "503"} == set(
        act["responses"]
    )
    shapes = act["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    described = [action for shape in shapes for action in shape["properties"]["action"]["enum"]]
    assert sorted(described) == sorted(lifecycle.ACTIONS)
    assert description["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    parameters = {p["name"]: p for p in description["paths"]["/api/v1/cases"]["get"]["parameters"]}
    assert {"overdue", "unwritten"} <= parameters.keys()
    assert "open" in parameters["state"]["schema"]["enum"]


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["phe", "phe-akaltara-2", "pwd", "hand-pump", "duplicate", "2600000016"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
_FIELD = (
    st.sampled_from(["note", "public", *sorted({name for own in FIELDS.values() for name in own})])
    | st.text(max_size=10)
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    action=st.sampled_from(lifecycle.ACTIONS) | st.text(max_size=10),
    fields=st.dictionaries(_FIELD, _JSON, max_size=5),
    state=st.sampled_from(lifecycle.STATES),
)
def test_no_body_makes_it_fail(
    action: str,
    fields: dict[str, Any],
    state: str,
    janjgir: Any,
    make_case: MakeCase,
    new_bench: Callable[[], Any],
) -> None:
    """Whatever is sent is done or refused with the field or the state named."""

    async def once() -> None:
        bench = new_bench()
        ticket = bench.put(make_case(state=state))
        body = {"action": action, "expected_version": 1, **fields}
        answer = await bench.client.post(
            f"/api/v1/cases/{ticket}/actions",
            content=json.dumps(body).encode("utf-8", "surrogatepass"),
            headers=bench.bearer("collector") | {"Content-Type": "application/json"},
        )
        assert answer.status_code in (200, 400, 403, 409, 422), answer.text
        if answer.status_code == 422:
            assert "field" in answer.json()["error"]
        if answer.status_code == 200:
            models.ActDone.model_validate(answer.json())
            whole = await bench.get(f"/api/v1/cases/{ticket}", "collector")
            models.CaseWhole.model_validate(whole.json())
        await bench.client.aclose()

    asyncio.run(once())
