"""Whether somebody says that he wants no more messages, or wants them again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.notify.adapters.book_choices import FILE, load_choices, read_choices
from services.notify.adapters.book_file import DATA, load_book
from services.notify.adapters.book_nodes import BookFaults
from services.notify.core.choices import Choices, plain

CHOICES = load_choices()
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
    word=st.sampled_from(sorted(yaml.safe_load((DATA / FILE).read_text(encoding="utf-8"))["stop"])),
    before=st.text(" .,!?\n\t*_", max_size=5),
    after=st.text(" .,!?।\n\t*_", max_size=5),
    upper=st.booleans(),
)
def test_case_spaces_and_punctuation_do_not_count(
    word: str, before: str, after: str, *, upper: bool
) -> None:
    said = word.upper() if upper else word
    assert CHOICES.wants(f"{before}{said}{after}") is False


def test_an_installations_own_words(tmp_path: Path) -> None:
    assert load_choices(tmp_path) == CHOICES, "a folder without the file"
    (tmp_path / "choices.yaml").write_text("stop: [Bas Karo]\nstart: [phir]\n", encoding="utf-8")
    choices = load_choices(tmp_path)
    assert choices == Choices(frozenset({"bas karo"}), frozenset({"phir"}))
    assert (choices.wants("bas, karo!"), choices.wants("PHIR"), choices.wants("stop")) == (
        False,
        True,
        None,
    )


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("stop: [a]\n", ["1: `start` is missing"]),
        ("stop: [a]\nstart: [b]\nstrat: [c]\n", ["3: unknown key `strat`, not one of start, stop"]),
        ("stop: a\nstart: [b]\n", ["1: must be a list"]),
        ("stop: []\nstart: [b]\n", ["1: `stop` must name at least one word"]),
        ("stop: [a]\nstart:\n  - b\n  - ''\n", ["4: must be a text"]),
        ("stop: [a]\nstart:\n  - b\n  - '!?'\n", ["4: `!?` has no letter or digit"]),
        ("stop: [a]\nstart: [{b: c}]\n", ["2: must be a text"]),
        ("stop:\n  - Bas karo\n  - bas  KARO!\nstart: [b]\n", ["3: `bas  KARO!` is given twice"]),
        ("stop: [a]\nstart:\n  - b\n  - A.\n", ["4: `A.` stands under `stop` too"]),
        (
            "start:\n  - b\n  - a\nstop:\n  - c\n  - c\n  - a\n",
            ["3: `a` stands under `stop` too", "6: `c` is given twice"],
        ),
        ("stop: [a\nstart: [b]\n", None),
        ("stop: &x [a]\nstart: [b]\n", None),
        ("", None),
    ],
)
def test_what_is_wrong_in_them(text: str, faults: list[str] | None) -> None:
    with pytest.raises(BookFaults) as caught:
        read_choices(text)
    if faults is None:
        assert all(line.startswith("choices.yaml:") for line in caught.value.faults)
    else:
        assert caught.value.faults == [f"choices.yaml:{fault}" for fault in faults]


def test_what_the_answers_ask_for_is_understood() -> None:
    book = load_book()
    for name, wanted, words in (
        ("opted_out", True, {"hi": ("शुरू", "START"), "en": ("START",)}),
        ("opted_in", False, {"hi": ("बंद", "STOP"), "en": ("STOP",)}),
    ):
        assert name in book.free
        for (channel, language), wording in book.templates[name].wordings.items():
            assert channel == "whatsapp"
            for word in words[language]:
                assert re.search(rf"\s{word}\s|\s{word}\.", wording.text), (name, language)
                assert CHOICES.wants(word) is wanted
