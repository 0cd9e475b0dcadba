"""What the clock says when a rung is reached, and whom the rung means in a directory. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.kernel.contracts.events import CaseEvent, SlaBreached, SlaEscalated, SlaWarned
from services.kernel.domain.directory import District, Officer, OfficerRole
from services.sla.core.timer import Rung, Running, Timer

_LEVELS: tuple[OfficerRole, ...] = ("head", "sdm", "collector")


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
        "target": rung.target,
        "due_at": timer.targets[rung.target].due.due_at,
    }
    if rung.step == "warning":
        return SlaWarned(**base, percent=running.plan.warn_percent if running.plan else 0)
    if rung.step == "breach":
        return SlaBreached(**base)
    to = rung.to or "head"
    officer = who(district, to, timer.department, timer.block, timer.named_official)
    return SlaEscalated(**base, rung=rung.rung, to=to, officer=officer)


def who(
    district: District,
    role: OfficerRole,
    department: str | None,
    block: str | None,
    named_official: str | None = None,
) -> str | None:
    """The id of the department's head, the block's SDM or the Collector; None where nobody is named.

    A case that names an official is kept from him and his office: whoever is next above is meant.
    """
    if role not in _LEVELS:
        return None
    about = district.officer_by_id.get(named_official or "")
    for level in _LEVELS[_LEVELS.index(role) :]:
        officer = _holder(district, level, department, block)
        if officer is None:
            return None
        if about is None or officer.office != about.office:
            return officer.id
    return None


def _holder(
    district: District, role: OfficerRole, department: str | None, block: str | None
) -> Officer | None:
    if role == "collector":
        return district.officer_by_id.get(district.collector)
    if role == "head":
        found = district.department_by_id.get(department or "")
        return district.officer_by_id.get(found.head) if found is not None else None
    place = district.block_by_id.get(block or "")
    return next(
        (
            officer
            for officer in district.officers
            if place is not None
            and officer.role == "sdm"
            and officer.subdivision == place.subdivision
            and not officer.retired
        ),
        None,
    )
