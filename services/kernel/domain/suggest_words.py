"""Which words of a district's keywords a word means, however it is spelt: the vocabulary of suggestions.

What counts is a sense: the number of a word, or of a group of words that mean the same (`same` and `weak`
of `data/suggest_words.json`: शिक्षक, guruji, teacher). A word of a text has a sense when its spelling is
the same as a word's of that sense, else when its stem or its sound is, else when they are alike: n-grams
of the letters and of the sound find the candidates, edit distance ranks them. Two words written as one
(`handpump`) have the senses of both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from rapidfuzz import fuzz

from services.kernel.domain.data_file import data_file
from services.kernel.domain.spelling import (
    as_written,
    fold,
    in_either_script,
    romanised,
    singular,
    skeleton,
    sound,
    stem,
    words,
)

SAME_STEM = 0.92
SOUNDS_ALIKE = 0.9
ROUGHLY_ALIKE = 0.82
"""How near a word is to another one that is not spelt the same; spellings that are only alike come below."""

_ALIKE = 0.9  # times the likeness, which is the mean of that of the spellings and of the sounds
_SHORTEST_SOUND = 3  # consonants: two sound like too much
_SHORTEST_ROUGH = 4
_SHORTEST_ALIKE = 4
_SHORTEST_COMPOUND = 8  # letters
_LEAST_SHARED = 0.4  # of the grams, to be looked at at all
_LEAST_RATIO = 79.0
_LEAST_COMPOUND = 88.0
_SHORTEST_CLEAR = 6
_CLEARLY = 0.8  # at least so near is another spelling of a word of the keywords
_DOUBTFUL = 0.05  # two guesses that are nearer to each other both stand
_OTHER_BEGINNING = 0.92  # few mistype the first letter
_REMEMBERED = 20_000

_COMMON = ("stop", "ordinary")
_VOWELS = re.compile("[aeiou]")

Senses = tuple[int, ...]


class Vocabulary:
    """The words of one directory's keywords. It grows until the first `like`, and then stands.

    `names` are words that may be anything else but a misspelt keyword: those of its places.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(form for name in names for form in _forms(name))
        self.size = 0
        self.weak: set[int] = set()
        self.numbers: set[int] = set()
        self._sense_of: dict[str, int] = {}
        self._groups = _groups()
        self._sense_of_group: dict[int, int] = {}
        self._senses: dict[str, Senses] = {}  # by the words' own spelling
        self._spelt: dict[str, set[Senses]] = {}
        self._stems: dict[str, set[Senses]] = {}
        self._heard: dict[str, set[Senses]] = {}
        self._rough: dict[str, set[Senses]] = {}
        self._grams: dict[str, list[int]] = {}
        self._entries: list[tuple[str, str, int, Senses]] = []
        self._remembered: dict[str, Mapping[int, float]] = {}

    def is_telling(self, word: str) -> bool:
        """Whether a word may say what a text is about. A word that is known goes before a common one that is
        only folded as it is (`kan`, an ear, and `can`), and so does one that strengthens others."""
        key = fold(word)
        if len(word) < 2:
            return False
        group = self._groups.find(word)
        if any(word in as_written(common) for common in _COMMON):
            own = key.isascii() or key in self._groups.of
            return own and group is not None and group.weak
        known = group is not None or key in self._spelt
        return known or not (
            key in self._names or any(key in in_either_script(common) for common in _COMMON)
        )

    def sense(self, word: str) -> int:
        """The sense of a word of a keyword, new or known."""
        key = fold(word)
        known = self._sense_of.get(key)
        if known is not None:
            return known
        group = self._groups.find(word)
        if group is None and (own := self._own(word)) is not None:
            return self._add(own, [word])
        if group is None:
            known = self._new()
            if word.isdigit():
                self.numbers.add(known)
            return self._add(known, [word])
        known = self._sense_of_group.get(group.number)
        if known is None:
            known = self._sense_of_group[group.number] = self._new()
            if group.weak:
                self.weak.add(known)
            self._add(known, group.words)
        return self._add(known, [word])

    def compound(self, word: str, senses: Senses) -> None:
        """`word`, two words written as one, has the senses of both."""
        self._index(word, senses)

    def like(self, word: str) -> Mapping[int, float]:
        """The senses that `word` may have, and how nearly (0 to 1)."""
        known = self._remembered.get(word)
        if known is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            known = self._remembered[word] = self._alike(word)
        return known

    def spelt(self, word: str) -> Mapping[int, float]:
        """The senses of a word that is spelt so."""
        own = self._senses.get(fold(word))
        if own is not None:
            return dict.fromkeys(own, 1.0)
        return _best((senses, 1.0) for f in romanised(word) for senses in self._spelt.get(f, ()))

    def joined(self, first: str, second: str) -> Mapping[int, float]:
        """The senses of two words of a text that belong together (`hand pump`)."""
        word = first + second
        if not word.isascii():  # two Devanagari words look like many a Latin one
            return dict.fromkeys(self._senses.get(fold(word), ()), 1.0)
        return self.spelt(word)

    def _own(self, word: str) -> int | None:
        """The one sense that a word of a keyword shares with another one: चढ़े and चढ़ाना, or, in Latin
        letters, that it is clearly but a spelling of: khula and खुला."""
        key = fold(word)
        if not key.isascii():
            return _only(self._stems.get(stem(key), ()))
        known = _only(self._spelt.get(key, ()))
        if known is None and len(key) >= _SHORTEST_CLEAR:
            known = _only({senses for senses, near in self._alike_to(word) if near >= _CLEARLY})
        return known

    def _new(self) -> int:
        self.size += 1
        return self.size - 1

    def _add(self, sense: int, said: Iterable[str]) -> int:
        for word in said:
            if self._sense_of.setdefault(fold(word), sense) == sense:
                self._index(word, (sense,))
        return sense

    def _index(self, word: str, senses: Senses) -> None:
        key = fold(word)
        if self._senses.setdefault(key, senses) is not senses:
            return
        forms = _forms(word)
        for form in forms:
            self._spelt.setdefault(form, set()).add(senses)
        if len(senses) == 1 and senses[0] in self.weak:
            return  # as they are written only: too short and too common to be guessed at
        if len(senses) > 1 and len(key) < _SHORTEST_COMPOUND:
            return
        for form in map(stem, forms):
            self._stems.setdefault(form, set()).add(senses)
        self._heard.setdefault(skeleton(word), set()).add(senses)
        self._rough.setdefault(sound(word), set()).add(senses)
        latin = min(romanised(word), key=len)
        grams = _grams(latin, sound(word))
        for gram in grams:
            self._grams.setdefault(gram, []).append(len(self._entries))
        self._entries.append((latin, sound(word), len(grams), senses))

    def _alike(self, word: str) -> Mapping[int, float]:
        exact = self.spelt(word)
        if exact or self._groups.find(word) is not None:  # it means something that no keyword does
            return exact
        guesses = tuple(self._guesses(word))
        best = max((likeness for _, likeness in guesses), default=0.0)
        return _best(guess for guess in guesses if guess[1] >= best - _DOUBTFUL)

    def _guesses(self, word: str) -> Iterator[tuple[Senses, float]]:
        """What `word`, which is spelt like none, may be."""
        if word.isascii():
            for sense in self.spelt(singular(word)):
                yield (sense,), SAME_STEM
        for form in {stem(fold(word)), *map(stem, romanised(word) if word.isascii() else ())}:
            for senses in self._stems.get(form, ()):
                yield senses, SAME_STEM
        rough = sound(word)
        if len(rough) >= _SHORTEST_ROUGH:
            for senses in self._rough.get(rough, ()):
                yield senses, ROUGHLY_ALIKE
        yield from self._alike_to(word)

    def _alike_to(self, word: str) -> Iterator[tuple[Senses, float]]:
        heard, rough = skeleton(word), sound(word)
        if len(_VOWELS.sub("", heard)) >= _SHORTEST_SOUND:
            for senses in self._heard.get(heard, ()):
                yield senses, SOUNDS_ALIKE
        latin = min(romanised(word), key=len)
        if len(latin) < _SHORTEST_ALIKE:
            return
        grams = _grams(latin, rough)
        shared = Counter(number for gram in grams for number in self._grams.get(gram, ()))
        for number, count in shared.items():
            other, other_rough, size, senses = self._entries[number]
            shortest = _SHORTEST_ALIKE if len(senses) == 1 else _SHORTEST_COMPOUND
            if len(other) < shortest or 2 * count < _LEAST_SHARED * (len(grams) + size):
                continue
            ratio = (fuzz.ratio(latin, other) + fuzz.ratio(rough, other_rough)) / 2
            if rough[:1] != other_rough[:1]:
                ratio *= _OTHER_BEGINNING
            if ratio >= (_LEAST_RATIO if len(senses) == 1 else _LEAST_COMPOUND):
                yield senses, _ALIKE * ratio / 100


class _Group:
    def __init__(self, number: int, said: list[str], weak: bool) -> None:
        self.number = number
        self.words = said
        self.weak = weak


class _Groups:
    """The groups of words that mean the same, by the words as they are folded."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.of: dict[str, _Group] = {}
        lists = [(said, False) for said in data["same"]] + [(said, True) for said in data["weak"]]
        for number, (said, weak) in enumerate(lists):
            group = _Group(number, said, weak)
            for word in said:
                if len(words(word)) != 1:
                    raise ValueError(f"suggest words: {word!r} is not one word")
                if self.of.setdefault(fold(word), group) is not group:
                    raise ValueError(f"suggest words: {word!r} is in two groups")
        self._romanised = {
            form: group
            for group in reversed(tuple(self.of.values()))
            for word in group.words
            for form in romanised(word)
        }

    def find(self, word: str) -> _Group | None:
        """The group of a word: its own spelling; for one in Latin letters that of a Devanagari word; for a
        Devanagari word that of an English one (स्ट्रीट), but not by way of another Devanagari word."""
        key = fold(word)
        if key in self.of or key.isascii():
            return self.of.get(key) or self._romanised.get(key)
        return next((self.of[form] for form in romanised(word) if form in self.of), None)


@lru_cache(maxsize=1)
def _groups() -> _Groups:
    return _Groups(word_lists())


@lru_cache(maxsize=1)
def word_lists() -> Mapping[str, Any]:
    """`data/suggest_words.json`."""
    lists: Mapping[str, Any] = data_file("suggest_words")
    return lists


def _only(found: Collection[Senses]) -> int | None:
    """The one sense of what was found; None where there are several, or a compound."""
    senses = next(iter(found), ())
    return senses[0] if len(found) == len(senses) == 1 else None


def _forms(word: str) -> set[str]:
    return {fold(word), *romanised(word)}


def _best(found: Iterable[tuple[Senses, float]]) -> Mapping[int, float]:
    best: dict[int, float] = {}
    for senses, likeness in found:
        for sense in senses:
            best[sense] = max(best.get(sense, 0.0), likeness)
    return best


def _grams(latin: str, rough: str) -> set[str]:
    """Three letters in a row of the spelling, two of the sound, which wrong vowels leave as they are."""
    padded = f"^{latin}$"
    grams = {padded[at : at + 3] for at in range(len(padded) - 2)}
    return grams | {rough[at : at + 2] for at in range(len(rough) - 1)}
