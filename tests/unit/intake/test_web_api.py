"""The JSON API: what is taken, what is refused and how, and what a repeat is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from services.intake.web.testing import MemoryIntake
from services.kernel.domain import tickets
from services.kernel.domain.case import Entry
from services.kernel.domain.directory import District

CASES = "/api/v1/cases"
BODY: dict[str, Any] = {
    "kind": "complaint",
    "text": "हैंडपंप तीन दिन से खराब है",
    "place": {"block": "akaltara", "village": "Tarod", "landmark": "स्कूल के पास"},
    "citizen": {"name": "रामकली", "phone": "9876543210"},
}
JSON = {"content-type": "application/json"}


def error(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["error"]
    return found


async def test_a_case_is_accepted_with_a_ticket_and_a_link(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    response = await client.post(CASES, json=BODY)
    assert response.status_code == 202
    told = response.json()
    assert tickets.parse(told["ticket"]) == told["ticket"]
    assert told["number"] == f"JC-{told['ticket']}"
    assert told["kind"] == "complaint"
    assert told["received_at"] == "2026-01-05T04:30:00Z"
    assert "emergency" not in told
    assert "idempotency-replayed" not in response.headers
    event = intake.receipts.event(told["ticket"])
    assert (event.channel, event.district, event.directory_version) == ("web", "janjgir-champa", 1)
    assert event.suggested[0] == "hand-pump"
    assert event.has_phone
    assert intake.receipts.filing(told["ticket"]).landmark == "स्कूल के पास"
    page = await client.get(told["status_url"])
    assert page.status_code == 200


async def test_the_same_key_and_body_are_answered_with_the_same_ticket(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    key = {"Idempotency-Key": "a key"}
    first = await client.post(CASES, json=BODY, headers=key)
    again = await client.post(CASES, json=dict(reversed(BODY.items())), headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post(CASES, json={**BODY, "text": "something else"}, headers=key)
    assert other.status_code == 409
    assert error(other)["code"] == "idempotency_key_reused"
    assert len(intake.receipts.stored) == 1


async def test_a_repeat_stays_accepted_when_the_directory_no_longer_takes_it(
    client: httpx.AsyncClient, intake: MemoryIntake, janjgir: District
) -> None:
    key = {"Idempotency-Key": "k"}
    body = {**BODY, "service": "hand-pump"}
    first = await client.post(CASES, json=body, headers=key)
    others = tuple(service for service in janjgir.services if service.id != "hand-pump")
    intake.directories.put(replace(janjgir, services=others))
    again = await client.post(CASES, json=body, headers=key)
    assert again.json() == first.json()
    assert (await client.post(CASES, json=body)).status_code == 422


async def test_without_a_key_two_requests_are_two_cases(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    for _ in range(2):
        await client.post(CASES, json=BODY)
    assert len(intake.receipts.stored) == 2


async def test_another_district_is_filed_by_its_own_directory(
    client: httpx.AsyncClient, intake: MemoryIntake, sakti: District
) -> None:
    block = sakti.blocks[0]
    body = {**BODY, "district": "sakti", "place": {"block": block.name.hi}}
    told = (await client.post(CASES, json=body)).json()
    assert told["number"].startswith(f"{sakti.code}-")
    assert intake.receipts.event(told["ticket"]).place.block == block.id


@pytest.mark.parametrize("language", ["hi", "en"])
async def test_danger_is_answered_at_once(client: httpx.AsyncClient, language: str) -> None:
    body = {**BODY, "text": "बिजली का तार टूटकर गिरा है, करंट आ रहा है", "language": language}
    key = {"Idempotency-Key": language}
    for _ in range(2):  # the repeat warns as well
        told = (await client.post(CASES, json=body, headers=key)).json()["emergency"]
        assert (told["number"], told["control_room"]) == ("112", "1077")
        assert "112" in told["text"]
        assert ("Call" in told["text"]) == (language == "en")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "praise"}, "kind"),
        ({"kind": None}, "kind"),
        ({"text": 5}, "text"),
        ({"text": ""}, "text"),
        ({"text": "x" * 4001}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"service": "nope"}, "service"),
        ({"district": "nowhere"}, "district"),
        ({"place": {"block": "nope"}}, "place.block"),
        ({"place": {"lat": 21.9}}, "place.lng"),
        ({"place": {"lng": 82.5}}, "place.lat"),
        ({"place": {"lat": True, "lng": 82.5}}, "place.lat"),
        ({"place": {"lat": "21", "lng": 82.5}}, "place.lat"),
        ({"place": {"lat": 91, "lng": 82.5}}, "place.lat"),
        ({"place": {"lat": 21, "lng": -180.5}}, "place.lng"),
        ({"place": []}, "place"),
        ({"place": {"planet": "mars"}}, "place.planet"),
        ({"citizen": {"phone": "12345"}}, "citizen.phone"),
        ({"citizen": {"phone": 9876543210}}, "citizen.phone"),
        ({"citizen": {"name": "x" * 101}}, "citizen.name"),
        ({"confidential": "yes"}, "confidential"),
        ({"confidential": 1}, "confidential"),
        ({"named_official": "nobody"}, "named_official"),
        ({"language": "fr"}, "language"),
        ({"priority": "emergency"}, "priority"),
        ({"on_behalf_of": {"a": {"b": [1, 2, {"c": "d"}]}}}, "on_behalf_of"),
    ],
)
async def test_a_wrong_value_is_refused_by_name(
    client: httpx.AsyncClient, intake: MemoryIntake, change: dict[str, Any], field: str
) -> None:
    response = await client.post(CASES, json={**BODY, **change})
    assert response.status_code == 422
    assert error(response)["field"] == field
    assert error(response)["reason"]
    assert not intake.receipts.stored


async def test_what_is_allowed_is_told(client: httpx.AsyncClient, janjgir: District) -> None:
    response = await client.post(CASES, json={**BODY, "place": {"block": "Atlantis"}})
    assert error(response)["allowed"] == list(janjgir.block_by_id)
    assert "akaltara" in error(response)["reason"]
    response = await client.post(CASES, json={**BODY, "district": "nowhere"})
    assert error(response)["allowed"] == ["janjgir-champa", "sakti"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "field"),
    [
        (b"{", JSON, 400, "body"),
        (b"", JSON, 400, "body"),
        (b'{"kind": "complaint", "text": "\\ud800"}', JSON, 400, "body"),
        (b'{"kind": "complaint", "text": "\xff"}', JSON, 400, "body"),
        (b'{"lat": NaN}', JSON, 400, "body"),
        (b"[" * 5000 + b"]" * 5000, JSON, 400, "body"),
        (b"[]", JSON, 422, "body"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, JSON, 422, "a.a"),
        (b'{"kind": "complaint", "text": "a", "": 1}', JSON, 422, "body"),
        (b'{"": "\\u0000"}', JSON, 422, "body"),
        (b'{"' + b"k" * 9000 + b'": "\\u0000"}', JSON, 422, "kkk"),
        (b"{}", {"content-type": "text/plain"}, 415, "content-type"),
        (b"{}", {}, 415, "content-type"),
        (b'{"text": "' + b"x" * 1_000_000 + b'"}', JSON, 413, "body"),
        (b"{}", {**JSON, "Idempotency-Key": ""}, 422, "Idempotency-Key"),
        (b"{}", {**JSON, "Idempotency-Key": "x" * 201}, 422, "Idempotency-Key"),
        (b"{}", {**JSON, "Idempotency-Key": "é".encode()}, 422, "Idempotency-Key"),
        (b"{}", {**JSON, "Idempotency-Key": "a\tb"}, 422, "Idempotency-Key"),
    ],
)
async def test_a_wrong_request_is_refused_by_name(
    client: httpx.AsyncClient,
    intake: MemoryIntake,
    body: bytes,
    headers: dict[str, str],
    status: int,
    field: str,
) -> None:
    response = await client.post(CASES, content=body, headers=headers)
    assert response.status_code == status, response.text
    assert error(response)["field"].startswith(field)
    assert len(error(response)["field"]) <= 100
    assert error(response)["reason"]
    assert not intake.receipts.stored


async def test_the_store_away_is_503_and_nothing_is_lost_by_trying_again(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    key = {"Idempotency-Key": "k"}
    intake.down()
    response = await client.post(CASES, json=BODY, headers=key)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert error(response)["code"] == "unavailable"
    assert (await client.get("/health/ready")).status_code == 503
    intake.down(False)
    assert (await client.post(CASES, json=BODY, headers=key)).status_code == 202


async def test_status_goes_from_received_to_what_was_done(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    told = (await client.post(CASES, json=BODY)).json()
    ticket = told["ticket"]
    url = told["status_url"].replace("/s/", "/api/v1/status/")
    received = (await client.get(url)).json()
    assert (received["state"], received["number"]) == ("received", told["number"])
    assert "deadline" not in received
    at = intake.clock.advance(hours=2)
    history = (
        Entry(1, at, "assign", "assigned", "routing", data={"office": "phe-akaltara"}),
        Entry(2, at, "note", "assigned", "officer", person="officer-1", note="between us"),
        Entry(3, at, "propose_rejection", "assigned", "officer", note="between us"),
        Entry(4, at, "acknowledge", "acknowledged", "officer", note="between us"),
        Entry(5, at, "ask_citizen", "awaiting_citizen", "officer", note="कौन सा हैंडपंप?"),
    )
    intake.route(ticket, state="awaiting_citizen", history=history, service="hand-pump")
    response = await client.get(url, params={"lang": "en"})
    seen = response.json()
    assert seen["state"] == "awaiting_citizen"
    assert seen["service"] == {"id": "hand-pump", "name": "Hand pump broken"}
    assert seen["question"] == "कौन सा हैंडपंप?"
    assert seen["deadline"] == "2026-01-08T06:30:00Z"
    assert [line["text"] for line in seen["history"]] == [
        "Your case was received",
        "Handed to: PHE sub-division, Akaltara",
        "The officer has seen it",
        "You were asked",
    ]
    assert "between us" not in response.text
    assert "officer-1" not in response.text
    intake.clock.advance(days=4)
    assert (await client.get(url)).json()["overdue"]


async def test_wrong_key_and_unknown_ticket_are_answered_alike(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    told = (await client.post(CASES, json=BODY)).json()
    _, _, link = told["status_url"].partition("/s/")
    ticket, _, key = link.partition("/")
    wrong = [
        f"{ticket}/{key[:-1]}",
        f"{ticket}/x",
        f"{tickets.make(26, 999)}/{key}",
        f"{ticket[:-1]}/{key}",
        f"JC-{ticket}/{key}",
        f"{ticket}/%00%ff",
    ]
    answers = {(await client.get(f"/api/v1/status/{path}")).text for path in wrong}
    assert len(answers) == 1
    for path in wrong:
        assert (await client.get(f"/api/v1/status/{path}")).status_code == 404
    intake.receipts.stored.clear()
    assert (await client.get(f"/api/v1/status/{ticket}/{key}")).text == answers.pop()


async def test_a_rejected_case_tells_why_in_the_citizens_language(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    told = (await client.post(CASES, json=BODY)).json()
    entry = Entry(
        1, intake.clock(), "reject", "rejected", "head", note="ours", data={"reason": "sub_judice"}
    )
    intake.route(told["ticket"], state="rejected", history=(entry,))
    url = told["status_url"].replace("/s/", "/api/v1/status/")
    seen = (await client.get(url, params={"lang": "en"})).json()
    assert seen["history"][-1]["note"] == "The matter is before a court"
    assert "deadline" not in seen


async def test_the_document_describes_what_is_answered(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    document = (await client.get("/openapi.json")).json()
    assert set(document["paths"]) == {"/api/v1/cases", "/api/v1/status/{ticket}/{key}"}
    file = document["paths"]["/api/v1/cases"]["post"]
    assert set(file["responses"]) == {"202", "400", "408", "409", "413", "415", "422", "503"}

    def validator(schema: dict[str, Any]) -> Draft202012Validator:
        return Draft202012Validator({**schema, "components": document["components"]})

    def answer(code: str) -> Draft202012Validator:
        schema: dict[str, Any] = file["responses"][code]["content"]["application/json"]["schema"]
        return validator(schema)

    request = validator(file["requestBody"]["content"]["application/json"]["schema"])
    request.validate(BODY)
    assert not request.is_valid({**BODY, "priority": "emergency"})
    assert not request.is_valid({**BODY, "place": {"lat": 100, "lng": 0}})
    danger = {**BODY, "text": "बिजली का तार टूटकर गिरा है"}
    answer("202").validate((await client.post(CASES, json=danger)).json())
    answer("422").validate((await client.post(CASES, json={"kind": 1})).json())
    answer("400").validate((await client.post(CASES, content=b"", headers=JSON)).json())
    key = {"Idempotency-Key": "x"}
    await client.post(CASES, json=BODY, headers=key)
    answer("409").validate((await client.post(CASES, json=danger, headers=key)).json())
    intake.down()
    answer("503").validate((await client.post(CASES, json=BODY)).json())


@pytest.mark.parametrize(
    "text", ["ड़" * 2000, "ड़ंँ" * 900, "क" * 4000, "सड़क " * 799, "a " * 1999], ids=range(5)
)
async def test_no_text_of_a_citizen_stalls_the_intake(client: httpx.AsyncClient, text: str) -> None:
    """Their comparison would otherwise take hours, so that the test's own limit is the measure."""
    response = await client.post(
        CASES, json={**BODY, "text": text, "place": {"village": text[:100]}}
    )
    assert response.status_code == 202


async def test_lines_of_the_history_are_in_the_districts_time(
    client: httpx.AsyncClient, intake: MemoryIntake
) -> None:
    intake.clock.advance(hours=14)  # 00:00 in India, the next day
    told = (await client.post(CASES, json=BODY)).json()
    page = await client.get(told["status_url"], params={"lang": "en"})
    assert "6 January 2026, 12 am" in page.text
