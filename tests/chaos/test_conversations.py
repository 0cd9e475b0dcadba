"""The chatbot killed with -9 again and again while many people talk to it: everybody files one case, is told
its number once, and nobody is left without an answer.

Bodies come twice, with other people's, out of order and late; the provider sends again what had no 200. In
the long form notify is killed too, and Kafka is away for a while. It blows over the line that the end-to-end
tests share and leaves nothing behind but cases.
"""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime

from tests.chaos import conversations_judge as judge
from tests.chaos import faults, witness
from tests.chaos.conftest import FORM
from tests.chaos.conversations_citizen import WORDS, Citizen
from tests.chaos.conversations_crowd import Crowd, Provider, Tally
from tests.chaos.conversations_judge import Talk
from tests.chaos.conversations_storm import FORMS, Damage, Storm
from tests.chaos.conversations_witness import Witness
from tests.chaos.judge import agree
from tests.chaos.scale import Scale
from tests.e2e.client import Line

LATE = 0.3
"""So many of all bodies come once more when everything is over."""


async def test_everybody_files_one_case_though_the_chatbot_is_killed(at: Line, scale: Scale) -> None:
    form = FORMS[FORM]
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    say(f"chance begins at {seed}")
    began, since = time.monotonic(), datetime.now(UTC)
    citizens = [Citizen(number) for number in range(form.citizens)]
    provider = Provider(at.stack, chance)
    crowd = Crowd(provider, citizens, chance)
    storm = Storm(at.stack, crowd, form, chance, say)
    watch = faults.Storm(at.stack, scale, say)  # looks at the supervisor's log from now on
    async with provider.running():
        async with asyncio.TaskGroup() as both:
            both.create_task(crowd.run(form.over_seconds))
            both.create_task(storm.blow())
        talked = time.monotonic() - began
        await provider.again_all(LATE)
        async with witness.opened(at.stack) as database:
            look = Witness(at.stack, database, citizens)
            left = await look.rest()
            talks = await look.talks(provider, since)
            unknown = await look.unknown()
        doubled = await at.duplicates()
    audit = await asyncio.to_thread(at.audit)
    insisted = sum(citizen.insisted for citizen in citizens)
    seconds = time.monotonic() - began
    say(figures(talks, insisted, provider.tally, storm.damage, unknown, talked, seconds))

    assert provider.tally.twice
    assert len(storm.damage.waiting) == form.kills
    assert form.notify_kills or not unknown, unknown
    agree("no answer is a fault of the webhook's", provider.tally.faults)
    agree("the line has come to rest", left)
    agree("everybody has one case", judge.cases(talks))
    agree("everybody knows its number", judge.numbers(talks, unknown))
    agree("every message is answered once", judge.answers(talks, unknown))
    assert doubled == 0
    assert (audit["unaccounted"], audit["doubled"]) == (0, 0)
    assert audit["accepted"] == audit["stored"]
    watch.damage.starts.update(storm.damage.starts)
    agree("only what was killed was started again", watch.strange_ends())
    agree("nothing was a fault of the code", witness.faults_of_the_code(at.stack, since))
    agree("the logs tell of nobody", logged(at, citizens))


def logged(at: Line, citizens: list[Citizen]) -> list[str]:
    """The line's logs that hold what a citizen wrote, or his number."""
    phones = {citizen.phone[2:] for citizen in citizens}
    wrong: list[str] = []
    for path in sorted(at.stack.home.logs.glob("*")):
        text = path.read_text(errors="replace")
        if WORDS in text or any(phone in text for phone in phones):
            wrong.append(f"{path.name} holds what citizens wrote, or their numbers")
    return wrong


def figures(
    talks: list[Talk],
    insisted: int,
    tally: Tally,
    damage: Damage,
    unknown: set[str],
    talked: float,
    seconds: float,
) -> str:
    messages = sum(len(talk.asked) for talk in talks)
    again_by = sum(talk.asks_again for talk in talks)
    replies = sum(len(talk.replies) for talk in talks)
    back = ", ".join(f"{one:.1f}" for one in damage.back)
    again = ", ".join(f"{n} {kind}" for kind, n in sorted(tally.repeated.items())) or "none"
    others = ", ".join(f"{name} {n}" for name, n in damage.starts.items() if name != "conversation")
    lines = [
        "",
        f"citizens         {len(talks):6}   {again_by} tapped twice or wrote again",
        f"messages         {messages:6}   {insisted} written again for want of an answer",
        f"  bodies         {tally.bodies:6}   sent again without a 200: {again}; with one: {tally.twice}",
        f"replies          {replies:6}   {len(unknown)} unknown",
        f"chatbot killed   {len(damage.waiting):6}   while {', '.join(map(str, damage.waiting))} waited",
        f"  ready after    {back} s; others: {others or 'none'}",
        f"seconds          {talked:6.0f}   {seconds:.0f} with the looking",
    ]
    return "\n".join(lines)


def say(line: str) -> None:
    print(line, flush=True)
