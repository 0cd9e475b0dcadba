"""Messages of a case out of the real store: in the contract's shape or not, alone or in a summary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.desk.adapters.notices import StoredNotices
from services.desk.core.notices import PartRow
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
        "order": minutes + 1,
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


async def test_a_planned_message_lacks_what_has_not_happened_yet(database: mongo.Database) -> None:
    planned = document("a", state="planned", audience="citizen", person=None, attempts=[])
    for name in ("sent_at", "delivered_at"):
        del planned[name]
    [row], _ = await (await put(database, planned)).of(TICKET, 10)
    assert (row.sent_at, row.delivered_at, row.person, row.attempts) == (None, None, None, ())


def collapsed(id_: str, minutes: float, summary: str, **fields: Any) -> mongo.Document:
    """A message that became a part of `summary`."""
    usual = {"state": "collapsed", "reason": "summarised", "attempts": [], "summary": summary}
    made = document(id_, minutes, **{**usual, **fields})
    for name in ("sent_at", "delivered_at"):
        del made[name]
    return made


def summary_of(id_: str, **fields: Any) -> mongo.Document:
    return document(id_, 30, ticket=None, event="summary", event_id=id_, template="summary", **fields)


async def test_a_part_has_its_summary(database: mongo.Database) -> None:
    """Which is a message of no case, and may hold parts of several."""
    stored = await put(
        database,
        collapsed("a", 1, "summary/a"),
        collapsed("b", 2, "summary/a"),
        collapsed("c", 3, "summary/gone"),
        collapsed("d", 4, "summary/a", reason="overtaken"),
        collapsed("e", 5, "summary/broken"),
        document("f", 6),
        collapsed("g", 7, "summary/g"),
        summary_of("summary/a", channel="sms"),
        summary_of("summary/broken", state="beamed"),
        summary_of("summary/g", state="failed", failed_at=NOW),
    )
    rows, more = await stored.of(TICKET, 10)
    assert ([row.id for row in rows], more) == (list("abcdefg"), False)
    wholes = {row.id: row.whole for row in rows if isinstance(row, PartRow)}
    assert set(wholes) == {"a", "b", "g"}, "what was overtaken went in none"
    assert wholes["a"] == wholes["b"]
    assert (wholes["a"].state, wholes["a"].channel) == ("delivered", "sms")
    assert wholes["a"].delivered_at == NOW + timedelta(minutes=30, seconds=2)
    assert (wholes["g"].state, wholes["g"].failed_at) == ("failed", NOW)


async def test_the_summaries_of_very_many_parts_are_one_find(database: mongo.Database) -> None:
    """By their ids, and none for a case without."""
    await put(database, *(document(f"other-{n}", n, ticket=OTHER) for n in range(40)))
    stored = await put(
        database,
        *(collapsed(f"{n}", n, f"summary/{n}") for n in range(5)),
        *(summary_of(f"summary/{n}") for n in range(5)),
    )
    await database.command("profile", 2)
    rows, _ = await stored.of(TICKET, 3)
    await stored.of(OTHER, 3)
    await database.command("profile", 0)
    assert [row.whole.id for row in rows if isinstance(row, PartRow)] == [f"summary/{n}" for n in (2, 3, 4)]
    ran = await database["system.profile"].find({"ns": {"$regex": rf"\.{COLLECTION}$"}}).to_list(None)
    by_ids = [one for one in ran if "_id" in one["command"]["filter"]]
    assert (len(ran), len(by_ids)) == (3, 1)
    assert by_ids[0]["docsExamined"] == 3


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
        database[COLLECTION].find({"ticket": TICKET}).sort([("order", -1), ("_id", -1)]).explain()
    )
    assert plan["executionStats"]["totalDocsExamined"] == 3


async def test_a_store_that_is_away_is_told_as_such() -> None:
    database = mongo.connect("mongodb://127.0.0.1:1/?directConnection=true", "nowhere", timeout_seconds=0.2)
    with pytest.raises(Unavailable):
        await StoredNotices(database).of(TICKET, 1)
    mongo.close(database)
