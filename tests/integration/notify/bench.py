"""The service over a real store, with providers that answer from a script."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from services.kernel.adapters import mongo
from services.kernel.adapters.choices import load_choices
from services.kernel.adapters.guard import Guard
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import Message, Record
from services.kernel.testing.memory import ManualClock, MemoryBroker, MemoryParking
from services.notify.adapters.book_file import load_book
from services.notify.app import Notify, build
from services.notify.core.book import Book
from services.notify.testing.memory import ScriptedProvider

BOOK = load_book()
UNANSWERED = replace(
    BOOK, rules=tuple(replace(rule, answered_by=frozenset()) for rule in BOOK.rules)
)
"""As if no channel answered anybody itself: whoever files by WhatsApp is told so by notify."""
PARTITION = 7
BUCKETS = [b for b in range(256) if b % 12 == PARTITION]
ALL = range(256)


class Bench:
    def __init__(
        self, database: mongo.Database, settings: Settings, book: Book = BOOK
    ) -> None:
        self.database = database
        self.book = book
        self.settings = settings
        self.clock = ManualClock()
        self.broker = MemoryBroker()
        self.providers = {
            "whatsapp": ScriptedProvider("whatsapp", receipts=True),
            "mobile_seva": ScriptedProvider("mobile_seva"),
            "kannel": ScriptedProvider("kannel", receipts=True),
            "smtp": ScriptedProvider("smtp"),
        }
        self.service, self.guard = self.process()

    def process(self) -> tuple[Notify, Guard]:
        """Another process on the same store."""
        service = build(
            self.settings,
            self.database,
            self.broker,
            self.providers,  # type: ignore[arg-type]
            self.book,
            load_choices(),
            self.clock,
        )
        return service, Guard("notify", service.consumer, MemoryParking())

    async def handle(self, *messages: Message, guard: Guard | None = None) -> None:
        await (guard or self.guard).handle(records(*messages))

    async def stored(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            await self.database["messages"].find(query, sort=[("_id", 1)]).to_list(None)
        )
        return found

    async def send(self, service: Notify | None = None) -> None:
        """Until nothing more is due to be sent now, by any provider."""
        taken = 1
        while taken:
            taken = 0
            for sender in (service or self.service).senders.values():
                taken += (await sender.fire(self.clock(), ALL, 500))[0]
                while sender._tasks:
                    await asyncio.gather(*sender._tasks, return_exceptions=True)

    async def settle(self, service: Notify | None = None) -> None:
        """Whatever is due to be settled now, and then sent because of it."""
        service = service or self.service
        for _ in range(10):
            await self.send(service)
            gathered, _ = await service.gathering.fire(self.clock(), ALL, 500)
            settled, _ = await service.settling.fire(self.clock(), ALL, 500)
            if not gathered + settled:
                return

    def texts(self) -> list[str]:
        return [call.text for provider in self.providers.values() for call in provider.calls]


def records(*messages: Message) -> list[Record]:
    return [
        Record(m.topic, PARTITION, n, m.key, m.headers, m.value) for n, m in enumerate(messages)
    ]
