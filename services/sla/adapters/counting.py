"""The clock's counters, by what it has said."""

from __future__ import annotations

from collections.abc import Iterable

from services.kernel.adapters import metrics
from services.kernel.contracts.events import CaseEvent, SlaBreached, SlaEscalated, SlaWarned


def count(department: str | None, said: Iterable[CaseEvent]) -> None:
    """Count events of a case that lies with `department`."""
    lies = department or ""
    for event in said:
        if isinstance(event, SlaWarned):
            metrics.SLA_WARNINGS.labels(event.district, lies, event.target).inc()
        elif isinstance(event, SlaBreached):
            metrics.SLA_BREACHES.labels(event.district, lies, event.target).inc()
        elif isinstance(event, SlaEscalated):
            metrics.SLA_ESCALATIONS.labels(
                event.district, lies, event.to, str(event.rung), event.why
            ).inc()
