"""What a receipt makes of a message: repeated, out of order, or of another attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notify.core.book import Channel
from services.notify.core.delivery import (
    attempt_of,
)
from services.notify.core.messages import Attempt, Debt, Message, State, Step
from services.notify.core.receipts import Receipt, Status
from services.notify.testing.store_suite import NOW
from tests.unit.notify.delivering import (
    BUSY,
    CLOSED,
    PATIENCE,
    message,
    told,
)


class TestWhichAttempt:
    ATTEMPTS = (
        Attempt("c1", "whatsapp", "accepted", "wamid-1"),
        Attempt("c2", "whatsapp", "transient"),
        Attempt("c3", "whatsapp", "unknown"),
        Attempt("c4", "sms", None),
    )

    @pytest.mark.parametrize(
        ("receipt", "claim"),
        [
            ({"provider_id": "wamid-1"}, "c1"),
            ({"provider_id": "wamid-9"}, "c3"),
            ({}, "c3"),
            ({"claim": "c2"}, "c2"),
            ({"claim": "c9"}, None),
            ({"claim": "c1", "channel": "sms"}, None),
            ({"channel": "sms"}, "c4"),
            ({"channel": "email"}, None),
        ],
    )
    def test_is_meant_by_a_receipt(self, receipt: dict[str, Any], claim: str | None) -> None:
        what = message("whatsapp", "sms", attempts=self.ATTEMPTS)
        known: dict[str, Any] = {"channel": "whatsapp", "status": "sent", "at": NOW}
        meant = attempt_of(what, Receipt(**known | receipt))
        assert (meant.claim if meant else None) == claim

    def test_none_where_every_one_was_refused_or_has_another_id(self) -> None:
        what = message(attempts=self.ATTEMPTS[:2])
        assert attempt_of(what, Receipt("whatsapp", "sent", NOW, provider_id="wamid-9")) is None


class TestAfterAReceipt:
    def test_sent_says_nothing_new_of_what_was_accepted(self) -> None:
        attempts = (Attempt("c1", "whatsapp", "accepted", "wamid-1"),)
        assert told(message(state="sent", attempts=attempts), "sent") == (None, None)

    @pytest.mark.parametrize("state", ["claimed", "unknown"])
    def test_sent_is_as_good_as_an_answer(self, state: State) -> None:
        seen, step = told(message(state=state), "sent", provider_id="wamid-1")
        assert (seen.claim, seen.status) == ("c1", "sent")
        assert step == Step("sent", "whatsapp", NOW + PATIENCE)

    @pytest.mark.parametrize(
        "state", ["sent", "delivered", "read", "planned", "failed", "collapsed"]
    )
    def test_sent_changes_nothing_else(self, state: State) -> None:
        assert told(message(state=state), "sent")[1] is None

    @pytest.mark.parametrize(
        "state", ["claimed", "sent", "unknown", "failed", "collapsed", "planned"]
    )
    @pytest.mark.parametrize("status", ["delivered", "read"])
    def test_what_reached_somebody_has_reached_him(self, state: State, status: Status) -> None:
        seen, step = told(message(state=state), status)
        assert seen.status == status
        assert step == Step(status, "whatsapp")

    def test_it_reached_him_by_an_earlier_channel(self) -> None:
        moved = message(
            on="sms",
            state="planned",
            attempts=(Attempt("c1", "whatsapp", "accepted", "wamid-1"),),
        )
        assert told(moved, "delivered", provider_id="wamid-1")[1] == Step("delivered", "whatsapp")

    @pytest.mark.parametrize(
        ("known", "repeated"),
        [
            ("sent", ["sent"]),
            ("failed", ["sent", "failed"]),
            ("delivered", ["sent", "failed", "delivered"]),
            ("read", ["sent", "failed", "delivered", "read"]),
        ],
    )
    def test_what_is_known_or_older_changes_nothing(
        self, known: Status, repeated: list[Status]
    ) -> None:
        attempts = (Attempt("c1", "whatsapp", "accepted", "wamid-1", status=known),)
        for status in repeated:
            assert told(message(state="sent", attempts=attempts), status) == (None, None)

    @pytest.mark.parametrize("state", ["delivered", "read"])
    @pytest.mark.parametrize("status", ["sent", "failed"])
    def test_what_was_delivered_does_not_fail_by_another_attempt(
        self, state: State, status: Status
    ) -> None:
        attempts = (
            Attempt("c1", "whatsapp", "accepted", "wamid-1", status="delivered"),
            Attempt("c2", "sms", "accepted", "m-1"),
        )
        moved = message(state=state, on="sms", attempts=attempts)
        _, step = told(moved, status, channel="sms", provider_id="m-1")
        assert step is None

    def test_read_is_not_just_delivered_again_by_another_attempt(self) -> None:
        attempts = (
            Attempt("c1", "whatsapp", "accepted", "wamid-1"),
            Attempt("c2", "sms", "accepted", "m-1"),
        )
        moved = message(state="read", attempts=attempts)
        seen, step = told(moved, "delivered", channel="sms", provider_id="m-1")
        assert seen is not None
        assert step is None

    def test_a_failure_is_an_answer_that_came_late(self) -> None:
        sent = message(state="sent", attempts=(Attempt("c1", "whatsapp", "accepted", "wamid-1"),))
        assert told(sent, "failed")[1] == Step("planned", "sms", NOW, "refused")
        again = told(sent, "failed", failure=BUSY)[1]
        assert again == Step("planned", "whatsapp", NOW + timedelta(seconds=1), "busy")
        seen, step = told(sent, "failed", failure=None)
        assert (seen.reason, step) == (None, Step("planned", "sms", NOW, "failed"))

    @pytest.mark.parametrize(
        ("form", "channel"), [("text", "whatsapp"), ("", "sms")], ids=["free text", "template"]
    )
    def test_a_window_that_was_closed_is_told_by_a_receipt_too(
        self, form: str, channel: Channel
    ) -> None:
        attempts = (Attempt("c1", "whatsapp", "accepted", "wamid-1", form),)
        step = told(message(state="sent", attempts=attempts), "failed", failure=CLOSED)[1]
        assert step == Step("planned", channel, NOW, "outside_window")

    def test_the_failure_of_an_earlier_attempt_changes_no_later_one(self) -> None:
        attempts = (
            Attempt("c1", "whatsapp", "accepted", "wamid-1"),
            Attempt("c2", "whatsapp", "accepted", "wamid-2"),
        )
        seen, step = told(message(state="sent", attempts=attempts), "failed", provider_id="wamid-1")
        assert (seen.claim, step) == ("c1", None)

    def test_a_failure_counts_once_though_the_answer_with_its_id_was_lost(self) -> None:
        """The first attempt's answer was lost, its failure let the second one be made. While that one is
        under way the failure is told again, and is still the first one's."""
        lost = message(state="unknown", attempts=(Attempt("c1", "whatsapp", "unknown"),))
        failure = {"provider_id": "wamid-1", "failure": BUSY}
        seen, step = told(lost, "failed", **failure)
        assert step is not None
        assert step.state == "planned"
        again = _store_after(lost, step, seen, Attempt("c2", "whatsapp"))
        assert told(again, "failed", **failure) == (None, None)

    @pytest.mark.parametrize(
        ("state", "owes", "left"),
        [
            ("sent", (), ("delivered",)),
            ("unknown", (), ("delivered",)),
            ("unknown", ("callback",), ("delivered",)),
            ("failed", ("failed",), ("delivered",)),
            ("failed", (), ("delivered",)),
            ("delivered", ("delivered",), ("delivered",)),
            ("delivered", (), ()),
        ],
    )
    def test_an_announced_message_owes_that_it_was_delivered_once(
        self, state: State, owes: tuple[Debt, ...], left: tuple[Debt, ...]
    ) -> None:
        _, step = told(message(state=state, owes=owes, announced=True), "read")
        assert step == Step("read", "whatsapp", NOW if left else None, None, left)

    def test_a_late_failure_takes_back_that_it_was_delivered(self) -> None:
        assumed = message("sms", state="sent", announced=True, owes=("delivered",))
        step = told(assumed, "failed", channel="sms")[1]
        assert step == Step("failed", "sms", NOW, "refused", ("callback", "failed"))


def _store_after(before: Message, step: Step, seen: Any, then: Attempt) -> Message:
    """As the store has it after the step, and after one more claim."""
    known: Mapping[str, Any] = {
        name: getattr(seen, name) for name in ("status", "provider_id") if hasattr(seen, name)
    }
    first = replace(before.attempts[-1], **known)
    return replace(before, state="claimed", channel=step.channel, attempts=(first, then))
