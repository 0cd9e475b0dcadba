from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain import spelling
from services.kernel.domain.directory import District
from services.kernel.domain.suggest import Suggester


@pytest.fixture(scope="module")
def suggester(district: District) -> Suggester:
    return Suggester(district)


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("हमारे गांव का हैंडपंप तीन महीने से खराब है", "hand-pump"),
        ("हैण्डपम्प बिगड़ गया", "hand-pump"),
        ("hand pump kharab hai", "hand-pump"),
        ("hendpump kharab", "hand-pump"),
        ("our handpumps are not working", "hand-pump"),
        ("राशन नहीं मिल रहा", "ration"),
        ("rasan nahi mila", "ration"),
        ("ration shop owner refuses", "ration"),
        ("वृद्धावस्था पेंशन बंद हो गई", "pension"),
        ("penshan nahi aayi", "pension"),
        ("bijlee nahi hai", "power"),
        ("बिजली गुल है", "power"),
        ("transformer jal gaya", "power"),
        ("सड़क पर गड्ढा है", "road"),
        ("sarak toot gayi, bahut gadde hai", "road"),
        ("the road is broken", "road"),
        ("मोर गांव म पीये बर पानी नइ हे", "water"),
        ("teacher is absent", "teacher"),
        ("गुरुजी नइ आवय", "teacher"),
        ("masterji padhate nahi", "teacher"),
        ("हैंडपंप के सामने सड़क टूटी है", "road"),
        ("rashan to mil gaya lekin penshan band hai", "pension"),
        ("pothole near the school", "road"),
        ("hand  pump", "hand-pump"),
        ("HandPump!!!", "hand-pump"),
    ],
)
def test_what_people_bring(suggester: Suggester, text: str, service: str) -> None:
    found = suggester.suggest(text)
    assert found
    assert found[0].service == service


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "नमस्ते",
        "hello sir good morning",
        "कृपया मेरी शिकायत सुनिए",
        "12345",
        "xyz qwerty",
        "नहीं मिला",
        "nahi diya gaya",
        "not working",
        "मेरा नाम शिव है",
        "👍",
        "...",
    ],
)
def test_nothing_is_suggested_where_nothing_is_said(suggester: Suggester, text: str) -> None:
    assert suggester.suggest(text) == ()


def test_only_services_of_the_kind(suggester: Suggester) -> None:
    assert suggester.suggest("वृक्षारोपण कराएं", "suggestion")[0].service == "idea"
    assert suggester.suggest("वृक्षारोपण कराएं", "complaint") == ()


def test_at_most_as_many_as_asked_best_first(suggester: Suggester) -> None:
    text = "सड़क, बिजली, राशन, पेंशन और हैंडपंप"
    scores = [s.score for s in suggester.suggest(text, most=5)]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert len(suggester.suggest(text)) == 3
    assert suggester.suggest(text, most=0) == ()


@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_is_taken_and_the_answer_is_always_the_same(
    suggester: Suggester, district: District, text: str
) -> None:
    found = suggester.suggest(text)
    assert found == suggester.suggest(text)
    assert all(0 < s.score < 1 for s in found)


def test_another_instance_answers_alike(suggester: Suggester, district: District) -> None:
    text = "हमारे गांव में बिजली नहीं है aur sadak kharab hai, pension bhi band"
    assert Suggester(district).suggest(text, most=9) == suggester.suggest(text, most=9)


def test_a_hostile_word_has_a_bounded_number_of_spellings() -> None:
    for letters in ("ड़" * 14, "ड़" * 4000, "कटप" * 1000):
        for word in spelling.words(letters):
            assert len(word) <= spelling.LONGEST_WORD
            assert len(spelling.romanised(word)) <= spelling.MOST_SPELLINGS
