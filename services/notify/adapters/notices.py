"""Room `notices`: what a batch of case events makes people be told. A core for the room consumer.

The room holds only its numbers; the messages lie in a collection of their own, inserted before the room
says that their event is done. A record that comes again finds the same ids there, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.kernel.adapters.clock import Clock
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.due import BUCKETS
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import NO_CHANGE, Change
from services.kernel.contracts.codec import Received
from services.kernel.contracts.events import EVENTS, CaseEvent, CaseFiled, Event, Room
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Retry
from services.notify.adapters.filings import Filed, Filings
from services.notify.adapters.message_store import MessageStore, to_document
from services.notify.core.book import Book, Channel
from services.notify.core.contacts import Contacts, reachable
from services.notify.core.planning import Facts, plan

log = get_logger()
READS = ("case.officer", "case.service")
"""What drafts must carry of the case's room: who holds it now, and what it is about now."""


@dataclass(frozen=True)
class Context:
    """What a batch needs beside its documents, read once."""

    now: datetime
    filed: Mapping[str, Filed]
    directories: Mapping[str, District]


class Notices:
    """`planned` is called with their channels when messages were planned, which are due at once."""

    room: Room = "notices"

    def __init__(
        self,
        book: Book,
        contacts: Contacts,
        filings: Filings,
        directories: DirectoryStore,
        messages: MessageStore,
        clock: Clock,
        partition_count: int,
        planned: Callable[[Collection[Channel]], None],
    ) -> None:
        self.uses: Mapping[str, type[Event]] = {kind: EVENTS[kind] for kind in book.events}
        self._book = book
        self._contacts = contacts
        self._filings = filings
        self._directories = directories
        self._messages = messages
        self._clock = clock
        self._partition_count = partition_count
        self._planned = planned

    async def prepare(self, drafts: Mapping[str, Draft], batch: Sequence[Received]) -> Context:
        """Raises Retry when the store is away or lacks a district's directory."""
        events = [
            received.event
            for received in batch
            if isinstance(received.event, CaseEvent)
            and received.id.n > drafts[received.id.ticket].seen[received.id.room]
        ]
        filed = await self._filings.read({event.ticket for event in events})
        return Context(self._clock(), filed, await self._newest(events))

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
        messages = plan(
            str(received.id),
            event,
            _facts(filed, event, draft),
            context.directories[event.district],
            self._book,
            self._contacts,
        )
        # grows with every event of the case that is applied, the same at every delivery
        order = sum(draft.seen.values()) + 1
        bucket = self._bucket(received.record.partition, event.ticket)
        draft.planned.extend(
            to_document(message, order=order, bucket=bucket, now=context.now)
            for message in messages
        )
        return NO_CHANGE

    def _bucket(self, partition: int, ticket: str) -> int:
        """A bucket that belongs to the record's own partition, so that whoever plans a message also
        sends it, woken at once instead of finding it at the next look."""
        count = self._partition_count
        rounds = max(1, BUCKETS // count)
        return partition % count + count * (int(ticket) % rounds)

    async def before_write(self, drafts: Sequence[Draft], context: Context) -> None:
        documents = [document for draft in drafts for document in draft.planned]
        if documents:
            await self._messages.plan(documents)
            # they are facts from here on, whoever wins the room: sending need not wait for its write
            self._planned({document["channel"] for document in documents})

    async def after_write(self, drafts: Sequence[Draft], batch: Sequence[Received]) -> None:
        return None


def _facts(filed: Filed | None, event: CaseEvent, draft: Draft) -> Facts:
    room = draft.others.get("case") or {}
    case = filed.event if filed is not None else event
    if not isinstance(case, CaseFiled):
        # without a receipt nothing may be told of the case but that it is there
        return Facts(holder=room.get("officer"), service=room.get("service"))
    filing = filed.filing if filed is not None else None
    return Facts(
        channel=case.channel,
        language=case.language,
        priority=case.priority,
        danger=bool(case.dangers),
        confidential=case.confidential,
        named_official=case.named_official,
        service=room.get("service") or case.service,
        holder=room.get("officer"),
        phone=reachable(filing.phone) if filing is not None else None,
    )
