"""Events of two rooms in the order in which they were stamped. Pure.

Rooms `case` and `notices` have writers of their own, so their events may come in another order than they
were stamped in. It makes no difference to the clock as long as nothing fell due in between. Where something
did, an event waits until all that was stamped before it is known: the answer to a question may come before
its delivery is told, and only the delivery says that the clock stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.kernel.contracts.events import CaseEvent, Notice, Room
from services.kernel.domain.timer import Rules, Timer
from services.sla.core.follow import follow, subject

ROOMS: tuple[Room, ...] = ("case", "notices")
"""Whose events the clock follows after the filing; of two with the same stamp, in this order."""


@dataclass(frozen=True)
class Told:
    """The `n`-th event of a room."""

    room: Room
    n: int
    event: CaseEvent


def stamped(told: Iterable[Told]) -> list[Told]:
    """In the order of their stamps, which within a room is the order of their numbers. Clocks of two
    machines may differ: never a notice before what it is about, nor a number before a lower one."""
    ordered = sorted(told, key=lambda one: (ROOMS.index(one.room), one.n))
    latest: dict[Room, datetime] = {}
    said: dict[int, datetime] = {}
    at: list[datetime] = []
    for one in ordered:
        not_before = [one.event.at]
        if one.room in latest:
            not_before.append(latest[one.room])
        about = subject(one.event) if isinstance(one.event, Notice) else None
        if about in said:
            not_before.append(said[about])
        at.append(max(not_before))
        latest[one.room] = at[-1]
        if one.room == "case":
            said[one.n] = at[-1]
    # stable: of two with the same stamp, by room and number
    return [one for _, one in sorted(zip(at, ordered, strict=True), key=lambda pair: pair[0])]


def catch_up(
    timer: Timer, told: Sequence[Told], rules: Rules
) -> tuple[Timer, tuple[CaseEvent, ...]]:
    """The clock after all of `told`, and what it says of the time between."""
    late: list[CaseEvent] = []
    for one in stamped(told):
        timer, missed = follow(timer, one.event, rules, one.n)
        late += missed
    return timer, tuple(late)


def may_precede(told: Iterable[Told]) -> tuple[Room, ...]:
    """The rooms of which what is not told may be stamped before one of `told`. Within a room what comes
    later is stamped later, so they are those of which something else is told."""
    heard = {one.room for one in told}
    return tuple(room for room in ROOMS if heard - {room})


def unknown_before(
    told: Sequence[Told], announced: Mapping[Room, int], seen: Mapping[Room, int]
) -> bool:
    """Whether a room has announced what is not seen yet and may be stamped before one of `told`. `seen`
    counts what is told."""
    return any(announced.get(room, 0) > seen.get(room, 0) for room in may_precede(told))
