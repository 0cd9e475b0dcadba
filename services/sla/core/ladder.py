"""What the clock says when a rung is reached, and whom the rung means in a directory. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.kernel.contracts.events import (
    CaseEvent,
    SlaBreached,
    SlaEscalated,
    SlaLapsed,
    SlaWarned,
)
from services.kernel.domain import duty
from services.kernel.domain.directory import District, OfficerRole
from services.kernel.domain.timer import Rules, Running, Timer
from services.sla.core.rungs import Rung, fire

Why = Literal["unmet", "repeated", "reopened"]
_WHY: dict[str, Why] = {"escalation": "unmet", "repeat": "repeated", "reopened": "reopened"}


def look(
    ticket: str, timer: Timer, now: datetime, rules: Rules
) -> tuple[Timer, tuple[CaseEvent, ...]]:
    """The clock after everything that fell due before `now`, and what it says of it."""
    running = rules.running(timer)
    after, rungs = fire(timer, now, running)
    return after, said(ticket, after, rungs, running, rules.district)


def said(
    ticket: str, timer: Timer, rungs: Sequence[Rung], running: Running, district: District
) -> tuple[CaseEvent, ...]:
    """The events of rungs that have just fired in `timer`, each stamped with its due instant."""
    return tuple(_event(ticket, timer, rung, running, district) for rung in rungs)


def _event(
    ticket: str, timer: Timer, rung: Rung, running: Running, district: District
) -> CaseEvent:
    base: dict[str, Any] = {
        "ticket": ticket,
        "district": timer.district,
        "at": rung.at,
        "cycle": rung.cycle,
    }
    if rung.step == "lapse":
        return SlaLapsed(**base)
    base |= {"target": rung.target, "due_at": timer.targets[rung.target].due.due_at}
    if rung.step == "warning":
        return SlaWarned(**base, percent=running.plan.warn_percent if running.plan else 0)
    if rung.step == "breach":
        return SlaBreached(**base)
    to = rung.to or "head"
    matter = duty.Matter(timer.department, timer.service, timer.block, timer.named_official)
    # the day on which it fell due, so that it is told the same however late it is seen
    day = rung.at.astimezone(ZoneInfo(district.zone)).date()
    officer = who(to, matter, district, day)
    return SlaEscalated(**base, rung=rung.rung, to=to, officer=officer, why=_WHY[rung.step])


def who(to: OfficerRole, matter: duty.Matter, district: District, day: date) -> str | None:
    """The id of the department's head, the block's SDM or the Collector, or of the next above who is there.

    None for the officer who works the case, whom the clock does not follow, and where nobody is left.
    """
    if to == "officer":
        return None
    found = duty.above(matter, district, day, start=to)
    return found.id if found is not None else None
