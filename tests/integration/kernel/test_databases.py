"""The tests' own databases: none has anything of the test that had it before."""

from __future__ import annotations

import pytest

from services.cli.init import OWNED
from services.kernel.adapters import mongo, schema
from tests import databases as pool
from tests.databases import Databases


@pytest.fixture
def one_by_one(mongo_url: str) -> Databases:
    """Each database comes again with the very next test."""
    return Databases(mongo_url, at_least=1)


async def _indexes(database: mongo.Database) -> dict[str, set[str]]:
    names = (*schema.INDEXES, *OWNED)
    return {name: set(await database[name].index_information()) for name in names}


async def test_what_was_written_is_gone(one_by_one: Databases) -> None:
    async with one_by_one.one() as database:
        before, made = database.name, await _indexes(database)
        await database["cases"].insert_one({"_id": "1", "case": {"open": True}})
        await mongo.Files(database, bucket_name="media").upload_from_stream("m-1", b"sound")
        await database["beside"].insert_one({"_id": "1"})
    async with one_by_one.one() as database:
        assert database.name == before
        for name in await database.list_collection_names():
            assert await database[name].count_documents({}) == 0, name
        assert "beside" not in await database.list_collection_names()
        assert await _indexes(database) == made


async def test_with_other_indexes_or_too_full_it_does_not_come_again(
    one_by_one: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with one_by_one.one() as database:
        first, made = database.name, await _indexes(database)
        await database["cases"].drop_index("unwritten")
    async with one_by_one.one() as database:
        second = database.name
        assert await _indexes(database) == made
        await database["cases"].create_index("beside")
    async with one_by_one.one() as database:
        third = database.name
        assert await _indexes(database) == made
        await database["cases"].insert_many([{"_id": str(n)} for n in range(3)])
    monkeypatch.setattr(pool, "MOST", 2)
    async with one_by_one.one() as database:
        assert len({first, second, third, database.name}) == 4
        assert await database["cases"].count_documents({}) == 0
        assert await _indexes(database) == made


async def test_its_operations_are_not_recorded_any_more(one_by_one: Databases) -> None:
    async with one_by_one.one() as database:
        await database.command("profile", 2)
    async with one_by_one.one() as database:
        assert (await database.command("profile", -1))["was"] == 0
        assert "system.profile" not in await database.list_collection_names()


async def test_it_has_forgotten_how_it_found_what_is_gone(one_by_one: Databases) -> None:
    """Of two indexes one is chosen by what there is, and remembered."""
    looked_for = {"case.district": "d", "case.department": "x", "case.open": True}
    async with one_by_one.one() as database:
        before, cases = database.name, database["cases"]
        await cases.insert_many(
            [
                {"_id": str(n), "case": {"district": "d", "department": str(n % 5), "open": True}}
                for n in range(100)
            ]
        )
        for _ in range(3):
            await cases.find(looked_for).to_list(None)
        assert await cases.aggregate([{"$planCacheStats": {}}]).to_list(None)
    async with one_by_one.one() as database:
        assert database.name == before
        assert await database["cases"].aggregate([{"$planCacheStats": {}}]).to_list(None) == []
