"""What commands do with the running line: they ask it, and say in one sentence when it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import click

from services.kernel.adapters import mongo
from services.kernel.adapters.settings import Settings
from services.kernel.domain.errors import Unavailable

T = TypeVar("T")


def ask(work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to. Raises ClickException where Kafka or the store is away."""
    try:
        return asyncio.run(work)
    except Unavailable as error:
        raise click.ClickException(f"{error}; is the line running? (samvad status)") from None


@asynccontextmanager
async def opened(settings: Settings, name: str | None = None) -> AsyncIterator[mongo.Database]:
    """The line's database, or another one of that store, closed afterwards."""
    database = mongo.connect(settings.mongo, name or settings.database)
    try:
        yield database
    finally:
        mongo.close(database)
