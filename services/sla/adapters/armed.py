"""The fields of room `sla` as the clock writes them: what the domain knows, and when it next falls due."""

from __future__ import annotations

from typing import Any

from services.kernel.adapters.due import bucket_of
from services.kernel.adapters.timer_document import to_fields
from services.kernel.domain.timer import Running, Timer
from services.sla.core.rungs import next_at


def fields_of(ticket: str, timer: Timer, running: Running) -> dict[str, Any]:
    """What is not armed has no `next_at`, and so is not in the index."""
    due = next_at(timer, running)
    armed = {} if due is None else {"next_at": due}
    return {**to_fields(timer, running), **armed, "bucket": bucket_of(ticket)}
