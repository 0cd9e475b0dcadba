"""Gathering: messages to one person that were kept for a summary become one message, or go out alone.

They are marked with the summary's id before it is inserted, and collapsed after it. A crash in between, in
whatever window it is found, goes on with those that bear the mark, and with no others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

from services.notify.adapters.message_document import new_document
from services.notify.core.book import Book
from services.notify.core.messages import Message, Messages, Move, Step
from services.notify.core.wording import shorten, utf16_units

EVENT = "summary"
SUMMARISED = "summarised"
MORE = " …"
LOOK = 10_000
"""So many are looked at together at least: whoever saw a part only would make two summaries of one."""


class Gathers(Messages, Protocol):
    async def plan(self, documents: Sequence[dict[str, Any]]) -> int: ...

    async def mark(self, ids: Collection[str], summary: str) -> None: ...


class Gathering:
    """What falls due for a `DueLoop`. `elsewhere` is called when something is to be sent."""

    def __init__(self, messages: Gathers, book: Book, bucket_of: Callable[[str], int]) -> None:
        self.elsewhere: Callable[[], None] = lambda: None
        self._messages = messages
        self._book = book
        self._bucket_of = bucket_of

    async def fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]:
        """Raises Retry."""
        found = await self._messages.due("gather", buckets, now, max(limit, LOOK))
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
            self.elsewhere()
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
        return new_document(
            {
                "_id": id_,
                "ticket": None,
                "thread": first.recipient,
                "district": first.district,
                "zone": first.zone,
                "event": EVENT,
                "event_id": id_,
                "event_at": now,
                "audience": first.audience,
                "person": first.person,
                "source": None,
                "recipient": first.recipient,
                "channels": list(first.channels),
                "providers": list(first.providers),
                "template": template.id,
                "language": first.language,
                "values": {
                    name: shorten(offered.get(name, "-"), book.longest[name])
                    for name in template.variables
                },
                "urgent": False,
                "at_once": False,
                "announced": False,
                "order": int(now.timestamp()),
                "bucket": self._bucket_of(first.recipient),
            },
            queue=first.providers[0],
            sealed=None,
            not_before=None,
            now=now,
        )


def named(tickets: Sequence[str], longest: int) -> str:
    """The first of the tickets, as many as there is room for, and a sign where there are more."""
    for count in range(len(tickets), 0, -1):
        text = ", ".join(tickets[:count]) + (MORE if count < len(tickets) else "")
        if utf16_units(text) <= longest:
            return text
    return tickets[0]
