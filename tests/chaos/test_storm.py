"""The line in a storm: while citizens file and officers work, each worker is killed twice, the intake and
the desk once, MongoDB is killed and stopped, Kafka is stopped for a while. Afterwards nothing is lost,
nothing done twice, and everything is as it was.

It blows over the line that the end-to-end tests share: it leaves nothing behind but cases, and one more
start of everything would cost more than the tests that come after have to fear from it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime

from services.kernel.domain.directory import District
from tests.chaos import judge, witness
from tests.chaos.crowd import DISTRICTS, Crowd, Gate
from tests.chaos.faults import Storm
from tests.chaos.judge import agree
from tests.chaos.logbook import Logbook
from tests.chaos.report import figures
from tests.chaos.scale import Scale
from tests.chaos.witness import Witness
from tests.e2e.client import Line

REST_SECONDS = 100.0
"""For the line to come to rest; a claim that a crash left open is given up after 40 of them."""
STRIKES_AT = 8
"""A wave strikes when so many cases of its share are filed."""


async def test_the_line_holds_in_a_storm(
    at: Line, scale: Scale, janjgir: District, sakti: District
) -> None:
    log, gate = Logbook(), Gate()
    storm = Storm(at.stack, scale, say)
    crowd = Crowd(
        at.stack, log, gate, cases=scale.cases, per_second=scale.per_second, run=uuid.uuid4().hex[:8]
    )
    began, since = time.monotonic(), datetime.now(UTC)
    async with asyncio.TaskGroup() as all_at_once:
        all_at_once.create_task(crowd.run())
        all_at_once.create_task(blow(storm, gate, scale))
    blown = time.monotonic() - began
    say(f"the storm is over after {blown:.0f} s, {len(log.filings)} cases are filed")

    directories = {district.id: district for district in (janjgir, sakti)}
    async with witness.opened(at.stack) as database:
        look = Witness(at, database, log)
        await rest(look, None)
        cases = await look.cases()
        owed = look.owed(cases, directories)
        left = await rest(look, len(owed))
        listed = await look.listed(DISTRICTS)
        sent = await look.sent(since, cases)
        unknown = await look.unknown(directories)
        collapsed = await look.collapsed(directories)
        overtaken = look.overtaken(cases)
    audit = await asyncio.to_thread(at.audit)
    say(figures(log, storm.damage, audit, sent, unknown, collapsed, blown))

    assert log.repeated
    assert log.twice
    agree("no answer is a fault of the server's", log.faults)
    agree("every key has one ticket", judge.receipts(log))
    agree("every ticket has one case", judge.cases(log, listed))
    histories = (judge.history(c["history"], log.deeds_of(t), t) for t, c in cases.items())
    agree("every history is whole", [wrong for found in histories for wrong in found])
    crashes = storm.damage.killed_at["notify"]
    told = judge.messages(owed, sent, unknown, crashes, collapsed, overtaken)
    agree("everybody was told once", told)
    assert await at.duplicates() == 0
    agree("the line has come to rest", left)
    assert (audit["unaccounted"], audit["doubled"]) == (0, 0)
    assert audit["accepted"] == audit["stored"]
    agree("the topic is in order", await asyncio.to_thread(witness.topic, at, log))
    agree("only what was killed was started again", storm.strange_ends())
    agree("nothing was a fault of the code", witness.faults_of_the_code(at.stack, since))
    agree("the logs tell of nobody", witness.logged(at.stack, log))


async def blow(storm: Storm, gate: Gate, scale: Scale) -> None:
    """Wave by wave, each while its share of the cases is being filed."""
    for number, wave in enumerate(storm.waves):
        await gate.open((number + 1) * scale.share)
        await gate.reached(number * scale.share + STRIKES_AT)
        await wave()
    await gate.open(scale.cases)


async def rest(look: Witness, planned: int | None) -> list[str]:
    """What is still under way when it should be no more: nothing, or what the line does not get done."""
    end = time.monotonic() + REST_SECONDS
    while (left := await look.under_way(planned)) and time.monotonic() < end:
        await asyncio.sleep(0.3)
    return left


def say(line: str) -> None:
    print(line, flush=True)
