"""Where a person at the desk sends a case: checked against the directory, and who there is to work it.

An officer carries his office and department with him. Where only an office or department is named, the
choice is between the officers on duty there, and above them the department's head, the SDM and the
Collector. Whom the case names, and his whole office, are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.kernel.domain.case import Case
from services.kernel.domain.directory import District, Office, Officer
from services.kernel.domain.errors import Invalid


@dataclass(frozen=True)
class Wanted:
    """What the person named; at least one of officer, office, department, or a service alone."""

    officer: str | None = None
    office: str | None = None
    department: str | None = None
    service: str | None = None

    def __bool__(self) -> bool:
        return any((self.officer, self.office, self.department, self.service))


@dataclass(frozen=True)
class Place:
    """Where it goes. `officers`: those between whom the open cases decide; empty: nobody is there.

    `office` is where it lies when there is no officer.
    """

    department: str
    office: str | None
    officers: tuple[Officer, ...]
    service: str | None = None

    def pick(self, open_cases: Mapping[str, int]) -> Officer | None:
        """The one with the fewest open cases."""
        return min(self.officers, key=lambda o: (open_cases.get(o.id, 0), o.id), default=None)


def place(
    case: Case, wanted: Wanted, directory: District, day: date, *, same_department: bool
) -> Place:
    """Raises Invalid naming the field. `day`: the local date; `same_department`: no other one is taken."""
    _known(wanted, directory)
    department, field = _department(case, wanted, directory)
    if same_department and case.department is not None and department != case.department:
        raise Invalid("is of another department: transfer the case instead", field=field)
    service = wanted.service
    if service is not None and directory.service_by_id[service].department != department:
        raise Invalid("is a service of another department", field="service")
    if wanted.officer is not None:
        officer = directory.officer_by_id[wanted.officer]
        if not officer.on_duty(day):
            raise Invalid("is not on duty", field="officer")
        if in_the_way(case, officer.office, directory):
            raise Invalid(
                "is named by the case, or of the named official's office", field="officer"
            )
        return Place(department, officer.office, (officer,), service)
    if wanted.office is not None and in_the_way(case, wanted.office, directory):
        raise Invalid("is the office of the official whom the case names", field="office")
    return _choose(case, wanted, department, directory, day)


def in_the_way(case: Case, office: str, directory: District) -> bool:
    """Whether `office` may not have the case, because the case names somebody of it."""
    named = directory.officer_by_id.get(case.named_official) if case.named_official else None
    return named is not None and named.office == office


def may_keep(case: Case, directory: District, day: date) -> bool:
    """Whether the officer who had the case can have it again."""
    officer = directory.officer_by_id.get(case.officer) if case.officer else None
    return (
        officer is not None
        and officer.on_duty(day)
        and not in_the_way(case, officer.office, directory)
    )


def _known(wanted: Wanted, directory: District) -> None:
    for field, value, there in (
        ("officer", wanted.officer, directory.officer_by_id),
        ("office", wanted.office, directory.office_by_id),
        ("department", wanted.department, directory.department_by_id),
        ("service", wanted.service, directory.service_by_id),
    ):
        if value is not None and value not in there:
            raise Invalid(f"is no {field} of the directory", field=field)


def _department(case: Case, wanted: Wanted, directory: District) -> tuple[str, str]:
    """The department that follows from what was named, and the field that says so."""
    if wanted.officer is not None:
        office = directory.officer_by_id[wanted.officer].office
        if wanted.office not in (None, office):
            raise Invalid("is not the officer's office", field="office")
        found, field = directory.office_by_id[office].department, "officer"
    elif wanted.office is not None:
        found, field = directory.office_by_id[wanted.office].department, "office"
    elif wanted.department is not None:
        return wanted.department, "department"
    elif wanted.service is not None:
        return directory.service_by_id[wanted.service].department, "service"
    else:
        raise Invalid("name an officer, an office or a department", field="officer")
    if wanted.department not in (None, found):
        raise Invalid(f"is not the {field}'s department", field="department")
    return found, field


def _choose(case: Case, wanted: Wanted, department: str, directory: District, day: date) -> Place:
    service = wanted.service or case.service
    offices = (
        [directory.office_by_id[wanted.office]]
        if wanted.office is not None
        else _offices(directory, department, case.place.block)
    )
    free = [office for office in offices if not in_the_way(case, office.id, directory)]
    for office in free:
        found = _on_duty(directory, office, day)
        skilled = [o for o in found if not o.services or service in o.services]
        if found:
            return Place(department, office.id, tuple(skilled or found), wanted.service)
    lies = free[0].id if free else None
    above = _above(case, department, directory, day)
    return Place(department, lies, (above,) if above is not None else (), wanted.service)


def _offices(directory: District, department: str, block: str | None) -> Sequence[Office]:
    """The block's offices before those for the whole district before those of other blocks."""
    mine = [office for office in directory.offices if office.department == department]
    near = [office for office in mine if block is not None and block in office.blocks]
    whole = [office for office in mine if not office.blocks]
    return [*near, *whole] if near or whole else mine


def _on_duty(directory: District, office: Office, day: date) -> list[Officer]:
    return [
        officer
        for officer in directory.officers
        if officer.office == office.id and officer.role == "officer" and officer.on_duty(day)
    ]


def _above(case: Case, department: str, directory: District, day: date) -> Officer | None:
    block = directory.block_by_id.get(case.place.block) if case.place.block else None
    sdms = [
        officer.id
        for officer in directory.officers
        if officer.role == "sdm" and block is not None and officer.subdivision == block.subdivision
    ]
    chain = (directory.department_by_id[department].head, *sdms, directory.collector)
    for officer_id in chain:
        officer = directory.officer_by_id.get(officer_id)
        if (
            officer is not None
            and officer.on_duty(day)
            and not in_the_way(case, officer.office, directory)
        ):
            return officer
    return None
