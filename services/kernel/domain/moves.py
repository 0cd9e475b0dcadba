"""What another version of the directory does to a case's limits: which move, which breaches stay. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.kernel.domain.directory import Target
from services.kernel.domain.timer import Rules, Timer, arm, recalculated


@dataclass(frozen=True)
class Move:
    """A limit that is still owed falls due at another instant; None: it was, or will be, no limit.
    `at_once`: its new instant is past."""

    target: Target
    before: datetime | None
    after: datetime | None
    at_once: bool


@dataclass(frozen=True)
class Stays:
    """A breach was recorded and stays, though the limit would now be used up at another instant."""

    target: Target
    breached_at: datetime
    would_be: datetime


@dataclass(frozen=True)
class Moved:
    moves: tuple[Move, ...]
    stays: tuple[Stays, ...]


def moved(timer: Timer, rules: Rules, now: datetime) -> Moved:
    """What `rules` would do to the clock from `now` on. Raises Unknown where it cannot count by them."""
    after = recalculated(timer, rules, now)
    moves: list[Move] = []
    stays: list[Stays] = []
    # as if nothing had been recorded
    anew = arm(replace(after, targets={}), rules.running(after))
    for target in dict.fromkeys((*timer.targets, *after.targets)):
        old, new = timer.targets.get(target), after.targets.get(target)
        if old is not None and old.breached_at is not None:
            again = anew.targets.get(target)
            if again is not None and again.due.due_at != old.breached_at:
                stays.append(Stays(target, old.breached_at, again.due.due_at))
            continue
        if target in timer.met:
            continue
        before_at = old.due.due_at if old is not None else None
        after_at = new.due.due_at if new is not None else None
        if before_at != after_at:
            moves.append(Move(target, before_at, after_at, after_at is not None and after_at < now))
    return Moved(tuple(moves), tuple(stays))
