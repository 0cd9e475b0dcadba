"""What the lifecycle table allows, asked of every state that a case may be in.

A case that was heard whole is in one state. After a number that never came, or an event of a later version
of the software, it may be in any; what follows narrows that down again. So `States` is a set, a bit for
each state with and without a proposed rejection.
"""

from __future__ import annotations

from functools import lru_cache

from services.kernel.domain.errors import Forbidden, IllegalAction
from services.kernel.domain.lifecycle import STATES, TABLE, Action, State, step

States = int
_PAIRS: tuple[tuple[State, bool], ...] = tuple(
    (state, proposal) for state in STATES for proposal in (False, True)
)
_BITS: dict[tuple[str, bool], States] = {pair: 1 << index for index, pair in enumerate(_PAIRS)}
FILED: States = _BITS["filed", False]
ANY: States = sum(_BITS.values())

_ACTIONS: dict[str, Action] = {row.event: row.action for row in TABLE}
# A proposal is made, refused or approved; and it lapses with the office that it was made in, with the
# work (resolved) and with the case.
_PROPOSES: Action = "propose_rejection"
_SETTLES: frozenset[Action] = frozenset(
    {
        "refuse_rejection", "reject", "assign", "transfer", "take_over", "reopen", "resolve", "confirm",
        "close", "withdraw", "merge",
    }
)  # fmt: skip


@lru_cache(maxsize=4096)
def follow(possible: States, event: str, role: str, state: str) -> tuple[States, str | None]:
    """The states that a case may be in after `event` (a type of room `case`) by `role`, which says that
    the case is in `state` from then on; and why that cannot be, if it cannot.

    After what cannot be, both readings stay possible: that it never was, and that it is as it says.
    """
    action = _ACTIONS[event]
    reached: States = 0
    for (before, proposal), bit in _BITS.items():
        if possible & bit:
            try:
                after = step(before, action, role, proposal=proposal)
            except (IllegalAction, Forbidden):
                continue
            reached |= _BITS[after, _proposed(action, proposal)]
    said: States = _BITS.get((state, False), 0) | _BITS.get((state, True), 0)
    if reached & said:
        return reached & said, None
    if reached:
        claimed = state if said else "an unknown state"
        return reached | said, f"{action} by {role} says {claimed}, but leads to {names(reached)}"
    return possible | said, f"{role} may not {action} in {names(possible)}"


def names(states: States) -> str:
    """The states, to be read."""
    told: dict[str, None] = {}
    for (state, proposal), bit in _BITS.items():
        if states & bit:
            told[f"{state} with a rejection proposed" if proposal else state] = None
    return " or ".join(told)


def _proposed(action: Action, before: bool) -> bool:
    return action == _PROPOSES or (before and action not in _SETTLES)
