"""A case whose rooms `case` and `notices` are written by two services, and the clock that follows both.

`Written` is what the services write, each event stamped as their stores stamp it, later than all that the
clock has said. `Following` is the clock's room over stand-ins: what was written comes to it in any order that
keeps each room's own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.kernel.adapters.case_folding import stamp, to_event
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.rooms import RoomConsumer
from services.kernel.adapters.timer_document import from_fields
from services.kernel.contracts import events
from services.kernel.contracts.codec import announce, receive
from services.kernel.contracts.events import CaseEvent, Room
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.case import Act, Case, perform
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Refused
from services.kernel.domain.people import Actor
from services.kernel.domain.timer import Timer
from services.kernel.testing.memory import MemoryBroker, MemoryCases, MemoryParking, MemoryRooms
from services.sla.adapters.firing import Firing
from services.sla.adapters.room import READS, SlaRoom
from services.sla.core.catching_up import Told, stamped
from services.sla.core.follow import USED
from services.sla.testing import TICKET, Living, filing, ist

FILED = ist("2026-03-02 10:00")
TICK = timedelta(milliseconds=1)
EVERY = range(256)
BY = {
    "answer": "citizen",
    "reopen": "citizen",
    "mark_asked": "operator",
    "plan_feedback": "operator",
    "end_feedback": "operator",
}
DATA: dict[str, dict[str, Any]] = {
    "assign": {"department": "phe", "directory_version": 1, "reason": ""},
    "transfer": {"department": "pwd", "office": "o", "directory_version": 1, "reason": ""},
    "merge": {"parent": "2600104245"},
    "end_feedback": {"outcome": "unreached"},
}


class Versions:
    """A store of directories that has version 1 of one."""

    def __init__(self, district: District) -> None:
        self._district = replace(district, version=1)

    async def version(self, district: str, version: int) -> District:
        assert (district, version) == (self._district.id, 1)
        return self._district


class Written:
    """`told` is all of both rooms, in the order in which it was written; `living` a clock that learns of
    each at once."""

    def __init__(self, district: District, service: str | None = "hand-pump") -> None:
        self.filed = filing(district, FILED, service, has_phone=True)
        self.living = Living(district, FILED, service, has_phone=True)
        self.now = FILED
        self.case = Case(
            ticket=TICKET,
            district=district.id,
            kind="complaint",
            channel="web",
            language="hi",
            priority="normal",
            filed_at=FILED,
            updated_at=FILED,
            directory_version=1,
            service=service,
        )
        self.told: list[Told] = []
        self.act("assign", FILED, role="routing", service=service)

    def act(self, action: str, at: str | datetime, *, role: str | None = None, **data: Any) -> bool:
        """Whether the lifecycle allows it."""
        now = self._stamp(at, self.case.updated_at - TICK)
        actor = Actor(role or BY.get(action, "head"), "somebody", self.case.district)  # type: ignore[arg-type]
        wish = Act(action, actor, data={**DATA.get(action, {}), **data})
        n = len(self.case.history) + 1
        try:
            self.case, fact = perform(self.case, wish, n=n, at=now)
        except Refused:
            return False
        self._write("case", n, to_event(self.case, fact, now, None))
        return True

    def reached(self, at: str | datetime, about: int | None = None) -> None:
        """What the citizen was told of the `about`-th act, or the last, has reached him."""
        self._notice(events.NoticeDelivered, at, about)

    def missed(self, at: str | datetime, about: int | None = None) -> None:
        self._notice(events.NoticeFailed, at, about, reason="no_address")

    def look(self, at: str | datetime) -> None:
        """The clock that learns of everything at once looks."""
        self.now = max(self.now, ist(at) if isinstance(at, str) else at)
        self.living.at(self.now)

    def _notice(
        self, model: type[events.Notice], at: str | datetime, about: int | None, **more: Any
    ) -> None:
        n = 1 + sum(one.room == "notices" for one in self.told)
        event = model(
            ticket=TICKET,
            district=self.case.district,
            at=self._stamp(at),
            about=f"{TICKET}/case/{about or len(self.case.history)}",
            audience="citizen",
            channel="sms",
            **more,
        )
        self._write("notices", n, event)

    def _stamp(self, at: str | datetime, *not_before: datetime) -> datetime:
        wall = ist(at) if isinstance(at, str) else at
        return stamp(wall, self.living.timer.last_fired, *not_before)

    def _write(self, room: Room, n: int, event: CaseEvent) -> None:
        self.told.append(Told(room, n, event))
        self.now = max(self.now, event.at)
        if type(event) in USED:
            self.living.n = n
            self.living.follows(event)


class Following:
    """The clock's room and its loop. What was written is announced in the document, in part or whole."""

    def __init__(self, written: Written) -> None:
        self.written = written
        self.cases, self.broker, self.parking = MemoryCases(), MemoryBroker(), MemoryParking()
        rules = RulesOf(Versions(written.living.district))  # type: ignore[arg-type]
        self.rooms = MemoryRooms(self.cases, "sla", READS)
        outbox = Outbox("sla", self.broker)
        self.consumer = RoomConsumer(SlaRoom(rules), self.rooms, outbox)
        self.firing = Firing(self.rooms, outbox, rules, self.parking)
        self._rules = rules

    async def file(self) -> None:
        await self._take("intake", 1, self.written.filed)

    def announce(self, case: int, notices: int) -> None:
        """So many of each room are written."""
        document = self.cases.documents.setdefault(TICKET, {"_id": TICKET})
        for room, n in (("case", case), ("notices", notices)):
            document.setdefault(room, {})["n"] = max(n, document.get(room, {}).get("n", 0))

    def announce_all(self) -> None:
        rooms = [one.room for one in self.written.told]
        self.announce(rooms.count("case"), rooms.count("notices"))

    async def hear(self, room: Room, n: int) -> None:
        """The next of a room comes."""
        [told] = [one for one in self.written.told if (one.room, one.n) == (room, n)]
        await self._take(room, n, told.event)

    async def _take(self, room: Room, n: int, event: CaseEvent) -> None:
        source = MemoryBroker()
        source.messages = [announce(event, room, n).message(COMPLAINTS, "/test")]
        received = receive(source.records(COMPLAINTS)[0], self.consumer.uses)
        assert await self.consumer.handle([received]) == []

    async def look(self, at: str | datetime) -> None:
        await self.firing.fire(ist(at) if isinstance(at, str) else at, EVERY, 500)

    @property
    def room(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cases.documents[TICKET]["sla"]
        return found

    @property
    def waits(self) -> list[tuple[str, int]]:
        return [(entry["room"], entry["n"]) for entry in self.room.get("waiting", ())]

    @property
    def timer(self) -> Timer:
        return from_fields(self.room)

    @property
    def said(self) -> list[CaseEvent]:
        found: list[CaseEvent] = []
        for record in self.broker.records(COMPLAINTS):
            one = receive(record, events.EVENTS)
            if one.id.n > len(found):
                assert isinstance(one.event, CaseEvent)
                found.append(one.event)
        return found


def in_order_of_stamps(written: Written) -> Living:
    """A clock that learns of everything in the order of the stamps."""
    living = Living(written.living.district, FILED, written.filed.service, has_phone=True)
    for one in stamped(written.told):
        if type(one.event) in USED:
            living.n = one.n
            living.follows(one.event)
    return living
