"""Fetches what citizens sent, beside their conversations: no turn waits for the provider.

A file is taken up by a lease, asked of the provider, looked at and kept; what is not taken, and what the
provider has no more, is told to its citizen once. Several processes may do so side by side.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from services.intake.whatsapp.conversation.adapters.graph_media import Failed, Fetched
from services.kernel.adapters import media as store
from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.media import Claimed, MediaStore
from services.kernel.adapters.periodic import every
from services.kernel.domain import media
from services.kernel.domain.errors import Retry
from services.kernel.domain.media import Refusal, RefusedMedia, State, Wanted

log = get_logger()
WORKERS = 4
"""Files fetched at once; each is in memory while it is."""
POLL_SECONDS = 3.0
MEASURE_SECONDS = 10.0
TIDY_SECONDS = 300.0
WORK_SECONDS = (store.LEASE - timedelta(seconds=30)).total_seconds()
"""Nothing is done with a file for longer: the lease must outlast it."""
_SET_UP_DOUBLINGS = 9
"""While the provider does not know us it is asked every few minutes: once mended, all come soon."""

Tells = Callable[[RefusedMedia], Awaitable[None]]


class Source(Protocol):
    async def fetch(self, wanted: Wanted) -> Fetched | Failed: ...


class MediaFetcher:
    """`refused` tells a citizen that there will be nothing; it is called until it returns once, and after a
    crash again for the same id. `workers` files are fetched at once."""

    def __init__(
        self,
        media_store: MediaStore,
        source: Source,
        refused: Tells,
        clock: Clock,
        *,
        workers: int = WORKERS,
        wanted: asyncio.Event | None = None,
    ) -> None:
        """`wanted` is set by whoever wants a file: it is looked for at once then."""
        self._store = media_store
        self._source = source
        self._refused = refused
        self._clock = clock
        self._workers = workers
        self._wake = wanted or asyncio.Event()

    def wake(self) -> None:
        """Something is wanted: look now."""
        self._wake.set()

    async def run(self) -> None:
        """For ever; it raises nothing but cancellation."""
        await asyncio.gather(
            *(self._work() for _ in range(self._workers)),
            every(MEASURE_SECONDS, "media", self._store.measure),
            every(TIDY_SECONDS, "media_purge", self._store.purge),
            every(TIDY_SECONDS, "media_tidy", self._store.tidy),
        )

    async def turn(self) -> bool:
        """Take up one file that is due; whether there was one. Raises Unavailable."""
        claimed = await self._store.claim()
        if claimed is None:
            return False
        try:
            async with asyncio.timeout(WORK_SECONDS):
                await self._handle(claimed)
        except Exception as error:
            if isinstance(error, Retry):
                log.warning("media.postponed", media=claimed.wanted.id, why=str(error))
            else:
                log.exception("media.fault", media=claimed.wanted.id)
            metrics.MEDIA.labels("again").inc()
            await self._store.postpone(claimed, _wait(claimed))
        return True

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                if await self.turn():
                    continue
            except Retry as error:
                log.warning("media.store", why=str(error))
            except Exception:
                log.exception("media.loop")
            # not wait_for: before Python 3.12 it may swallow a cancellation that meets the wake
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS * random.uniform(0.8, 1.2)):
                    await self._wake.wait()

    async def _handle(self, claimed: Claimed) -> None:
        if claimed.state != "wanted":
            await self._tell(claimed, claimed.reason or "not_taken")
            return
        age = self._clock() - claimed.wanted.at
        if age >= media.EXPIRES:
            await self._refuse(claimed, "gone")
            return
        started = time.perf_counter()
        answer = await self._source.fetch(claimed.wanted)
        if isinstance(answer, Failed):
            await self._failed(claimed, answer, age)
            return
        kind = claimed.wanted.kind
        judged = await asyncio.to_thread(media.judge, kind, answer.data, answer.told)
        if judged.mime is None:
            reason = judged.reason or "not_taken"
            if reason == "damaged":
                await self._failed(claimed, Failed("damaged", "sha256"), age)
            else:
                await self._refuse(claimed, reason)
            return
        if await self._store.keep(claimed, answer.data, judged.mime):
            metrics.MEDIA.labels("kept").inc()
            metrics.MEDIA_SECONDS.observe(time.perf_counter() - started)
            log.info("media.kept", media=claimed.wanted.id, bytes=len(answer.data))

    async def _failed(self, claimed: Claimed, failed: Failed, age: timedelta) -> None:
        patient = age < media.PATIENCE
        if failed.trouble == "too_large":
            await self._refuse(claimed, "too_large")
        elif failed.trouble == "gone" or (failed.trouble == "missing" and not patient):
            await self._refuse(claimed, "gone")
        elif failed.trouble == "damaged" and not patient:
            await self._refuse(claimed, "damaged")
        elif failed.trouble == "set_up":
            log.error("media.set_up", media=claimed.wanted.id, why=failed.why)
            metrics.MEDIA.labels("set_up").inc()
            wait = media.seconds_to_wait(
                min(claimed.tries, _SET_UP_DOUBLINGS), random.random(), failed.after
            )
            await self._store.postpone(claimed, wait)
        else:
            log.warning("media.again", media=claimed.wanted.id, why=failed.why)
            metrics.MEDIA.labels("again").inc()
            await self._store.postpone(claimed, _wait(claimed, failed.after))

    async def _refuse(self, claimed: Claimed, reason: Refusal) -> None:
        state: State = "gone" if reason == "gone" else "refused"
        if not await self._store.refuse(claimed, state, reason):
            return
        metrics.MEDIA.labels(state).inc()
        log.info("media.refused", media=claimed.wanted.id, reason=reason)
        await self._tell(claimed, reason)

    async def _tell(self, claimed: Claimed, reason: Refusal) -> None:
        await self._refused(store.refused(claimed, reason))
        await self._store.told(claimed)


def _wait(claimed: Claimed, told: float | None = None) -> float:
    return media.seconds_to_wait(claimed.tries, random.random(), told)
