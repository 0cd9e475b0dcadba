"""The service as a process of its own, with Kafka, MongoDB and the stand-ins: killed in the middle."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from services.cli.stack import Ports
from services.kernel.adapters import kafka as kafka_adapter
from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.http import server
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.catalogue import TOPICS
from services.standins import mail
from services.standins.app import create_app
from tests.daytime import daytime
from tests.integration.notify.asking import requested

Running = tuple[asyncio.subprocess.Process, httpx.AsyncClient]


@pytest.fixture
async def standins(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    http = server(create_app(Settings(home=tmp_path), mail.listen("127.0.0.1", 0)), "127.0.0.1", 0)
    task = asyncio.create_task(http.serve())
    while not http.started:
        await asyncio.sleep(0.01)
    port = http.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client
        await client.delete("/api/behaviour")
    http.should_exit = True
    await task


@pytest.fixture
async def publisher(kafka: str) -> AsyncIterator[Publisher]:
    wanted = {name: (topic.partitions, topic.configs) for name, topic in TOPICS.items()}
    await kafka_adapter.create_topics(kafka, wanted)
    publisher = Publisher(kafka, client_id="test")
    yield publisher
    await publisher.stop()


@pytest.fixture
def start(
    kafka: str,
    mongo_url: str,
    database: mongo.Database,
    directory: DirectoryStore,
    standins: httpx.AsyncClient,
    tmp_path: Path,
) -> Callable[..., Any]:
    """Runs `samvad notify` until the block ends, or until it is killed in it."""

    (tmp_path / "run").mkdir()

    @asynccontextmanager
    async def running(**settings: str) -> AsyncIterator[Running]:
        port = Ports.free()["notify"]
        environment = {
            **os.environ,
            **daytime(tmp_path),
            "SAMVAD_HOME": str(tmp_path),
            "SAMVAD_KAFKA": kafka,
            "SAMVAD_MONGO": mongo_url,
            "SAMVAD_DATABASE": database.name,
            "SAMVAD_NOTIFY_PORT": str(port),
            "SAMVAD_WHATSAPP_URL": f"{standins.base_url}/whatsapp".replace(
                "//whatsapp", "/whatsapp"
            ),
            "SAMVAD_SMS_URL": str(standins.base_url.join("/sms")),
            **settings,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.notify.app", env=environment
        )
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                await _ready(client, process)
                yield process, client
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 20)

    return running


async def _ready(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while True:
            assert process.returncode is None
            try:
                if (await client.get("/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def texts(standins: httpx.AsyncClient) -> list[str]:
    found = (await standins.get("/api/messages")).json()["messages"]
    return [message["text"] for message in found]


async def test_killed_while_a_call_hangs(
    start: Callable[..., Any],
    cases: Any,
    publisher: Publisher,
    standins: httpx.AsyncClient,
    database: mongo.Database,
    eventually: Callable[..., Any],
) -> None:
    async with start() as (first, client):
        ticket, filed = await cases.file(at=datetime.now(UTC))
        await publisher.publish([filed])

        async def told() -> bool:
            return len(await texts(standins)) == 1

        await eventually(told, "the first message")

        async def measured() -> bool:
            lines = (await client.get("/metrics")).text.splitlines()
            return "samvad_filed_to_notified_seconds_count 1.0" in lines

        await eventually(measured, "its outcome")
        await standins.post("/api/behaviour", json={"provider": "sms", "hang": True})
        await publisher.publish([cases.assigned(ticket)])

        async def hanging() -> bool:
            return len([t for t in await texts(standins) if "was given to an officer" in t]) == 1

        await eventually(hanging, "the message whose call hangs")
        first.kill()
        await first.wait()
    await standins.delete("/api/behaviour")
    await publisher.publish([cases.resolved(ticket), filed])

    # the clock of the second process is past the bound of the claim that the first one left
    async with start(SAMVAD_CLOCK_OFFSET="120"):

        async def all_told() -> bool:
            return any("Are you satisfied" in text for text in await texts(standins))

        await eventually(all_told, "the message after it")
    found = await database["messages"].find({"ticket": ticket, "audience": "citizen"}).to_list(None)
    assert {m["event"]: m["state"] for m in found} == {
        "samvad.case.filed.v1": "sent",
        "samvad.case.assigned.v1": "unknown",
        "samvad.case.resolved.v1": "sent",
    }
    assert (await standins.get("/api/duplicates")).json() == {"count": 0, "duplicates": []}
    assert len([t for t in await texts(standins) if "was given to an officer" in t]) == 1


async def test_replies_in_their_order(
    start: Callable[..., Any],
    settings: Settings,
    publisher: Publisher,
    standins: httpx.AsyncClient,
    eventually: Callable[..., Any],
) -> None:
    """Asked for on the topic, two and two, of people whose writing notify has not heard of."""
    phones = [f"+9198123456{n:02d}" for n in range(20)]
    for phone in phones:
        assert (await standins.post("/api/inbound", json={"from": phone, "text": "x"})).is_success
    asker: Any = SimpleNamespace(settings=settings, clock=lambda: datetime.now(UTC))
    asked = [
        requested(
            asker,
            f"wa/{phone}/{n}",
            to=phone,
            template="reply",
            channels=("whatsapp",),
            text=f"reply {n}",
            rows=(("a", "A", ""), ("b", "B", "second")) if n else (),
            list_button="Choose" if n else "",
            answers=asker.clock(),
        )
        for phone in phones
        for n in (0, 1)
    ]
    async with start():
        await publisher.publish(asked)

        async def all_told() -> bool:
            return len(await texts(standins)) == len(asked)

        await eventually(all_told, "every reply")
    found = (await standins.get("/api/messages?limit=100")).json()["messages"]
    assert all(message["accepted"] for message in found)
    for phone in phones:
        his = [message for message in found if message["to"] == phone[1:]]
        assert [(m["text"], [title for _, title in m["buttons"]]) for m in his] == [
            ("reply 0", []),
            ("reply 1", ["A", "B"]),
        ]
    assert (await standins.get("/api/duplicates")).json() == {"count": 0, "duplicates": []}
