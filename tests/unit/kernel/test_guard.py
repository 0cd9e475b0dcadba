"""The guard: done, retry or reject, and nothing lost between them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.kernel.adapters.guard import FAULTS_BEFORE_REJECT, Guard, key_of
from services.kernel.adapters.insisting import LONGEST_WAIT_SECONDS
from services.kernel.contracts.codec import ROOMS
from services.kernel.domain.errors import Reject, Unavailable
from tests.unit.kernel.conftest import Waits, parked


async def test_a_batch_is_done(guard: Guard, script: Any, parking: Any, record: Any, named: Any) -> None:
    await guard.handle([record("A"), record("B"), record("A", 1)])
    assert script.done == [named("A"), named("B"), named("A", 1)]
    assert parked(parking) == {}
    assert len(script.calls) == 1


async def test_a_dependency_that_is_down_keeps_order_and_everything(
    guard: Guard, script: Any, waits: Waits, record: Any, named: Any
) -> None:
    script.away = 9
    batch = [record("A"), record("B"), record("A", 1)]
    await guard.handle(batch)
    assert script.done == [named("A"), named("B"), named("A", 1)]
    assert all(call == script.calls[0] for call in script.calls)
    assert len(waits.slept) == 9
    # longer each time, with jitter, never longer than the bound
    assert all(seconds <= LONGEST_WAIT_SECONDS for seconds in waits.slept)
    assert waits.slept[-1] >= LONGEST_WAIT_SECONDS / 2
    assert waits.slept[0] < 0.06


@pytest.mark.parametrize("call", ["parked_keys", "park"])
async def test_a_parking_that_is_down_is_waited_for(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any, call: str
) -> None:
    parking.away[call] = 7
    script.reject = {named("A", 1)}
    await guard.handle([record("A"), record("A", 1), record("B")])
    assert set(script.done) == {named("A"), named("B")}
    assert [reason for _, reason in parking.reasons] == ["made up"]


async def test_what_another_room_says_is_done_unread(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    """Even if nothing else of it can be read, or its case is set aside."""
    script.follows = ("intake",)
    script.reject = {named("A")}
    unreadable = (("ce_id", named("A", 1).encode()),)
    await guard.handle([record("A"), record("A", 1), record("B", 1, headers=unreadable, key=None)])
    await guard.handle([record("A", 2)])
    assert script.calls == [[named("A")]]
    assert len(parking.reasons) == 1


BAD_VALUES = {
    "not UTF-8": b"\xff\xfe",
    "none": None,
    "empty": b"",
    "deep": b"[" * 5000,
    "another shape": b'{"district": 3}',
}
NO_EVENTS: dict[str, dict[str, Any]] = {
    "no headers": {"headers": ()},
    "empty id": {"headers": (("ce_id", b""), ("ce_type", b"samvad.case.filed.v1"))},
    "id of no text": {"headers": (("ce_id", b"\xff\xff"),)},
    "no key": {"key": None},
    "key of no text": {"key": b"\xff\x00"},
    "another key": {"key": "शिकायत".encode()},
}


@pytest.mark.parametrize("name", BAD_VALUES)
async def test_a_bad_value_is_set_aside_with_its_case_alone(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any, name: str
) -> None:
    bad, behind = record("A", 1, value=BAD_VALUES[name]), record("A", 2)
    await guard.handle([record("A"), bad, behind, record("B")])
    assert script.done == [named("A"), named("B")]
    assert [one.offset for one, _ in parking.reasons] == [bad.offset]
    assert parking.reasons[0][1].startswith("undecodable")
    assert parked(parking) == {key_of(bad): [bad.offset, behind.offset]}


@pytest.mark.parametrize("name", NO_EVENTS)
async def test_what_is_no_event_of_a_case_is_set_aside_and_nothing_waits_behind_it(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any, name: str
) -> None:
    bad = record("A", 1, **NO_EVENTS[name])
    await guard.handle([record("A"), bad, record("A", 1), record("B")])
    assert script.done == [named("A"), named("A", 1), named("B")]
    assert [one.offset for one, _ in parking.reasons] == [bad.offset]
    assert parked(parking) == {key_of(bad): [bad.offset]}


async def test_what_came_before_bad_bytes_is_handled_even_if_the_batch_is_run_again(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    """A citizen's `filed` must not be parked for the poison that came after it."""
    script.away = 3
    await guard.handle([record("A"), record("A", 1, value=b"{")])
    assert script.done == [named("A")]
    assert [len(records) for records in parking.parked.values()] == [1]


async def test_poison_in_the_middle_of_a_batch(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.reject = {named("A", 1)}
    one, poison, three, four = record("A"), record("A", 1), record("A", 2), record("A", 3)
    await guard.handle([one, record("B"), poison, three, record("B", 1), four])
    assert script.done == [named("A"), named("B"), named("B", 1)]
    assert parked(parking) == {key_of(one): [poison.offset, three.offset, four.offset]}
    # later ones of the case wait behind it, others go on
    later = record("A", 4)
    await guard.handle([later, record("B", 2)])
    assert script.done[-1] == named("B", 2)
    assert parked(parking)[key_of(one)][-1] == later.offset


async def test_a_fault_that_passes_is_no_reject(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.fault = {named("A", 1): FAULTS_BEFORE_REJECT - 1}
    await guard.handle([record("A"), record("A", 1), record("A", 2), record("B")])
    assert script.done == [named("A"), named("B"), named("A", 1), named("A", 2)]
    assert parked(parking) == {}


async def test_a_fault_that_stays_is_rejected_after_a_bound(
    guard: Guard, script: Any, parking: Any, waits: Waits, record: Any, named: Any
) -> None:
    script.fault = {named("A", 1): 10_000}
    await guard.handle([record("A"), record("A", 1), record("A", 2), record("B")])
    assert script.done == [named("A"), named("B")]
    assert [reason for _, reason in parking.reasons] == ["ZeroDivisionError"]
    assert len(waits.slept) == FAULTS_BEFORE_REJECT - 1


async def test_a_filing_is_held_and_never_rejected_for_a_fault_of_ours(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.fault = {named("A"): FAULTS_BEFORE_REJECT + 2}
    await guard.handle([record("A"), record("A", 1), record("B")])
    assert script.done == [named("B")], "other cases go on meanwhile"
    await guard.handle([record("A", 2), record("C")])
    assert script.done == [named("B"), named("C")], "later records of the case wait behind"
    assert await guard.drain([0]) == 0
    assert await guard.drain([0]) == 0
    assert await guard.drain([0]) == 3
    assert script.done[2:] == [named("A"), named("A", 1), named("A", 2)]
    assert parked(parking) == {}
    assert parking.reasons == [], "it never was a dead letter"


async def test_a_case_that_lacks_what_it_needs_is_held_whatever_the_record(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.lag = {named("A", 1): 10_000}
    await guard.handle([record("A"), record("A", 1), record("B")])
    assert script.done == [named("A"), named("B")]
    assert await guard.drain([0]) == 0
    script.lag = {}
    assert await guard.drain([0]) == 1
    assert script.done[-1] == named("A", 1)
    assert parking.reasons == []


async def test_a_filing_that_the_handler_calls_poison_is_rejected(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.reject = {named("A")}
    await guard.handle([record("A"), record("B")])
    assert script.done == [named("B")]
    assert len(parking.reasons) == 1


async def test_a_fault_of_the_whole_is_narrowed_to_its_case(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.explode = {named("B", 1): 10_000}
    batch = [record("A"), record("B"), record("B", 1), record("B", 2), record("C"), record("A", 1)]
    await guard.handle(batch)
    assert set(script.done) == {named("A"), named("A", 1), named("B"), named("C")}
    # the record itself is blamed, not the filing before it
    assert [one.offset for one, _ in parking.reasons] == [batch[2].offset]
    assert parked(parking) == {key_of(batch[2]): [batch[2].offset, batch[3].offset]}


async def test_a_reject_that_is_raised_for_the_whole_is_a_reject_of_its_record(
    parking: Any, waits: Waits, record: Any
) -> None:
    class Refusing:
        follows = ROOMS
        uses: dict[str, Any] = {}
        done: list[int] = []

        async def handle(self, batch: Any) -> list[Any]:
            if any(one.id.ticket == batch_key for one in batch):
                raise Reject("no such district")
            self.done.extend(one.record.offset for one in batch)
            return []

    good, bad = record("A"), record("B")
    batch_key = key_of(bad)
    handler = Refusing()
    await Guard("test", handler, parking, sleep=waits).handle([good, bad])
    assert handler.done == [good.offset]
    assert [reason for _, reason in parking.reasons] == ["no such district"]
    assert waits.slept == []


async def test_a_dependency_that_fails_while_a_fault_is_narrowed_down(
    guard: Guard, script: Any, parking: Any, record: Any, named: Any
) -> None:
    script.explode = {named("B", 1): 3}
    calls = 0

    async def flaky() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Unavailable("the store")

    script.within = flaky
    await guard.handle([record("A"), record("B", 1), record("C")])
    assert set(script.done) == {named("A"), named("B", 1), named("C")}
    assert parked(parking) == {}


async def test_a_handler_that_answers_nonsense_stops_nothing_else(
    parking: Any, waits: Waits, record: Any
) -> None:
    """Whatever goes wrong, only cancellation leaves: faust would acknowledge what was not handled."""

    class Broken:
        follows = ROOMS
        uses: dict[str, Any] = {}

        async def handle(self, batch: Any) -> Any:
            return None

    waits.most = 20
    with pytest.raises(asyncio.CancelledError):
        await Guard("test", Broken(), parking, sleep=waits).handle([record("A")])
    assert len(waits.slept) == 21


async def test_cancellation_goes_through(guard: Guard, script: Any, record: Any) -> None:
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    script.within = hang
    task = asyncio.create_task(guard.handle([record("A")]))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
