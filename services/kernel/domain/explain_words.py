"""What `explain.py` found, as sentences in Hindi and English. All words are in `data/explain.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.data_file import data_file
from services.kernel.domain.directory import Language, Text
from services.kernel.domain.explain import Account, Explanation, Pause, Stretch

_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_DAY = timedelta(days=1)
NEAR = 6 * _DAY
"""Within so many days a weekday alone says which day is meant."""
WEEK = 7 * _DAY


@cache
def words() -> dict[str, Any]:
    found: dict[str, Any] = data_file("explain")
    return found


class Sentences:
    """In one language, about cases that count on `calendar`. `names`: of persons, by id."""

    def __init__(
        self,
        language: Language,
        calendar: WorkingCalendar,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._language: Language = language
        self._calendar = calendar
        self._names = names or {}
        self._zone = calendar.zone

    def of(self, explanation: Explanation, account: Account) -> str:
        """Why `account` is due when it is, and what became of it."""
        at = account.at
        state: str = account.state
        if state in ("breached", "met_late") and -account.left < _SECOND:
            state += "_just"  # its time was used up, and none that counts has passed since
        return self._say(
            state,
            target=self._say(f"target.{account.target}"),
            due=self._instant(account.due_at, at),
            because=self._because(account),
            late=self._late(account),
            question=self._question(account.waits) if account.waits else "",
            met=self._instant(account.met_at, at) if account.met_at else "",
            ended=self._instant(explanation.ended_at, at) if explanation.ended_at else "",
        )

    def lapse(self, explanation: Explanation) -> str | None:
        """When a resolved case counts as settled."""
        if explanation.lapses_at is None:
            return None
        return self._say("lapses", at=self._instant(explanation.lapses_at, explanation.at))

    def stretch(self, stretch: Stretch) -> str:
        """What a stretch is."""
        pause = stretch.pause
        if pause is None:
            name = stretch.name.say(self._language) if stretch.name else ""
            return self._say(f"kind.{stretch.kind}", name=name)
        what = self._say(f"kind.{pause.why}", question=self._question(pause))
        if pause.by is None:
            return what
        known = self._names.get(pause.by)
        if known is None and pause.by in words()["role"]:
            known = self._say(f"role.{pause.by}")
        return self._say("by", what=what, by=known or pause.by)

    def instant(self, at: datetime, seen_from: datetime) -> str:
        """With its date, to the second."""
        time = self._local(at).strftime("%H:%M:%S" if at.second else "%H:%M")
        return self._dated("far", at, seen_from, time)

    def length(self, span: timedelta) -> str:
        return self._length(span, exact=True)

    def _because(self, account: Account) -> str:
        allowed = account.allowance
        if allowed.calendar_days is not None:
            length = self._number("day", allowed.calendar_days)
        else:
            length = self._length(account.allowed, "working_")
        start = self._instant(account.started_at, account.at)
        parts = [self._say("because", start=start, allowed=length)]
        if allowed.calendar_days is None:
            parts += self._closed(account.started_at, account.due_at)
        parts += self._stood(account)
        return self._say("join").join(parts)

    def _late(self, account: Account) -> str:
        """How much was used beyond what was allowed, in what counts."""
        if account.allowance.calendar_days is not None:
            return self._length(-account.left)
        return self._length(-account.left, "working_")

    def _stood(self, account: Account) -> list[str]:
        paused = [one for one in account.stretches if one.pause is not None]
        asked = [one for one in paused if one.pause and one.pause.why == "question"]
        rested = [one for one in paused if one.pause and one.pause.why != "question"]
        if rested and rested[-1].end == account.until:
            rested.pop()  # that it rests now is told otherwise
        if asked and asked[-1].end == account.until and account.state == "paused":
            asked.pop()
        found: list[str] = []
        if asked:
            questions = list(dict.fromkeys(self._question(one.pause) for one in asked if one.pause))
            form = self._forms("stood_question")[len(questions) > 1]
            listed = self._say("join").join(questions)
            found.append(form.format(length=self._length(_sum(asked)), questions=listed))
        if rested:
            found.append(self._say("stood_rest", length=self._length(_sum(rested))))
        return found

    def _closed(self, start: datetime, due: datetime) -> list[str]:
        """The whole days between that did not count, by name while they are few."""
        first, last = self._local(start).date(), self._local(due).date()
        off: list[date] = []
        holidays: list[tuple[date, Text]] = []
        day = first + _DAY
        while day < last:
            if not self._calendar.works_on(day):
                holiday = self._calendar.holiday_on(day)
                if holiday is None:
                    off.append(day)
                else:
                    holidays.append((day, holiday))
            day += _DAY
        if not off and not holidays:
            return []
        if last - first <= WEEK:  # no weekday comes twice between them
            named = {day: self._weekday(day) for day in off}
            for day, name in holidays:
                named[day] = self._say(
                    "holiday_of", weekday=self._weekday(day), name=name.say(self._language)
                )
            listed = [named[day] for day in sorted(named)]
        else:
            listed = [self._number("days_off", len(off))] if off else []
            if holidays:
                names = [
                    self._say("holiday_on", name=name.say(self._language), date=self._date(day))
                    for day, name in holidays
                ]
                form = self._forms("holidays")[len(names) > 1]
                listed.append(form.format(list=self._list(names)))
        return [self._say("not_counted", list=self._list(listed))]

    def _question(self, pause: Pause) -> str:
        known = pause.how if pause.how in words()["how"] else "other"
        return self._say("question", n=str(pause.question), how=self._say(f"how.{known}"))

    def _instant(self, at: datetime, seen_from: datetime) -> str:
        """To the minute; near ones by weekday alone."""
        local = self._local(at)
        near = abs((local.date() - self._local(seen_from).date()).days) < NEAR.days
        return self._dated("near" if near else "far", at, seen_from, local.strftime("%H:%M"))

    def _dated(self, how: str, at: datetime, seen_from: datetime, time: str) -> str:
        """In the calendar's zone; with the year where it is another."""
        local = self._local(at)
        if how == "far" and local.year != self._local(seen_from).year:
            how = "other_year"
        return self._say(
            how,
            weekday=self._weekday(local.date()),
            day=str(local.day),
            month=words()["month"][self._language][local.month - 1],
            year=str(local.year),
            time=time,
        )

    def _length(self, span: timedelta, unit: str = "", *, exact: bool = False) -> str:
        """Working time in hours and less; other time in days as well, once it is two. To the minute, or
        `exact` to the second."""
        if not exact and span >= _MINUTE:
            span -= span % _MINUTE
        seconds = int(max(span, timedelta(0)).total_seconds())
        parts = [
            ("hour", seconds // 3600),
            ("minute", seconds // 60 % 60),
            ("second", seconds % 60),
        ]
        if not unit and span >= 2 * _DAY:
            parts[:1] = [("day", span.days), ("hour", seconds // 3600 % 24)]
        said: list[str] = []
        for name, number in parts:
            if number:  # 2 working hours 5 minutes: which time it is, is told once
                said.append(self._number(name if said else unit + name, number))
        return " ".join(said) or self._say("no_time")

    def _number(self, key: str, number: int) -> str:
        return self._forms(key)[number != 1].format(n=number)

    def _list(self, items: Sequence[str]) -> str:
        if len(items) < 3:
            return self._say("pair").join(items)
        return self._say("comma").join(items[:-1]) + self._say("and") + items[-1]

    def _date(self, day: date) -> str:
        month = words()["month"][self._language][day.month - 1]
        return self._say("date", day=str(day.day), month=month)

    def _weekday(self, day: date) -> str:
        found: str = words()["weekday"][self._language][day.weekday()]
        return found

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone)

    def _forms(self, key: str) -> list[str]:
        found: list[str] = words()[key][self._language]
        return found

    def _say(self, key: str, **values: str) -> str:
        found: Any = words()
        for part in key.split("."):
            found = found[part]
        said: str = found[self._language]
        return said.format(**values)


def no_clock(language: Language) -> str:
    """Of a case for which no time limit is set."""
    said: str = words()["no_clock"][language]
    return said


def no_clock_yet(language: Language) -> str:
    """Of a case that was filed only just now."""
    said: str = words()["no_clock_yet"][language]
    return said


def _sum(stretches: Sequence[Stretch]) -> timedelta:
    return sum((one.length for one in stretches), timedelta(0))
