"""One key, one request: what comes again, what else is asked under the key, and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from services.kernel.adapters import tokens
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District
from tests.unit.desk.conftest import SECRET

OFFICER = "phe-akaltara-1"
HEAD = "phe-head-1"
MakeCase = Callable[..., Case]


async def _of_sakti(bench: Any, ticket: str, key: str, **body: Any) -> httpx.Response:
    """What an operator of the other district is answered."""
    token = tokens.issue(SECRET, role="operator", person=None, district="sakti", now=bench.clock())
    answer: httpx.Response = await bench.client.post(
        f"/api/v1/cases/{ticket}/actions",
        json=body,
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
    )
    return answer


async def test_the_key_with_other_words_is_refused_and_nothing_is_lost_silently(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case())
    for role, person in (("operator", None), ("officer", OFFICER)):
        first = await bench.act(ticket, "note", role, person, key="k", note="अ")
        assert first.json()["repeated"] is False
        before = bench.version(ticket)
        for other in ({"note": "ब"}, {"note": "अ", "public": True}):
            answer = await bench.act(ticket, "note", role, person, key="k", **other)
            assert answer.status_code == 409
            error = answer.json()["error"]
            assert (error["code"], error["field"]) == ("idempotency_key_reused", "Idempotency-Key")
        assert bench.version(ticket) == before
        # the version that he saw is no part of what he wants
        again = await bench.act(ticket, "note", role, person, key="k", note=" अ\n", version=0)
        assert again.json() == {**first.json(), "repeated": True}


async def test_the_key_with_other_data_is_refused(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    sent = {"service": "dirty-water", "priority": "urgent"}
    first = await bench.act(ticket, "change_service", "head", HEAD, key="k", **sent)
    assert first.status_code == 200
    for other in ({**sent, "priority": "normal"}, {"service": "dirty-water"}):
        answer = await bench.act(ticket, "change_service", "head", HEAD, key="k", **other)
        assert answer.json()["error"]["code"] == "idempotency_key_reused"
    again = await bench.act(ticket, "change_service", "head", HEAD, key="k", **sent)
    assert again.json()["repeated"] is True


async def test_another_district_learns_nothing_from_a_key(
    bench: Any, make_case: MakeCase, sakti: District
) -> None:
    bench.directories.districts["sakti"] = replace(sakti, version=1)
    ticket = bench.put(make_case())
    body = {"action": "note", "expected_version": 1, "note": "अ"}
    first = await bench.act(ticket, "note", "operator", None, key="k", note="अ")
    assert first.status_code == 200
    replayed = await _of_sakti(bench, ticket, "k", **body)
    fresh = await _of_sakti(bench, ticket, "another", **body)
    assert replayed.status_code == fresh.status_code == 404
    assert replayed.json() == fresh.json()


async def test_another_person_learns_nothing_from_a_key(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    await bench.act(ticket, "note", "officer", OFFICER, key="k", note="अ")
    stranger = ("officer", "phe-baloda-1")
    answer = await bench.act(ticket, "note", *stranger, key="k", note="अ", version=1)
    assert answer.status_code == 404
    # nor by a role that is not his, though the person is the same
    answer = await bench.act(ticket, "note", "head", OFFICER, key="k", note="अ", version=1)
    assert answer.status_code == 404


async def test_ids_and_keys_with_colons_do_not_meet(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    await bench.act(ticket, "note", "operator", "a:b", key="c", note="अ")
    answer = await bench.act(ticket, "note", "operator", "a", key="b:c", note="अ")
    assert answer.json()["repeated"] is False


async def test_two_requests_with_one_key_at_once_are_told_apart(
    bench: Any, make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the case before either has written."""
    ticket = bench.put(make_case())
    load, met = bench.store.load, asyncio.Barrier(2)
    waiting = 2

    async def together(wanted: str) -> Any:
        nonlocal waiting
        found = await load(wanted)
        if waiting:
            waiting -= 1
            await met.wait()
        return found

    monkeypatch.setattr(bench.store, "load", together)
    answers = await asyncio.gather(
        *(bench.act(ticket, "note", key="k", note=note) for note in ("अ", "ब"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"]["code"] == "idempotency_key_reused"
    assert bench.version(ticket) == 2
