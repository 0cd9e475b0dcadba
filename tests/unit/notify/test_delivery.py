"""What becomes of a message after a call, a receipt or a wait: the steps one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notify.adapters.message_document import step_update
from services.notify.core.book import Channel
from services.notify.core.delivery import (
    LAPSED,
    NO_ADDRESS,
    OPTED_OUT,
    after_wait,
    following,
    give_way,
)
from services.notify.core.messages import Attempt, Debt, State, Step
from services.notify.core.outcomes import GIVE_UP_AFTER, Outcome
from services.notify.testing.memory import ScriptedProvider
from services.notify.testing.store_suite import NOW, planned
from tests.unit.notify.delivering import (
    ACCEPTED,
    BUSY,
    CLOSED,
    LOST,
    PATIENCE,
    REFUSED,
    WAITS,
    called,
    message,
)


class TestAfterACall:
    @pytest.mark.parametrize(
        ("channels", "receipts", "more", "waits"),
        [
            (("whatsapp", "sms"), True, {}, WAITS["whatsapp"].receipt),
            (("whatsapp", "sms"), True, {"urgent": True}, WAITS["whatsapp"].urgent_receipt),
            (("whatsapp", "sms"), False, {}, None),
            (("whatsapp",), True, {}, None),
            (("whatsapp",), True, {"announced": True}, WAITS["whatsapp"].receipt),
            (("whatsapp", "sms"), True, {"stale": True}, None),
            (("sms", "whatsapp"), False, {"announced": True}, WAITS["sms"].assumed),
            (("sms",), False, {"announced": True}, WAITS["sms"].assumed),
            (("email",), False, {}, None),
        ],
    )
    def test_what_was_accepted_is_sent_and_waited_for_where_something_comes_of_it(
        self,
        channels: tuple[Channel, ...],
        receipts: bool,
        more: dict[str, Any],
        waits: timedelta | None,
    ) -> None:
        step = called(message(*channels, **more), ACCEPTED, receipts=receipts)
        at = None if waits is None else NOW + waits
        assert step == Step("sent", channels[0], at)

    def test_what_may_pass_is_tried_again_on_the_same_channel(self) -> None:
        step = called(message(), BUSY)
        assert step == Step("planned", "whatsapp", NOW + timedelta(seconds=1), "busy")
        asked = replace(BUSY, retry_after=60.0)
        assert called(message(), asked).next_at == NOW + timedelta(seconds=60)

    @pytest.mark.parametrize(
        ("urgent", "patience"),
        [(False, PATIENCE), (True, WAITS["whatsapp"].urgent_receipt)],
    )
    def test_a_channel_that_takes_nothing_for_too_long_gives_way(
        self, *, urgent: bool, patience: timedelta
    ) -> None:
        waiting = message(urgent=urgent, since=NOW - patience)
        assert called(waiting, BUSY) == Step("planned", "sms", NOW, "busy")
        shorter = replace(waiting, since=NOW - patience + timedelta(milliseconds=1))
        assert called(shorter, BUSY).channel == "whatsapp"

    def test_the_last_channel_is_tried_until_it_is_no_news(self) -> None:
        last = message("sms", since=NOW - PATIENCE * 5)
        assert called(last, BUSY).state == "planned"
        old = replace(last, created_at=NOW - GIVE_UP_AFTER)
        assert called(old, BUSY) == Step("failed", "sms", NOW, "busy", ("callback",))

    def test_what_is_refused_goes_to_the_next_channel(self) -> None:
        assert called(message(), REFUSED) == Step("planned", "sms", NOW, "refused")
        both = message("whatsapp", "sms", on="sms")
        assert called(both, REFUSED) == Step("failed", "sms", NOW, "refused", ("callback",))

    @pytest.mark.parametrize(
        ("more", "reason", "owes"),
        [
            ({}, "refused", ("callback",)),
            ({"audience": "co_complainants"}, "refused", ("callback",)),
            ({"audience": "officer"}, "refused", ()),
            ({"audience": "officer", "urgent": True}, "refused", ("callback",)),
            ({"announced": True}, "refused", ("callback", "failed")),
            ({"announced": True}, OPTED_OUT, ("failed",)),
            ({}, OPTED_OUT, ()),
            ({"stale": True}, "refused", ()),
            ({"stale": True, "urgent": True}, "refused", ()),
            ({"ticket": None}, "refused", ()),
            ({"ticket": None, "urgent": True}, "refused", ()),
            ({"numberless": True, "urgent": True}, "refused", ()),
            ({"numberless": True, "announced": True}, "refused", ("failed",)),
        ],
    )
    def test_who_is_called_when_every_channel_has_failed(
        self, more: dict[str, Any], reason: str, owes: tuple[Debt, ...]
    ) -> None:
        step = called(message("sms", **more), Outcome("permanent", reason))
        assert step == Step("failed", "sms", NOW if owes else None, reason, owes)

    def test_who_opted_out_is_not_sought_by_another_channel(self) -> None:
        assert called(message(), Outcome("permanent", OPTED_OUT)) == Step(
            "failed", "whatsapp", None, OPTED_OUT
        )
        assert called(message(), Outcome("permanent", NO_ADDRESS)).channel == "sms"

    def test_a_closed_window_is_answered_with_the_template_once(self) -> None:
        free = message(attempts=(Attempt("c1", "whatsapp", form="text"),))
        assert called(free, CLOSED) == Step("planned", "whatsapp", NOW, "outside_window")
        assert called(message(), CLOSED) == Step("planned", "sms", NOW, "outside_window")

    @pytest.mark.parametrize(
        ("channels", "more", "step"),
        [
            (("whatsapp", "sms"), {}, Step("unknown", "whatsapp", NOW + PATIENCE, "call_timeout")),
            (
                ("whatsapp", "sms"),
                {"urgent": True},
                Step("unknown", "whatsapp", NOW + WAITS["whatsapp"].urgent_receipt, "call_timeout"),
            ),
            (("whatsapp",), {}, Step("unknown", "whatsapp", None, "call_timeout")),
            (
                ("whatsapp", "sms"),
                {"stale": True},
                Step("unknown", "whatsapp", None, "call_timeout"),
            ),
            (("sms", "whatsapp"), {}, Step("unknown", "sms", None, "call_timeout")),
            (("email",), {}, Step("unknown", "email", None, "call_timeout")),
            (
                ("whatsapp",),
                {"urgent": True, "numberless": True},
                Step("unknown", "whatsapp", None, "call_timeout"),
            ),
            (
                ("sms", "whatsapp"),
                {"urgent": True},
                Step("unknown", "sms", NOW, "call_timeout", ("callback",)),
            ),
            (
                ("sms",),
                {"urgent": True, "stale": True},
                Step("unknown", "sms", None, "call_timeout"),
            ),
        ],
    )
    def test_what_may_have_been_sent_is_not_sent_again(
        self, channels: tuple[Channel, ...], more: dict[str, Any], step: Step
    ) -> None:
        assert called(message(*channels, **more), LOST) == step

    def test_a_lapsed_claim_is_an_unknown_outcome(self) -> None:
        assert called(message("sms"), LAPSED) == Step("unknown", "sms", None, "claim_lapsed")

    def test_an_urgent_message_without_a_case_asks_for_no_call(self) -> None:
        """A code to log in with: nobody could be called about it."""
        assert called(message("sms", ticket=None, urgent=True), LOST).owes == ()

    @pytest.mark.parametrize("outcome", [BUSY, CLOSED], ids=["transient", "closed window"])
    def test_what_is_no_news_is_not_tried_again(self, outcome: Outcome) -> None:
        stale = message(stale=True, attempts=(Attempt("c1", "whatsapp", form="text"),))
        assert called(stale, outcome).state != "planned"


class TestGivingWay:
    def test_what_waits_too_long_for_a_provider_that_is_down(self) -> None:
        waiting = message(state="planned", attempts=(), since=NOW - PATIENCE)
        assert give_way(waiting, NOW, WAITS) == Step("planned", "sms", NOW, "not_handed_over")
        assert give_way(waiting, NOW - timedelta(milliseconds=1), WAITS) is None

    @pytest.mark.parametrize("more", [{"stale": True}, {"on": "sms"}])
    def test_but_not_what_has_nowhere_to_go(self, more: dict[str, Any]) -> None:
        waiting = message(state="planned", since=NOW - 10 * PATIENCE, **more)
        assert give_way(waiting, NOW, WAITS) is None


class TestAfterAWait:
    @pytest.mark.parametrize("state", ["sent", "unknown"])
    def test_without_a_receipt_the_next_channel_is_taken(self, state: State) -> None:
        waited = message(state=state)
        step = after_wait(waited, NOW, receipts=True, waits=WAITS)
        assert step == Step("planned", "sms", NOW, "no_receipt")

    def test_nothing_is_left_to_do_on_the_last_channel(self) -> None:
        waited = message(state="sent", on="sms")
        step = after_wait(waited, NOW, receipts=True, waits=WAITS)
        assert step == Step("sent", "sms", reason="no_receipt")

    def test_no_news_goes_no_further(self) -> None:
        waited = message(state="sent", stale=True)
        step = after_wait(waited, NOW, receipts=True, waits=WAITS)
        assert step == Step("sent", "whatsapp", reason="no_receipt")

    def test_a_channel_without_receipts_counts_as_having_delivered(self) -> None:
        waited = message("sms", "whatsapp", state="sent", announced=True)
        step = after_wait(waited, NOW, receipts=False, waits=WAITS)
        assert step == Step("sent", "sms", NOW, None, ("delivered",))

    def test_an_unknown_outcome_stays_one_and_says_why(self) -> None:
        waited = message(state="unknown", stale=True, reason="claim_lapsed")
        step = after_wait(waited, NOW, receipts=True, waits=WAITS)
        assert step == Step("unknown", "whatsapp", reason="claim_lapsed")

    def test_a_message_was_sent_when_it_was_sent_and_not_when_the_wait_was_over(self) -> None:
        waited = message(state="sent", on="sms")
        later = NOW + WAITS["sms"].assumed
        for step in (
            after_wait(waited, later, receipts=True, waits=WAITS),
            after_wait(replace(waited, announced=True), later, receipts=False, waits=WAITS),
        ):
            sets, unsets = step_update(step, waited, later)
            assert "sent_at" not in sets
            assert "sent_at" not in unsets


@pytest.mark.parametrize(
    ("on", "stale", "then"),
    [
        ("whatsapp", False, "sms"),
        ("sms", False, "email"),
        ("email", False, None),
        ("sms", True, None),
    ],
)
def test_the_channels_follow_one_another(on: Channel, then: Channel | None, *, stale: bool) -> None:
    assert following(message("whatsapp", "sms", "email", on=on, stale=stale)) == then


@pytest.mark.parametrize("outcome", [BUSY, REFUSED, CLOSED], ids=["transient", "refused", "window"])
async def test_what_is_overtaken_while_it_is_being_sent_is_not_sent_again(
    bench: Any, eventually: Callable[..., Any], outcome: Outcome
) -> None:
    """Its case was resolved during the call: neither this channel nor the next says what was before."""
    one = planned(1, channel="sms", then=("whatsapp",))
    await bench.store.plan([one])
    bench.provider.outcomes[one["_id"]] = [outcome]
    bench.provider.gate.clear()
    await bench.fire()
    await eventually(lambda: bench.provider.calls, "the call")
    await bench.store.collapse([(one["thread"], 9, [(one["event"], "citizen")])])
    assert bench.stored(one)["stale"]
    bench.provider.gate.set()
    await bench.settle()
    whatsapp = bench.another(provider=ScriptedProvider("whatsapp"))
    bench.clock.advance(hours=1)
    for sender in (bench.sender, whatsapp):
        await bench.fire(sender)
        await bench.settle(sender)
    assert len(bench.provider.calls) == 1
    assert bench.state(one) not in ("sent", "planned", "claimed")


# ---------------------------------------------------------------- any life that a message may have
