"""What the batch consumer hands over and commits, on faust's own consumer with a made-up thread below it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError

from services.kernel.adapters.batch_consumer import THICK, App, _Thread

TOPIC = "complaints"
ZERO, ONE, TWO = (TopicPartition(TOPIC, partition) for partition in range(3))
Fetched = Mapping[TopicPartition, Sequence[Any]]


def records(of: TopicPartition, *offsets: int) -> list[Any]:
    return [SimpleNamespace(topic=of.topic, partition=of.partition, offset=o) for o in offsets]


class Thread:
    """In place of faust's thread with aiokafka's consumer in it: what is put in is fetched once."""

    def __init__(self) -> None:
        self.owned = {ZERO, ONE}
        self.commits: list[dict[TopicPartition, int]] = []
        self.takes_commits = True
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.error: Exception | None = None
        self.gone_back: list[dict[TopicPartition, int]] = []
        self.fetched: asyncio.Queue[Fetched | Exception] = asyncio.Queue()
        self.before_answer: Callable[[], None] = lambda: None

    async def getmany(self, active: set[TopicPartition], timeout: float) -> Fetched:
        found = await self.fetched.get()
        self.before_answer()
        if isinstance(found, Exception):
            raise found
        return found

    def assignment(self) -> set[TopicPartition]:
        return self.owned

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        self.commits.append(dict(offsets))
        await self.may_answer.wait()
        return self.takes_commits

    async def go_back(self, lowest: Mapping[TopicPartition, int]) -> None:
        self.gone_back.append(dict(lowest))

    def check_errors(self) -> None:
        if self.error is not None:
            raise self.error


class Scene:
    """A consumer in the middle of its life, its thread, and what was taken."""

    def __init__(self, home: Path) -> None:
        self.taken: list[list[int]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.thread = Thread()
        app = App(
            "unit",
            topic=TOPIC,
            take=self.take,
            fetch_every=0.001,
            gather=0.002,
            broker="kafka://127.0.0.1:1",
            store="memory://",
            datadir=home,
            autodiscover=False,
            broker_max_poll_records=100,
        )
        self.consumer = app.consumer
        self.consumer._thread = self.thread
        self.consumer.resume_flow()
        self.consumer._set_active_tps(self.thread.owned)
        self.fetcher = SimpleNamespace(should_stop=False)
        self.drain = asyncio.ensure_future(self.consumer._drain_messages(self.fetcher))

    async def take(self, taken: Sequence[Any]) -> None:
        self.taken.append([record.offset for record in taken])
        await self.may_end.wait()

    async def fetch(self, found: Fetched | Exception) -> None:
        await self.thread.fetched.put(found)
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.drain.cancel()
    await asyncio.gather(one.drain, return_exceptions=True)


async def test_what_was_taken_is_committed_once(scene: Scene) -> None:
    await scene.fetch({ZERO: records(ZERO, 4, 5), ONE: records(ONE, 7)})
    await scene.fetch({ZERO: records(ZERO, 6, 9)})  # 7 and 8 were the marks of a transaction
    assert scene.taken == [[4, 5, 7], [6, 9]]
    assert await scene.consumer.commit() is True
    assert await scene.consumer.commit() is False, "there is nothing new"
    assert scene.thread.commits == [{ZERO: 10, ONE: 8}]


async def test_a_batch_in_hand_is_neither_committed_nor_joined_by_another(scene: Scene) -> None:
    scene.may_end.clear()
    await scene.fetch({ZERO: records(ZERO, 0, 1)})
    await scene.fetch({ONE: records(ONE, 0)})
    await scene.consumer.commit()
    assert scene.taken == [[0, 1]]
    assert scene.thread.commits == []


async def test_partitions_are_given_up_when_the_batch_in_hand_has_ended(scene: Scene) -> None:
    scene.may_end.clear()
    await scene.fetch({ZERO: records(ZERO, 0, 1)})
    empty = asyncio.ensure_future(scene.consumer.wait_empty())
    await scene.fetch({})
    assert not empty.done()
    scene.may_end.set()
    await empty
    assert scene.thread.commits == [{ZERO: 2}]


async def test_a_stopped_drain_leaves_the_batch_in_hand_to_its_end(scene: Scene) -> None:
    scene.may_end.clear()
    await scene.fetch({ZERO: records(ZERO, 0)})
    scene.drain.cancel()
    await asyncio.gather(scene.drain, return_exceptions=True)
    asyncio.get_running_loop().call_later(0.01, scene.may_end.set)
    await scene.consumer.wait_empty()
    assert scene.thread.commits == [{ZERO: 1}]


async def test_what_could_not_be_committed_is_forgotten_with_the_partitions(scene: Scene) -> None:
    """A member that was away would set the partition back with its next commit."""
    await scene.fetch({ZERO: records(ZERO, 0, 1)})
    scene.thread.takes_commits = False
    await scene.consumer.wait_empty()
    scene.thread.takes_commits = True
    await scene.consumer.commit()
    assert scene.thread.commits == [{ZERO: 2}]


async def test_a_partition_that_went_to_another_is_not_committed(scene: Scene) -> None:
    await scene.fetch({ZERO: records(ZERO, 0), ONE: records(ONE, 3)})
    scene.thread.owned = {ONE}
    await scene.consumer.commit()
    assert scene.thread.commits == [{ONE: 4}]


async def test_what_was_fetched_while_a_rebalance_began_is_read_again(scene: Scene) -> None:
    scene.thread.before_answer = scene.consumer.stop_flow
    await scene.fetch({ZERO: records(ZERO, 0)})
    assert scene.taken == []
    assert scene.thread.gone_back == [{ZERO: 0}]
    scene.thread.before_answer = lambda: None
    scene.consumer.resume_flow()
    await scene.fetch({ZERO: records(ZERO, 0)})
    assert scene.taken == [[0]]


async def test_records_of_a_partition_that_is_held_back_are_read_again(scene: Scene) -> None:
    scene.may_end.clear()
    await scene.fetch({ZERO: records(ZERO, 0)})
    await scene.fetch({ZERO: records(ZERO, 1)})
    await scene.fetch({ZERO: records(ZERO, 2), TWO: records(TWO, 0)})
    scene.may_end.set()
    await scene.fetch({})
    assert scene.thread.gone_back == [{ZERO: 1, TWO: 0}]
    assert scene.taken == [[0]], "and what waits before them with them"


async def test_who_commits_already_does_not_keep_the_batch_in_hand_from_its_own_commit(
    scene: Scene,
) -> None:
    """faust does not commit beside another commit, which here began before the batch ended."""
    scene.thread.may_answer.clear()
    await scene.fetch({ZERO: records(ZERO, 0)})
    first = asyncio.ensure_future(scene.consumer.commit())
    await scene.fetch({ZERO: records(ZERO, 1)})
    empty = asyncio.ensure_future(scene.consumer.wait_empty())
    await scene.fetch({})
    scene.thread.may_answer.set()
    assert await first is True
    await empty
    assert scene.thread.commits == [{ZERO: 1}, {ZERO: 2}]


async def test_where_nothing_was_done_nobody_asks_whose_the_partitions_are(scene: Scene) -> None:
    del scene.thread.owned
    assert await scene.consumer.commit() is False
    await scene.consumer.wait_empty()


async def test_it_is_silent_while_nothing_is_in_hand_and_nothing_asked_for(scene: Scene) -> None:
    scene.consumer._turned -= 60  # no answer since
    assert scene.consumer.silent() >= 60
    await scene.fetch({})
    assert scene.consumer.silent() < 1
    scene.may_end.clear()
    await scene.fetch({ZERO: records(ZERO, 0)})
    scene.consumer._turned -= 60
    assert scene.consumer.silent() == 0, "a batch may take its time"
    scene.may_end.set()
    await asyncio.sleep(0.01)
    assert scene.consumer.silent() < 1


async def test_what_stopped_in_aiokafka_ends_the_drain(scene: Scene) -> None:
    scene.thread.error = ConsumerStoppedError()
    await scene.fetch({})
    with pytest.raises(ConsumerStoppedError):
        await scene.drain


@pytest.mark.parametrize("ended", ["coordinating", "fetching"])
@pytest.mark.parametrize("why", [None, ZeroDivisionError()])
async def test_tasks_of_aiokafka_that_ended_are_seen(ended: str, why: Exception | None) -> None:
    lives, dead = asyncio.Future[None](), asyncio.Future[None]()
    tasks = {"coordinating": lives, "fetching": lives}
    consumer = SimpleNamespace(
        _coordinator=SimpleNamespace(_pending_exception=None, _coordination_task=lives),
        _fetcher=SimpleNamespace(_fetch_task=lives),
    )
    look = partial(_Thread.check_errors, SimpleNamespace(_ensure_consumer=lambda: consumer))
    look()
    dead.cancel() if why is None else dead.set_exception(why)
    tasks[ended] = dead
    consumer._coordinator._coordination_task = tasks["coordinating"]
    consumer._fetcher._fetch_task = tasks["fetching"]
    with pytest.raises(ConsumerStoppedError) as raised:
        look()
    assert raised.value.__cause__ is why
    consumer._coordinator._pending_exception = KeyError("not allowed to join")
    with pytest.raises(KeyError):
        look()


async def test_a_batch_that_is_cancelled_crashes_the_worker(tmp_path: Path) -> None:
    """Nobody stops, and faust's fetcher would take the cancellation for its own."""
    scene = Scene(tmp_path)
    scene.drain.cancel()

    async def cancelled(_: Sequence[Any]) -> None:
        raise asyncio.CancelledError

    app = scene.consumer.app
    app.take = cancelled
    await app._fetcher.start()
    await scene.fetch({ZERO: records(ZERO, 0)})
    assert app.crashed
    await app._fetcher.stop()
    assert scene.thread.commits == []


async def test_a_fault_of_the_fetch_ends_the_drain(scene: Scene) -> None:
    await scene.fetch(ValueError("made up"))
    with pytest.raises(ValueError, match="made up"):
        await scene.drain


async def test_a_fault_while_a_batch_is_taken_ends_the_drain_and_commits_nothing(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path)

    async def fails(_: Sequence[Any]) -> None:
        raise ZeroDivisionError

    scene.consumer.app.take = fails
    await scene.fetch({ZERO: records(ZERO, 0)})
    with pytest.raises(ZeroDivisionError):
        await scene.drain
    await scene.consumer.wait_empty()
    assert scene.thread.commits == []


@pytest.mark.parametrize(
    ("count", "thick"), [(THICK - 1, False), (THICK, True), (49, True), (50, False)]
)
async def test_fetches_are_farther_apart_while_records_come_thick_and_there_is_no_backlog(
    scene: Scene, count: int, thick: bool
) -> None:
    app = scene.consumer.app
    assert app.pause == app.fetch_every
    await scene.fetch({ZERO: records(ZERO, *range(count))})
    assert app.pause == (app.gather if thick else app.fetch_every)
    await scene.fetch({ZERO: records(ZERO, count)})
    assert app.pause == app.fetch_every


async def test_what_is_fetched_while_a_batch_is_in_hand_is_taken_off_at_once(scene: Scene) -> None:
    """aiokafka does not ask for more of a partition of which it still holds something."""
    scene.may_end.clear()
    for offset in range(5):
        await scene.fetch({ZERO: records(ZERO, offset)})
    assert scene.thread.fetched.empty()
    assert scene.taken == [[0]]
    scene.may_end.set()
    await scene.fetch({})
    assert scene.taken == [[0], [1, 2, 3, 4]]


async def test_no_more_is_collected_than_a_batch_and_no_more_taken(scene: Scene) -> None:
    scene.may_end.clear()
    await scene.fetch({ZERO: records(ZERO, 0)})
    await scene.fetch({ZERO: records(ZERO, *range(1, 91))})
    await scene.fetch({ONE: records(ONE, *range(90))})
    await scene.fetch({ZERO: records(ZERO, 91)})
    assert scene.thread.fetched.qsize() == 1, "180 are there: a batch takes 100"
    scene.may_end.set()
    await scene.fetch({})
    assert [len(some) for some in scene.taken] == [1, 100, 81]
    await scene.consumer.commit()
    assert scene.thread.commits == [{ZERO: 92, ONE: 90}]


async def test_what_was_collected_is_left_to_the_next_owner_of_its_partition(scene: Scene) -> None:
    scene.may_end.clear()
    await scene.fetch({ZERO: records(ZERO, 0)})
    await scene.fetch({ZERO: records(ZERO, 1)})
    scene.consumer.stop_flow()
    scene.may_end.set()
    await scene.consumer.wait_empty()
    assert scene.taken == [[0]]
    assert scene.thread.commits == [{ZERO: 1}]
