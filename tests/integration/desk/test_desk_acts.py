"""Acts at the desk against the real store: two at once, the outbox, the gauges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from services.desk.adapters import gauges
from services.desk.adapters.clocks import StoredClocks
from services.desk.adapters.lists import CaseLists
from services.desk.adapters.texts import load_texts
from services.desk.api import build
from services.desk.handlers.desk import Desk
from services.kernel.adapters import mongo, tokens
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.timer_document import to_fields
from services.kernel.contracts import events
from services.kernel.domain.case import Case
from services.kernel.testing.memory import ManualClock, MemoryBroker, MemoryVault
from services.sla.testing import Living

SECRET = "a-secret-of-the-tests-with-32-bytes"
NOW = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
OFFICER = "phe-akaltara-1"
MakeCase = Callable[..., Case]
Documents = Callable[..., mongo.Document]


class Line:
    def __init__(self, database: mongo.Database, directory: DirectoryStore) -> None:
        self.broker, self.vault, clock = MemoryBroker(), MemoryVault(), ManualClock(NOW)
        rooms = MongoRooms(database["cases"], "case", READS)
        self.store = CaseStore(rooms, Outbox("case", self.broker), self.vault, clock)
        texts = load_texts()
        lists, clocks = CaseLists(database["cases"]), StoredClocks(RulesOf(directory))
        desk = Desk(self.store, lists, directory, clocks, texts, clock, SECRET)
        app = build(desk, texts, {}, token_secret=SECRET)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk")

    async def act(self, ticket: str, person: str, key: str, **body: Any) -> httpx.Response:
        role = "head" if "head" in person else "officer"
        token = tokens.issue(
            SECRET,
            role=role,  # type: ignore[arg-type]
            person=person,
            district="janjgir-champa",
            now=NOW,
        )
        return await self.client.post(
            f"/api/v1/cases/{ticket}/actions",
            json=body,
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
        )


    async def clock(self, ticket: str, at: str) -> dict[str, Any]:
        token = tokens.issue(
            SECRET, role="officer", person=OFFICER, district="janjgir-champa", now=NOW
        )
        answer = await self.client.get(
            f"/api/v1/cases/{ticket}/sla",
            params={"at": at},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
async def line(database: mongo.Database, directory: DirectoryStore) -> AsyncIterator[Line]:
    line = Line(database, directory)
    line.store.start()
    yield line
    await line.client.aclose()
    await line.store.stop()


async def test_of_many_at_once_one_wins_and_the_others_get_the_fresh_state(
    database: mongo.Database, line: Line, make_case: MakeCase, to_document: Documents
) -> None:
    case = make_case(1)
    await database["cases"].insert_one(to_document(case))
    answers = await asyncio.gather(
        *(
            line.act(case.ticket, who, f"{who}-{i}", action="acknowledge", expected_version=1)
            for i in range(10)
            for who in (OFFICER, "phe-head-1")
        )
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1
    assert statuses.count(409) == 19
    for answer in answers:
        if answer.status_code == 409:
            error = answer.json()["error"]
            assert (error["version"], error["state"]) == (2, "acknowledged")
            assert "start" in error["allowed"]
    stored = await database["cases"].find_one({"_id": case.ticket})
    assert stored is not None
    assert stored["case"]["n"] == 2
    assert [entry["action"] for entry in stored["case"]["history"]] == ["acknowledge"]


async def test_one_request_sent_many_times_at_once_is_one_act(
    database: mongo.Database, line: Line, make_case: MakeCase, to_document: Documents
) -> None:
    case = make_case(1)
    await database["cases"].insert_one(to_document(case))
    body = {"action": "acknowledge", "expected_version": 1, "note": "देख लिया"}
    line.vault.new(case.ticket)
    answers = await asyncio.gather(
        *(line.act(case.ticket, OFFICER, "the-key", **body) for _ in range(12))
    )
    assert {answer.status_code for answer in answers} == {200}
    told = [answer.json() for answer in answers]
    assert {(one["version"], one["state"], one["at"]) for one in told} == {
        (2, "acknowledged", told[0]["at"])
    }
    assert sum(not one["repeated"] for one in told) == 1


async def test_an_act_is_published_and_its_outbox_trimmed(
    database: mongo.Database,
    line: Line,
    make_case: MakeCase,
    to_document: Documents,
    eventually: Callable[..., Any],
) -> None:
    case = make_case(1)
    await database["cases"].insert_one(to_document(case))
    line.vault.new(case.ticket)
    answer = await line.act(
        case.ticket, OFFICER, "k", action="start", expected_version=1, note="निकल रहा हूँ"
    )
    assert answer.status_code == 200

    async def trimmed() -> bool:
        stored = await database["cases"].find_one({"_id": case.ticket})
        return stored is not None and not stored["case"]["outbox"]

    await eventually(trimmed, "the outbox is trimmed")
    [message] = line.broker.messages
    assert message.key == case.ticket.encode()
    assert "निकल".encode() not in message.value  # the words travel sealed


async def test_a_transfer_goes_to_who_has_the_fewest_cases(
    database: mongo.Database, line: Line, make_case: MakeCase, to_document: Documents
) -> None:
    busy = [make_case(i, officer=f"phe-akaltara-{1 + i % 2}") for i in range(2, 8)]
    case = make_case(1, department="pwd", office="pwd-district", officer="pwd-district-1")
    await database["cases"].insert_many([to_document(c) for c in (case, *busy)])
    answer = await line.act(
        case.ticket,
        "pwd-district-1",
        "k",
        action="transfer",
        expected_version=1,
        department="phe",
    )
    assert answer.status_code == 200
    stored = await database["cases"].find_one({"_id": case.ticket})
    assert stored is not None
    room = stored["case"]
    assert (room["department"], room["office"], room["officer"]) == (
        "phe",
        "phe-akaltara",
        "phe-akaltara-3",
    )
    told = room["history"][-1]["data"]
    assert told["directory_version"] == 1
    assert "Manoj Kumar Bareth" in told["reason"]


async def test_the_gauge_of_open_cases_follows_the_store(
    database: mongo.Database, make_case: MakeCase, to_document: Documents
) -> None:
    def gauge(state: str) -> float | None:
        labels = {"district": "janjgir-champa", "department": "phe", "state": state}
        return REGISTRY.get_sample_value("samvad_open_cases", labels)

    cases = database["cases"]
    await cases.insert_many(
        [
            to_document(make_case(1)),
            to_document(make_case(2)),
            to_document(make_case(3, state="closed")),
        ]
    )
    await gauges.measure_open_cases(cases)
    assert (gauge("assigned"), gauge("closed")) == (2, None)
    await cases.update_many({}, {"$set": {"case.state": "acknowledged"}})
    await gauges.measure_open_cases(cases)
    assert (gauge("assigned"), gauge("acknowledged")) == (None, 2)


async def test_a_receipt_without_its_case_is_unaccounted(
    database: mongo.Database, make_case: MakeCase, to_document: Documents
) -> None:
    def gauge() -> float | None:
        return REGISTRY.get_sample_value("samvad_unaccounted_cases", {"window": "day"})

    case = make_case(1)
    receipt = {"_id": case.ticket, "received_at": NOW - timedelta(minutes=2)}
    await database["receipts"].insert_one(receipt)
    await gauges.measure_unaccounted(database, NOW - timedelta(minutes=1, seconds=30))
    assert gauge() == 0, "it may be under way for a minute"
    await gauges.measure_unaccounted(database, NOW)
    assert gauge() == 1
    await database["cases"].insert_one(to_document(case))
    await gauges.measure_unaccounted(database, NOW)
    assert gauge() == 0


async def test_a_stored_clock_is_explained_to_the_millisecond(
    database: mongo.Database,
    directory: DirectoryStore,
    line: Line,
    make_case: MakeCase,
    to_document: Documents,
) -> None:
    district = await directory.version("janjgir-champa", 1)
    case = make_case(9, filed_at=NOW - timedelta(days=7, milliseconds=250))
    living = Living(district, case.filed_at, "hand-pump", block="akaltara")
    living.did(events.QuestionAsked, NOW - timedelta(days=4), question=1)
    living.reached(NOW - timedelta(days=3, milliseconds=125))
    living.did(events.QuestionAnswered, NOW - timedelta(days=2), question=1)
    room = {**to_fields(living.timer, living.running), "n": 0, "seen": {}, "outbox": []}
    await database["cases"].insert_one({**to_document(case), "sla": room})
    body = await line.clock(case.ticket, NOW.isoformat())
    assert (body["directory_version"], body["paused"]) == (1, False)
    resolve = body["targets"][-1]
    lengths = {"worked": 0.0, "off_hours": 0.0, "holiday": 0.0, "paused": 0.0}
    for segment in resolve["segments"]:
        lengths[segment["kind"]] += segment["seconds"]
    assert sum(lengths.values()) == 7 * 86400 + 0.25
    assert lengths["paused"] == 86400 + 0.125
    assert lengths["worked"] == resolve["burnt"] == resolve["allowed"] - resolve["left"]
    due = await line.clock(case.ticket, resolve["due_at"])
    assert due["targets"][-1]["left"] == 0
