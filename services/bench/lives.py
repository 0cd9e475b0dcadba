"""Whole lives of cases over HTTP: filed, routed, timed, told, acknowledged, resolved, searched for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from services.bench import people
from services.bench.wire import Http
from services.cli.stack import Stack

LOOK_SECONDS = 0.25
"""How long a person waits before he looks again whether the case has come to the desk."""
PATIENCE_SECONDS = 60.0


@dataclass
class Lives:
    """`together` lives at once, each beginning anew when it has ended."""

    stack: Stack
    together: int
    first: int
    done: int = 0
    looks: int = 0
    seconds: list[float] = field(default_factory=list)

    async def live(self, count: int) -> float:
        """Live `count` lives; lives a second."""
        bearer = people.bearer()
        web = Http(self.stack.ports["intake-web"])
        desk = Http(self.stack.ports["desk"], bearer)
        numbers = iter(range(self.first, self.first + count))
        self.first += count

        async def one_after_another() -> None:
            for number in numbers:
                began = time.perf_counter()
                await self._one(web, desk, number)
                self.seconds.append(time.perf_counter() - began)
                self.done += 1

        began = time.perf_counter()
        try:
            await asyncio.gather(*(one_after_another() for _ in range(self.together)))
        finally:
            web.close()
            desk.close()
        return count / (time.perf_counter() - began)

    async def _one(self, web: Http, desk: Http, number: int) -> None:
        key = f"Idempotency-Key: life-{number}\r\n".encode()
        filed = await web.post("/api/v1/cases", people.filing(number), key)
        _expect(filed.status, (202,), filed.body)
        ticket = filed.json["ticket"]
        await self._act(desk, ticket, {"action": "acknowledge", "expected_version": 1}, wait=True)
        await self._act(
            desk,
            ticket,
            {"action": "resolve", "expected_version": 2, "note": "हैंडपंप सुधार दिया गया है", "public": True},
        )
        found = await desk.get(f"/api/v1/cases?state=all&q={people.phone(number)}")
        _expect(found.status, (200,), found.body)
        items: Sequence[dict[str, str]] = found.json["items"]
        if ticket not in {item["ticket"] for item in items}:
            raise RuntimeError(f"a search by phone does not find the case: {found.body[:300]!r}")

    async def _act(self, desk: Http, ticket: str, body: dict[str, object], *, wait: bool = False) -> None:
        """`wait`: the case may not have come to the desk yet."""
        end = time.monotonic() + PATIENCE_SECONDS
        path, sent = f"/api/v1/cases/{ticket}/actions", orjson.dumps(body)
        key = f"Idempotency-Key: {body['action']}-{ticket}\r\n".encode()
        while True:
            if wait:
                await asyncio.sleep(LOOK_SECONDS)
            answer = await desk.post(path, sent, key)
            self.looks += 1
            if answer.status != 404 or not wait or time.monotonic() > end:
                break
        _expect(answer.status, (200,), answer.body)


def _expect(status: int, wanted: tuple[int, ...], body: bytes) -> None:
    if status not in wanted:
        raise RuntimeError(f"answered {status}: {body[:300].decode(errors='replace')}")
