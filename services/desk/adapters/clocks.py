"""A case's clock, from room `sla` as it is stored and the directory version that it counts by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.desk.core.clock_view import Clock
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.timer_document import from_fields
from services.kernel.domain.errors import Retry, Unavailable
from services.kernel.domain.explain import explain


class StoredClocks:
    """`rules` keeps directory versions, which never change."""

    def __init__(self, rules: RulesOf) -> None:
        self._rules = rules

    async def explain(self, sla: Mapping[str, Any], at: datetime) -> Clock | None:
        """None while no clock was armed. Raises Unavailable."""
        try:
            return await explained(sla, self._rules, at)
        except Unavailable:
            raise
        except Retry as error:  # a version that is not there (yet)
            raise Unavailable("the directory") from error


async def explained(sla: Mapping[str, Any], rules_of: RulesOf, at: datetime) -> Clock | None:
    """The clock of room `sla`; None while none was armed. Raises Retry where the store has no such version,
    Unavailable, and Invalid for `at`."""
    if "filed_at" not in sla:
        return None
    timer = from_fields(sla)
    rules = await rules_of.get(timer.district, timer.directory_version)
    running = rules.running(timer)
    calendars = rules.calendars
    plan = running.plan
    return Clock(
        explanation=explain(timer, running, at),
        calendar=calendars.working(plan.calendar) if plan else calendars.always,
        policy=plan.policy if plan else None,
        directory_version=timer.directory_version,
        cycle=timer.cycle,
    )
