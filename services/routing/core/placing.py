"""Who is to work a case: a pure function of what was filed, the directory and the officers' open cases.

From service and place to the office, from the office to the officer on duty with the fewest open cases.
Where an office has nobody, it goes up: the department's head, the SDM, the Collector. The answer carries
its reason as a code with values; the sentence is made of it from data files (`reasons.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.kernel.domain.directory import District, Office, Officer, Service


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
    if service is None:
        return ()
    for office in _offices(district, service, request.block):
        found = _eligible(district, office, service, request.named_official, day)
        if found:
            return found
    return ()


def place(
    district: District, request: Request, open_cases: Mapping[str, int], day: date
) -> Placement:
    """`open_cases` counts each candidate's open cases (missing: none); `day` is the local date."""
    service = _service(district, request)
    if service is None:
        code = "suggested" if request.suggested else "unclear"
        return Placement(Reason(code, {"count": len(request.suggested)}))
    found = candidates(district, request, day)
    if found:
        officer = min(found, key=lambda one: (open_cases.get(one.id, 0), one.id))
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
    above = _above(district, service, request, day)
    if above is None:
        reason = Reason("nobody", {"service": service.id})
        return Placement(reason, service.id, service.department)
    reason = Reason("above", {"service": service.id, "officer": above.id})
    return Placement(reason, service.id, service.department, above.office, above.id)


def _service(district: District, request: Request) -> Service | None:
    return district.service_by_id.get(request.service) if request.service else None


def _offices(district: District, service: Service, block: str | None) -> Sequence[Office]:
    """The block's offices of the department before those for the whole district."""
    mine = [office for office in district.offices if office.department == service.department]
    near = [office for office in mine if block is not None and block in office.blocks]
    return [*near, *(office for office in mine if not office.blocks)]


def _eligible(
    district: District, office: Office, service: Service, named: str | None, day: date
) -> tuple[Officer, ...]:
    if named is not None and _office_of(district, named) == office.id:
        return ()
    return tuple(
        officer
        for officer in district.officers
        if officer.office == office.id
        and officer.role == "officer"
        and (not officer.services or service.id in officer.services)
        and officer.on_duty(day)
        and officer.id != named
    )


def _above(
    district: District, service: Service, request: Request, day: date
) -> Officer | None:
    """The department's head, the subdivision's SDM, the Collector: the first who is there and not named."""
    block = district.block_by_id.get(request.block) if request.block else None
    head = district.department_by_id[service.department].head
    named_office = _office_of(district, request.named_official)
    chain: Iterable[str] = (
        head,
        *(
            officer.id
            for officer in district.officers
            if officer.role == "sdm" and block is not None and officer.subdivision == block.subdivision
        ),
        district.collector,
    )
    for officer_id in chain:
        officer = district.officer_by_id.get(officer_id)
        if officer is None or not officer.on_duty(day) or officer.id == request.named_official:
            continue
        # above the Collector there is nobody, so only he himself can be passed over
        of_the_office = named_office is not None and officer.office == named_office
        if not of_the_office or officer.id == district.collector:
            return officer
    return None


def _office_of(district: District, officer_id: str | None) -> str | None:
    officer = district.officer_by_id.get(officer_id or "")
    return officer.office if officer is not None else None
