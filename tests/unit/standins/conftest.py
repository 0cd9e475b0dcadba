"""The stand-ins behind a real uvicorn on a port of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from services.kernel.adapters.http import server
from services.kernel.adapters.settings import Settings
from services.standins.app import create_app


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[str]:
    """The address of fresh stand-ins that keep their journal under `home`."""
    http = server(create_app(Settings(home=home)), "127.0.0.1", 0)
    task = asyncio.create_task(http.serve())
    try:
        while not http.started:
            assert not task.done()
            await asyncio.sleep(0.005)
        port = http.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        http.should_exit = True
        await task


@pytest.fixture
def standins_in() -> Callable[[Path], object]:
    return serving


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with serving(tmp_path) as url:
        yield url


@pytest.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, timeout=10) as client:
        yield client
