"""The files of a case: what its citizen sent, at first and later, and what was written down of it. Pure.

They are the citizen's words as much as his text is, so whoever may not read that sees none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.desk.core import rights
from services.kernel.domain.case import Case, Entry
from services.kernel.domain.media import Medium
from services.kernel.domain.people import Actor

FILED = 0
"""What stands for the filing where an entry of the history is named by its number."""


def ids(case: Case) -> tuple[str, ...]:
    """All files of the case, each once, in the order in which they came."""
    return tuple(dict.fromkeys(id_ for id_, _ in _sent(case)))


def sees(actor: Actor, case: Case) -> bool:
    """Whether this actor may see what the citizen sent. Asked of cases that he sees."""
    return not case.erased and rights.reads_personal(actor, case)


def is_of(known: Medium | None, case: Case) -> bool:
    """Whether what is known of a file allows that it is this case's: what was bound to another is not."""
    return known is not None and known.ticket in (None, case.ticket)


def items(case: Case, actor: Actor, known: Mapping[str, Medium]) -> list[dict[str, Any]]:
    """Each file as it is shown; nothing to those who may not see them. `known`: what the store knows."""
    if not sees(actor, case):
        return []
    shown: dict[str, dict[str, Any]] = {}
    for id_, entry in _sent(case):
        if id_ not in shown:
            one = known.get(id_)
            shown[id_] = _item(id_, entry, one if is_of(one, case) else None, case)
    return list(shown.values())


def _sent(case: Case) -> Iterator[tuple[str, int]]:
    """Every file with the entry by which it came. Notes name files that came before."""
    for id_ in case.media:
        yield id_, FILED
    for entry in case.history:
        if entry.action != "note":
            for id_ in _named(entry):
                yield id_, entry.n


def _named(entry: Entry) -> tuple[str, ...]:
    return tuple(entry.data.get("media") or ())


def _item(id_: str, entry: int, known: Medium | None, case: Case) -> dict[str, Any]:
    is_kept = known is not None and known.state == "kept"
    return {
        "id": id_,
        "entry": entry,
        "kind": known.kind if known else None,
        "voice": known.voice if known else False,
        "state": known.state if known else "missing",
        "reason": known.reason if known else None,
        "mime": known.mime if known else None,
        "size": known.size if known else None,
        "received_at": known.at if known else None,
        "path": f"/cases/{case.ticket}/media/{id_}" if is_kept else None,
        "words": _words(id_, case),
        "unwritten": id_ in case.unwritten,
    }


def _words(id_: str, case: Case) -> dict[str, Any] | None:
    """What was written down of it last."""
    for entry in reversed(case.history):
        if entry.action == "note" and entry.note and id_ in _named(entry):
            return {
                "text": entry.note,
                "entry": entry.n,
                "at": entry.at,
                "role": entry.role,
                "person": entry.person,
            }
    return None
