"""What is due and not taken up: how much, for how long, and which providers are left alone.

Every process counts the whole of it: of several take the largest, not the sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.clock import Clock
from services.kernel.contracts.notices import COLLECTION
from services.notify.adapters.sender import Sender
from services.notify.core.provider import ProviderName

MOST = 10_000


class Gauges:
    def __init__(
        self, database: mongo.Database, clock: Clock, senders: Mapping[ProviderName, Sender]
    ) -> None:
        self._messages = database[COLLECTION]
        self._clock = clock
        self._senders = senders

    async def measure(self) -> None:
        """Raises Unavailable."""
        now = self._clock()
        for queue in (*self._senders, "settle", "gather"):
            await self._queue(queue, now)
        for name, sender in self._senders.items():
            metrics.PROVIDER_PAUSED.labels(name).set(sender.paused(now))

    async def _queue(self, queue: str, now: datetime) -> None:
        due = {"queue": queue, "urgent": {"$in": [True, False]}, "next_at": {"$lte": now}}
        async with mongo.store_errors():
            count = await self._messages.count_documents(due, limit=MOST)
            first = await self._messages.find_one(due, {"next_at": 1}, sort=[("next_at", 1)])
        seconds = (now - first["next_at"]).total_seconds() if first is not None else 0.0
        metrics.MESSAGES_DUE.labels(queue).set(count)
        metrics.MESSAGES_OLDEST.labels(queue).set(seconds)
