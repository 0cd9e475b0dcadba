"""Reads a district's YAML file, the form in which people edit the directory.

The keys are the names of `domain/directory.py`, with these differences for the reader's comfort:
lengths of time, windows and days of the week are texts (see `values.py`); a rung has `after` and a
ladder `repeat` instead of seconds; a calendar may say `holidays_of: other` to observe another
calendar's holidays as well as its own; `working_day` says how long "1 working day" is (8 working
hours by default).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.kernel.adapters.directory import values
from services.kernel.adapters.directory.check import check
from services.kernel.adapters.directory.entry import Entry, register
from services.kernel.adapters.directory.faults import (
    DirectoryFaults,
    Fault,
    Faults,
    without_echoes,
)
from services.kernel.adapters.directory.phones import international
from services.kernel.adapters.directory.source import Mapping, parse
from services.kernel.domain.directory import (
    KINDS,
    LANGUAGES,
    PAUSE_LIMIT,
    PRIORITIES,
    SMS_GATEWAYS,
    TARGETS,
    Block,
    Calendar,
    CallCentre,
    DayOverride,
    Department,
    District,
    Emergency,
    Holiday,
    Ladder,
    Leave,
    Office,
    Officer,
    Policy,
    Rung,
    Service,
    Targets,
    Village,
)


@dataclass(frozen=True)
class Inspection:
    """What a file holds and what is wrong with it. `district` is None where there is any error."""

    district: District | None
    faults: list[Fault]


def read_district(text: str, *, source: str) -> District:
    """The district that `text` describes. Raises DirectoryFaults, with warnings, on any error.

    `source` names the text in messages. A file with nothing but warnings is taken.
    """
    inspection = inspect(text)
    if inspection.district is None:
        raise DirectoryFaults(inspection.faults, source=source)
    return inspection.district


def inspect(text: str) -> Inspection:
    """Reads and checks the text, and answers all faults, warnings too, in the file's order."""
    faults = Faults()
    root = parse(text, faults)
    if root is None:
        return Inspection(None, faults.in_order())
    if not isinstance(root, Mapping):
        faults.add("", "a district's file is `key: value` at its top", mark=root.mark)
        return Inspection(None, faults.in_order())
    register(root, "", faults)
    district = Entry(root, "", faults).read(_district)
    faults.found += without_echoes(faults.found, check(district, faults.marks))
    broken = any(fault.level == "error" for fault in faults.found)
    return Inspection(None if broken else district, faults.in_order())


def _district(of: Entry) -> District:
    of.working_day = of.working_seconds("working_day", values.WORKING_DAY_SECONDS)
    if not 0 < of.working_day <= 86_400:
        of.faults.add("working_day", "a working day is longer than nothing and at most 24 hours")
    return District(
        id=of.text("id"),
        code=of.text("code"),
        name=of.both("name"),
        zone=of.text("zone"),
        blocks=of.each("blocks", _block),
        departments=of.each("departments", _department),
        offices=of.each("offices", _office),
        officers=of.each("officers", _officer),
        services=of.each("services", _service),
        calendars=_calendars(of),
        policies=of.each("policies", _policy),
        ladders=of.each("ladders", _ladder),
        collector=of.text("collector"),
        call_centre=of.entry("call_centre").read(_call_centre),
        emergency=of.entry("emergency").read(_emergency),
        reopen_days=of.number("reopen_days", 30),
        confirm_days=of.number("confirm_days", 7),
        triage_policy=of.maybe("triage_policy"),
        sms_gateway=of.choice("sms_gateway", SMS_GATEWAYS, "mobile_seva"),
    )


def _village(of: Entry) -> Village:
    return Village(id=of.text("id"), name=of.both("name"), aliases=of.words("aliases"))


def _block(of: Entry) -> Block:
    return Block(
        id=of.text("id"),
        name=of.both("name"),
        subdivision=of.text("subdivision"),
        villages=of.each("villages", _village),
        aliases=of.words("aliases"),
    )


def _department(of: Entry) -> Department:
    return Department(id=of.text("id"), name=of.both("name"), head=of.text("head"))


def _office(of: Entry) -> Office:
    return Office(
        id=of.text("id"),
        department=of.text("department"),
        name=of.both("name"),
        blocks=of.words("blocks"),
    )


def _officer(of: Entry) -> Officer:
    phone = of.maybe("phone")
    return Officer(
        id=of.text("id"),
        name=of.both("name"),
        designation=of.both("designation"),
        role=of.choice("role", values.ROLES, "officer"),
        office=of.text("office"),
        services=of.words("services"),
        subdivision=of.maybe("subdivision"),
        phone=(international(phone) or phone) if phone is not None else None,
        email=of.maybe("email"),
        language=of.choice("language", LANGUAGES, "hi"),
        leave=of.each(
            "leave", lambda leave: Leave(first=leave.day("first"), last=leave.day("last"))
        ),
        retired=of.flag("retired"),
        sample=of.flag("sample"),
    )


def _service(of: Entry) -> Service:
    return Service(
        id=of.text("id"),
        department=of.text("department"),
        name=of.both("name"),
        keywords=of.words("keywords"),
        policy=of.maybe("policy"),
        kinds=of.choices("kinds", KINDS, KINDS),
    )


def _calendars(of: Entry) -> tuple[Calendar, ...]:
    """The calendars, each with its own holidays and then those that `holidays_of` adds."""
    followed: list[str | None] = []

    def one(entry: Entry) -> Calendar:
        followed.append(entry.maybe("holidays_of"))
        return _calendar(entry)

    written = of.each("calendars", one)
    by_id = {
        calendar.id: (calendar, other) for calendar, other in zip(written, followed, strict=True)
    }
    calendars = []
    for index, (calendar, other) in enumerate(zip(written, followed, strict=True)):
        if other is not None:
            path = f"calendars[{index}].holidays_of"
            source, further = by_id.get(other, (None, None))
            if source is None:
                of.faults.add(path, f"there is no calendar `{other}`")
            elif source is calendar or further is not None:
                of.faults.add(path, f"`{other}` has no holidays of its own to take")
            else:
                own = {holiday.day for holiday in calendar.holidays}
                taken = tuple(holiday for holiday in source.holidays if holiday.day not in own)
                calendar = replace(calendar, holidays=calendar.holidays + taken)
        calendars.append(calendar)
    return tuple(calendars)


def _calendar(of: Entry) -> Calendar:
    return Calendar(
        id=of.text("id"),
        zone=of.text("zone"),
        week=of.week("week"),
        holidays=of.each(
            "holidays", lambda day: Holiday(day=day.day("day"), name=day.both("name"))
        ),
        exceptions=of.each(
            "exceptions",
            lambda day: DayOverride(day=day.day("day"), windows=day.windows("windows")),
        ),
    )


def _policy(of: Entry) -> Policy:
    return Policy(
        id=of.text("id"),
        calendar=of.text("calendar"),
        ladder=of.text("ladder"),
        targets=of.each("targets", _targets),
        warn_percent=of.number("warn_percent", 75),
        pause_limit=of.length("pause_limit") or PAUSE_LIMIT,
    )


def _targets(of: Entry) -> Targets:
    return Targets(
        kinds=of.choices("kinds", KINDS),
        priorities=of.choices("priorities", PRIORITIES),
        calendar=of.maybe("calendar"),
        acknowledge=of.length("acknowledge"),
        first_response=of.length("first_response"),
        resolve=of.length("resolve"),
        pause_limit=of.length("pause_limit"),
    )


def _ladder(of: Entry) -> Ladder:
    return Ladder(
        id=of.text("id"),
        rungs=of.each("rungs", _rung),
        repeat_seconds=of.working_seconds("repeat", 0) or None,
    )


def _rung(of: Entry) -> Rung:
    return Rung(
        on=of.choice("on", TARGETS),
        after_seconds=of.working_seconds("after"),
        to=of.choice("to", values.ROLES),
    )


def _call_centre(of: Entry) -> CallCentre:
    return CallCentre(
        phone=of.text("phone"), calendar=of.text("calendar"), email=of.maybe("email")
    )


def _emergency(of: Entry) -> Emergency:
    return Emergency(number=of.text("number"), control_room=of.text("control_room"))
