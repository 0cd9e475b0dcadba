"""The bare baseline of sending: motor, an HTTP client, orjson, and no layer of ours. Run as a process; says
`ready`:

    python -m services.bench.bare_notify CLIENT URL CLAIMED CONCLUDED

CLIENT is httpx or aiohttp, with as many connections as ours. It sends what is due with WhatsApp, up to 64
messages at once from the claim to the written outcome, as ours: one find of CLAIMED ids, one update that
claims them, a POST each, one bulk of CONCLUDED updates that write the outcomes. The documents, updates,
indexes and acknowledgements are those of ours, and the request's body is one of ours (collection `example`),
under its own key. Nothing is composed, no receipt read and no envelope opened, no rate counted, no order
kept, no failure dealt with.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import httpx
import orjson
import uvloop
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import UpdateMany, UpdateOne
from pymongo.write_concern import WriteConcern

from services.kernel.adapters.due import BUCKETS
from services.kernel.adapters.settings import Settings
from services.notify.adapters.sender import CLAIM_SECONDS, SLOTS
from services.notify.adapters.wire import Bounds

QUEUE = "whatsapp"
RECEIPT_WITHIN = timedelta(hours=4)
IDLE_SECONDS = 0.01
Document = dict[str, Any]
Sent = tuple[str, str, str, datetime]
"""Id, claim, the provider's id, when."""
Post = Callable[[bytes], Awaitable[bytes]]
"""One request; the body of its answer."""


class Loop:
    """One loop over the due index, and one writer of outcomes."""

    def __init__(
        self, messages: Any, post: Post, body: Document, claimed: int, concluded: int
    ) -> None:
        self._messages = messages
        self._post = post
        self._body = body
        self._at_a_claim = claimed
        self._at_a_write = concluded
        self._under_way = 0
        self._calling = 0
        self._sent: list[Sent] = []
        self._freed = asyncio.Event()
        self._answered = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        await asyncio.gather(self._claims(), self._writes())

    async def _claims(self) -> None:
        mine = {"queue": QUEUE, "bucket": {"$in": list(range(BUCKETS))}}
        while True:
            if SLOTS - self._under_way < self._at_a_claim:
                self._freed.clear()
                await self._freed.wait()
                continue
            now = datetime.now(UTC)
            found = await self._messages.find(
                {**mine, "next_at": {"$lte": now}},
                {"_id": 1},
                sort=[("next_at", 1)],
                limit=self._at_a_claim,
            ).to_list(None)
            if not found:
                await asyncio.sleep(IDLE_SECONDS)
                continue
            ids = [document["_id"] for document in found]
            claim = os.urandom(12).hex()
            await self._messages.bulk_write([claim_of(ids, claim, now)], ordered=False)
            self._under_way += len(ids)
            self._calling += len(ids)
            for id_ in ids:
                task = asyncio.create_task(self._call(id_, claim))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _call(self, id_: str, claim: str) -> None:
        body = orjson.dumps({**self._body, "biz_opaque_callback_data": id_})
        answer = orjson.loads(await self._post(body))
        provider_id = answer["messages"][0]["id"]
        self._sent.append((id_, claim, provider_id, datetime.now(UTC)))
        self._calling -= 1
        self._answered.set()

    async def _writes(self) -> None:
        while True:
            await self._answered.wait()
            # what is not enough for a bulk waits for as long as there is something to wait for
            if not self._sent or (self._calling and len(self._sent) < self._at_a_write):
                self._answered.clear()
                continue
            some, self._sent = self._sent[: self._at_a_write], self._sent[self._at_a_write :]
            await self._messages.bulk_write([outcome_of(sent) for sent in some], ordered=False)
            self._under_way -= len(some)
            self._freed.set()


def claim_of(ids: list[str], claim: str, now: datetime) -> UpdateMany:
    attempt = {"claim": claim, "channel": "whatsapp", "provider": QUEUE, "claimed_at": now}
    return UpdateMany(
        {"_id": {"$in": ids}, "state": "planned"},
        {
            "$set": {
                "state": "claimed",
                "claim": claim,
                "next_at": now + timedelta(seconds=CLAIM_SECONDS),
            },
            "$inc": {"tries": 1, "v": 1},
            "$push": {"attempts": {"$each": [attempt], "$slice": -20}},
        },
    )


def outcome_of(sent: Sent) -> UpdateOne:
    """What was accepted waits for its receipt."""
    id_, claim, provider_id, at = sent
    return UpdateOne(
        {
            "_id": id_,
            "claim": claim,
            "state": {"$in": ["claimed", "unknown"]},
            "attempts.claim": claim,
        },
        {
            "$set": {
                "state": "sent",
                "channel": "whatsapp",
                "reason": None,
                "next_at": at + RECEIPT_WITHIN,
                "queue": "settle",
                "sent_at": at,
                "attempts.$.outcome": "accepted",
                "attempts.$.provider_id": provider_id,
                "attempts.$.sent_at": at,
            },
            "$unset": {"claim": "", "owes": ""},
            "$inc": {"v": 1},
        },
    )


@asynccontextmanager
async def with_httpx(url: str, headers: dict[str, str]) -> AsyncIterator[Post]:
    bounds = Bounds()
    limits = httpx.Limits(
        max_connections=bounds.connections,
        max_keepalive_connections=bounds.connections,
        keepalive_expiry=bounds.keep_alive,
    )
    address = httpx.URL(url)
    async with httpx.AsyncClient(
        headers=headers, limits=limits, timeout=bounds.read, trust_env=False
    ) as http:

        async def post(body: bytes) -> bytes:
            return (await http.post(address, content=body)).content

        yield post


@asynccontextmanager
async def with_aiohttp(url: str, headers: dict[str, str]) -> AsyncIterator[Post]:
    bounds = Bounds()
    connector = aiohttp.TCPConnector(limit=bounds.connections, keepalive_timeout=bounds.keep_alive)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:

        async def post(body: bytes) -> bytes:
            async with http.post(url, data=body) as answer:
                return await answer.read()

        yield post


CLIENTS = {"httpx": with_httpx, "aiohttp": with_aiohttp}


async def _main(client: str, url: str, claimed: str, concluded: str) -> None:
    settings = Settings()
    mongo: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        settings.mongo, tz_aware=True, retryWrites=False
    )
    database = mongo.get_database(
        settings.database, write_concern=WriteConcern(w="majority", j=True)
    )
    example = await database["example"].find_one({"_id": 1})
    assert example is not None
    headers = {
        "Authorization": f"Bearer {settings.whatsapp_token.get_secret_value()}",
        "Content-Type": "application/json",
    }
    address = f"{url}/whatsapp/{settings.whatsapp_phone_number_id}/messages"
    async with CLIENTS[client](address, headers) as post:
        print("ready", flush=True)
        sizes = int(claimed), int(concluded)
        await Loop(database["messages"], post, example["body"], *sizes).run()


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
