"""Where a case stands, for the citizen who has its link: plain words, no officer's name or number. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.intake.following import RECEIVED, Followed, can, note, question, resolution
from services.intake.web.texts import Texts
from services.kernel.domain import tickets
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District, Language

__all__ = ["OFFERED", "Line", "Name", "Status", "see"]

_STEPS = {
    RECEIVED: 0, "filed": 0, "triage": 0, "assigned": 1, "acknowledged": 1, "merged": 1,
    "in_progress": 2, "awaiting_citizen": 2, "resolved": 3, "closed": 3,
}  # fmt: skip
OFFERED = frozenset({"confirm", "reopen", "answer"})
"""What the page has forms for, of all that the citizen may do."""
_ONLY_WITH_WORDS = ("note", "attach")


@dataclass(frozen=True)
class Name:
    id: str
    name: str


@dataclass(frozen=True)
class Line:
    at: datetime
    at_text: str
    text: str
    note: str | None = None


@dataclass(frozen=True)
class Status:
    """`groups`: the ticket's digits as they are read aloud. `can`: what the citizen may do now.

    `question`: what he is asked; `resolution`: what the office says that it did; while it matters.
    """

    ticket: str
    number: str
    code: str
    groups: tuple[str, ...]
    kind: str
    state: str
    state_text: str
    step: int | None
    filed_at: datetime
    filed_text: str
    service: Name | None
    block: Name | None
    village: str | None
    place_text: str | None
    deadline: datetime | None
    deadline_text: str | None
    overdue: bool
    paused: bool
    closes_at: datetime | None
    closes_text: str | None
    question: str | None
    resolution: str | None
    lines: tuple[Line, ...]
    can: frozenset[str]

    @property
    def spoken(self) -> str:
        """For a screen reader, which would read the digits as one large number."""
        return ", ".join([self.code, *(" ".join(group) for group in self.groups)])


def see(
    followed: Followed, directory: District, texts: Texts, language: Language, now: datetime
) -> Status:
    case = followed.case
    state = followed.state
    ticket = followed.ticket
    zone = directory.zone
    deadline = followed.deadline if case and case.open else None
    closes = followed.closes_at if state == "resolved" else None
    paused = followed.paused_until if state == "awaiting_citizen" else None
    service, block, village, place = _where(case, directory, language)
    return Status(
        ticket=ticket,
        number=tickets.show(directory.code, ticket),
        code=directory.code,
        groups=(ticket[:2], ticket[2:6], ticket[6:]),
        kind=followed.kind,
        state=state,
        state_text=texts.say(f"state.{state}", language),
        step=_STEPS.get(state),
        filed_at=followed.filed_at,
        filed_text=texts.instant(followed.filed_at, zone, language),
        service=service,
        block=block,
        village=village,
        place_text=place,
        deadline=deadline,
        deadline_text=texts.instant(deadline, zone, language) if deadline else None,
        overdue=deadline is not None and now > deadline,
        paused=paused is not None and now < paused,
        closes_at=closes,
        closes_text=texts.instant(closes, zone, language) if closes else None,
        question=question(followed, language),
        resolution=resolution(followed, language),
        lines=_lines(followed, directory, texts, language),
        can=can(followed, directory, now) & OFFERED,
    )


def _where(
    case: Case | None, directory: District, language: Language
) -> tuple[Name | None, Name | None, str | None, str | None]:
    if case is None:
        return None, None, None, None
    service = directory.service_by_id.get(case.service or "")
    block = directory.block_by_id.get(case.place.block or "")
    villages = block.villages if block else ()
    known = next((v for v in villages if v.id == case.place.village), None)
    village = known.name.say(language) if known else case.place.village_text
    parts = [part for part in (village, block.name.say(language) if block else None) if part]
    return (
        Name(service.id, service.name.say(language)) if service else None,
        Name(block.id, block.name.say(language)) if block else None,
        village,
        ", ".join(parts) or None,
    )


def _lines(
    followed: Followed, directory: District, texts: Texts, language: Language
) -> tuple[Line, ...]:
    def line(at: datetime, text: str, words: str | None = None) -> Line:
        return Line(at, texts.instant(at, directory.zone, language), text, words)

    lines = [line(followed.filed_at, texts.say("line.filed", language))]
    for entry in followed.case.history if followed.case else ():
        words = note(entry, language)
        if f"line.{entry.action}" not in texts or (entry.action in _ONLY_WITH_WORDS and not words):
            continue
        office = directory.office_by_id.get(entry.data.get("office") or "")
        key = f"line.{entry.action}"
        text = (
            texts.say(f"{key}.office", language, office=office.name.say(language))
            if office and f"{key}.office" in texts
            else texts.say(key, language)
        )
        lines.append(line(entry.at, text, words))
    return tuple(lines)
