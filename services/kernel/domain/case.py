"""A case as a value, and what an act makes of it. Pure: the store's document is made elsewhere.

`perform` is the one way in which a case changes after it was filed: it asks the lifecycle table, applies
the act and tells the fact that is to be announced. Whoever calls it has checked the ids it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.kernel.domain import lifecycle
from services.kernel.domain.causes import same_key
from services.kernel.domain.errors import Conflict, Invalid
from services.kernel.domain.people import Actor

Data = Mapping[str, Any]

MOST_ENTRIES = 500
"""How long a history may grow by acts that leave the case where it is, and with whom. MongoDB takes documents
of 16 MB, and a note of 4,000 letters of Devanagari has 12 kB: this many are 6 MB, which leaves room for the
outbox of the same document while Kafka is away, and for the acts that lead a case to its end."""


@dataclass(frozen=True)
class CasePlace:
    """Where it is. `village_text`, `landmark`, `lat` and `lng` are the citizen's own words and personal."""

    block: str | None = None
    village: str | None = None
    village_text: str | None = None
    landmark: str | None = None
    lat: float | None = None
    lng: float | None = None


@dataclass(frozen=True)
class Question:
    """The officer's latest question. `marked_at`: put by voice. Open while the state awaits the citizen."""

    n: int
    asked_at: datetime
    marked_at: datetime | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True)
class Entry:
    """A line of the history: the n-th event of room `case`, with the words that went with it."""

    n: int
    at: datetime
    action: str
    state: str
    role: str
    person: str | None = None
    cause: str | None = None
    note: str | None = None
    public: bool = False
    data: Data = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Room `case` of a case document. `cycle` counts filings and reopenings from 1. `unwritten`: recordings
    that the citizen sent and of which no note has written down yet what they say."""

    ticket: str
    district: str
    kind: str
    channel: str
    language: str
    priority: str
    filed_at: datetime
    updated_at: datetime
    directory_version: int
    state: str = "filed"
    service: str | None = None
    suggested: tuple[str, ...] = ()
    department: str | None = None
    office: str | None = None
    officer: str | None = None
    place: CasePlace = CasePlace()
    name: str | None = None
    phone: str | None = None
    on_behalf_of: str | None = None
    text: str | None = None
    media: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()
    erased: bool = False
    confidential: bool = False
    named_official: str | None = None
    dangers: tuple[str, ...] = ()
    cycle: int = 1
    question: Question | None = None
    proposal: str | None = None
    rejection: str | None = None
    parent: str | None = None
    rating: int | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    history: tuple[Entry, ...] = ()

    @property
    def open(self) -> bool:
        return lifecycle.is_open(self.state)

    def by_cause(self, cause: str) -> Entry | None:
        """The act that `cause` brought about before, if it did."""
        return next((entry for entry in self.history if entry.cause == cause), None)

    def by_key(self, cause: str) -> Entry | None:
        """What the same asker asked for before under the key of `cause`, this or something else."""
        return next((e for e in self.history if e.cause and same_key(e.cause, cause)), None)

    def has_room(self, action: str, state: str) -> bool:
        """Whether the history takes one more entry, of `action` that leads to `state`.

        Always for what moves the case, to another state or other people: a full history must not keep
        it from its end, nor with an officer who has left.
        """
        moves = state != self.state or action in _MOVES
        return moves or len(self.history) < MOST_ENTRIES


@dataclass(frozen=True)
class Act:
    """What somebody wants to do. `data` holds the fields that the lifecycle table names for the action.
    `via`: the channel in which a citizen does it, where that tells him himself what came of it. `recordings`:
    of the `media` that are attached, those that are sound or film."""

    action: str
    by: Actor
    cause: str | None = None
    note: str | None = None
    public: bool = False
    data: Data = field(default_factory=dict)
    via: str | None = None
    recordings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fact:
    """What is announced: the event's type and its fields beside ticket, district, instant and envelope."""

    type: str
    data: Data


def perform(case: Case, act: Act, *, n: int, at: datetime) -> tuple[Case, Fact]:
    """The case after `act` as the n-th event of its room, stamped `at`.

    Raises IllegalAction or Forbidden (the lifecycle says no), Invalid (a field is missing or wrong) and
    Conflict (the history is full; see `Case.has_room`).
    """
    transition = lifecycle.transition(act.action)
    state = lifecycle.step(
        case.state, act.action, act.by.role, proposal=case.proposal is not None
    )
    known = set(transition.needs) | set(transition.optional)
    for name in transition.needs:
        if act.data.get(name) is None:
            raise Invalid(f"{act.action} needs {name}", field=name)
    for name in act.data:
        if name not in known:
            raise Invalid(f"{act.action} takes no {name}", field=name)
    _check_recordings(act)
    if not case.has_room(act.action, state):
        raise Conflict(
            f"the history has {MOST_ENTRIES} entries: only what moves the case is taken",
            field="history",
        )
    effect = _EFFECTS.get(act.action)
    changes, told = effect(case, act.data, at) if effect is not None else ({}, dict(act.data))
    entry = Entry(
        n=n,
        at=at,
        action=act.action,
        state=state,
        role=act.by.role,
        person=act.by.id,
        cause=act.cause,
        note=act.note,
        public=act.public,
        data=told,
    )
    changes["unwritten"] = _unwritten(case, act)
    after = replace(
        case, **{"state": state, "updated_at": at, "history": (*case.history, entry), **changes}
    )
    by = {"role": act.by.role, "id": act.by.id}
    if state != "merged" and after.parent is not None:
        after = replace(after, parent=None)
    beside: dict[str, Any] = {"via": act.via} if act.via is not None else {}
    if act.recordings:
        beside["recordings"] = act.recordings
    return after, Fact(transition.event, {**told, **beside, "state": state, "by": by})


def _check_recordings(act: Act) -> None:
    if not act.recordings:
        return
    attached = act.data.get("media") or () if act.action == "attach" else ()
    if not set(act.recordings) <= set(attached):
        raise Invalid("recordings are some of the media that are attached", field="recordings")


def _unwritten(case: Case, act: Act) -> tuple[str, ...]:
    """The recordings that nobody has written down after `act`. Of an erased case nobody can hear any."""
    if case.erased:
        return ()
    if act.action == "note":
        named = act.data.get("media") or ()
        return tuple(one for one in case.unwritten if one not in named)
    if not act.recordings:
        return case.unwritten
    # what comes a second time may have been written down since the first
    notes = (entry for entry in case.history if entry.action == "note")
    written = {one for entry in notes for one in entry.data.get("media") or ()}
    new = (one for one in act.recordings if one not in written)
    return tuple(dict.fromkeys((*case.unwritten, *new)))


Effect = Callable[[Case, Data, datetime], tuple[dict[str, Any], dict[str, Any]]]
_PLACEMENT = ("service", "department", "office", "officer")
_MOVES = ("assign", "transfer", "take_over", "reopen")


def _place(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """Who works it from now on. Department and office stay where the act does not name them."""
    moved = {name: data[name] for name in _PLACEMENT if name in data}
    if moved.get("department", case.department) != case.department:
        # nobody of the old department keeps a case that went to another
        moved = {"office": None, "officer": None, **moved}
    moved["proposal"] = None  # a proposal was for the head who was above it then
    told = {
        "department": moved.get("department", case.department),
        "office": moved.get("office", case.office),
        "service": moved.get("service", case.service),
        "directory_version": case.directory_version,
        "reason": "",
        **{name: value for name, value in data.items() if value is not None},
    }
    return moved, told


def _reopen(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    kept = {} if data.get("department", case.department) != case.department else {"officer": case.officer}
    moved, told = _place(case, {**kept, **data}, at)
    changes = {
        **moved,
        "cycle": case.cycle + 1,
        "resolved_at": None,
        "closed_at": None,
        "rejection": None,
        "proposal": None,
        "parent": None,
    }
    return changes, {**told, "cycle": case.cycle + 1}


def _triage(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    return {}, {"suggested": case.suggested, **data}


def _ask(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    number = case.question.n + 1 if case.question else 1
    return {"question": Question(number, asked_at=at)}, {"question": number}


def _mark(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    if case.question is None:
        raise Invalid("no question was asked", field="question")
    return {"question": replace(case.question, marked_at=at)}, {"question": case.question.n}


def _answer(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    if case.question is None:
        return {}, {}
    return {"question": replace(case.question, answered_at=at)}, {"question": case.question.n}


def _change_service(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    changes = {name: data[name] for name in ("service", "department", "priority") if data.get(name)}
    told = {"department": case.department, **changes}
    return changes, told


def _resolve(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"resolved_at": at, "proposal": None}, dict(data)


def _close(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"closed_at": at, "proposal": None}, dict(data)


def _propose(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    if data["reason"] not in lifecycle.REJECTION_REASONS:
        raise Invalid("reason is not in the list of reasons", field="reason")
    return {"proposal": data["reason"]}, dict(data)


def _refuse(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"proposal": None}, {}


def _reject(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    reason = case.proposal or data.get("reason")
    if reason not in lifecycle.REJECTION_REASONS:
        raise Invalid("reason is not in the list of reasons", field="reason")
    return {"closed_at": at, "proposal": None, "rejection": reason}, {"reason": reason}


def _merge(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    if data["parent"] == case.ticket:
        raise Invalid("a case cannot be merged into itself", field="parent")
    return {"parent": data["parent"], "proposal": None}, dict(data)


def _unmerge(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"parent": None}, {"parent": case.parent}


def _rate(case: Case, data: Data, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    rating = data["rating"]
    if isinstance(rating, bool) or not isinstance(rating, int) or not 1 <= rating <= 5:
        raise Invalid("a rating is a whole number from 1 to 5", field="rating")
    return {"rating": rating}, {"rating": rating}


_EFFECTS: Mapping[str, Effect] = {
    "triage": _triage,
    "assign": _place,
    "transfer": _place,
    "take_over": _place,
    "reopen": _reopen,
    "ask_citizen": _ask,
    "mark_asked": _mark,
    "answer": _answer,
    "change_service": _change_service,
    "resolve": _resolve,
    "confirm": _close,
    "close": _close,
    "withdraw": _close,
    "propose_rejection": _propose,
    "refuse_rejection": _refuse,
    "reject": _reject,
    "merge": _merge,
    "unmerge": _unmerge,
    "rate": _rate,
}
