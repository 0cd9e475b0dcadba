"""The words that citizens read, and dates and hours said in their language. Each channel has its own in
`data/texts.yaml`; how a case stands, dates and hours (`data/saying.yaml`) are said alike in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from importlib import resources
from itertools import groupby
from zoneinfo import ZoneInfo

import yaml

from services.kernel.domain.directory import LANGUAGES, WEEKDAYS, Calendar, Language, Text, Window

Entries = Mapping[str, Text]


class Texts:
    """Looks texts up by key. A key that is not there is our fault and raises KeyError."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def keys(self) -> Iterable[str]:
        return self._entries.keys()

    def say(self, key: str, language: Language, **values: str) -> str:
        """The text of `key` with {names} filled in."""
        text = self._entries[key].say(language)
        return text.format_map(values) if values else text

    def fault(self, field: str, code: str, language: Language) -> str:
        """What is wrong with a field of the form, in the citizen's words."""
        name = field.rpartition(".")[2]
        keys = (f"fault.{name}.{code}", f"fault.any.{code}", "fault.any.invalid")
        return self.say(next(key for key in keys if key in self._entries), language)

    def instant(self, at: datetime, zone: str, language: Language) -> str:
        """An instant as people of the district say it."""
        local = at.astimezone(ZoneInfo(zone))
        return self.say(
            "date.long",
            language,
            day=str(local.day),
            month=self.say(f"month.{local.month}", language),
            year=str(local.year),
            time=self.clock(local.time(), language),
        )

    def clock(self, at: time, language: Language) -> str:
        parts = ((4, "small_hours"), (12, "morning"), (16, "noon"), (20, "evening"), (24, "night"))
        part = next(name for before, name in parts if at.hour < before)
        hour = at.hour % 12 or 12
        said = f"{hour}:{at.minute:02d}" if at.minute else str(hour)
        return self.say(f"time.{part}", language, clock=said)

    def hours(self, calendar: Calendar, language: Language) -> tuple[str, ...]:
        """The weekly hours of a calendar, days of the same hours together."""
        days = [(day, calendar.week.get(day, ())) for day in WEEKDAYS]
        lines = []
        for windows, group in groupby(days, key=lambda item: item[1]):
            if windows:
                named = self._days([day for day, _ in group], language)
                lines.append(self._line(named, windows, language))
        return tuple(lines)

    def _days(self, days: Sequence[str], language: Language) -> str:
        if len(days) == len(WEEKDAYS):
            return self.say("hours.every_day", language)
        first, last = (self.say(f"day.{day}", language) for day in (days[0], days[-1]))
        return first if len(days) == 1 else self.say("hours.days", language, first=first, last=last)

    def _line(self, days: str, windows: Sequence[Window], language: Language) -> str:
        midnight = time(0)
        spans = [
            self.say("hours.always", language)
            if window.start == window.end == midnight
            else self.say(
                "hours.span",
                language,
                start=self.clock(window.start, language),
                end=self.clock(window.end, language),
            )
            for window in windows
        ]
        return self.say("hours.line", language, days=days, spans=", ".join(spans))


def read(package: str, file: str = "data/texts.yaml") -> dict[str, Text]:
    """The entries of a package's file. Raises ValueError for a text that lacks a language."""
    source = resources.files(package).joinpath(file)
    entries: dict[str, Text] = {}
    for key, said in yaml.safe_load(source.read_text(encoding="utf-8")).items():
        if set(said) != set(LANGUAGES):
            raise ValueError(f"text {key} is not in every language")
        entries[key] = Text(hi=said["hi"], en=said["en"])
    return entries


def load(package: str) -> Texts:
    """The texts of a channel, with those that all share. Raises ValueError."""
    return Texts({**read("services.intake", "data/saying.yaml"), **read(package)})
