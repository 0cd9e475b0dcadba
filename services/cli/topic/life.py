"""One case as far as its records tell, and what may not come next.

`Life` is kept small, since there is one a case: what the rules need, and 8 bytes a record to know it by.
It is fed in the order of the numbers, room by room, in the order in which the topic has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import NamedTuple

from services.cli.topic.findings import Kind
from services.cli.topic.legal import ANY, FILED, States, follow
from services.kernel.contracts import events as e
from services.kernel.contracts.events import Room

DIGEST_BYTES = 8


class Blame(NamedTuple):
    """Why a record may not be. Not `sure`: it rests on what other records have said before it, so it holds
    only where all of the case is known and nothing else is wrong with it."""

    kind: Kind
    why: str
    sure: bool = True


@dataclass(slots=True)
class Life:
    """`intake`, `case`, `sla`, `notices`: the digests of the room's records, in the order of their numbers.

    `possible`: the states that the case may be in. `cycle` and `question` count, None where they cannot be
    known. `transfers`: their cycles and instants. `acted_at`: of the last act; `fired_at`: of the clock's
    last word, `latest`: its latest instant. `limits` counts what may have set the clock other limits,
    `steps_back` how often it spoke of an instant before its last one. `said`: what it said, by identity.
    """

    partition: int
    split: bool = False
    intake: bytes = b""
    case: bytes = b""
    sla: bytes = b""
    notices: bytes = b""
    possible: States = FILED
    cycle: int | None = 1
    question: int | None = 0
    service: str = ""
    priority: str = ""
    filed_at: datetime | None = None
    acted_at: datetime | None = None
    fired_at: datetime | None = None
    latest: datetime | None = None
    limits: int = 0
    steps_back: int = 0
    said: tuple[str, ...] = ()
    transfers: tuple[tuple[int, datetime], ...] = ()

    # ---------------------------------------------------------------- numbers

    def heard(self, room: Room) -> int:
        """The number up to which the room was heard whole."""
        digests: bytes = getattr(self, room)
        return len(digests) // DIGEST_BYTES

    def digest(self, room: Room, n: int) -> bytes:
        """What the n-th record of the room was known by; empty if it was not heard yet."""
        digests: bytes = getattr(self, room)
        return digests[(n - 1) * DIGEST_BYTES : n * DIGEST_BYTES]

    def hear(self, room: Room, digest: bytes) -> bool:
        """The next record of the room; whether one that is its very image was heard before."""
        digests: bytes = getattr(self, room)
        setattr(self, room, digests + digest)
        place = digests.find(digest)
        while place % DIGEST_BYTES and place > 0:
            place = digests.find(digest, place + 1)
        return place >= 0

    # ---------------------------------------------------------------- rules

    def follow(self, room: Room, event: e.Event | None) -> Blame | None:
        """The next fact of a room. `event` None: of a type that this version does not know."""
        if isinstance(event, e.Act):
            return self._act(event)
        if isinstance(event, e.Clock):
            return self._clock(event)
        if isinstance(event, e.SlaLapsed):
            return self._lapse(event)
        if isinstance(event, e.CaseFiled):
            self.filed_at = event.at
            self.service, self.priority = _shared(event.service), _shared(event.priority)
        elif isinstance(event, e.SlaRecalculated):
            self.limits += 1
            self.service = ""  # under another version of the directory the same one may be another
            self._spoke(event.at)
        elif event is None:
            self.forget(room)
        return None

    def forget(self, room: Room) -> None:
        """A fact of the room is not known: so is what followed from it."""
        if room == "case":
            self.possible = ANY
            self.cycle = self.question = None

    def _act(self, act: e.Act) -> Blame | None:
        self.possible, why = follow(self.possible, act.TYPE, act.by.role, act.state)
        if why is not None:
            self.cycle = self.question = None
        else:
            why = self._miscounted(act)
        self._set_limits(act)
        last = self.acted_at or self.filed_at
        if why is None and last is not None and act.at < last:
            return Blame("illegal", f"stamped {act.at}, before what it follows ({last})")
        self.acted_at = act.at if last is None else max(last, act.at)
        if why is not None:
            return Blame("illegal", why)
        if self.latest is not None and act.at <= self.latest:
            why = f"stamped {act.at}, not later than what the clock had said ({self.latest})"
            return Blame("illegal", why, sure=False)
        return None

    def _miscounted(self, act: e.Act) -> str | None:
        """Reopenings and questions are counted, so a second one is not the first told again."""
        why: str | None = None
        if isinstance(act, e.CaseReopened):
            if self.cycle is not None and act.cycle != self.cycle + 1:
                why = f"reopened for cycle {act.cycle}, after cycle {self.cycle}"
            self.cycle = act.cycle
        elif isinstance(act, e.QuestionAsked):
            if self.question is not None and act.question != self.question + 1:
                why = f"question {act.question}, after question {self.question}"
            self.question = act.question
        elif isinstance(act, (e.QuestionMarked, e.QuestionAnswered)):
            asked = self.question
            if asked is not None and act.question is not None and act.question != asked:
                why = f"about question {act.question}, where {asked} is the last"
        return why

    def _set_limits(self, act: e.Act) -> None:
        """Another service or priority sets other limits, counted from the filing: they may be over already.
        A service that the case's directory does not know sets none; that is not told here."""
        if isinstance(act, e.CaseTransferred) and self.cycle is not None:
            self.transfers = (*self.transfers, (self.cycle, act.at))
        if isinstance(act, (e.CaseAssigned, e.ServiceChanged)):
            service = _shared(act.service) or self.service
            priority = _shared(getattr(act, "priority", None)) or self.priority
            if (service, priority) != (self.service, self.priority):
                self.service, self.priority = service, priority
                self.limits += 1

    # ---------------------------------------------------------------- the clock

    def _clock(self, said: e.Clock) -> Blame | None:
        blame = self._said_before(said) or self._wrong_instant(said) or self._untimely(said)
        if blame is None:
            self.fired_at = said.at
            self._spoke(said.at)
        return blame

    def _lapse(self, said: e.SlaLapsed) -> Blame | None:
        """Once a cycle; whether it was overtaken by people cannot be told from the order of the topic."""
        identity = f"the lapse of cycle {said.cycle}"
        before = identity in self.said
        self.said = (*self.said, _shared(identity))
        if before:
            return Blame("doubled", f"{identity} was said before")
        if self.cycle is not None and said.cycle > self.cycle:
            return Blame("illegal", f"of cycle {said.cycle}, in cycle {self.cycle}", sure=False)
        self._spoke(said.at)
        return None

    def _spoke(self, at: datetime) -> None:
        """Nothing may be stamped before `at` any more."""
        self.latest = at if self.latest is None else max(self.latest, at)

    def _said_before(self, said: e.Clock) -> Blame | None:
        """A rung's identity is (cycle, target, step) and, for an acknowledgement, the transfer. A breach
        stays recorded for good: a target has one in its whole life."""
        identity = _identity(said)
        before = self.said.count(identity)
        self.said = (*self.said, identity)
        if not before:
            return None
        why = f"{identity} was said before"
        if isinstance(said, e.SlaBreached) or said.target != "acknowledge":
            return Blame("doubled", why)
        armed = sum(1 for cycle, at in self.transfers if cycle == said.cycle and at <= said.at)
        return Blame("doubled", why, sure=False) if before > armed else None

    def _wrong_instant(self, said: e.Clock) -> Blame | None:
        if isinstance(said, e.SlaBreached):
            wrong = said.at != said.due_at
        elif isinstance(said, e.SlaEscalated):
            # a reopening is told at once, breached or not
            wrong = said.why != "reopened" and said.at < said.due_at
        else:
            wrong = said.at > said.due_at
        if wrong:
            return Blame("illegal", f"stamped {said.at}, due {said.due_at}")
        if self.filed_at is not None and said.at < self.filed_at:
            return Blame("illegal", f"stamped {said.at}, before the filing")
        return None

    def _untimely(self, said: e.Clock) -> Blame | None:
        breached = _breach(said.target) in self.said
        if isinstance(said, e.SlaWarned) and breached:
            return Blame("illegal", f"a warning of {said.target} after its breach")
        if isinstance(said, e.SlaEscalated) and said.why != "reopened" and not breached:
            return Blame("illegal", f"{said.target} escalated without a breach", sure=False)
        if self.cycle is not None and said.cycle > self.cycle:
            return Blame("illegal", f"of cycle {said.cycle}, in cycle {self.cycle}", sure=False)
        if self.fired_at is not None and said.at < self.fired_at:
            self.steps_back += 1
            if self.steps_back > self.limits:
                why = f"stamped {said.at}, before what was said before ({self.fired_at})"
                return Blame("illegal", why, sure=False)
        return None


def _breach(target: str) -> str:
    return f"breach of {target}"


def _identity(said: e.Clock) -> str:
    if isinstance(said, e.SlaBreached):
        return _shared(_breach(said.target))
    step = "warning"
    if isinstance(said, e.SlaEscalated):
        step = f"rung {said.rung}"
        if said.why == "repeated":  # without end, so each is known by its instant
            step = f"repetition at {said.at.isoformat()}"
        elif said.why == "reopened":
            step = "reopening"
    return _shared(f"{step} of {said.target} in cycle {said.cycle}")


def _shared(text: str | None) -> str:
    """One object for equal texts: a million cases name a few services."""
    return intern(text) if text else ""
