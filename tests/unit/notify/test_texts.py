"""The texts as people get them, word for word, and how long they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.adapters.book_file import load_book
from services.notify.core.wording import (
    as_entities,
    fill,
    segments,
    septets,
    shorten,
    utf16_units,
    variables_of,
)

GOLDEN = Path(__file__).parent / "golden_texts.json"
VALUES = {
    "hi": {
        "district": "जांजगीर-चांपा",
        "service": "हैंडपंप खराब",
        "department": "लोक स्वास्थ्य यांत्रिकी विभाग",
    },
    "en": {
        "district": "Janjgir-Champa",
        "service": "Hand pump broken",
        "department": "PHE Department",
    },
}
COMMON = {
    "ticket": "JC-2600104237",
    "call_centre": "7970001634",
    "emergency": "112",
    "control_room": "1077",
}


def rendered() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for template in load_book().templates.values():
        for (channel, language), wording in template.wordings.items():
            text = fill(wording.text, COMMON | VALUES[language])
            length = segments(text) if channel == "sms" else utf16_units(text)
            found[f"{template.id} {channel} {language}"] = {"text": text, "length": length}
    return found


def test_every_text_is_as_it_was_agreed() -> None:
    """To change a text on purpose: give it a new registered name or id, and write the new golden file."""
    assert rendered() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_resolution_asks_and_the_danger_tells_the_number() -> None:
    for key, entry in rendered().items():
        text = str(entry["text"])
        if key.startswith("citizen_resolved"):
            assert "1" in text
            assert "2" in text
            assert "?" in text
        if key.startswith("citizen_filed_danger"):
            assert text.index("112") < text.index("JC-2600104237")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("क" * 70, 1),
        ("क" * 71, 2),
        ("क" * 134, 2),
        ("क" * 135, 3),
        ("👍" * 35, 1),
        ("👍" * 36, 2),
    ],
)
def test_segments(text: str, parts: int) -> None:
    assert segments(text) == parts


def test_entities_are_utf16_units() -> None:
    assert as_entities("न👍") == "&#2344;&#55357;&#56397;"
    assert as_entities("नमस्ते 👍") == (
        "&#2344;&#2350;&#2360;&#2381;&#2340;&#2375;&#32;&#55357;&#56397;"
    )


@given(st.text())
def test_entities_can_be_turned_back(text: str) -> None:
    if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        return
    units = [int(part.removeprefix("&#")) for part in as_entities(text).split(";") if part]
    assert b"".join(u.to_bytes(2, "big") for u in units).decode("utf-16-be") == text
    assert len(units) == utf16_units(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers(1, 60))
def test_a_shortened_value_is_one_line_that_fits(value: str, longest: int) -> None:
    short = shorten(value, longest)
    assert 1 <= utf16_units(short) <= longest or short == "-"
    assert short == " ".join(short.split())
    assert not {"\n", "\t", "\r"} & set(short)


def test_values_are_cut_between_words() -> None:
    assert shorten("लोक स्वास्थ्य यांत्रिकी विभाग", 20) == "लोक स्वास्थ्य"
    assert shorten("a\n  b\tc", 30) == "a b c"
    assert shorten("unbroken", 4) == "unbr"
    assert shorten("  ", 4) == "-"


def test_small_matters() -> None:
    assert variables_of("{b} {a} {b}") == ("b", "a")
    assert fill("{a}{b}", {"a": "{b}", "b": "2"}) == "{b}2"
    assert septets("[x]") == 5
    assert septets("“x”") is None
