"""A desk to be killed: a real case store that has stored what was done, at the moment of publishing it.

    desk_process.py <point> <officer> <ticket> …

It notes NOTES times on every case, all cases at once. The first publishing that comes is held for ever:
`written`: before anything of it was sent; `sent`: after Kafka has acknowledged it and before anything was
trimmed. On stdout: the point when it is reached, and `acted` when every act has its answer.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.process import run
from services.kernel.adapters.room_store import MongoRooms
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.vault import Vault
from services.kernel.contracts.codec import Message
from services.kernel.domain.case import Act
from services.kernel.domain.errors import Conflict
from services.kernel.domain.people import Actor

NOTES = 4


class Held:
    """A publisher that stops for ever at `point`."""

    def __init__(self, publisher: Publisher, point: str) -> None:
        self._publisher = publisher
        self._point = point

    async def publish(self, messages: Sequence[Message]) -> None:
        if self._point == "sent":
            await self._publisher.publish(messages)
        print(self._point, len(messages), flush=True)
        await asyncio.Event().wait()


async def main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    point, officer, *tickets = sys.argv[1:]
    database = mongo.connect(settings.mongo, settings.database)
    publisher = Publisher(settings.kafka, client_id=officer)
    await publisher.start()
    cases = CaseStore(
        MongoRooms(database["cases"], "case", READS),
        Outbox("case", Held(publisher, point)),
        Vault(database["receipts"], settings.keys),
        system_clock(),
    )
    cases.start()
    actor = Actor("officer", officer, "janjgir-champa")

    async def note(ticket: str) -> None:
        for n in range(NOTES):
            act = Act("note", actor, cause=f"{officer}/{n}", note="a")
            while True:
                try:
                    await cases.act(ticket, act)
                    break
                except Conflict:  # the other desk is busy with this case; asked again, as the page does
                    continue

    await asyncio.gather(*map(note, tickets))
    print("acted", flush=True)


if __name__ == "__main__":
    run("desk", main)
