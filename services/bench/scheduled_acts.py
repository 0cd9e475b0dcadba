"""What the benchmark's APScheduler jobs do: nothing at all, or what one of our timers does when it fires."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from services.bench.bare_timers import READS, claim_of, entries_of, headers_of, trim_of
from services.kernel.adapters.settings import Settings


def nothing(_: str) -> None:
    """The cheapest job there is."""


class Acts:
    """One case a job: read it, claim it with its outbox, publish, trim; each acknowledged as ours is."""

    def __init__(self, settings: Settings, database: str, topic: str) -> None:
        self._topic = topic
        client: MongoClient[dict[str, Any]] = MongoClient(settings.mongo, tz_aware=True, retryWrites=False)
        concern = WriteConcern(w="majority", j=True)
        self.cases = client.get_database(database, write_concern=concern)["cases"]
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._producer = self._wait(self._start(settings.kafka))

    def fire(self, ticket: str) -> None:
        case = self.cases.find_one({"_id": ticket}, READS)
        assert case is not None
        entries = entries_of(ticket, case["sla"])
        self.cases.bulk_write([claim_of(case, entries, datetime.now(UTC))])
        self._wait(self._publish(ticket, entries))
        self.cases.bulk_write([trim_of(entries[-1]["n"], [ticket])])

    async def _publish(self, ticket: str, entries: Sequence[dict[str, Any]]) -> None:
        sent = [
            await self._producer.send(
                self._topic, entry["value"], ticket.encode(), headers=headers_of(ticket, entry)
            )
            for entry in entries
        ]
        await asyncio.gather(*sent)

    async def _start(self, kafka: str) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=0
        )
        await producer.start()
        return producer

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


_acts: list[Acts] = []


def begin(settings: Settings, database: str, topic: str) -> Acts:
    """Make ready what `act` uses."""
    _acts.append(Acts(settings, database, topic))
    return _acts[-1]


def act(ticket: str) -> None:
    """Fire one case."""
    _acts[-1].fire(ticket)
