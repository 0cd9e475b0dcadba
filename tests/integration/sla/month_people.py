"""What people do with a case in the month that is lived through: all that may be done, some more often."""

from __future__ import annotations

import random
from typing import Any

from services.kernel.domain.case import Act, Case
from services.kernel.domain.lifecycle import ROLES, allowed
from services.kernel.domain.people import Actor
from tests.integration.sla.month_directory import BRAND_NEW

SERVICES = ("hand-pump", "street-light", "pension", "ration-not-given", BRAND_NEW)
WEIGHTS = {
    "acknowledge": 8, "start": 4, "ask_citizen": 8, "answer": 6, "mark_asked": 5, "reply": 3, "resolve": 6,
    "confirm": 3, "reopen": 4, "plan_feedback": 3, "end_feedback": 8, "propose_rejection": 2, "reject": 3,
    "merge": 2, "unmerge": 6, "transfer": 2, "change_service": 2,
}  # fmt: skip
"""How likely each act is, where it may be done; others 1."""


def next_act(case: Case, random: random.Random) -> Act | None:
    """What somebody does next; None where nothing but notes can follow."""
    # routing carries a merged case along with its parent; the rule closes when the clock says so
    roles = [r for r in ROLES if r != "rule" and (r != "routing" or case.state == "merged")]
    by_action: dict[str, list[str]] = {}
    for role in roles:
        for action in allowed(case.state, role, proposal=case.proposal is not None):
            by_action.setdefault(action, []).append(role)
    if by_action.keys() <= {"note"}:
        return None
    actions = sorted(by_action)
    action = random.choices(actions, [WEIGHTS.get(one, 1) for one in actions])[0]
    return act(case, action, random.choice(by_action[action]), random)


def act(case: Case, action: str, role: Any, random: random.Random) -> Act:
    data = {name: value for name, value in _data(action, case, random).items() if value is not None}
    return Act(action, Actor(role, "somebody", case.district), data=data)


def _data(action: str, case: Case, random: random.Random) -> dict[str, Any]:
    if action in ("assign", "transfer"):
        placed = {"department": random.choice(("phe", "pwd")), "reason": "", "directory_version": 1}
        moved = random.random() < 0.4
        return {**placed, "service": random.choice(SERVICES) if moved else None}
    if action == "change_service":
        priority = random.choice(("normal", "urgent", "emergency", None))
        return {"service": random.choice((*SERVICES, case.service or "hand-pump")), "priority": priority}
    data: dict[str, dict[str, Any]] = {
        "take_over": {"officer": "phe-head-1"},
        "end_feedback": {"outcome": random.choice(("reached", "unreached"))},
        "propose_rejection": {"reason": "duplicate"},
        "reject": {"reason": "duplicate"},
        "merge": {"parent": "2699999993"},
        "rate": {"rating": 3},
    }
    return data.get(action, {})
