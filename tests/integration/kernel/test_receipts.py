"""Receipts, tickets and the audit, on the real store."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.kernel.adapters import audit, mongo
from services.kernel.adapters.leases import TicketLease
from services.kernel.adapters.metrics import OUTBOX_BACKLOG
from services.kernel.adapters.outbox import to_entry
from services.kernel.adapters.receipts import Receipt, Receipts
from services.kernel.contracts.codec import announce
from services.kernel.domain import tickets
from services.kernel.domain.errors import KeyReused, Unavailable


@pytest.fixture
def receipts(real: Any) -> Receipts:
    return Receipts(real.database, real.publisher, real.clock)


def receipt(real: Any, key: str, digest: str = "d-1", client: str = "web", **changed: Any) -> Receipt:
    ticket = changed.pop("ticket", None) or real.ticket()
    filed = announce(real.event(ticket, "intake"), "intake", 1)
    return Receipt(
        ticket, "web", client, key, digest, "janjgir-champa", "complaint", real.clock(), None, filed
    )


async def unsent(real: Any) -> int:
    return int(await real.database["receipts"].count_documents({"unsent_since": {"$exists": True}}))


async def filed(real: Any) -> Counter[str]:
    return Counter((r.key or b"").decode() for r in await real.records())


async def test_the_same_request_again_is_given_the_first_ticket(real: Any, receipts: Receipts) -> None:
    first = receipt(real, "k-1")
    assert (await receipts.accept(first)).repeated is False
    real.clock.advance(minutes=5)
    again = await receipts.accept(receipt(real, "k-1"))
    assert (again.ticket, again.received_at, again.repeated) == (
        first.ticket,
        first.received_at,
        True,
    )
    found = await receipts.find("web", "web", "k-1", "d-1")
    assert found is not None
    assert found.ticket == first.ticket
    assert await receipts.find("web", "web", "k-2", "d-1") is None


async def test_the_same_key_for_another_body_is_refused(real: Any, receipts: Receipts) -> None:
    await receipts.accept(receipt(real, "k-1"))
    with pytest.raises(KeyReused):
        await receipts.accept(receipt(real, "k-1", digest="d-2"))
    with pytest.raises(KeyReused):
        await receipts.find("web", "web", "k-1", "d-2")
    # another client's key is another key
    assert (await receipts.accept(receipt(real, "k-1", digest="d-2", client="x"))).repeated is False
    assert await real.database["receipts"].count_documents({}) == 2


async def test_two_hundred_requests_at_once_with_fifty_keys(real: Any) -> None:
    intakes = [Receipts(real.database, real.publisher, real.clock) for _ in range(3)]
    keys = [f"k-{n % 50}" for n in range(200)]
    given = await asyncio.gather(
        *(intakes[n % 3].accept(receipt(real, key)) for n, key in enumerate(keys))
    )
    by_key: dict[str, set[str]] = {}
    for key, accepted in zip(keys, given, strict=True):
        by_key.setdefault(key, set()).add(accepted.ticket)
    assert {len(found) for found in by_key.values()} == {1}
    assert sum(not accepted.repeated for accepted in given) == 50
    assert await real.database["receipts"].count_documents({}) == 50
    found = await audit.count(real.database, real.clock())
    assert (found.accepted, found.doubled) == (50, 0)


async def test_one_request_in_a_bulk_that_cannot_be_stored_harms_no_other(
    real: Any, receipts: Receipts
) -> None:
    asked = [receipt(real, f"k-{n}" if n != 3 else "\ud800") for n in range(8)]
    outcomes = await asyncio.gather(*map(receipts.accept, asked), return_exceptions=True)
    assert [n for n, o in enumerate(outcomes) if isinstance(o, Exception)] == [3]
    assert await real.database["receipts"].count_documents({}) == 7
    assert not any(o.repeated for o in outcomes if not isinstance(o, BaseException))


async def test_a_ticket_that_is_taken_is_never_given_twice(real: Any, receipts: Receipts) -> None:
    ticket = real.ticket()
    await receipts.accept(receipt(real, "k-1", ticket=ticket))
    with pytest.raises(Unavailable):
        await receipts.accept(receipt(real, "k-2", ticket=ticket))
    assert await real.database["receipts"].count_documents({}) == 1


async def test_what_is_accepted_is_published_at_once(
    real: Any, receipts: Receipts, eventually: Any
) -> None:
    receipts.start()
    mine = [receipt(real, f"k-{n}") for n in range(20)]
    await asyncio.gather(*map(receipts.accept, mine))

    async def none_left() -> bool:
        return await unsent(real) == 0

    await eventually(none_left, "every receipt to be published")
    await receipts.stop()
    assert [(await filed(real))[one.ticket] for one in mine] == [1] * 20


async def test_a_crash_after_the_insert_is_swept(real: Any, receipts: Receipts) -> None:
    # never started: as if the process had died between the insert and its publishing
    mine = [receipt(real, f"k-{n}") for n in range(3)]
    await asyncio.gather(*map(receipts.accept, mine))
    later = Receipts(real.database, real.publisher, real.clock)
    assert await later.sweep(3.0) == 0  # young ones are left to their process
    assert OUTBOX_BACKLOG.labels("intake")._value.get() == 3
    real.clock.advance(seconds=10)
    assert await later.sweep(3.0) == 3
    assert await unsent(real) == 0
    assert [(await filed(real))[one.ticket] for one in mine] == [1] * 3
    assert await later.sweep(3.0) == 0


async def test_an_answer_lost_by_kafka_is_repeated_not_lost(real: Any, receipts: Receipts) -> None:
    mine = receipt(real, "k-1")
    await receipts.accept(mine)
    real.clock.advance(seconds=10)
    real.publisher.lose_next_answer = True
    with pytest.raises(Unavailable):
        await receipts.sweep(3.0)
    assert await unsent(real) == 1
    await receipts.sweep(3.0)
    assert (await filed(real))[mine.ticket] == 2
    assert await unsent(real) == 0


# ---------------------------------------------------------------- tickets

NEW_YEAR = datetime(2026, 12, 31, 18, 30, tzinfo=UTC)  # midnight in India


async def test_many_takers_never_get_the_same_number(database: mongo.Database) -> None:
    leases = [TicketLease(database, block=7) for _ in range(4)]
    now = NEW_YEAR - timedelta(days=1)
    taken = await asyncio.gather(*(leases[n % 4].take(now) for n in range(300)))
    assert len(set(taken)) == 300
    assert all(tickets.parse(ticket) == ticket for ticket in taken)


async def test_a_block_is_dropped_when_the_year_turns(database: mongo.Database) -> None:
    lease = TicketLease(database, block=10)
    before = [await lease.take(NEW_YEAR - timedelta(milliseconds=1)) for _ in range(3)]
    after = [await lease.take(NEW_YEAR) for _ in range(3)]
    assert {ticket[:2] for ticket in before} == {"26"}
    assert {ticket[:2] for ticket in after} == {"27"}
    assert [int(ticket[2:9]) for ticket in after] == [0, 1, 2]
    # a late one of the old year gets a new block: a gap, never a double
    late = await lease.take(NEW_YEAR - timedelta(milliseconds=1))
    assert int(late[2:9]) == 10


async def test_takers_on_both_sides_of_the_turn_at_once(database: mongo.Database) -> None:
    leases = [TicketLease(database, block=5) for _ in range(2)]
    instants = [NEW_YEAR - timedelta(seconds=1), NEW_YEAR]
    taken = await asyncio.gather(*(leases[n % 2].take(instants[n % 3 % 2]) for n in range(60)))
    assert len(set(taken)) == 60
    for n, ticket in enumerate(taken):
        assert ticket[:2] == ("27" if n % 3 % 2 else "26")


# ---------------------------------------------------------------- audit


async def _case(real: Any, ticket: str) -> None:
    await real.set_fields(ticket, "case", state="assigned")
    await real.database["cases"].update_one({"_id": ticket}, {"$set": {"case.n": 1}})


async def _stored(real: Any, key: str, *, published: bool = False, case: bool = True) -> str:
    one = receipt(real, key)
    document = {
        "_id": one.ticket,
        "channel": "web",
        "client": "web",
        "key": key,
        "received_at": one.received_at,
        "event": to_entry(one.filed),
    }
    if not published:
        document["unsent_since"] = one.received_at
    await real.database["receipts"].insert_one(document)
    if case:
        await _case(real, one.ticket)
    return one.ticket


async def test_the_audit_reads_nought_when_all_is_well(real: Any) -> None:
    for n in range(5):
        await _stored(real, f"k-{n}")
    real.clock.advance(minutes=5)
    assert await audit.count(real.database, real.clock()) == audit.Audit(5, 5, doubled=0)


async def test_the_audit_finds_a_lost_case_after_the_grace_time(real: Any) -> None:
    await _stored(real, "k-1")
    lost = await _stored(real, "k-2", case=False)
    await real.set_fields(lost, "sla", armed=True)  # the clock alone is no case
    assert (await audit.count(real.database, real.clock())).unaccounted == 0
    real.clock.advance(minutes=5)
    found = await audit.count(real.database, real.clock())
    assert (found.unaccounted, found.tickets) == (1, (lost,))


async def test_the_audit_finds_a_case_that_nobody_was_promised(real: Any) -> None:
    await _stored(real, "k-1")
    orphan = real.ticket()
    await _case(real, orphan)
    found = await audit.count(real.database, real.clock())
    assert (found.stored, found.unaccounted, found.tickets) == (2, 1, (orphan,))


async def test_the_audit_finds_a_doubled_cause(real: Any) -> None:
    await real.database["receipts"].drop_index("channel_1_client_1_key_1")
    for key in ("k-1", "k-2", "k-2", "k-3", "k-3", "k-3"):
        await _stored(real, key)
    assert (await audit.count(real.database, real.clock())).doubled == 2


async def test_the_topic_is_a_third_witness(real: Any) -> None:
    receipts = Receipts(real.database, real.publisher, real.clock)
    # other tests' events lie on the same topic, and no receipt here knows them
    base = await audit.count(real.database, real.clock())
    strangers = (await audit.witness(real.database, real.kafka, base)).unaccounted
    well = receipt(real, "k-1")
    await receipts.accept(well)
    waiting = receipt(real, "k-2")
    await receipts.accept(waiting)
    await real.publisher.publish([well.filed.message("samvad.complaints.v1", "/samvad/intake")])
    await real.database["receipts"].update_one(
        {"_id": well.ticket}, {"$unset": {"unsent_since": ""}}
    )
    for one in (well, waiting):
        await _case(real, one.ticket)
    found = await audit.count(real.database, real.clock())
    assert found.unaccounted == 0
    assert (await audit.witness(real.database, real.kafka, found)).unaccounted == strangers
    # said to be published, and the topic has never heard of it
    claimed = await _stored(real, "k-3", published=True)
    told = await audit.witness(real.database, real.kafka, found)
    assert told.unaccounted == strangers + 1
    assert strangers >= audit.NAMED or claimed in told.tickets
