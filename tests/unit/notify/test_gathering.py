"""Messages to one person that were kept for a summary."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.kernel.adapters.due import bucket_of
from services.kernel.domain.errors import Retry, Unavailable
from services.kernel.testing.memory import ManualClock
from services.notify.adapters.book_file import load_book
from services.notify.adapters.gathering import Gathering, named
from services.notify.core.book import Audience
from services.notify.core.messages import Message
from services.notify.testing.memory import CountedWakes, MemoryMessages
from services.notify.testing.store_suite import ALL, planned

BOOK = load_book()
WINDOW = datetime(2026, 1, 5, 5, 0, tzinfo=UTC)  # 10:30 in the district: no quiet hours
NEXT = WINDOW + timedelta(minutes=30)


class Desk:
    def __init__(self) -> None:
        self.store = MemoryMessages()
        self.clock = ManualClock(WINDOW)
        self.wakes = CountedWakes()
        self.gathering = self.another()

    def another(self) -> Gathering:
        """One more process on the same store."""
        return Gathering(self.store, BOOK, bucket_of, self.wakes)

    async def keep(
        self,
        count: int,
        *,
        first: int = 0,
        audience: Audience = "holder",
        until: datetime = WINDOW,
        number: int = 2,
        template: str = "officer_breached",
    ) -> list[str]:
        """Messages of `count` cases, kept until the end of a window."""
        documents = [
            planned(
                number,
                ticket=f"26{place:08d}",
                audience=audience,
                channel="whatsapp",
                then=("sms", "email"),
                event="samvad.sla.breached.v1",
                template=template,
                gathered=True,
                not_before=until,
                at=WINDOW - timedelta(minutes=5) + timedelta(seconds=place),
            )
            for place in range(first, first + count)
        ]
        await self.store.plan(documents)
        return [document["_id"] for document in documents]

    async def fire(self, limit: int = 500) -> int:
        taken, _ = await self.gathering.fire(self.clock(), ALL, limit)
        return taken

    def to_be_sent(self) -> list[dict[str, Any]]:
        return [doc for doc in self.store.documents.values() if doc.get("queue") == "whatsapp"]

    def of(self, ids: Sequence[str], field: str) -> set[Any]:
        return {self.store.documents[id_].get(field) for id_ in ids}


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_nothing_is_done_before_the_window_ends(desk: Desk) -> None:
    await desk.keep(3)
    desk.clock.now = WINDOW - timedelta(milliseconds=1)
    assert await desk.fire() == 0
    assert desk.to_be_sent() == []
    assert desk.wakes.everybody == 0


async def test_one_message_goes_out_alone_as_it_is(desk: Desk) -> None:
    (id_,) = await desk.keep(1)
    before = {**desk.store.documents[id_]}
    assert await desk.fire() == 1
    (going,) = desk.to_be_sent()
    assert going["_id"] == id_
    assert (going["state"], going["next_at"]) == ("planned", WINDOW)
    for name in ("template", "values", "ticket", "thread", "order", "channels", "held_until"):
        assert going[name] == before[name]
    assert desk.wakes.everybody == 1
    assert await desk.fire() == 0


async def test_ten_become_one_that_names_the_first(desk: Desk) -> None:
    ids = await desk.keep(10)
    assert await desk.fire() == 10
    (summary,) = desk.to_be_sent()
    assert summary["template"] == "officer_summary"
    assert summary["values"] == {
        "count": "10",
        "tickets": "JC-2600000000, JC-2600000001 …",
    }
    assert desk.of(ids, "summary") == {summary["_id"]}
    assert (summary["ticket"], summary["recipient"], summary["thread"]) == (
        None,
        "r-holder",
        "summary/r-holder",
    )
    assert summary["channels"] == ["whatsapp", "sms", "email"]
    assert summary["providers"] == ["whatsapp", "mobile_seva", "smtp"]
    assert summary["bucket"] == bucket_of("r-holder")
    assert (summary["state"], summary["next_at"]) == ("planned", WINDOW)
    assert desk.of(ids, "state") == {"collapsed"}
    assert desk.of(ids, "reason") == {"summarised"}
    assert desk.of(ids, "next_at") == desk.of(ids, "queue") == {None}
    assert await desk.fire() == 0
    assert len(desk.store.documents) == 11


@pytest.mark.parametrize(
    ("count", "longest", "text"),
    [
        (2, 28, "JC-2600000000, JC-2600000001"),
        (2, 27, "JC-2600000000 …"),
        (3, 30, "JC-2600000000, JC-2600000001 …"),
        (3, 29, "JC-2600000000 …"),
        (3, 43, "JC-2600000000, JC-2600000001, JC-2600000002"),
        (9, 43, "JC-2600000000, JC-2600000001 …"),
        (9, 5, "JC-2600000000"),
        (1, 13, "JC-2600000000"),
    ],
)
def test_how_many_are_named(count: int, longest: int, text: str) -> None:
    assert named([f"JC-26{place:08d}" for place in range(count)], longest) == text


async def test_a_case_counts_once(desk: Desk) -> None:
    """A limit that is passed is told to who holds the case, and as the ladder's first step."""
    breached = await desk.keep(2, number=2)
    escalated = await desk.keep(2, number=3, template="officer_escalated")
    await desk.fire()
    (summary,) = desk.to_be_sent()
    assert summary["values"]["count"] == "2"
    assert desk.of([*breached, *escalated], "reason") == {"summarised"}


async def test_of_one_case_the_last_message_goes_out_alone_and_no_summary_of_one(
    desk: Desk,
) -> None:
    (escalated,) = await desk.keep(1, number=3, template="officer_escalated")
    (breached,) = await desk.keep(1, number=2)
    await desk.fire()
    (going,) = desk.to_be_sent()
    assert going["_id"] == escalated
    assert desk.store.documents[breached]["state"] == "collapsed"


async def test_everybody_has_his_own(desk: Desk) -> None:
    await desk.keep(2, audience="holder")
    await desk.keep(3, audience="head")
    (alone,) = await desk.keep(1, audience="sdm")
    assert await desk.fire() == 6
    going = {doc["recipient"]: doc for doc in desk.to_be_sent()}
    assert sorted(going) == ["r-head", "r-holder", "r-sdm"]
    assert going["r-holder"]["values"]["count"] == "2"
    assert going["r-head"]["values"]["count"] == "3"
    assert going["r-sdm"]["_id"] == alone


async def test_who_comes_after_the_summary_is_not_lost_in_it(desk: Desk) -> None:
    await desk.keep(2)
    await desk.fire()
    (first,) = desk.to_be_sent()
    late = await desk.keep(1, first=7)
    desk.clock.advance(seconds=1)
    assert await desk.fire() == 1
    assert [doc["_id"] for doc in desk.to_be_sent()] == [first["_id"], *late]
    assert first["values"]["count"] == "2"
    assert await desk.fire() == 0


async def test_every_window_has_a_summary_of_its_own(desk: Desk) -> None:
    await desk.keep(2)
    await desk.fire()
    await desk.keep(3, first=7, until=NEXT)
    assert await desk.fire() == 0
    desk.clock.now = NEXT
    assert await desk.fire() == 3
    assert [doc["values"]["count"] for doc in desk.to_be_sent()] == ["2", "3"]


async def test_what_is_overtaken_is_left_out(desk: Desk) -> None:
    gone, *kept = await desk.keep(3)
    await desk.store.collapse([("2600000000", 9, [("samvad.sla.breached.v1", "holder")])])
    assert await desk.fire() == 2
    (summary,) = desk.to_be_sent()
    assert desk.of(kept, "reason") == {"summarised"}
    assert summary["values"] == {"count": "2", "tickets": "JC-2600000001, JC-2600000002"}
    assert desk.store.documents[gone]["reason"] == "overtaken"


async def test_all_but_one_overtaken_leaves_one_to_go_out_alone(desk: Desk) -> None:
    ids = await desk.keep(2)
    await desk.store.collapse([("2600000000", 9, [("samvad.sla.breached.v1", "holder")])])
    await desk.fire()
    assert [doc["_id"] for doc in desk.to_be_sent()] == ids[1:]


async def test_what_is_overtaken_during_the_look_is_left_out_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await desk.keep(3)
    mark = desk.store.mark

    async def after_an_event(marked: Collection[str], summary: str) -> None:
        await desk.store.collapse([("2600000000", 9, [("samvad.sla.breached.v1", "holder")])])
        await mark(marked, summary)

    monkeypatch.setattr(desk.store, "mark", after_an_event)
    await desk.fire()
    assert desk.store.documents[ids[0]]["reason"] == "overtaken"
    assert desk.of(ids[1:], "reason") == {"summarised"}
    (summary,) = desk.to_be_sent()
    assert summary["values"]["count"] == "2"


async def test_what_is_overtaken_after_the_summary_stays_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await desk.keep(3)
    plan = desk.store.plan

    async def before_an_event(documents: Sequence[dict[str, Any]]) -> int:
        done = await plan(documents)
        await desk.store.collapse([("2600000000", 9, [("samvad.sla.breached.v1", "holder")])])
        return done

    monkeypatch.setattr(desk.store, "plan", before_an_event)
    await desk.fire()
    assert desk.store.documents[ids[0]]["reason"] == "overtaken"
    assert desk.of(ids[1:], "reason") == {"summarised"}


@pytest.mark.parametrize("method", ["mark", "plan", "read", "move"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("hours", [0, 5])
async def test_a_crash_anywhere_tells_nobody_twice_and_forgets_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, method: str, hours: int, *, before: bool
) -> None:
    """However long it takes to start again, and whatever has come meanwhile."""
    ids = await desk.keep(3)
    work = getattr(desk.store, method)

    async def crash(*args: Any) -> Any:
        if not before:
            await work(*args)
        raise Unavailable("the store")

    with monkeypatch.context() as patched:
        patched.setattr(desk.store, method, crash)
        with pytest.raises(Retry):
            await desk.fire()
    desk.gathering = desk.another()
    until = WINDOW + timedelta(hours=hours)
    newer = await desk.keep(2, first=7, until=until)
    desk.clock.now = until
    while await desk.fire():
        desk.clock.advance(seconds=1)
    counts = [int(doc["values"]["count"]) for doc in desk.to_be_sent()]
    assert sum(counts) == 5
    assert desk.of([*ids, *newer], "reason") == {"summarised"}
    told = {doc["_id"] for doc in desk.to_be_sent()}
    assert desk.of([*ids, *newer], "summary") == told


async def test_two_processes_make_one_summary(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked before either has written."""
    ids = await desk.keep(3)
    other = desk.another()
    look = desk.store.due
    looks = 0

    async def due(*args: Any) -> list[Message]:
        nonlocal looks
        looks += 1
        found = await look(*args)
        if looks == 1:
            await other.fire(desk.clock(), ALL, 500)
        return found

    monkeypatch.setattr(desk.store, "due", due)
    await desk.fire()
    assert looks == 2
    (summary,) = desk.to_be_sent()
    assert summary["values"]["count"] == "3"
    assert desk.of(ids, "reason") == {"summarised"}


async def test_nobody_is_told_twice_where_two_processes_have_seen_another_first_message(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has looked, then its first message is overtaken, then the other one looks and is faster."""
    ids = await desk.keep(3)
    other = desk.another()
    mark = desk.store.mark
    marks = 0

    async def slow(marked: Collection[str], summary: str) -> None:
        nonlocal marks
        marks += 1
        if marks == 1:
            await desk.store.collapse([("2600000000", 9, [("samvad.sla.breached.v1", "holder")])])
            await other.fire(desk.clock(), ALL, 500)
        await mark(marked, summary)

    monkeypatch.setattr(desk.store, "mark", slow)
    await desk.fire()
    (summary,) = desk.to_be_sent()
    assert summary["values"]["count"] == "2"
    assert desk.of(ids[1:], "summary") == {summary["_id"]}


async def test_a_small_look_sees_all_of_a_person(desk: Desk) -> None:
    await desk.keep(5)
    assert await desk.fire(limit=3) == 5
    (summary,) = desk.to_be_sent()
    assert summary["values"]["count"] == "5"


@pytest.mark.parametrize("count", [1, 2])
async def test_the_store_being_away_is_told(desk: Desk, count: int) -> None:
    await desk.keep(count)
    desk.store.down = True
    with pytest.raises(Retry):
        await desk.fire()
    desk.store.down = False
    assert await desk.fire() == count
    assert len(desk.to_be_sent()) == 1
