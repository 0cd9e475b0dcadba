"""A clock that was worked out again, row by row against the living one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.cli.replay.lives import Life, rows_of

MOST_SHOWN = 20
_BESIDE = frozenset({"n", "seen", "outbox", "unsent_since", "waiting"})
"""What the room has beside the clock's fields."""


@dataclass
class Comparison:
    """`differing` counts cases; `lines` shows the first of them. `behind`: the living clock has not followed
    or said all yet."""

    cases: int = 0
    events: int = 0
    behind: int = 0
    differing: int = 0
    lines: list[str] = field(default_factory=list)

    def differs(self, ticket: str, what: list[str]) -> None:
        self.differing += 1
        if len(self.lines) < MOST_SHOWN:
            self.lines += [f"{ticket}: {one}" for one in what[:4]]

    def events_of(self, life: Life) -> None:
        """What the living clock has announced against what it must have."""
        self.cases += 1
        self.events += len(life.announced)
        found = different_rows(rows_of(life.recorded), rows_of(life.announced))
        if found:
            self.differs(life.ticket, found)

    def fields_of(
        self, ticket: str, living: Mapping[str, Any] | None, replayed: Mapping[str, Any]
    ) -> None:
        """The living room as it is stored against the fields that it must have."""
        if living is None or behind(living):
            self.behind += 1
            return
        room = living["sla"]
        found = [
            f"{name}: lived {room.get(name)!r}, replayed {replayed.get(name)!r}"
            for name in sorted(room.keys() | replayed.keys())
            if name not in _BESIDE and room.get(name) != replayed.get(name)
        ]
        if found:
            self.differs(ticket, found)


def behind(document: Mapping[str, Any]) -> bool:
    """Whether the living clock has yet to follow something that was announced."""
    room = document.get("sla") or {}
    if "filed_at" not in room or "waiting" in room:
        return True
    return any(
        (document.get(other) or {}).get("n", 0) != room["seen"].get(other, 0)
        for other in ("case", "notices")
    )


def different_rows(lived: list[dict[str, Any]], replayed: list[dict[str, Any]]) -> list[str]:
    """The first rows that are not the same, one by one."""
    found: list[str] = []
    for n in range(max(len(lived), len(replayed))):
        a = lived[n] if n < len(lived) else None
        b = replayed[n] if n < len(replayed) else None
        if a != b:
            found.append(f"row {n + 1}: lived {_short(a)}, replayed {_short(b)}")
    return found


def _short(row: dict[str, Any] | None) -> str:
    if row is None:
        return "nothing"
    kept = {k: v for k, v in row.items() if v is not None and k not in ("type", "at")}
    return f"{row['type']} at {row['at'].isoformat()} {kept}"
