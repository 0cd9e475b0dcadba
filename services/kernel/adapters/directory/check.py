"""Checks that the parts of a district fit together: what no single entry can show to be wrong.

An error makes the directory unusable (a reference to nothing, a limit that can never be met); a
warning names what will surprise its people (a block that no office serves) and stops nothing.
Paths are those of the file, and of the dataclasses: `services[12].policy`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

from services.kernel.adapters.directory import check_clock
from services.kernel.adapters.directory.faults import Fault, Faults, Marks
from services.kernel.adapters.directory.phones import can_be_dialled, international
from services.kernel.domain.directory import (
    LANGUAGES,
    SMS_GATEWAYS,
    District,
    Officer,
    Text,
)

LABEL_LENGTH = 24
"""Longest label of a row in a WhatsApp list: longer ones are cut there (Cloud API reference)."""

MAX_REOPEN_DAYS = 365
MAX_CONFIRM_DAYS = 90

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CODE = re.compile(r"[A-Z]{2}")
# one bare address: what ends an address or a header in a message is not part of one
_EMAIL = re.compile(r"[^@\s,;:<>()\[\]\\\"]+@[\w-]+(\.[\w-]+)+")


def check(district: District, marks: Marks | None = None) -> list[Fault]:
    """All faults of a district, read or built; `marks` tells where its file has each path."""
    faults = Faults(marks or Marks())
    for part in (_itself, _ids, _texts, _places, _offices, _officers, _heads, _services, _cover):
        part(district, faults)
    check_clock.check(district, faults)
    return faults.in_order()


def refer(faults: Faults, path: str, wanted: str, known: Container[str], what: str) -> bool:
    """Whether `wanted` is known. Nothing is said while an entry of that kind lacks its id."""
    if wanted in known:
        return True
    if "" not in known:
        faults.add(path, f"there is no {what} `{wanted}`")
    return False


def _itself(district: District, faults: Faults) -> None:
    if not _CODE.fullmatch(district.code):
        faults.add("code", f"`{district.code}` is not two capital letters")
    check_clock.check_zone(district.zone, "zone", faults)
    if not 1 <= district.reopen_days <= MAX_REOPEN_DAYS:
        faults.add("reopen_days", f"{district.reopen_days} is not within 1 and {MAX_REOPEN_DAYS}")
    # for two days it is open whether the resolution can be delivered: a window ends no earlier
    if not 2 <= district.confirm_days <= MAX_CONFIRM_DAYS:
        message = f"{district.confirm_days} is not within 2 and {MAX_CONFIRM_DAYS}"
        faults.add("confirm_days", message)
    phone = district.call_centre.phone
    if international(phone) is None:
        faults.add("call_centre.phone", f"`{phone}` is no telephone number")
    calendar = district.call_centre.calendar
    refer(faults, "call_centre.calendar", calendar, district.calendar_by_id, "calendar")
    _email(district.call_centre.email, "call_centre", faults)
    if district.sms_gateway not in SMS_GATEWAYS:
        message = f"`{district.sms_gateway}` is none of {', '.join(SMS_GATEWAYS)}"
        faults.add("sms_gateway", message)
    for key in ("number", "control_room"):
        number = str(getattr(district.emergency, key))
        if not can_be_dialled(number):
            faults.add(f"emergency.{key}", f"`{number}` is no telephone number")
    if refer(faults, "collector", district.collector, district.officer_by_id, "officer"):
        collector = district.officer_by_id[district.collector]
        if collector.role != "collector" or collector.retired:
            faults.add(
                "collector", f"`{collector.id}` is not a serving officer with role collector"
            )


def _ids(district: District, faults: Faults) -> None:
    if not _ID.fullmatch(district.id):
        faults.add("id", f"`{district.id}` is no id: {_ID_FORM}")
    lists: dict[str, list[str]] = {
        name: [entry.id for entry in getattr(district, name)]
        for name in (
            "blocks", "departments", "offices", "officers",
            "services", "calendars", "policies", "ladders",
        )
    }  # fmt: skip
    for name, ids in lists.items():
        if not ids:
            faults.add(name, f"a district needs {name}")
    for number, block in enumerate(district.blocks):
        lists[f"blocks[{number}].villages"] = [village.id for village in block.villages]
    for name, ids in lists.items():
        seen: set[str] = set()
        for number, entry in enumerate(ids):
            path = f"{name}[{number}].id"
            if not _ID.fullmatch(entry) or len(entry) > 64:
                faults.add(path, f"`{entry}` is no id: {_ID_FORM}")
            elif entry in seen:
                faults.add(path, f"the id `{entry}` is taken already")
            seen.add(entry)


_ID_FORM = "small letters, digits and single hyphens, at most 64"


def _texts(district: District, faults: Faults) -> None:
    _text(district.name, "name", faults)
    for number, block in enumerate(district.blocks):
        path = f"blocks[{number}]"
        _text(block.name, f"{path}.name", faults, label=True)
        for at, village in enumerate(block.villages):
            _text(village.name, f"{path}.villages[{at}].name", faults)
    for number, department in enumerate(district.departments):
        _text(department.name, f"departments[{number}].name", faults)
    for number, office in enumerate(district.offices):
        _text(office.name, f"offices[{number}].name", faults)
    for number, officer in enumerate(district.officers):
        _text(officer.name, f"officers[{number}].name", faults)
        _text(officer.designation, f"officers[{number}].designation", faults)
    for number, service in enumerate(district.services):
        _text(service.name, f"services[{number}].name", faults, label=True)
    for number, calendar in enumerate(district.calendars):
        for at, holiday in enumerate(calendar.holidays):
            _text(holiday.name, f"calendars[{number}].holidays[{at}].name", faults)


def _text(text: Text, path: str, faults: Faults, *, label: bool = False) -> None:
    """`label`: a text that citizens choose from a list."""
    for language, value in (("hi", text.hi), ("en", text.en)):
        place, name = f"{path}.{language}", "Hindi" if language == "hi" else "English"
        if not value.strip():
            faults.add(place, f"the {name} text is missing")
        elif language == "hi" and not any(map(_devanagari, value)):
            faults.warn(place, f"the Hindi text `{value}` is not in Devanagari")
        elif language == "en" and any(map(_devanagari, value)):
            faults.warn(place, f"the English text `{value}` is in Devanagari")
        elif label and len(value) > LABEL_LENGTH:
            faults.warn(
                place, f"`{value}` is longer than {LABEL_LENGTH} and cut in WhatsApp's lists"
            )


def _devanagari(letter: str) -> bool:
    return "\u0900" <= letter <= "\u097f"


def _places(district: District, faults: Faults) -> None:
    sdms = [o.subdivision for o in district.officers if o.role == "sdm" and not o.retired]
    told: set[str] = set()
    for number, block in enumerate(district.blocks):
        path, area = f"blocks[{number}].subdivision", block.subdivision
        if not _ID.fullmatch(area):
            faults.add(path, f"`{area}` is no id: {_ID_FORM}")
        elif area not in told and sdms.count(area) != 1:
            many = "more than one" if area in sdms else "no"
            faults.warn(path, f"the subdivision `{area}` has {many} serving officer with role sdm")
        told.add(area)


def _offices(district: District, faults: Faults) -> None:
    staffed = {officer.office for officer in district.officers if not officer.retired}
    for number, office in enumerate(district.offices):
        path = f"offices[{number}]"
        department = office.department
        refer(faults, f"{path}.department", department, district.department_by_id, "department")
        for at, block in enumerate(office.blocks):
            place = f"{path}.blocks[{at}]"
            refer(faults, place, block, district.block_by_id, "block")
            if block in office.blocks[:at]:
                faults.add(place, f"the block `{block}` is named twice")
        if office.id not in staffed:
            faults.warn(path, f"nobody serves in the office `{office.id}`")


def _officers(district: District, faults: Faults) -> None:
    areas = {block.subdivision for block in district.blocks}
    for number, officer in enumerate(district.officers):
        path = f"officers[{number}]"
        _contact(officer, path, faults)
        if officer.language not in LANGUAGES:
            faults.add(
                f"{path}.language", f"`{officer.language}` is none of {', '.join(LANGUAGES)}"
            )
        for at, leave in enumerate(officer.leave):
            if leave.first > leave.last:
                faults.add(f"{path}.leave[{at}]", "the leave ends before it begins")
        if officer.role == "sdm" and officer.subdivision is None:
            faults.add(f"{path}.subdivision", "an officer with role sdm needs a subdivision")
        elif officer.role != "sdm" and officer.subdivision is not None:
            faults.add(
                f"{path}.subdivision", f"only an sdm has a subdivision, not a {officer.role}"
            )
        elif officer.subdivision is not None:
            refer(
                faults, f"{path}.subdivision", officer.subdivision, areas, "block with subdivision"
            )
        if not refer(faults, f"{path}.office", officer.office, district.office_by_id, "office"):
            continue
        department = district.office_by_id[officer.office].department
        for at, wanted in enumerate(officer.services):
            place = f"{path}.services[{at}]"
            known = refer(faults, place, wanted, district.service_by_id, "service")
            if known and district.service_by_id[wanted].department != department:
                faults.add(place, f"the service `{wanted}` is not of the department `{department}`")


def _contact(officer: Officer, path: str, faults: Faults) -> None:
    if officer.phone is not None and international(officer.phone) is None:
        faults.add(f"{path}.phone", f"`{officer.phone}` is no telephone number")
    _email(officer.email, path, faults)
    if officer.phone is None and officer.email is None and not officer.retired:
        faults.warn(
            path, f"`{officer.id}` has neither phone nor e-mail and will not be told of cases"
        )


def _email(address: str | None, path: str, faults: Faults) -> None:
    if address is not None and not _EMAIL.fullmatch(address):
        faults.add(f"{path}.email", f"`{address}` is no e-mail address")


def _heads(district: District, faults: Faults) -> None:
    for number, department in enumerate(district.departments):
        path = f"departments[{number}].head"
        if not refer(faults, path, department.head, district.officer_by_id, "officer"):
            continue
        head = district.officer_by_id[department.head]
        office = district.office_by_id.get(head.office)
        if head.role != "head":
            faults.add(path, f"`{head.id}` has the role {head.role}, not head")
        elif head.retired:
            faults.add(path, f"`{head.id}` is retired")
        elif office is not None and office.department != department.id:
            faults.add(path, f"`{head.id}` serves in the department `{office.department}`")


def _services(district: District, faults: Faults) -> None:
    if district.triage_policy is None:
        faults.warn("triage_policy", "cases without a service have no clock: name a policy for them")
    else:
        refer(faults, "triage_policy", district.triage_policy, district.policy_by_id, "policy")
    for number, service in enumerate(district.services):
        path, department = f"services[{number}]", service.department
        refer(faults, f"{path}.department", department, district.department_by_id, "department")
        if service.policy is not None:
            refer(faults, f"{path}.policy", service.policy, district.policy_by_id, "policy")
        if not service.kinds:
            faults.add(f"{path}.kinds", "a service is for at least one kind of case")
        written = [unicodedata.normalize("NFC", word).casefold() for word in service.keywords]
        seen: set[str] = set()
        for at, word in enumerate(written):
            if not word.strip():
                faults.add(f"{path}.keywords[{at}]", "the keyword is empty")
            elif word in seen:
                faults.warn(f"{path}.keywords[{at}]", f"the keyword `{word}` is there already")
            seen.add(word)
        if not any(map(_devanagari, "".join(written))) or all(
            any(map(_devanagari, word)) for word in written
        ):
            faults.warn(f"{path}.keywords", "give keywords in Devanagari and in Latin letters")


def _cover(district: District, faults: Faults) -> None:
    """Every service should have somebody to handle it, wherever the case comes from."""
    busy = dict.fromkeys(service.department for service in district.services)
    for number, block in enumerate(district.blocks):
        for department in busy:
            served = any(
                office.department == department and (not office.blocks or block.id in office.blocks)
                for office in district.offices
            )
            if not served:
                message = f"no office of `{department}` serves the block `{block.id}`"
                faults.warn(f"blocks[{number}]", message)
    workers = [
        (district.office_by_id[officer.office].department, officer.services)
        for officer in district.officers
        if officer.role in ("officer", "head")
        and not officer.retired
        and officer.office in district.office_by_id
    ]
    for number, service in enumerate(district.services):
        if not any(d == service.department and (not s or service.id in s) for d, s in workers):
            faults.warn(f"services[{number}]", f"nobody handles the service `{service.id}`")
