"""The webhook as a process of its own, on the real broker: what it said 200 to is on the topic.

The module stops the broker that all tests share, and starts it again before it lets anybody else go on.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.cli.stack import Ports, Stack
from services.intake.whatsapp.webhook.api import MAX_BODY_BYTES
from services.kernel.adapters.kafka import create_topics, read_whole
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Record
from services.kernel.contracts.topics import WHATSAPP_INBOUND
from services.kernel.domain.naming import Names
from tests.integration.kernel.broker import standing_still

PATH = "/webhooks/whatsapp"
SECRET = "app-secret"
SENDER = "919999900301"


class Running:
    """The process and the topic that it writes to."""

    def __init__(self, http: httpx.AsyncClient, kafka: str, stack: Stack) -> None:
        self.http = http
        self.stack = stack
        self._kafka = kafka

    async def send(self, *items: dict[str, Any]) -> httpx.Response:
        """These messages in one signed body."""
        value = {"metadata": {"phone_number_id": "200"}, "messages": items}
        entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
        raw = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        signed = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signed}"}
        return await self.http.post(PATH, content=raw, headers=headers)

    async def heard(self) -> dict[str, list[Record]]:
        """The records of the topic by their ids."""
        found: dict[str, list[Record]] = {}
        async for record in read_whole(self._kafka, WHATSAPP_INBOUND):
            found.setdefault(record.header("ce_id") or "", []).append(record)
        return found

    async def ready(self) -> bool:
        try:
            return (await self.http.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
async def running(infra: Stack, kafka: str, eventually: Any) -> AsyncIterator[Running]:
    topic = TOPICS[WHATSAPP_INBOUND]
    await create_topics(kafka, {topic.name: (topic.partitions, topic.configs)})
    port = Ports.free()["intake-whatsapp"]
    environment = {
        **os.environ,
        "SAMVAD_KAFKA": kafka,
        "SAMVAD_INTAKE_WHATSAPP_PORT": str(port),
        "SAMVAD_WHATSAPP_APP_SECRET": f"{SECRET},older",
        "SAMVAD_WHATSAPP_VERIFY_TOKEN": "verify-me",
        "SAMVAD_WHATSAPP_NUMBERS": "200:sakti",
        "SAMVAD_CONTACT_SECRET": "contact-secret",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli.main", "intake-whatsapp", env=environment
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            made = Running(http, kafka, infra)
            await eventually(made.ready, "the webhook to be ready")
            yield made
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if infra.pid("kafka") is None or not await asyncio.to_thread(infra.ready, "kafka"):
            await asyncio.to_thread(infra.start, "kafka")


def message(sender: str = SENDER, text: str = "पानी नहीं आ रहा") -> dict[str, Any]:
    wamid = f"wamid.{uuid.uuid4().hex}="
    return {"from": sender, "id": wamid, "type": "text", "text": {"body": text}}


async def test_the_provider_is_answered_by_the_process(running: Running) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "42"}
    answer = await running.http.get(PATH, params=asked)
    assert (answer.status_code, answer.text) == (200, "42")
    assert (await running.http.post(PATH, content=b"{}")).status_code == 401
    assert "samvad_whatsapp_received_total" in (await running.http.get("/metrics")).text


async def test_what_was_answered_with_200_is_on_the_topic_in_each_sender_s_order(
    running: Running,
) -> None:
    senders = [f"9199999003{n:02}" for n in range(8)]
    sent = {sender: [message(sender, f"{n}") for n in range(25)] for sender in senders}

    async def of_one(sender: str) -> None:
        for at in range(0, 25, 5):
            assert (await running.send(*sent[sender][at : at + 5])).status_code == 200

    await asyncio.gather(*(of_one(sender) for sender in senders))
    heard = await running.heard()
    for sender, items in sent.items():
        records = [heard[item["id"]] for item in items]
        assert [len(found) for found in records] == [1] * 25
        assert {found[0].key for found in records} == {
            Names("contact-secret").phone(f"+{sender}").encode()
        }
        assert len({found[0].partition for found in records}) == 1
        offsets = [found[0].offset for found in records]
        assert offsets == sorted(offsets)
        events = [WhatsAppReceived.model_validate_json(found[0].value or b"") for found in records]
        assert [event.item for event in events] == items
        assert {(event.district, event.number) for event in events} == {("sakti", "200")}


async def test_a_body_as_large_as_the_provider_s_comes_through(running: Running) -> None:
    large = message(text="x" * (MAX_BODY_BYTES - 1000))
    assert (await running.send(large)).status_code == 200
    assert large["id"] in await running.heard()
    answer = await running.send(message(text="x" * MAX_BODY_BYTES))
    assert answer.status_code == 413
    assert str(MAX_BODY_BYTES) in answer.json()["error"]["reason"]


async def test_a_kafka_that_is_down_is_503_and_nothing_that_is_sent_again_is_lost(
    running: Running, eventually: Any
) -> None:
    before, during = message(), [message() for _ in range(6)]
    assert (await running.send(before)).status_code == 200
    await asyncio.to_thread(running.stack.stop, "kafka")
    answers = await asyncio.gather(*(running.send(item) for item in during))
    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    assert not await running.ready()
    assert (await running.http.get("/health/live")).status_code == 200
    await asyncio.to_thread(running.stack.start, "kafka")
    await eventually(running.ready, "the webhook to find Kafka again")
    for item in during:
        # as the provider does: the same body until there is a 200

        async def taken(again: dict[str, Any] = item) -> bool:
            return (await running.send(again)).status_code == 200

        await eventually(taken, "the body to be taken")
    heard = await running.heard()
    assert {before["id"], *(item["id"] for item in during)} <= heard.keys()


async def test_a_kafka_that_answers_nothing_is_503_within_a_bound(
    running: Running, eventually: Any
) -> None:
    first, second = message(), message()
    assert (await running.send(first)).status_code == 200
    async with standing_still(running.stack):
        answer = await running.send(second)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
    await eventually(running.ready, "the webhook to find Kafka again")
    assert (await running.send(second)).status_code == 200
    assert second["id"] in await running.heard()
