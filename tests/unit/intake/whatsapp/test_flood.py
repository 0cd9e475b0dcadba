"""The bucket of messages: wide enough for people, told of once, filled again by waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.whatsapp.conversation.core.flood import HEARD_AGAIN, MOST, PER_SECOND, take
from services.intake.whatsapp.conversation.core.model import Conversation

AT = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)


def send(spans: list[float], conversation: Conversation | None = None) -> list[tuple[bool, bool]]:
    """Messages after so many seconds each: whether each is heard, and whether he is told."""
    known, now, found = conversation or Conversation(), AT, []
    for span in spans:
        now += timedelta(seconds=span)
        known, heard, tell = take(known, now)
        known = replace(known, last_at=now)
        found.append((heard, tell))
    return found


def test_an_album_is_heard() -> None:
    assert send([1.0] * 40) == [(True, False)] * 40


def test_a_flood_is_told_of_once() -> None:
    told = send([0.0] * 100)
    assert told[: int(MOST)] == [(True, False)] * int(MOST)
    assert told[int(MOST)] == (False, True)
    assert set(told[int(MOST) + 1 :]) == {(False, False)}


def test_who_waits_a_little_is_heard_again() -> None:
    wait = HEARD_AGAIN / PER_SECOND
    assert send([0.0] * 41 + [wait + 1])[-1] == (True, False)
    assert send([0.0] * 41 + [wait - 2])[-1] == (False, False)


def test_who_floods_again_is_told_again() -> None:
    told = send([0.0] * 41 + [60.0] + [0.0] * 60)
    assert [tell for _, tell in told].count(True) == 2


def test_the_bucket_has_a_rim() -> None:
    assert send([0.0] * 10 + [1e6] + [0.0] * 60)[11:].count((True, False)) == int(MOST) - 1


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    known = replace(Conversation(), last_at=AT + timedelta(hours=1), tokens=3.0)
    assert take(known, AT)[0].tokens == 2.0


@pytest.mark.parametrize("tokens", [None, 0.0, 1.0, MOST])
@given(spans=st.lists(st.floats(0, 100), max_size=60))
def test_tokens_stay_within_the_bucket(tokens: float | None, spans: list[float]) -> None:
    known, now = replace(Conversation(), tokens=tokens, last_at=AT), AT
    for span in spans:
        now += timedelta(seconds=span)
        known, heard, tell = take(known, now)
        known = replace(known, last_at=now)
        assert known.tokens is not None and 0.0 <= known.tokens <= MOST
        assert known.flooded is not heard
        assert not (heard and tell)
