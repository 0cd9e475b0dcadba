"""How often a provider, and one recipient of it, is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.core import rates as module
from services.notify.core.rates import Bucket, Rate, Rates

NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
WHATSAPP = Rate(80.0, 80.0)
EACH = Rate(1 / 6, 3.0)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class TestBucket:
    def test_is_full_at_first_and_fills_again_to_its_brim(self) -> None:
        bucket = Bucket(Rate(2.0, 4.0), NOW)
        assert bucket.tokens(NOW) == 4.0
        bucket.take(NOW, 3)
        assert bucket.tokens(NOW) == 1.0
        assert bucket.tokens(after(0.5)) == 2.0
        assert bucket.tokens(after(3600)) == 4.0

    def test_says_when_there_is_enough(self) -> None:
        bucket = Bucket(Rate(2.0, 4.0), NOW)
        bucket.take(NOW, 4)
        assert bucket.full_at(NOW) == after(0.5)
        assert bucket.full_at(NOW, 3) == after(1.5)
        assert bucket.full_at(after(0.25)) == after(0.5)
        assert bucket.full_at(after(9)) == after(9)

    def test_a_clock_that_goes_back_gives_nothing(self) -> None:
        bucket = Bucket(Rate(2.0, 4.0), NOW)
        bucket.take(NOW, 4)
        assert bucket.tokens(after(-100)) == 0.0
        bucket.take(after(-100))
        assert bucket.tokens(NOW) == -1.0

    @given(
        per_second=st.floats(0.1, 100),
        burst=st.integers(1, 50),
        waits=st.lists(st.floats(0, 5), min_size=1, max_size=60),
    )
    def test_never_gives_more_than_its_rate(
        self, per_second: float, burst: int, waits: list[float]
    ) -> None:
        bucket, now, taken = Bucket(Rate(per_second, burst), NOW), NOW, 0
        for wait in waits:
            now += timedelta(seconds=wait)
            while bucket.tokens(now) >= 1:
                bucket.take(now)
                taken += 1
            assert taken <= burst + per_second * (now - NOW).total_seconds() + 0.01


class TestRates:
    def test_slots_are_those_of_the_provider(self) -> None:
        rates = Rates(Rate(10.0, 3.0), Rate(1e6, 1e6), NOW)
        assert rates.slots(NOW) == 3
        for number in range(3):
            rates.take(f"r-{number}", NOW)
        assert rates.slots(NOW) == 0
        assert rates.slots(after(0.0999)) == 0
        assert rates.slots(after(0.1)) == 1
        assert rates.slots(after(60)) == 3

    @pytest.mark.parametrize(
        ("per_second", "seconds"), [(80.0, 0.05), (1000.0, 0.05), (10.0, 0.1), (0.5, 2.0)]
    )
    def test_it_is_not_looked_at_for_every_single_call(
        self, per_second: float, seconds: float
    ) -> None:
        rates = Rates(Rate(per_second, max(1.0, per_second)), Rate(1e6, 1e6), NOW)
        while rates.slots(NOW):
            rates.take("r", NOW)
        at = rates.next_slots(NOW)
        assert (at - NOW).total_seconds() == pytest.approx(seconds)
        assert rates.slots(at) >= 1

    def test_one_recipient_has_a_burst_and_then_one_in_six_seconds(self) -> None:
        rates = Rates(WHATSAPP, EACH, NOW)
        for _ in range(3):
            assert rates.recipient_free("r", NOW) is None
            rates.take("r", NOW)
        free_at = rates.recipient_free("r", NOW)
        assert free_at == after(6)
        assert rates.recipient_free("other", NOW) is None
        assert rates.recipient_free("r", after(5.999)) is not None
        assert rates.recipient_free("r", after(6)) is None
        rates.take("r", after(6))
        assert rates.recipient_free("r", after(6)) == after(12)

    @given(waits=st.lists(st.floats(0, 20), min_size=1, max_size=50))
    def test_the_instant_that_it_names_is_one_at_which_he_may_be_written_to(
        self, waits: list[float]
    ) -> None:
        rates, now = Rates(WHATSAPP, EACH, NOW), NOW
        for wait in waits:
            now += timedelta(seconds=wait)
            free_at = rates.recipient_free("r", now)
            if free_at is not None:
                assert free_at > now
                now = free_at + timedelta(microseconds=1)
                assert rates.recipient_free("r", now) is None
            rates.take("r", now)

    def test_who_was_not_written_to_for_long_is_forgotten(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "REMEMBERED", 2)
        rates = Rates(WHATSAPP, Rate(1 / 6, 1.0), NOW)
        for name in ("a", "b", "a", "c"):
            rates.take(name, NOW)
        assert rates.recipient_free("b", NOW) is None, "the one whose turn was longest ago"
        assert rates.recipient_free("a", NOW) is not None
        assert rates.recipient_free("c", NOW) is not None
