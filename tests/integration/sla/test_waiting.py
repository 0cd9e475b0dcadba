"""An event waits for what was stamped before it: two rooms, two writers, one topic."""

from __future__ import annotations

from typing import Any

import pytest

from services.kernel.adapters.guard import Guard
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.contracts.codec import announce
from services.kernel.contracts.events import NoticeDelivered
from services.kernel.contracts.topics import COMPLAINTS
from services.sla.adapters.room import SlaRoom
from services.sla.testing import ist, lines
from tests.integration.sla.interrupted import Interrupted

ASKED = 3
"""The number of the question among the events of room `case`."""


class Notify:
    """Room `notices` of one case: its counter is in the document before Kafka has the event."""

    def __init__(self, line: Any, ticket: str) -> None:
        self.line, self.ticket = line, ticket
        self.written: list[NoticeDelivered] = []

    async def write(self, at: str) -> None:
        """The question has reached the citizen."""
        self.written.append(
            NoticeDelivered(
                ticket=self.ticket,
                district=self.line.district.id,
                at=ist(at),
                about=f"{self.ticket}/case/{ASKED}",
                audience="citizen",
                channel="whatsapp",
            )
        )
        notices = {"notices.n": len(self.written), "notices.seen": {}}
        await self.line.cases.update_one({"_id": self.ticket}, {"$set": notices})

    async def publish(self) -> None:
        told = [announce(event, "notices", n) for n, event in enumerate(self.written, start=1)]
        await self.line.publisher.publish(
            [one.message(COMPLAINTS, "/samvad/notify") for one in told]
        )


@pytest.fixture
async def asked(line: Any) -> str:
    """A hand pump due on Monday the 9th at 18:00; at 16:00 its citizen is asked, and the clock knows."""
    ticket: str = await line.file()
    await line.act(ticket, "acknowledge", "2026-03-02 11:00")
    await line.deliver()
    await line.look("2026-03-09 15:00")
    await line.act(ticket, "ask_citizen", "2026-03-09 16:00")
    await line.deliver()
    assert (await line.room(ticket))["questions"][0]["event"] == ASKED
    return ticket


async def resolutions(line: Any, ticket: str) -> list[str]:
    told = await line.told(ticket)
    assert len({one.id.n for one in told}) == len(told)
    return [text for text in lines([one.event for one in told]) if " resolve" in text]


WARNED = ["2026-03-06 16:00 warning resolve"]


async def test_a_delivery_that_comes_after_the_answer_keeps_a_breach_from_being_said(
    line: Any, asked: str
) -> None:
    notify = Notify(line, asked)
    await notify.write("2026-03-09 17:00")  # written, and Kafka was away
    await line.act(asked, "answer", "2026-03-10 11:00", role="citizen")
    await line.deliver()
    room = await line.room(asked)
    assert [(entry["room"], entry["n"]) for entry in room["waiting"]] == [("case", 4)]
    assert room["seen"]["case"] == 4
    assert "closed_at" not in room["questions"][0]
    assert (await line.look("2026-03-10 11:30"))[0] == 0
    assert await resolutions(line, asked) == WARNED
    await notify.publish()
    await line.deliver()
    room = await line.room(asked)
    assert "waiting" not in room
    assert room["deadline"] == room["next_at"] == ist("2026-03-10 12:00")  # an hour was left
    assert await resolutions(line, asked) == WARNED
    assert (await line.look("2026-03-10 12:01"))[0] == 1
    assert await resolutions(line, asked) == [
        *WARNED,
        "2026-03-10 12:00 breach resolve",
        "2026-03-10 12:00 resolve to officer",
    ]


async def test_nothing_waits_where_nothing_fell_due_in_between(line: Any, asked: str) -> None:
    notify = Notify(line, asked)
    await notify.write("2026-03-09 16:30")
    await line.act(asked, "answer", "2026-03-09 17:30", role="citizen")
    await line.deliver()
    room = await line.room(asked)
    assert "waiting" not in room
    assert room["deadline"] == ist("2026-03-09 18:00")
    await notify.publish()
    await line.deliver()
    assert (await line.room(asked))["deadline"] == ist("2026-03-10 11:00")


async def test_a_case_that_waits_is_not_fired(line: Any, asked: str) -> None:
    """Not even if it seems to have seen everything."""
    notify = Notify(line, asked)
    await notify.write("2026-03-09 17:00")
    await line.act(asked, "answer", "2026-03-10 11:00", role="citizen")
    await line.deliver()
    await line.cases.update_one({"_id": asked}, {"$set": {"sla.seen.notices": 1}})
    assert (await line.room(asked))["next_at"] == ist("2026-03-09 18:00")
    assert (await line.look("2026-03-20 10:00"))[0] == 0
    assert await resolutions(line, asked) == WARNED


async def test_what_is_of_no_use_to_the_clock_ends_the_waiting_too(line: Any, asked: str) -> None:
    """A delivery after the due instant waits for room `case`, of which only a note was unseen."""
    await line.act(asked, "note", "2026-03-09 16:30")
    notify = Notify(line, asked)
    await notify.write("2026-03-09 19:00")
    await notify.publish()
    records = [r for r in await line.records() if (r.partition, r.offset) not in line.taken]
    line.taken.update((r.partition, r.offset) for r in records)
    await line.guard.handle(records)
    assert "waiting" in await line.room(asked)
    await line.deliver()  # the note
    room = await line.room(asked)
    assert "waiting" not in room
    assert room["questions"][0]["delivered_at"] == ist("2026-03-09 19:00")
    assert await resolutions(line, asked) == [
        *WARNED,
        "2026-03-09 18:00 breach resolve",
        "2026-03-09 18:00 resolve to officer",
    ]


async def test_what_the_other_room_writes_meanwhile_is_waited_for(line: Any, asked: str) -> None:
    """Between the look at its counter and the write that would say the breach."""
    notify = Notify(line, asked)
    interrupted = Interrupted(line.rooms, lambda: notify.write("2026-03-09 17:00"))
    consumer = RoomConsumer(SlaRoom(line.rules), interrupted, Outbox("sla", line.publisher))
    line.guard = Guard("sla", consumer, line.parking)
    await line.act(asked, "answer", "2026-03-10 11:00", role="citizen")
    await line.deliver()
    assert "waiting" in await line.room(asked)
    assert await resolutions(line, asked) == WARNED
    await notify.publish()
    await line.deliver()
    assert (await line.room(asked))["deadline"] == ist("2026-03-10 12:00")
    assert await resolutions(line, asked) == WARNED


async def test_with_nothing_announced_the_answer_tells_the_breach_at_once(
    line: Any, asked: str
) -> None:
    await line.act(asked, "answer", "2026-03-10 11:00", role="citizen")
    await line.deliver()
    assert "waiting" not in await line.room(asked)
    assert (await resolutions(line, asked))[1] == "2026-03-09 18:00 breach resolve"
