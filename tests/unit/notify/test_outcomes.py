"""What providers' answers mean, and when a message is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.notify.core.outcomes import (
    GIVE_UP_AFTER,
    LONGEST_WAIT_SECONDS,
    Outcome,
    retry_at,
)
from services.notify.core.pace import LONGEST_PAUSE_SECONDS, STRIKES, Pace

NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
BUSY = Outcome("transient", "busy", whole_provider=True)


@given(tries=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_waits_grow_within_bounds(tries: int, chance: float) -> None:
    at = retry_at(NOW, tries, BUSY, chance, NOW)
    assert at is not None
    longest = min(LONGEST_WAIT_SECONDS, 2.0 * 2 ** min(tries - 1, 30))
    assert longest / 2 <= (at - NOW).total_seconds() <= longest


def test_the_providers_wish_is_respected_and_old_news_given_up() -> None:
    asked = Outcome("transient", "busy", retry_after=600)
    assert retry_at(NOW, 1, asked, 0.9, NOW) == NOW + timedelta(seconds=600)
    assert retry_at(NOW, 1, BUSY, 0.5, NOW - GIVE_UP_AFTER) is None
    assert retry_at(NOW, 1, BUSY, 0.5, NOW - GIVE_UP_AFTER + timedelta(seconds=1)) is not None


class TestPace:
    def test_few_failures_change_nothing(self) -> None:
        pace = Pace()
        for _ in range(STRIKES - 1):
            pace.note(BUSY, NOW, 0.5)
        assert pace.slots(NOW, 64) == 64

    def test_failures_together_are_one_pause(self) -> None:
        pace = Pace()
        for _ in range(64):
            pace.note(BUSY, NOW, 0.0)
        assert pace.resumes_at == NOW + timedelta(seconds=0.25)
        assert pace.slots(NOW, 64) == 0
        assert pace.slots(NOW + timedelta(seconds=0.25), 64) == 1

    def test_pauses_grow_to_a_bound_and_one_success_ends_them(self) -> None:
        pace, now = Pace(), NOW
        for _ in range(50):
            pace.note(BUSY, now, 0.99)
            now = max(now, pace.resumes_at or now)
        pause = (now - NOW).total_seconds()
        assert pause < 50 * LONGEST_PAUSE_SECONDS
        pace.note(Outcome("accepted"), now, 0.5)
        assert pace.slots(now, 64) == 64

    def test_an_unknown_outcome_is_no_success(self) -> None:
        pace = Pace()
        for _ in range(STRIKES):
            pace.note(Outcome("unknown", "readtimeout", whole_provider=True), NOW, 0.0)
        assert pace.slots(NOW, 64) == 0
        pace.note(Outcome("unknown", "unreadable"), NOW, 0.0)
        assert pace.slots(NOW, 64) == 0

    def test_a_messages_own_failure_shows_that_the_provider_is_up(self) -> None:
        pace = Pace()
        for _ in range(STRIKES):
            pace.note(BUSY, NOW, 0.0)
        pace.note(Outcome("permanent", "number"), NOW, 0.0)
        assert pace.slots(NOW, 64) == 64
