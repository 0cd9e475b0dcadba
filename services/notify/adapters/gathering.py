"""Gathering: messages to one person that were kept for a summary become one message, or go out alone.

They are marked with the summary's id before it is inserted, and collapsed after it. A crash in between, in
whatever window it is found, goes on with those that bear the mark, and with no others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

from services.kernel.domain.whatsapp_limits import utf16_units
from services.notify.adapters.message_document import to_document
from services.notify.adapters.waking import Wakes
from services.notify.core.book import Book
from services.notify.core.messages import Message, Messages, Move, Step
from services.notify.core.planning import PlannedMessage
from services.notify.core.values import NONE
from services.notify.core.wording import shorten

EVENT = "summary"
SUMMARISED = "summarised"
MORE = " …"


class Gathers(Messages, Protocol):
    async def plan(self, documents: Sequence[dict[str, Any]]) -> int: ...

    async def mark(self, ids: Collection[str], summary: str) -> None: ...


class Gathering:
    """What falls due for a `DueLoop`."""

    def __init__(
        self, messages: Gathers, book: Book, bucket_of: Callable[[str], int], wakes: Wakes
    ) -> None:
        self._wakes = wakes
        self._messages = messages
        self._book = book
        self._bucket_of = bucket_of

    async def fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]:
        """Raises Retry."""
        first = await self._messages.due("gather", buckets, now, limit)
        # all of each person's: whoever saw a part only would make two summaries of one
        recipients = {message.recipient for message in first}
        found = await self._messages.of_people("gather", recipients, now) if recipients else []
        marked: dict[str, list[Message]] = {}
        people: dict[str, list[Message]] = {}
        for message in found:
            if message.summary is not None:
                marked.setdefault(message.summary, []).append(message)
            else:
                people.setdefault(message.recipient, []).append(message)
        for summary, parts in marked.items():
            await self._sum_up(summary, parts, now)
        for theirs in people.values():
            await self._gather(theirs, now)
        if found:
            self._wakes.all()
        return len(found), None

    async def _gather(self, theirs: Sequence[Message], now: datetime) -> None:
        """Of one case the last message says all; of several there is a summary."""
        last: dict[str, Message] = {}
        for message in sorted(theirs, key=lambda one: one.order):
            last[message.thread] = message
        if len(last) > 1:
            summary = f"{EVENT}/{theirs[0].id}"
            ids = [message.id for message in theirs]
            await self._messages.mark(ids, summary)
            # without what was overtaken since, or is a part of somebody else's summary
            fresh = await self._messages.read(ids)
            marked = [fresh[id_] for id_ in ids if id_ in fresh and fresh[id_].summary == summary]
            await self._sum_up(summary, marked, now)
            return
        (message,) = last.values()
        await self._collapse([one for one in theirs if one.id != message.id], now)
        await self._messages.move([Move(message, now, Step("planned", message.channel, now))])

    async def _sum_up(self, summary: str, parts: Sequence[Message], now: datetime) -> None:
        waiting = [message for message in parts if message.state == "planned"]
        if waiting:
            await self._messages.plan([self._document(summary, waiting, now)])
            await self._collapse(waiting, now)

    async def _collapse(self, parts: Sequence[Message], now: datetime) -> None:
        await self._messages.move(
            [
                Move(message, now, Step("collapsed", message.channel, reason=SUMMARISED))
                for message in parts
            ]
        )

    def _document(self, id_: str, parts: Sequence[Message], now: datetime) -> dict[str, Any]:
        first = parts[0]
        book = self._book
        tickets = list(dict.fromkeys(message.values.get("ticket", "") for message in parts))
        offered = {
            "count": str(len(tickets)),
            "tickets": named(tickets, book.longest.get("tickets", 30)),
        }
        template = book.templates[book.summary.template]
        message = PlannedMessage(
            id=id_,
            event_id=id_,
            event=EVENT,
            event_at=now,
            ticket=None,
            # a thread of its own: what else is written to this person does not hold it up
            thread=f"{EVENT}/{first.recipient}",
            district=first.district,
            zone=first.zone,
            audience=first.audience,
            person=first.person,
            source=None,
            recipient=first.recipient,
            channels=first.channels,
            providers=first.providers,
            template=template.id,
            language=first.language,
            urgent=False,
            at_once=False,
            announced=False,
            gathered=False,
            not_before=None,
            values={
                name: shorten(offered.get(name, NONE), book.longest[name])
                for name in template.variables
            },
        )
        bucket = self._bucket_of(first.recipient)
        return to_document(message, order=int(now.timestamp()), bucket=bucket, now=now)


def named(tickets: Sequence[str], longest: int) -> str:
    """The first of the tickets, as many as there is room for, and a sign where there are more."""
    for count in range(len(tickets), 0, -1):
        text = ", ".join(tickets[:count]) + (MORE if count < len(tickets) else "")
        if utf16_units(text) <= longest:
            return text
    return tickets[0]
