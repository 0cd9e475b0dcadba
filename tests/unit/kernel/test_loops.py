"""Group commit, publishing after the answer, the due loop, and what runs every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.kernel.adapters import due, publishing
from services.kernel.adapters import outbox as outboxes
from services.kernel.adapters.due import BUCKETS, DueLoop, bucket_of, buckets_of
from services.kernel.adapters.group_commit import GroupCommit
from services.kernel.adapters.outbox import Outbox, Sweeper
from services.kernel.adapters.periodic import every
from services.kernel.adapters.publishing import Publishing
from services.kernel.domain.errors import Retry, Unavailable
from services.kernel.testing.memory import ManualClock, MemoryBroker, MemoryCases, MemoryRooms


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# ---------------------------------------------------------------- group commit


async def test_a_single_request_is_committed_at_once() -> None:
    bulks: list[list[int]] = []

    async def commit(items: Sequence[int]) -> list[int]:
        bulks.append(list(items))
        return [item * 2 for item in items]

    assert await GroupCommit(commit).submit(4) == 8
    assert bulks == [[4]]


async def test_requests_share_the_bulk_after_the_one_in_flight() -> None:
    bulks: list[list[int]] = []
    gate = asyncio.Event()

    async def commit(items: Sequence[int]) -> list[int]:
        bulks.append(list(items))
        await gate.wait()
        return [-item for item in items]

    group = GroupCommit(commit, most=5, lanes=1)
    asking = [asyncio.create_task(group.submit(n)) for n in range(12)]
    await turns()
    gate.set()
    assert await asyncio.gather(*asking) == [-n for n in range(12)]
    assert bulks == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
    assert await group.submit(99) == -99


async def test_a_store_that_is_away_is_told_to_all_of_the_bulk_and_the_next_goes_on() -> None:
    away = True

    async def commit(items: Sequence[int]) -> list[int]:
        if away:
            raise Unavailable("the store")
        return list(items)

    group = GroupCommit(commit, lanes=1)
    outcomes = await asyncio.gather(*(group.submit(n) for n in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    away = False
    assert await group.submit(1) == 1


@pytest.mark.parametrize("how", ["raises", "answers too few"])
async def test_an_item_at_fault_spoils_nobody_else_s_answer(how: str) -> None:
    async def commit(items: Sequence[int]) -> list[int]:
        if 3 in items:
            if how == "raises":
                raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate")
            return list(items)[1:]
        return list(items)

    group = GroupCommit(commit, lanes=1)
    asking = asyncio.gather(*(group.submit(n) for n in range(6)), return_exceptions=True)
    outcomes = await asyncio.wait_for(asking, 5)
    assert [o for o in outcomes if not isinstance(o, Exception)] == [0, 1, 2, 4, 5]
    assert isinstance(outcomes[3], ValueError)


async def test_who_stopped_waiting_stops_nobody_else() -> None:
    gate = asyncio.Event()

    async def commit(items: Sequence[int]) -> list[int]:
        await gate.wait()
        return list(items)

    group = GroupCommit(commit, lanes=1)
    asking = [asyncio.create_task(group.submit(n)) for n in range(4)]
    await turns()
    asking[0].cancel()
    asking[2].cancel()
    gate.set()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(o) for o in outcomes] == [asyncio.CancelledError, int, asyncio.CancelledError, int]


# ---------------------------------------------------------------- publishing


async def test_what_was_put_before_the_stop_is_sent() -> None:
    sent: list[int] = []

    async def send(items: Sequence[int]) -> None:
        sent.extend(items)

    queue = Publishing("test", send)
    queue.start()
    for n in range(1200):
        queue.put(n)
    await queue.stop()
    assert sent == list(range(1200))


@pytest.mark.parametrize("error", [Unavailable("Kafka"), ZeroDivisionError()])
async def test_what_cannot_be_sent_is_left_to_the_sweeper(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PAUSE_SECONDS", 0)
    calls: list[list[int]] = []

    async def send(items: Sequence[int]) -> None:
        calls.append(list(items))
        if len(calls) == 1:
            raise error

    queue = Publishing("test", send)
    queue.start()
    queue.put(1)
    await turns()
    queue.put(2)
    await queue.stop()
    assert calls == [[1], [2]]


async def test_a_full_queue_never_blocks_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "QUEUE", 3)

    async def send(items: Sequence[int]) -> None:
        await asyncio.Event().wait()

    queue = Publishing("test", send)
    for n in range(10):
        queue.put(n)
    assert queue._queue.qsize() == 3


async def test_the_memory_of_acknowledged_numbers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "REMEMBERED", 50)
    outbox = Outbox("case", MemoryBroker())
    at = ManualClock()()
    entry = {"n": 1, "type": "t", "time": at, "value": b"{}", "tp": ""}
    for start in range(0, 60, 10):
        await outbox.publish({f"{n:010d}": [entry] for n in range(start, start + 10)})
    assert len(outbox._acknowledged) == 50
    # who is forgotten is only sent once more
    assert outbox.remaining("0000000001", [entry]) == [entry]
    assert outbox.remaining(f"{50:010d}", [entry]) == []


async def test_a_case_that_cannot_be_published_does_not_hold_up_the_others() -> None:
    clock = ManualClock()
    cases = MemoryCases()
    rooms = MemoryRooms(cases, "case")

    class Refuses(MemoryBroker):
        async def publish(self, messages: Any) -> None:
            if any(message.key == b"0000000002" for message in messages):
                raise ValueError("larger than the topic takes")
            await super().publish(messages)

    for n in (1, 2, 3):
        draft = (await rooms.read([f"{n:010d}"]))[f"{n:010d}"]
        draft.outbox = [{"n": 1, "type": "t", "time": clock(), "value": b"{}", "tp": ""}]
        draft.unsent_since = clock()
        await rooms.write([draft])
    broker = Refuses()
    await Sweeper(rooms, Outbox("case", broker)).sweep(clock.advance(seconds=5))
    assert [message.key for message in broker.messages] == [b"0000000001", b"0000000003"]
    assert await rooms.backlog() == 1


# ---------------------------------------------------------------- the due loop


class Falls:
    """Items with instants; remembers when it was asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.at: list[datetime] = []
        self.fired: list[datetime] = []
        self.asked: list[tuple[datetime, list[int], int]] = []
        self.raises: list[Exception] = []

    async def fire(
        self, now: datetime, buckets: Sequence[int], limit: int
    ) -> tuple[int, datetime | None]:
        self.asked.append((now, list(buckets), limit))
        if self.raises:
            raise self.raises.pop(0)
        due = sorted(at for at in self.at if at < now)[:limit]
        for at in due:
            self.at.remove(at)
        self.fired += due
        return len(due), min((at for at in self.at if at >= now), default=None)


class Timeouts:
    """Stands in for asyncio.timeout in the due loop: tells how long it would wait at most."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[float] = []
        real = asyncio.timeout

        def timeout(seconds: float) -> Any:
            self.asked.append(seconds)
            return real(0.001)

        monkeypatch.setattr(due.asyncio, "timeout", timeout)


async def _until(condition: Any) -> None:
    async with asyncio.timeout_at(asyncio.get_running_loop().time() + 10):
        while not condition():
            await asyncio.sleep(0.001)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_it_fires_what_is_due_and_sleeps_until_the_next_but_half_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    falls = Falls(clock)
    falls.at = [clock() - timedelta(seconds=1), clock() + timedelta(milliseconds=200)]
    task = asyncio.create_task(DueLoop("test", falls, clock, lambda: [1, 2]).run())
    timeouts = Timeouts(monkeypatch)
    await _until(lambda: len(timeouts.asked) >= 1)
    assert timeouts.asked[0] == pytest.approx(0.2)
    assert len(falls.fired) == 1
    clock.advance(seconds=1)
    await _until(lambda: len(falls.fired) == 2)
    await _end(task)
    assert max(timeouts.asked) <= 0.5
    assert falls.asked[0][1] == [1, 2]


async def test_a_wake_is_not_lost_even_while_it_fires() -> None:
    clock = ManualClock()
    falls = Falls(clock)
    loop = DueLoop("test", falls, clock, lambda: [0])
    original = falls.fire

    async def armed_meanwhile(*asked: Any) -> tuple[int, datetime | None]:
        answer = await original(*asked)
        if len(falls.asked) == 1:
            falls.at.append(clock() - timedelta(seconds=1))
            loop.wake()
        return answer

    falls.fire = armed_meanwhile  # type: ignore[method-assign]
    task = asyncio.create_task(loop.run())
    await turns(50)  # no time passes, so only the wake can have brought it about
    assert len(falls.fired) == 1
    await _end(task)


async def test_it_survives_retries_faults_and_a_lost_assignment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    falls = Falls(clock)
    falls.raises = [Retry("lag"), ZeroDivisionError(), Unavailable("the store")]
    falls.at = [clock() - timedelta(seconds=1)]
    assignment: list[Any] = [RuntimeError(), [], [5]]

    def buckets() -> list[int]:
        found = assignment.pop(0) if len(assignment) > 1 else assignment[0]
        if isinstance(found, Exception):
            raise found
        return list(found)

    Timeouts(monkeypatch)
    task = asyncio.create_task(DueLoop("test", falls, clock, buckets).run())
    await _until(lambda: falls.fired)
    await _end(task)
    assert all(asked[1] == [5] for asked in falls.asked)


async def test_a_full_bulk_is_followed_by_the_next_without_sleep_and_others_get_their_turn() -> None:
    clock = ManualClock()
    falls = Falls(clock)
    falls.at = [clock() - timedelta(seconds=n) for n in range(1, 26)]
    loop = DueLoop("test", falls, clock, lambda: [0], limit=10)
    task = asyncio.create_task(loop.run())
    await turns(40)
    assert len(falls.fired) == 25
    assert falls.fired == sorted(falls.fired)
    await _end(task)


async def test_a_due_that_never_waits_can_still_be_cancelled() -> None:
    class Endless:
        async def fire(self, now: datetime, buckets: Sequence[int], limit: int) -> tuple[int, None]:
            return limit, None

    task = asyncio.create_task(DueLoop("test", Endless(), ManualClock(), lambda: [0]).run())
    await turns(5)
    await _end(task)


async def test_a_cancellation_that_meets_a_wake_is_obeyed() -> None:
    clock = ManualClock()
    loop = DueLoop("test", Falls(clock), clock, lambda: [0])
    task = asyncio.create_task(loop.run())
    await turns(5)
    loop.wake()
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


def test_buckets_are_stable_and_shared_without_overlap() -> None:
    assert bucket_of("2600104237") == bucket_of("2600104237")
    assert {bucket_of(str(n)) for n in range(20_000)} == set(range(BUCKETS))
    parts = [buckets_of([p], 12) for p in range(12)]
    assert sorted(b for part in parts for b in part) == list(range(BUCKETS))
    assert buckets_of([], 12) == []


async def test_a_turn_that_fails_is_followed_by_the_next() -> None:
    outcomes: list[Any] = [Unavailable("Kafka"), ZeroDivisionError(), None]

    async def turn() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        await asyncio.Event().wait()

    task = asyncio.create_task(every(0.0, "test", turn))
    await turns()
    assert outcomes == []
    await _end(task)
