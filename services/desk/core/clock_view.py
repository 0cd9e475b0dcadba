"""A case's clock as the desk shows it: limits, stretches and sentences as plain values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import LANGUAGES, Language, Officer
from services.kernel.domain.errors import Invalid
from services.kernel.domain.explain import Account, Explanation, Stretch
from services.kernel.domain.explain_words import Sentences, no_clock, no_clock_yet

AHEAD = timedelta(days=366)
"""So far ahead a clock is told of: its stretches are many, and nobody knows what will happen."""
_MICROSECOND = timedelta(microseconds=1)
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


@dataclass(frozen=True)
class Clock:
    """What is known of a case's clock as of an instant. `calendar`: the one that counts for it."""

    explanation: Explanation
    calendar: WorkingCalendar
    policy: str | None
    directory_version: int
    cycle: int


def read_at(written: str | None, now: datetime) -> datetime:
    """The instant that is asked for; `now` where none is. Raises Invalid."""
    if written is None:
        return now
    try:
        # what RFC 3339 has as date-time, and no other of the forms that Python reads
        at = datetime.fromisoformat(written.upper() if _INSTANT.fullmatch(written) else "")
    except ValueError:
        raise Invalid("is no instant such as 2026-03-02T18:00:00+05:30", field="at") from None
    if at.year < 2000:
        raise Invalid("is before the year 2000", field="at")
    if at.year > 9000 or at > now + AHEAD:
        raise Invalid("is more than a year ahead", field="at")
    return at.astimezone(UTC)


def whole(ticket: str, clock: Clock | None, at: datetime) -> dict[str, Any]:
    """Lengths in seconds; a whole number unless milliseconds are left over."""
    if clock is None:
        return {
            "ticket": ticket,
            "at": at,
            "state": "no_clock",
            "paused": False,
            "paused_until": None,
            "lapses_at": None,
            "policy": None,
            "calendar": None,
            "directory_version": None,
            "cycle": None,
            "targets": [],
            "sentence": {language: no_clock_yet(language) for language in LANGUAGES},
        }
    found = clock.explanation
    said = {language: Sentences(language, clock.calendar) for language in LANGUAGES}
    return {
        "ticket": ticket,
        "at": at,
        "state": _state(found),
        "paused": found.paused_until is not None,
        "paused_until": found.paused_until,
        "lapses_at": found.lapses_at,
        "policy": clock.policy,
        "calendar": found.calendar,
        "directory_version": clock.directory_version,
        "cycle": clock.cycle,
        "targets": [
            {
                **_account(account),
                "sentence": {
                    language: sentences.of(found, account) for language, sentences in said.items()
                },
            }
            for account in found.accounts
        ],
        "sentence": {language: summary(clock, language) for language in LANGUAGES},
    }


def rows(
    clock: Clock | None, language: Language, officers: Mapping[str, Officer]
) -> list[dict[str, Any]]:
    """Each limit for a page: its sentence, and its stretches with their words."""
    if clock is None:
        return []
    sentences = Sentences(language, clock.calendar, _names(clock, language, officers))
    return [
        {
            "target": account.target,
            "state": account.state,
            "sentence": sentences.of(clock.explanation, account),
            "stretches": [
                {
                    "from": sentences.instant(stretch.start, account.at),
                    "to": sentences.instant(stretch.end, account.at),
                    "what": sentences.stretch(stretch),
                    "length": sentences.length(stretch.length),
                    "kind": stretch.kind,
                }
                for stretch in account.stretches
            ],
        }
        for account in clock.explanation.accounts
    ]


def summary(clock: Clock | None, language: Language) -> str | None:
    """What is to be said of the whole clock: that there is none, or when the case counts as settled."""
    if clock is None:
        return no_clock_yet(language)
    if clock.explanation.calendar is None:
        return no_clock(language)
    return Sentences(language, clock.calendar).lapse(clock.explanation)


def _names(
    clock: Clock, language: Language, officers: Mapping[str, Officer]
) -> dict[str, str]:
    """Of those who stopped the clock; one whom the directory has no more stays an id."""
    stretches = (one for account in clock.explanation.accounts for one in account.stretches)
    ids = {one.pause.by for one in stretches if one.pause is not None and one.pause.by}
    return {id_: officers[id_].name.say(language) for id_ in ids if id_ in officers}


def _state(found: Explanation) -> str:
    if found.ended_at is not None:
        return "ended"
    if found.calendar is None:
        return "no_clock"
    if found.resting:
        return "resolved"
    return "paused" if found.paused_until is not None else "running"


def _account(account: Account) -> dict[str, Any]:
    return {
        "target": account.target,
        "state": account.state,
        "allowed": _seconds(account.allowed),
        "burnt": _seconds(account.burnt),
        "left": _seconds(account.left),
        "working_seconds": account.allowance.working_seconds,
        "calendar_days": account.allowance.calendar_days,
        "started_at": account.started_at,
        "until": account.until,
        "due_at": account.due_at,
        "warn_at": account.warn_at,
        "warned_at": account.warned_at,
        "met_at": account.met_at,
        "breached_at": account.breached_at,
        "repeats": account.repeats,
        "segments": [_stretch(stretch) for stretch in account.stretches],
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
    pause = stretch.pause
    return {
        "from": stretch.start,
        "to": stretch.end,
        "kind": stretch.kind,
        "seconds": _seconds(stretch.length),
        "name": {"hi": stretch.name.hi, "en": stretch.name.en} if stretch.name else None,
        "by": pause.by if pause else None,
        "why": pause.why if pause else None,
        "question": pause.question if pause else None,
        "how": pause.how if pause else None,
    }


def _seconds(span: timedelta) -> int | float:
    ticks = span // _MICROSECOND
    return ticks // 1_000_000 if ticks % 1_000_000 == 0 else ticks / 1_000_000
