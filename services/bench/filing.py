"""Citizens who file one case after another, on many connections at once."""

from __future__ import annotations

import asyncio
import time

from services.bench import people
from services.bench.wire import Http


async def file_over_http(port: int, first: int, count: int, *, together: int) -> float:
    """Closed loop over `together` connections; cases a second. Raises RuntimeError for another answer
    than 202."""
    http = Http(port)
    numbers = iter(range(first, first + count))

    async def one_after_another() -> None:
        for number in numbers:
            key = f"Idempotency-Key: filing-{number}\r\n".encode()
            answer = await http.post("/api/v1/cases", people.filing(number), key)
            if answer.status != 202:
                raise RuntimeError(f"answered {answer.status}: {answer.body[:200]!r}")

    began = time.perf_counter()
    try:
        await asyncio.gather(*(one_after_another() for _ in range(together)))
    finally:
        http.close()
    return count / (time.perf_counter() - began)
