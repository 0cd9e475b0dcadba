"""What is remembered beside the conversation: messages that were handled, numbers, who is one person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.whatsapp.conversation.core.inbound import Person
from services.intake.whatsapp.conversation.core.memory import (
    HANDLED_FOR,
    MOST_HANDLED,
    Handled,
    Held,
    Memory,
    people,
    reply_key,
    short,
)

AT = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
LATER = AT + timedelta(days=30)
OLD, NEW, NEWER = "+919999900001", "+919999900002", "+919999900003"

# ------------------------------------------------------------------ handled


def test_what_was_handled_is_known_again() -> None:
    handled = Handled()
    handled.add("wamid.1", AT)
    assert "wamid.1" in handled and "wamid.2" not in handled
    assert "wamid.1" in Handled(handled.stored(AT))


def test_a_message_is_remembered_as_long_as_it_can_come_again() -> None:
    handled = Handled()
    handled.add("wamid.1", AT)
    assert "wamid.1" in Handled(handled.stored(AT + HANDLED_FOR - timedelta(hours=1)))
    assert handled.stored(AT + HANDLED_FOR + timedelta(hours=1)) == b""


def test_twelve_bytes_a_message_and_no_more_than_so_many() -> None:
    handled = Handled()
    for number in range(MOST_HANDLED + 10):
        handled.add(f"wamid.{number}", AT)
        handled.add(f"wamid.{number}", AT)
    stored = handled.stored(AT)
    assert len(stored) == 12 * MOST_HANDLED
    known = Handled(stored)
    assert f"wamid.{MOST_HANDLED + 9}" in known and "wamid.9" not in known and "wamid.10" in known


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(stored: bytes) -> None:
    assert len(Handled(stored).stored(datetime(1970, 1, 1, tzinfo=UTC) + HANDLED_FOR)) % 12 == 0


@given(st.sets(st.text(max_size=20), max_size=40))
def test_it_comes_back_from_the_store(messages: set[str]) -> None:
    handled = Handled()
    for message in messages:
        handled.add(message, AT)
    known = Handled(handled.stored(AT))
    assert all(message in known for message in messages)


def test_keys_tell_nothing_of_the_sender() -> None:
    assert reply_key("wamid.919999900001", 0) == f"wa/{short('wamid.919999900001')}/0"
    assert "9999900001" not in reply_key("wamid.919999900001", 0)
    assert reply_key("a", 0) != reply_key("a", 1) != reply_key("b", 1)


# ------------------------------------------------------------------ numbers


def test_the_number_is_the_last_without_an_end() -> None:
    assert Memory().number is None
    assert Memory(numbers=(Held(OLD, until=AT),)).number is None
    assert Memory(numbers=(Held(OLD, until=AT), Held(NEW, since=AT))).number == NEW


def test_who_shows_a_number_is_known_by_it_too() -> None:
    hidden = Memory().seen_as(Person(user="IN.1"))
    assert (hidden.user, hidden.number) == ("IN.1", None)
    shown = hidden.seen_as(Person(number=OLD))
    assert (shown.user, shown.number) == ("IN.1", OLD)
    assert shown.seen_as(Person(number=OLD, user="IN.1")) is shown


def test_a_changed_number_ends_the_one_before() -> None:
    before = Memory().seen_as(Person(number=OLD))
    after = before.with_number(NEW, AT)
    assert after.numbers == (Held(OLD, until=AT), Held(NEW, since=AT))
    assert after.with_number(NEW, LATER) is after
    again = after.with_number(NEWER, LATER)
    assert again.numbers == (
        Held(OLD, until=AT),
        Held(NEW, since=AT, until=LATER),
        Held(NEWER, since=LATER),
    )


def test_a_number_that_comes_back_is_held_twice() -> None:
    back = Memory().seen_as(Person(number=OLD)).with_number(NEW, AT).with_number(OLD, LATER)
    assert [one.number for one in back.numbers] == [OLD, NEW, OLD]
    assert (back.number, back.numbers[0].until, back.numbers[2].since) == (OLD, AT, LATER)


@given(st.lists(st.sampled_from([OLD, NEW, NEWER]), max_size=10))
def test_he_has_one_number_at_a_time(numbers: list[str]) -> None:
    memory, now = Memory(), AT
    for number in numbers:
        now += timedelta(days=1)
        memory = memory.with_number(number, now)
        assert memory.number == number
        assert [one for one in memory.numbers if one.until is None] == [memory.numbers[-1]]


# ------------------------------------------------------------------ people


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        ([], []),
        ([["a"], ["b"]], [{"a"}, {"b"}]),
        ([["a", "x"], ["b"], ["a"]], [{"b"}, {"a", "x"}]),
        ([["a"], ["b"], ["a", "b"]], [{"a", "b"}]),
        ([["a", "b"], ["c", "d"], ["e"], ["b", "c"]], [{"e"}, {"a", "b", "c", "d"}]),
    ],
)
def test_who_shares_a_name_is_one_person(names: list[list[str]], groups: list[set[str]]) -> None:
    assert sorted(map(sorted, people(names))) == sorted(map(sorted, groups))


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3), max_size=12))
def test_groups_share_nothing_and_leave_nobody_out(names: list[list[str]]) -> None:
    groups = people(names)
    assert sum(len(group) for group in groups) == len({name for some in names for name in some})
    for some in names:
        assert [group for group in groups if set(some) & group] == [
            group for group in groups if set(some) <= group
        ]
