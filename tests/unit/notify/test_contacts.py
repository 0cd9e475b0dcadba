"""What is known of an address: the window, and where who had it is reached now."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.contracts.base import Sealed
from services.kernel.contracts.envelope import CannotOpen, MasterKeys
from services.kernel.domain.naming import Names
from services.notify.adapters.moves import Moves
from services.notify.core.contacts import WINDOW, Contact, Moved, is_number

NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
DAY = timedelta(days=1)
KEYS = MasterKeys({"a": bytes(32), "b": b"x" * 32}, "a")
NAMES = Names("secret")
MOVES = Moves(NAMES, KEYS)
OLD, NEW = "+919876543210", "+919812345678"
instants = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 9), timezones=st.just(UTC))


def moved(days: int) -> Moved:
    return Moved(NOW + days * DAY, Sealed(nonce="", data=""), f"key {days}")


@given(heard=st.lists(instants), now=instants)
def test_the_window_is_open_for_a_day_after_the_last_message(
    heard: list[datetime], now: datetime
) -> None:
    contact = Contact()
    for at in heard:
        contact = contact.heard(at)
    assert contact.in_window(now) == any(now < at + WINDOW for at in heard)
    assert contact.heard_at == max(heard, default=None)


@given(heard=instants, closed=instants, now=instants)
def test_a_refusal_closes_it_until_the_next_message(
    heard: datetime, closed: datetime, now: datetime
) -> None:
    contact = Contact(closed_at=closed).heard(heard)
    assert contact.in_window(now) == (closed < heard and now < heard + WINDOW)


def test_nobody_has_moved_from_where_he_came_later() -> None:
    contact = Contact(moved=(moved(1), moved(5), moved(3)))
    found = [contact.moved_after(NOW + timedelta(days=days)) for days in (0, 1, 2, 3, 4, 5, 6)]
    assert [one and one.wrapped_key for one in found] == [
        "key 1", "key 3", "key 3", "key 5", "key 5", None, None,
    ]  # fmt: skip
    assert Contact().moved_after(NOW) is None


@pytest.mark.parametrize("to", [NEW, "IN.13491208655302741918"])
def test_the_new_address_is_sealed_under_the_old_name(to: str) -> None:
    name = MOVES.name(OLD)
    kept = MOVES.seal(name, to, NOW)
    assert kept.at == NOW
    assert to not in repr(kept)
    assert to.encode() not in base64.b64decode(kept.sealed.data)
    assert MOVES.open(name, kept) == to
    with pytest.raises(CannotOpen):
        MOVES.open(MOVES.name(NEW), kept)
    again = MOVES.seal(name, to, NOW)
    assert again.wrapped_key != kept.wrapped_key
    assert MOVES.open(name, Moved(NOW, kept.sealed, again.wrapped_key)) is None


def test_a_number_and_a_user_id_have_names_of_their_own() -> None:
    assert MOVES.name(OLD) == NAMES.phone(OLD)
    assert MOVES.name("IN.123") == NAMES.user("IN.123")
    assert (is_number(OLD), is_number("IN.123"), is_number("919876543210")) == (True, False, False)
