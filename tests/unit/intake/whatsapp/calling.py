"""The webhook on a broker in memory, called as WhatsApp's servers call it."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import yaml

from services.intake.whatsapp.webhook.api import MAX_BODY_BYTES, PATH, Parts, build
from services.intake.whatsapp.webhook.records import Records
from services.intake.whatsapp.webhook.signature import Signatures
from services.kernel.adapters.http import BodyLimit
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.codec import Record
from services.kernel.contracts.topics import WHATSAPP_INBOUND
from services.kernel.domain.naming import Names
from services.kernel.testing.memory import ManualClock, MemoryBroker

NUMBER = "100000000000001"


class Webhook:
    """`secrets` as in the settings; bodies are signed with the first of them."""

    def __init__(self, secrets: str = "app-secret", districts: dict[str, str] | None = None) -> None:
        self.broker = MemoryBroker()
        self.clock = ManualClock()
        self.names = Names("contact-secret")
        self.up = True
        self._secret = secrets.partition(",")[0]

        async def kafka() -> bool:
            return self.up

        app = build(
            Parts(
                publisher=self.broker,
                records=Records(self.names, districts or {}, "janjgir-champa"),
                signatures=Signatures(secrets),
                verify_token="verify-me",
                clock=self.clock,
            ),
            {"kafka": kafka},
        )
        transport = httpx.ASGITransport(app=BodyLimit(app, MAX_BODY_BYTES), raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://samvad.test")

    async def send(self, body: Any, secret: str | None = None) -> httpx.Response:
        """A body as the provider sends it, signed; `body` as bytes goes as it is."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = hmac.new((secret or self._secret).encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signed}", "Content-Type": "application/json"}
        return await self.http.post(PATH, content=raw, headers=headers)

    def records(self) -> list[Record]:
        return self.broker.records(WHATSAPP_INBOUND)

    def received(self) -> list[WhatsAppReceived]:
        return [WhatsAppReceived.model_validate_json(r.value or b"") for r in self.records()]


def value(**more: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "917970001634", "phone_number_id": NUMBER}
    return {"messaging_product": "whatsapp", "metadata": metadata, **more}


def change(**more: Any) -> dict[str, Any]:
    return {"field": "messages", "value": value(**more)}


def body(*changes: Any) -> dict[str, Any]:
    """One entry with these changes."""
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": list(changes)}]}


def shapes(name: str) -> list[dict[str, Any]]:
    table = yaml.safe_load(Path(__file__).with_name("shapes.yaml").read_text("utf-8"))
    found: list[dict[str, Any]] = table[name]
    return found
