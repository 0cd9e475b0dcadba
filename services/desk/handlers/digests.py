"""Asks notify for the daily digests, once for a district and day. Knows ports only.

All are published, then the day is noted. A crash in between, or a second desk, asks again with the same
keys, by which notify makes them one message each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from services.desk.core import digests
from services.desk.core.digests import Day, Kind
from services.desk.core.ports import DigestCases, DigestNotes, Directories
from services.desk.core.texts import Texts
from services.kernel.contracts.beside import MessageRequested
from services.kernel.contracts.codec import Message, beside_the_case
from services.kernel.contracts.envelope import MasterKeys, Requested, new_data_key, seal
from services.kernel.contracts.topics import MESSAGES
from services.kernel.domain.directory import District, Officer
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.naming import Names
from services.kernel.domain.people import Actor, visible

AT_ONCE = 50
"""Messages that are published together."""

IN_THE_SUBJECT = ("district", "date")
"""What the text beside the table says of it."""


class Publishes(Protocol):
    async def publish(self, messages: Sequence[Message]) -> None:
        """Returns when all are acknowledged. Raises Unavailable when not all are known to be."""
        ...


class Districts(Directories, Protocol):
    async def districts(self) -> list[str]: ...


@dataclass(frozen=True)
class Digests:
    """One for a process. `names`: what notify calls a recipient; `desk`: the console's address."""

    districts: Districts
    cases: DigestCases
    notes: DigestNotes
    publisher: Publishes
    keys: MasterKeys
    names: Names
    texts: Texts
    desk: str

    async def round(self, now: datetime) -> int:
        """Ask for what is to be asked for now; how many messages. A district at fault stops no other.

        Raises Unavailable, and what went wrong with the first district that it did with.
        """
        count = 0
        fault: Exception | None = None
        for district in await self.districts.districts():
            try:
                count += await self._ask(await self.districts.newest(district), now)
            except Unavailable:
                raise
            except Exception as error:
                fault = fault or error
        if fault is not None:
            raise fault
        return count

    async def _ask(self, directory: District, now: datetime) -> int:
        day = digests.time_for(directory, now)
        if day is None or await self.notes.asked(directory.id, day.date):
            return 0
        asked: Counter[str] = Counter()
        waiting: list[Message] = []
        async for kind, message in self._messages(directory, day, now):
            waiting.append(message)
            asked[kind] += 1
            if len(waiting) == AT_ONCE:
                await self.publisher.publish(waiting)
                waiting = []
        if waiting:
            await self.publisher.publish(waiting)
        await self.notes.note(directory.id, day.date, now, asked)
        return asked.total()

    async def _messages(
        self, directory: District, day: Day, now: datetime
    ) -> AsyncIterator[tuple[Kind, Message]]:
        owing = await self.cases.owing(directory.id, day)
        for officer in digests.officers(directory, day.date):
            if officer.id not in owing:
                continue
            hidden = visible(Actor("officer", officer.id, directory.id), directory).hidden_officers
            overdue, due_today = [
                await self.cases.due(
                    directory.id, officer.id, hidden, since, until, digests.MOST_ROWS
                )
                for since, until in ((None, now), (now, day.end))
            ]
            if overdue.count or due_today.count:
                data = digests.of_officer(
                    officer, overdue, due_today, directory, day, now, self.texts, self.desk
                )
                yield "officer", self._message("officer", officer, data, directory, day, now)
        collector = digests.collector(directory)
        if collector is not None:
            actor = Actor("collector", collector.id, directory.id)
            hidden = visible(actor, directory).hidden_officers
            limit = digests.MOST_LONGEST
            figures = await self.cases.figures(directory.id, hidden, day, now, limit)
            data = digests.of_collector(
                collector, figures, directory, day, now, self.texts, self.desk
            )
            yield "collector", self._message("collector", collector, data, directory, day, now)

    def _message(
        self,
        kind: Kind,
        to: Officer,
        data: dict[str, Any],
        directory: District,
        day: Day,
        now: datetime,
    ) -> Message:
        key = digests.key(directory, to.id, day.date)
        recipient = self.names.officer(directory.id, to.id)
        content = Requested(
            to=to.email or "",
            audience=kind,
            language=to.language,
            channels=("email",),
            values={name: data[name] for name in IN_THE_SUBJECT},
            data=data,
        )
        data_key = new_data_key()
        event = MessageRequested(
            district=directory.id,
            key=key,
            recipient=recipient,
            template=digests.TEMPLATES[kind],
            at=now,
            sealed=seal(content, data_key, key),
            wrapped_key=self.keys.wrap(data_key, key),
        )
        return beside_the_case(event, MESSAGES, "desk", key=recipient.encode(), ce_id=key)
