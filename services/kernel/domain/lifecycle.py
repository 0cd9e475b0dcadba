"""What the lifecycle table says: may this be done now, by this role, and where does it lead.

Pure look-ups. States, actions and roles are taken as plain text, because they come from the store
and over HTTP: an unknown action is a person's mistake (Invalid), an unknown state is ours
(ValueError).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import get_args

from services.kernel.domain.errors import Forbidden, IllegalAction, Invalid
from services.kernel.domain.lifecycle_table import (
    END_STATES,
    MEANING,
    OPEN_STATES,
    REJECTION_REASONS,
    TABLE,
    Action,
    Role,
    State,
    Transition,
    Way,
)

__all__ = [
    "ACTIONS",
    "END_STATES",
    "OPEN_STATES",
    "REJECTION_REASONS",
    "ROLES",
    "STATES",
    "TABLE",
    "Action",
    "Role",
    "State",
    "Transition",
    "Way",
    "allowed",
    "draw_mermaid",
    "draw_states",
    "draw_table",
    "is_open",
    "step",
    "transition",
]

STATES: tuple[State, ...] = get_args(State)
ACTIONS: tuple[Action, ...] = tuple(row.action for row in TABLE)
"""In the order of the table, which is the order of a case's life."""
ROLES: tuple[Role, ...] = get_args(Role)

_ROWS: dict[str, Transition] = {row.action: row for row in TABLE}
_WAYS: dict[tuple[str, str], tuple[Way, ...]] = {
    (state, row.action): tuple(way for way in row.ways if state in way.states)
    for row in TABLE
    for state in STATES
}


def transition(action: str) -> Transition:
    """The row of `action`. Raises Invalid where there is no such action."""
    row = _ROWS.get(action)
    if row is None:
        raise Invalid("there is no such action", field="action")
    return row


@cache
def allowed(state: str, role: str, *, proposal: bool = False) -> tuple[Action, ...]:
    """What `role` may do in `state`, in the order of the table. Raises ValueError (unknown state).

    `proposal`: whether a proposed rejection awaits its approval.
    """
    _known(state)
    return tuple(
        action
        for action in ACTIONS
        if any(role in way.roles for way in _passable(state, action, proposal))
    )


def step(state: str, action: str, role: str, *, proposal: bool = False) -> State:
    """The state after `role` did `action` in `state`.

    Raises IllegalAction (nobody may do that now), Forbidden (others may), Invalid (no such action),
    ValueError (unknown state).
    """
    known = _known(state)
    transition(action)
    ways = _passable(state, action, proposal)
    if not ways:
        raise IllegalAction(state, action, allowed(state, role, proposal=proposal))
    for way in ways:
        if role in way.roles:
            return known if way.to is None else way.to
    raise Forbidden(f"{role} may not {action} in state {state}", field="action")


def is_open(state: str) -> bool:
    """Whether an answer is still owed and the clock may run. ValueError for an unknown state."""
    return _known(state) in OPEN_STATES


def _known(state: str) -> State:
    for one in STATES:
        if one == state:
            return one
    raise ValueError(f"{state!r} is not a state of the lifecycle")


def _passable(state: str, action: str, proposal: bool) -> tuple[Way, ...]:
    flag = "proposal" if proposal else "no_proposal"
    return tuple(way for way in _WAYS[state, action] if way.requires in (None, flag))


# ---------------------------------------------------------------- drawings, for docs/lifecycle.md


def draw_mermaid() -> str:
    """The states and the actions that lead from one to another, as a Mermaid state diagram."""
    edges: dict[tuple[State, State], list[Action]] = {}
    for row in TABLE:
        for way in row.ways:
            for state in way.states:
                if way.to is not None:
                    actions = edges.setdefault((state, way.to), [])
                    if row.action not in actions:
                        actions.append(row.action)
    lines = ["stateDiagram-v2", "    [*] --> filed"]
    for start in STATES:
        for end in STATES:
            if (start, end) in edges:
                lines.append(f"    {start} --> {end}: {', '.join(edges[start, end])}")
    lines += [f"    {state} --> [*]" for state in END_STATES]
    return "\n".join(lines) + "\n"


def draw_table() -> str:
    """The table in Markdown, a line for each way of an action."""
    head = ("Action", "From", "To", "By", "Needs", "May tell", "Event")
    lines = [_line(head), _line("---" for _ in head)]
    for row in TABLE:
        for way in row.ways:
            to: str = "(stays)" if way.to is None else way.to
            if way.requires is not None:
                to += {
                    "proposal": ", while a rejection is proposed",
                    "no_proposal": ", unless a rejection is proposed",
                }[way.requires]
            lines.append(
                _line(
                    (
                        row.action,
                        "any" if way.states == STATES else ", ".join(way.states),
                        to,
                        ", ".join(way.roles),
                        ", ".join(row.needs),
                        ", ".join(row.optional),
                        f"`{row.event}`",
                    )
                )
            )
    return "\n".join(lines) + "\n"


def draw_states() -> str:
    """The states in Markdown with what they mean."""
    lines = [_line(("State", "Meaning", "Open")), _line(("---", "---", "---"))]
    for state in STATES:
        lines.append(_line((state, MEANING[state], "yes" if is_open(state) else "no")))
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
