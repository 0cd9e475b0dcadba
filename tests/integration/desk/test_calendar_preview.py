"""What a holiday would move, over HTTP and out of a real MongoDB, for those who may see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.desk.adapters import previews as adapter
from services.desk.adapters.clocks import StoredClocks
from services.desk.adapters.lists import CaseLists
from services.desk.adapters.previews import StoredPreviews
from services.desk.adapters.texts import load_texts
from services.desk.api import build
from services.desk.calendar_models import CalendarPreview
from services.desk.handlers.desk import Desk
from services.kernel.adapters import mongo, tokens
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.timer_document import to_fields
from services.kernel.contracts import events as e
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District
from services.kernel.domain.people import Role
from services.kernel.testing.memory import ManualClock, MemoryBroker, MemoryVault
from services.sla.testing import Living, ist

SECRET = "a-secret-of-the-tests-with-32-bytes"
NOW = ist("2026-03-10 12:00")
THURSDAY = {
    "holidays": [
        {"calendar": "office", "day": "2026-03-05", "name": {"hi": "रंग पंचमी", "en": "Rang Panchami"}}
    ]
}
LATE = "2026-03-02 10:00"
LATER = "2026-03-04 19:00"


class Line:
    def __init__(
        self,
        database: mongo.Database,
        directory: DirectoryStore,
        district: District,
        make_case: Callable[..., Case],
        to_document: Callable[..., mongo.Document],
    ) -> None:
        self.cases = database["cases"]
        self.district, self.make_case, self.to_document = district, make_case, to_document
        clock, rules, texts = ManualClock(NOW), RulesOf(directory), load_texts()
        rooms = MongoRooms(self.cases, "case", READS)
        store = CaseStore(rooms, Outbox("case", MemoryBroker()), MemoryVault(), clock)
        lists = CaseLists(self.cases)
        desk = Desk(store, lists, directory, StoredClocks(rules), texts, clock, SECRET)
        previews = StoredPreviews(self.cases, rules)
        app = build(desk, texts, {}, token_secret=SECRET, previews=previews)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk")

    async def put(
        self, sequence: int, filed_at: str = LATER, withdrawn: str | None = None, **fields: Any
    ) -> str:
        """A case with its clock, as the worker would have stored it at NOW."""
        case = self.make_case(sequence, filed_at=ist(filed_at), **fields)
        living = Living(self.district, filed_at, case.service)
        if withdrawn is not None:
            living.did(e.CaseWithdrawn, withdrawn)
        living.at(NOW)
        room = {**to_fields(living.timer, living.running), "n": 0, "seen": {}, "outbox": []}
        await self.cases.insert_one({**self.to_document(case), "sla": room})
        return case.ticket

    async def preview(self, role: Role) -> dict[str, Any]:
        token = tokens.issue(SECRET, role=role, person=None, district=self.district.id, now=NOW)
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self.client.post(
            "/api/v1/calendar/preview", json=THURSDAY, headers=headers
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        CalendarPreview.model_validate(body)
        return body


@pytest.fixture
async def line(
    database: mongo.Database, directory: DirectoryStore, janjgir: District, make_case: Any, to_document: Any
) -> AsyncIterator[Line]:
    line = Line(database, directory, janjgir, make_case, to_document)
    yield line
    await line.client.aclose()


async def test_what_moves_and_what_stays_for_those_who_may_see_it(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving, breached = await line.put(1), await line.put(2, LATE)
    hidden = await line.put(3, named_official="collector-1")
    secret = await line.put(4, confidential=True)
    await line.put(5, "2026-01-05 10:00", withdrawn="2026-01-05 12:00")

    body = await line.preview("collector")
    assert body["changed"] == ["calendars/office"]
    assert (body["clocks"], body["moving"], body["keeping"], body["stuck"]) == (3, 2, 3, 0)
    resolve = {
        one["ticket"]: (one["number"], one["service"], one["from"], one["to"], one["due_at_once"])
        for one in body["moves"]
    }
    assert set(resolve) == {moving, secret}
    number, service, before, after, at_once = resolve[moving]
    assert (number, service, at_once) == (f"JC-{moving}", "hand-pump", False)
    assert (before, after) == tuple(
        ist(at).isoformat() for at in ("2026-03-11 18:00", "2026-03-12 18:00")
    )
    assert body["furthest_seconds"] == timedelta(days=1).total_seconds()
    stays = {(one["ticket"], one["target"]): one["would_be"] for one in body["staying"]}
    assert stays[breached, "resolve"] == ist("2026-03-10 18:00").isoformat()
    assert hidden not in str(body), "it names him"

    seen_by_admin = await line.preview("admin")
    assert {one["ticket"] for one in seen_by_admin["moves"]} == {moving, hidden}

    assert not body["truncated"]
    monkeypatch.setattr(adapter, "MOST", 1)
    cut = await line.preview("collector")
    assert (len(cut["moves"]), cut["moving"], cut["truncated"]) == (1, 2, True)
