"""The sender killed with -9 again and again while messages go out: each is sent once, in order, by the way
that is right, or is known not to be known.

The providers fail one call in five for the moment and one in twenty for good, and tell of what they took
late, repeatedly and out of order. They are believed before the store is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

from services.kernel.adapters import kafka as kafka_adapter
from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.catalogue import TOPICS
from services.notify.adapters.sender import SLOTS
from tests.chaos import messages_judge as judge
from tests.chaos.judge import agree
from tests.chaos.lives import forget_the_dead
from tests.chaos.messages_cases import Docket, Owed, portions, write_book, write_register
from tests.chaos.messages_judge import FINAL, TRANSIENT, Evidence
from tests.chaos.messages_line import (
    FAILING,
    GROUPS,
    PATIENT_SECONDS,
    REST_SECONDS,
    Lives,
    Providers,
    count,
    gather,
    providers,
    waiting,
)
from tests.chaos.scale import Scale

KILLED_AT = 0.3
"""A life is killed when so much of what was owed up to then has been done."""
WELL_AT = 0.9
"""The providers do well again when so much is done: the last retries would take minutes."""
SOON = timedelta(seconds=1)
PROVIDERS = 3
MOST_WAITS = 5
"""For a retry, then a receipt that does not come, then one that never comes by the next channel."""


async def test_a_sender_killed_again_and_again_sends_each_message_once(
    kafka: str,
    mongo_url: str,
    database: mongo.Database,
    directory: DirectoryStore,
    scale: Scale,
    tmp_path: Path,
) -> None:
    began = time.monotonic()
    book, settings = write_book(tmp_path / "book"), Settings()
    cases = Docket(book, settings).cases(scale.messages)
    owed = {one.id: one for case in cases for one in case.owed}
    await database[RECEIPTS].insert_many([case.receipt for case in cases])
    wanted = {name: (topic.partitions, topic.configs) for name, topic in TOPICS.items()}
    await kafka_adapter.create_topics(kafka, wanted)
    await forget_the_dead(kafka, *GROUPS)
    publisher = Publisher(kafka, client_id="test")
    killed: list[int] = []
    try:
        async with providers(kafka, tmp_path, write_register(tmp_path / "register")) as stand_ins:
            await stand_ins.behave(*FAILING)
            lives = Lives(
                kafka,
                database,
                tmp_path,
                {
                    "SAMVAD_MONGO": mongo_url,
                    "SAMVAD_NOTIFY_BOOK": str(tmp_path / "book"),
                    "SAMVAD_WHATSAPP_URL": f"{stand_ins.url}/whatsapp",
                    "SAMVAD_SMS_URL": f"{stand_ins.url}/sms",
                    "SAMVAD_KANNEL_URL": f"{stand_ins.url}/kannel/cgi-bin/sendsms",
                    "SAMVAD_WHATSAPP_PER_SECOND": "100000",
                    "SAMVAD_SMS_PER_SECOND": "100000",
                    "SAMVAD_RECIPIENT_SECONDS": "0.001",
                    "SAMVAD_RECIPIENT_BURST": "10000",
                },
            )
            published = 0
            *before, last = portions(cases, scale.sender_kills + 1)
            for portion in before:
                await publisher.publish(portion)
                published += len(portion)
                async with lives.live():
                    await lives.until(_done(database, KILLED_AT * published), "its share is done")
                    killed.append(await lives.kill())
            await publisher.publish(last)
            async with lives.live():
                await lives.until(_done(database, WELL_AT * len(owed)), "most is done", REST_SECONDS)
                await stand_ins.behave()
                await _at_rest(lives, stand_ins, owed)
            for _ in range(MOST_WAITS):
                if not await waiting(database):
                    break
                # past all that is waited for: a retry, a receipt, that none need come any more
                async with lives.live(PATIENT_SECONDS):
                    await _at_rest(lives, stand_ins, owed)
            found = await gather(owed, stand_ins, lives)
            doubled = (await stand_ins.get("/api/duplicates"))["count"]
            receipts = await stand_ins.get("/api/receipts")
    finally:
        await publisher.stop()
    print(figures(found, killed, doubled, receipts["sent"], time.monotonic() - began), flush=True)

    assert doubled == 0
    assert receipts["failed"] == 0
    assert len(killed) == scale.sender_kills
    assert all(0 < each <= SLOTS * PROVIDERS for each in killed), killed
    agree("every message has come to its end", judge.ends(found))
    agree("nothing was sent twice", judge.doubles(found))
    agree("only what was in hand at a kill is unknown", judge.unknown(found))
    agree("each took the right way", judge.ways(found))
    agree("each case's messages came in order", judge.order(found))
    agree("a call-back is asked for what failed everywhere", judge.calls(found))
    agree("what became of a message is said once", judge.notices(found))
    agree("every receipt was heard", judge.known(found))
    agree("nothing was a fault of the code", lives.faults())
    # the providers did all that the test is about
    ways = ways_of(found)
    assert all(ways[what] for what in ("retried", "fell back", "failed everywhere")), ways


def _done(database: mongo.Database, least: float) -> Callable[[], Awaitable[bool]]:
    """Whether so many messages need no more to be done now."""

    async def done() -> bool:
        return await count(database, *FINAL) >= least

    return done


async def _at_rest(lives: Lives, stand_ins: Providers, owed: dict[str, Owed]) -> None:
    """All is planned, nothing is in hand or due by the life's clock, and every receipt is known."""
    left: list[str] = []

    async def done() -> bool:
        database = lives.database
        unplanned = len(owed) - await count(database, *FINAL, "planned")
        due = await waiting(database, lives.now() + SOON)
        pending = (await stand_ins.get("/api/receipts"))["pending"]
        left[:] = [f"{unplanned} in hand or to come, {due} due, {pending} receipts to be told"]
        if not (unplanned or due or pending):
            left[:] = judge.known(await gather(owed, stand_ins, lives, topics=False))
        return not left

    await lives.until(done, left, REST_SECONDS)


def ways_of(found: Evidence) -> Counter[str]:
    """What happened to messages on their ways."""
    ways: Counter[str] = Counter()
    for id_, owed in found.owed.items():
        taken = found.of(id_)
        ways["retried"] += any(one.later for one in taken)
        ways["fell back"] += any(one.provider == owed.providers[1] for one in taken)
        ways["failed everywhere"] += judge.failed(found, id_)
        ways["reached by both"] += sum(one.accepted for one in taken) > 1
        ways["ever unknown"] += any(one.outcome == "unknown" for one in found.stored[id_].tried)
    return ways


def figures(
    found: Evidence, killed: Sequence[int], doubled: int, receipts: int, seconds: float
) -> str:
    requests = [one for taken in found.taken.values() for one in taken]
    refused = Counter("moment" if one.later else "good" for one in requests if not one.accepted)
    states = Counter(one.state for one in found.stored.values())
    ways = ways_of(found)
    again = len(found.calls) - len(set(found.calls))
    codes = {code for some in TRANSIENT.values() for code in some}
    share = sum(one.code in codes for one in requests) / len(requests)
    lines = [
        "",
        f"messages         {len(found.owed):6}   {', '.join(f'{n} {s}' for s, n in sorted(states.items()))}",
        f"requests         {len(requests):6}   {share:.0%} of them refused for the moment",
        f"  refused        {refused.total():6}   {refused['good']} of them for good",
        f"receipts         {receipts:6}",
        f"sender killed    {len(killed):6}   with {', '.join(map(str, killed))} in hand",
        f"  unknown        {ways['ever unknown']:6}   of {sum(killed)} that were in hand",
        f"retried          {ways['retried']:6}   where they had been refused for the moment",
        f"fell back        {ways['fell back']:6}   to the second channel",
        f"reached by both  {ways['reached by both']:6}   no receipt had come, or that it had failed",
        f"call-backs       {len(set(found.calls)):6}   asked for again with the same key: {again}",
        f"sent twice       {doubled:6}",
        f"seconds          {seconds:6.0f}",
    ]
    return "\n".join(lines)
