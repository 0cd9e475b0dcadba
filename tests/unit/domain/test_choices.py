"""Whether somebody says that he wants no more messages, or wants them again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.domain.choices import choices, plain

CHOICES = choices()
STOP = [
    "stop", "STOP", "Stop.", "  stop \n", "STOP!!!", "‘Stop’", "stop all", "Stop   All", "stop-all",
    "unsubscribe", "बंद", "बंद।", "बंद करो", "बंद करें!", "बन्द", "बन्द कर\u094b", "band", "BAND KARO", "रोको",
    "संदेश बंद", "संदेश   बंद करें", "\u200eSTOP", "STOP\u200b", "🛑 stop",
]  # fmt: skip
START = [
    "start",
    "START",
    "Start!",
    "शुरू",
    "शुरु करें।"[:-5],
    "शुरू करो",
    "चालू",
    "चालू करें",
    "chalu",
    "shuru",
]
NEITHER = [
    None, "", " ", "!!!", "🛑", "please do not stop the water", "stop it", "don't stop", "stopped", "nonstop",
    "बंद नाली", "नाली बंद है", "हैंडपंप बंद", "बंदी", "बद", "start work", "2", "1", "stop" + " " * 200,
]  # fmt: skip


@pytest.mark.parametrize("text", STOP)
def test_no_more_messages(text: str) -> None:
    assert CHOICES.wants(text) is False


@pytest.mark.parametrize("text", START)
def test_messages_again(text: str) -> None:
    assert CHOICES.wants(text) is True


@pytest.mark.parametrize("text", NEITHER)
def test_anything_else_is_about_something_else(text: str | None) -> None:
    """A trouble with something that has stopped is a trouble and no wish."""
    assert CHOICES.wants(text) is None


@pytest.mark.parametrize("text", ["बन्\u200dद", "बन्\u200cद करें", "सं\u200dदेश बंद"])
def test_joiners_that_a_keyboard_puts_into_a_word_are_no_gap(text: str) -> None:
    assert CHOICES.wants(text) is False


def test_marks_are_composed_alike() -> None:
    assert plain("\u0929") == plain("\u0928\u093c")


@given(text=st.text(max_size=120))
def test_whatever_is_written_has_an_answer(text: str) -> None:
    assert CHOICES.wants(text) in (True, False, None)
    assert plain(plain(text)) == plain(text)


@given(
    word=st.sampled_from(sorted(CHOICES.stop)),
    before=st.text(" .,!?\n\t*_", max_size=5),
    after=st.text(" .,!?।\n\t*_", max_size=5),
    upper=st.booleans(),
)
def test_case_spaces_and_punctuation_do_not_count(
    word: str, before: str, after: str, *, upper: bool
) -> None:
    said = word.upper() if upper else word
    assert CHOICES.wants(f"{before}{said}{after}") is False


def test_no_word_means_both() -> None:
    assert not CHOICES.stop & CHOICES.start
    assert all(word == plain(word) != "" for word in CHOICES.stop | CHOICES.start)
