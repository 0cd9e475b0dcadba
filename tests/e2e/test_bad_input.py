"""Bad input to the running intake: each a 4xx that names field and reason, and nothing is stored."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.cli.stack import Stack
from tests.e2e.client import Line
from tests.e2e.test_line import PUMP


@pytest.fixture
async def at(line: Stack) -> AsyncIterator[Line]:
    client = Line(line)
    yield client
    await client.http.aclose()


def with_(**changes: Any) -> bytes:
    return json.dumps({**PUMP, **changes}).encode()


def deep(levels: int) -> bytes:
    return b'{"kind": "complaint", "text": "x", "place": ' + b"[" * levels + b"]" * levels + b"}"


BAD = {
    "kind of another type": (with_(kind=7), 422, "kind"),
    "kind that there is not": (with_(kind="praise"), 422, "kind"),
    "no text": (with_(text=""), 422, "text"),
    "text of another type": (with_(text=["a"]), 422, "text"),
    "text too long": (with_(text="क" * 4001), 422, "text"),
    "a megabyte": (with_(text="x" * 1_000_000), 413, "body"),
    "unknown block": (with_(place={"block": "atlantis"}), 422, "place.block"),
    "unknown service": (with_(service="teleport"), 422, "service"),
    "unknown district": (with_(district="nowhere"), 422, "district"),
    "bad phone": (with_(citizen={"phone": "12345"}), 422, "citizen.phone"),
    "latitude alone": (with_(place={"block": "akaltara", "lat": 22.0}), 422, "place.lng"),
    "latitude out of the world": (with_(place={"lat": 97.0, "lng": 82.5}), 422, "place.lat"),
    "NUL": (with_(text="a\x00b"), 422, "text"),
    "unpaired surrogate": (b'{"kind": "complaint", "text": "a\\ud800b"}', 400, "body"),
    "deep JSON": (deep(5000), 400, "body"),
    "nested JSON": (deep(30), 422, "place"),
    "not JSON": (b"{kind: complaint", 400, "body"),
    "a list": (b"[1, 2]", 422, "body"),
    "unknown field": (with_(favour="please"), 422, "favour"),
    "a word for yes": (with_(confidential="yes"), 422, "confidential"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_told_by_field_and_reason(at: Line, name: str) -> None:
    body, status, field = BAD[name]
    before = await at.metric("intake-web", "samvad_intake_accepted_total")
    answer = await at.http.post(
        at.stack.url("intake-web", "/api/v1/cases"),
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert field in error["field"], error
    assert error["reason"]
    assert await at.metric("intake-web", "samvad_intake_accepted_total") == before


async def test_another_content_type_is_refused(at: Line) -> None:
    answer = await at.http.post(
        at.stack.url("intake-web", "/api/v1/cases"),
        content=with_(),
        headers={"Content-Type": "text/xml"},
    )
    assert answer.status_code == 415, answer.text
    assert answer.json()["error"]["field"] == "content-type"


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_bad_idempotency_key_is_refused(at: Line, key: str) -> None:
    answer = await at.http.post(
        at.stack.url("intake-web", "/api/v1/cases"),
        json=PUMP,
        headers={"Idempotency-Key": key},
    )
    assert answer.status_code == 422, answer.text
    assert "key" in answer.json()["error"]["field"].lower()


async def test_a_key_that_no_header_may_hold_is_no_request(at: Line) -> None:
    """The parser of requests refuses it before any of our code."""
    answer = await at.http.post(
        at.stack.url("intake-web", "/api/v1/cases"), json=PUMP, headers={"Idempotency-Key": "\x7f"}
    )
    assert answer.status_code == 400
