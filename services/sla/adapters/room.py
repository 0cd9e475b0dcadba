"""Room `sla`: the clock follows what was filed, what people did, and what reached the citizen.

Following announces only what had fallen due before an event and was not seen in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.kernel.adapters import metrics
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.due import DueLoop
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import NO_CHANGE, Change, enter
from services.kernel.adapters.timer_document import from_fields
from services.kernel.contracts.codec import Received
from services.kernel.contracts.events import EVENTS, CaseEvent, CaseFiled, Event, Room
from services.kernel.domain.errors import Reject
from services.kernel.domain.timer import Rules
from services.sla.adapters.armed import fields_of
from services.sla.adapters.counting import count
from services.sla.core.catching_up import ROOMS, Told, catch_up, may_precede, unknown_before
from services.sla.core.follow import USED, filed

Versions = Mapping[tuple[str, int], Rules]
READS = tuple(f"{room}.n" for room in ROOMS)
"""What drafts carry of the other rooms: how much they have announced."""


def announced_in(document: Mapping[str, Any]) -> dict[Room, int]:
    """How much each room that the clock follows has announced, by a case document or a draft's `others`."""
    return {room: (document.get(room) or {}).get("n", 0) for room in ROOMS}


class SlaRoom:
    """A case's clock stays on the directory version that `filed` names, until it is recalculated."""

    room: Room = "sla"
    uses: Mapping[str, type[Event]] = {model.TYPE: model for model in USED}

    def __init__(self, rules: RulesOf) -> None:
        self._rules = rules
        self.loop: DueLoop | None = None

    async def prepare(self, drafts: Mapping[str, Draft], batch: Sequence[Received]) -> Versions:
        wanted: set[tuple[str, int]] = set()
        for received in batch:
            event = received.event
            if isinstance(event, CaseFiled):
                wanted.add((event.district, event.directory_version))
                continue
            room = drafts[received.id.ticket].room
            if room and (event is not None or "waiting" in room):
                wanted.add((room["district"], room["directory_version"]))
        return {key: await self._rules.get(*key) for key in wanted}

    def apply(self, draft: Draft, received: Received, context: Versions) -> Change:
        event = received.event
        if isinstance(event, CaseFiled):
            rules = context[(event.district, event.directory_version)]
            timer = filed(event, rules)
            return Change(fields=fields_of(draft.ticket, timer, rules.running(timer)))
        if not isinstance(event, CaseEvent):
            return NO_CHANGE
        if not draft.room:
            raise Reject("no case was filed under this ticket")
        rules = context[(draft.room["district"], draft.room["directory_version"])]
        one = Told(received.id.room, received.id.n, event)
        return _followed(draft, [*_waited(draft), one], rules, {one.room: one.n})

    async def before_write(self, drafts: Sequence[Draft], context: Versions) -> None:
        """What was waited for may have been of no use to the clock, and so have gone by unfollowed."""
        for draft in drafts:
            if told := _waited(draft):
                rules = context[(draft.room["district"], draft.room["directory_version"])]
                enter(draft, self.room, _followed(draft, told, rules, {}))

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None:
        for draft in drafts:
            if not draft.before["fields"]:
                metrics.SLA_ARMED.labels(draft.room["district"]).inc()
            count(draft.room["department"], draft.planned)
        if self.loop is not None:
            armed = [draft.room["next_at"] for draft in drafts if "next_at" in draft.room]
            if armed:
                self.loop.wake(min(armed))


def _followed(
    draft: Draft, told: Sequence[Told], rules: Rules, now_seen: Mapping[Room, int]
) -> Change:
    """What `told` makes of the room; where something fell due before one of them, only when no event of
    another room can have been stamped before it. `now_seen`: beyond what the draft says."""
    waited = "waiting" in draft.room
    announced = announced_in(draft.others)
    seen: dict[Room, int] = {room: draft.seen[room] for room in ROOMS} | dict(now_seen)
    unknown = unknown_before(told, announced, seen)
    before = from_fields(draft.room)
    after, late = catch_up(before, told, rules)
    if late and unknown:
        return Change(_waiting(draft, told))
    if after == before and not waited:
        return NO_CHANGE
    draft.planned.extend(late)
    # nothing may be stamped before what is said now, nor be announced that was not looked at
    guards = {f"{room}.n": announced[room] or None for room in may_precede(told)}
    fields = fields_of(draft.ticket, after, rules.running(after))
    return Change(fields, announces=late, guards=guards if late else {})


def _waiting(draft: Draft, told: Sequence[Told]) -> dict[str, Any]:
    """The room as it stands, with what waits. It is not fired meanwhile."""
    entries = [
        {"room": one.room, "n": one.n, "type": one.event.TYPE, "value": one.event.model_dump_json()}
        for one in told
    ]
    return {**draft.room, "waiting": entries}


def _waited(draft: Draft) -> list[Told]:
    """What waits in the room."""
    told: list[Told] = []
    for entry in draft.room.get("waiting", ()):
        event = EVENTS[entry["type"]].model_validate_json(entry["value"])
        assert isinstance(event, CaseEvent)
        told.append(Told(entry["room"], entry["n"], event))
    return told
