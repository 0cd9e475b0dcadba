"""Events of two rooms in the order in which they were stamped. Pure.

Rooms `case` and `notices` have writers of their own, so their events may come in another order than they
were stamped in. It makes no difference to the clock as long as nothing fell due in between. Where something
did, an event waits until all that was stamped before it is known: the answer to a question may come before
its delivery is told, and only the delivery says that the clock stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.kernel.contracts.events import CaseEvent, Room
from services.kernel.domain.timer import Rules, Timer
from services.sla.core.follow import follow

ROOMS: tuple[Room, ...] = ("case", "notices")
"""Whose events the clock follows after the filing; of two with the same stamp, in this order."""


@dataclass(frozen=True)
class Told:
    """The `n`-th event of a room."""

    room: Room
    n: int
    event: CaseEvent


def stamped(told: Iterable[Told]) -> list[Told]:
    """In the order of their stamps. Within a room that is the order of their numbers."""
    return sorted(told, key=lambda one: (one.event.at, ROOMS.index(one.room), one.n))


def catch_up(
    timer: Timer, told: Sequence[Told], rules: Rules
) -> tuple[Timer, tuple[CaseEvent, ...]]:
    """The clock after all of `told`, and what it says of the time between."""
    late: list[CaseEvent] = []
    for one in stamped(told):
        timer, missed = follow(timer, one.event, rules, one.n)
        late += missed
    return timer, tuple(late)


def unknown_before(
    told: Sequence[Told], announced: Mapping[Room, int], seen: Mapping[Room, int]
) -> bool:
    """Whether a room has announced what is not seen yet and may be stamped before one of `told`.

    `seen` counts what is told. Within a room what comes later is stamped later.
    """
    behind = [room for room in ROOMS if announced.get(room, 0) > seen.get(room, 0)]
    return any(one.room != room for one in told for room in behind)
