"""A person's view of the running line: files cases, acts at the desk, reads what was sent."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from services.cli.stack import Stack

COMMAND = [sys.executable, "-m", "services.cli.main"]


class Line:
    """HTTP and command-line access to a stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.http = httpx.AsyncClient(timeout=30)
        self._tokens: dict[tuple[str, str | None, str], str] = {}

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`samvad …` with the stack's settings."""
        environment = {"PATH": "/usr/bin:/bin", **self.stack.settings}
        return subprocess.run(
            [*COMMAND, *words],
            capture_output=True,
            text=True,
            check=check,
            env=environment,
            timeout=120,
        )

    def token(self, role: str, person: str | None = None, district: str = "janjgir-champa") -> str:
        key = (role, person, district)
        if key not in self._tokens:
            who = ["--person", person] if person else []
            words = ["token", "--role", role, *who, "--district", district]
            self._tokens[key] = self.run(*words).stdout.strip()
        return self._tokens[key]

    async def file(self, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        url = self.stack.url("intake-web", "/api/v1/cases")
        return await self.http.post(url, json=body, headers=headers)

    async def filed(self, **body: Any) -> dict[str, Any]:
        answer = await self.file(**body)
        assert answer.status_code == 202, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt

    async def case(self, ticket: str, token: str) -> dict[str, Any] | None:
        answer = await self.http.get(
            self.stack.url("desk", f"/api/v1/cases/{ticket}"), headers=bearer(token)
        )
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        case: dict[str, Any] = answer.json()
        return case

    async def case_where(
        self, ticket: str, token: str, holds: Callable[[dict[str, Any]], object], what: str
    ) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            found = await self.case(ticket, token)
            return found if found is not None and holds(found) else None

        return await until(look, f"case {ticket}: {what}")

    async def act(self, ticket: str, token: str, **body: Any) -> httpx.Response:
        return await self.http.post(
            self.stack.url("desk", f"/api/v1/cases/{ticket}/actions"),
            json=body,
            headers=bearer(token),
        )

    async def messages(self, text: str) -> list[dict[str, Any]]:
        """What the stand-ins were given whose text holds `text`."""
        answer = await self.http.get(
            self.stack.url("standins", "/api/messages"), params={"ticket": text, "limit": 10_000}
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["messages"]
        return items

    async def duplicates(self) -> int:
        answer = await self.http.get(self.stack.url("standins", "/api/duplicates"))
        return int(answer.json()["count"])

    async def metric(self, process: str, name: str) -> float:
        """The sum over all labels of a metric of a process."""
        text = (await self.http.get(self.stack.url(process, "/metrics"))).text
        values = [
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith((name + " ", name + "{"))
        ]
        return sum(values)

    def audit(self, grace: float = 0.0) -> Mapping[str, int]:
        done = self.run("audit", "--json", "--grace", str(grace), check=False)
        audit: Mapping[str, int] = json.loads(done.stdout)
        return audit


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def until(look: Callable[[], Any], what: str, seconds: float = 40.0) -> Any:
    """Wait for a condition; fail naming it."""
    end = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)
