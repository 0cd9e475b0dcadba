"""What another version of the directory does to a case's limits: which move, which breaches stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.kernel.domain.directory import Target
from services.kernel.domain.timer import (
    Rules,
    Running,
    Timer,
    held_clock,
    lapses_at,
    recalculated,
)

Limit = Target | Literal["lapse"]
"""`lapse`: the end of the confirmation window."""


@dataclass(frozen=True)
class Move:
    """A limit that is still owed falls due at another instant; None: it was, or will be, no limit.
    `at_once`: its new instant is past, so it is told at once."""

    limit: Limit
    before: datetime | None
    after: datetime | None
    at_once: bool


@dataclass(frozen=True)
class Stay:
    """A breach was recorded and stays, though the limit would now have been used up at `would_be`; None:
    there would be no such limit."""

    target: Target
    breached_at: datetime
    would_be: datetime | None


@dataclass(frozen=True)
class Moved:
    moves: tuple[Move, ...]
    stays: tuple[Stay, ...]


def moved(timer: Timer, before: Rules, after: Rules, now: datetime) -> Moved:
    """What `after` would do to a clock that counts by `before`, from `now` on. Raises Unknown where it
    cannot count by them."""
    anew = recalculated(timer, after, now)
    old, new = before.running(timer), after.running(anew)
    was, will = _owed(timer, old), _owed(anew, new)
    moves = tuple(
        Move(limit, was.get(limit), at, _at_once(timer, at, now))
        for limit in dict.fromkeys((*was, *will))
        if (at := will.get(limit)) != was.get(limit)
    )
    stays: list[Stay] = []
    for target, clock in timer.targets.items():
        if clock.breached_at is not None:
            would_be = _used_up(anew, new, target, clock.breached_at)
            if would_be != _used_up(timer, old, target, clock.breached_at):
                stays.append(Stay(target, clock.breached_at, would_be))
    return Moved(moves, tuple(stays))


def _owed(timer: Timer, running: Running) -> Mapping[Limit, datetime]:
    """What has yet to fall due, and when; of a paused limit the latest."""
    if timer.ended_at is not None:
        return {}
    if timer.resting is not None:
        over = lapses_at(timer, running)
        return {"lapse": over} if over is not None else {}
    asked = running.plan.allowances if running.plan is not None else {}
    return {
        target: clock.due.due_at
        for target, clock in timer.targets.items()
        if target in asked and target not in timer.met and clock.breached_at is None
    }


def _at_once(timer: Timer, at: datetime | None, now: datetime) -> bool:
    return at is not None and at < now and timer.merged_since is None


def _used_up(
    timer: Timer, running: Running, target: Target, breached_at: datetime
) -> datetime | None:
    """When the limit that was breached then is used up as `running` counts it."""
    clock = held_clock(timer, running, target)
    asked = running.plan.allowances.get(target) if running.plan is not None else None
    if clock is None or asked is None:
        return None
    # an acknowledgement was asked of one office after the other: the breach is of the one that had it then
    asked_at = timer.transferred if target == "acknowledge" else ()
    started = max((at for at in asked_at if at < breached_at), default=timer.filed_at)
    return clock.due_at(started, asked)
