"""A desk over in-memory stand-ins: the real case store and lifecycle, no MongoDB, no Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.desk.adapters.clocks import StoredClocks
from services.desk.adapters.texts import load_texts
from services.desk.api import build
from services.desk.core import rights
from services.desk.core.cursor import Position
from services.desk.core.ports import Query, Totals
from services.desk.core.texts import Texts
from services.desk.core.view import Row
from services.desk.handlers.desk import Desk
from services.desk.testing import NOW, made_up
from services.kernel.adapters import case_document, tokens
from services.kernel.adapters.case_store import READS, CaseStore, stored
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.outbox import Outbox
from services.kernel.contracts.notices import MessageRow
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Retry, Unavailable, Unknown
from services.kernel.domain.media import Medium
from services.kernel.domain.people import Role
from services.kernel.testing.memory import (
    ManualClock,
    MemoryBroker,
    MemoryCases,
    MemoryRooms,
    MemoryVault,
)

SECRET = "a-secret-of-the-tests-with-32-bytes"


class MemoryLists:
    """Lists out of the documents in memory; what `CaseLists` asks MongoDB is tested with MongoDB."""

    def __init__(self, cases: MemoryCases, directory: District) -> None:
        self._cases = cases
        self._directory = directory

    def _rows(self, query: Query) -> list[Row]:
        if self._cases.down:
            raise Unavailable("the store")
        rows = []
        for document in self._cases.documents.values():
            found = stored(document)
            row = Row(found.case, found.n, document.get("sla") or {})
            filters = query.filters
            search = filters.search
            if not rights.sees(query.scope, row.case, self._directory):
                continue
            if filters.open is not None and row.case.open != filters.open:
                continue
            if filters.department not in (None, row.case.department):
                continue
            if filters.overdue not in (None, row.overdue(query.now)):
                continue
            if filters.unwritten is not None:
                own = query.actor.role != "officer" or row.case.officer == query.actor.id
                if not own or bool(row.case.unwritten) != filters.unwritten:
                    continue
            if search is not None and row.case.ticket != search.ticket:
                continue
            rows.append(row)
        return sorted(rows, key=_order)

    async def page(self, query: Query) -> tuple[list[Row], Position | None]:
        after, limit = query.filters.after, query.filters.limit
        rows = [
            row
            for row in self._rows(query)
            if after is None or _order(row) > _order_of(after.deadline, after.ticket)
        ]
        last = rows[limit - 1] if len(rows) > limit else None
        return rows[:limit], Position(last.deadline, last.case.ticket) if last else None

    async def totals(self, query: Query) -> Totals:
        rows = self._rows(query)
        states = sorted({row.case.state for row in rows})
        return Totals(
            all=len(rows),
            overdue=sum(row.overdue(query.now) for row in rows),
            by_state={s: sum(row.case.state == s for row in rows) for s in states},
        )

    async def unwritten(self, query: Query) -> int:
        return sum(len(row.case.unwritten) for row in self._rows(query))

    async def open_cases(self, officers: Sequence[str]) -> Mapping[str, int]:
        cases = [stored(document).case for document in self._cases.documents.values()]
        return {
            officer: count
            for officer in officers
            if (count := sum(case.open and case.officer == officer for case in cases))
        }


def _order(row: Row) -> tuple[bool, datetime, str]:
    return _order_of(row.deadline, row.case.ticket)


def _order_of(deadline: datetime | None, ticket: str) -> tuple[bool, datetime, str]:
    return (deadline is None, deadline or datetime.min.replace(tzinfo=UTC), ticket)


class MemoryDirectories:
    def __init__(self, *districts: District) -> None:
        self.districts = {district.id: district for district in districts}

    async def newest(self, district: str) -> District:
        if district not in self.districts:
            raise Unknown("there is no such district", field="district")
        return self.districts[district]

    async def version(self, district: str, version: int) -> District:
        if version != 1:
            raise Retry("no such version yet")
        return await self.newest(district)


class MemoryNotices:
    """Messages by ticket, oldest first."""

    def __init__(self, cases: MemoryCases) -> None:
        self._cases = cases
        self.rows: dict[str, list[MessageRow]] = {}

    async def of(self, ticket: str, limit: int) -> tuple[list[MessageRow], bool]:
        if self._cases.down:
            raise Unavailable("the store")
        found = self.rows.get(ticket, [])
        return found[-limit:], len(found) > limit


class MemoryFile:
    def __init__(self, data: bytes, mime: str) -> None:
        self.data = data
        self.mime = mime
        self.size = len(data)

    async def pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        for at in range(start, end, 1000):
            yield self.data[at : min(at + 1000, end)]


class MemoryMedia:
    """Files by id; `put` makes one known, and keeps it where there are bytes."""

    def __init__(self, cases: MemoryCases) -> None:
        self._cases = cases
        self.known: dict[str, Medium] = {}
        self.files: dict[str, MemoryFile] = {}

    def put(
        self, id_: str, data: bytes = b"", mime: str = "audio/ogg", kind: str = "audio", **more: Any
    ) -> None:
        usual: dict[str, Any] = {"kind": kind, "state": "wanted", "voice": kind == "audio", "at": NOW}
        if data:
            usual |= {"state": "kept", "mime": mime, "size": len(data)}
            self.files[id_] = MemoryFile(data, mime)
        self.known[id_] = Medium(id=id_, **{**usual, **more})

    async def of(self, ids: Collection[str]) -> Mapping[str, Medium]:
        if self._cases.down:
            raise Unavailable("the store")
        return {id_: self.known[id_] for id_ in ids if id_ in self.known}

    async def open(self, id_: str) -> MemoryFile:
        if id_ not in self.files:
            raise Unknown("there is no such file", field="media")
        return self.files[id_]


class Bench:
    """Everything of a desk that a test lays hands on."""

    def __init__(self, directory: District) -> None:
        self.clock = ManualClock(NOW)
        self.cases = MemoryCases()
        self.broker = MemoryBroker()
        self.vault = MemoryVault()
        self.directories = MemoryDirectories(directory)
        rooms = MemoryRooms(self.cases, "case", READS)
        self.store = CaseStore(rooms, Outbox("case", self.broker), self.vault, self.clock)
        self.texts = load_texts()
        self.desk = Desk(
            self.store,
            MemoryLists(self.cases, directory),
            self.directories,
            StoredClocks(RulesOf(self.directories)),  # type: ignore[arg-type]
            self.texts,
            self.clock,
            SECRET,
        )
        self.notices = MemoryNotices(self.cases)
        self.media = MemoryMedia(self.cases)
        self.app = build(
            self.desk, self.texts, {}, token_secret=SECRET, notices=self.notices, media=self.media
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://desk"
        )

    def put(self, case: Case, *, n: int = 1, deadline: datetime | None = None) -> str:
        """Store a case as if routing had placed it."""
        self.vault.new(case.ticket)
        document: dict[str, Any] = {
            "_id": case.ticket,
            "case": {**case_document.to_fields(case), "n": n, "seen": {}, "outbox": []},
        }
        if deadline is not None:
            document["sla"] = {"deadline": deadline, "targets": {}, "n": 0, "seen": {}}
        self.cases.documents[case.ticket] = document
        return case.ticket

    def case(self, ticket: str) -> Case:
        return stored(self.cases.documents[ticket]).case

    def version(self, ticket: str) -> int:
        return int(self.cases.documents[ticket]["case"]["n"])

    def token(self, role: Role, person: str | None = None) -> str:
        return tokens.issue(
            SECRET, role=role, person=person, district="janjgir-champa", now=self.clock()
        )

    def bearer(self, role: Role, person: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role, person)}"}

    async def get(
        self, path: str, role: Role = "operator", person: str | None = None, **parameters: Any
    ) -> httpx.Response:
        return await self.client.get(path, params=parameters, headers=self.bearer(role, person))

    async def act(
        self,
        ticket: str,
        action: str,
        role: Role = "operator",
        person: str | None = None,
        *,
        version: int | None = None,
        key: str | None = None,
        **fields: Any,
    ) -> httpx.Response:
        expected = self.version(ticket) if version is None else version
        headers = self.bearer(role, person) | ({"Idempotency-Key": key} if key else {})
        return await self.client.post(
            f"/api/v1/cases/{ticket}/actions",
            json={"action": action, "expected_version": expected, **fields},
            headers=headers,
        )


@pytest.fixture
async def bench(janjgir: District) -> AsyncIterator[Bench]:
    bench = Bench(replace(janjgir, version=7))
    bench.store.start()
    yield bench
    await bench.client.aclose()
    await bench.store.stop()


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """`make_case(sequence, **fields)`: see `made_up`."""
    return made_up


@pytest.fixture(scope="session")
def texts() -> Texts:
    return load_texts()


@pytest.fixture
def new_bench(janjgir: District) -> Callable[[], Bench]:
    return lambda: Bench(replace(janjgir, version=7))
