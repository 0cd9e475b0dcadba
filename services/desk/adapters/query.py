"""A list of the desk as a MongoDB query, in the shape that the compound indexes can serve.

The indexes begin with who sees a case (district, department, office, officer, block), then `case.open`,
then the order. So what an actor sees is an `$or` of such beginnings, and each branch carries the whole
of what the index needs; the planner then merges the branches in order instead of sorting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from services.desk.core.cursor import Position
from services.desk.core.filters import ALL, OPEN, Filters, Search
from services.desk.core.ports import Query
from services.desk.core.rights import finds_by_personal
from services.kernel.adapters.case_document import words
from services.kernel.domain.people import Actor, Scope

Match = dict[str, Any]
NOTHING: Match = {"_id": {"$in": []}}
ORDER = [("sla.deadline", 1), ("_id", 1)]

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_NARROWING = {
    "department": "case.department",
    "officer": "case.officer",
    "kind": "case.kind",
    "block": "case.place.block",
    "service": "case.service",
    "priority": "case.priority",
}


def match(query: Query, bounds: Match | None = None) -> Match:
    """Every case that the actor sees and asks for; `bounds` cuts out the part that a page shows."""
    ways = _ways(query.scope)
    if not ways:
        return NOTHING
    common = [
        *_filters(query.filters, query.now), *_recordings(query), *_search(query), bounds or {}
    ]
    if bounds is not None and query.filters.state == ALL:
        # says nothing, but lets the index merge its two halves in order instead of sorting
        common.append({"case.open": {"$in": [True, False]}})
    matches = [_all([way, *common]) for way in ways]
    return matches[0] if len(matches) == 1 else {"$or": matches}


def seen(scope: Scope) -> Match:
    """Every case that is seen within `scope`."""
    ways = _ways(scope)
    return {"$or": ways} if ways else NOTHING


def with_deadline(after: Position | None) -> Match | None:
    """The first part of the order: the nearest deadline first. None when the page begins after it."""
    if after is None:
        return {"sla.deadline": {"$gte": _EARLIEST}}
    if after.deadline is None:
        return None
    return {
        # the first bound lets the index begin there, the second takes out what was shown
        "sla.deadline": {"$gte": after.deadline},
        "$or": [
            {"sla.deadline": {"$gt": after.deadline}},
            {"sla.deadline": after.deadline, "_id": {"$gt": after.ticket}},
        ],
    }


def without_deadline(after: Position | None) -> Match:
    """The second part: cases whose clock is not armed, or has no limit to resolve."""
    if after is None or after.deadline is not None:
        return {"sla.deadline": None}
    return {"sla.deadline": None, "_id": {"$gt": after.ticket}}


def _ways(scope: Scope) -> list[Match]:
    """One match for each way in which a case may be seen; the rule itself is `people.Scope`."""
    openly = {"case.confidential": {"$ne": True}}
    ways: list[Match] = []
    if scope.district in scope.districts and scope.district in scope.confidential_districts:
        ways.append({})
    else:
        if scope.district in scope.districts:
            ways.append(openly)
        for name, ids, also in (
            ("case.officer", scope.officers, {}),
            ("case.department", scope.departments, {}),
            ("case.place.block", scope.blocks, {}),
            ("case.office", scope.offices, openly),
        ):
            ways.extend({name: one, **also} for one in sorted(ids))
    always: Match = {"case.district": scope.district}
    if scope.hidden_officers:
        always["case.named_official"] = {"$nin": sorted(scope.hidden_officers)}
    return [{**way, **always} for way in ways]


def _filters(filters: Filters, now: datetime) -> list[Match]:
    parts: list[Match] = []
    if filters.open is not None:
        parts.append({"case.open": filters.open})
    if filters.state not in (None, OPEN, ALL):
        parts.append({"case.state": filters.state})
    for name, path in _NARROWING.items():
        value = getattr(filters, name)
        if value is not None:
            parts.append({path: value})
    late = {"case.open": True, "sla.deadline": {"$lt": now}}
    if filters.overdue is not None:
        parts.append(late if filters.overdue else {"$nor": [late]})
    return parts


def _recordings(query: Query) -> list[Match]:
    unwritten = query.filters.unwritten
    if unwritten is None:
        return []
    if not finds_by_personal(query.actor):
        return [NOTHING]
    # the very condition of the index that has these cases alone
    return [{"case.unwritten": {"$exists": unwritten}}, _own(query.actor)]


def _own(actor: Actor) -> Match:
    """What is the citizen's own is found by an officer only where he may read it: in his own cases."""
    return {"case.officer": actor.id} if actor.role == "officer" else {}


def _search(query: Query) -> list[Match]:
    search = query.filters.search
    if search is None:
        return []
    persons: Match | None = None
    if finds_by_personal(query.actor):
        persons = {**_persons(search), **_own(query.actor)}
    if search.ticket is None:
        return [NOTHING if persons is None else persons]
    ticket: Match = {"_id": search.ticket}
    if persons is None or search.phone is None:
        return [ticket]
    return [{"$or": [ticket, persons]}]


def _persons(search: Search) -> Match:
    if search.phone is not None:
        return {"case.terms": search.phone.lstrip("+"), "case.phone": search.phone}
    found = [{"case.terms": {"$regex": f"^{re.escape(word)}"}} for word in words(search.text)]
    return found[0] if len(found) == 1 else {"$and": found}


def _all(parts: Iterable[Match]) -> Match:
    """The parts in one; what two parts say of the same field stands in an `$and`."""
    whole: Match = {}
    more: list[Match] = []
    for part in parts:
        for name, condition in part.items():
            if name not in whole:
                whole[name] = condition
            elif whole[name] != condition:
                more.append({name: condition})
    if more:
        whole["$and"] = [*whole.get("$and", ()), *more]
    return whole
