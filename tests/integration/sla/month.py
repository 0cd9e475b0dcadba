"""A month of two districts, lived through with the real parts of the clock over time that is made up.

People act, messages reach citizens or do not, and every room's events come to the topic after delays of
its own, so not in the order in which they were stamped. The clock's worker is away for hours and days, is
begun anew and takes records in batches of any size. In the middle of the month the directory changes; later a
holiday is declared and applied to open clocks.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from services.kernel.adapters import case_document
from services.kernel.adapters.case_folding import fold, opened, stamp
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.outbox import Outbox, from_entry
from services.kernel.adapters.room_store import Draft, guard_of, to_draft
from services.kernel.adapters.rooms import Change, RoomConsumer, enter
from services.kernel.adapters.timer_document import from_fields
from services.kernel.contracts import events as e
from services.kernel.contracts.codec import Message, Record, announce, receive
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.case import Act, Case
from services.kernel.domain.directory import District, Holiday, Text
from services.kernel.domain.errors import Refused, Retry
from services.kernel.domain.lifecycle import ROLES, allowed
from services.kernel.domain.people import Actor
from services.kernel.testing.memory import ManualClock, MemoryCases, MemoryRooms, _holds
from services.sla.adapters.armed import fields_of
from services.sla.adapters.firing import Firing
from services.sla.adapters.room import SlaRoom
from services.sla.core.catching_up import ROOMS
from services.sla.core.follow import recalculate
from services.sla.testing import filing, ist

BEGINNING = ist("2026-02-23 09:00")
DAYS = 31
END = BEGINNING + timedelta(days=DAYS)
CHANGED = BEGINNING + timedelta(days=11)
DECLARED = BEGINNING + timedelta(days=19, hours=5)
HOLIDAY = date(2026, 3, 13)  # the day after next to the declaration
LOOK = timedelta(minutes=90)
BUCKETS = range(256)
SERVICES = ("hand-pump", "street-light", "pension", "ration-not-given", "brand-new", None)
TOLD = ("ask_citizen", "resolve", "reopen")
WEIGHTS = {
    "acknowledge": 8, "start": 4, "ask_citizen": 8, "answer": 6, "mark_asked": 5, "reply": 3, "resolve": 6,
    "confirm": 3, "reopen": 4, "plan_feedback": 3, "end_feedback": 8, "propose_rejection": 2, "reject": 3,
    "unmerge": 6, "transfer": 2, "change_service": 2,
}  # fmt: skip
"""How likely each act is, where it may be done; others 1."""


class Versions:
    """The directory: version 1, from the middle on 2, and 3 with the holiday."""

    def __init__(self, *districts: District) -> None:
        self.of: dict[tuple[str, int], District] = {}
        for first in districts:
            pump = next((s for s in first.services if s.policy), first.services[0])
            other = next(s for s in first.services if s.policy not in (None, pump.policy))
            second = replace(
                first,
                version=2,
                services=(*first.services, replace(pump, id="brand-new", policy=other.policy)),
                policies=tuple(replace(p, warn_percent=60) for p in first.policies),
            )
            holiday = Holiday(HOLIDAY, Text("अवकाश", "Declared holiday"))
            third = replace(
                second,
                version=3,
                calendars=tuple(
                    c if c.id in ("always", "din-raat") else replace(c, holidays=(*c.holidays, holiday))
                    for c in second.calendars
                ),
            )
            for one in (replace(first, version=1), second, third):
                self.of[first.id, one.version] = one

    async def version(self, district: str, version: int) -> District:
        if (district, version) not in self.of:
            raise Retry("not there")
        return self.of[district, version]


class NothingParked:
    async def parked_keys(self, keys: Collection[str]) -> set[str]:
        return set()


class SharedRooms(MemoryRooms):
    """Without copies of what nobody changes: a month writes a case document some fifty thousand times."""

    def _read(self, ticket: str) -> Draft:
        document = self._documents().get(ticket)
        return to_draft(self.room, ticket, document)

    def _write(self, draft: Draft) -> bool:
        document = self._documents().setdefault(draft.ticket, {"_id": draft.ticket})
        if any(not _holds(document, *guard) for guard in guard_of(self.room, draft).items()):
            return False
        room = {**draft.room, "n": draft.n, "seen": dict(draft.seen), "outbox": list(draft.outbox)}
        if draft.unsent_since is not None:
            room["unsent_since"] = draft.unsent_since
        document[self.room] = room
        return True


class Month:
    """`records`: the topic as it came to be; `documents`: the cases as they are in the end."""

    def __init__(self, seed: int, cases: int, *districts: District) -> None:
        self.random = random.Random(seed)
        self.clock = ManualClock(BEGINNING)
        self.cases = MemoryCases()
        self.versions = Versions(*districts)
        self.districts = [district.id for district in districts]
        self.rules = RulesOf(self.versions)  # type: ignore[arg-type]
        self.case_rooms = SharedRooms(self.cases, "case")
        self.notices = SharedRooms(self.cases, "notices")
        self.sla_rooms = SharedRooms(self.cases, "sla")
        self.declared = False
        self.records: list[Record] = []
        self.counted: dict[str, int] = {}
        self._consumed = 0
        self._sent_at: dict[tuple[str, str], datetime] = {}
        self._queue: list[tuple[datetime, int, Callable[[], Coroutine[Any, Any, None]]]] = []
        self._turn = 0
        self._begin_worker()
        for number in range(cases):
            at = BEGINNING + timedelta(milliseconds=self.random.randrange(24 * 86_400_000))
            self._at(at, self._filing(number))
        away = [BEGINNING + timedelta(hours=self.random.randrange(24 * DAYS)) for _ in range(7)]
        self._away = [(start, start + timedelta(hours=self.random.randrange(1, 50))) for start in away]
        look = BEGINNING
        while look < END:
            look += LOOK * self.random.uniform(0.1, 2)
            self._at(look, self._look)

    @property
    def documents(self) -> dict[str, dict[str, Any]]:
        return self.cases.documents

    async def live(self) -> None:
        while self._queue:
            at, _, what = heapq.heappop(self._queue)
            self.clock.now = max(self.clock.now, at)
            await what()
        # the worker comes back for good and catches up; nobody acts any more
        self._away = []
        self.clock.now = END + timedelta(days=2)
        for _ in range(4):
            await self._catch_up()

    # ---------------------------------------------------------------- who acts

    def _at(self, at: datetime, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._turn += 1
        heapq.heappush(self._queue, (at, self._turn, what))

    def _later(self, hours: float, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Within about so many hours, if the month is not over by then."""
        at = self.clock() + timedelta(milliseconds=int(self.random.expovariate(1 / hours) * 3_600_000))
        if at < END:
            self._at(at, what)

    def _count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1

    def _filing(self, number: int) -> Callable[[], Coroutine[Any, Any, None]]:
        async def file() -> None:
            version = 2 if self.clock() >= CHANGED else 1
            district = self.versions.of[self.random.choice(self.districts), version]
            known = [s.id for s in district.services]
            service = self.random.choice([*known[:5], *(s for s in SERVICES if s in known), None])
            ticket = f"26{number:07d}{number % 10}"
            event = filing(
                district,
                self.clock(),
                service,
                ticket=ticket,
                directory_version=version,
                priority=self.random.choice(("normal", "normal", "urgent", "emergency")),
                kind=self.random.choice(("complaint", "complaint", "demand", "suggestion")),
                has_phone=self.random.random() < 0.8,
                block=self.random.choice([b.id for b in district.blocks]),
            )
            self._publish(announce(event, "intake", 1).message(COMPLAINTS, "/samvad/intake"))
            case = opened(event, None)
            draft = (await self.case_rooms.read([ticket]))[ticket]
            draft.seen["intake"] = 1
            draft.room = case_document.to_fields(case)
            assert await self.case_rooms.write([draft]) == set()
            await self._act(ticket, "assign", "routing")
            self._later(12, self._acting(ticket))

        return file

    def _acting(self, ticket: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def act() -> None:
            case = case_document.from_fields(ticket, self.cases.documents[ticket]["case"])
            proposal = case.proposal is not None
            options = [
                (action, role)
                for role in ROLES
                if role not in ("rule", "routing")
                for action in allowed(case.state, role, proposal=proposal)
            ]
            if not options:
                return
            actions = sorted({action for action, _ in options})
            weights = [WEIGHTS.get(action, 1) for action in actions]
            chosen = self.random.choices(actions, weights)[0]
            roles = [role for action, role in options if action == chosen]
            await self._act(ticket, chosen, self.random.choice(roles))
            self._later(self.random.choice((3, 30, 120)), self._acting(ticket))

        return act

    async def _act(self, ticket: str, action: str, role: str, **more: Any) -> None:
        draft = (await self.case_rooms.read([ticket]))[ticket]
        case = case_document.from_fields(ticket, draft.room)
        actor = Actor(role, "somebody", case.district)  # type: ignore[arg-type]
        skewed = self.clock() - timedelta(milliseconds=self.random.choice((0, 0, 40, 900)))
        wish = Act(action, actor, data=more or self._data(action, role, case))
        try:
            folded = fold(draft, case, wish, now=skewed)
        except Refused:
            return
        enter(draft, "case", folded.change)
        if await self.case_rooms.write([draft]):
            return  # the clock has spoken meanwhile
        self._count(action)
        told = self._telling(ticket, draft.n) if action in TOLD else None
        self._send(draft, "case", told)

    def _data(self, action: str, role: str, case: Case) -> dict[str, Any]:
        service = self.random.choice(SERVICES) or case.service
        placed = {"department": self.random.choice(("phe", "pwd")), "reason": "", "directory_version": 1}
        if service and self.random.random() < 0.4:
            placed["service"] = service
        data: dict[str, dict[str, Any]] = {
            "assign": placed,
            "transfer": placed,
            "take_over": {"officer": "phe-head-1"},
            "change_service": {
                "service": service or "hand-pump",
                "priority": self.random.choice(("normal", "urgent", None)),
            },
            "end_feedback": {"outcome": self.random.choice(("reached", "unreached"))},
            "propose_rejection": {"reason": "duplicate"},
            "merge": {"parent": "2699999993"},
            "rate": {"rating": 3},
        }
        return {name: value for name, value in data.get(action, {}).items() if value is not None}

    def _telling(self, ticket: str, n: int) -> Callable[[], Coroutine[Any, Any, None]]:
        """A message about the n-th event of the case reaches the citizen, or cannot."""

        async def tell() -> None:
            draft = (await self.notices.read([ticket]))[ticket]
            last_fired = (draft.others.get("sla") or {}).get("last_fired")
            fields: dict[str, Any] = {
                "ticket": ticket,
                "district": self.cases.documents[ticket]["case"]["district"],
                "at": stamp(self.clock(), last_fired),
                "about": f"{ticket}/case/{n}",
                "audience": "citizen",
                "channel": self.random.choice(("whatsapp", "sms")),
            }
            event: e.Notice = e.NoticeDelivered(**fields)
            if self.random.random() < 0.2:
                event = e.NoticeFailed(**fields, reason="no_address")
            enter(draft, "notices", Change({}, (event,), {"sla.last_fired": last_fired}))
            if not await self.notices.write([draft]):
                self._count(type(event).__name__)
                self._send(draft, "notices")

        return tell

    # ---------------------------------------------------------------- the topic

    def _send(
        self, draft: Draft, room: Any, told: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> None:
        """The newest entry goes to the topic after a while; a room's entries in their order. Who tells the
        citizen learns of it there."""
        entry = draft.outbox[-1]
        draft_room = self.cases.documents[draft.ticket][room]
        draft_room["outbox"] = []
        key = (draft.ticket, room)
        delay = timedelta(milliseconds=self.random.choice((0, 5, 200, 20_000, 3_600_000)))
        at = max(self.clock() + delay, self._sent_at.get(key, BEGINNING))
        self._sent_at[key] = at
        message = from_entry(draft.ticket, room, entry).message(COMPLAINTS, f"/samvad/{room}")

        async def arrive() -> None:
            self._publish(message)
            if self.random.random() < 0.03:
                self._publish(message)  # its publisher did not hear that it was taken
            if told is not None:
                self._later(self.random.choice((0.1, 5, 70)), told)

        self._at(at, arrive)

    def _publish(self, message: Message) -> None:
        self.records.append(
            Record(COMPLAINTS, 0, len(self.records), message.key, message.headers, message.value)
        )

    async def publish(self, messages: Sequence[Message]) -> None:
        """What the clock announces; a lapse closes the case, after a while."""
        for message in messages:
            self._publish(message)
            event = receive(self.records[-1], e.EVENTS).event
            if isinstance(event, e.CaseEvent):
                self._count(type(event).__name__ + getattr(event, "why", ""))
            if isinstance(event, e.SlaLapsed):
                self._later(0.05, self._closing(event))

    def _closing(self, event: e.SlaLapsed) -> Callable[[], Coroutine[Any, Any, None]]:
        async def close() -> None:
            room = self.cases.documents[event.ticket]["case"]
            if (room["state"], room["cycle"]) == ("resolved", event.cycle):
                await self._act(event.ticket, "close", "rule")

        return close

    # ---------------------------------------------------------------- the clock's worker

    def _begin_worker(self) -> None:
        outbox = Outbox("sla", self)
        parked: Any = NothingParked()
        self._consumer = RoomConsumer(SlaRoom(self.rules), self.sla_rooms, outbox)
        self._firing = Firing(self.sla_rooms, outbox, self.rules, parked)
        self._outbox = outbox

    async def _look(self) -> None:
        now = self.clock()
        self.declared = now >= DECLARED
        if any(start <= now < end for start, end in self._away):
            return
        if self.random.random() < 0.02:
            self._begin_worker()
        await self._catch_up(self.random.choice((5, 50, 10_000)))

    async def _catch_up(self, most: int = 1_000_000) -> None:
        while most > 0 and self._consumed < len(self.records):
            size = min(most, self.random.choice((1, 20, 300)))
            batch = self.records[self._consumed : self._consumed + size]
            received = [receive(record) for record in batch]
            assert await self._consumer.handle(received) == []
            self._consumed += len(batch)
            most -= len(batch)
        if self.declared:
            await self._recalculate()
        while (await self._firing.fire(self.clock(), BUCKETS, 500))[0]:
            pass

    async def _recalculate(self) -> None:
        """Clocks that are behind the declared holiday, and have seen all, are moved to it: some at a time."""
        documents = self.cases.documents.items()
        behind = [t for t, doc in documents if (doc.get("sla") or {}).get("directory_version", 3) < 3]
        drafts = await self.sla_rooms.read(self.random.sample(behind, min(len(behind), 300)))
        ready: list[Draft] = []
        for draft in drafts.values():
            announced = {room: (draft.others.get(room) or {}).get("n", 0) for room in ROOMS}
            if "waiting" in draft.room or any(draft.seen[r] != n for r, n in announced.items()):
                continue
            timer = from_fields(draft.room)
            event = e.SlaRecalculated(
                ticket=draft.ticket,
                district=timer.district,
                at=stamp(self.clock(), draft.others["case"]["updated_at"], timer.last_fired),
                directory_version=3,
                cause="declared late",
            )
            before = await self.rules.get(timer.district, timer.directory_version)
            rules = await self.rules.get(timer.district, 3)
            after, late = recalculate(timer, event, before, rules)
            guards = {f"{room}.n": n or None for room, n in announced.items()}
            fields = fields_of(draft.ticket, after, rules.running(after))
            enter(draft, "sla", Change(fields, (*late, event), guards))
            ready.append(draft)
        assert await self.sla_rooms.write(ready) == set()
        await self._outbox.publish({draft.ticket: draft.outbox for draft in ready})
        await self.sla_rooms.trim([(draft.ticket, draft.outbox[-1]["n"]) for draft in ready])
