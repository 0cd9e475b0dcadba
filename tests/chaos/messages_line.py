"""What the sender of messages lives among: stand-ins that fail as they are told, the webhook that takes their
receipts, and one life of `notify` after another, each killed with -9 while it has something in hand."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from fastapi import FastAPI

from services.cli.stack import Ports
from services.intake.whatsapp.webhook.api import build
from services.intake.whatsapp.webhook.app import parts_of
from services.kernel.adapters import mongo
from services.kernel.adapters.http import server
from services.kernel.adapters.kafka import Publisher, read_whole
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import EventId
from services.kernel.contracts.notices import COLLECTION as MESSAGES
from services.kernel.contracts.topics import CALLS, COMPLAINTS
from services.notify.adapters.sender import CLAIM_SECONDS
from services.notify.core.provider import ProviderName
from services.standins import dlr, mail
from services.standins.app import create_app
from services.standins.courier import Patience
from tests.chaos.lives import forget_the_dead
from tests.chaos.messages_cases import PATIENCE_MINUTES, Owed
from tests.chaos.messages_judge import Evidence, Stored, Taken, Tried

GROUPS = ("samvad-notify", "samvad-notify-messages", "samvad-notify-receipts")
LIFE_SECONDS = 60.0
REST_SECONDS = 120.0
LOOK_SECONDS = 0.05
MOST_TAKEN = 10_000
STEP_SECONDS = int(CLAIM_SECONDS) + 1
"""By so much each life is ahead of the one before it, so that the claims of that are nobody's any more."""
PATIENT_SECONDS = (PATIENCE_MINUTES + 1) * 60
LATENCY_MS = 150
SILENT: ProviderName = "mobile_seva"
"""Tells nothing of what it has taken: what is sent again there is a double that no receipt prevents."""
NEVER_GIVES_UP = Patience(tries=1000, first_pause=0.2, longest_pause=1.0)
"""With reports for a sender that is often away: one that is lost would be no fault of his."""

TELLING: tuple[dict[str, Any], ...] = (
    {"provider": "whatsapp", "delay_ms": LATENCY_MS},
    {"provider": "whatsapp", "receipts": "repeat", "receipt_share": 0.5},
    {"provider": "whatsapp", "receipts": "shuffle", "receipt_share": 0.5},
    {"provider": "whatsapp", "read": True, "receipt_share": 0.3},
    {"provider": "sms", "delay_ms": LATENCY_MS},
    {"provider": "kannel", "delay_ms": LATENCY_MS},
    {"provider": "kannel", "receipts": "repeat", "receipt_share": 0.5},
    {"provider": "kannel", "receipts": "shuffle", "receipt_share": 0.5},
)
"""What the stand-ins do to the end: receipts come late, repeated and out of order."""
FAILING: tuple[dict[str, Any], ...] = (
    {"provider": "whatsapp", "fail_code": 131000, "share": 0.15},
    {"provider": "whatsapp", "fail_code": 130429, "share": 0.05},
    {"provider": "whatsapp", "fail_code": 131049, "share": 0.03},
    {"provider": "whatsapp", "fail_code": 131026, "share": 0.01},
    {"provider": "whatsapp", "receipt_fail_code": 131049, "receipt_share": 0.01},
    {"provider": "whatsapp", "receipts": "drop", "receipt_share": 0.02},
    {"provider": "sms", "http_status": 503, "share": 0.2},
    {"provider": "sms", "fail_code": 413, "share": 0.04},
    {"provider": "sms", "fail_code": 406, "share": 0.01},
    {"provider": "kannel", "fail_code": 503, "share": 0.2},
    {"provider": "kannel", "fail_code": 403, "share": 0.04},
    {"provider": "kannel", "receipt_fail_code": 2, "receipt_share": 0.01},
)
"""And while they do badly: one call in five fails for the moment, one in twenty for good, at once or by a
receipt; some receipts never come."""


@asynccontextmanager
async def _serving(app: FastAPI) -> AsyncIterator[str]:
    """On a free port of this process; the address."""
    http = server(app, "127.0.0.1", 0)
    task = asyncio.create_task(http.serve())
    while not http.started:
        assert not task.done(), "it does not serve"
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}"
    finally:
        http.should_exit = True
        await task


@asynccontextmanager
async def providers(kafka: str, home: Path, register: Path) -> AsyncIterator[Providers]:
    """The stand-ins, which have approved the texts of `register`, and the webhook that they tell."""
    publisher = Publisher(kafka, client_id="intake-whatsapp")
    try:
        webhook = build(parts_of(Settings(), publisher), {"kafka": publisher.ping})
        async with _serving(webhook) as told:
            address = f"{told}/webhooks/whatsapp"
            settings = Settings(home=home, notify_book=register, whatsapp_webhook=address)
            with patch.object(dlr, "PATIENCE", NEVER_GIVES_UP):
                app = create_app(settings, mail.listen("127.0.0.1", 0))
            async with _serving(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
                yield Providers(url, client)
    finally:
        await publisher.stop()


@dataclass(frozen=True)
class Providers:
    url: str
    _http: httpx.AsyncClient

    async def behave(self, *more: Mapping[str, Any]) -> None:
        answer = await self._http.post("/api/behaviour", json=[*TELLING, *more])
        assert answer.status_code == 200, answer.text

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self._http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def taken(self, owed: Collection[Owed]) -> dict[str, list[Taken]]:
        """Every request, by the message that it was made for, in the order in which they came."""
        by_text = {(one.phone, one.text): one.id for one in owed}
        ids = {one.id for one in owed}
        requests: list[dict[str, Any]] = []
        for provider in ("whatsapp", "sms", "kannel"):
            found = await self.get("/api/messages", provider=provider, limit=MOST_TAKEN)
            assert found["count"] < MOST_TAKEN, "the stand-ins tell of no more than these"
            requests += found["messages"]
        taken: dict[str, list[Taken]] = defaultdict(list)
        for place, one in enumerate(sorted(requests, key=lambda one: one["at"])):
            id_ = one["key"] or by_text[one["to"][-10:], one["template"]]
            assert id_ in ids, f"a message of somebody else's: {id_}"
            taken[id_].append(
                Taken(place, one["provider"], one["accepted"], one["code"], one["status"])
            )
        return dict(taken)


@dataclass
class Lives:
    """`in_hand`: (message, claim) of all that was claimed when a life was killed. `port` stays the same:
    Kannel's reports go there. `ahead`: seconds by which the life that is now is ahead of the clock."""

    kafka: str
    database: mongo.Database
    home: Path
    settings: Mapping[str, str]
    port: int = field(default_factory=lambda: Ports.free()["notify"])
    in_hand: set[tuple[str, str]] = field(default_factory=set)
    ahead: int = 0
    _process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        return self.home / "notify.log"

    def now(self) -> datetime:
        """By the clock of the life that is now."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    @asynccontextmanager
    async def live(self, ahead: int = STEP_SECONDS) -> AsyncIterator[None]:
        """A life that is so much more ahead of the clock than the last one; ended at the end."""
        assert self._process is None
        self.ahead += ahead
        environment = {
            **os.environ,
            **self.settings,
            "SAMVAD_HOME": str(self.home),
            "SAMVAD_KAFKA": self.kafka,
            "SAMVAD_DATABASE": self.database.name,
            "SAMVAD_NOTIFY_PORT": str(self.port),
            "SAMVAD_KANNEL_RECEIPTS": f"http://127.0.0.1:{self.port}/receipts/kannel",
            "SAMVAD_CLOCK_OFFSET": str(self.ahead),
        }
        with self.log.open("ab") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.notify.app", env=environment, stdout=log, stderr=log
            )
        try:
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                await asyncio.wait_for(process.wait(), 20)
            self._process = None

    async def until(
        self, condition: Callable[[], Awaitable[object]], what: object, seconds: float = LIFE_SECONDS
    ) -> None:
        """Wait for a condition while the process lives; `what` is told when it does not come."""
        end = asyncio.get_running_loop().time() + seconds
        while not await condition():
            assert self._process is not None
            assert self._process.returncode is None, f"notify ended by itself: see {self.log}"
            assert asyncio.get_running_loop().time() < end, f"not within {seconds:.0f} s: {what}"
            await asyncio.sleep(LOOK_SECONDS)

    async def kill(self) -> int:
        """With -9, and with something in hand, also at SILENT: it is held still while that is looked at. How
        many it had."""
        process = self._process
        assert process is not None
        before = frozenset(self.in_hand)

        async def has_work() -> bool:
            process.send_signal(signal.SIGSTOP)
            claimed = await self._claimed()
            if any(queue == SILENT and (id_, claim) not in before for id_, claim, queue in claimed):
                return True
            process.send_signal(signal.SIGCONT)
            return False

        await self.until(has_work, "something in hand")
        self.in_hand.update((id_, claim) for id_, claim, _ in await self._claimed())
        process.kill()
        await process.wait()
        # as Kafka does by itself after ten seconds
        await forget_the_dead(self.kafka, *GROUPS)
        # what it had asked the store for when it was held may have been done since
        self.in_hand.update((id_, claim) for id_, claim, _ in await self._claimed())
        return len(self.in_hand - before)

    async def _claimed(self) -> list[tuple[str, str, str]]:
        """(message, claim, provider) of all that is claimed now."""
        found = self.database[MESSAGES].find({"state": "claimed"}, {"claim": 1, "queue": 1})
        return [(one["_id"], one["claim"], one["queue"]) async for one in found]

    def faults(self) -> list[str]:
        """What the lives logged of themselves as a fault, and not as something that was away."""
        wrong: list[str] = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                told = json.loads(line)
            except json.JSONDecodeError:
                continue  # a kill cut it short
            if isinstance(told, dict) and str(told.get("event")).endswith("fault"):
                where = (told.get("raised_at") or ["?"])[-1]
                wrong.append(f"{told['event']}: {told.get('error')} at {where}")
        return wrong


async def count(database: mongo.Database, *states: str) -> int:
    return await database[MESSAGES].count_documents({"state": {"$in": list(states)}})


async def waiting(database: mongo.Database, until: datetime | None = None) -> int:
    """How many messages wait for an instant, up to `until` or for any."""
    due: dict[str, Any] = {"$exists": True} if until is None else {"$lte": until}
    return await database[MESSAGES].count_documents({"next_at": due})


async def stored(database: mongo.Database) -> dict[str, Stored]:
    names = {"mobile_seva": "sms"}
    found = await database[MESSAGES].find({}).to_list(None)
    return {
        one["_id"]: Stored(
            one["state"],
            "next_at" in one,
            tuple(
                Tried(
                    names.get(tried["provider"], tried["provider"]),
                    tried["claim"],
                    tried.get("outcome"),
                    tried.get("status"),
                )
                for tried in one["attempts"]
            ),
        )
        for one in found
    }


async def gather(
    owed: Mapping[str, Owed], providers: Providers, lives: Lives, *, topics: bool = True
) -> Evidence:
    """`topics` False: without what Kafka has, which is read whole."""
    tickets = {one.ticket for one in owed.values()}
    calls: list[str] = []
    notices: dict[EventId, tuple[str, str]] = {}
    if topics:
        async for record in read_whole(lives.kafka, CALLS):
            key = (record.key or b"").decode()
            if key.partition("/")[0] in tickets:
                calls.append(key)
        async for record in read_whole(lives.kafka, COMPLAINTS):
            event_id = EventId.parse(record.header("ce_id") or "")
            if event_id.room == "notices" and event_id.ticket in tickets:
                about = json.loads(record.value or b"{}")["about"]
                notices[event_id] = (about, (record.header("ce_type") or "").split(".")[2])
    return Evidence(
        owed=owed,
        taken=await providers.taken(owed.values()),
        stored=await stored(lives.database),
        calls=calls,
        notices=list(notices.values()),
        in_hand=frozenset(lives.in_hand),
    )
