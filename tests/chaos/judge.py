"""The judgement, pure: what the crowd was promised against what is there. Every function names what is
wrong, one line a fault, and nothing where all is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.chaos.logbook import Deed, Logbook

CALL_SECONDS = 15.0
"""Longest call to a provider, so the longest time from a claim to a crash that leaves it open."""


def agree(what: str, wrong: Sequence[str]) -> None:
    """Nothing is wrong, or the first of it is told."""
    assert not wrong, f"{what}: {len(wrong)} are not so\n  " + "\n  ".join(wrong[:20])


def receipts(log: Logbook) -> list[str]:
    """Every key has exactly one ticket, and no ticket is two keys'."""
    wrong = [
        f"key {filing.key} has {sorted(filing.tickets) or 'no'} ticket"
        for filing in log.filings.values()
        if len(filing.tickets) != 1
    ]
    given = Counter(t for filing in log.filings.values() for t in filing.tickets)
    return wrong + [f"ticket {t} was given to {n} keys" for t, n in given.items() if n > 1]


def cases(log: Logbook, listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every ticket is exactly one case of the citizen who has it, and nothing else was filed for him.

    `listed`: the desk's lists, in all states, of all districts.
    """
    phones = {filing.phone for filing in log.filings.values()}
    mine = [row for row in listed if row["citizen"]["phone"] in phones]
    found = Counter((row["ticket"], row["citizen"]["phone"]) for row in mine)
    promised = {(t, filing.phone) for filing in log.filings.values() for t in filing.tickets}
    return [
        *(f"case {t} is listed {n} times" for (t, _), n in found.items() if n > 1),
        *(f"no case for ticket {t}" for t, _ in sorted(promised - set(found))),
        *(f"case {t} was promised to nobody" for t, _ in sorted(set(found) - promised)),
    ]


def history(entries: Sequence[Mapping[str, Any]], deeds: Iterable[Deed], ticket: str) -> list[str]:
    """In order, without gap or double, and each accepted act in it exactly once, at the version told."""
    wrong: list[str] = []
    numbers = [entry["n"] for entry in entries]
    if numbers != list(range(1, len(entries) + 1)):
        wrong.append(f"{ticket}: its history counts {numbers}")
    instants = [datetime.fromisoformat(entry["at"]) for entry in entries]
    if instants != sorted(instants):
        wrong.append(f"{ticket}: its history goes back in time")
    done = [deed for deed in deeds if deed.accepted]
    actions = [entry["action"] for entry in entries]
    if actions != ["assign", *(deed.action for deed in done)]:
        wrong.append(f"{ticket}: {actions}, accepted were {[deed.action for deed in done]}")
    for deed in done:
        at = {entry["n"] for entry in entries if entry["action"] == deed.action}
        if deed.versions and deed.versions != at:
            wrong.append(f"{ticket}: {deed.action} is {at}, told was {deed.versions}")
    return wrong


@dataclass(frozen=True, order=True)
class Told:
    """One message: of one event (`<room>/<n>` of the case) to one phone (its last ten digits)."""

    ticket: str
    event: str
    phone: str


@dataclass(frozen=True)
class Unknown:
    """A message that the line itself calls `unknown`, with why, and when its attempt was claimed."""

    told: Told
    reason: str | None
    claimed_at: datetime


def messages(
    expected: Collection[Told],
    sent: Mapping[Told, int],
    unknown: Sequence[Unknown],
    crashes: Sequence[datetime],
    collapsed: Collection[Told] = (),
    overtaken: Collection[tuple[str, str]] = (),
) -> list[str]:
    """Each message that is owed reached its phone once. One whose attempt a crash of notify left open may be
    missing: it is `unknown`, and never sent again; it too was sent at most once. And one that was
    `collapsed`, where its (ticket, event) was `overtaken` before it could be sent."""
    excused = {one.told for one in unknown} | set(collapsed)
    wanted = set(expected)
    return [
        *(f"sent {n} times: {told}" for told, n in sorted(sent.items()) if n > 1),
        *(f"owed to nobody: {told}" for told in sorted(set(sent) - wanted)),
        *(f"never sent: {told}" for told in sorted(wanted - set(sent) - excused)),
        *(f"collapsed, and sent: {told}" for told in sorted(set(collapsed) & set(sent))),
        *(
            f"collapsed, though it was news: {told}"
            for told in sorted(collapsed)
            if (told.ticket, told.event) not in overtaken
        ),
        *(
            f"unknown without a crash of notify ({one.reason}): {one.told}"
            for one in unknown
            if one.reason != "claim_lapsed" or not _in_a_crash(one.claimed_at, crashes)
        ),
    ]


def _in_a_crash(claimed_at: datetime, crashes: Sequence[datetime]) -> bool:
    longest = timedelta(seconds=CALL_SECONDS)
    return any(claimed_at <= at <= claimed_at + longest for at in crashes)
