"""Room `case` as routing writes it: the case is opened and placed, and closed by rule when it lapsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.kernel.adapters import case_document, metrics
from services.kernel.adapters.case_folding import fold, opened
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import NO_CHANGE, Change
from services.kernel.adapters.vault import Seals, open_sealed
from services.kernel.contracts.codec import Received
from services.kernel.contracts.envelope import Filing
from services.kernel.contracts.events import CaseFiled, Event, Room, SlaLapsed
from services.kernel.domain.case import Act
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Reject
from services.kernel.domain.people import Actor
from services.routing.adapters.loads import OpenCases
from services.routing.core.placing import Placement, Request, candidates, place
from services.routing.core.reasons import Reasons


@dataclass
class Batch:
    """What a batch needs beside the documents."""

    now: datetime
    keys: Mapping[str, bytes]
    districts: dict[str, District] = field(default_factory=dict)
    open_cases: Mapping[str, int] = field(default_factory=dict)


class CaseRoom:
    """Follows the intake and the clock; what people do to a case goes through the case store."""

    room: Room = "case"
    uses: Mapping[str, type[Event]] = {CaseFiled.TYPE: CaseFiled, SlaLapsed.TYPE: SlaLapsed}

    def __init__(
        self,
        directory: DirectoryStore,
        vault: Seals,
        open_cases: OpenCases,
        reasons: Reasons,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._vault = vault
        self._open_cases = open_cases
        self._reasons = reasons
        self._clock = clock

    async def prepare(self, drafts: Mapping[str, Draft], batch: Sequence[Received]) -> Batch:
        filed = [one.event for one in batch if isinstance(one.event, CaseFiled)]
        new = [event for event in filed if not drafts[event.ticket].seen["intake"]]
        prepared = Batch(self._clock(), await self._vault.data_keys(e.ticket for e in new))
        wanted: set[str] = set()
        for event in new:
            district = await self._directory.at_least(event.district, event.directory_version)
            prepared.districts[event.district] = district
            day = _day(prepared.now, district)
            wanted.update(o.id for o in candidates(district, _request(event), day))
        if wanted:
            prepared.open_cases = await self._open_cases.of(wanted)
        return prepared

    def apply(self, draft: Draft, received: Received, context: Batch) -> Change:
        event = received.event
        if isinstance(event, CaseFiled):
            return self._file(draft, event, context)
        if isinstance(event, SlaLapsed):
            return self._lapse(draft, event, context)
        return NO_CHANGE

    def _file(self, draft: Draft, event: CaseFiled, batch: Batch) -> Change:
        district = batch.districts[event.district]
        placement = place(
            district, _request(event), batch.open_cases, _day(batch.now, district)
        )
        if placement.officer is not None:
            self._open_cases.given(placement.officer)
        filing = open_sealed(event.sealed, Filing, batch.keys, event.ticket)
        act = Act(
            action="assign" if placement.department else "triage",
            by=Actor("routing", None, event.district),
            data=self._data(placement, event, district),
        )
        outcome = "assigned" if placement.officer else act.action
        draft.planned.append((event.district, placement.department or "", outcome))
        return fold(draft, opened(event, filing), act, now=batch.now).change

    def _data(self, placement: Placement, event: CaseFiled, district: District) -> dict[str, Any]:
        sentences = {
            "reason": self._reasons.sentence(placement.reason, district, "en"),
            "reason_hi": self._reasons.sentence(placement.reason, district, "hi"),
        }
        if placement.department is None:
            return {"suggested": event.suggested, **sentences}
        return {
            "service": placement.service,
            "department": placement.department,
            "office": placement.office,
            "officer": placement.officer,
            "directory_version": district.version,
            **sentences,
        }

    def _lapse(self, draft: Draft, event: SlaLapsed, batch: Batch) -> Change:
        if not draft.room:
            raise Reject("no case was filed under this ticket")
        case = case_document.from_fields(draft.ticket, draft.room)
        if case.state != "resolved" or case.cycle != event.cycle:
            return NO_CHANGE  # a lapse that people overtook is done, not rejected
        act = Act("close", Actor("rule", None, case.district))
        return fold(draft, case, act, now=batch.now).change

    async def before_write(self, drafts: Sequence[Draft], context: Batch) -> None:
        return None

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None:
        now = self._clock()
        new = {draft.ticket for draft in drafts if not draft.before["n"]}
        for draft in drafts:
            for district, department, outcome in draft.planned:
                metrics.ROUTED.labels(district, department, outcome).inc()
        for received in batch:
            if received.type == CaseFiled.TYPE and received.id.ticket in new:
                metrics.FILED_TO_ROUTED.observe(max(0.0, (now - received.time).total_seconds()))


def _request(event: CaseFiled) -> Request:
    return Request(event.service, event.place.block, event.named_official, event.suggested)


def _day(now: datetime, district: District) -> date:
    return now.astimezone(ZoneInfo(district.zone)).date()
