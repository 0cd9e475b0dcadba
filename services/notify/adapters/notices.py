"""Room `notices`: what a batch of case events makes people be told. A core for the room consumer.

The room holds its numbers and what it has announced; the messages lie in a collection of their own, inserted
before the room says that their event is done. A record that comes again finds the same ids there, and
changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import BUCKETS, bucket_of
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import NO_CHANGE, Change
from services.kernel.contracts.codec import Received
from services.kernel.contracts.events import EVENTS, CaseEvent, CaseFiled, Event, Room
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Retry
from services.notify.adapters import announcing
from services.notify.adapters.filings import Filed, Filings
from services.notify.adapters.message_document import to_document
from services.notify.adapters.message_store import MessageStore
from services.notify.adapters.waking import Wakes
from services.notify.core.book import Audience
from services.notify.core.contacts import reachable
from services.notify.core.people import Facts
from services.notify.core.planning import Planner

log = get_logger()
READS = (
    "case.officer", "case.service", "case.priority", "case.department", "case.place.block", *announcing.READS,
)  # fmt: skip
"""What drafts must carry of the other rooms: who holds the case now, what it is about now, and what the
clock has said."""
FIRST_THAT_OVERTAKES = 2
"""Before the first event that follows the filing there is only that, which is always news."""
Overtaken = tuple[str, int, tuple[tuple[str, Audience], ...]]


@dataclass(frozen=True)
class Context:
    """What a batch needs beside its documents, read once. `joined`: the cases merged into each."""

    now: datetime
    filed: Mapping[str, Filed]
    directories: Mapping[str, District]
    joined: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Notices:
    room: Room = "notices"

    def __init__(
        self,
        planner: Planner,
        filings: Filings,
        directories: DirectoryStore,
        messages: MessageStore,
        cases: mongo.Collection,
        clock: Clock,
        partition_count: int,
        wakes: Wakes,
    ) -> None:
        book = planner.book
        self.uses: Mapping[str, type[Event]] = {kind: EVENTS[kind] for kind in book.events}
        self._joined_are_told = {r.event for r in book.rules if r.audience == "co_complainants"}
        self._planner = planner
        self._filings = filings
        self._directories = directories
        self._messages = messages
        self._cases = cases
        self._clock = clock
        self._partition_count = partition_count
        self._wakes = wakes

    async def prepare(self, drafts: Mapping[str, Draft], batch: Sequence[Received]) -> Context:
        """Raises Retry when the store is away or lacks a district's directory."""
        events = [
            received.event
            for received in batch
            if isinstance(received.event, CaseEvent)
            and received.id.n > drafts[received.id.ticket].seen[received.id.room]
        ]
        joined = await self._joined({e.ticket for e in events if e.TYPE in self._joined_are_told})
        tickets = {event.ticket for event in events}.union(*joined.values())
        filed = await self._filings.read(tickets)
        return Context(self._clock(), filed, await self._newest(events), joined)

    async def _joined(self, tickets: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The cases that were merged into each of `tickets`."""
        if not tickets:
            return {}
        async with mongo.store_errors():
            found = await self._cases.find(
                {"case.parent": {"$in": list(tickets)}}, {"case.parent": 1}
            ).to_list(None)
        joined: dict[str, list[str]] = {}
        for doc in found:
            joined.setdefault(doc["case"]["parent"], []).append(doc["_id"])
        return joined

    async def _newest(self, events: Sequence[CaseEvent]) -> Mapping[str, District]:
        """The newest directory of each district, at least as new as what an event was decided on."""
        least: dict[str, int] = {}
        for event in events:
            version = getattr(event, "directory_version", 0)
            least[event.district] = max(least.get(event.district, 0), version)
        return {
            district: await self._directories.at_least(district, version)
            for district, version in least.items()
        }

    def apply(self, draft: Draft, received: Received, context: Context) -> Change:
        event = received.event
        if not isinstance(event, CaseEvent):
            return NO_CHANGE
        filed = context.filed.get(event.ticket)
        if filed is None:
            log.error("notices.no_receipt", ticket=event.ticket, type=event.TYPE)
        elif filed.locked:
            raise Retry("a case's key cannot be unwrapped")
        joined = {
            ticket: _facts(context.filed[ticket], context.filed[ticket].event, {})
            for ticket in context.joined.get(event.ticket, ())
            if ticket in context.filed
        }
        messages = self._planner.plan(
            str(received.id),
            event,
            _facts(filed, event, draft.others.get("case") or {}),
            context.directories[event.district],
            context.now,
            joined,
        )
        # grows with every event of the case that is applied, the same at every delivery
        order = sum(draft.seen.values()) + 1
        bucket = self._bucket(received.record.partition, event.ticket)
        draft.planned.extend(
            to_document(
                message,
                order=order,
                # a summary is made of all cases of a person
                bucket=bucket_of(message.recipient) if message.gathered else bucket,
                now=context.now,
            )
            for message in messages
        )
        overtaken = tuple(self._planner.book.stale_after(event.TYPE))
        if overtaken and order > FIRST_THAT_OVERTAKES:
            draft.planned.append((event.ticket, order, overtaken))
        return NO_CHANGE

    def _bucket(self, partition: int, ticket: str) -> int:
        """A bucket that belongs to the record's own partition, so that whoever plans a message also
        sends it, woken at once instead of finding it at the next look."""
        count = self._partition_count
        rounds = max(1, BUCKETS // count)
        return partition % count + count * (int(ticket) % rounds)

    async def before_write(self, drafts: Sequence[Draft], context: Context) -> None:
        documents: list[dict[str, Any]] = []
        overtaken: list[Overtaken] = []
        for draft in drafts:
            for planned in draft.planned:
                (documents if isinstance(planned, dict) else overtaken).append(planned)
        if documents:
            await self._messages.plan(documents)
        if overtaken:
            # after the inserts: what is overtaken may have been planned by the same batch
            await self._messages.collapse(overtaken)
        if documents:
            # they are facts from here on, whoever wins the room: sending need not wait for its write
            self._wakes.queues({document["queue"] for document in documents})

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None:
        return None


def _facts(filed: Filed | None, event: CaseEvent, room: Mapping[str, Any]) -> Facts:
    case = filed.event if filed is not None else event
    now: dict[str, Any] = {
        "holder": room.get("officer"),
        "service": room.get("service"),
        "department": room.get("department"),
        "block": (room.get("place") or {}).get("block"),
    }
    if not isinstance(case, CaseFiled):
        # without a receipt nothing may be told of the case but that it is there
        return Facts(**now)
    filing = filed.filing if filed is not None else None
    now["service"] = now["service"] or case.service
    now["block"] = now["block"] or case.place.block
    return Facts(
        channel=case.channel,
        language=case.language,
        priority=room.get("priority") or case.priority,
        danger=bool(case.dangers),
        confidential=case.confidential,
        named_official=case.named_official,
        phone=reachable(filing.phone) if filing is not None else None,
        user_id=filing.user_id if filing is not None else None,
        **now,
    )
