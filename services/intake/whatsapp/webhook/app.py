"""The process `intake-whatsapp`: wires the webhook to Kafka. It keeps nothing and needs no store."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from services.intake.whatsapp.webhook.api import MAX_BODY_BYTES, Parts, build
from services.intake.whatsapp.webhook.records import SERVICE, Records, read_numbers
from services.intake.whatsapp.webhook.signature import Signatures
from services.kernel.adapters import metrics
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.periodic import every
from services.kernel.adapters.process import CannotStart, background, run, serve
from services.kernel.adapters.settings import Settings
from services.kernel.domain.naming import Names

LOOK_AT_KAFKA_SECONDS = 5.0


def main() -> None:
    run(SERVICE, _main)


async def _main(settings: Settings, stack: AsyncExitStack, stopping: asyncio.Event) -> None:
    publisher = Publisher(settings.kafka, client_id=SERVICE)
    stack.push_async_callback(publisher.stop)
    app = build(parts_of(settings, publisher), {"kafka": publisher.ping})

    async def look_at_kafka() -> None:
        # a connection is also begun by this, so the first body needs not wait for it
        metrics.DEPENDENCY_UP.labels("kafka").set(await publisher.ping())

    background(stack, every(LOOK_AT_KAFKA_SECONDS, "kafka", look_at_kafka), stopping)
    port = settings.intake_whatsapp_port
    await serve(stack, app, settings.host, port, stopping, max_bytes=MAX_BODY_BYTES)


def parts_of(settings: Settings, publisher: Publisher) -> Parts:
    """Raises CannotStart for settings that are not of their form."""
    try:
        districts = read_numbers(settings.whatsapp_numbers)
    except ValueError as error:
        raise CannotStart(f"SAMVAD_WHATSAPP_NUMBERS: {error}") from None
    try:
        signatures = Signatures(settings.whatsapp_app_secret.get_secret_value())
    except ValueError as error:
        raise CannotStart(f"SAMVAD_WHATSAPP_APP_SECRET: {error}") from None
    return Parts(
        publisher=publisher,
        records=Records(
            Names(settings.contact_secret.get_secret_value()), districts, settings.default_district
        ),
        signatures=signatures,
        verify_token=settings.whatsapp_verify_token.get_secret_value(),
        clock=system_clock(settings.clock_offset),
    )
