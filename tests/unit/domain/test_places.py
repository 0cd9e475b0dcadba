from __future__ import annotations

import pytest

from services.kernel.domain.directory import District
from services.kernel.domain.places import match_block, match_village


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
