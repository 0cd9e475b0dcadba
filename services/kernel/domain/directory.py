"""The directory: what a district is made of, as one immutable, numbered version.

Departments, offices, officers, services, places, calendars, policies and ladders. Everything here is a
frozen value without behaviour that needs the outside; `adapters/directory` reads it from a file or
from the store and checks it. Ids are short ASCII slugs, unique within their list, never used again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time
from functools import cached_property
from typing import Literal

Language = Literal["hi", "en"]
Kind = Literal["complaint", "suggestion", "demand"]
Priority = Literal["normal", "urgent", "emergency"]
OfficerRole = Literal["officer", "head", "sdm", "collector"]
Target = Literal["acknowledge", "first_response", "resolve"]
SmsGateway = Literal["mobile_seva", "kannel"]

LANGUAGES: tuple[Language, ...] = ("hi", "en")
KINDS: tuple[Kind, ...] = ("complaint", "suggestion", "demand")
PRIORITIES: tuple[Priority, ...] = ("normal", "urgent", "emergency")
TARGETS: tuple[Target, ...] = ("acknowledge", "first_response", "resolve")
SMS_GATEWAYS: tuple[SmsGateway, ...] = ("mobile_seva", "kannel")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Text:
    """One text in the languages that every user-visible text has."""

    hi: str
    en: str

    def say(self, language: Language) -> str:
        return self.hi if language == "hi" else self.en


@dataclass(frozen=True)
class Village:
    id: str
    name: Text
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """A development block; `subdivision` names the SDM's area it lies in."""

    id: str
    name: Text
    subdivision: str
    villages: tuple[Village, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Department:
    """`head` is the id of the officer who heads it."""

    id: str
    name: Text
    head: str


@dataclass(frozen=True)
class Office:
    """Where officers of a department sit; `blocks` empty means the whole district."""

    id: str
    department: str
    name: Text
    blocks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leave:
    """Days of absence, both included, in the district's zone."""

    first: date
    last: date


@dataclass(frozen=True)
class Officer:
    """A person who works cases. On duty means posted (not retired) and not on leave, at any hour.

    `services` empty means every service of the department; `subdivision` is set for an SDM only.
    `sample` marks a made-up person of a sample district.
    """

    id: str
    name: Text
    designation: Text
    role: OfficerRole
    office: str
    services: tuple[str, ...] = ()
    subdivision: str | None = None
    phone: str | None = None
    email: str | None = None
    language: Language = "hi"
    leave: tuple[Leave, ...] = ()
    retired: bool = False
    sample: bool = False

    def on_duty(self, day: date) -> bool:
        """Whether the officer can be given a case on `day` (the district's local date)."""
        return not self.retired and not any(
            leave.first <= day <= leave.last for leave in self.leave
        )


@dataclass(frozen=True)
class Service:
    """What a citizen can ask for. `policy` names its time limits; None means that it has no clock."""

    id: str
    department: str
    name: Text
    keywords: tuple[str, ...]
    policy: str | None = None
    kinds: tuple[Kind, ...] = KINDS


@dataclass(frozen=True)
class Window:
    """A working window of local wall-clock time, half open: `[start, end)`. An end of 00:00 means 24:00."""

    start: time
    end: time


@dataclass(frozen=True)
class Holiday:
    day: date
    name: Text


@dataclass(frozen=True)
class DayOverride:
    """One date that has other windows than its weekday has (a working Saturday, a half day)."""

    day: date
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class Calendar:
    """Working time: weekly windows on an IANA zone's wall clock, less holidays, with exceptions."""

    id: str
    zone: str
    week: dict[str, tuple[Window, ...]]
    holidays: tuple[Holiday, ...] = ()
    exceptions: tuple[DayOverride, ...] = ()


@dataclass(frozen=True)
class Allowance:
    """A length of time that may be used: working seconds, or calendar days (exactly one of the two)."""

    working_seconds: int | None = None
    calendar_days: int | None = None


@dataclass(frozen=True)
class Targets:
    """Time limits for the cases that match `kinds` and `priorities` (empty: all). First match wins.

    `pause_limit` None: the policy's.
    """

    kinds: tuple[Kind, ...] = ()
    priorities: tuple[Priority, ...] = ()
    calendar: str | None = None
    acknowledge: Allowance | None = None
    first_response: Allowance | None = None
    resolve: Allowance | None = None
    pause_limit: Allowance | None = None


PAUSE_LIMIT = Allowance(calendar_days=7)


@dataclass(frozen=True)
class Policy:
    """The clock of a service. `warn_percent` of a limit used up is when the officer is warned.

    `pause_limit`: how long a question to the citizen may stop the clock, from its delivery on.
    """

    id: str
    calendar: str
    ladder: str
    targets: tuple[Targets, ...]
    warn_percent: int = 75
    pause_limit: Allowance = PAUSE_LIMIT


@dataclass(frozen=True)
class Rung:
    """A step of the ladder: `after_seconds` working seconds after the breach of `on`, told to `to`."""

    on: Target
    after_seconds: int
    to: OfficerRole


@dataclass(frozen=True)
class Ladder:
    """The last rung of each target comes again every `repeat_seconds` of working time while nothing
    happens; None: never."""

    id: str
    rungs: tuple[Rung, ...]
    repeat_seconds: int | None = None


@dataclass(frozen=True)
class CallCentre:
    """`email`: where what concerns its operators is written to."""

    phone: str
    calendar: str
    email: str | None = None


@dataclass(frozen=True)
class Emergency:
    """Numbers that are told at once when danger words are found."""

    number: str
    control_room: str


@dataclass(frozen=True)
class District:
    """One whole version of a district's directory. `version` is 0 until the store has numbered it."""

    id: str
    code: str
    name: Text
    zone: str
    blocks: tuple[Block, ...]
    departments: tuple[Department, ...]
    offices: tuple[Office, ...]
    officers: tuple[Officer, ...]
    services: tuple[Service, ...]
    calendars: tuple[Calendar, ...]
    policies: tuple[Policy, ...]
    ladders: tuple[Ladder, ...]
    collector: str
    call_centre: CallCentre
    emergency: Emergency
    reopen_days: int = 30
    confirm_days: int = 7
    """How long a citizen may say whether he is satisfied, before a resolved case is closed by rule."""
    triage_policy: str | None = None
    """The clock of a case without a service: nobody forgets what waits for a person to decide."""
    sms_gateway: SmsGateway = "mobile_seva"
    """What the district's SMS go through: C-DAC's Mobile Seva, or a Kannel of one's own."""
    version: int = field(default=0, compare=False)

    @cached_property
    def service_by_id(self) -> dict[str, Service]:
        return {x.id: x for x in self.services}

    @cached_property
    def department_by_id(self) -> dict[str, Department]:
        return {x.id: x for x in self.departments}

    @cached_property
    def office_by_id(self) -> dict[str, Office]:
        return {x.id: x for x in self.offices}

    @cached_property
    def officer_by_id(self) -> dict[str, Officer]:
        return {x.id: x for x in self.officers}

    @cached_property
    def block_by_id(self) -> dict[str, Block]:
        return {x.id: x for x in self.blocks}

    @cached_property
    def calendar_by_id(self) -> dict[str, Calendar]:
        return {x.id: x for x in self.calendars}

    @cached_property
    def policy_by_id(self) -> dict[str, Policy]:
        return {x.id: x for x in self.policies}

    @cached_property
    def ladder_by_id(self) -> dict[str, Ladder]:
        return {x.id: x for x in self.ladders}
