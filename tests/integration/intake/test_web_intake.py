"""The web intake on the real store and the real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from services.intake.cases import MongoReceipts, StoredCases
from services.intake.web.api import Parts, build
from services.kernel.adapters import kafka as kafka_adapter
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.leases import TicketLease
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.receipts import COLLECTION, Receipts
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.vault import Vault
from services.kernel.contracts.codec import receive
from services.kernel.contracts.envelope import Filing, unseal
from services.kernel.contracts.events import CaseFiled
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.errors import Unavailable

BODY = {"kind": "complaint", "text": "हैंडपंप ख़राब है", "citizen": {"name": "रामकली"}}
Eventually = Callable[..., Any]


class Breakable:
    """The real publisher with a switch."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.down = False

    async def publish(self, messages: Any) -> None:
        if self.down:
            raise Unavailable("Kafka")
        await self._publisher.publish(messages)


class Running:
    """The wired intake."""

    def __init__(self, database: mongo.Database, publisher: Publisher) -> None:
        settings = Settings()
        clock = system_clock()
        self.database = database
        self.publisher = Breakable(publisher)
        self.receipts = Receipts(database, self.publisher, clock)
        self.vault = Vault(database[COLLECTION], settings.keys)
        rooms = MongoRooms(database["cases"], "case", READS)
        self.store = CaseStore(rooms, Outbox("case", self.publisher), self.vault, clock)
        app, _ = build(
            Parts(
                directories=DirectoryStore(database),
                receipts=self.receipts,
                numbers=TicketLease(database),
                cases=StoredCases(self.store, MongoReceipts(database[COLLECTION])),
                keys=settings.keys,
                clock=clock,
                district="janjgir-champa",
                link_secret="secret",
            ),
            {"mongo": lambda: mongo.ping(database)},
        )
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://samvad.test")

    async def file(self, body: dict[str, Any], key: str) -> httpx.Response:
        return await self.client.post("/api/v1/cases", json=body, headers={"Idempotency-Key": key})

    async def unsent(self) -> int:
        return int(
            await self.database[COLLECTION].count_documents({"unsent_since": {"$exists": True}})
        )


@pytest.fixture
async def running(
    database: mongo.Database, directory: DirectoryStore, kafka: str
) -> AsyncIterator[Running]:
    await kafka_adapter.create_topics(kafka, {COMPLAINTS: (4, {})})
    publisher = Publisher(kafka, client_id="test-intake")
    running = Running(database, publisher)
    running.receipts.start()
    yield running
    await running.client.aclose()
    await running.receipts.stop()
    await publisher.stop()


async def published(kafka: str, tickets: set[str]) -> dict[str, CaseFiled]:
    found = {}
    async for record in kafka_adapter.read_whole(kafka, COMPLAINTS):
        received = receive(record, (CaseFiled.TYPE,))
        if received.id.ticket in tickets and isinstance(received.event, CaseFiled):
            assert str(received.id) == f"{received.id.ticket}/intake/1"
            found[received.id.ticket] = received.event
    return found


async def test_a_case_has_a_receipt_and_its_event_opens_with_the_receipts_key(
    running: Running, kafka: str, eventually: Eventually
) -> None:
    answer = await running.file(BODY, "k")
    assert answer.status_code == 202
    ticket = answer.json()["ticket"]

    async def sent() -> bool:
        return await running.unsent() == 0

    await eventually(sent, "the receipt is published")
    event = (await published(kafka, {ticket}))[ticket]
    keys = await running.vault.data_keys([ticket])
    assert unseal(event.sealed, Filing, keys[ticket], ticket).name == "रामकली"
    assert event.suggested[0] == "hand-pump"
    status = await running.client.get(answer.json()["status_url"].replace("/s/", "/api/v1/status/"))
    assert status.json()["state"] == "received"


async def test_many_at_once_with_few_keys_are_few_cases(running: Running) -> None:
    answers = await asyncio.gather(*(running.file(BODY, f"key-{n % 5}") for n in range(60)))
    assert {answer.status_code for answer in answers} == {202}
    by_key: dict[int, set[str]] = {}
    for n, answer in enumerate(answers):
        by_key.setdefault(n % 5, set()).add(answer.json()["ticket"])
    assert [len(tickets) for tickets in by_key.values()] == [1] * 5
    assert await running.database[COLLECTION].count_documents({}) == 5
    assert (await running.file({**BODY, "text": "other"}, "key-1")).status_code == 409


async def test_kafka_away_is_no_reason_to_turn_a_citizen_away(
    running: Running, kafka: str, eventually: Eventually
) -> None:
    running.publisher.down = True
    answer = await running.file(BODY, "k")
    assert answer.status_code == 202
    assert await running.unsent() == 1
    running.publisher.down = False
    swept = await running.receipts.sweep(-1)
    assert swept == 1
    assert await running.unsent() == 0
    ticket = answer.json()["ticket"]
    assert set(await published(kafka, {ticket})) == {ticket}


async def test_the_store_away_is_503(directory: DirectoryStore, database: mongo.Database) -> None:
    nowhere = mongo.connect("mongodb://127.0.0.1:9/?replicaSet=rs0", "none", timeout_seconds=0.3)
    running = Running(nowhere, Publisher("127.0.0.1:9", client_id="none"))
    answer = await running.file(BODY, "k")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert (await running.client.get("/health/ready")).status_code == 503
    assert (await running.client.post("/", data={"text": "x"})).status_code == 503
    await running.client.aclose()
    mongo.close(nowhere)
