"""Room `case` of the case document, to and from the value that the domain knows.

Beside the fields of `Case` the room holds `open` (for the indexes) and `terms` (what a search by words
finds: name, village, phone), and, as every room, `n`, `seen` and `outbox`, which are not the case's.
`unwritten` is there only where a recording waits to be written down, so that its index is small.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.domain.case import Case, CasePlace, Entry, Question

Fields = Mapping[str, Any]
_CASE = tuple(f.name for f in fields(Case) if f.name != "ticket")
_ENTRY = tuple(f.name for f in fields(Entry))
_PLACE = tuple(f.name for f in fields(CasePlace))
_QUESTION = tuple(f.name for f in fields(Question))
_OWN = {"history", "place", "question", "suggested", "dangers", "media", "unwritten"}
_PLAIN = tuple(name for name in _CASE if name not in _OWN)

MOST_TERMS = 16

INDEXES = [
    # the lists of the desk: who sees them comes first, then what they are sorted by
    # what follows `_id` is there for the clock's figures: they are counted without reading a document
    mongo.IndexModel(
        [
            ("case.district", 1),
            ("case.open", 1),
            ("sla.deadline", 1),
            ("_id", 1),
            ("sla.bucket", 1),
            ("case.department", 1),
            ("sla.calendar", 1),
        ]
    ),
    mongo.IndexModel([("case.department", 1), ("case.open", 1), ("sla.deadline", 1), ("_id", 1)]),
    mongo.IndexModel([("case.officer", 1), ("case.open", 1), ("sla.deadline", 1), ("_id", 1)]),
    mongo.IndexModel([("case.office", 1), ("case.open", 1), ("sla.deadline", 1), ("_id", 1)]),
    mongo.IndexModel([("case.place.block", 1), ("case.open", 1), ("sla.deadline", 1), ("_id", 1)]),
    mongo.IndexModel([("case.terms", 1)]),
    # the cases with recordings that nobody has written down: few, in the order of the lists
    mongo.IndexModel(
        [("case.district", 1), ("case.open", 1), ("sla.deadline", 1), ("_id", 1)],
        name="unwritten",
        partialFilterExpression={"case.unwritten": {"$exists": True}},
    ),
    # the cases that were merged into one
    mongo.IndexModel(
        [("case.parent", 1)], partialFilterExpression={"case.parent": {"$type": "string"}}
    ),
    # a citizen's own cases by his number, the newest first
    mongo.IndexModel(
        [("case.phone", 1), ("case.filed_at", -1)],
        partialFilterExpression={"case.phone": {"$type": "string"}},
    ),
    mongo.IndexModel([("case.unsent_since", 1)], sparse=True),
    mongo.IndexModel([("sla.unsent_since", 1)], sparse=True),
    mongo.IndexModel([("sla.paused_until", 1)], sparse=True),
    # the clocks that are on an older version of the directory and still matter: not ended, or of late
    mongo.IndexModel(
        [("sla.district", 1), ("sla.ended_at", 1), ("sla.directory_version", 1)]
    ),
    mongo.IndexModel([("notices.unsent_since", 1)], sparse=True),
    # the instant first: one process with all buckets walks it in due order without sorting
    mongo.IndexModel(
        [("sla.next_at", 1), ("sla.bucket", 1)],
        partialFilterExpression={"sla.next_at": {"$exists": True}},
    ),
]


def to_fields(case: Case) -> dict[str, Any]:
    """The room's fields for storing."""
    stored: dict[str, Any] = {name: getattr(case, name) for name in _PLAIN}
    stored["place"] = {name: getattr(case.place, name) for name in _PLACE}
    stored["question"] = (
        {name: getattr(case.question, name) for name in _QUESTION} if case.question else None
    )
    stored["suggested"] = list(case.suggested)
    stored["dangers"] = list(case.dangers)
    stored["media"] = list(case.media)
    if case.unwritten:
        stored["unwritten"] = list(case.unwritten)
    stored["history"] = [to_entry(entry) for entry in case.history]
    stored["open"] = case.open
    stored["terms"] = terms(case)
    return stored


def to_entry(entry: Entry) -> dict[str, Any]:
    stored = {name: getattr(entry, name) for name in _ENTRY}
    stored["data"] = {k: list(v) if isinstance(v, tuple) else v for k, v in entry.data.items()}
    return stored


def from_fields(ticket: str, stored: Fields) -> Case:
    """Raises KeyError where a field that every case has is missing."""
    values = {name: stored[name] for name in _PLAIN if name in stored}
    question = stored.get("question")
    return Case(
        ticket=ticket,
        place=CasePlace(**{name: stored["place"].get(name) for name in _PLACE}),
        question=Question(**question) if question else None,
        suggested=tuple(stored.get("suggested", ())),
        dangers=tuple(stored.get("dangers", ())),
        media=tuple(stored.get("media", ())),
        unwritten=tuple(stored.get("unwritten", ())),
        history=tuple(
            Entry(**{name: entry.get(name) for name in _ENTRY}) for entry in stored["history"]
        ),
        **values,
    )


def words(text: str) -> list[str]:
    """Search words of a text: letters and digits of any script, folded."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in folded).split()


def terms(case: Case) -> list[str]:
    """What a search by words finds the case by: name, village, phone."""
    texts = (case.name, case.on_behalf_of, case.place.village, case.place.village_text, case.phone)
    found = [word for text in texts if text for word in words(text)]
    return list(dict.fromkeys(found))[:MOST_TERMS]
