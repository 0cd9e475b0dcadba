"""Who is to have a case: the one rule of routing, of the desk and of the clock. Pure.

The offices of its block come first, then those for the whole district; in the first that has anybody, the
officers who are on duty and handle the service. Where nobody is, it goes up: to the department's head,
the SDM of the block's subdivision, the Collector. On duty means posted (not retired) and not on leave
that day, at any hour.

An official whom the case names is passed over with everyone of his office; `people.Scope` keeps it out of
their sight by the same rule. If he is of the chain that would work the case, it goes one level up: nobody
judges his colleague or his superior. The Collector is passed over only where he himself is named: above him
there is nobody, so a complaint about his clerk is his, and one about him goes to the department's head.

The climb ends at the Collector even on a day on which he is on leave. Somebody must be told: what lies
before him is found when he is back or by whoever acts for him, what lies before nobody is found by chance.
So nobody is the answer only where the Collector himself is named and all below him are away or passed
over (or where the directory has no serving Collector, which its checks do not let pass).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from services.kernel.domain.case import Case
from services.kernel.domain.directory import District, Office, Officer

Level = Literal["head", "sdm", "collector"]
LEVELS: tuple[Level, ...] = ("head", "sdm", "collector")
"""Those above an office, lowest first."""


@dataclass(frozen=True)
class Matter:
    """What of a case decides who may have it; ids of the directory.

    `department` None: nobody knows yet whose it is. A `service` of another department says nothing.
    """

    department: str | None
    service: str | None = None
    block: str | None = None
    named_official: str | None = None

    @staticmethod
    def of(case: Case) -> Matter:
        return Matter(case.department, case.service, case.place.block, case.named_official)


def may_have(officer: Officer, named_official: str | None, directory: District) -> bool:
    """Whether a case that names this official may come to `officer`, on duty or not."""
    if officer.id == directory.collector:
        return officer.id != named_official
    return officer.id != named_official and not barred(officer.office, named_official, directory)


def barred(office: str, named_official: str | None, directory: District) -> bool:
    """Whether it is the office of the official whom the case names."""
    named = directory.officer_by_id.get(named_official) if named_official is not None else None
    return named is not None and named.office == office


def offices(matter: Matter, directory: District) -> tuple[Office, ...]:
    """The department's offices for the block, nearest first, without that of a named official.

    An office of other blocks is none of them: whether it can help out is for the head to say.
    """
    mine = [
        office
        for office in directory.offices
        if office.department == matter.department
        and not barred(office.id, matter.named_official, directory)
    ]
    near = [office for office in mine if matter.block is not None and matter.block in office.blocks]
    return (*near, *(office for office in mine if not office.blocks))


def eligible(matter: Matter, office: str, directory: District, day: date) -> tuple[Officer, ...]:
    """The officers of `office` who are on duty on `day` (the local date) and handle the service; nobody
    where the case names one of the chain that it would go through."""
    if _named_level(matter, directory) is not None:
        return ()
    service = directory.service_by_id.get(matter.service) if matter.service is not None else None
    asked = service is not None and service.department == matter.department
    return tuple(
        officer
        for officer in directory.officers
        if officer.office == office
        and officer.role == "officer"
        and officer.on_duty(day)
        and (not asked or not officer.services or matter.service in officer.services)
        and may_have(officer, matter.named_official, directory)
    )


def candidates(matter: Matter, directory: District, day: date) -> tuple[Officer, ...]:
    """Those of the nearest office that has any; empty: it goes up (`above`)."""
    for office in offices(matter, directory):
        found = eligible(matter, office.id, directory, day)
        if found:
            return found
    return ()


def above(matter: Matter, directory: District, day: date, start: Level = "head") -> Officer | None:
    """The first from `start` upwards who is there, may have it and stands above whom the case names.
    None: see above, of the Collector."""
    named = _named_level(matter, directory)
    lowest = _ABOVE.get(named or "", start)
    start = max(start, lowest, key=LEVELS.index)
    for officer in _climb(matter, directory, start):
        if officer.on_duty(day) and may_have(officer, matter.named_official, directory):
            return officer
    last = directory.officer_by_id.get(directory.collector)
    if last is None or last.retired or not may_have(last, matter.named_official, directory):
        return None
    return last


def successors(case: Case, directory: District, day: date) -> tuple[Officer, ...]:
    """Between whom a case that is worked again is to be given: who had it, if he can still have it.

    Otherwise his office, as whoever sits there has the file; then the rule as for a new case.
    """
    if may_keep(case, directory, day):
        return (directory.officer_by_id[case.officer or ""],)
    matter = Matter.of(case)
    own = directory.office_by_id.get(case.office) if case.office is not None else None
    # a case that had gone up lies in an office of another department, whose clerks it is not for
    mine = own is not None and own.department == matter.department
    found = eligible(matter, own.id, directory, day) if own is not None and mine else ()
    found = found or candidates(matter, directory, day)
    if found:
        return found
    higher = above(matter, directory, day)
    return (higher,) if higher is not None else ()


def may_keep(case: Case, directory: District, day: date) -> bool:
    """Whether the officer who had the case still sits in its office, or stands above it, on duty."""
    officer = directory.officer_by_id.get(case.officer) if case.officer is not None else None
    if officer is None or not officer.on_duty(day):
        return False
    if not may_have(officer, case.named_official, directory):
        return False
    # who took a case over does not sit in the office where its file lies
    return officer.office == case.office or officer in _climb(Matter.of(case), directory, "head")


def placement(case: Case, officer: Officer | None, directory: District) -> dict[str, Any]:
    """The fields of an act that gives the case to `officer`; None: to nobody, in the office it was in."""
    office = case.office
    if office is not None and barred(office, case.named_official, directory):
        office = None
    # who has it already need not sit where its file lies: he may have taken it over
    if officer is not None and (office is None or officer.id != case.officer):
        office = officer.office
    return {
        "department": case.department,
        "office": office,
        "officer": officer.id if officer is not None else None,
        "directory_version": directory.version,
    }


def fewest(officers: Sequence[Officer], open_cases: Mapping[str, int]) -> Officer | None:
    """The one with the fewest open cases (missing: none)."""
    return min(officers, key=lambda one: (open_cases.get(one.id, 0), one.id), default=None)


def in_turn(officers: Sequence[Officer], ticket: str) -> Officer | None:
    """One of them where open cases are not counted: always the same for a ticket, many spread over all."""
    return officers[int(ticket) % len(officers)] if officers else None


_ABOVE: Mapping[str, Level] = {"officer": "head", "head": "sdm", "sdm": "collector"}
"""One level up from whom a case names; above the Collector there is nothing to go to."""


def _named_level(matter: Matter, directory: District) -> str | None:
    """Where the official whom the case names stands in the chain that would work it; None: nowhere."""
    named = directory.officer_by_id.get(matter.named_official or "")
    if named is None:
        return None
    for level in LEVELS:
        if any(officer.id == named.id for officer in _climb(matter, directory, level, only=True)):
            return level
    office = directory.office_by_id.get(named.office)
    of_the_department = office is not None and office.department == matter.department
    return "officer" if of_the_department and named.role == "officer" else None


def _climb(
    matter: Matter, directory: District, start: Level, *, only: bool = False
) -> Iterator[Officer]:
    """Who stands above the offices, lowest first, there or not; `only`: at the level of `start` alone."""
    department = directory.department_by_id.get(matter.department or "")
    block = directory.block_by_id.get(matter.block or "")
    heads = [department.head] if department is not None else []
    sdms = [
        officer.id
        for officer in directory.officers
        if officer.role == "sdm" and block is not None and officer.subdivision == block.subdivision
    ]
    holders: Mapping[Level, list[str]] = {
        "head": heads,
        "sdm": sdms,
        "collector": [directory.collector],
    }
    for level in (start,) if only else LEVELS[LEVELS.index(start) :]:
        for id_ in holders[level]:
            if id_ in directory.officer_by_id:
                yield directory.officer_by_id[id_]
