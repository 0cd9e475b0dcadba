"""People's acts racing routing's writes of the same cases: a process against a process, many times over."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

from services.kernel.adapters.case_folding import READS
from services.kernel.adapters.case_store import CaseStore
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.metrics import CONFLICTS
from services.kernel.adapters.outbox import Outbox
from services.kernel.contracts.codec import EventId
from services.kernel.domain.case import Act
from services.kernel.domain.errors import Conflict, IllegalAction
from services.kernel.domain.people import Actor
from tests.integration.kernel.worker_line import Line, all_committed

OFFICERS = [Actor("officer", f"o-{n}", "janjgir-champa") for n in range(2)]
CASES = 12
WARNINGS = 8
NOTES = 6
JITTER = random.Random(8)
LOST_AT_LEAST = 5
"""Races that each side must have lost before the test has seen enough."""
MOST_ROUNDS = 6


def lost_here() -> float:
    return float(CONFLICTS.labels("case")._value.get())


class Desk:
    """One process of the desk, with an officer who acts until everything that he wants was answered."""

    def __init__(self, line: Line, officer: Actor) -> None:
        real = line.real
        outbox = Outbox("case", real.publisher)
        self.officer = officer
        self.store = CaseStore(real.rooms("case", READS), outbox, real.vault, system_clock())
        self.done: dict[str, list[str]] = {}
        self.refused: Counter[str] = Counter()

    async def act(self, ticket: str, action: str, cause: str) -> None:
        """Acts; "the case is being changed by others" is asked again, as the page does."""
        note = "a" if action == "note" else None
        while True:
            try:
                await self.store.act(ticket, Act(action, self.officer, cause=cause, note=note))
            except IllegalAction:
                self.refused[ticket] += 1
                return
            except Conflict:
                continue
            self.done.setdefault(ticket, []).append(cause)
            return


async def test_acts_and_routing_s_writes_of_the_same_cases(line: Line, eventually: Any) -> None:
    real = line.real
    worker = await line.start(room="case", batch=7)
    await eventually(lambda: worker.owns() == 4, "routing to be there")
    desks = [Desk(line, officer) for officer in OFFICERS]
    for desk in desks:
        desk.store.start()
    lost_before = lost_here()
    tickets: list[str] = []

    def lost() -> tuple[float, int]:
        return lost_here() - lost_before, worker.metric("samvad_room_conflicts_total{case}")

    for _ in range(MOST_ROUNDS):
        tickets += await _race(line, desks, eventually)
        if min(lost()) >= LOST_AT_LEAST:
            break
    await eventually(all_committed(line), "routing to be done")
    for desk in desks:
        await desk.store.stop()
    # routing leaves what it has published to its next write, or, where an act's lay there too, to the sweeper
    await eventually(lambda: _sent(line), "the outboxes to be sent")
    topic = await real.records()
    for ticket in tickets:
        await _is_whole(line, ticket, desks, topic)
    assert min(lost()) >= LOST_AT_LEAST, "too few races"


async def _sent(line: Line) -> bool:
    await line.real.sweeper().sweep(system_clock(1)())
    return not await line.real.rooms("case").backlog()


async def _race(line: Line, desks: list[Desk], eventually: Any) -> list[str]:
    """Cases are opened; officers work them while the clock's events come in, until the rule closes them."""
    real = line.real
    tickets = [real.ticket() for _ in range(CASES)]
    for ticket in tickets:
        await real.new_key(ticket)
    await line.send([real.record(ticket, "intake", 1) for ticket in tickets])

    async def opened() -> bool:
        count = await real.database["cases"].count_documents(
            {"_id": {"$in": tickets}, "case.n": {"$gte": 1}}
        )
        return bool(count == CASES)

    await eventually(opened, "the cases to be opened")

    warned = asyncio.Event()

    async def clock() -> None:
        for n in range(1, WARNINGS + 1):
            await line.send([real.record(ticket, "sla", n) for ticket in tickets])
        warned.set()

    async def works(ticket: str) -> None:
        for n, action in enumerate(("acknowledge", "note", "start", "note", "resolve")):
            await desks[0].act(ticket, action, f"{ticket}/works/{n}")
        await warned.wait()
        # the rule closes it; notes of the other desk come before it or are refused after
        lapsed = real.record(ticket, "sla", WARNINGS + 1, "samvad.sla.lapsed.v1")
        await line.send([lapsed])

    async def notes(ticket: str) -> None:
        for n in range(NOTES):
            await asyncio.sleep(JITTER.uniform(0, 0.05))
            await desks[1].act(ticket, "note", f"{ticket}/notes/{n}")

    await asyncio.gather(clock(), *map(works, tickets), *map(notes, tickets))
    return tickets


async def _is_whole(line: Line, ticket: str, desks: list[Desk], topic: Any) -> None:
    room = await line.real.room(ticket, "case")
    history = room["history"]
    assert [entry["n"] for entry in history] == list(range(1, room["n"] + 1))
    causes = [entry["cause"] for entry in history if entry["role"] == "officer"]
    assert Counter(causes) == Counter(c for desk in desks for c in desk.done.get(ticket, ()))
    assert sum(map(len, (desk.done.get(ticket, ()) for desk in desks))) == (
        5 + NOTES - desks[1].refused[ticket]
    )
    actions = Counter(entry["action"] for entry in history)
    assert (actions["assign"], actions["close"]) == (1, 1), actions
    assert room["seen"] == {"intake": 1, "sla": WARNINGS + 1}
    assert room["state"] == "closed"
    highest = 0
    said: dict[int, set[Any]] = {}
    for record in topic:
        one = EventId.parse(record.header("ce_id") or "")
        if (one.ticket, one.room) == (ticket, "case"):
            assert one.n <= highest + 1, f"{one} came before its predecessor"
            highest = max(highest, one.n)
            said.setdefault(one.n, set()).add((record.header("ce_type"), record.value))
    assert highest == room["n"]
    assert all(len(events) == 1 for events in said.values()), "a number that was said of two events"
