"""The daily digests: at which instant of which day, to whom, and what stands in them. Pure.

An officer is told in the morning of a working day what he owes that day or owed before; the Collector
how the district stands, also when nothing is due. The words around it are the template's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.desk.core.texts import Texts
from services.kernel.domain import tickets
from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import Calendar, District, Language, Officer

FROM, UNTIL = time(9, 30), time(18, 0)
"""The district's wall clock: asked for from FROM on; what a desk that was down has missed, until UNTIL."""
MOST_ROWS = 20
"""Of each list of an officer's digest."""
MOST_LONGEST = 10
Kind = Literal["officer", "collector"]
TEMPLATES: Mapping[Kind, str] = {"officer": "digest_officer", "collector": "digest_collector"}


@dataclass(frozen=True)
class Day:
    """A day of a district, as instants: it reaches from `start` to `end`, the day before from `before`."""

    date: date
    before: datetime
    start: datetime
    end: datetime


@dataclass(frozen=True)
class DueCase:
    """What a row tells of a case. Its limit to resolve lies before the end of the day."""

    ticket: str
    service: str | None
    state: str
    deadline: datetime
    confidential: bool


@dataclass(frozen=True)
class Listed:
    """The first of some cases by deadline, and how many there are of them."""

    cases: Sequence[DueCase]
    count: int


@dataclass(frozen=True)
class Counts:
    """Open cases of a department, those whose limit is over, and those due later on the day."""

    open: int = 0
    overdue: int = 0
    due_today: int = 0


@dataclass(frozen=True)
class DistrictFigures:
    """`departments` by id; None: those that nobody has yet. `longest`: the cases that are overdue longest."""

    departments: Mapping[str | None, Counts]
    filed_yesterday: int
    closed_yesterday: int
    breached_yesterday: int
    longest: Sequence[DueCase]


def office_calendar(directory: District) -> Calendar:
    """The one that the district's offices keep: most of its policies count by it, of several the first.

    A district without policies keeps the hours of its call centre.
    """
    votes = Counter(policy.calendar for policy in directory.policies)
    by_id = directory.calendar_by_id
    known = [name for name in votes if name in by_id]
    return by_id[max(known, key=lambda name: votes[name], default=directory.call_centre.calendar)]


def time_for(directory: District, now: datetime) -> Day | None:
    """The day whose digests are to be asked for at `now`; None at other hours and on days off."""
    zone = ZoneInfo(directory.zone)
    local = now.astimezone(zone)
    if not FROM <= local.time() < UNTIL:
        return None
    day = local.date()
    if not WorkingCalendar(office_calendar(directory)).works_on(day):
        return None
    before, start, end = (_midnight(day + timedelta(days=n), zone) for n in (-1, 0, 1))
    return Day(day, before, start, end)


def key(directory: District, officer: str, day: date) -> str:
    """What makes it one message, however many desks ask for it, and however often."""
    return f"digest/{directory.id}/{officer}/{day.isoformat()}"


def officers(directory: District, day: date) -> list[Officer]:
    """Who is written to where something of his is due. The Collector has a digest of his own."""
    return [
        officer
        for officer in directory.officers
        if officer.email and officer.on_duty(day) and officer.id != directory.collector
    ]


def collector(directory: District) -> Officer | None:
    """Also while he is on leave: whoever acts for him reads it. None: he has no e-mail address."""
    found = directory.officer_by_id.get(directory.collector)
    return found if found is not None and found.email and not found.retired else None


def of_officer(
    officer: Officer,
    overdue: Listed,
    due_today: Listed,
    directory: District,
    day: Day,
    now: datetime,
    texts: Texts,
    desk: str,
) -> dict[str, Any]:
    """`overdue`: his cases whose limit is over at `now`; `due_today`: those due later on the day; `desk`: its
    address."""

    def rows(listed: Listed) -> list[dict[str, str]]:
        shown = listed.cases[:MOST_ROWS]
        return [row(case, directory, now, texts, officer.language) for case in shown]

    return {
        **_head(directory, day, officer.language, desk),
        "officer": officer.name.say(officer.language),
        "overdue": rows(overdue),
        "overdue_count": overdue.count,
        "due_today": rows(due_today),
        "due_today_count": due_today.count,
    }


def of_collector(
    officer: Officer,
    figures: DistrictFigures,
    directory: District,
    day: Day,
    now: datetime,
    texts: Texts,
    desk: str,
) -> dict[str, Any]:
    """Departments with open cases, the worst first."""
    language = officer.language
    counts = list(figures.departments.values())
    worst = sorted(
        ((id_, c) for id_, c in figures.departments.items() if c.open),
        key=lambda one: (-one[1].overdue, -one[1].due_today, -one[1].open, one[0] or ""),
    )
    return {
        **_head(directory, day, language, desk),
        "totals": {
            "open": sum(c.open for c in counts),
            "overdue": sum(c.overdue for c in counts),
            "due_today": sum(c.due_today for c in counts),
            "filed_yesterday": figures.filed_yesterday,
            "closed_yesterday": figures.closed_yesterday,
            "breached_yesterday": figures.breached_yesterday,
        },
        "departments": [
            {"name": _department(id_, directory, texts, language), **vars(c)} for id_, c in worst
        ],
        "longest_overdue": [
            row(case, directory, now, texts, language) for case in figures.longest[:MOST_LONGEST]
        ],
    }


def row(
    case: DueCase, directory: District, now: datetime, texts: Texts, language: Language
) -> dict[str, str]:
    """A case in a digest. Of a confidential one not what it is about: an e-mail lies in many places."""
    service = directory.service_by_id.get(case.service or "")
    if case.confidential:
        about = texts.say("digest.confidential", language)
    elif service is not None:
        about = service.name.say(language)
    else:
        about = case.service or texts.say("digest.no_service", language)
    local = case.deadline.astimezone(ZoneInfo(directory.zone))
    return {
        "ticket": tickets.show(directory.code, case.ticket),
        "service": about,
        "due": local.strftime("%d-%m-%Y %H:%M"),
        "state": texts.say(f"state.{case.state}", language),
        "overdue_by": texts.over(case.deadline, now, language),
    }


def _head(directory: District, day: Day, language: Language, desk: str) -> dict[str, Any]:
    return {
        "district": directory.name.say(language),
        "date": day.date.strftime("%d-%m-%Y"),
        "desk": desk,
    }


def _department(id_: str | None, directory: District, texts: Texts, language: Language) -> str:
    if id_ is None:
        return texts.say("digest.no_department", language)
    known = directory.department_by_id.get(id_)
    return known.name.say(language) if known is not None else id_


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)
