"""A case as the desk shows it: plain values for JSON and pages, without what may not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.desk.core import media as files
from services.desk.core import rights
from services.kernel.domain import phones, tickets
from services.kernel.domain.case import Case, Entry
from services.kernel.domain.directory import District, Text
from services.kernel.domain.people import Actor

_TARGET_FIELDS = (
    "due_at",
    "warn_at",
    "met_at",
    "warned_at",
    "breached_at",
    "working_seconds",
    "calendar_days",
)
_WORDS_OF_A_CITIZEN = ("village_text", "landmark", "lat", "lng")


@dataclass(frozen=True)
class Row:
    """A case as it was read, with its version and room `sla` (empty while no clock is armed)."""

    case: Case
    n: int
    sla: Mapping[str, Any]

    @property
    def deadline(self) -> datetime | None:
        """When it must be resolved; also of a case that has ended, for which nothing is owed."""
        found: datetime | None = self.sla.get("deadline")
        return found

    def overdue(self, now: datetime) -> bool:
        """Whether an answer is owed whose time is over; at the due instant it is in time."""
        return self.case.open and self.deadline is not None and self.deadline < now


def short(row: Row, actor: Actor, directory: District, now: datetime) -> dict[str, Any]:
    """A case in a list."""
    case = row.case
    return {
        "ticket": case.ticket,
        "number": tickets.show(directory.code, case.ticket),
        "version": row.n,
        "state": case.state,
        "kind": case.kind,
        "channel": case.channel,
        "priority": case.priority,
        "service": case.service,
        "department": case.department,
        "office": case.office,
        "officer": case.officer,
        "place": {"block": case.place.block, "village": case.place.village},
        "citizen": citizen(case, actor),
        "filed_at": case.filed_at,
        "updated_at": case.updated_at,
        "deadline": row.deadline,
        "overdue": row.overdue(now),
        "unwritten": len(case.unwritten) if files.sees(actor, case) else None,
        "confidential": case.confidential,
        "names": names(case, directory),
    }


def whole(
    row: Row,
    actor: Actor,
    directory: District,
    now: datetime,
    media: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """All of a case that this actor may read. Asked of cases that he sees. `media`: its files, for him."""
    case = row.case
    personal = rights.reads_personal(actor, case)
    place = {"block": case.place.block, "village": case.place.village}
    for name in _WORDS_OF_A_CITIZEN:
        place[name] = getattr(case.place, name) if personal else None
    people = {e.person for e in case.history} | {case.officer, case.named_official}
    return {
        **short(row, actor, directory, now),
        "language": case.language,
        "place": place,
        "text": case.text if personal else None,
        "media": list(media),
        "cycle": case.cycle,
        "question": _question(case),
        "proposal": case.proposal,
        "rejection": case.rejection,
        "parent": case.parent,
        "rating": case.rating,
        "resolved_at": case.resolved_at,
        "closed_at": case.closed_at,
        "named_official": case.named_official,
        "dangers": list(case.dangers),
        "suggested": list(case.suggested),
        "erased": case.erased,
        "directory_version": case.directory_version,
        "history": [_entry(entry, personal, files.sees(actor, case)) for entry in case.history],
        "sla": _sla(row),
        "allowed": list(rights.allowed(actor, case, directory)),
        "people": {
            officer.id: _text(officer.name)
            for officer in directory.officers
            if officer.id in people
        },
    }


def citizen(case: Case, actor: Actor) -> dict[str, Any]:
    """Name and phone for those who need them; for the others the phone's last digits only."""
    if rights.reads_personal(actor, case):
        return {"name": case.name, "phone": case.phone, "on_behalf_of": case.on_behalf_of}
    masked = phones.mask(case.phone) if case.phone else None
    return {"name": None, "phone": masked, "on_behalf_of": None}


def names(case: Case, directory: District) -> dict[str, Any]:
    """The names of the ids in the case, in both languages; None where there is no id.

    What the newest directory no longer has is told by its id.
    """
    block = directory.block_by_id.get(case.place.block or "")
    villages = {v.id: v for v in block.villages} if block is not None else {}
    found: Mapping[str, tuple[str | None, Mapping[str, Any]]] = {
        "service": (case.service, directory.service_by_id),
        "department": (case.department, directory.department_by_id),
        "office": (case.office, directory.office_by_id),
        "officer": (case.officer, directory.officer_by_id),
        "block": (case.place.block, directory.block_by_id),
        "village": (case.place.village, villages),
    }
    return {
        field: None if id_ is None else _text(there[id_].name) if id_ in there else _id(id_)
        for field, (id_, there) in found.items()
    }


def _text(text: Text) -> dict[str, str]:
    return {"hi": text.hi, "en": text.en}


def _id(id_: str) -> dict[str, str]:
    return {"hi": id_, "en": id_}


def _question(case: Case) -> dict[str, Any] | None:
    question = case.question
    if question is None:
        return None
    return {
        "n": question.n,
        "asked_at": question.asked_at,
        "marked_at": question.marked_at,
        "answered_at": question.answered_at,
    }


def _entry(entry: Entry, personal: bool, sees_files: bool) -> dict[str, Any]:
    """Files are named only to who sees them: a note that names one tells that it is a recording."""
    return {
        "n": entry.n,
        "at": entry.at,
        "action": entry.action,
        "state": entry.state,
        "role": entry.role,
        "person": entry.person,
        "note": entry.note if personal else None,
        "public": entry.public,
        "data": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in entry.data.items()
            if sees_files or name != "media"
        },
    }


def _sla(row: Row) -> dict[str, Any] | None:
    """The clock, where one is armed; a service without time limits has none."""
    if not row.sla:
        return None
    targets = row.sla.get("targets") or {}
    return {
        "deadline": row.deadline,
        "policy": row.sla.get("policy"),
        "calendar": row.sla.get("calendar"),
        "directory_version": row.sla.get("directory_version"),
        "paused_until": row.sla.get("paused_until"),
        "lapses_at": row.sla.get("lapses_at"),
        "targets": {
            name: {field: target.get(field) for field in _TARGET_FIELDS}
            for name, target in targets.items()
        },
    }
