"""A holiday as somebody with the right would declare it: checked, and added to the directory of now. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from services.desk.core.filters import listed
from services.kernel.domain.directory import LANGUAGES, District, Holiday, Text
from services.kernel.domain.errors import Forbidden, Invalid
from services.kernel.domain.people import Actor, visible

MAY_PREVIEW = ("collector", "admin")
MOST = 20
LONGEST_NAME = 100
DAY = r"20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CONTROL = r"\x00-\x1f\x7f-\x9f"
NAME = rf"[^{_CONTROL}]*[^{_CONTROL}\s][^{_CONTROL}]*"
"""Patterns of the whole text; NAME says something, without control characters."""
_FIELDS = ("calendar", "day", "name")


def check_right(actor: Actor, directory: District) -> None:
    """Raises Forbidden. `actor` was resolved: then his role is a post that he holds."""
    if actor.role not in MAY_PREVIEW or visible(actor, directory).empty:
        raise Forbidden("only the Collector and admins look at what a holiday would move")


def declared(body: Mapping[str, Any], directory: District) -> District:
    """`directory` with the holidays of `body` added to its calendars. Raises Invalid naming the field."""
    for name in body:
        if name != "holidays":
            raise Invalid("no such field is taken; holidays is", field=name[:80] or "body")
    given = body.get("holidays")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST:
        raise Invalid(f"is a list of 1 to {MOST} holidays", field="holidays")
    for number, one in enumerate(given):
        directory = _with(directory, one, f"holidays[{number}]")
    return directory


def _with(directory: District, given: Any, path: str) -> District:
    if not isinstance(given, dict) or set(given) != set(_FIELDS):
        raise Invalid(f"is an object with {listed(_FIELDS)}", field=path)
    calendar = directory.calendar_by_id.get(_text(given["calendar"], f"{path}.calendar"))
    if calendar is None:
        raise Invalid("is no calendar of the directory", field=f"{path}.calendar")
    day = _day(given["day"], f"{path}.day")
    if any(holiday.day == day for holiday in calendar.holidays):
        raise Invalid("is a holiday of that calendar already", field=f"{path}.day")
    longer = replace(
        calendar, holidays=(*calendar.holidays, Holiday(day, _name(given["name"], f"{path}.name")))
    )
    calendars = tuple(longer if one.id == longer.id else one for one in directory.calendars)
    return replace(directory, calendars=calendars)


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise Invalid("is text", field=field)
    return value


def _day(value: Any, field: str) -> date:
    text = _text(value, field)
    try:
        if re.fullmatch(DAY, text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Invalid("is a day such as 2026-11-30", field=field)


def _name(value: Any, field: str) -> Text:
    if not isinstance(value, dict) or set(value) != set(LANGUAGES):
        raise Invalid(f"is an object with {listed(LANGUAGES)}", field=field)
    texts = {language: _text(value[language], f"{field}.{language}") for language in LANGUAGES}
    for language, text in texts.items():
        if len(text) > LONGEST_NAME or re.fullmatch(NAME, text) is None:
            reason = f"has 1 to {LONGEST_NAME} characters in one line"
            raise Invalid(reason, field=f"{field}.{language}")
    return Text(**texts)
