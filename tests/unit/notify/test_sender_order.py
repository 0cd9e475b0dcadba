"""The sender against the fake store: who waits for whom, and to whom it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kernel.domain.errors import Unavailable
from services.notify.adapters.sender import CLAIM_SECONDS
from services.notify.core.outcomes import Outcome
from services.notify.testing.store_suite import NOW, claim, planned


class TestOrder:
    async def test_a_case_is_told_in_order(self, bench: Any) -> None:
        documents = [planned(n) for n in (1, 2, 3)]
        await bench.store.plan(list(reversed(documents)))
        for _ in documents:
            assert await bench.round() == 1
        assert [call.key for call in bench.provider.calls] == [d["_id"] for d in documents]

    async def test_other_recipients_and_cases_do_not_wait(self, bench: Any) -> None:
        first, later = planned(1), planned(2)
        officer, stranger = planned(2, audience="officer"), planned(7, ticket="2600000009")
        await bench.store.plan([first, later, officer, stranger])
        assert await bench.round() == 3
        assert bench.state(later) == "planned"

    async def test_what_waits_for_a_retry_is_put_off_behind_it(self, bench: Any) -> None:
        first, later = planned(1), planned(2)
        await bench.store.plan([first])
        bench.provider.outcomes[first["_id"]] = [Outcome("transient", "busy")] * 2
        await bench.round()
        await bench.store.plan([later])
        assert await bench.round() == 0
        assert bench.stored(later)["next_at"] == bench.stored(first)["next_at"]
        for _ in range(40):
            bench.clock.advance(milliseconds=500)
            await bench.round()
        assert [call.key for call in bench.provider.calls] == [first["_id"]] * 3 + [later["_id"]]

    @pytest.mark.parametrize("kind", ["unknown", "permanent"])
    async def test_what_failed_or_is_unknown_blocks_nothing(self, bench: Any, kind: Any) -> None:
        first, later = planned(1), planned(2)
        await bench.store.plan([first, later])
        bench.provider.outcomes[first["_id"]] = [Outcome(kind, "why")]
        await bench.round()
        await bench.round()
        assert bench.state(later) == "sent"

    async def test_a_dead_claim_blocks_until_it_lapses(self, bench: Any) -> None:
        first, later = planned(1), planned(2)
        await bench.store.plan([first, later])
        until = NOW + timedelta(seconds=CLAIM_SECONDS)
        await bench.store.claim([first["_id"]], claim("dead"))
        while bench.clock() < until:
            await bench.round()
            assert bench.provider.calls == []
            bench.clock.advance(seconds=1)
        for _ in range(3):
            await bench.round()
            bench.clock.advance(seconds=1)
        assert (bench.state(first), bench.state(later)) == ("unknown", "sent")

    async def test_many_that_wait_do_not_crowd_out_others(self, bench: Any) -> None:
        blocked = [planned(n) for n in range(1, 500)]
        await bench.store.plan(blocked)
        bench.provider.outcomes[blocked[0]["_id"]] = [Outcome("transient", "busy")] * 99
        await bench.round()
        other = planned(1, ticket="2600000009", at=NOW + timedelta(milliseconds=1))
        await bench.store.plan([other])
        bench.clock.advance(milliseconds=1)
        for _ in range(4):
            await bench.round()
        assert bench.state(other) == "sent"


class TestAddress:
    async def test_nobody_to_send_to_ends_it(self, bench: Any) -> None:
        one = planned(1)
        await bench.store.plan([one])
        bench.composer.unknown.add(one["_id"])
        await bench.round()
        assert bench.state(one) == "failed"
        assert bench.stored(one)["attempts"][0]["reason"] == "no_address"
        assert bench.provider.calls == []

    async def test_a_locked_case_waits_and_holds_up_nobody(self, bench: Any) -> None:
        one, two = planned(1), planned(1, ticket="2600000009")
        await bench.store.plan([one, two])
        bench.composer.locked.add(one["_id"])
        await bench.round()
        assert (bench.state(one), bench.state(two)) == ("planned", "sent")
        assert bench.stored(one)["attempts"] == []
        bench.composer.locked.clear()
        bench.clock.advance(minutes=1)
        await bench.round()
        assert bench.state(one) == "sent"

    async def test_a_store_that_is_away_leaves_no_claim(self, bench: Any) -> None:
        one = planned(1)
        await bench.store.plan([one])
        bench.composer.down = True
        with pytest.raises(Unavailable):
            await bench.fire()
        assert bench.state(one) == "planned"

    async def test_a_template_that_is_gone_ends_it(self, bench: Any) -> None:
        one = planned(1, template="no_longer_there")
        two = planned(1, ticket="2600000009", template="citizen_filed")
        await bench.store.plan([one, two])
        await bench.round()
        assert bench.stored(one)["attempts"][0]["reason"] == "no_such_template"
        # planned by an older version whose template had other variables
        assert bench.stored(two)["attempts"][0]["reason"] == "template_changed"
        assert bench.provider.calls == []
