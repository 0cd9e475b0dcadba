"""A fetcher between a provider that misbehaves and the real store, by a clock of the test's own."""

from __future__ import annotations

from typing import Any

from services.intake.whatsapp.conversation.adapters.graph_media import GraphMedia
from services.intake.whatsapp.conversation.adapters.media_fetcher import MediaFetcher
from services.kernel.adapters import metrics, mongo
from services.kernel.adapters.media import MediaStore
from services.kernel.adapters.settings import Settings
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.media import MediaKind, Medium, RefusedMedia, Wanted, media_id
from services.kernel.testing.memory import ManualClock
from tests import media_samples as samples
from tests.integration.intake.graph_server import GraphServer

PHOTO = samples.png()


class MediaLine:
    def __init__(self, database: mongo.Database, graph: GraphServer, source: GraphMedia) -> None:
        self.database = database
        self.graph = graph
        self.clock = ManualClock()
        self.store = MediaStore(database, Settings().keys, self.clock)
        self.told: list[RefusedMedia] = []
        self.telling_fails = 0
        self.fetcher = MediaFetcher(self.store, source, self.tell, self.clock)

    async def tell(self, refused: RefusedMedia) -> None:
        if self.telling_fails:
            self.telling_fails -= 1
            raise Unavailable("Kafka")
        self.told.append(refused)

    async def want(
        self, provider_id: str, kind: MediaKind = "image", *, id_: str = "", **more: Any
    ) -> str:
        usual: dict[str, Any] = {
            "district": "janjgir-champa",
            "mime": "image/png",
            "sha256": "",
            "owner": "c0ffee",
            "voice": False,
            "at": self.clock(),
            **more,
        }
        id_ = id_ or media_id(f"wamid.{provider_id}")
        await self.store.want([Wanted(id=id_, provider_id=provider_id, kind=kind, **usual)])
        return id_

    async def of(self, id_: str) -> Medium:
        return (await self.store.of([id_]))[id_]

    async def until_done(self, **span: float) -> int:
        """Turns until nothing is due; `span`: and the clock goes on by it. How many there were."""
        turns = 0
        while await self.fetcher.turn():
            turns += 1
        self.clock.advance(**span)
        return turns

    async def insist(self, days: float) -> int:
        """All turns that fall due in so many days."""
        turns, hours = 0, 0.0
        while hours < days * 24:
            turns += await self.until_done(minutes=30)
            hours += 0.5
        return turns

    async def data(self, id_: str) -> bytes:
        return await (await self.store.open(id_)).read()

    async def files(self) -> int:
        return await self.database["media.files"].count_documents({})


def count(outcome: str) -> float:
    """Files that came to `outcome` in this process."""
    return float(metrics.MEDIA.labels(outcome)._value.get())
