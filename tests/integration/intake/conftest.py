"""A provider of files, and a fetcher between it and the real store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.intake.whatsapp.conversation.adapters.graph_media import graph_media
from services.kernel.adapters import mongo
from tests.integration.intake.graph_server import TOKEN, GraphServer, graph_server
from tests.integration.intake.media_line import MediaLine


@pytest.fixture
async def graph() -> AsyncIterator[GraphServer]:
    async with graph_server() as server:
        yield server


@pytest.fixture
async def media_line(database: mongo.Database, graph: GraphServer) -> AsyncIterator[MediaLine]:
    async with graph_media(url=graph.url, token=TOKEN, hosts=["cdn.example", ""]) as source:
        yield MediaLine(database, graph, source)
