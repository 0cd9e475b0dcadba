"""A month of two districts, lived through with the real parts of the clock over time that is made up.

People act, messages reach citizens or do not, and every room's events come to the topic after delays of
its own, so not in the order in which they were stamped. The clock's worker is away for hours and days, is
begun anew and takes records in batches of any size; at times it finds Kafka away. In the middle of the month
the directory changes; later holidays are declared and applied to open clocks.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.kernel.adapters import case_document
from services.kernel.adapters.case_folding import READS, fold, opened, stamp
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.outbox import from_entry
from services.kernel.adapters.recalculation import Recalculation
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import Change, enter
from services.kernel.contracts import events as e
from services.kernel.contracts.codec import EventId, Message, Record, announce, receive
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain import tickets
from services.kernel.domain.case import Act, Case
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Refused, Unavailable
from services.kernel.testing.memory import ManualClock, MemoryCases, MemoryRooms
from services.sla.testing import filing, ist
from tests.integration.sla.month_directory import Versions
from tests.integration.sla.month_people import SERVICES, act, next_act
from tests.integration.sla.month_worker import Worker

BEGINNING = ist("2026-02-23 09:00")
DAYS = 31
END = BEGINNING + timedelta(days=DAYS)
CHANGED = BEGINNING + timedelta(days=11)
DECLARED = BEGINNING + timedelta(days=19, hours=5)
LOOK_MS = 150 * 60_000
DELAYS_MS = (0, 0, 5, 5, 200, 200, 20_000, 3_600_000, 70_000_000)
"""From what is written to its coming to the topic: at times its publisher was away for most of a day."""
SKEWS_MS = (0, 0, 0, -40, 900, 120_000, -600_000)
TOLD = ("ask_citizen", "resolve", "reopen")
"""Of what the citizen hears."""
Step = Callable[[], Awaitable[None]]
Stretch = tuple[datetime, datetime]


class Month:
    """`records`: the topic as it came to be; `documents`: the cases as they are in the end; `counted`: what
    was done and said, how often."""

    def __init__(self, seed: int, cases: int, *districts: District, first: int = 0) -> None:
        """`first`: the number of the first ticket in the year's sequence."""
        self.random = random.Random(seed)
        self.clock = ManualClock(BEGINNING)
        self.cases = MemoryCases()
        self.versions = Versions(*districts)
        self.records: list[Record] = []
        self.counted: Counter[str] = Counter()
        self._districts = [district.id for district in districts]
        self._case_rooms = MemoryRooms(self.cases, "case", READS)
        self._notices = MemoryRooms(self.cases, "notices", ("sla.last_fired",))
        versions: Any = self.versions
        self._worker = Worker(self.cases, RulesOf(versions), self.records, self, self.random)
        self._said: set[EventId] = set()
        self._sent_at: dict[tuple[str, str], datetime] = {}
        self._queue: list[tuple[datetime, int, Step]] = []
        self._turn = 0
        self._worker_away = self._stretches(7, hours=50)
        self._kafka_away = self._stretches(10, hours=6)
        for number in range(first, first + cases):
            at = BEGINNING + timedelta(milliseconds=self.random.randrange(24 * 86_400_000))
            self._at(at, self._filing(number))
        look = BEGINNING
        while look < END:
            look += timedelta(milliseconds=int(LOOK_MS * self.random.uniform(0.1, 2)))
            self._at(look, self._look)
        self._at(DECLARED, self._declare)

    @property
    def documents(self) -> dict[str, dict[str, Any]]:
        return self.cases.documents

    async def live(self, until: datetime = END) -> None:
        """Up to then; at the end of the month the worker comes back for good and catches up, and nobody
        acts any more."""
        while self._queue and (self._queue[0][0] <= until or until >= END):
            at, _, step = heapq.heappop(self._queue)
            self.clock.now = max(self.clock.now, at)
            await step()
        if until >= END:
            self._kafka_away = []
            self.clock.now = END + timedelta(days=2)
            await self._worker.catch_up(self.clock())

    def as_it_stands(self) -> tuple[list[Record], dict[str, dict[str, Any]]]:
        """The records and the documents, which are not changed any more: rooms are written whole."""
        documents = {
            ticket: {name: dict(room) for name, room in document.items() if name != "_id"}
            for ticket, document in self.documents.items()
        }
        return list(self.records), documents

    @property
    def longest_absence(self) -> Stretch:
        """Of the clock's worker, in the second half of the month."""
        half = BEGINNING + (END - BEGINNING) / 2
        late = [(start, min(end, END)) for start, end in self._worker_away if start > half]
        return max(late, key=lambda stretch: stretch[1] - stretch[0])

    # time passes

    def _stretches(self, many: int, *, hours: int) -> list[Stretch]:
        starts = [
            BEGINNING + timedelta(hours=self.random.randrange(24 * DAYS)) for _ in range(many)
        ]
        return [(at, at + timedelta(hours=self.random.uniform(1, hours))) for at in starts]

    def _at(self, at: datetime, step: Step) -> None:
        self._turn += 1
        heapq.heappush(self._queue, (at, self._turn, step))

    def _later(self, hours: float, step: Step) -> None:
        """After about so many hours, if the month is not over by then."""
        hours = self.random.expovariate(1 / hours)
        at = self.clock() + timedelta(milliseconds=int(hours * 3_600_000))
        if at < END:
            self._at(at, step)

    def _skewed(self) -> datetime:
        """The time on another machine."""
        return self.clock() + timedelta(milliseconds=self.random.choice(SKEWS_MS))

    async def _look(self) -> None:
        if not _within(self._worker_away, self.clock()):
            await self._worker.look(self.clock())

    async def _declare(self) -> None:
        self._worker.asked.wanted = [
            Recalculation(district, 3, "declared late", self.clock()) for district in self._districts
        ]

    # people act

    def _filing(self, number: int) -> Step:
        async def file() -> None:
            version = 2 if self.clock() >= CHANGED else 1
            district = self.versions.of[self.random.choice(self._districts), version]
            known = [service.id for service in district.services]
            event = filing(
                district,
                self.clock(),
                self.random.choice([*known[:5], *(s for s in SERVICES if s in known), None, None]),
                ticket=tickets.make(26, number),
                directory_version=version,
                priority=self.random.choice(("normal", "normal", "urgent", "emergency")),
                kind=self.random.choice(("complaint", "complaint", "demand", "suggestion")),
                has_phone=self.random.random() < 0.8,
                block=self.random.choice([block.id for block in district.blocks]),
            )
            self._publish(announce(event, "intake", 1).message(COMPLAINTS, "/samvad/intake"))
            draft = (await self._case_rooms.read([event.ticket]))[event.ticket]
            draft.seen["intake"] = 1
            case = opened(event, None)
            draft.room = case_document.to_fields(case)
            assert await self._case_rooms.write([draft]) == set()
            self.counted[f"filed {event.priority}"] += 1
            self.counted["filed without service"] += event.service is None
            await self._do(act(case, "assign", "routing", self.random), case)
            self._later(12, self._acting(event.ticket))

        return file

    def _case(self, ticket: str) -> Case:
        return case_document.from_fields(ticket, self.documents[ticket]["case"])

    def _acting(self, ticket: str, *, once: bool = False) -> Step:
        async def something() -> None:
            case = self._case(ticket)
            wish = next_act(case, self.random)
            if wish is not None:
                await self._do(wish, case)
                if not once:
                    self._later(self.random.choice((3, 30, 120)), self._acting(ticket))

        return something

    async def _do(self, wish: Act, case: Case) -> None:
        draft = (await self._case_rooms.read([case.ticket]))[case.ticket]
        try:
            folded = fold(draft, case, wish, now=self._skewed())
        except Refused:
            return
        enter(draft, "case", folded.change)
        assert await self._case_rooms.write([draft]) == set()
        self.counted[wish.action] += 1
        self.counted[f"{wish.action} while {case.state}"] += 1
        self._send(draft, "case", self._telling(case.ticket, draft.n) if wish.action in TOLD else None)

    def _telling(self, ticket: str, n: int) -> Step:
        """A message about the n-th event of the case reaches the citizen, or cannot; at times two do."""

        async def tell() -> None:
            draft = (await self._notices.read([ticket]))[ticket]
            last_fired = (draft.others.get("sla") or {}).get("last_fired")
            fields: dict[str, Any] = {
                "ticket": ticket,
                "district": self.documents[ticket]["case"]["district"],
                "at": stamp(self._skewed(), last_fired),
                "about": f"{ticket}/case/{n}",
                "audience": self.random.choice(("citizen", "citizen", "citizen", "officer")),
                "channel": self.random.choice(("whatsapp", "sms")),
            }
            event: e.Notice = e.NoticeDelivered(**fields)
            if self.random.random() < 0.2:
                event = e.NoticeFailed(**fields, reason="no_address")
            enter(draft, "notices", Change({}, (event,), {"sla.last_fired": last_fired}))
            assert await self._notices.write([draft]) == set()
            self.counted[event.TYPE] += 1
            self._send(draft, "notices")
            if self.random.random() < 0.2:
                self._later(5, tell)

        return tell

    def _closing(self, event: e.SlaLapsed) -> Step:
        async def close() -> None:
            case = self._case(event.ticket)
            if (case.state, case.cycle) == ("resolved", event.cycle):
                await self._do(act(case, "close", "rule", self.random), case)

        return close

    # the topic

    def _send(self, draft: Draft, room: Any, then: Step | None = None) -> None:
        """What was announced comes to the topic after a while, a room's events in their order. Whoever goes
        by them, `then`, learns of it there."""
        self.documents[draft.ticket][room]["outbox"] = []
        key = (draft.ticket, room)
        delay = timedelta(milliseconds=self.random.choice(DELAYS_MS))
        at = max(self.clock() + delay, self._sent_at.get(key, BEGINNING))
        self._sent_at[key] = at
        entry = from_entry(draft.ticket, room, draft.outbox[-1])

        async def arrive() -> None:
            # twice, where its publisher did not hear that it was taken
            for _ in range(2 if self.random.random() < 0.03 else 1):
                self._publish(entry.message(COMPLAINTS, f"/samvad/{room}"))
            if then is not None:
                self._later(self.random.choice((0.1, 5, 70)), then)

        self._at(at, arrive)

    def _publish(self, message: Message) -> None:
        offset = len(self.records)
        self.records.append(
            Record(COMPLAINTS, 0, offset, message.key, message.headers, message.value)
        )

    async def publish(self, messages: Sequence[Message]) -> None:
        """What the clock announces; a lapse closes the case, after a while."""
        if _within(self._kafka_away, self.clock()):
            raise Unavailable("Kafka")
        for message in messages:
            self._publish(message)
            received = receive(self.records[-1], e.EVENTS)
            if received.id in self._said:
                continue
            self._said.add(received.id)
            self.counted[received.type] += 1
            if isinstance(received.event, e.SlaEscalated):
                self.counted[received.event.why] += 1
                if self.random.random() < 0.1:
                    self._later(0.02, self._acting(received.event.ticket, once=True))
            if isinstance(received.event, e.SlaLapsed):
                self._later(0.05, self._closing(received.event))


def _within(stretches: Sequence[Stretch], at: datetime) -> bool:
    return any(start <= at < end for start, end in stretches)
