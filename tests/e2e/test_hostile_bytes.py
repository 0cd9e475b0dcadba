"""Hostile records on every topic of a running line: nobody stumbles, nothing else is touched, all is told.

On a stack of its own: a `filed` that nobody gave a receipt for stays on the topic, and the audit tells of it
for ever. What is forged but well-formed is taken at its word: who may write to a topic is for Kafka to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from services.cli.stack import Home, Plan, Ports, Stack, whole
from services.cli.stack.tools import Tools
from services.kernel.adapters.kafka import read_whole
from services.kernel.contracts.events import RecordDead
from services.kernel.contracts.topics import DEAD_LETTERS
from tests.conftest import home_of
from tests.daytime import daytime
from tests.e2e import hostile
from tests.e2e.attack import PARTITIONS, WORKERS, Attack, Attacker, partition_of
from tests.e2e.client import Line, until


def without_watch(home: Home, ports: Ports, tools: Tools) -> Plan:
    """The whole line but for Prometheus, which takes no records."""
    plan = whole(home, ports, tools)
    return replace(plan, processes=[p for p in plan.processes if p.name != "prometheus"])


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with (
        home_of("hostile", request) as home,
        Stack(
            home, Ports.free(), make_plan=without_watch, environment=daytime(home)
        ) as stack,
    ):
        yield stack


@pytest.fixture(scope="module")
def attack(own: Stack) -> Attack:
    """Cases are filed on every partition, the line is attacked, and cases are filed again."""

    async def go() -> Attack:
        async with Attacker(own) as attacker:
            await attacker.begin()
            attacker.unnumbered()
            attacker.broken()
            attacker.odd_but_good()
            attacker.before_filed()
            attacker.never_complete()
            attacker.against_what_is_there()
            attacker.on_topics_without_consumers()
            attacker.filed_twice()
            await attacker.send()
            await attacker.compressed()
            await attacker.end()
            return attacker.attack

    return asyncio.run(go())


def test_no_worker_was_started_again(own: Stack, attack: Attack) -> None:
    assert {name: own.pid(name) for name in WORKERS} == attack.pids
    assert all(row.ready for row in own.status())


async def test_no_partition_is_stuck(own: Stack, attack: Attack) -> None:
    """The cases that were filed afterwards were routed, timed and told, and nothing is left over."""
    assert {partition_of(ticket) for ticket in attack.filed_after} == set(range(PARTITIONS))
    assert attack.uncommitted == dict.fromkeys(WORKERS, 0)
    at = Line(own)
    for name in WORKERS:
        await until(partial(is_at, at, name, "samvad_consumer_lag", 0), f"{name} to lag by nothing")
    await at.http.aclose()


async def is_at(at: Line, process: str, metric: str, value: float) -> bool:
    return await at.metric(process, metric) == value


def test_what_was_there_is_untouched(attack: Attack) -> None:
    assert len(attack.before) >= PARTITIONS
    for ticket, before in attack.before.items():
        assert attack.later[ticket] == before, ticket


async def test_each_is_set_aside_by_those_that_read_it_or_ignored(own: Stack, attack: Attack) -> None:
    found = attack.found_aside
    assert {key: reason is None for key, reason in found.items()} == attack.aside
    at = Line(own)
    for name in WORKERS:
        mine = [held for (consumer, _), held in attack.aside.items() if consumer == name]
        await until(partial(is_at, at, name, "samvad_parked_records", len(mine)), f"{name}'s gauge")
        await until(partial(is_at, at, name, "samvad_consumer_held_cases", sum(mine)), f"{name}'s held")
    await at.http.aclose()


async def test_each_that_was_rejected_is_a_dead_letter(own: Stack, attack: Attack) -> None:
    dead: set[tuple[str, str, int, int]] = set()
    async for record in read_whole(own.settings["SAMVAD_KAFKA"], DEAD_LETTERS):
        if record.header("ce_type") == RecordDead.TYPE:
            letter = RecordDead.model_validate_json(record.value or b"")
            dead.add((letter.consumer, letter.topic, letter.partition, letter.offset))
    assert dead == attack.rejected_places


def test_ops_are_told(own: Stack, attack: Attack) -> None:
    at = Line(own)
    listed = at.run("dead-letters", "list").stdout
    assert all(name in listed for name in WORKERS)
    place = next(key for (name, key), _ in attack.aside.items() if "/" in key and name == "sla")
    assert "undecodable" in at.run("dead-letters", "show", "sla", place).stdout


def test_the_audit_tells_of_filings_without_a_receipt_and_of_nothing_else(
    own: Stack, attack: Attack
) -> None:
    audit = Line(own).audit()
    assert audit["accepted"] == len(attack.before) + len(attack.filed_after)
    assert audit["unaccounted"] == len(attack.strays) > 0
    assert audit["doubled"] == 0


async def test_a_filing_that_never_goes_through_can_be_given_up(own: Stack, attack: Attack) -> None:
    (ticket, *_) = sorted(key for (name, key), held in attack.aside.items() if held and name == "sla")
    async with Attacker(own) as attacker:
        refused = attacker.at.run("dead-letters", "drop", "sla", ticket, "--why", "stray", check=False)
        assert refused.returncode != 0
        for name in WORKERS:
            words = ("dead-letters", "drop", name, ticket, "--held", "--why", "stray")
            await asyncio.to_thread(attacker.at.run, *words)
        assert await attacker.parked.count_documents({"key": ticket}) == 0


async def test_a_case_that_a_forged_record_blocks_goes_on_when_ops_give_that_up(
    own: Stack, attack: Attack
) -> None:
    async with Attacker(own) as attacker:
        ticket = attack.filed_after[0]
        readers = {"sla", "notify"}
        forged = hostile.numbered(hostile.ASSIGNED, ticket).but(
            "forged", ce_id=f"{ticket}/case/2".encode()
        )
        await attacker.forge(ticket, forged, readers)

        async def parked(**more: Any) -> set[str]:
            """Who has parked such records of the case."""
            return set(await attacker.parked.distinct("consumer", {"key": ticket, **more}))

        async def rejected() -> bool:
            return await parked(reason={"$ne": None}) == readers

        async def behind() -> bool:
            return await parked(reason=None) == readers

        async def free() -> bool:
            return not await parked()

        await until(rejected, "both to set the forged record aside")
        done = await attacker.acknowledge(ticket)
        assert done.status_code == 200, done.text
        await until(behind, "the true one, of the same number, to wait behind it")
        for name in readers:
            words = ("dead-letters", "drop", name, ticket, "--why", "forged")
            await asyncio.to_thread(attacker.at.run, *words)
        await until(free, "the true one to be handled")
        case = await attacker.cases.find_one({"_id": ticket})
        assert case is not None
        assert case["sla"]["targets"]["acknowledge"]["met_at"] is not None
        assert case["notices"]["seen"]["case"] == 2
