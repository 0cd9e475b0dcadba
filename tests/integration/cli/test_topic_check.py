"""`samvad topic check`: what the running line recorded, and a recording that was tampered with."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.cli.stack import Stack
from services.cli.topic.command import check
from services.kernel.adapters.kafka import Publisher, create_topics
from services.kernel.contracts.codec import Message, Record
from services.kernel.domain.directory import District
from tests.e2e.client import Line, until
from tests.e2e.test_line import PUMP
from tests.recorded import Step, id_of, recorded, renumbered

SCRIPT = [
    Step(case, what, size)
    for size in (1, 4, 7, 10, 13, 16)
    for what in ("act", "send", "follow", "wait", "fire", "say", "repeat")
    for case in (0, 1, 2)
]


@pytest.fixture
async def at(line: Stack) -> AsyncIterator[Line]:
    client = Line(line)
    yield client
    await client.http.aclose()


def judged(at: Line, ticket: str) -> dict[str, Any]:
    done = at.run("topic", "check", "--json", "--ticket", ticket, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_cases_worked_on_the_running_line_are_recorded_as_they_may_be(at: Line) -> None:
    collector = at.token("collector")
    operator = at.token("operator", "op-1")
    tickets: list[str] = []
    for last in ("confirm", "reopen"):
        ticket = (await at.filed(**PUMP))["ticket"]
        case = await at.case_where(ticket, collector, lambda c: c["officer"], "routed")
        officer, version = at.token("officer", case["officer"]), case["version"]
        acts = ((officer, "acknowledge"), (officer, "start"), (officer, "resolve"), (operator, last))
        for token, action in acts:
            words = {"note": "हो गया"} if action in ("resolve", "reopen") else {}
            done = await at.act(ticket, token, action=action, expected_version=version, **words)
            assert done.status_code == 200, done.text
            version = done.json()["version"]
        tickets.append(ticket)
    for ticket in tickets:

        async def all_published(ticket: str = ticket) -> bool:
            return bool(judged(at, ticket)["records"] >= 6)

        await until(all_published, "filed, assigned and four acts are on the topic")
        found = judged(at, ticket)
        assert (found["cases"], found["lost"], found["disordered"]) == (1, 0, 0)
        assert (found["doubled"], found["illegal"], found["foreign"], found["faults"]) == (0, 0, 0, [])
    both = ("--ticket", f"JC-{tickets[0]}", "--ticket", tickets[1])
    shown = at.run("topic", "check", *both).stdout
    assert "of 2 cases" in shown
    assert "0 lost, 0 disordered, 0 doubled, 0 illegal" in shown


def test_a_case_that_the_topic_has_not_is_no_clean_case(at: Line) -> None:
    unheard = at.run("topic", "check", "--ticket", "0000000000", check=False)
    assert (unheard.returncode, unheard.stdout) == (1, "")
    assert "the topic has 0 of the 1 cases" in unheard.stderr
    assert at.run("topic", "check", "--ticket", "12345", check=False).returncode == 2


async def published(kafka: str, records: Sequence[Record]) -> str:
    """A topic of the test's own that holds `records`."""
    topic = f"recorded-{uuid.uuid4().hex[:12]}"
    await create_topics(kafka, {topic: (3, {})})
    publisher = Publisher(kafka, client_id="test-topic-check")
    try:
        await publisher.publish(
            [Message(topic, r.key or b"", r.headers, r.value or b"") for r in records]
        )
    finally:
        await publisher.stop()
    return topic


async def test_a_recording_that_was_tampered_with_is_read_back_and_blamed(
    kafka: str, janjgir: District
) -> None:
    whole = recorded(janjgir, SCRIPT)
    clean = await check(kafka, await published(kafka, whole))
    assert (clean.clean, clean.records, clean.cases) == (True, len(whole), 3)
    assert clean.repeated > 0
    rooms = [id_of(record).room for record in whole]
    place = rooms.index("case")
    tampered = [
        Record(whole[0].topic, 5, 0, b"2600000999", (("ce_id", b"\xff"),), b"\x00\xff"),
        *whole[: place + 1],
        replace(whole[place], value=(whole[place].value or b"").replace(b"janjgir", b"jaanjgir")),
        *whole[place + 1 :],
        renumbered(whole[place], 999),
    ]
    topic = await published(kafka, tampered)
    found = await check(kafka, topic)
    assert (found.records, found.foreign, found.cases) == (len(tampered), 1, 3)
    ticket = id_of(whole[place]).ticket
    heard = max(id_of(record).n for record in whole
                if (id_of(record).ticket, id_of(record).room) == (ticket, "case"))  # fmt: skip
    assert [(fault.kind, fault.ce_id) for fault in found.faults] == [
        ("doubled", f"{ticket}/case/1"),
        ("lost", f"{ticket}/case/{heard + 1}"),
        ("doubled", f"{ticket}/case/999"),
    ]
    alone = await check(kafka, topic, {ticket})
    assert (alone.cases, alone.faults) == (1, found.faults)
