"""Where a person at the desk sends a case: checked against the directory, and who there is to work it.

An officer carries his office and department with him. Where only an office or department is named, the
rule of `kernel/domain/duty.py` finds those between whom to choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.kernel.domain import duty
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District, Officer
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
    """Where it goes. `officers`: those between whom the open cases decide; empty: nobody may have it.

    `office` is where it lies when there is no officer.
    """

    department: str
    office: str | None
    officers: tuple[Officer, ...]
    service: str | None = None


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
        if not duty.may_have(officer, case.named_official, directory):
            raise Invalid(
                "is named by the case, or of the named official's office", field="officer"
            )
        return Place(department, officer.office, (officer,), service)
    if wanted.office is not None and duty.barred(wanted.office, case.named_official, directory):
        raise Invalid("is the office of the official whom the case names", field="office")
    return _choose(case, wanted, department, directory, day)


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
    matter = duty.Matter(
        department, wanted.service or case.service, case.place.block, case.named_official
    )
    if wanted.office is not None:
        lies: str | None = wanted.office
        found = duty.eligible(matter, wanted.office, directory, day)
    else:
        lies = next((office.id for office in duty.offices(matter, directory)), None)
        found = duty.candidates(matter, directory, day)
    higher = duty.above(matter, directory, day) if not found else None
    return Place(department, lies, found if higher is None else (higher,), wanted.service)
