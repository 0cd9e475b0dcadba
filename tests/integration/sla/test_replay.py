"""What was recorded, worked out again, is what was lived through: row by row."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.cli.replay.command import replay
from services.cli.replay.compare import Comparison
from services.cli.replay.lives import Fault, Life, Partition
from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher, create_topics
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Message, Record
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.timer import Rules
from services.sla.adapters.armed import fields_of
from tests.conftest import sample
from tests.integration.sla.month import END, Month

CASES = 2_000
SEED = 20260302
UNTIL = END + timedelta(days=2)
AT_LEAST = (
    "transfer", "ask_citizen", "answer", "mark_asked", "resolve", "confirm", "close", "reopen", "reject",
    "withdraw", "merge", "unmerge", "change_service", "plan_feedback", "NoticeDelivered", "NoticeFailed",
    "SlaWarned", "SlaBreached", "SlaEscalatedunmet", "SlaEscalatedrepeated", "SlaEscalatedreopened",
    "SlaLapsed", "SlaRecalculated",
)  # fmt: skip


@pytest.fixture(scope="module")
def month() -> Month:
    lived = Month(SEED, CASES, sample("janjgir-champa"), sample("sakti"))
    asyncio.run(lived.live())
    return lived


def some(month: Month) -> list[Record]:
    """The records of every tenth case."""
    return [record for record in month.records if (record.key or b"").endswith(b"7")]


def replayed(month: Month, records: list[Record]) -> list[Life]:
    partition = Partition()
    for record in records:
        partition.take(record)
    rules = {key: Rules(district) for key, district in month.versions.of.items()}
    lives = list(partition.lives(rules, UNTIL))
    assert not [life for life in lives if isinstance(life, Fault)]
    return [life for life in lives if isinstance(life, Life)]


def compared(month: Month, lives: list[Life]) -> Comparison:
    found = Comparison()
    for life in lives:
        found.events_of(life)
        fields = fields_of(life.ticket, life.timer, life.rules.running(life.timer))
        found.fields_of(life.ticket, month.documents[life.ticket], fields)
    return found


async def test_a_month_of_two_thousand_cases_is_the_same_row_by_row(month: Month) -> None:
    assert {what: month.counted.get(what, 0) for what in AT_LEAST if month.counted.get(what, 0) < 10} == {}
    found = compared(month, replayed(month, month.records))
    assert (found.cases, found.behind) == (CASES, 0)
    assert found.differing == 0, "\n".join(found.lines)
    assert found.events > CASES


@pytest.mark.parametrize("kind", ["samvad.notice.delivered.v1", "samvad.sla.recalculated.v1"])
async def test_a_fact_that_is_missing_shows(month: Month, kind: str) -> None:
    """The comparison can fail: without the deliveries, or the recalculation, it is another month."""
    kept = [record for record in some(month) if record.header("ce_type") != kind]
    found = compared(month, replayed(month, kept))
    assert found.differing > 10
    assert found.lines


async def test_the_order_of_the_topic_makes_no_difference(month: Month) -> None:
    found = compared(month, replayed(month, some(month)[::-1]))
    assert found.differing == 0, "\n".join(found.lines)


@pytest.fixture
async def small(
    database: mongo.Database, kafka: str, mongo_url: str
) -> tuple[Month, Settings, set[str]]:
    """A smaller month, on real Kafka and MongoDB: its topic, its directory and what was lived."""
    lived = Month(SEED + 1, 60, sample("janjgir-champa"), sample("sakti"))
    await lived.live()
    directory = DirectoryStore(database)
    for (_, version), district in lived.versions.of.items():
        assert await directory.put(replace(district, version=0), by="test", at=END) == version
    await create_topics(kafka, {name: (t.partitions, t.configs) for name, t in TOPICS.items()})
    publisher = Publisher(kafka, client_id="test-replay")
    await publisher.start()
    await publisher.publish(
        [Message(COMPLAINTS, r.key or b"", r.headers, r.value or b"") for r in lived.records]
    )
    await publisher.stop()
    await database["cases"].insert_many(list(lived.documents.values()))
    settings = Settings().model_copy(
        update={"kafka": kafka, "mongo": mongo_url, "database": database.name}
    )
    return lived, settings, set(lived.documents)


async def test_the_command_replays_into_a_database_of_its_own(
    small: tuple[Month, Settings, set[str]], database: mongo.Database
) -> None:
    month, settings, tickets = small
    into = f"{database.name}-replayed"
    done = await replay(settings, UNTIL, into, compare=True, now=UNTIL, only=tickets)
    result = database.client[into]
    try:
        assert (done.cases, done.faults, done.comparison.behind) == (60, [], 0)
        assert done.comparison.differing == 0, "\n".join(done.comparison.lines)
        assert await result["clock_events"].count_documents({}) == done.events > 60
        one = await result["cases"].find_one({})
        assert one is not None
        lived: dict[str, Any] = month.documents[one["_id"]]["sla"]
        assert one["sla"]["targets"] == lived["targets"]
    finally:
        await database.client.drop_database(into)
    ticket = next(t for t, doc in month.documents.items() if doc["sla"]["targets"])
    await database["cases"].update_one({"_id": ticket}, {"$set": {"sla.cycle": 9}})
    again = await replay(settings, UNTIL, into, compare=True, now=UNTIL, only=tickets)
    await database.client.drop_database(into)
    cycle = month.documents[ticket]["sla"]["cycle"]
    assert again.comparison.lines == [f"{ticket}: cycle: lived 9, replayed {cycle}"]
