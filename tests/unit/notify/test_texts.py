"""The texts as people get them, word for word, and how long they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.domain.directory import Language
from services.kernel.domain.lifecycle_table import REJECTION_REASONS
from services.kernel.domain.whatsapp_limits import utf16_units
from services.notify.adapters.book_file import load_book
from services.notify.core.book import CITIZENS, Channel, Wording
from services.notify.core.values import word_of_reason
from services.notify.core.wording import as_entities, fill, segments, septets, shorten, variables_of

GOLDEN = Path(__file__).parent / "golden_texts.json"
COMMON = {
    "ticket": "JC-2600104237",
    "parent": "JC-2600103906",
    "call_centre": "7970001634",
    "emergency": "112",
    "control_room": "1077",
    "link": "https://samvad.example.org/s/2600104237/Zk3vQ9xT7mB2",
    "due": "05-01-2026 17:00",
    "at": "05-01-2026 10:12",
    "date": "05-01-2026",
    "days": "30",
    "count": "10",
    "tickets": "JC-2600104237, JC-2600103906",
    "code": "482913",
}
VALUES: dict[Language, dict[str, str]] = {
    "hi": COMMON
    | {
        "district": "जांजगीर-चांपा",
        "service": "हैंडपंप खराब",
        "department": "लोक स्वास्थ्य यांत्रिकी विभाग",
        "words": "हैंडपंप किस मोहल्ले में है और कब से बंद है?",
        "reason": "मामला न्यायालय में विचाराधीन है",
        "short_reason": "मामला न्यायालय में है",
        "target": "पहला उत्तर देने",
    },
    "en": COMMON
    | {
        "district": "Janjgir-Champa",
        "service": "Hand pump broken",
        "department": "PHE Department",
        "words": "In which ward is the hand pump, and since when does it not work?",
        "reason": "The matter is before a court",
        "short_reason": "it is before a court",
        "target": "the first response",
    },
}
"""What the agreed texts are filled with."""


def entry(channel: Channel, language: Language, wording: Wording) -> dict[str, object]:
    """A text as it is read, its length in UTF-16 units, and for an SMS its parts."""
    text = fill(wording.text, VALUES[language])
    found: dict[str, object] = {"text": text, "units": utf16_units(text)}
    if channel == "sms":
        found["segments"] = segments(text)
    if channel == "email":
        found = {"subject": fill(wording.subject, VALUES[language])} | found
    return found


def rendered() -> dict[str, dict[str, object]]:
    book = load_book()
    found = {
        f"{template.id} {channel} {language}": entry(channel, language, wording)
        for template in book.templates.values()
        for (channel, language), wording in template.wordings.items()
    }
    for template in book.templates.values():
        for button in template.buttons:
            for language, title in button.titles.items():
                key = f"{template.id} button {button.id} {language}"
                found[key] = {"text": title, "units": utf16_units(title)}
    return found


def renew() -> None:
    """Write the golden file anew: `python tests/unit/notify/test_texts.py`."""
    GOLDEN.write_text(json.dumps(rendered(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def test_every_text_is_as_it_was_agreed() -> None:
    """To change a text on purpose: give it a new registered name or id, and renew the golden file."""
    assert rendered() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_resolution_asks_and_the_danger_tells_the_number() -> None:
    seen = set()
    for key, found in rendered().items():
        text = str(found["text"])
        if key.startswith(("citizen_resolved sms", "citizen_resolved whatsapp")):
            seen.add(key)
            assert "1" in text
            assert "2" in text
            assert "?" in text
        if key.startswith("citizen_filed_danger"):
            seen.add(key)
            assert text.index("112") < text.index("JC-2600104237")
    assert len(seen) == 8


def test_an_sms_that_can_come_again_for_a_case_is_another_text_then() -> None:
    """Staff and providers take two texts that are the same for one message sent twice."""
    book = load_book()
    once = {"samvad.case.filed.v1", "samvad.case.withdrawn.v1", "samvad.case.merged.v1"}
    for rule in book.rules:
        for (channel, _), wording in book.templates[rule.template].wordings.items():
            if channel == "sms" and rule.event not in once:
                assert {"at", "due"} & set(variables_of(wording.text)), (
                    rule.template,
                    wording.text,
                )


def test_an_sms_has_no_part_more_than_it_needs() -> None:
    """Every part is paid for: two in Hindi, one in English, also for the longest reason of a rejection."""
    for key, found in rendered().items():
        if " sms " in key:
            assert found["segments"] <= (2 if key.endswith(" hi") else 1), key  # type: ignore[operator]
    book = load_book()
    texts = [book.templates[name] for name in ("citizen_rejected", "head_decision")]
    most: dict[Language, int] = {"hi": 2, "en": 1}
    for reason in REJECTION_REASONS:
        for language, parts in most.items():
            few = book.words[word_of_reason(reason)][language]
            for template in texts:
                text = template.wordings["sms", language].text
                said = fill(text, VALUES[language] | {"short_reason": few})
                assert segments(said) <= parts, (template.id, reason, language)


def test_punctuation() -> None:
    """No text breaks off; a telephone number at the end has no stop that might be taken for a part of it."""
    wrong = re.compile(r"  | [।,.:;?!)]|[।,.:;]{2}|\( |[,;:]$|^\s|\s$")
    for key, found in rendered().items():
        for part in ("subject", "text"):
            assert not wrong.search(str(found.get(part, ""))), (key, part)
        if " button " not in key:
            assert re.search(r"([।.?]|: [0-9]+|[Cc]all [0-9]+)$", str(found["text"])), key


def test_one_word_for_one_thing() -> None:
    """Citizens read समाधान; staff निराकरण, as on the desk."""
    book = load_book()
    theirs = {rule.template for rule in book.rules if rule.audience in CITIZENS}
    for key, found in rendered().items():
        word = "निराक" if key.split()[0] in theirs else "समाधान"
        assert word not in f"{found.get('subject', '')} {found['text']}", key
    assert "निराक" in book.words["resolve"]["hi"]


def test_hindi_is_written_in_one_way() -> None:
    """Words that are often misspelt, or that have a better-known one."""
    wrong = [
        "खतरा", "जरूर", "फोन", "जिला", "जिले", "संभाल", "कृप्या", "आवेदक संतुष्ट नहीं है", "शिकायत",
        "प्रकरण", "निवारण", "निस्तारण", "स्टेटस", "अपडेट", "केस", "टिकट", "लिंक", "नंबर", "  ", " ।", " ,",
    ]  # fmt: skip
    for key, found in rendered().items():
        if key.endswith(" hi"):
            for word in wrong:
                assert word not in str(found["text"]), (key, word)
                assert word not in str(found.get("subject", "")), (key, word)
            # no Latin word, but for addresses, ticket numbers and what a Latin keyboard is to write
            plain = re.sub(r"https://\S+|JC-[0-9]+|\b(START|STOP)\b", "", str(found["text"]))
            assert not re.search("[A-Za-z]", plain), key


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
    # what is cut off leaves no comma behind, and what is whole keeps its own
    assert shorten("JC-1, JC-2, JC-3", 11) == "JC-1, JC-2"
    assert shorten("yes, but,", 9) == "yes, but,"
    assert shorten("  ", 4) == "-"


def test_small_matters() -> None:
    assert variables_of("{b} {a} {b}") == ("b", "a")
    assert fill("{a}{b}", {"a": "{b}", "b": "2"}) == "{b}2"
    assert septets("[x]") == 5
    assert septets("“x”") is None


if __name__ == "__main__":
    renew()
