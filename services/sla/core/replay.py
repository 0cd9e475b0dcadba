"""A case's clock worked out again from what was recorded. Pure.

What the clock says follows from what was filed, done and delivered, whenever it looked: so it can be said
again from the topic. Of what the clock itself has recorded only its recalculations are taken, which are
decisions of people; everything else is worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from services.kernel.contracts.events import CaseEvent, CaseFiled, SlaRecalculated
from services.kernel.domain.timer import Rules, Timer
from services.sla.core.catching_up import Told, stamped
from services.sla.core.follow import filed, follow, recalculate
from services.sla.core.ladder import look

RulesAt = Callable[[int], Rules]
"""The rules of a version of the case's district."""


def lived(
    filing: CaseFiled,
    told: Sequence[Told],
    recalculations: Sequence[SlaRecalculated],
    rules_at: RulesAt,
    until: datetime,
) -> tuple[Timer, tuple[CaseEvent, ...]]:
    """The clock as of `until` and all that it has announced, recalculations in their places.

    `told`: the events of rooms `case` and `notices`, each once. What was stamped after `until` is left out;
    what falls due before it is said. Whatever `rules_at` raises comes out.
    """
    rules = rules_at(filing.directory_version)
    timer = filed(filing, rules)
    announced: list[CaseEvent] = []
    changes = sorted((one for one in recalculations if one.at <= until), key=lambda one: one.at)

    def change() -> None:
        nonlocal timer, rules
        event = changes.pop(0)
        before, rules = rules, rules_at(event.directory_version)
        timer, late = recalculate(timer, event, before, rules)
        announced.extend((*late, event))

    for one in stamped(told):
        if one.event.at > until:
            continue
        # a recalculation is stamped later than every act that the clock had seen
        while changes and changes[0].at < one.event.at:
            change()
        timer, late = follow(timer, one.event, rules, one.n)
        announced.extend(late)
    while changes:
        change()
    timer, last = look(filing.ticket, timer, until, rules)
    return timer, (*announced, *last)
