"""The words of suggestions: senses, spellings, and what the word lists may hold."""

from __future__ import annotations

import pytest

from services.kernel.domain.spelling import as_written, fold, singular, sound, stem, words
from services.kernel.domain.suggest_text import read
from services.kernel.domain.suggest_words import SOUNDS_ALIKE, Vocabulary, word_lists


def vocabulary(*said: str, names: tuple[str, ...] = ()) -> Vocabulary:
    made = Vocabulary(names)
    for word in said:
        made.sense(word)
    return made


@pytest.mark.parametrize(
    ("keyword", "said"),
    [
        ("हैंडपंप", "handpump"),
        ("शिक्षक", "guruji"),
        ("teacher", "मास्टर"),
        ("शराब", "daru"),
        ("चावल", "chaur"),
        ("सड़क", "road"),
        ("स्ट्रीट", "lane"),  # an English word in Devanagari
    ],
)
def test_words_that_mean_the_same_have_one_sense(keyword: str, said: str) -> None:
    known = vocabulary(keyword)
    assert known.like(said) == {known.sense(keyword): 1.0}


@pytest.mark.parametrize(
    ("keyword", "said"),
    [
        ("नामांतरण", "namantran"),
        ("नामांतरण", "namantarn"),
        ("सीमांकन", "simankaran"),
        ("छात्रवृत्ति", "chhatrvirti"),
        ("ट्रांसफार्मर", "tirasformar"),
        ("छात्रावास", "छात्रवास"),
        ("निराश्रित", "nirasrit"),
        ("pothole", "potholes"),
        ("इस्पात", "ispaat"),
        ("खोदना", "खोदते"),
    ],
)
def test_a_misspelt_word_is_met_less_than_the_word_itself(keyword: str, said: str) -> None:
    known = vocabulary(keyword, "पेंशन", "राशन", "अतिक्रमण")
    assert known.like(said).keys() == {known.sense(keyword)}
    assert known.like(keyword) == {known.sense(keyword): 1.0}
    assert 0.6 < max(known.like(said).values()) <= 1.0


@pytest.mark.parametrize(
    ("keyword", "said"),
    [
        ("नाली", "नल"),
        ("गली", "गाली"),
        ("हाथी", "हाथ"),
        ("पति", "पट्टी"),
        ("धान", "dhyan"),
        ("अंधा", "अंधेरा"),
    ],
)
def test_words_that_only_look_alike_are_kept_apart(keyword: str, said: str) -> None:
    known = vocabulary(keyword, said)
    assert known.sense(keyword) != known.sense(said)
    assert known.like(said) == {known.sense(said): 1.0}


def test_another_form_of_a_word_is_the_same_word() -> None:
    known = Vocabulary()
    assert known.sense("चढ़ाना") == known.sense("चढ़े") == known.sense("chadhana")
    assert known.sense("खुदाई") == known.sense("khudai")


def test_a_word_that_sounds_the_same_in_the_other_script() -> None:
    known = vocabulary("निस्तार")
    assert known.like("nistaar") == {known.sense("निस्तार"): 1.0}
    assert max(known.like("nistr").values()) == SOUNDS_ALIKE


def test_two_words_as_one_and_one_as_two() -> None:
    known = vocabulary("बेजा", "कब्जा")
    both = (known.sense("बेजा"), known.sense("कब्जा"))
    known.compound("बेजाकब्जा", both)
    assert known.like("bejakabja").keys() == set(both)
    assert known.joined("beja", "kabja").keys() == set(both)
    assert known.joined("पानी", "कब्जा") == {}


@pytest.mark.parametrize(
    "word", ["namaste", "साहब", "है", "the", "1", "क", "सिर्री", "sirri", "kera"]
)
def test_common_words_and_places_tell_nothing(word: str) -> None:
    known = vocabulary("हैंडपंप", names=("सिर्री", "kera"))
    assert not known.is_telling(word)


def test_a_known_word_goes_before_a_common_one_that_is_folded_as_it_is() -> None:
    assert fold("can") == fold("kan")
    known = vocabulary("कान")
    assert known.is_telling("kan")
    assert not known.is_telling("can")


def test_what_is_only_where_and_what_comes_before_the_point_weigh_less() -> None:
    known = vocabulary("थाना", "नाली", "राशन", "पेंशन")

    def weight(text: str, word: str) -> float:
        return read(text, known)[known.sense(word)].weight

    for text in ("थाने के सामने नाली जाम", "thana ke samne nali jam", "drain near the police station"):
        assert weight(text, "थाना") < weight(text, "नाली") == 1.0
    assert weight("थाना के पास गए पर कुछ नहीं हुआ", "थाना") == 1.0
    for text in (
        "राशन मिल गया लेकिन पेंशन नहीं",
        "rashan milthe fer pension nai",
        "ration but no pension",
    ):
        assert weight(text, "राशन") < weight(text, "पेंशन") == 1.0


def test_letters_written_one_by_one_are_a_word() -> None:
    known = vocabulary("pm", "dap")
    assert read("p.m. kisan", known).keys() == {known.sense("pm")}
    assert read("D A P khad", known).keys() == {known.sense("dap")}


def test_the_lists_of_same_words_are_single_words_each_in_one_list() -> None:
    lists = word_lists()
    seen: dict[str, str] = {}
    for said in (*lists["same"], *lists["weak"]):
        for word in said:
            assert len(words(word)) == 1, word
            assert seen.setdefault(fold(word), said[0]) == said[0], word
    # a common word says nothing, so it cannot mean the same as one that does
    telling = {word for said in lists["same"] for word in said}
    assert telling.isdisjoint(as_written("stop") | as_written("ordinary"))


@pytest.mark.parametrize(
    ("a", "b"),
    [("iskul", "school"), ("bandan", "वंदन"), ("khad", "kad"), ("shikshak", "siksak")],
)
def test_sound(a: str, b: str) -> None:
    assert sound(a) == sound(b)


@pytest.mark.parametrize(
    ("form", "bare"),
    [
        ("सडकों", "सडक"),
        ("चढाना", "चढ"),
        ("किस्त", "किस्त"),
        ("नल", "नल"),
        ("bechathe", "bech"),
        ("pani", "pani"),
    ],
)
def test_stem(form: str, bare: str) -> None:
    assert stem(form) == bare


def test_singular() -> None:
    assert singular("lights") == "light"
    assert singular("khambon") == "khamb"
    assert singular("us") == "us"
