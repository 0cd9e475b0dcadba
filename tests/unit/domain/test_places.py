from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain.directory import District, Village
from services.kernel.domain.places import match_block, match_village, mentioned_village
from tests.unit.domain.work import calls_in

SENTENCES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("place_sentences.yaml").read_text("utf-8")
)


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("akaltara", "akaltara"),
        ("Akaltara block", "akaltara"),
        ("akaltra", "akaltara"),
        ("ब्लॉक अकलतरा", "akaltara"),
        ("विकासखंड नवागढ़", "nawagarh"),
        ("नवागढ", "nawagarh"),
        ("navagarh", "nawagarh"),
        ("Nawagadh", "nawagarh"),
        ("मैं पामगढ़ से हूं", "pamgarh"),
        ("pamgad", "pamgarh"),
    ],
)
def test_blocks_however_spelt(district: District, text: str, block: str) -> None:
    found = match_block(district, text)
    assert found is not None
    assert found.id == block


@pytest.mark.parametrize("text", ["", "xyz", "रायपुर", "block", "112", "akaltara ya nawagarh"])
def test_no_block_or_not_one(district: District, text: str) -> None:
    assert match_block(district, text) is None


@pytest.mark.parametrize(
    ("text", "village"),
    [
        ("kirari", "kirari"),
        ("ग्राम किरारी", "kirari"),
        ("kiraari gaon", "kirari"),
        ("shivri narayan", "shivri"),
        ("शिवरी नारायण", "shivri"),
        ("Shivrinaryan", "shivri"),
        ("केरा", "kera"),
        ("अकलतरा", "town"),
    ],
)
def test_villages_in_both_scripts(district: District, text: str, village: str) -> None:
    found = match_village(district, text)
    assert found[0].village.id == village
    assert 0.8 <= found[0].score <= 1


def test_a_name_in_two_blocks_gives_both_unless_the_block_is_known(district: District) -> None:
    both = match_village(district, "रामपुर")
    assert [(m.block.id, m.village.id, m.score) for m in both] == [
        ("akaltara", "rampur-a", 1.0),
        ("nawagarh", "rampur-n", 1.0),
    ]
    (one,) = match_village(district, "rampur", block="nawagarh")
    assert one.village.id == "rampur-n"


def test_no_village(district: District) -> None:
    assert match_village(district, "") == ()
    assert match_village(district, "दिल्ली") == ()
    assert match_village(district, "kirari", block="nawagarh") == ()
    assert match_village(district, "kirari", block="none") == ()


def test_a_short_name_is_not_found_in_a_longer_word(district: District) -> None:
    assert match_village(district, "sarkera") == ()


# ------------------------------------------------------------------- typing errors


def slips(name: str) -> Iterator[str]:
    """`name` with one letter (or sign of a letter) left out, doubled, or struck before its neighbour."""
    for at, char in enumerate(name):
        if _is_letter(char):
            yield name[:at] + name[at + 1 :]
            yield name[: at + 1] + name[at:]
            if at + 1 < len(name) and _is_letter(name[at + 1]):
                yield name[:at] + name[at + 1] + char + name[at + 2 :]


def _is_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM"


def names(village: Village) -> Iterator[str]:
    """Without what only tells it from others: `(नगर)`."""
    for name in (village.name.hi, village.name.en):
        bare = re.sub(r"\s*\(.*\)", "", name)
        if len(bare) >= 5:
            yield bare


def test_a_slip_of_the_finger_still_finds_the_village(janjgir: District) -> None:
    tried, first, found = 0, 0, 0
    lost: list[str] = []
    for block in janjgir.blocks:
        for village in block.villages:
            for written in {slip for name in names(village) for slip in slips(name)}:
                likely = [match.village.id for match in match_village(janjgir, written)]
                tried += 1
                first += likely[:1] == [village.id]
                found += village.id in likely[:3]
                lost += [] if village.id in likely[:3] else [written]
    assert tried > 2000
    assert found / tried >= 0.99, lost
    assert first / tried >= 0.97


@pytest.mark.parametrize(
    "text",
    [
        # villages and places that are not of this directory, some of them like ones that are
        "Kosla", "कोसला", "Sirli", "Khaira", "खैरा", "Rohda", "रोहदा", "कुरदा", "Karmandi", "लखनपुर",
        "Nariyal", "Baradwar", "Dhabadih", "Raipur", "बिलासपुर", "Korba", "Main Road", "naya para", "sir ji",
        "Bus stand", "पता नहीं", "स्कूल के पास", "Bilaspur Road, Chhattisgarh 495668",
    ],
)  # fmt: skip
def test_another_place_is_not_taken_for_one_of_ours(janjgir: District, text: str) -> None:
    assert match_village(janjgir, text) == ()


def test_one_letter_for_another_is_another_village_where_the_name_is_short(
    janjgir: District,
) -> None:
    assert match_village(janjgir, "Rogad")[0].village.id == "rogda"
    assert match_village(janjgir, "Rogma") == ()


def test_a_directory_is_indexed_once_and_a_new_one_anew(
    janjgir: District, sakti: District
) -> None:
    assert match_village(sakti, "sapos")[0].village.id == "sapos"
    assert match_village(janjgir, "sapos") == ()
    assert match_village(janjgir, "tarod")[0].block.id == "akaltara"


# ------------------------------------------------------------------- a village in free text

NAMED = [(text, village) for village, texts in SENTENCES["named"].items() for text in texts]


@pytest.mark.parametrize(("text", "village"), NAMED)
def test_a_village_named_among_other_words(janjgir: District, text: str, village: str) -> None:
    found = mentioned_village(janjgir, text)
    assert found is not None
    assert found.village.id == village
    assert found.village in found.block.villages
    assert 0.85 <= found.score <= 1


@pytest.mark.parametrize("text", SENTENCES["none"])
def test_none_where_none_is_surely_named(janjgir: District, text: str) -> None:
    assert mentioned_village(janjgir, text) is None


def test_every_village_is_found_where_it_is_called_one(janjgir: District, sakti: District) -> None:
    for district in (janjgir, sakti):
        for block in district.blocks:
            for village in block.villages:
                for name in (village.name.hi, village.name.en, *village.aliases):
                    bare = re.sub(r"\s*\(.*\)", "", name)
                    latin = f"gram {bare} me pani nahi aa raha hai"
                    text = latin if bare.isascii() else f"ग्राम {bare} में पानी नहीं आ रहा है"
                    found = mentioned_village(district, text)
                    assert found is not None, text
                    assert found.village == village, text


def test_of_two_villages_of_one_name_the_block_decides(district: District) -> None:
    assert mentioned_village(district, "ग्राम रामपुर में पानी नहीं") is None
    for text in ("ग्राम रामपुर ब्लॉक नवागढ़ में पानी नहीं", "rampur gaon, nawagarh"):
        found = mentioned_village(district, text)
        assert found is not None
        assert found.village.id == "rampur-n"


def test_a_block_that_is_named_and_is_another_leaves_it_open(district: District) -> None:
    assert mentioned_village(district, "ग्राम किरारी, ब्लॉक अकलतरा") is not None
    assert mentioned_village(district, "ग्राम किरारी, ब्लॉक नवागढ़") is None


@pytest.mark.parametrize(
    "words",
    [
        "मेरी बात सुनिए ग्राम तरोदी ",
        "gram tarodi gaon kirarai ",
        "ड़ँढ़ंक़ँ",
        "तरौद ",
        "gaon ka naam ",
        "x",
        ". । , ",
    ],
)
def test_a_long_text_costs_no_more_than_its_length(janjgir: District, words: str) -> None:
    def work(length: int) -> int:
        text = (words * length)[:length]

        def look() -> None:
            mentioned_village(janjgir, text)
            match_village(janjgir, text)

        look()  # what is looked up the first time is remembered
        return calls_in(look)

    assert work(4000) < 2.2 * work(2000)
    assert work(4000) < 25 * 4000


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.sampled_from("ग्राम तरौदगांवकीसेblockमें.gram kosa tarod,।\n05ड़ँ"), max_size=80)
    | st.text(max_size=80)
)
def test_anything_can_be_asked(district: District, text: str) -> None:
    found = mentioned_village(district, text)
    assert found is None or found.village in found.block.villages
    assert len(match_village(district, text)) <= 5
