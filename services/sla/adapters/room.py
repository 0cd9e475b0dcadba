"""Room `sla`: the clock follows what was filed and what people did.

Following announces only what had fallen due before an act and was not seen in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.kernel.adapters import metrics
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import DueLoop
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import NO_CHANGE, Change
from services.kernel.contracts.codec import Received
from services.kernel.contracts.events import CaseEvent, CaseFiled, Event, Room
from services.kernel.domain.errors import Reject
from services.sla.adapters.counting import count
from services.sla.adapters.timer_document import from_fields, to_fields
from services.sla.core.follow import USED, Rules, filed, follow

Versions = Mapping[tuple[str, int], Rules]


class RulesOf:
    """The rules of directory versions, kept: a version never changes."""

    def __init__(self, directory: DirectoryStore) -> None:
        self._directory = directory
        self._kept: dict[tuple[str, int], Rules] = {}

    async def get(self, district: str, version: int) -> Rules:
        """Raises Retry while the store has no such version, Unavailable when it is away."""
        kept = self._kept.get((district, version))
        if kept is None:
            kept = Rules(await self._directory.version(district, version))
            self._kept[(district, version)] = kept
        return kept


class SlaRoom:
    """A case's clock stays on the directory version that `filed` names."""

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
            elif event is not None:
                room = drafts[received.id.ticket].room
                if room:
                    wanted.add((room["district"], room["directory_version"]))
        return {key: await self._rules.get(*key) for key in wanted}

    def apply(self, draft: Draft, received: Received, context: Versions) -> Change:
        event = received.event
        if isinstance(event, CaseFiled):
            rules = context[(event.district, event.directory_version)]
            timer = filed(event, rules)
            return Change(fields=to_fields(draft.ticket, timer, rules.running(timer)))
        if not isinstance(event, CaseEvent):
            return NO_CHANGE
        if not draft.room:
            raise Reject("no case was filed under this ticket")
        before = from_fields(draft.room)
        rules = context[(before.district, before.directory_version)]
        after, late = follow(before, event, rules)
        if after == before:
            return NO_CHANGE
        draft.planned.extend(late)
        return Change(to_fields(draft.ticket, after, rules.running(after)), announces=late)

    async def before_write(self, drafts: Sequence[Draft], context: Versions) -> None:
        return None

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None:
        for draft in drafts:
            if not draft.before["fields"]:
                metrics.SLA_ARMED.labels(draft.room["district"]).inc()
            count(draft.room["department"], draft.planned)
        if self.loop is not None:
            armed = [draft.room["next_at"] for draft in drafts if "next_at" in draft.room]
            if armed:
                self.loop.wake(min(armed))
