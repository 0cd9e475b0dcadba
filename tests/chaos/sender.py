"""Sends as a browser does, and the person before it: again, with the same key and the same words, when the
connection broke or the answer was 503."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import httpx

from tests.chaos.logbook import Logbook

PATIENCE_SECONDS = 120.0
AGAIN_SECONDS = 0.4


class Sender:
    """One for the whole crowd; every request and answer goes into the log."""

    def __init__(self, log: Logbook) -> None:
        self._log = log
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
        self._http = httpx.AsyncClient(timeout=30, limits=limits)

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, method: str, url: str, **content: Any) -> httpx.Response:
        """The first answer that is none of the server's faults. Raises AssertionError when there is none
        within PATIENCE_SECONDS."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            self._log.sent += 1
            try:
                answer = await self._http.request(method, url, **content)
            except httpx.TransportError as error:
                self._log.broken[type(error).__name__] += 1
                wait = AGAIN_SECONDS
            else:
                if answer.status_code < 500:
                    return answer
                wait = self._away(method, url, answer)
            self._log.repeated += 1
            await asyncio.sleep(random.uniform(wait / 2, wait))
        raise AssertionError(f"{method} {url}: no answer within {PATIENCE_SECONDS:.0f} s")

    def _away(self, method: str, url: str, answer: httpx.Response) -> float:
        """How long to wait; a 503 says so itself, and every other 5xx is a fault."""
        after = answer.headers.get("retry-after", "")
        if answer.status_code == 503 and after.isdecimal() and int(after) > 0:
            self._log.unavailable += 1
            return float(after)
        self._log.fault(f"{method} {url} (Retry-After: {after or 'none'})", answer.status_code, answer.text)
        return AGAIN_SECONDS
