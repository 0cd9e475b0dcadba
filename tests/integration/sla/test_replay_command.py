"""`samvad replay` on real Kafka and MongoDB: a small month's topic, its directory and what was lived."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from services.cli.replay.command import EVENTS, command
from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher, create_topics
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Message
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.directory import District
from tests.integration.sla.month import BEGINNING, END, Month
from tests.integration.sla.replaying import quietly

CASES = 60
UNTIL = END + timedelta(days=2)


@dataclass
class Replays:
    """`samvad replay …` of the month's cases alone: the topic has those of other tests too."""

    month: Month
    database: mongo.Database
    settings: dict[str, str]

    @property
    def into(self) -> mongo.Database:
        found: mongo.Database = self.database.client[f"{self.database.name}-again"]
        return found

    async def __call__(self, *words: str, into: str | None = None) -> Result:
        named = [word for ticket in self.month.documents for word in ("--ticket", ticket)]
        words = (*words, "--into", into or self.into.name, *named)
        return await asyncio.to_thread(CliRunner().invoke, command, words, env=self.settings)


@pytest.fixture
async def replay(
    database: mongo.Database, kafka: str, mongo_url: str, janjgir: District, sakti: District
) -> AsyncIterator[Replays]:
    month = Month(20260303, CASES, janjgir, sakti, first=random.randrange(9_000_000))
    with quietly():
        await month.live()
    directory = DirectoryStore(database)
    for (_, version), district in month.versions.of.items():
        assert await directory.put(replace(district, version=0), by="test", at=END) == version
    await create_topics(kafka, {name: (t.partitions, t.configs) for name, t in TOPICS.items()})
    publisher = Publisher(kafka, client_id="test-replay")
    await publisher.start()
    await publisher.publish(
        [Message(COMPLAINTS, r.key or b"", r.headers, r.value or b"") for r in month.records]
    )
    await publisher.stop()
    await database["cases"].insert_many(list(month.documents.values()))
    settings = {
        "SAMVAD_KAFKA": kafka,
        "SAMVAD_MONGO": mongo_url,
        "SAMVAD_DATABASE": database.name,
    }
    found = Replays(month, database, settings)
    yield found
    await database.client.drop_database(found.into.name)


async def test_what_was_lived_is_worked_out_again_into_a_database_of_its_own(
    replay: Replays,
) -> None:
    done = await replay("--until", UNTIL.isoformat())
    assert (done.exit_code, done.exception) == (0, None), done.output
    assert f"{CASES} clocks" in done.output
    assert f"as they were lived: {CASES}" in done.output
    assert "different: 0" in done.output
    lived = {ticket: document["sla"] for ticket, document in replay.month.documents.items()}
    again = {one["_id"]: one["sla"] async for one in replay.into["cases"].find()}
    of_the_room = ("n", "seen", "outbox", "unsent_since")
    assert {ticket: room["n"] for ticket, room in again.items()} == {
        ticket: room["n"] for ticket, room in lived.items()
    }
    for rooms in (lived, again):
        for room in rooms.values():
            for name in of_the_room:
                room.pop(name, None)
    assert again == lived
    breaches = await replay.into[EVENTS].count_documents({"type": "samvad.sla.breached.v1"})
    assert breaches == replay.month.counted["samvad.sla.breached.v1"] > 0
    assert (await replay("--until", UNTIL.isoformat())).exit_code == 1  # it has cases now


async def test_what_differs_is_shown_and_what_is_behind_is_not_called_different(
    replay: Replays,
) -> None:
    cases = replay.database["cases"]
    wrong, slow, lost, *_ = (t for t, d in replay.month.documents.items() if d["sla"]["targets"])
    cycle = replay.month.documents[wrong]["sla"]["cycle"]
    await cases.update_one({"_id": wrong}, {"$set": {"sla.cycle": 9}})
    await cases.update_one({"_id": slow}, {"$inc": {"case.n": 1}, "$set": {"sla.cycle": 9}})
    await cases.delete_one({"_id": lost})
    done = await replay("--until", UNTIL.isoformat())
    assert done.exit_code == 1
    assert "behind, the same so far: 2" in done.output
    assert "different: 1" in done.output
    assert f"  {wrong}: cycle: lived 9, replayed {cycle}" in done.output
    assert "faults" not in done.output


async def test_an_instant_in_the_past_and_one_that_is_yet_to_come(replay: Replays) -> None:
    half = BEGINNING + timedelta(days=16)
    done = await replay("--until", half.isoformat())
    assert (done.exit_code, done.exception) == (0, None), done.output
    assert "they have gone on since" in done.output
    stored = [one async for one in replay.into[EVENTS].find()]
    assert stored
    assert all(one["at"] <= half for one in stored)
    assert 0 < await replay.into["cases"].count_documents({}) < CASES
    for words, said in (
        (("--compare",), "yet to come"),
        (("--until", "2026-03-02T18:00"), "no instant with a zone"),
    ):
        refused = await replay("--until", "2999-01-01T00:00:00Z", *words)
        assert refused.exit_code == 1
        assert said in refused.output


async def test_without_an_instant_it_is_now_and_a_clock_that_stood_since_is_behind(
    replay: Replays,
) -> None:
    done = await replay()
    assert (done.exit_code, done.exception) == (0, None), done.output
    armed = sum("next_at" in document["sla"] for document in replay.month.documents.values())
    assert f"behind, the same so far: {armed}" in done.output


async def test_a_version_of_the_directory_that_is_missing_is_named_and_the_rest_goes_on(
    replay: Replays,
) -> None:
    await replay.database["directory_versions"].delete_many({"district": "sakti", "version": 3})
    done = await replay("--until", UNTIL.isoformat())
    assert done.exit_code == 1
    assert "no version 3 of sakti" in done.output
    assert "different: 0" in done.output
    assert 0 < await replay.into["cases"].count_documents({}) < CASES


async def test_the_living_database_and_names_that_no_database_can_have_are_refused(
    replay: Replays,
) -> None:
    before = await replay.database["cases"].find().to_list(None)
    for into in (replay.database.name, replay.database.name.upper(), "admin", "a.b", " "):
        refused = await replay("--until", UNTIL.isoformat(), into=into)
        assert refused.exit_code == 1, into
        assert refused.output.startswith("Error: "), into
    assert await replay.database["cases"].find().to_list(None) == before
