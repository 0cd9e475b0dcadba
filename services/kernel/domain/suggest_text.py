"""What a citizen's text says, in the senses of a vocabulary: each with its places and its weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.kernel.domain.spelling import romanised, words
from services.kernel.domain.suggest_words import Vocabulary, word_lists

_MOST_WORDS = 400  # of a text: what it is about is said by then
_MOST_PLACES = 8  # of a word that are looked at
_ONLY_WHERE = 0.45
_BEFORE_THE_TURN = 0.6
_LONGEST_TURN = 10  # words before a turn that it takes back


@dataclass
class Met:
    """A sense that was said: how nearly (0 to 1, at best) and what that counts for by where it stands, and
    at which words of the text, in order."""

    likeness: float
    weight: float
    places: list[int]


Reading = Mapping[int, Met]


def read(text: str, vocabulary: Vocabulary) -> Reading:
    """What `text` says in the senses of `vocabulary`."""
    said = _join_letters(words(text)[:_MOST_WORDS])
    weights = _weights(said, vocabulary)
    met: dict[int, Met] = {}

    def note(senses: Mapping[int, float], at: int, weight: float) -> None:
        for sense, likeness in senses.items():
            one = met.get(sense)
            if one is None:
                met[sense] = Met(likeness, likeness * weight, [at])
                continue
            one.likeness = max(one.likeness, likeness)
            one.weight = max(one.weight, likeness * weight)
            if len(one.places) < _MOST_PLACES and one.places[-1] != at:
                one.places.append(at)

    for at, word in enumerate(said):
        if vocabulary.is_telling(word):
            senses = vocabulary.spelt(word) if word.isdigit() else vocabulary.like(word)
            note(senses, at, weights[at])
        if at + 1 < len(said):
            joined = vocabulary.joined(word, said[at + 1])
            note(joined, at, max(weights[at], weights[at + 1]))
    return met


def _join_letters(said: list[str]) -> list[str]:
    """`p m kisan` → `pm kisan`: letters that were written one by one."""
    joined: list[str] = []
    run = ""
    for word in said:
        if len(word) == 1 and word.isascii() and word.isalpha():
            run += word
            continue
        if run:
            joined.append(run)
            run = ""
        joined.append(word)
    return [*joined, run] if run else joined


def _weights(said: Sequence[str], vocabulary: Vocabulary) -> list[float]:
    """What each word counts for, by where it stands."""
    weights = [1.0] * len(said)
    forms = [_form(word) for word in said]
    marks = _marks()
    for at in range(len(forms)):
        for length in (2, 1):
            run = tuple(forms[at : at + length])
            mark, end = marks.get(run), at + length
            if mark == "landmark" and at > 0 and marks.get((*forms[end : end + 1],)) != "going":
                weights[at - 1] *= _ONLY_WHERE
            elif mark == "before_landmark":
                for place in range(end, min(end + 3, len(said))):
                    if vocabulary.is_telling(said[place]):
                        weights[place] *= _ONLY_WHERE
                        break
            elif mark == "turn" and end < len(said):
                for place in range(max(0, at - _LONGEST_TURN), at):
                    weights[place] = min(weights[place], _BEFORE_THE_TURN)
            if mark is not None:
                break
    return weights


def _form(word: str) -> str:
    return min(romanised(word), key=len)


@lru_cache(maxsize=1)
def _marks() -> Mapping[tuple[str, ...], str]:
    lists = word_lists()
    return {
        tuple(_form(word) for word in words(phrase)): name
        for name in ("going", "landmark", "before_landmark", "turn")
        for phrase in lists[name]
    }
