"""Where a case stands for its citizen, whatever the channel in which he asks: what he may read of it, what he
may do with it now, and who works it when he opens it again. Pure; `cases.py` reads the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.kernel.domain import duty, lifecycle
from services.kernel.domain.case import Case, Entry
from services.kernel.domain.directory import District, Language, Text
from services.kernel.domain.reasons import reasons

RECEIVED = "received"
"""The state of a case that has a receipt and that routing has not seen yet."""
ACTS = frozenset({"confirm", "reopen", "answer", "attach", "remind", "withdraw", "rate"})
"""What citizens are offered, where the lifecycle lets them. Detaching a merged case is not: who is not
satisfied with what became of it opens his own again."""
_TO_THE_CITIZEN = ("ask_citizen", "reply")


@dataclass(frozen=True)
class Followed:
    """What is known of a ticket: its receipt and, once it was routed, its case and the clock's word.

    `paused_until`: a question stops the clock, until then at the latest; `closes_at`: when a resolved case is
    closed by rule, if the citizen says nothing.
    """

    ticket: str
    district: str
    kind: str
    filed_at: datetime
    case: Case | None = None
    deadline: datetime | None = None
    paused_until: datetime | None = None
    closes_at: datetime | None = None

    @property
    def state(self) -> str:
        """The case's, or RECEIVED."""
        return self.case.state if self.case is not None else RECEIVED


def can(followed: Followed, directory: District, now: datetime) -> frozenset[str]:
    """Which of ACTS the citizen may do now: as the lifecycle says, and reopening within the district's
    window, which the lifecycle does not know. Nothing before the case is routed."""
    case = followed.case
    if case is None:
        return frozenset()
    allowed = ACTS.intersection(lifecycle.allowed(case.state, "citizen"))
    if case.state in lifecycle.END_STATES:
        window = timedelta(days=directory.reopen_days)
        if case.closed_at is None or now > case.closed_at + window:
            allowed -= {"reopen"}
    return allowed


def question(followed: Followed, language: Language) -> str | None:
    """What the citizen is asked, while it is open."""
    return _said(followed.case, "awaiting_citizen", "ask_citizen", language)


def resolution(followed: Followed, language: Language) -> str | None:
    """What the office says that it did, until he has said what he thinks of it."""
    return _said(followed.case, "resolved", "resolve", language)


def _said(case: Case | None, state: str, action: str, language: Language) -> str | None:
    """The words that brought a case into the state it is in, if they are the citizen's to read."""
    if case is None or case.state != state:
        return None
    last = next((entry for entry in reversed(case.history) if entry.action == action), None)
    return note(last, language) if last else None


def note(entry: Entry, language: Language) -> str | None:
    """The words of an entry that are the citizen's to read: his own, those to him, public ones."""
    if entry.action == "reject":
        reason = reasons().get(entry.data.get("reason") or "")
        return reason[language] if reason else None
    own = entry.role in ("citizen", "operator") and lifecycle.transition(entry.action).citizen_words
    return entry.note if own or entry.public or entry.action in _TO_THE_CITIZEN else None


def placement(followed: Followed, directory: District, now: datetime, sentence: Text) -> dict[str, Any]:
    """The data of reopening: who works it again, for who had it may have left since. Empty while it is not
    routed. `sentence` tells the office, with the officer's name for {to}."""
    case = followed.case
    if case is None:
        return {}
    day = now.astimezone(ZoneInfo(directory.zone)).date()
    officer = duty.in_turn(duty.successors(case, directory, day), case.ticket)
    placed = duty.placement(case, officer, directory)
    if officer is None:
        return placed
    return {
        **placed,
        "reason": sentence.en.format(to=officer.name.en),
        "reason_hi": sentence.hi.format(to=officer.name.hi),
    }
