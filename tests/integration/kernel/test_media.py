"""Files of citizens in the real store: wanted once, kept sealed, bound to a case, gone without a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.adapters import mongo
from services.kernel.adapters.media import INDEXES, LEASE, LOOSE_AFTER, Claimed, MediaStore
from services.kernel.adapters.sealed_pieces import PIECE_BYTES
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.envelope import CannotOpen
from services.kernel.domain.errors import Unknown
from services.kernel.domain.media import UNBOUND_FOR, MediaKind, Wanted, media_id
from services.kernel.testing.memory import ManualClock
from tests import media_samples as samples

TICKET = "2600104237"
BIG = samples.png() + bytes(n % 251 for n in range(3 * PIECE_BYTES))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(database: mongo.Database, clock: ManualClock) -> MediaStore:
    return MediaStore(database, Settings().keys, clock)


@pytest.fixture
def wanted(clock: ManualClock) -> Callable[..., Wanted]:
    def make(number: int = 1, kind: MediaKind = "image", **more: Any) -> Wanted:
        usual: dict[str, Any] = {
            "id": media_id(f"wamid.{number}"),
            "district": "janjgir-champa",
            "provider_id": f"90000{number}",
            "kind": kind,
            "mime": "image/png",
            "sha256": "",
            "owner": "c0ffee",
            "voice": False,
            "at": clock(),
        }
        return Wanted(**{**usual, **more})

    return make


async def _claimed(store: MediaStore) -> Claimed:
    claimed = await store.claim()
    assert claimed is not None
    return claimed


async def _kept(store: MediaStore, wanted: Wanted, data: bytes = BIG) -> None:
    await store.want([wanted])
    assert await store.keep(await _claimed(store), data, "image/png")


async def _left(database: mongo.Database) -> tuple[int, int, int]:
    """Documents, files and pieces."""
    return (
        await database["media"].count_documents({}),
        await database["media.files"].count_documents({}),
        await database["media.chunks"].count_documents({}),
    )


async def test_wanting_again_changes_nothing(
    store: MediaStore, database: mongo.Database, wanted: Callable[..., Wanted]
) -> None:
    await _kept(store, wanted(1))
    before = await database["media"].find_one({"_id": wanted(1).id})
    await store.want([wanted(1), wanted(2), wanted(1)])
    assert await database["media"].find_one({"_id": wanted(1).id}) == before
    assert await database["media"].count_documents({}) == 2
    await store.want([])


async def test_many_conversations_want_at_once(
    store: MediaStore, database: mongo.Database, wanted: Callable[..., Wanted]
) -> None:
    some = [wanted(n) for n in range(20)]
    await asyncio.gather(*(store.want(some) for _ in range(8)))
    assert await database["media"].count_documents({}) == 20


async def test_what_is_kept_is_sealed_and_opens_whole_or_in_part(
    store: MediaStore, database: mongo.Database, wanted: Callable[..., Wanted]
) -> None:
    one = wanted()
    await _kept(store, one)
    found = await store.open(one.id)
    assert (found.mime, found.size) == ("image/png", len(BIG))
    assert await found.read() == BIG
    for start, end in (
        (0, 1),
        (PIECE_BYTES - 1, PIECE_BYTES + 1),
        (PIECE_BYTES, 2 * PIECE_BYTES),
        (5, len(BIG)),
        (len(BIG) - 1, None),
        (7, 7),
        (len(BIG), None),
    ):
        part = b"".join([piece async for piece in found.pieces(start, end)])
        assert part == BIG[start:end], (start, end)
    chunks = await database["media.chunks"].find({}).to_list(None)
    assert len(chunks) == 4
    assert not any(samples.png()[:40] in chunk["data"] for chunk in chunks)
    known = await store.of([one.id, "m-" + "0" * 24])
    assert list(known) == [one.id]
    assert (known[one.id].state, known[one.id].size, known[one.id].ticket) == ("kept", len(BIG), None)


async def test_what_is_not_kept_does_not_open(
    store: MediaStore, wanted: Callable[..., Wanted]
) -> None:
    await store.want([wanted()])
    for id_ in (wanted().id, "m-" + "0" * 24):
        with pytest.raises(Unknown):
            await store.open(id_)


async def test_a_piece_that_was_taken_away_or_changed_is_noticed(
    store: MediaStore, database: mongo.Database, wanted: Callable[..., Wanted]
) -> None:
    await _kept(store, wanted())
    await database["media.chunks"].delete_one({"n": 2})
    with pytest.raises(CannotOpen):
        await (await store.open(wanted().id)).read()
    first = await database["media.chunks"].find_one({"n": 0})
    assert first is not None
    await database["media.chunks"].update_one({"n": 1}, {"$set": {"data": first["data"]}})
    with pytest.raises(CannotOpen):
        await (await store.open(wanted().id)).read()


async def test_one_file_is_taken_up_by_one(store: MediaStore, wanted: Callable[..., Wanted]) -> None:
    await store.want([wanted(n) for n in range(12)])
    claims = await asyncio.gather(*(store.claim() for _ in range(30)))
    taken = [claim.wanted.id for claim in claims if claim is not None]
    assert sorted(taken) == sorted(wanted(n).id for n in range(12))


async def test_two_who_fetch_the_same_file_do_not_mix(
    store: MediaStore, database: mongo.Database, clock: ManualClock, wanted: Callable[..., Wanted]
) -> None:
    """The first is slower than its lease: it still writes when the second begins, and ends after it."""
    await store.want([wanted()])
    late = MediaStore(database, Settings().keys, clock)
    begun, go_on = asyncio.Event(), asyncio.Event()
    upload = late._files.upload_from_stream_with_id

    async def slow_upload(*args: Any) -> None:
        begun.set()
        await go_on.wait()
        await upload(*args)

    late._files = _Beside(late._files, upload_from_stream_with_id=slow_upload)
    other = samples.png(9, 9) + bytes(len(BIG))
    first = asyncio.create_task(late.keep(await _claimed(late), other, "image/png"))
    await begun.wait()
    assert await store.claim() is None
    clock.advance(seconds=LEASE.total_seconds())
    quick = await _claimed(store)
    assert quick.tries == 2
    assert await store.keep(quick, BIG, "image/png")
    go_on.set()
    assert not await first
    assert await (await store.open(wanted().id)).read() == BIG
    assert await _left(database) == (1, 1, 4)
    clock.advance(days=1)
    await store.tidy()
    assert await (await store.open(wanted().id)).read() == BIG


async def test_what_a_crash_left_is_fetched_again_and_leaves_no_orphan(
    store: MediaStore,
    database: mongo.Database,
    clock: ManualClock,
    wanted: Callable[..., Wanted],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bytes are there and the document does not say so: as if the process had ended between the two."""
    await store.want([wanted()])
    claimed = await _claimed(store)
    change, calls = store._change, 0

    async def crash(*args: Any, **more: Any) -> bool:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RuntimeError("the process ended")
        return await change(*args, **more)

    monkeypatch.setattr(store, "_change", crash)
    with pytest.raises(RuntimeError):
        await store.keep(claimed, BIG, "image/png")
    monkeypatch.undo()
    assert await _left(database) == (1, 1, 4)
    with pytest.raises(Unknown):
        await store.open(wanted().id)
    clock.advance(seconds=LEASE.total_seconds())
    assert await store.keep(await _claimed(store), BIG, "image/png")
    assert await store.tidy() == 0, "whoever was first might still be writing"
    clock.advance(seconds=LOOSE_AFTER.total_seconds() + 1)
    assert await store.tidy() == 1
    assert await _left(database) == (1, 1, 4)
    assert await (await store.open(wanted().id)).read() == BIG
    assert await store.tidy() == 0


async def test_a_half_written_file_is_removed(
    store: MediaStore, database: mongo.Database, clock: ManualClock, wanted: Callable[..., Wanted]
) -> None:
    """Pieces without their file's document are what a crash in the middle of writing leaves."""
    await store.want([wanted()])
    claimed = await _claimed(store)
    file = f"{wanted().id}/{claimed.token}"
    await database["media"].update_one(
        {}, {"$push": {"loose": file}, "$set": {"loose_since": clock()}}
    )
    await database["media.chunks"].insert_one({"files_id": file, "n": 0, "data": b"x"})
    clock.advance(seconds=LOOSE_AFTER.total_seconds() + 1)
    assert await store.keep(await _claimed(store), BIG, "image/png")
    clock.advance(seconds=LOOSE_AFTER.total_seconds() + 1)
    await store.tidy()
    assert await _left(database) == (1, 1, 4)


async def test_what_is_refused_waits_for_its_citizen_to_be_told(
    store: MediaStore, clock: ManualClock, wanted: Callable[..., Wanted]
) -> None:
    await store.want([wanted()])
    claimed = await _claimed(store)
    assert await store.refuse(claimed, "refused", "too_large")
    clock.advance(seconds=LEASE.total_seconds())
    again = await _claimed(store)
    assert (again.state, again.reason) == ("refused", "too_large")
    await store.told(claimed)  # of a lease that is over
    clock.advance(seconds=LEASE.total_seconds())
    again = await _claimed(store)
    await store.told(again)
    clock.advance(days=9)
    assert await store.claim() is None
    assert (await store.of([wanted().id]))[wanted().id].reason == "too_large"


async def test_a_bound_file_stays_and_a_forgotten_one_goes(
    store: MediaStore, database: mongo.Database, clock: ManualClock, wanted: Callable[..., Wanted]
) -> None:
    for n in (1, 2, 3):
        await _kept(store, wanted(n))
    await store.bind([wanted(1).id], TICKET)
    await store.bind([wanted(1).id], TICKET)
    await store.bind([wanted(1).id], "2600000016")
    assert (await store.of([wanted(1).id]))[wanted(1).id].ticket == TICKET
    clock.advance(seconds=UNBOUND_FOR.total_seconds() - 1)
    assert await store.purge() == 0
    clock.advance(seconds=1)
    assert await store.purge(limit=1) == 1
    assert await store.purge() == 1
    assert await store.purge() == 0
    assert await _left(database) == (1, 1, 4)
    assert await (await store.open(wanted(1).id)).read() == BIG


async def test_a_file_that_a_case_gets_while_it_is_being_forgotten_stays(
    store: MediaStore, clock: ManualClock, wanted: Callable[..., Wanted], monkeypatch: pytest.MonkeyPatch
) -> None:
    await _kept(store, wanted(1))
    clock.advance(days=31)
    find = store._media.find

    def bound_meanwhile(*args: Any, **more: Any) -> Any:
        class Found:
            async def to_list(self, _: None) -> list[Any]:
                found: list[Any] = await find(*args, **more).to_list(None)
                await store.bind([wanted(1).id], TICKET)
                return found

        return Found()

    monkeypatch.setattr(store, "_media", _Beside(store._media, find=bound_meanwhile))
    assert await store.purge() == 0
    monkeypatch.undo()
    assert await (await store.open(wanted(1).id)).read() == BIG


class _Beside:
    """Something of which one method is another."""

    def __init__(self, inner: Any, **methods: Any) -> None:
        self._inner = inner
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._inner, name)


async def test_deleting_leaves_nothing_that_opens(
    store: MediaStore, database: mongo.Database, wanted: Callable[..., Wanted]
) -> None:
    for n in (1, 2):
        await _kept(store, wanted(n))
    await store.bind([wanted(1).id, wanted(2).id], TICKET)
    await store.delete([wanted(1).id, "m-" + "0" * 24])
    with pytest.raises(Unknown):
        await store.open(wanted(1).id)
    assert await store.of([wanted(1).id]) == {}
    assert await _left(database) == (1, 1, 4)


async def test_deleting_what_is_just_being_fetched_leaves_nothing_either(
    store: MediaStore, database: mongo.Database, clock: ManualClock, wanted: Callable[..., Wanted]
) -> None:
    """Whoever writes is in the middle of it, and then ends without removing what he wrote."""
    await store.want([wanted()])
    claimed = await _claimed(store)
    file = f"{wanted().id}/{claimed.token}"
    await store._change(claimed, {"$push": {"loose": file}, "$set": {"loose_since": clock()}})
    await store.delete([wanted().id])
    doc = await database["media"].find_one({})
    assert doc is not None
    assert not {"key", "provider_id", "owner", "sha256"} & set(doc)
    assert await store.of([wanted().id]) == {}
    await database["media.chunks"].insert_one({"files_id": file, "n": 0, "data": b"x"})
    assert not await store.keep(claimed, BIG, "image/png")
    assert await store.claim() is None
    clock.advance(seconds=LOOSE_AFTER.total_seconds() - 1)
    assert await store.purge() == 0
    clock.advance(seconds=1)
    assert await store.purge() == 1
    assert await _left(database) == (0, 0, 0)


async def test_a_key_that_is_another_files_opens_nothing(
    store: MediaStore, database: mongo.Database, wanted: Callable[..., Wanted]
) -> None:
    for n in (1, 2):
        await _kept(store, wanted(n))
    other = await database["media"].find_one({"_id": wanted(2).id})
    assert other is not None
    same = {name: other[name] for name in ("key", "file")}
    await database["media"].update_one({"_id": wanted(1).id}, {"$set": same})
    with pytest.raises(CannotOpen):
        await store.open(wanted(1).id)


async def test_what_is_due_is_found_by_an_index(
    store: MediaStore, database: mongo.Database, clock: ManualClock, wanted: Callable[..., Wanted]
) -> None:
    await store.want([wanted(n) for n in range(30)])
    later = clock() + timedelta(days=99)
    for query in (
        {"next_at": {"$lte": later}},
        {"next_at": {"$exists": True}},
        {"purge_at": {"$lte": later}},
        {"loose_since": {"$lt": later}, "state": {"$ne": "deleted"}},
    ):
        plan = (await database["media"].find(query).explain())["queryPlanner"]["winningPlan"]
        assert "COLLSCAN" not in repr(plan), query
    for name in INDEXES:
        assert len(await database[name].index_information()) > 1, name
