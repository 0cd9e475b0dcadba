"""How a district's file writes lengths of time, working windows and days of the week.

- `30 working minutes`, `8 working hours`: working time on the calendar that applies.
- `3 working days`: three times the file's `working_day` (8 working hours by default) of working
  time. It is a length, not a number of dates: on a calendar with seven working hours a day, a
  working day of 8 hours ends an hour into the next.
- `7 days`: calendar days, closed days included.
- `10:00-18:00`: a window, its end excluded; `00:00-24:00` is the whole day.
- `mon`, `mon-fri`, `daily`: days of the week.

Every function raises ValueError with a message for the person who edits the file.
"""

from __future__ import annotations

import re
from datetime import time

from services.kernel.domain.directory import WEEKDAYS, Allowance, OfficerRole, Window

ROLES: tuple[OfficerRole, ...] = ("officer", "head", "sdm", "collector")
"""Lowest first: the order in which a ladder climbs."""

WORKING_DAY_SECONDS = 8 * 3600
MAX_DAYS = 3660
_UNITS = {"minute": 60, "hour": 3600}
_LENGTH = re.compile(r"(\d{1,6}) *(working )? *(minute|hour|day)s?", re.IGNORECASE)
_WINDOW = re.compile(r"(\d{1,2}):(\d{2}) *[-\u2013] *(\d{1,2}):(\d{2})")
_FORMS = "write it as `30 working minutes`, `8 working hours`, `3 working days` or `7 days`"


def read_length(text: str, working_day: int) -> Allowance:
    """`working_day`: the seconds of working time that one working day stands for."""
    match = _LENGTH.fullmatch(" ".join(text.split()))
    if match is None:
        raise ValueError(f"`{text}` is no length of time: {_FORMS}")
    number, working, unit = int(match[1]), bool(match[2]), match[3].lower()
    if unit == "day" and not working:
        if number > MAX_DAYS:
            raise ValueError(f"`{text}` is longer than {MAX_DAYS} days")
        return Allowance(calendar_days=number)
    if not working:
        raise ValueError(f"`{text}` does not say which {unit}s: write `{number} working {unit}s`")
    seconds = number * (working_day if unit == "day" else _UNITS[unit])
    if seconds > MAX_DAYS * 86_400:
        raise ValueError(f"`{text}` is longer than {MAX_DAYS} days")
    return Allowance(working_seconds=seconds)


def read_working_seconds(text: str, working_day: int) -> int:
    """A length that must be working time. `at once` is none."""
    if text.lower() == "at once":
        return 0
    seconds = read_length(text, working_day).working_seconds
    if seconds is None:
        raise ValueError(f"`{text}` is in calendar days, but this counts working time")
    return seconds


def read_window(text: str) -> Window:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is no window: write it as `10:00-18:00`")
    start, end = _minutes(match[1], match[2], text), _minutes(match[3], match[4], text)
    if end <= start:
        raise ValueError(f"`{text}` does not end after it begins: a window lies within one day")
    return Window(_clock(start), _clock(end))


def read_weekdays(text: str) -> tuple[str, ...]:
    """The days that a key of `week` names, in order."""
    word = text.lower()
    if word == "daily":
        return WEEKDAYS
    first, dash, last = (part.strip() for part in word.partition("-"))
    last = last if dash else first
    if first not in WEEKDAYS or last not in WEEKDAYS:
        raise ValueError(f"`{text}` is no day: write `mon`, `mon-fri` or `daily`")
    begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last)
    if begin > end:
        raise ValueError(f"`{text}` runs backwards: the week begins on mon")
    return WEEKDAYS[begin : end + 1]


def _minutes(hour: str, minute: str, text: str) -> int:
    """Minutes since midnight, up to and including 24:00."""
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > 24 * 60:
        raise ValueError(f"`{text}` has a time that no clock shows")
    return minutes


def _clock(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)
