"""The webhook: who signs is heard, what he sends is appended to Kafka, and only then comes the 200.

The provider sends again whatever had no 200, for days and with growing pauses. So a 200 is a promise,
and anything else but "not now" would bring the same body back to the same refusal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import PlainTextResponse

from services.intake.whatsapp.webhook.body import read, take_apart
from services.intake.whatsapp.webhook.records import MOST_VALUE, Records
from services.intake.whatsapp.webhook.signature import Signatures, same
from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.http import Check, instrument
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.outbox import Publishes
from services.kernel.domain.errors import Forbidden, Refused, Unauthenticated, Unavailable

log = get_logger()
CHANNEL = "whatsapp"
PATH = "/webhooks/whatsapp"
MAX_BODY_BYTES = 3 * 1024 * 1024
"""What the provider sends at most: up to 1000 updates in one body."""
SIGNATURE = "x-hub-signature-256"


@dataclass(frozen=True)
class Parts:
    """What the webhook stands on."""

    publisher: Publishes
    records: Records
    signatures: Signatures
    verify_token: str = field(repr=False)
    clock: Clock


def build(parts: Parts, ready: Mapping[str, Check]) -> FastAPI:
    """The application. It counts on a server that refuses bodies above MAX_BODY_BYTES."""
    app = FastAPI(title="Samvad WhatsApp webhook", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get(PATH)
    async def verify(
        mode: Annotated[str, Query(alias="hub.mode")] = "",
        token: Annotated[str, Query(alias="hub.verify_token")] = "",
        challenge: Annotated[str, Query(alias="hub.challenge")] = "",
    ) -> Response:
        if not (same(token, parts.verify_token) and mode == "subscribe" and challenge):
            raise Forbidden("the webhook is not verified with these words")
        return PlainTextResponse(challenge, headers={"X-Content-Type-Options": "nosniff"})

    @app.post(PATH)
    async def receive(request: Request) -> Response:
        try:
            await _append(parts, await request.body(), request.headers.get(SIGNATURE, ""))
        except Refused as error:
            metrics.INTAKE_REFUSED.labels(CHANNEL, error.code).inc()
            raise
        except Unavailable:
            metrics.INTAKE_REFUSED.labels(CHANNEL, "unavailable").inc()
            raise
        return Response()

    instrument(app, ready)
    return app


async def _append(parts: Parts, raw: bytes, signature: str) -> None:
    """Returns when Kafka has all of it. Raises Unauthenticated, Malformed; Unavailable when not all is known
    to be there."""
    if not parts.signatures.hold(raw, signature):
        # before anything is read: only the provider's bodies are worth it
        raise Unauthenticated("the body is not signed with the app's secret", field=SIGNATURE)
    taken = take_apart(read(raw))
    now = parts.clock()
    kinds: Counter[str] = Counter({"ignored": taken.ignored})
    messages = []
    for piece in taken.pieces:
        message = parts.records.message(piece, now)
        fits = len(message.value) <= MOST_VALUE
        kinds[piece.kind if fits else "ignored"] += 1
        if fits:
            messages.append(message)
    await parts.publisher.publish(messages)
    if kinds["ignored"]:
        log.warning("whatsapp.ignored", parts=kinds["ignored"], kept=len(messages))
    for kind, count in kinds.items():
        metrics.WHATSAPP_RECEIVED.labels(kind).inc(count)
