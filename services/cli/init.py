"""`samvad init`: topics, indexes and the sample districts. Idempotent, run at every start."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from services.cli.directory import publish
from services.cli.line import opened
from services.intake.whatsapp.conversation.adapters import conversation_store
from services.kernel.adapters import schema
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.reader import read_district
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher, create_topics
from services.kernel.adapters.settings import Settings
from services.kernel.contracts import notices
from services.kernel.contracts.catalogue import TOPICS
from services.notify.adapters import message_document

OWNED = {
    notices.COLLECTION: message_document.INDEXES,
    conversation_store.COLLECTION: conversation_store.INDEXES,
}
"""Collections that one service owns, with their indexes."""
SAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "districts"


def main() -> None:
    asyncio.run(_init(Settings()))


async def _init(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings))
        created = await create_topics(
            settings.kafka,
            {name: (topic.partitions, topic.configs) for name, topic in TOPICS.items()},
            replication=settings.kafka_replication,
        )
        await schema.ensure(database, OWNED)
        print(f"topics: {len(created)} created, {len(TOPICS) - len(created)} there; indexes there")
        if settings.env == "production":
            return  # a real district is applied by its admin, never a sample
        directory = DirectoryStore(database)
        publisher = Publisher(settings.kafka, client_id="init")
        stack.push_async_callback(publisher.stop)
        clock = system_clock(settings.clock_offset)
        for path in sorted(SAMPLES.glob("*.yaml")):
            district = read_district(path.read_text(), source=path.name)
            if district.id in await directory.districts():
                continue
            version = await publish(directory, publisher, district, by="init", now=clock())
            print(f"sample district {district.id}: version {version}")
