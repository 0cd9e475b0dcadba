"""What tests of notifications do to a running line beside filing and acting: providers misbehave, people
write by WhatsApp, others put records on the topics beside the cases."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx

from services.kernel.adapters import mongo
from services.kernel.adapters.kafka import Publisher, read_whole
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.beside import MessageRequested
from services.kernel.contracts.codec import Message, beside_the_case
from services.kernel.contracts.envelope import Requested, new_data_key, seal
from services.kernel.contracts.topics import CALLS, MESSAGES
from services.kernel.domain.naming import Names
from tests.e2e.client import Line, bearer, until

Item = dict[str, Any]
SETTLED = {"sent", "delivered", "read", "failed", "unknown", "collapsed"}
QUESTION = "samvad.question.asked.v1"
_numbers = count(1)


def new_phone() -> str:
    """Nobody else's of this session: what is learnt of it (it is nobody's, it wants no messages) stays."""
    return f"+9199999885{next(_numbers):02d}"


@dataclass
class Telling:
    """`settings`: those of the line, whose secrets sign and name."""

    at: Line
    settings: Settings
    database: mongo.Database

    @property
    def names(self) -> Names:
        return Names(self.settings.contact_secret.get_secret_value())

    async def behave(self, *behaviours: Mapping[str, Any]) -> None:
        """In place of what the providers named did."""
        url = self.at.stack.url("standins", "/api/behaviour")
        (await self.at.http.post(url, json=list(behaviours))).raise_for_status()

    async def as_usual(self) -> None:
        url = self.at.stack.url("standins", "/api/behaviour")
        (await self.at.http.delete(url)).raise_for_status()

    async def write(self, phone: str, text: str) -> None:
        """The owner of the phone writes by WhatsApp."""
        url = self.at.stack.url("standins", "/api/inbound")
        (await self.at.http.post(url, json={"from": phone, "text": text})).raise_for_status()

    async def webhook(self, *items: Item, kind: str = "messages") -> httpx.Response:
        """One body of the provider's, signed."""
        value = {
            "metadata": {"phone_number_id": self.settings.whatsapp_phone_number_id},
            kind: items,
        }
        change = {"field": "messages", "value": value}
        raw = json.dumps({"entry": [{"id": "1", "changes": [change]}]}).encode()
        secret = self.settings.whatsapp_app_secret.get_secret_value().encode()
        signed = hmac.new(secret, raw, hashlib.sha256).hexdigest()
        return await self.at.http.post(
            self.at.stack.url("intake-whatsapp", "/webhooks/whatsapp"),
            content=raw,
            headers={"X-Hub-Signature-256": f"sha256={signed}"},
        )

    async def opted_out(self, phone: str) -> bool:
        known = await self.database["contacts"].find_one({"_id": self.names.phone(phone)})
        return known is not None and known.get("opted_out_at") is not None

    async def notices(self, ticket: str, token: str) -> list[Item]:
        """As the desk tells of them."""
        url = self.at.stack.url("desk", f"/api/v1/cases/{ticket}/notices")
        answer = await self.at.http.get(url, headers=bearer(token))
        assert answer.status_code == 200, answer.text
        items: list[Item] = answer.json()["items"]
        return items

    async def notices_where(
        self, ticket: str, token: str, holds: Callable[[list[Item]], object], what: str
    ) -> list[Item]:
        async def look() -> list[Item] | None:
            items = await self.notices(ticket, token)
            return items if holds(items) else None

        found: list[Item] = await until(look, f"notices of {ticket}: {what}", 20)
        return found

    async def sla(self, ticket: str, token: str) -> Item:
        url = self.at.stack.url("desk", f"/api/v1/cases/{ticket}/sla")
        answer = await self.at.http.get(url, headers=bearer(token))
        assert answer.status_code == 200, answer.text
        clock: Item = answer.json()
        return clock

    async def in_progress(self, ticket: str, district: str) -> tuple[str, int]:
        """The officer has begun, and everybody was told of the case: his token and the case's version."""
        at, collector = self.at, self.at.token("collector", district=district)
        case = await at.case_where(
            ticket, collector, lambda c: c["officer"] and c["sla"] and c["sla"]["deadline"], "timed"
        )
        officer = at.token("officer", case["officer"], district)
        version = case["version"]
        for action in ("acknowledge", "start"):
            done = await at.act(ticket, officer, action=action, expected_version=version)
            assert done.status_code == 200, done.text
            version = done.json()["version"]
        await self.notices_where(
            ticket,
            collector,
            lambda items: len(items) >= 3 and all(item["state"] in SETTLED for item in items),
            "told of the beginning",
        )
        return officer, version

    def request(
        self, key: str, phone: str, code: str, *, sealed_for: str = "", **fields: Any
    ) -> Message:
        """A one-time code that somebody asks to be sent. `sealed_for`: another key than it names."""
        data_key = new_data_key()
        content: dict[str, Any] = {
            "channels": ("whatsapp", "sms"),
            "audience": "citizen",
            "language": "en",
        }
        content |= {"to": phone, "values": {"code": code}}
        event = MessageRequested(
            **{
                "district": "janjgir-champa",
                "key": key,
                "recipient": self.names.phone(phone),
                "template": "login_code",
                "at": datetime.now(UTC),
                "sealed": seal(Requested(**content), data_key, sealed_for or key),
                "wrapped_key": self.settings.keys.wrap(data_key, key),
                **fields,
            }
        )
        return beside_the_case(event, MESSAGES, "test", key=event.recipient.encode(), ce_id=key)

    async def of_no_message(self) -> float:
        """How many WhatsApp statuses `read` were of messages that there are not."""
        text = (await self.at.http.get(self.at.stack.url("notify", "/metrics"))).text
        name = 'samvad_notification_receipts_total{channel="whatsapp",outcome="no_message",status="read"}'
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name)
        )

    def rubbish(self, topic: str, type_: str, phone: str) -> list[Message]:
        """Records of a type that is used: bytes, JSON of the wrong shape, envelopes that open for nobody."""
        headers = (("ce_type", type_.encode()), ("ce_id", b"x"))
        values = [
            b"", os.urandom(200), b"{}", b"[" * 50_000, b'{"district": 5}', b"x" * 500_000,
        ]  # fmt: skip
        found = [Message(topic, b"k", headers, value) for value in values]
        if topic == MESSAGES:
            found += [
                self.request("test/rubbish/key", phone, "1", sealed_for="test/other"),
                self.request("test/rubbish/template", phone, "1", template="nobody_has_it"),
                self.request("test/rubbish/wrapped", phone, "1", wrapped_key="dev:AAAA"),
                self.request("test/rubbish/none", phone, "1", wrapped_key=None),
                self.request("test/rubbish/district", phone, "1", district="atlantis"),
            ]
        return found

    async def publish(self, messages: Sequence[Message]) -> None:
        publisher = Publisher(self.settings.kafka, client_id="test-telling")
        try:
            await publisher.publish(messages)
        finally:
            await publisher.stop()

    async def told_of(self, text: str, phone: str) -> list[Item]:
        """What the providers were given for the phone with the text, in its order."""
        found = await self.at.messages(text)
        return [message for message in found if message["to"] == phone.removeprefix("+")]

    async def callbacks(self, ticket: str) -> list[Item]:
        """Requests to call somebody about the case, by the topic."""
        found = [
            json.loads(record.value or b"{}")
            async for record in read_whole(self.settings.kafka, CALLS)
            if record.header("ce_type") == "samvad.callback.requested.v1"
        ]
        return [request for request in found if request.get("ticket") == ticket]


@asynccontextmanager
async def telling(at: Line) -> AsyncIterator[Telling]:
    """The providers behave as usual again when the block ends, however it ends."""
    database = mongo.connect(at.stack.settings["SAMVAD_MONGO"], "samvad")
    settings = Settings(kafka=at.stack.settings["SAMVAD_KAFKA"])
    one = Telling(at, settings, database)
    try:
        yield one
    finally:
        await one.as_usual()
        mongo.close(database)


def about(items: Sequence[Item], event: str, audience: str = "citizen") -> Item | None:
    """The one notice of the event to the audience, None while there is none."""
    found = [item for item in items if (item["event"], item["audience"]) == (event, audience)]
    assert len(found) <= 1, found
    return found[0] if found else None


def state_of(items: Sequence[Item], event: str, audience: str = "citizen") -> str | None:
    item = about(items, event, audience)
    return item["state"] if item is not None else None


def tries(item: Item) -> list[tuple[str, str, str | None]]:
    return [(one["channel"], one["outcome"], one["reason"]) for one in item["attempts"]]
