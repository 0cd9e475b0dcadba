"""Room `sla` of the case document, to and from the value that the domain knows.

What is empty is not stored. `deadline`, `paused_until` and `lapses_at` are there for the lists and the
figures, `policy`, `calendar` and the targets' `met_at` for those who read: all that follows from the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from services.kernel.domain.clock import Due
from services.kernel.domain.directory import Allowance, Target
from services.kernel.domain.timer import (
    Question,
    Resolution,
    Rest,
    Running,
    TargetClock,
    Timer,
    deadline,
    lapses_at,
    paused_until,
)

_PLAIN = (
    "district",
    "filed_at",
    "kind",
    "priority",
    "service",
    "department",
    "block",
    "directory_version",
    "named_official",
    "reachable",
    "cycle",
    "merged_since",
    "ended_at",
    "stirred_at",
    "later_service",
    "last_fired",
)
_KEPT = frozenset({"service", "department", "block", "cycle", "reachable", "last_fired"})
"""Stored also where they are empty: others read them."""


def to_fields(timer: Timer, running: Running) -> dict[str, Any]:
    """The room beside `n`, `seen` and `outbox`."""
    plan = running.plan
    stored: dict[str, Any] = {
        name: value
        for name in _PLAIN
        if (value := getattr(timer, name)) is not None or name in _KEPT
    }
    stored["targets"] = {
        name: _target(clock, timer.met.get(name)) for name, clock in timer.targets.items()
    }
    stored["policy"] = plan.policy if plan is not None else None
    stored["calendar"] = plan.calendar if plan is not None else None
    stored["deadline"] = deadline(timer, running)
    found: dict[str, Any] = {
        "met": dict(timer.met),
        "transferred": list(timer.transferred),
        "questions": [_plain(question) for question in timer.questions],
        "rests": [_plain(rest) for rest in timer.rests],
        "fired": list(timer.fired),
        "resting": _plain(timer.resting),
        "resolution": _plain(timer.resolution),
        "paused_until": paused_until(timer) if timer.questions else None,
        "lapses_at": lapses_at(timer, running) if timer.resolution else None,
    }
    stored.update((name, value) for name, value in found.items() if value)
    return stored


def from_fields(stored: Mapping[str, Any]) -> Timer:
    """Raises KeyError where a field that every clock has is missing."""
    plain = {name: stored[name] for name in _PLAIN if name in stored}
    resting, resolution = stored.get("resting"), stored.get("resolution")
    return Timer(
        **plain,
        targets={
            cast(Target, name): TargetClock(
                due=Due(
                    Allowance(t["working_seconds"], t["calendar_days"]), t["due_at"], t["warn_at"]
                ),
                warned_at=t.get("warned_at"),
                breached_at=t.get("breached_at"),
                ladder_from=t.get("ladder_from"),
                repeats=t.get("repeats", 0),
                topped_at=t.get("topped_at"),
            )
            for name, t in stored["targets"].items()
        },
        met=dict(stored.get("met", {})),
        transferred=tuple(stored.get("transferred", ())),
        questions=tuple(Question(**question) for question in stored.get("questions", ())),
        rests=tuple(Rest(**rest) for rest in stored.get("rests", ())),
        fired=tuple(stored.get("fired", ())),
        resting=Rest(**resting) if resting else None,
        resolution=Resolution(**resolution) if resolution else None,
    )


def _target(clock: TargetClock, met_at: Any) -> dict[str, Any]:
    limit = clock.due
    stored = {
        "working_seconds": limit.allowed.working_seconds,
        "calendar_days": limit.allowed.calendar_days,
        "due_at": limit.due_at,
        "warn_at": limit.warn_at,
        "met_at": met_at,
        "warned_at": clock.warned_at,
        "breached_at": clock.breached_at,
        "ladder_from": clock.ladder_from,
        "topped_at": clock.topped_at,
    }
    return {**stored, "repeats": clock.repeats} if clock.repeats else stored


def _plain(value: Question | Rest | Resolution | None) -> dict[str, Any]:
    """Its fields, without what is None."""
    if value is None:
        return {}
    return {name: stored for name, stored in value._asdict().items() if stored is not None}
