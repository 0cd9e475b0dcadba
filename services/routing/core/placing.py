"""Who is to work a case: a pure function of what was filed, the directory and the officers' open cases.

From service and place to the office, from the office to the officer on duty with the fewest open cases,
or up where an office has nobody: the rule is `kernel/domain/duty.py`. The answer carries its reason as a
code with values; the sentence is made of it from data files (`reasons.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from services.kernel.domain import duty
from services.kernel.domain.directory import District, Officer, Service


@dataclass(frozen=True)
class Request:
    """What routing may know of a case: nothing personal."""

    service: str | None
    block: str | None
    named_official: str | None = None
    suggested: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reason:
    """`code` finds the sentence; `values` are ids and numbers to fill in."""

    code: str
    values: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Placement:
    """`department` None: nobody can tell, a person decides (triage)."""

    reason: Reason
    service: str | None = None
    department: str | None = None
    office: str | None = None
    officer: str | None = None


def candidates(district: District, request: Request, day: date) -> tuple[Officer, ...]:
    """The officers between whom the open cases decide: on duty, of the nearest office that has any."""
    service = _service(district, request)
    return duty.candidates(_matter(service, request), district, day) if service is not None else ()


def place(
    district: District, request: Request, open_cases: Mapping[str, int], day: date
) -> Placement:
    """`open_cases` counts each candidate's open cases (missing: none); `day` is the local date."""
    service = _service(district, request)
    if service is None:
        code = "suggested" if request.suggested else "unclear"
        return Placement(Reason(code, {"count": len(request.suggested)}))
    matter = _matter(service, request)
    found = duty.candidates(matter, district, day)
    officer = duty.fewest(found, open_cases)
    if officer is not None:
        reason = Reason(
            "fewest" if len(found) > 1 else "only",
            {
                "block": request.block,
                "service": service.id,
                "officer": officer.id,
                "open": open_cases.get(officer.id, 0),
                "of": len(found),
            },
        )
        return Placement(reason, service.id, service.department, officer.office, officer.id)
    above = duty.above(matter, district, day)
    if above is None:
        reason = Reason("nobody", {"service": service.id})
        return Placement(reason, service.id, service.department)
    reason = Reason("above", {"service": service.id, "officer": above.id})
    return Placement(reason, service.id, service.department, above.office, above.id)


def _service(district: District, request: Request) -> Service | None:
    return district.service_by_id.get(request.service) if request.service else None


def _matter(service: Service, request: Request) -> duty.Matter:
    return duty.Matter(service.department, service.id, request.block, request.named_official)
