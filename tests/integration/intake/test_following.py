"""A person's own cases in the real store: his, all of his, and nobody else's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.intake.cases import MongoReceipts, OwnCases, StoredCases, named
from services.kernel.adapters import case_document, mongo
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.vault import Vault
from services.kernel.domain import tickets
from services.kernel.domain.case import Act, Case
from services.kernel.domain.errors import Forbidden, Unavailable
from services.kernel.domain.people import Actor
from services.kernel.testing.memory import MemoryBroker

NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
PHONE, OTHER = "+919999900301", "+919999900399"
CLIENT = "c0ffee"


class Village:
    """People who have filed cases. `day`: how many days ago."""

    def __init__(self, database: mongo.Database) -> None:
        self.cases = database["cases"]
        self.receipts = database["receipts"]
        vault = Vault(self.receipts, Settings().keys)
        rooms = MongoRooms(self.cases, "case", READS)
        self.store = CaseStore(rooms, Outbox("case", MemoryBroker()), vault, system_clock())
        self.own = OwnCases(self.store, self.cases, self.receipts)
        self._filed = 0

    async def file(
        self,
        *,
        channel: str = "whatsapp",
        client: str = CLIENT,
        day: float = 0,
        routed: bool = True,
        wrapped_key: str | None = "test:key",
        district: str = "janjgir-champa",
        **fields: Any,
    ) -> str:
        self._filed += 1
        ticket = tickets.make(26, self._filed)
        at = NOW - timedelta(days=day)
        await self.receipts.insert_one(
            {
                "_id": ticket,
                "channel": channel,
                "client": client,
                "key": f"k{self._filed}",
                "digest": "",
                "district": district,
                "kind": "complaint",
                "received_at": at,
                "wrapped_key": wrapped_key,
                "event": {"value": b"sealed"},
            }
        )
        if routed:
            case = Case(
                ticket=ticket,
                district=district,
                kind="complaint",
                channel=channel,
                language="hi",
                priority="normal",
                filed_at=at,
                updated_at=at,
                directory_version=1,
                **{"phone": PHONE, "state": "assigned", "department": "phe", **fields},
            )
            room = {**case_document.to_fields(case), "n": 1, "seen": {"intake": 1}, "outbox": []}
            sla = {"n": 1, "deadline": NOW + timedelta(days=3), "lapses_at": NOW, "paused_until": NOW}
            await self.cases.insert_one({"_id": ticket, "case": room, "sla": sla})
        return ticket

    async def mine(self, phone: str | None = PHONE, client: str = CLIENT, **more: Any) -> list[str]:
        return [one.ticket for one in await self.own.of(phone=phone, client=client, **more)]

    async def is_mine(
        self, ticket: str, phone: str | None = PHONE, client: str = CLIENT, **more: Any
    ) -> bool:
        one = await self.own.one(ticket, phone=phone, client=client, **more)
        assert one is None or one.ticket == ticket
        return one is not None


@pytest.fixture
async def village(database: mongo.Database) -> Village:
    return Village(database)


async def test_his_cases_by_every_way_the_newest_first(village: Village) -> None:
    waiting = await village.file(day=1, routed=False)
    chat = await village.file(day=3)
    by_phone = await village.file(day=2, channel="phone", client="operator")
    by_web = await village.file(day=5, channel="web", client="api", district="sakti")
    anonymous = await village.file(day=4, phone=None)
    await village.file(channel="web", client=CLIENT, phone=OTHER)  # a client of another channel
    await village.file(client="other", phone=OTHER)
    await village.file(client="other", phone=None)
    await village.file(client="other", routed=False)
    assert await village.mine() == [waiting, by_phone, chat, anonymous, by_web]
    assert await village.mine(limit=2) == [waiting, by_phone]
    # who shows no number has those that he filed here
    assert await village.mine(phone=None) == [waiting, chat, anonymous]
    assert await village.mine(client="nobody") == [by_phone, chat, by_web]
    assert await village.mine(phone=None, client="nobody") == []
    for ticket in (waiting, chat, by_phone, by_web, anonymous):
        assert await village.is_mine(ticket)


async def test_what_is_known_of_each(village: Village) -> None:
    waiting = await village.file(day=1, routed=False)
    routed = await village.file(day=2, district="sakti")
    first, second = await village.own.of(phone=PHONE, client=CLIENT)
    assert (first.ticket, first.case, first.state) == (waiting, None, "received")
    assert (first.district, first.kind) == ("janjgir-champa", "complaint")
    assert first.filed_at == NOW - timedelta(days=1)
    assert second.case is not None
    assert (second.ticket, second.district, second.state) == (routed, "sakti", "assigned")
    assert (second.deadline, second.closes_at, second.paused_until) == (NOW + timedelta(days=3), NOW, NOW)
    assert await village.own.one(routed, phone=PHONE, client="") == second
    assert await village.own.one(waiting, phone=None, client=CLIENT) == first
    stored = StoredCases(village.store, MongoReceipts(village.receipts))
    assert [await stored.find(waiting), await stored.find(routed)] == [first, second]


async def test_somebody_elses_ticket_shows_nothing(village: Village) -> None:
    theirs = await village.file(client="other", phone=OTHER)
    unrouted = await village.file(client="other", routed=False)
    by_api = await village.file(channel="web", client=CLIENT, phone=OTHER)
    for ticket in (theirs, unrouted, by_api, tickets.make(26, 999), "", "x" * 1000):
        assert not await village.is_mine(ticket)
        assert not await village.is_mine(ticket, phone=None)
    assert await village.is_mine(theirs, phone=OTHER)
    assert await village.is_mine(by_api, channel="web")


async def test_what_was_told_in_confidence_shows_only_where_it_was_told(village: Village) -> None:
    here = await village.file(confidential=True, day=1)
    elsewhere = await village.file(confidential=True, channel="phone", client="operator")
    assert await village.mine() == [here]
    assert await village.is_mine(here)
    assert not await village.is_mine(elsewhere)
    # another member of the family, on the same number
    assert await village.mine(client="other") == []
    assert not await village.is_mine(here, client="other")


async def test_a_number_that_changed_hands_brings_nothing_of_before(village: Village) -> None:
    before = await village.file(channel="phone", client="operator", day=10)
    at_that_time = await village.file(channel="phone", client="operator", day=5)
    after = await village.file(channel="phone", client="operator", day=4)
    own = await village.file(day=20)
    since = NOW - timedelta(days=5)
    assert await village.mine(since=since) == [after, own]
    for ticket, his in ((before, False), (at_that_time, False), (after, True), (own, True)):
        assert await village.is_mine(ticket, since=since) is his


async def test_what_was_erased_is_nobodys(village: Village) -> None:
    gone = await village.file(erased=True, phone=None, wrapped_key=None)
    half = await village.file(erased=True)  # its key is still to go
    unrouted = await village.file(routed=False, wrapped_key=None)
    assert await village.mine() == []
    for ticket in (gone, half, unrouted):
        assert not await village.is_mine(ticket)


async def test_a_clock_that_came_before_the_case_is_no_case(village: Village) -> None:
    ticket = await village.file(routed=False)
    await village.cases.insert_one({"_id": ticket, "sla": {"n": 1, "deadline": NOW}})
    (one,) = await village.own.of(phone=PHONE, client=CLIENT)
    assert (one.ticket, one.case) == (ticket, None)
    assert await village.own.one(ticket, phone=PHONE, client=CLIENT) == one


async def test_many_cases_of_one_number_are_not_all_read(village: Village) -> None:
    for day in range(60):
        await village.file(day=day, channel="phone", client="operator")
    await village.file(day=100, phone=OTHER, client="other")
    find = village.cases.find(named(PHONE, None), sort=[("case.filed_at", -1)], limit=20)
    run = (await find.explain())["executionStats"]
    assert (run["nReturned"], run["totalDocsExamined"]) == (20, 20)
    since = NOW - timedelta(days=5)
    run = (await village.cases.find(named(PHONE, since)).explain())["executionStats"]
    assert (run["nReturned"], run["totalDocsExamined"]) == (5, 5)
    receipts = village.receipts.find({"channel": "whatsapp", "client": "other"})
    assert (await receipts.explain())["executionStats"]["totalDocsExamined"] == 1
    assert len(await village.mine()) == 20


async def test_he_acts_on_his_case_once(village: Village) -> None:
    ticket = await village.file(state="resolved")
    citizen = Actor("citizen", None, "janjgir-champa")
    confirm = Act("confirm", by=citizen, cause="wamid.1", via="whatsapp")
    first, again = [await village.own.act(ticket, confirm) for _ in range(2)]
    assert (first.repeated, again.repeated) == (False, True)
    (one,) = await village.own.of(phone=PHONE, client=CLIENT)
    assert one.state == "closed"
    with pytest.raises(Forbidden):
        await village.own.act(ticket, Act("note", by=citizen, cause="wamid.2"))


async def test_the_store_away_is_told() -> None:
    nowhere = mongo.connect("mongodb://127.0.0.1:9/?replicaSet=rs0", "none", timeout_seconds=0.3)
    own = Village(nowhere).own
    asked = (
        own.of(phone=PHONE, client=CLIENT),
        own.of(phone=None, client=CLIENT),
        own.one(tickets.make(26, 1), phone=PHONE, client=CLIENT),
    )
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    mongo.close(nowhere)
