"""Rooms that tests fold events into: they say what became of each event, and nothing of a service's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.kernel.adapters import case_document
from services.kernel.adapters.case_folding import stamp, to_event
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import NO_CHANGE, Change
from services.kernel.contracts.codec import Received
from services.kernel.contracts.events import (
    CaseAcknowledged,
    CaseFiled,
    CaseNoted,
    Event,
    NoticeDelivered,
    Room,
    SlaLapsed,
    SlaWarned,
)
from services.kernel.domain.case import Act, Case, perform
from services.kernel.domain.errors import Reject
from services.kernel.domain.people import Actor

DISTRICT = "janjgir-champa"


class Quiet:
    """A core that prepares nothing and has nothing to do before or after."""

    async def prepare(self, drafts: Mapping[str, Draft], batch: Sequence[Received]) -> None:
        return None

    async def before_write(self, drafts: Sequence[Draft], context: None) -> None:
        return None

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None:
        return None


class Diary(Quiet):
    """A room that writes down the id of every event it is given, and announces a notice for each.

    `poison` is rejected, `faulty` makes the code break.
    """

    def __init__(self, room: Room = "notices") -> None:
        self.room: Room = room
        self.uses: Mapping[str, type[Event]] = {
            c.TYPE: c for c in (CaseFiled, CaseAcknowledged, CaseNoted, SlaWarned)
        }
        self.poison: set[str] = set()
        self.faulty: set[str] = set()

    def apply(self, draft: Draft, received: Received, context: None) -> Change:
        if str(received.id) in self.poison:
            raise Reject("made up")
        if str(received.id) in self.faulty:
            raise ZeroDivisionError
        told = NoticeDelivered(
            district=DISTRICT,
            ticket=draft.ticket,
            at=received.time,
            about=str(received.id),
            audience="citizen",
            channel="sms",
        )
        log = [*draft.room.get("log", ()), str(received.id)]
        return Change({**draft.room, "log": log}, announces=(told,) if self.room == "notices" else ())


class Opening(Quiet):
    """Room `case` as routing writes it, with everything left out that is routing's own."""

    room: Room = "case"
    uses: Mapping[str, type[Event]] = {CaseFiled.TYPE: CaseFiled, SlaLapsed.TYPE: SlaLapsed}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def apply(self, draft: Draft, received: Received, context: None) -> Change:
        event = received.event
        if isinstance(event, CaseFiled):
            case = Case(
                event.ticket, DISTRICT, "complaint", "web", "hi", "normal", event.at, event.at, 1
            )
            where = {"department": "phed", "reason": "made up"}
            act = Act("assign", Actor("routing", None, DISTRICT), data=where)
        else:
            case = case_document.from_fields(draft.ticket, draft.room)
            if case.state != "resolved":
                return NO_CHANGE
            act = Act("close", Actor("rule", None, DISTRICT))
        fired = (draft.others.get("sla") or {}).get("last_fired")
        at = stamp(self._clock(), fired)
        after, fact = perform(case, act, n=draft.n + 1, at=at)
        return Change(
            fields=case_document.to_fields(after),
            announces=(to_event(after, fact, at, None),),
            guards={"sla.last_fired": fired},
        )
