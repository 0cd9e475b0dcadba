"""Replies are within what the Cloud API takes, whatever is to be said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.whatsapp.conversation.core.model import Fallback, Option, Reply
from services.intake.whatsapp.conversation.core.saying import reply, telephone, together
from services.kernel.domain.directory import District
from services.kernel.domain.whatsapp_limits import (
    MOST_BODY,
    MOST_ROW_TITLE,
    MOST_ROWS,
    MOST_TEXT,
    cut,
    utf16_units,
)
from tests.conversation.limits import fault_of
from tests.conversation.town import VOICE

_SEEN = st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zs", "Zl", "Zp"))
SEEN = st.text(_SEEN, min_size=1, max_size=60)
OPTIONS = st.lists(st.tuples(SEEN, st.one_of(st.just(""), SEEN)), min_size=1, max_size=14).map(
    lambda some: [Option(f"1.x.{n}", title, said) for n, (title, said) in enumerate(some)]
)


def test_units_are_those_of_utf_16() -> None:
    assert [utf16_units(text) for text in ("", "a", "क", "😀", "क्षि", "👨‍👩‍👧")] == [0, 1, 1, 2, 4, 8]


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("अकलतरा", 20, "अकलतरा"), ("abcdef", 4, "abc…"), ("😀😀😀", 4, "😀…"), ("😀😀", 4, "😀😀"),
        ("a b c d", 4, "a b…"), ("", 3, ""),
    ],
)  # fmt: skip
def test_what_is_too_long_is_cut(text: str, most: int, kept: str) -> None:
    assert cut(text, most) == kept


@given(st.text(max_size=100), st.integers(2, 60))
def test_what_is_cut_fits(text: str, most: int) -> None:
    assert utf16_units(cut(text, most)) <= most


@given(SEEN, OPTIONS)
def test_every_reply_fits(text: str, options: list[Option]) -> None:
    made = reply(text, options, "चुनिए")
    assert not fault_of(made)
    assert [one[0] for one in made.buttons or made.rows] == [one.id for one in options[:MOST_ROWS]]


@given(st.integers(MOST_BODY, 6000))
def test_long_words_fit(length: int) -> None:
    alone, offering = reply("क" * length), reply("क" * length, [Option("a", "हाँ")])
    assert utf16_units(alone.text) <= MOST_TEXT and utf16_units(offering.text) == MOST_BODY
    assert not fault_of(alone) and not fault_of(offering)


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ([Option("a", "हाँ"), Option("b", "नहीं")], False),
        ([Option("a", "१२३४५६७८९०१२३४५६७८९०१")], True),  # 21 letters stand in a list
        ([Option("a", "हाँ", "और बताइए")], True),
        ([Option(str(n), str(n)) for n in range(4)], True),
    ],
)
def test_few_and_short_stand_on_buttons(options: list[Option], rows: bool) -> None:
    assert bool(reply("?", options, "चुनिए").rows) is rows


def test_titles_that_are_cut_alike_are_told_apart() -> None:
    long = "लोक स्वास्थ्य यांत्रिकी विभाग, "
    made = reply("?", [Option("a", long + "एक"), Option("b", long + "दो")], "चुनिए")
    titles = [title for _, title, _ in made.rows]
    assert len(set(titles)) == 2 and all(utf16_units(title) <= MOST_ROW_TITLE for title in titles)


QUESTION = reply("यह कहाँ की बात है?", [Option("1.place.other", "दूसरी जगह")])


def test_a_short_word_and_its_question_are_one_message() -> None:
    said = Reply("यह भी जोड़ लिया।")
    (one,) = together([said, QUESTION])
    assert one.text == f"{said.text}\n\n{QUESTION.text}"
    assert one.buttons == QUESTION.buttons
    assert together([said, said, QUESTION]) == [said, one]


@pytest.mark.parametrize(
    "alone",
    [
        Reply("तुरंत 112 पर फ़ोन कीजिए।", urgent=True),
        Reply("दर्ज हो गई: JC-2600000013", fallback=Fallback("citizen_filed", {})),
        Reply("शब्द " * 40),
        QUESTION,
    ],
    ids=["danger", "a case", "long", "another question"],
)
def test_what_is_more_than_a_short_word_stays_by_itself(alone: Reply) -> None:
    assert together([alone, QUESTION]) == [alone, QUESTION]


def test_words_alone_are_no_question() -> None:
    two = [Reply("ठीक है।"), Reply("और कोई काम हो तो लिखिए।")]
    assert together(two) == two


@given(st.lists(st.tuples(SEEN, st.one_of(st.just([]), OPTIONS)), max_size=5))
def test_what_stands_together_fits_and_nothing_is_lost(said: list[tuple[str, list[Option]]]) -> None:
    replies = [reply(text, options, "चुनिए") for text, options in said]
    sent = together(replies)
    assert not any(fault_of(one) for one in sent)
    assert "\n\n".join(one.text for one in sent) == "\n\n".join(one.text for one in replies)
    assert [o for one in sent for o in (*one.buttons, *one.rows)] == [
        o for one in replies for o in (*one.buttons, *one.rows)
    ]


def test_chhattisgarhi_falls_back_to_hindi() -> None:
    assert VOICE.say("card.ask", "hne") != VOICE.say("card.ask", "hi")
    assert VOICE.say("undo.nothing", "hne") == VOICE.say("undo.nothing", "hi")
    assert VOICE.say("card.ask", None) == VOICE.say("card.ask", "hi")
    assert VOICE.say("place.guess", "hne", village="तरौद") == "का ये *तरौद* के बात हे?"


def test_a_text_that_is_not_there_is_our_fault() -> None:
    assert not VOICE.has("nobody.says.this")
    with pytest.raises(KeyError):
        VOICE.say("nobody.says.this", "hi")


def test_instants_and_hours_are_said_as_people_say_them(janjgir: District) -> None:
    at = datetime(2026, 11, 30, 4, 35, tzinfo=UTC)
    assert VOICE.instant(at, "Asia/Kolkata", "hne") == "30 नवंबर 2026, सुबह 10:05 बजे"
    hours = VOICE.hours(janjgir.calendar_by_id[janjgir.call_centre.calendar], "en")
    assert hours == "Monday to Friday, 10 am to 6 pm"


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+919876543210", "98765 43210"), ("+14155550100", "+14155550100"), ("+91123", "+91123")],
)
def test_numbers_are_shown_so_that_they_can_be_checked(number: str, shown: str) -> None:
    assert telephone(number) == shown
