"""Phrases of the word lists as they are compared, and messages that are nearly one of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, product

from rapidfuzz import fuzz

from services.kernel.domain.spelling import fold, romanised, words

MOST_SPELLINGS = 24
"""Spellings of a phrase in Latin letters that are known."""
_MARKS = "?\uff1f"


def folded(said: Iterable[str]) -> list[str]:
    """Each phrase as it is compared; a Devanagari one also as it is typed in Latin letters, unless it begins
    with `=`: there it is another word (कॉल, kal)."""
    found: list[str] = []
    for phrase in said:
        parts = words(phrase)
        if not parts:
            raise ValueError(f"`{phrase}` has no word")
        found.append(" ".join(fold(part) for part in parts))
        if phrase.startswith("="):
            continue
        spelt = product(*(romanised(part) for part in parts))
        found.extend(" ".join(forms) for forms in islice(spelt, MOST_SPELLINGS))
    return list(dict.fromkeys(found))


def is_question(text: str) -> bool:
    """Whether it has a question mark."""
    return any(mark in text for mark in _MARKS)


def alike(said: str, phrase: str) -> float:
    """How alike they are, 0 to 100, where one may be the other with a typing error: a word more or less, or
    another word ("नहीं" for "हाँ"), is none."""
    ours, theirs = said.split(), phrase.split()
    if len(ours) != len(theirs) or any(a[0] != b[0] for a, b in zip(ours, theirs, strict=True)):
        return 0.0
    return fuzz.ratio(said, phrase)
