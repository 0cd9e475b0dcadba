"""Real parts for the tests: one Kafka and MongoDB for all integration tests, one whole line for all
end-to-end tests, each on ports of its own and in a folder of its own, ended when the session ends.

A part that is missing fails the tests that need it; nothing is skipped.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from services.cli.stack import Ports, Stack, infrastructure
from services.kernel.adapters import mongo
from services.kernel.adapters.directory.reader import read_district
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.domain.directory import District
from tests.databases import Databases
from tests.daytime import daytime

PROJECT = Path(__file__).resolve().parents[1]
DISTRICTS = PROJECT / "deploy" / "districts"


@contextmanager
def home_of(name: str, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of this session's own; kept when tests failed, since its logs say why."""
    home = PROJECT / ".samvad-test" / f"{name}-{os.getpid()}"
    yield home
    if not request.session.testsfailed:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def infra(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Kafka and MongoDB, no services."""
    with (
        home_of("infra", request) as home,
        Stack(home, Ports.free(), make_plan=infrastructure) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def line(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The whole line, as `samvad up` starts it, but by day at any hour, and with people who may be written
    to as often as tests file."""
    with (
        home_of("line", request) as home,
        Stack(home, Ports.free(), environment=daytime(home)) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def kafka(infra: Stack) -> str:
    return infra.settings["SAMVAD_KAFKA"]


@pytest.fixture(scope="session")
def mongo_url(infra: Stack) -> str:
    return infra.settings["SAMVAD_MONGO"]


@pytest.fixture(scope="session")
def databases(mongo_url: str) -> Databases:
    # each is new: one that was used before was once written to by somebody else, by whom is not known yet
    return Databases(mongo_url, at_least=None)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[mongo.Database]:
    """A database of the test's own, with the indexes."""
    async with databases.one() as opened:
        yield opened


@pytest.fixture(scope="session")
def janjgir() -> District:
    return sample("janjgir-champa")


@pytest.fixture(scope="session")
def sakti() -> District:
    return sample("sakti")


def sample(name: str) -> District:
    """A district of deploy/districts, as its file has it."""
    path = DISTRICTS / f"{name}.yaml"
    return read_district(path.read_text(), source=path.name)


def without_repeats(district: District) -> District:
    """Ladders whose top does not come again, so that a life that is left alone comes to an end."""
    ladders = tuple(replace(ladder, repeat_seconds=None) for ladder in district.ladders)
    return replace(district, ladders=ladders)


@pytest.fixture
async def directory(database: mongo.Database, janjgir: District, sakti: District) -> DirectoryStore:
    """Both districts as version 1."""
    store = DirectoryStore(database)
    at = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    for district in (janjgir, sakti):
        await store.put(district, by="test", at=at)
    return store


@pytest.fixture
def eventually() -> Callable[..., object]:
    """Wait for a condition, not for a time: `await eventually(condition, "what is waited for")`."""

    async def wait(condition: Callable[[], object], what: str, seconds: float = 30.0) -> object:
        end = asyncio.get_running_loop().time() + seconds
        while True:
            answer = condition()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"not within {seconds} s: {what}")
            await asyncio.sleep(0.02)

    return wait
