"""Citizens who file and officers who work what was filed, all at once and all through HTTP.

A closed loop: everybody waits for his answer before he goes on, and repeats what was not answered.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx

from services.cli.stack import Stack
from tests.chaos.logbook import Deed, Filing, Logbook
from tests.chaos.sender import Sender
from tests.chaos.staff import token
from tests.e2e.client import bearer

CITIZENS = 8
OFFICERS = 8
TWICE_EVERY = 7
"""One request in so many is pressed twice at once."""
WORKED_EVERY = 3
"""One case in so many is worked to its end."""
LOOK_SECONDS = 0.25
FINDING_SECONDS = 90.0
WORDS = "ZQXSTORM"
"""In what every citizen writes, so that it is known again where it may not be."""

# district, service, block, what happened
MATTERS: tuple[tuple[str, str, str, str], ...] = (
    ("janjgir-champa", "hand-pump", "akaltara", "हमारे मोहल्ले का हैंडपंप खराब है"),
    ("janjgir-champa", "power-cut", "nawagarh", "दो दिन से बिजली बंद है"),
    ("sakti", "bijli-gul", "sakti-block", "रात से बिजली गुल है"),
    ("janjgir-champa", "piped-water", "pamgarh", "नल में पानी नहीं आ रहा"),
    ("sakti", "pani-nahi", "dabhra-block", "पीने का पानी नहीं मिल रहा"),
)
DISTRICTS = ("janjgir-champa", "sakti")

_TOKEN = re.compile(r'name="token" value="([^"]+)">\s*<button class="big yes" name="act" value="confirm"')


class Gate:
    """How many cases may be filed yet: the storm opens it wave by wave, so that every fault strikes while
    there are cases to be filed, however long the line takes to recover."""

    def __init__(self) -> None:
        self._up_to = 0
        self._taken = 0
        self._filed = 0
        self._changed = asyncio.Condition()

    async def open(self, up_to: int) -> None:
        async with self._changed:
            self._up_to = up_to
            self._changed.notify_all()

    async def take(self, whole: int) -> int | None:
        """The number of the next case, None when all `whole` are taken."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._taken < self._up_to or self._taken >= whole)
            if self._taken >= whole:
                return None
            self._taken += 1
            self._changed.notify_all()
            return self._taken - 1

    async def filed(self) -> None:
        async with self._changed:
            self._filed += 1
            self._changed.notify_all()

    async def reached(self, count: int) -> None:
        """Wait until so many cases have their answer."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._filed >= count)


class Crowd:
    """Files `cases` cases, `per_second` while the line answers, and works every third."""

    def __init__(
        self, stack: Stack, log: Logbook, gate: Gate, *, cases: int, per_second: float, run: str
    ) -> None:
        self._stack = stack
        self._log = log
        self._gate = gate
        self._cases = cases
        self._think_seconds = CITIZENS / per_second
        self._run = run
        self._sender = Sender(log)
        self._work: asyncio.Queue[Filing | None] = asyncio.Queue()
        self._numbers = itertools.count()

    async def run(self) -> None:
        """Returns when every case is filed and every worked one has reached its end."""
        try:
            async with asyncio.TaskGroup() as officers:
                for _ in range(OFFICERS):
                    officers.create_task(self._officer())
                async with asyncio.TaskGroup() as citizens:
                    for _ in range(CITIZENS):
                        citizens.create_task(self._citizen())
                for _ in range(OFFICERS):
                    self._work.put_nowait(None)
        finally:
            await self._sender.close()

    # --- citizens ---------------------------------------------------------------------

    async def _citizen(self) -> None:
        while (number := await self._gate.take(self._cases)) is not None:
            began = asyncio.get_running_loop().time()
            filing = await self._file(number)
            await self._gate.filed()
            if len(filing.tickets) == 1 and number % WORKED_EVERY == 0:
                self._work.put_nowait(filing)
            spent = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(0.0, self._think_seconds - spent))

    async def _file(self, number: int) -> Filing:
        district, service, block, text = MATTERS[number % len(MATTERS)]
        phone = f"+9199998{number:05d}"
        body = {
            "district": district,
            "kind": "complaint",
            "service": service,
            "text": f"{text} {WORDS} {number}",
            "place": {"block": block},
            "citizen": {"name": f"{WORDS} {number}", "phone": phone},
            "language": "en" if number % 4 == 3 else "hi",
        }
        filing = Filing(f"{self._run}-{number}", district, phone, body)
        self._log.filings[filing.key] = filing
        url = self._stack.url("intake-web", "/api/v1/cases")

        async def press() -> httpx.Response:
            headers = {"Idempotency-Key": filing.key}
            return await self._sender.send("POST", url, json=body, headers=headers)

        for answer in await self._pressed(press):
            if answer.status_code == 202:
                receipt = answer.json()
                filing.tickets.add(receipt["ticket"])
                filing.status_url = receipt["status_url"]
            else:
                self._log.fault(f"filing {filing.key}", answer.status_code, answer.text)
        return filing

    async def _pressed(self, press: Callable[[], Any]) -> list[httpx.Response]:
        twice = next(self._numbers) % TWICE_EVERY == 0
        self._log.twice += twice
        return list(await asyncio.gather(*(press() for _ in range(1 + twice))))

    # --- officers, operators and the citizen's word -----------------------------------

    async def _officer(self) -> None:
        while (filing := await self._work.get()) is not None:
            await self._work_case(filing)

    async def _work_case(self, filing: Filing) -> None:
        case = await self._placed(filing)
        officer = bearer(token("officer", filing.district, case["officer"]))
        version: int | None = case["version"]
        for action, more in (("acknowledge", {}), ("resolve", {"note": f"{WORDS} ठीक कर दिया"})):
            if version is not None:
                version = await self._act(filing, action, "officer", officer, version, more)
        if version is None:
            return
        if int(filing.ticket[-2:]) % 2:
            operator = bearer(token("operator", filing.district, "op-1"))
            await self._act(filing, "confirm", "operator", operator, version, {})
        else:
            await self._confirm_on_the_page(filing)

    async def _placed(self, filing: Filing) -> dict[str, Any]:
        """The case as soon as it is with an officer."""
        url = self._stack.url("desk", f"/api/v1/cases/{filing.ticket}")
        headers = bearer(token("collector", filing.district))
        end = asyncio.get_running_loop().time() + FINDING_SECONDS
        while True:
            answer = await self._sender.send("GET", url, headers=headers)
            if answer.status_code == 200 and answer.json()["officer"]:
                case: dict[str, Any] = answer.json()
                return case
            if answer.status_code not in (200, 404):
                self._log.fault(f"looking at {filing.ticket}", answer.status_code, answer.text)
            assert asyncio.get_running_loop().time() < end, f"{filing.ticket} was not routed in time"
            await asyncio.sleep(LOOK_SECONDS)

    async def _act(
        self,
        filing: Filing,
        action: str,
        role: str,
        headers: dict[str, str],
        version: int,
        more: dict[str, str],
    ) -> int | None:
        """The version after the act; None when it was not carried out."""
        deed = Deed(f"{filing.key}-{action}", filing.ticket, action, role)
        self._log.deeds[deed.key] = deed
        url = self._stack.url("desk", f"/api/v1/cases/{filing.ticket}/actions")
        body = {"action": action, "expected_version": version, **more}

        async def press() -> httpx.Response:
            with_key = {**headers, "Idempotency-Key": deed.key}
            return await self._sender.send("POST", url, json=body, headers=with_key)

        for answer in await self._pressed(press):
            if answer.status_code == 200:
                deed.accepted += 1
                deed.versions.add(answer.json()["version"])
            else:
                self._log.fault(f"{action} {filing.ticket}", answer.status_code, answer.text)
        return max(deed.versions, default=None)

    async def _confirm_on_the_page(self, filing: Filing) -> None:
        deed = Deed(f"{filing.key}-confirm", filing.ticket, "confirm", "citizen")
        self._log.deeds[deed.key] = deed
        url = self._stack.url("intake-web", urlsplit(filing.status_url).path)
        page = await self._sender.send("GET", url)
        found = _TOKEN.search(page.text)
        if found is None:
            self._log.fault(f"page of {filing.ticket} offers no confirmation", page.status_code, page.text)
            return
        form = {"act": "confirm", "token": found[1], "lang": "hi"}

        async def press() -> httpx.Response:
            return await self._sender.send("POST", url, data=form)

        for answer in await self._pressed(press):
            if answer.status_code == 303:
                deed.accepted += 1
            else:
                self._log.fault(f"confirming {filing.ticket}", answer.status_code, answer.text)
