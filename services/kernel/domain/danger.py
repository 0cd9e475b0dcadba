"""Danger words: does a text tell of a threat to life, and how near is it?

A first reading by words alone, before a person looks: it must rather call once too often than miss a
live wire, yet not take a gas connection for a gas leak. What is danger, and what only sounds like it,
lies in `data/danger.json`, in Hindi, Chhattisgarhi, romanised Hindi and English; its `about` explains
the phrases. Spellings are folded (`spelling.py`), phrases match whole words within a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from services.kernel.domain.data_file import data_file
from services.kernel.domain.directory import PRIORITIES, Priority
from services.kernel.domain.spelling import fold, romanised, words

_Level = Literal["emergency", "urgent", "not"]
_LEVELS: tuple[_Level, ...] = ("emergency", "urgent", "not")
_SENTENCE = re.compile(r"[।॥.!?;\n]+")
_GAPS = {".": 1, "…": 3}
_WORDS_KNOWN = 20_000
_SHORTEST_STEM = 2
_LOWERED: Mapping[_Level, _Level] = {"emergency": "urgent", "urgent": "not", "not": "not"}


@dataclass(frozen=True)
class Danger:
    """A rule of the word list that was met. `priority` is urgent or emergency."""

    rule: str
    priority: Priority


@dataclass(frozen=True)
class _Step:
    """One word of a phrase, in all its spellings, after at most `gap` other words."""

    words: frozenset[str]
    stems: tuple[str, ...]
    gap: int

    def takes(self, word: str) -> bool:
        return word in self.words or (bool(self.stems) and word.startswith(self.stems))


@dataclass(frozen=True)
class _Phrase:
    owner: str  # the rule's id, or "past" or "now"
    level: _Level
    steps: tuple[_Step, ...]
    alone: bool  # it is danger where nothing else is said


@dataclass(frozen=True)
class _Hit:
    owner: str
    level: _Level
    start: int
    end: int

    def yields_to(self, other: _Hit) -> bool:
        """Whether `other`, of the same rule, is a longer phrase around this one."""
        if self.owner != other.owner or not (other.start <= self.start and self.end <= other.end):
            return False
        if (self.start, self.end) == (other.start, other.end):
            return other.level == "not" and self.level != "not"
        return True


class _Lexicon:
    """The word list, ready to be looked up by the first word of a phrase."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.rules: tuple[str, ...] = tuple(rule["id"] for rule in data["rules"])
        self.fading = frozenset(rule["id"] for rule in data["rules"] if rule["past"])
        self._lists: Mapping[str, list[str]] = data["lists"]
        # people use the same few thousand words, and most begin nothing
        self.beginning_with = lru_cache(maxsize=_WORDS_KNOWN)(self._beginning_with)
        self._by_word: dict[str, list[_Phrase]] = {}
        self._by_stem: dict[str, list[_Phrase]] = {}
        for rule in data["rules"]:
            for level in _LEVELS:
                self._index(rule["id"], level, rule[level])
        self._index("past", "not", data["past"])
        self._index("now", "not", data["now"])

    def hits(self, sentence: list[str]) -> Iterator[_Hit]:
        for at, word in enumerate(sentence):
            for phrase in self.beginning_with(word):
                end = _match(phrase.steps, 1, sentence, at + 1)
                if phrase.alone and (at, end) != (0, len(sentence)):
                    continue
                if end is not None:
                    yield _Hit(phrase.owner, phrase.level, at, end)

    def _beginning_with(self, word: str) -> tuple[_Phrase, ...]:
        found = list(self._by_word.get(word, ()))
        for length in range(_SHORTEST_STEM, len(word) + 1):
            found.extend(self._by_stem.get(word[:length], ()))
        return tuple(found)

    def _index(self, owner: str, level: _Level, phrases: Iterable[str]) -> None:
        for text in phrases:
            bare = text.removeprefix("[").removesuffix("]")
            phrase = _Phrase(owner, level, tuple(self._steps(bare)), alone=bare != text)
            for word in phrase.steps[0].words:
                self._by_word.setdefault(word, []).append(phrase)
            for stem in phrase.steps[0].stems:
                self._by_stem.setdefault(stem, []).append(phrase)

    def _steps(self, phrase: str) -> Iterator[_Step]:
        gap = 0
        for part in phrase.split():
            if part in _GAPS:
                gap += _GAPS[part]
                continue
            exact: set[str] = set()
            stems: set[str] = set()
            for choice in part.split("|"):
                for word in self._lists[choice[1:]] if choice.startswith("$") else [choice]:
                    (stems if word.endswith("~") else exact).update(_spellings(word))
            yield _Step(frozenset(exact), tuple(sorted(stems)), gap)
            gap = 0


def find(text: str) -> tuple[Danger, ...]:
    """The dangers that `text` tells of: one a rule, the gravest first, then as in the word list."""
    found: dict[str, Priority] = {}
    lexicon = _lexicon()
    for sentence in _SENTENCE.split(text):
        for rule, priority_ in _in_sentence(lexicon, [fold(word) for word in words(sentence)]):
            found[rule] = _graver(found.get(rule, "normal"), priority_)
    dangers = [Danger(rule, found[rule]) for rule in lexicon.rules if rule in found]
    return tuple(sorted(dangers, key=lambda danger: -PRIORITIES.index(danger.priority)))


def priority(text: str) -> Priority:
    """The gravest priority that the words of `text` call for; normal without danger."""
    return gravest(find(text))


def gravest(found: Sequence[Danger]) -> Priority:
    """The priority of what `find` found."""
    return found[0].priority if found else "normal"


def _in_sentence(lexicon: _Lexicon, sentence: list[str]) -> Iterator[tuple[str, Priority]]:
    hits = list(dict.fromkeys(lexicon.hits(sentence)))
    owners = {hit.owner for hit in hits}
    long_ago = "past" in owners and "now" not in owners
    for hit in hits:
        if hit.owner in ("past", "now") or any(hit.yields_to(other) for other in hits):
            continue
        level = _LOWERED[hit.level] if long_ago and hit.owner in lexicon.fading else hit.level
        if level != "not":
            yield hit.owner, level


def _match(steps: tuple[_Step, ...], step: int, sentence: list[str], at: int) -> int | None:
    """Where the phrase ends if its steps from `step` on are met from `at` on, the nearest way."""
    if step == len(steps):
        return at
    wanted = steps[step]
    for place in range(at, min(at + wanted.gap + 1, len(sentence))):
        if wanted.takes(sentence[place]):
            end = _match(steps, step + 1, sentence, place + 1)
            if end is not None:
                return end
    return None


def _spellings(entry: str) -> set[str]:
    """The folded spellings of one word of the list, of which texts are made up after folding."""
    word = entry.removeprefix("=").removesuffix("~")
    parts = words(word)
    if len(parts) != 1:
        raise ValueError(f"danger words: {entry!r} is not one word")
    own = {fold(parts[0])}
    return own if entry.startswith("=") else own | set(romanised(parts[0]))


def _graver(a: Priority, b: Priority) -> Priority:
    return max(a, b, key=PRIORITIES.index)


@lru_cache(maxsize=1)
def _lexicon() -> _Lexicon:
    return _Lexicon(data_file("danger"))
