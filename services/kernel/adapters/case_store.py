"""The case store: the one way in which room `case` is read and acted upon over HTTP.

An act is checked against the lifecycle before it is an event. The write is one atomic update guarded by
the case's version, and by the clock's `last_fired` that was read, so that nothing is stamped before what
the clock has already said; the event lies in the outbox of the same write and goes to Kafka after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.kernel.adapters import case_document, metrics
from services.kernel.adapters.case_folding import READS, fold
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.group_commit import GroupCommit
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.publishing import Publishing
from services.kernel.adapters.room_store import Draft, Fields, RoomStore, to_draft
from services.kernel.adapters.rooms import enter
from services.kernel.adapters.vault import Seals
from services.kernel.contracts.codec import trace_id
from services.kernel.contracts.envelope import Words
from services.kernel.domain.case import Act, Case
from services.kernel.domain.errors import Conflict, StaleVersion, Unknown

__all__ = ["COLLECTION", "READS", "CaseStore", "Done", "Stored", "stored"]

log = get_logger()
COLLECTION = "cases"
Unsent = tuple[str, Sequence[Mapping[str, Any]]]
"""A ticket and the outbox as it was written; not the draft, of which a long queue would be heavy."""
ATTEMPTS = 6
READ_TOGETHER = 50
TRIM_SECONDS = 0.25
"""How long acknowledged entries may stay in their outboxes, so that many are taken out by one update."""


@dataclass(frozen=True)
class Stored:
    """A case as it lies in the store. `n` is its version; `document` the whole, for reading other rooms."""

    case: Case
    n: int
    last_fired: datetime | None
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """What an act came to. `repeated`: the same cause brought it about before, and this is that outcome."""

    case: Case
    n: int
    at: datetime
    repeated: bool = False


class CaseStore:
    """Reads cases and acts on them. `start` begins publishing in the background."""

    def __init__(self, rooms: RoomStore, outbox: Outbox, vault: Seals, clock: Clock) -> None:
        """`rooms`: room `case`, its drafts carrying `sla.last_fired` (see READS)."""
        self._rooms = rooms
        self._outbox = outbox
        self._vault = vault
        self._clock = clock
        self._reads: GroupCommit[str, Fields | None] = GroupCommit(self._read, most=READ_TOGETHER)
        self._writes: GroupCommit[Draft, bool] = GroupCommit(self._commit)
        self._publishing: Publishing[Unsent] = Publishing("case", self._send)
        self._trimming: Publishing[tuple[str, int]] = Publishing(
            "case-trim", self._trim, gather=TRIM_SECONDS
        )

    def start(self) -> None:
        self._publishing.start()
        self._trimming.start()

    async def stop(self) -> None:
        await self._publishing.stop()
        await self._trimming.stop()

    async def load(self, ticket: str) -> Stored:
        """Raises Unknown when no such case is stored (yet), Unavailable."""
        document = await self._reads.submit(ticket)
        if document is None or "case" not in document:
            raise Unknown("there is no such case", field="ticket")
        return stored(document)

    async def act(
        self,
        ticket: str,
        act: Act,
        *,
        expected_version: int | None = None,
        seen: Stored | None = None,
    ) -> Done:
        """Carry out `act`. Without `expected_version` a lost race is tried again on the fresh state.

        `seen`: the case as the caller has just loaded it, which saves reading it again; the write finds out
        whether it is still so. Raises IllegalAction, Forbidden, Invalid, StaleVersion, Unknown, Unavailable.
        """
        document = seen.document if seen is not None else None
        for _ in range(ATTEMPTS):
            if document is None:
                document = await self._reads.submit(ticket)
            draft, document = to_draft("case", ticket, document), None
            if not draft.n:
                raise Unknown("there is no such case", field="ticket")
            case = case_document.from_fields(ticket, draft.room)
            earlier = case.by_cause(act.cause) if act.cause is not None else None
            if earlier is not None:
                if earlier.action != act.action:
                    raise Conflict("this key was used before for another action", field="cause")
                metrics.ACTS.labels(act.action, "repeated").inc()
                return Done(case, earlier.n, earlier.at, repeated=True)
            if expected_version is not None and expected_version != draft.n:
                raise StaleVersion(expected_version, draft.n)
            done = await self._fold(draft, case, act)
            if await self._writes.submit(draft):
                self._publishing.put((ticket, draft.outbox))
                metrics.ACTS.labels(act.action, "done").inc()
                trace = trace_id(draft.outbox[-1]["tp"])
                log.info("case.acted", ticket=ticket, action=act.action, n=done.n, trace=trace)
                return done
        raise Conflict("the case is being changed by others; try again")

    async def _fold(self, draft: Draft, case: Case, act: Act) -> Done:
        sealed = None
        if act.note is not None:
            words = Words(note=act.note, public=act.public)
            sealed = await self._vault.seal(words, case.ticket)
        folded = fold(draft, case, act, now=self._clock(), sealed=sealed)
        draft.outbox = self._outbox.remaining(draft.ticket, draft.outbox)
        enter(draft, "case", folded.change)
        draft.unsent_since = draft.unsent_since or folded.at
        return Done(folded.case, draft.n, folded.at)

    async def _read(self, tickets: Sequence[str]) -> Sequence[Fields | None]:
        """One read for the requests that come while another is under way."""
        found = await self._rooms.documents(list(dict.fromkeys(tickets)))
        return [found.get(ticket) for ticket in tickets]

    async def _commit(self, drafts: Sequence[Draft]) -> Sequence[bool]:
        """One bulk for many acts. Of two acts on one case in it, the second loses by its guard."""
        lost = await self._rooms.write(drafts)
        return [index not in lost for index in range(len(drafts))]

    async def _send(self, written: Sequence[Unsent]) -> None:
        outboxes: dict[str, dict[int, Mapping[str, Any]]] = {}
        for ticket, outbox in written:
            outboxes.setdefault(ticket, {}).update({entry["n"]: entry for entry in outbox})
        await self._outbox.publish({t: list(entries.values()) for t, entries in outboxes.items()})
        for ticket, entries in outboxes.items():
            self._trimming.put((ticket, max(entries)))

    async def _trim(self, acknowledged: Sequence[tuple[str, int]]) -> None:
        last: dict[str, int] = {}
        for ticket, n in acknowledged:
            last[ticket] = max(n, last.get(ticket, 0))
        await self._rooms.trim(list(last.items()))


def stored(document: Mapping[str, Any]) -> Stored:
    room = document["case"]
    return Stored(
        case=case_document.from_fields(document["_id"], room),
        n=room["n"],
        last_fired=(document.get("sla") or {}).get("last_fired"),
        document=document,
    )
