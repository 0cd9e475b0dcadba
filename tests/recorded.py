"""Recordings of the topic of cases: lives that the lifecycle allows, as the services would announce them.

A few cases live side by side. Each step of a script is one thing that one service does next: an act or what
became of a message is stored, an outbox is sent (with what was sent before, perhaps), the clock follows a
record or looks at what is due. What the store's guards promise holds here too: an act or a notice is stamped
later than all that the clock has said, and the clock fires only when it has seen every one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from services.kernel.adapters.case_folding import TICK, opened, stamp, to_event
from services.kernel.contracts.codec import Announced, EventId, Record, announce, receive
from services.kernel.contracts.events import (
    EVENTS,
    CaseEvent,
    Notice,
    NoticeDelivered,
    NoticeFailed,
    Room,
    Sealed,
)
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.case import Act, perform
from services.kernel.domain.directory import District
from services.kernel.domain.lifecycle import ROLES, allowed
from services.kernel.domain.people import Actor
from services.kernel.domain.timer import Rules
from services.sla.core.catching_up import ROOMS, Told, catch_up, unknown_before
from services.sla.core.follow import USED, filed
from services.sla.core.ladder import said
from services.sla.core.rungs import fire
from services.sla.testing import filing, ist

PARTITIONS = 12
BEGINNING = ist("2026-02-27 15:20")  # a Friday
SERVICES = ("hand-pump", "street-light", "pension", "ration-not-given", "of-a-later-directory")
WAITS = (0, 1, 60_000, 3_600_000, 6 * 3_600_000, 30 * 3_600_000, 9 * 86_400_000)
"""Milliseconds."""
WHATS = (
    "wait", "act", "act", "act", "tell", "send", "send", "post", "follow", "follow", "fire", "say", "repeat",
)  # fmt: skip

ONWARD = (
    "assign", "acknowledge", "start", "ask_citizen", "answer", "change_service", "transfer", "resolve",
    "confirm", "reopen", "propose_rejection", "reject", "unmerge",
)  # fmt: skip
"""Chosen more often, or most lives would be short."""


@dataclass(frozen=True)
class Step:
    """`which` of the cases does `what`; `size` chooses among the ways in which it can be done."""

    which: int
    what: str
    size: int


def recorded(district: District, script: list[Step], cases: int = 3) -> list[Record]:
    """What the topic holds after `script` and after everything has come to rest."""
    stage = Stage(district, cases)
    for step in script:
        stage.play(step)
    stage.rest()
    return stage.records


class Stage:
    """The topic, the clock on the wall and the cases. `records` is what Kafka has."""

    def __init__(self, district: District, cases: int) -> None:
        self.district = district
        self.now = BEGINNING
        self.records: list[Record] = []
        self._offsets = [0] * PARTITIONS
        self._rules = Rules(district)
        self.lives = [_Life(self, self._rules, f"26{7 * i:07d}{i}", i) for i in range(cases)]

    def play(self, step: Step) -> None:
        if step.what == "wait":
            self.now += timedelta(milliseconds=WAITS[step.size % len(WAITS)])
        else:
            getattr(self.lives[step.which % len(self.lives)], step.what)(step.size)

    def rest(self) -> None:
        for life in self.lives:
            for _ in range(2):
                life.send(0)
                life.post(0)
                life.follow(100)
                life.fire(0)
                life.say(0)

    def take(self, announced: Announced) -> None:
        message = announced.message(COMPLAINTS, f"/samvad/{announced.id.room}")
        partition = int(announced.id.ticket) % PARTITIONS
        offset = self._offsets[partition]
        self._offsets[partition] += 1
        self.records.append(
            Record(COMPLAINTS, partition, offset, message.key, message.headers, message.value)
        )


class _Life:
    """One case: room `case` as the case store writes it, room `notices` as notify, room `sla` as the clock.

    `topic`: what was published of the first two, each once, in its order; the clock has `heard` so many of
    them, of which `waiting` wait for what was stamped before.
    """

    def __init__(self, stage: Stage, rules: Rules, ticket: str, number: int) -> None:
        self.stage, self.rules, self.ticket = stage, rules, ticket
        service = (*SERVICES, None)[number % 6]
        event = filing(
            stage.district, stage.now, service, ticket=ticket, priority=("normal", "urgent")[number % 2]
        )
        self.case = opened(event, None)
        self.timer = filed(event, rules)
        rooms: tuple[Room, ...] = ("intake", "case", "notices", "sla")
        self.outboxes: dict[Room, list[Announced]] = {room: [] for room in rooms}
        self.sent: dict[Room, int] = dict.fromkeys(rooms, 0)
        self.topic: list[Announced] = []
        self.heard = 0
        self.waiting: list[Told] = []
        self._announce("intake", event)
        self._publish("intake", 0)

    def act(self, size: int) -> None:
        """Somebody does something that he may do now; the first to act is routing."""
        case, state = self.case, self.case.state
        proposal = case.proposal is not None
        options = [
            (action, role) for role in ROLES for action in allowed(state, role, proposal=proposal)
        ]
        if not case.history:
            options = [(action, role) for action, role in options if role == "routing"]
        onward = [one for one in options if one[0] in ONWARD]
        ways = onward if onward and size % 3 else options
        action, role = ways[size // 3 % len(ways)]
        wall = self.stage.now - timedelta(hours=size % 2)  # a machine whose clock is behind
        at = stamp(wall, self.timer.last_fired, case.updated_at - TICK)
        wish = Act(action, Actor(role, "somebody", case.district), data=_data(action, role, size))
        self.case, fact = perform(case, wish, n=len(case.history) + 1, at=at)
        words = Sealed(nonce=f"{len(case.history)}", data=self.ticket) if size % 4 else None
        self._announce("case", to_event(self.case, fact, at, words))

    def tell(self, size: int) -> None:
        """What became of a message about something that notify has off the topic."""
        about = [one.id for one in self.topic if one.id.room == "case"]
        if not about:
            return
        fields: dict[str, Any] = {
            "ticket": self.ticket,
            "district": self.case.district,
            "at": stamp(self.stage.now - timedelta(minutes=size % 7), self.timer.last_fired),
            "about": str(about[-1 - size % min(3, len(about))]),
            "audience": ("citizen", "citizen", "officer")[size % 3],
            "channel": ("whatsapp", "sms")[size % 2],
        }
        for before in self.outboxes["notices"]:
            event = EVENTS[before.type].model_validate_json(before.value)
            assert isinstance(event, Notice)
            if (event.about, event.audience) == (fields["about"], fields["audience"]):
                return  # a message has one outcome
            fields["at"] = max(fields["at"], event.at)  # numbers and stamps go up together
        failed = size % 5 == 0
        self._announce(
            "notices", NoticeFailed(**fields, reason="no_address") if failed else NoticeDelivered(**fields)
        )

    def send(self, size: int) -> None:
        self._publish("case", size)

    def post(self, size: int) -> None:
        self._publish("notices", size)

    def say(self, size: int) -> None:
        self._publish("sla", size)

    def repeat(self, size: int) -> None:
        """A publisher that did not hear of its success sends all again."""
        rooms: tuple[Room, ...] = ("intake", "case", "sla", "notices")
        self._publish(rooms[size % 4], 100)

    def follow(self, size: int) -> None:
        """The clock takes the next acts and notices off the topic."""
        for announced in self.topic[self.heard :][: 1 + size % 3 if size < 100 else None]:
            event = EVENTS[announced.type].model_validate_json(announced.value)
            assert isinstance(event, CaseEvent)
            self.heard += 1
            told = list(self.waiting)
            if type(event) in USED:
                told.append(Told(announced.id.room, announced.id.n, event))
            unknown = unknown_before(told, *self._announced_and_seen())
            timer, late = catch_up(self.timer, told, self.rules)
            if unknown and (late or self.waiting):
                self.waiting = told
                continue
            self.timer, self.waiting = timer, []
            for one in late:
                self._announce("sla", one)

    def _announced_and_seen(self) -> tuple[dict[Room, int], dict[Room, int]]:
        heard = [one.id.room for one in self.topic[: self.heard]]
        announced = {room: len(self.outboxes[room]) for room in ROOMS}
        return announced, {room: heard.count(room) for room in ROOMS}

    def fire(self, size: int) -> None:
        """The clock looks, and waits where it has not seen every act and notice."""
        announced, seen = self._announced_and_seen()
        if announced == seen and not self.waiting:
            running = self.rules.running(self.timer)
            self.timer, rungs = fire(self.timer, self.stage.now, running)
            for event in said(self.ticket, self.timer, rungs, running, self.rules.district):
                self._announce("sla", event)

    def _announce(self, room: Room, event: CaseEvent) -> None:
        outbox = self.outboxes[room]
        outbox.append(announce(event, room, len(outbox) + 1))

    def _publish(self, room: Room, again: int) -> None:
        """All that was not sent, behind up to `again` % 4 (or all) of what was."""
        back = again % 4 if again < 100 else again
        for announced in self.outboxes[room][max(0, self.sent[room] - back) :]:
            self.stage.take(announced)
        if room in ROOMS:
            self.topic += self.outboxes[room][self.sent[room] :]
        self.sent[room] = len(self.outboxes[room])


def _data(action: str, role: str, size: int) -> dict[str, Any]:
    service = SERVICES[size % len(SERVICES)]
    placement = {"department": "phe", "directory_version": 1, "reason": ""}
    if size % 3:
        placement["service"] = service
    data: dict[str, dict[str, Any]] = {
        "triage": {"reason": "nobody knows"},
        "assign": placement,
        "transfer": placement,
        "take_over": {"officer": "phe-head-1"},
        "change_service": {"service": service, "priority": ("normal", "urgent", None)[size % 3]},
        "end_feedback": {"outcome": "reached"},
        "propose_rejection": {"reason": "duplicate"},
        "reject": {"reason": "duplicate"} if role == "routing" else {},
        "merge": {"parent": "2600104245"},
        "rate": {"rating": 1 + size % 5},
    }
    return data.get(action, {})


# ---------------------------------------------------------------- to change what was recorded


def id_of(record: Record) -> EventId:
    return EventId.parse(record.header("ce_id") or "")


def event_of(record: Record) -> CaseEvent:
    event = receive(record, EVENTS).event
    assert isinstance(event, CaseEvent)
    return event


def record_of(
    event: CaseEvent, room: Room, n: int, partition: int | None = None
) -> Record:
    """`event` as the n-th of its room, as Kafka would have it."""
    message = announce(event, room, n).message(COMPLAINTS, f"/samvad/{room}")
    where = int(event.ticket) % PARTITIONS if partition is None else partition
    return Record(COMPLAINTS, where, 0, message.key, message.headers, message.value)


def renumbered(record: Record, n: int) -> Record:
    """The same under another number."""
    event_id = replace(id_of(record), n=n)
    headers = tuple(
        (name, str(event_id).encode() if name == "ce_id" else value) for name, value in record.headers
    )
    return replace(record, headers=headers)
