from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain import tickets

TICKETS = st.builds(
    tickets.make, st.integers(0, 99), st.integers(min_value=0, max_value=tickets.MAX_SEQUENCE)
)


def test_the_example_of_the_damm_scheme() -> None:
    assert tickets.check_digit("572") == "4"
    assert tickets.check_digit("5724") == "0"


def test_a_ticket_is_year_sequence_and_check_digit() -> None:
    ticket = tickets.make(26, 10423)
    assert ticket == "2600104237"
    assert tickets.show("JC", ticket) == "JC-2600104237"


@pytest.mark.parametrize(
    ("year", "sequence"), [(26, -1), (26, 10_000_000), (2026, 1), (100, 1), (-1, 1)]
)
def test_numbers_out_of_range_are_refused(year: int, sequence: int) -> None:
    with pytest.raises(ValueError, match="ticket"):
        tickets.make(year, sequence)


@pytest.mark.parametrize("wrong", ["12a", "१२", "²", "1 2", "-1"])
def test_a_check_digit_is_of_ascii_digits(wrong: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        tickets.check_digit(wrong)


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(0, tickets.MAX_SEQUENCE), st.sampled_from(["JC", "SK"]))
def test_what_is_shown_is_read_back(year: int, sequence: int, code: str) -> None:
    ticket = tickets.make(year, sequence)
    assert tickets.parse(ticket) == ticket
    assert tickets.parse(tickets.show(code, ticket)) == ticket


@settings(deadline=None)
@given(TICKETS, st.integers(0, 9), st.integers(1, 9))
def test_every_single_wrong_digit_is_caught(ticket: str, place: int, shift: int) -> None:
    digit = str((int(ticket[place]) + shift) % 10)
    assert tickets.parse(ticket[:place] + digit + ticket[place + 1 :]) is None


@settings(deadline=None)
@given(TICKETS, st.integers(0, 8))
def test_every_swap_of_neighbours_is_caught(ticket: str, place: int) -> None:
    a, b = ticket[place], ticket[place + 1]
    swapped = ticket[:place] + b + a + ticket[place + 2 :]
    assert tickets.parse(swapped) == (ticket if a == b else None)


@settings(deadline=None)
@given(TICKETS, st.lists(st.integers(0, 10), max_size=8), st.sampled_from(" -–—\u00a0\u200e\n"))
def test_spaces_and_dashes_do_not_matter(ticket: str, places: list[int], gap: str) -> None:
    for place in sorted(places, reverse=True):
        ticket_with = ticket[:place] + gap + ticket[place:]
        assert tickets.parse(ticket_with) == ticket


@settings(deadline=None)
@given(TICKETS, st.sampled_from(["०१२३४५६७८९", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９"]))
def test_digits_of_any_script_are_read(ticket: str, digits: str) -> None:
    written = ticket.translate(str.maketrans("0123456789", digits))
    assert tickets.parse(written) == ticket
    assert tickets.parse(f"JC-{written}") == ticket


def test_how_people_write_it() -> None:
    ticket = tickets.make(26, 10423)
    spoken = f"{ticket[:2]} {ticket[2:6]} {ticket[6:]}"
    for text in (f"jc {ticket}", f"JC{ticket}", f" JC - {spoken} ", spoken, f"jc–{ticket}"):
        assert tickets.parse(text) == ticket


@pytest.mark.parametrize(
    "text",
    ["", " ", "JC-", "260010423", "hello", "मेरी शिकायत", "JC-26001x4237", "²²²²²²²²²²", "9" * 5000],
)
def test_anything_else_is_no_ticket(text: str) -> None:
    assert tickets.parse(text) is None


def test_letters_stand_in_front_only() -> None:
    ticket = tickets.make(26, 1)
    assert tickets.parse(ticket + "JC") is None
    assert tickets.parse(ticket[:4] + "J" + ticket[4:]) is None
    assert tickets.parse(ticket + "0") is None


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = tickets.parse(text)
    assert found is None or (len(found) == 10 and tickets.check_digit(found) == "0")


def test_the_year_turns_at_midnight_in_india() -> None:
    assert tickets.year_of(datetime(2026, 12, 31, 18, 29, 59, tzinfo=UTC)) == 26
    assert tickets.year_of(datetime(2026, 12, 31, 18, 30, tzinfo=UTC)) == 27
    assert tickets.year_of(datetime(2026, 12, 31, 18, 30, tzinfo=UTC), "UTC") == 26
    with pytest.raises(ValueError, match="zone"):
        tickets.year_of(datetime(2026, 1, 1))
