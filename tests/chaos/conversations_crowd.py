"""Many citizens at once, and the provider between them and the webhook: signed bodies, often with several
people's messages, again until they are answered with 200, some of them twice, the same body long after."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.cli.stack import Stack
from services.intake.whatsapp.conversation.core.memory import reply_key
from services.kernel.adapters.settings import DEVELOPMENT_SECRET
from tests.chaos.conversations_citizen import Citizen, Content, Reply

WEBHOOK = "/webhooks/whatsapp"
DELIVERERS = 4
MOST_IN_BODY = 5
TWICE = 0.25
"""Of so many bodies the provider has not seen the 200."""
LATER_SECONDS = 3.0
AGAIN_SECONDS = 0.3
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.15
OVERLAP = timedelta(seconds=2)
"""By so much the stand-in is asked again for what it has told: one instant may be several messages'."""
IMPATIENT_SECONDS = 40.0
"""Who has no answer for so long writes the same again."""
THINKS_SECONDS = 0.5


@dataclass
class Tally:
    """`bodies`: first deliveries; `repeated`: of what had no 200; `twice`: of what had one."""

    bodies: int = 0
    repeated: Counter[str] = field(default_factory=Counter)
    twice: int = 0
    faults: list[str] = field(default_factory=list)


class Provider:
    """Delivers what is written, and tells what phones got."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self._webhook = stack.url("intake-whatsapp", WEBHOOK)
        self._standins = stack.url("standins")
        self._chance = chance
        self._http = httpx.AsyncClient(timeout=30)
        self._outbox: asyncio.Queue[tuple[dict[str, Any], dict[str, Any]]] = asyncio.Queue()
        self._later: set[asyncio.Task[None]] = set()
        self._delivered: list[bytes] = []
        self.tally = Tally()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """At the end all is delivered, what is told twice with it."""
        deliverers = [asyncio.create_task(self._deliver()) for _ in range(DELIVERERS)]
        try:
            yield
            await self._outbox.join()
            while self._later:
                await asyncio.gather(*self._later)
        finally:
            for task in (*deliverers, *self._later):
                task.cancel()
            await asyncio.gather(*deliverers, *self._later, return_exceptions=True)
            await self._http.aclose()

    # ------------------------------------------------------------ what is written

    async def begin(self, item: dict[str, Any], contact: dict[str, Any]) -> None:
        """Somebody's first words go through the stand-in, which takes no reply to who has not written."""
        body = {"item": item, "contact": contact}
        answer = await self._http.post(f"{self._standins}/api/inbound", json=body)
        assert answer.status_code == 202, answer.text

    def write(self, item: dict[str, Any], contact: dict[str, Any]) -> None:
        self._outbox.put_nowait((item, contact))

    async def _deliver(self) -> None:
        while True:
            some = [await self._outbox.get()]
            wanted = self._chance.randint(1, MOST_IN_BODY)
            with suppress(asyncio.QueueEmpty):
                while len(some) < wanted:
                    some.append(self._outbox.get_nowait())
            raw = _body(some)
            await self._until_taken(raw)
            self.tally.bodies += 1
            self._delivered.append(raw)
            if self._chance.random() < TWICE:
                self._again_later(raw)
            for _ in some:
                self._outbox.task_done()

    def _again_later(self, raw: bytes) -> None:
        async def again() -> None:
            await asyncio.sleep(self._chance.uniform(0, LATER_SECONDS))
            await self._until_taken(raw)
            self.tally.twice += 1

        task = asyncio.create_task(again())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def again_all(self, share: float) -> None:
        """A share of all that was ever delivered comes once more, in another order."""
        old = self._chance.sample(self._delivered, int(len(self._delivered) * share))
        for raw in old:
            await self._until_taken(raw)
        self.tally.twice += len(old)

    async def _until_taken(self, raw: bytes) -> None:
        """Raises AssertionError when it is not within PATIENCE_SECONDS."""
        signed = hmac.new(DEVELOPMENT_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signed}", "Content-Type": "application/json"}
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                answer = await self._http.post(self._webhook, content=raw, headers=headers)
            except httpx.TransportError as error:
                self.tally.repeated[type(error).__name__] += 1
            else:
                if answer.status_code == 200:
                    return
                self.tally.repeated[str(answer.status_code)] += 1
                if answer.status_code != 503:
                    self.tally.faults.append(f"the webhook: {answer.status_code} {answer.text[:200]}")
            await asyncio.sleep(self._chance.uniform(AGAIN_SECONDS / 2, AGAIN_SECONDS))
        raise AssertionError(f"the webhook did not take a body within {PATIENCE_SECONDS:.0f} s")

    # ------------------------------------------------------------ what phones got

    async def taken(self, since: datetime) -> list[dict[str, Any]]:
        """WhatsApp messages that phones got, oldest first, as the stand-in tells of them."""
        asked = {"since": since.isoformat(), "accepted": "true", "provider": "whatsapp", "limit": "10000"}
        answer = await self._http.get(f"{self._standins}/api/messages", params=asked)
        body = answer.json()
        assert body["count"] < 10_000, "the stand-in tells of no more messages than these"
        messages: list[dict[str, Any]] = body["messages"]
        return messages


class Crowd:
    """`moved`: how many messages were answered so far; `waiting`: how many are not."""

    def __init__(self, provider: Provider, citizens: Sequence[Citizen], chance: random.Random) -> None:
        self.citizens = citizens
        self.moved = 0
        self._provider = provider
        self._chance = chance
        self._since = datetime.now(UTC)
        self._heard: dict[str, asyncio.Queue[Reply]] = {one.address: asyncio.Queue() for one in citizens}
        self._known: set[str] = set()
        self._open: set[str] = set()
        self._run = f"{chance.randrange(16**8):08x}"

    @property
    def waiting(self) -> int:
        return len(self._open)

    async def run(self, over_seconds: float) -> None:
        """All begin within so many seconds; returns when everybody has his number."""
        reading = asyncio.create_task(self._read())
        try:
            async with asyncio.TaskGroup() as lives:
                for one in self.citizens:
                    lives.create_task(self._live(one, self._chance.uniform(0, over_seconds)))
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            for taken in await self._provider.taken(self._since - OVERLAP):
                if taken["id"] in self._known:
                    continue
                self._known.add(taken["id"])
                self._since = max(self._since, datetime.fromisoformat(taken["at"]))
                if taken["to"] in self._heard and taken["key"].startswith("wa/"):
                    self._got(Reply.of(taken), taken["to"])
            await asyncio.sleep(LOOK_SECONDS)

    def _got(self, reply: Reply, address: str) -> None:
        asked = reply.key.rpartition("/")[0]
        if asked in self._open:
            self._open.discard(asked)
            self.moved += 1
        self._heard[address].put_nowait(reply)

    async def _live(self, citizen: Citizen, after: float) -> None:
        await asyncio.sleep(after)
        said, keys = [citizen.first()], set[str]()
        while citizen.ticket is None:
            keys |= {await self._say(citizen, content) for content in said}
            try:
                async with asyncio.timeout(IMPATIENT_SECONDS):
                    said, keys = await self._answer(citizen, keys), set()
            except TimeoutError:
                citizen.insisted += 1
                said = said[:1]

    async def _answer(self, citizen: Citizen, keys: Collection[str]) -> list[Content]:
        """What he writes next, to a reply to what he wrote last; nothing when he has his number."""
        while citizen.ticket is None:
            reply = await self._heard[citizen.address].get()
            if reply.key.rpartition("/")[0] in keys and (answer := citizen.answer(reply)):
                return answer
        return []

    async def _say(self, citizen: Citizen, content: Content) -> str:
        """The key under which it is answered."""
        id_ = f"wamid.{self._run}{citizen.number:05d}{len(citizen.wrote):03d}"
        is_first = not citizen.wrote
        citizen.wrote.append(id_)
        asked = asked_by(id_)
        self._open.add(asked)
        await asyncio.sleep(self._chance.uniform(0, THINKS_SECONDS))
        item = citizen.item(id_, time.time(), content)
        if is_first:
            await self._provider.begin(item, citizen.contact)
        else:
            self._provider.write(item, citizen.contact)
        return asked


def asked_by(wamid: str) -> str:
    """With what the keys of the replies to a message begin."""
    return reply_key(wamid, 0).rpartition("/")[0]


def _body(some: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> bytes:
    """Now in one change, now in a change each."""
    groups = [some] if len(some) % 2 else [[one] for one in some]
    changes = [
        {
            "field": "messages",
            "value": {
                "messaging_product": "whatsapp",
                "metadata": {"phone_number_id": "100000000000001"},
                "contacts": [contact for _, contact in group],
                "messages": [item for item, _ in group],
            },
        }
        for group in groups
    ]
    whole = {"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": changes}]}
    return json.dumps(whole).encode()
