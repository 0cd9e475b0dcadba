"""Messages of a case out of the real store: in the contract's shape, in an older one, and in none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.desk.adapters.notices import StoredNotices
from services.kernel.adapters import mongo
from services.kernel.contracts.notices import COLLECTION
from services.kernel.domain.errors import Unavailable

NOW = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
TICKET, OTHER = "2600000016", "2600000025"


def document(id_: str, minutes: float = 0, **fields: Any) -> mongo.Document:
    """As notify has it, with fields that are not of the contract."""
    return {
        "_id": id_,
        "ticket": TICKET,
        "district": "janjgir-champa",
        "event": "samvad.case.assigned.v1",
        "event_id": f"{TICKET}/case/1",
        "event_at": NOW,
        "audience": "officer",
        "person": "phe-akaltara-1",
        "recipient": "0" * 32,
        "channel": "whatsapp",
        "template": "officer_assigned",
        "language": "hi",
        "values": {"ticket": "x"},
        "urgent": False,
        "order": 1,
        "bucket": 3,
        "state": "delivered",
        "created_at": NOW + timedelta(minutes=minutes),
        "sent_at": NOW + timedelta(minutes=minutes, seconds=1),
        "delivered_at": NOW + timedelta(minutes=minutes, seconds=2),
        "attempts": [
            {
                "claim": "c",
                "channel": "whatsapp",
                "provider": "whatsapp",
                "claimed_at": NOW,
                "outcome": "accepted",
                "provider_id": "wamid.1",
                "delivered_at": NOW,
            }
        ],
        **fields,
    }


async def put(database: mongo.Database, *documents: mongo.Document) -> StoredNotices:
    await database[COLLECTION].insert_many(documents)
    return StoredNotices(database)


async def test_they_come_oldest_first_and_only_those_of_the_case(database: mongo.Database) -> None:
    stored = await put(
        database,
        document("d", 1),
        document("c", 2),
        document("b", 1),
        document("a", 0, ticket=OTHER),
    )
    rows, more = await stored.of(TICKET, 10)
    assert [row.id for row in rows] == ["b", "d", "c"]
    assert more is False
    newest, more = await stored.of(TICKET, 2)
    assert ([row.id for row in newest], more) == (["d", "c"], True)
    assert await stored.of(TICKET, 3) == (rows, False)
    assert await stored.of("2600000034", 10) == ([], False)


async def test_a_message_is_read_whole(database: mongo.Database) -> None:
    stored = await put(database, document("a"))
    [row], _ = await stored.of(TICKET, 10)
    assert (row.state, row.person, row.delivered_at) == ("delivered", "phe-akaltara-1", NOW.replace(second=2))
    [attempt] = row.attempts
    assert (attempt.provider, attempt.outcome, attempt.delivered_at) == ("whatsapp", "accepted", NOW)


async def test_documents_of_an_older_shape_are_read(database: mongo.Database) -> None:
    """Attempts that name no provider, and instants that lie in them alone."""
    old = document("a", state="sent", channel="sms", person=None, audience="citizen")
    for name in ("sent_at", "delivered_at", "person"):
        del old[name]
    old["attempts"] = [
        {"claim": "c1", "channel": "sms", "claimed_at": NOW, "outcome": "transient", "ended_at": NOW},
        {"claim": "c2", "channel": "sms", "claimed_at": NOW, "outcome": "accepted", "sent_at": NOW},
    ]
    planned = document("b", 1, state="planned")
    for name in ("sent_at", "delivered_at", "attempts"):
        del planned[name]
    stored = await put(database, old, planned)
    first, second = (await stored.of(TICKET, 10))[0]
    assert [attempt.provider for attempt in first.attempts] == ["mobile_seva", "mobile_seva"]
    assert (first.sent_at, first.attempts[0].sent_at, first.person) == (NOW, None, None)
    assert (second.sent_at, second.attempts) == (None, ())


async def test_what_is_not_of_the_contract_hides_no_other(database: mongo.Database) -> None:
    stored = await put(
        database,
        document("a", state="beamed"),
        document("b", 1),
        document("c", 2, created_at="yesterday"),
        document("d", 3, attempts=[{"channel": "sms"}, "no attempt"]),
    )
    rows, more = await stored.of(TICKET, 10)
    assert ([row.id for row in rows], more) == (["b"], False)


async def test_they_are_found_by_an_index(database: mongo.Database) -> None:
    await put(
        database,
        *(document(f"{n}", n, ticket=OTHER) for n in range(40)),
        *(document(f"mine-{n}", n) for n in range(3)),
    )
    plan = await (
        database[COLLECTION].find({"ticket": TICKET}).sort([("created_at", -1), ("_id", -1)]).explain()
    )
    assert plan["executionStats"]["totalDocsExamined"] == 3


async def test_a_store_that_is_away_is_told_as_such() -> None:
    database = mongo.connect("mongodb://127.0.0.1:1/?directConnection=true", "nowhere", timeout_seconds=0.2)
    with pytest.raises(Unavailable):
        await StoredNotices(database).of(TICKET, 1)
    mongo.close(database)
