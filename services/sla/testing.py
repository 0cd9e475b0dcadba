"""A case's life as the clock sees it, for tests: events in, and everything that the clock says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.kernel.contracts.events import (
    By,
    CaseEvent,
    CaseFiled,
    Notice,
    NoticeDelivered,
    NoticeFailed,
    Place,
    Sealed,
    SlaBreached,
    SlaEscalated,
    SlaLapsed,
    SlaRecalculated,
    SlaWarned,
)
from services.kernel.domain.directory import District, Target
from services.kernel.domain.timer import Rules, Running, Timer, deadline
from services.sla.core.follow import filed, follow, recalculate
from services.sla.core.ladder import look
from services.sla.core.rungs import next_at

NOTHING = Sealed(nonce="AA==", data="AA==")
TICKET = "2600104237"
IST = ZoneInfo("Asia/Kolkata")
_STATES = {
    "samvad.case.acknowledged.v1": "acknowledged",
    "samvad.case.resolved.v1": "resolved",
    "samvad.case.closed.v1": "closed",
    "samvad.case.confirmed.v1": "closed",
    "samvad.question.asked.v1": "awaiting_citizen",
    "samvad.question.marked.v1": "awaiting_citizen",
    "samvad.question.answered.v1": "in_progress",
    "samvad.case.rejected.v1": "rejected",
    "samvad.case.withdrawn.v1": "withdrawn",
    "samvad.case.merged.v1": "merged",
    "samvad.feedback.planned.v1": "resolved",
    "samvad.feedback.ended.v1": "resolved",
}


def ist(wall: str) -> datetime:
    """`2026-03-06 16:40` on the wall in India, in UTC."""
    return datetime.fromisoformat(wall).replace(tzinfo=IST).astimezone(UTC)


def filing(
    district: District, at: datetime, service: str | None = None, **more: Any
) -> CaseFiled:
    """A case filed under version 1 of `district`; `block` and every field of `filed` may be given."""
    place = Place(block=more.pop("block", None))
    fields: dict[str, Any] = {
        "ticket": TICKET,
        "kind": "complaint",
        "channel": "web",
        "language": "hi",
        "directory_version": 1,
        **more,
    }
    return CaseFiled(
        district=district.id, at=at, service=service, place=place, sealed=NOTHING, **fields
    )


def act(model: type[CaseEvent], district: str, at: datetime, **fields: Any) -> CaseEvent:
    """An event of room `case`; what the clock does not look at is filled in."""
    filled: dict[str, Any] = {
        "ticket": TICKET,
        "district": district,
        "at": at,
        "state": _STATES.get(model.TYPE, "assigned"),
        "by": By(role="officer", id="somebody"),
    }
    if "department" in model.model_fields and "reason" in model.model_fields:  # a placement
        filled |= {"department": "phe", "reason": "", "directory_version": 1}
    return model.model_validate({**filled, **fields})


class Living:
    """One case. `at` is the clock's look at an instant, `did` an act that the clock learns of, `reached`
    and `missed` what becomes of a message to the citizen. `n` counts the events of room `case`."""

    def __init__(
        self, district: District, filed_at: str | datetime, service: str | None = None, **more: Any
    ) -> None:
        self.district = district
        self.rules = Rules(district)
        start = ist(filed_at) if isinstance(filed_at, str) else filed_at
        self.timer: Timer = filed(filing(district, start, service, **more), self.rules)
        self.said: list[CaseEvent] = []
        self.n = 0

    @property
    def running(self) -> Running:
        return self.rules.running(self.timer)

    @property
    def next_at(self) -> datetime | None:
        return next_at(self.timer, self.running)

    @property
    def deadline(self) -> datetime | None:
        return deadline(self.timer, self.running)

    def due(self, target: Target) -> datetime:
        return self.timer.targets[target].due.due_at

    def warns(self, target: Target) -> datetime | None:
        return self.timer.targets[target].due.warn_at

    def did(self, model: type[CaseEvent], at: str | datetime, **fields: Any) -> list[CaseEvent]:
        """The clock follows an act; what it says of the time before."""
        when = ist(at) if isinstance(at, str) else at
        return self.learns(act(model, self.district.id, when, **fields))

    def learns(self, event: CaseEvent) -> list[CaseEvent]:
        self.n += 1
        return self.follows(event)

    def reached(
        self, at: str | datetime, n: int | None = None, audience: str = "citizen"
    ) -> list[CaseEvent]:
        """The citizen has what the n-th event of the case told him; without n, the last."""
        return self.follows(self._notice(NoticeDelivered, at, n, audience))

    def missed(self, at: str | datetime, n: int | None = None) -> list[CaseEvent]:
        """No channel could tell him."""
        return self.follows(self._notice(NoticeFailed, at, n, "citizen", reason="no_address"))

    def _notice(
        self,
        model: type[Notice],
        at: str | datetime,
        n: int | None,
        audience: str,
        **fields: str,
    ) -> Notice:
        return model(
            ticket=TICKET,
            district=self.district.id,
            at=ist(at) if isinstance(at, str) else at,
            about=f"{TICKET}/case/{n or self.n}",
            audience=audience,
            channel="whatsapp",
            **fields,
        )

    def follows(self, event: CaseEvent) -> list[CaseEvent]:
        """`event`, or what is about it, is the n-th of room `case`."""
        self.timer, late = follow(self.timer, event, self.rules, self.n)
        self.said += late
        return list(late)

    def recalculated(self, district: District, at: str | datetime) -> list[CaseEvent]:
        """Another version of the directory counts from `at` on."""
        when = ist(at) if isinstance(at, str) else at
        event = SlaRecalculated(
            ticket=TICKET,
            district=district.id,
            at=when,
            directory_version=district.version,
            cause="a test",
        )
        before, self.rules = self.rules, Rules(district)
        self.timer, late = recalculate(self.timer, event, before, self.rules)
        self.said += late
        return list(late)

    def at(self, now: str | datetime) -> list[CaseEvent]:
        """The clock looks at `now`; what it says then."""
        when = ist(now) if isinstance(now, str) else now
        self.timer, events = look(TICKET, self.timer, when, self.rules)
        self.said += events
        return list(events)


def lines(events: list[CaseEvent]) -> list[str]:
    """What was said, to be read: `2026-03-02 18:00 breach acknowledge`, in Indian time."""
    return [_line(event) for event in events]


def _line(event: CaseEvent) -> str:
    stamp = event.at.astimezone(IST).strftime("%Y-%m-%d %H:%M")
    if isinstance(event, SlaWarned):
        return f"{stamp} warning {event.target}"
    if isinstance(event, SlaBreached):
        return f"{stamp} breach {event.target}"
    if isinstance(event, SlaLapsed):
        return f"{stamp} lapsed"
    assert isinstance(event, SlaEscalated)
    why = "" if event.why == "unmet" else f" {event.why}"
    return f"{stamp} {event.target} to {event.to}{why}"
