"""The sender against the fake store: who is claimed when, and what becomes of every outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.domain.errors import Retry, Unavailable
from services.notify.adapters import sender as sender_module
from services.notify.adapters.book_file import load_book
from services.notify.adapters.sender import CLAIM_SECONDS
from services.notify.core.outcomes import Outcome
from services.notify.testing.memory import ScriptedProvider
from services.notify.testing.store_suite import ALL, NOW, claim, planned

BOOK = load_book()
THROTTLED = Outcome("transient", "sms_http_429", retry_after=7.0, whole_provider=True)
DOWN = Outcome("transient", "sms_connecterror", whole_provider=True)


async def test_a_due_message_is_sent_once(bench: Any) -> None:
    one = planned(1)
    await bench.store.plan([one])
    assert await bench.round() == 1
    assert await bench.round() == 0
    assert bench.state(one) == "sent"
    (call,) = bench.provider.calls
    assert call.key == one["_id"]
    assert call.to == "+919876543210"
    assert call.registered == "1007000000000000114"
    assert call.parameters == ("112", "1077", "JC-2600104237")
    assert call.text == (
        "If anyone is in danger call 112 now, or the control room 1077. "
        "Your case JC-2600104237 is registered and is going to an officer at once."
    )
    assert bench.wakes.named["mobile_seva"] == 0, "nothing waited for it to end"


async def test_the_end_of_a_call_wakes_the_loop_for_what_waited_behind_it(bench: Any) -> None:
    first, second = planned(1), planned(2)
    await bench.store.plan([first, second])
    assert await bench.fire() == 1
    await bench.settle()
    assert bench.state(first) == "sent"
    assert bench.state(second) == "planned"
    assert bench.wakes.named["mobile_seva"] == 1


async def test_the_claim_is_stored_before_the_call(
    bench: Any, eventually: Callable[..., Any]
) -> None:
    one = planned(1)
    await bench.store.plan([one])
    bench.provider.gate.clear()
    await bench.fire()
    await eventually(lambda: bench.provider.calls, "the call")
    assert bench.state(one) == "claimed"
    assert bench.stored(one)["next_at"] == NOW + timedelta(seconds=CLAIM_SECONDS)
    bench.provider.gate.set()
    await bench.settle()
    assert bench.state(one) == "sent"


async def test_two_processes_send_once(bench: Any) -> None:
    other = bench.another()
    await bench.store.plan([planned(1, ticket=f"26{n:08d}") for n in range(50)])
    await asyncio.gather(bench.fire(), bench.fire(other))
    await bench.settle()
    await bench.settle(other)
    assert len(bench.provider.calls) == 50
    assert set(bench.provider.times.values()) == {1}


async def test_no_more_calls_than_slots(bench: Any) -> None:
    sender = bench.another(slots=3)
    await bench.store.plan([planned(1, ticket=f"26{n:08d}") for n in range(10)])
    bench.provider.gate.clear()
    assert await bench.fire(sender) == 3
    assert await bench.fire(sender) == 0
    claimed = [d for d in bench.store.documents.values() if d["state"] == "claimed"]
    assert len(claimed) == 3
    bench.provider.gate.set()
    await bench.settle(sender)
    while await bench.fire(sender):
        await bench.settle(sender)
    assert len(bench.provider.calls) == 10
    assert bench.provider.most_under_way == 3


async def test_a_slow_provider_does_not_hold_up_the_other_channel(bench: Any) -> None:
    whatsapp = bench.another(provider=ScriptedProvider("whatsapp"))
    slow, quick = planned(1), planned(1, ticket="2600000009", channel="whatsapp")
    await bench.store.plan([slow, quick])
    bench.provider.gate.clear()
    await bench.fire()
    await whatsapp.fire(NOW, ALL, 500)
    await bench.settle(whatsapp)
    assert (bench.state(slow), bench.state(quick)) == ("claimed", "sent")
    bench.provider.gate.set()
    await bench.settle()


async def test_a_transient_failure_is_tried_again_later(bench: Any) -> None:
    one = planned(1)
    await bench.store.plan([one])
    bench.provider.outcomes[one["_id"]] = [Outcome("transient", "busy")]
    await bench.round()
    assert bench.state(one) == "planned"
    assert bench.stored(one)["next_at"] == NOW + timedelta(seconds=1)
    assert await bench.round() == 0
    bench.clock.advance(seconds=1)
    await bench.round()
    assert bench.state(one) == "sent"
    assert [a["outcome"] for a in bench.stored(one)["attempts"]] == ["transient", "accepted"]


async def test_retry_after_holds_the_message_and_the_provider(bench: Any) -> None:
    one, two = planned(1), planned(1, ticket="2600000009")
    await bench.store.plan([one])
    bench.provider.outcomes[one["_id"]] = [THROTTLED]
    await bench.round()
    assert bench.stored(one)["next_at"] == NOW + timedelta(seconds=7)
    await bench.store.plan([two])
    taken, next_at = await bench.sender.fire(bench.clock(), ALL, 500)
    assert (taken, next_at) == (0, NOW + timedelta(seconds=7))
    bench.clock.advance(seconds=7)
    # a probe first, then all
    assert await bench.round() == 1
    assert await bench.round() == 1
    assert (bench.state(one), bench.state(two)) == ("sent", "sent")


async def test_a_provider_that_is_down_costs_few_attempts(bench: Any) -> None:
    documents = [planned(1, ticket=f"26{n:08d}") for n in range(200)]
    await bench.store.plan(documents)
    for document in documents:
        bench.provider.outcomes[document["_id"]] = [DOWN] * 200
    for _ in range(600):
        await bench.round()
        bench.clock.advance(seconds=0.5)
    assert len(bench.provider.calls) < 64 + 30
    bench.provider.outcomes.clear()
    for _ in range(2000):
        await bench.round()
        bench.clock.advance(seconds=0.5)
    assert {bench.state(d) for d in documents} == {"sent"}


async def test_a_permanent_failure_ends_it(bench: Any) -> None:
    one = planned(1)
    await bench.store.plan([one])
    bench.provider.outcomes[one["_id"]] = [Outcome("permanent", "sms_406_number")]
    await bench.round()
    bench.clock.advance(days=1)
    await bench.round()
    assert bench.state(one) == "failed"
    assert bench.stored(one)["attempts"][0]["reason"] == "sms_406_number"
    assert len(bench.provider.calls) == 1


async def test_a_message_that_cannot_be_handed_over_is_given_up(bench: Any) -> None:
    one = planned(1)
    await bench.store.plan([one])
    bench.provider.outcomes[one["_id"]] = [Outcome("transient", "busy")] * 1000
    for _ in range(48 * 60 + 10):
        await bench.round()
        bench.clock.advance(minutes=1)
    assert bench.state(one) == "failed"
    assert len(bench.provider.calls) < 400


@pytest.mark.parametrize(
    "answer", [Outcome("unknown", "sms_readtimeout", whole_provider=True), RuntimeError("broken")]
)
async def test_an_unknown_outcome_is_never_sent_again(
    bench: Any, answer: Outcome | Exception
) -> None:
    one = planned(1)
    await bench.store.plan([one])
    bench.provider.outcomes[one["_id"]] = [answer]
    await bench.round()
    assert bench.state(one) == "unknown"
    bench.clock.advance(days=3)
    await bench.round()
    assert len(bench.provider.calls) == 1


async def test_a_call_that_never_ends_is_cut_off_as_unknown(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "CALL_SECONDS", 0.01)
    one = planned(1)
    await bench.store.plan([one])
    bench.provider.gate.clear()
    await bench.round()
    assert bench.state(one) == "unknown"
    assert bench.stored(one)["attempts"][0]["reason"] == "call_timeout"


async def test_a_claim_of_a_dead_process_becomes_unknown(bench: Any) -> None:
    one = planned(1)
    await bench.store.plan([one])
    await bench.store.claim([one["_id"]], claim("dead"))
    bench.clock.advance(seconds=CLAIM_SECONDS - 1)
    assert await bench.round() == 0
    assert bench.state(one) == "claimed"
    bench.clock.advance(seconds=1)
    await bench.round()
    assert bench.state(one) == "unknown"
    bench.clock.advance(days=1)
    await bench.round()
    assert bench.provider.calls == []


async def test_a_claim_whose_answer_was_lost_is_given_back_and_sent_once(bench: Any) -> None:
    one = planned(1)
    await bench.store.plan([one])
    bench.store.lose_answer = "claim"
    with pytest.raises(Retry):
        await bench.fire()
    assert bench.state(one) == "claimed"
    assert bench.provider.calls == []
    await bench.round()
    assert bench.state(one) == "sent"
    assert len(bench.stored(one)["attempts"]) == 1
    assert len(bench.provider.calls) == 1


async def test_an_outcome_is_written_when_the_store_is_back(
    bench: Any, eventually: Callable[..., Any]
) -> None:
    one = planned(1)
    await bench.store.plan([one])
    bench.provider.gate.clear()
    await bench.fire()
    bench.store.down = True
    bench.provider.gate.set()
    await eventually(lambda: bench.provider.calls, "the call")
    with pytest.raises(Unavailable):
        await bench.fire()
    bench.store.down = False
    bench.store.lose_answer = "conclude"
    await bench.settle()
    assert bench.state(one) == "sent"
    assert len(bench.provider.calls) == 1


async def test_stopping_waits_for_the_calls_in_hand(bench: Any) -> None:
    one, two = planned(1), planned(1, ticket="2600000009")
    await bench.store.plan([one])
    bench.provider.gate.clear()
    await bench.fire()
    stopping = asyncio.ensure_future(bench.sender.stop())
    await asyncio.sleep(0)
    await bench.store.plan([two])
    assert await bench.fire() == 0
    bench.provider.gate.set()
    await stopping
    assert (bench.state(one), bench.state(two)) == ("sent", "planned")


async def test_a_loop_cancelled_in_the_middle_still_makes_the_call(bench: Any) -> None:
    one = planned(1)
    await bench.store.plan([one])
    firing = asyncio.ensure_future(bench.fire())
    await asyncio.sleep(0)
    firing.cancel()
    await asyncio.gather(firing, return_exceptions=True)
    await bench.settle()
    assert bench.state(one) == "sent"
    assert bench.stored(one)["attempts"][0]["outcome"] == "accepted"
