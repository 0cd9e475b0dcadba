"""A clock that was worked out again, row by row against the living one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from services.cli.replay.lives import Life, rows_of
from services.kernel.adapters.recalculation import UNMOVED
from services.kernel.contracts.events import (
    SlaBreached,
    SlaEscalated,
    SlaLapsed,
    SlaRecalculated,
    SlaWarned,
)
from services.sla.adapters.room import announced_in
from services.sla.core.catching_up import ROOMS

Row = Mapping[str, Any]
Standing = Literal["level", "behind", "gone on"]
MOST_SHOWN = 10
"""Of how many cases the first differences are shown."""
MOST_OF_A_CASE = 4
_BESIDE = frozenset({"n", "seen", "outbox", "unsent_since", "waiting", UNMOVED})
"""What the room has beside the clock's fields."""
_CALLED = {
    SlaWarned.TYPE: "warnings",
    SlaBreached.TYPE: "breaches",
    SlaEscalated.TYPE: "escalations",
    SlaLapsed.TYPE: "lapses",
    SlaRecalculated.TYPE: "recalculations",
}


@dataclass
class Comparison:
    """Counts cases. `behind`: the living clock has yet to follow or to say something; what it has said is the
    beginning of what it must say. `gone_on`: more has happened since, so only what it had said was compared,
    and is the same. `rows`: of all that are the same, by kind. `lines` shows the first differences."""

    cases: int = 0
    differing: int = 0
    behind: int = 0
    gone_on: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def take(self, life: Life, living: Mapping[str, Any] | None, replayed: Row) -> None:
        """`living`: the stored case with room `sla` and the numbers of the others; None: not stored.
        `replayed`: the fields that its room `sla` must have."""
        self.cases += 1
        room: Row = (living or {}).get("sla") or {}
        now = standing(life, living)
        lived, due = rows_of(life.recorded), rows_of(life.hindsight)
        if now == "behind" or room["n"] > life.said:  # or said, and not in the topic when it was read
            due = due[: len(lived)]
        found = list(_different_rows(lived, due))
        if not found and now == "level":
            kept = {name: value for name, value in room.items() if name not in _BESIDE}
            found = list(different("", kept, replayed))
        if found:
            self._differs(life.ticket, found)
        elif now == "behind":
            self.behind += 1
        else:
            self.gone_on += now == "gone on"
            self.rows["targets"] += len(life.timer.targets)
            self.rows["pauses"] += sum(q.pause is not None for q in life.timer.questions)
            self.rows.update(_CALLED[str(row["type"])] for row in lived)

    def _differs(self, ticket: str, found: Sequence[str]) -> None:
        self.differing += 1
        if self.differing <= MOST_SHOWN:
            self.lines += [f"{ticket}: {line}" for line in found[:MOST_OF_A_CASE]]


def standing(life: Life, living: Mapping[str, Any] | None) -> Standing:
    """How far the living clock is, against the one that was worked out again."""
    room: Row = (living or {}).get("sla") or {}
    if living is None or "filed_at" not in room or "waiting" in room:
        return "behind"
    seen = {name: room["seen"].get(name, 0) for name in ROOMS}
    announced = announced_in(living)
    heard = life.heard or {}
    if any(seen[name] < max(announced[name], heard.get(name, 0)) for name in ROOMS):
        return "behind"
    next_at, last_fired = room.get("next_at"), room.get("last_fired")
    if next_at is not None and next_at < life.until:
        return "behind"
    fired_since = last_fired is not None and last_fired >= life.until
    if seen != life.heard or fired_since or room["n"] > life.said:
        return "gone on"
    return "level"


def different(path: str, lived: Any, replayed: Any) -> Iterator[str]:
    """The values that are not the same, each with its path."""
    if isinstance(lived, Mapping) and isinstance(replayed, Mapping):
        for name in sorted(lived.keys() | replayed.keys()):
            inner = f"{path}.{name}" if path else name
            yield from different(inner, lived.get(name), replayed.get(name))
    elif isinstance(lived, list) and isinstance(replayed, list) and len(lived) == len(replayed):
        for n, (a, b) in enumerate(zip(lived, replayed, strict=True), start=1):
            yield from different(f"{path}[{n}]", a, b)
    elif lived != replayed:
        yield f"{path}: lived {_readable(lived)}, replayed {_readable(replayed)}"


def _different_rows(lived: Sequence[Row], replayed: Sequence[Row]) -> Iterator[str]:
    for n in range(max(len(lived), len(replayed))):
        a = lived[n] if n < len(lived) else None
        b = replayed[n] if n < len(replayed) else None
        if a != b:
            yield f"row {n + 1}: lived {_readable(a)}, replayed {_readable(b)}"


def _readable(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Mapping):
        told = (f"{k} {_readable(v)}" for k, v in value.items() if v is not None)
        return "{" + ", ".join(told) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_readable(one) for one in value) + "]"
    return str(value)
