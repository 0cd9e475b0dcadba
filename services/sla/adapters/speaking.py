"""What the clock writes by itself, without a record that makes it: when time fires it, and when it is moved.

The write requires that the clock has seen everything that the other rooms have announced in the same
document, and that it was not armed anew meanwhile. Its events are published after it, then trimmed; what a
crash leaves is the sweeper's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import Change, enter
from services.kernel.contracts.events import CaseEvent
from services.sla.core.catching_up import ROOMS


def speak(
    draft: Draft,
    outbox: Outbox,
    fields: Mapping[str, Any],
    events: Sequence[CaseEvent],
    now: datetime,
) -> None:
    """Carry the room's `fields` and the `events` that it announces into the draft, guarded."""
    guards = {
        **{f"{room}.n": draft.seen[room] or None for room in ROOMS},
        "sla.next_at": draft.room.get("next_at"),
    }
    draft.outbox = outbox.remaining(draft.ticket, draft.outbox)
    enter(draft, "sla", Change(fields, events, guards))
    if events:
        draft.unsent_since = draft.unsent_since or now
