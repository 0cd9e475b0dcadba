"""Room `sla` of the case document, to and from the value that the core knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from services.kernel.adapters.due import bucket_of
from services.kernel.domain.clock import Due
from services.kernel.domain.directory import Allowance, Target
from services.sla.core.timer import Running, TargetClock, Timer, deadline, next_at

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
    "cycle",
    "held_since",
    "ended",
    "last_fired",
)


def to_fields(ticket: str, timer: Timer, running: Running) -> dict[str, Any]:
    """Stored beside `n`, `seen` and `outbox`. `deadline` and `next_at` are there for the indexes, `policy`,
    `calendar` and the targets' `met_at` for those who read: the timer follows from the rest."""
    plan = running.plan
    due = next_at(timer, running)
    armed = {} if due is None else {"next_at": due}  # what is not armed is not in the index
    return {
        **{name: getattr(timer, name) for name in _PLAIN},
        "targets": {
            name: _target(clock, timer.met.get(name)) for name, clock in timer.targets.items()
        },
        "met": dict(timer.met),
        "transferred": list(timer.transferred),
        "holds": [{"since": since, "until": until} for since, until in timer.holds],
        "fired": list(timer.fired),
        "policy": plan.policy if plan is not None else None,
        "calendar": plan.calendar if plan is not None else None,
        "deadline": deadline(timer, running),
        **armed,
        "bucket": bucket_of(ticket),
    }


def from_fields(stored: Mapping[str, Any]) -> Timer:
    return Timer(
        **{name: stored.get(name) for name in _PLAIN},  # type: ignore[arg-type]
        targets={
            cast(Target, name): TargetClock(
                due=Due(
                    Allowance(t["working_seconds"], t["calendar_days"]), t["due_at"], t["warn_at"]
                ),
                warned_at=t["warned_at"],
                breached_at=t["breached_at"],
                ladder_from=t["ladder_from"],
            )
            for name, t in stored["targets"].items()
        },
        met=dict(stored["met"]),
        transferred=tuple(stored["transferred"]),
        holds=tuple((hold["since"], hold["until"]) for hold in stored["holds"]),
        fired=tuple(stored["fired"]),
    )


def _target(clock: TargetClock, met_at: datetime | None) -> dict[str, Any]:
    return {
        "working_seconds": clock.due.allowed.working_seconds,
        "calendar_days": clock.due.allowed.calendar_days,
        "due_at": clock.due.due_at,
        "warn_at": clock.due.warn_at,
        "met_at": met_at,
        "warned_at": clock.warned_at,
        "breached_at": clock.breached_at,
        "ladder_from": clock.ladder_from,
    }
