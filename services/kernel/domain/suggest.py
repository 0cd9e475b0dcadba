"""Which services a citizen's words are about: a ranked guess that he or an operator confirms.

Every service has phrases: its names and keywords, in either script. A word of the text meets a word of
a phrase when their folded spellings are the same, when they sound the same across scripts, or when
they are alike enough (character trigrams, then edit distance: spelling mistakes). A word counts for
more the fewer services use it; a phrase counts for more the more of it was said. Words of no meaning
(`data/common_words.json`) count for nothing, so that a greeting suggests nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import log

from rapidfuzz import fuzz

from services.kernel.domain.directory import District, Kind, Service
from services.kernel.domain.spelling import common_words, fold, romanised, skeleton, words

THRESHOLD = 0.28  # of the score, which is in [0, 1): below it a guess is noise

_MOST_WORDS = 400  # of a text: what it is about is said by then
_SOUNDS_ALIKE = 0.9
_ALIKE = 0.8  # times the likeness of the spellings
_SHORTEST_ALIKE = 5
_LEAST_SHARED = 0.4  # of the trigrams, to be looked at at all
_LEAST_RATIO = 80.0
_DAMPING = 0.4
_NAME_WEIGHT = 0.85
_REMEMBERED = 20_000


@dataclass(frozen=True)
class Suggestion:
    """A service's id; `score` is in [0, 1), comparable within one answer only."""

    service: str
    score: float


@dataclass(frozen=True)
class _Phrase:
    service: int
    words: tuple[int, ...]
    weight: float


class Suggester:
    """Suggests services of one version of a directory. Build it once a version: it is an index."""

    def __init__(self, district: District) -> None:
        self._services = district.services
        self._vocabulary: dict[str, int] = {}
        self._spelt: dict[str, set[int]] = {}
        self._heard: dict[str, set[int]] = {}
        self._trigrams: dict[str, list[int]] = {}
        self._latin: list[str] = []
        self._sizes: list[int] = []
        self._phrases_of: dict[int, list[_Phrase]] = {}
        users: dict[int, set[int]] = {}
        for number, service in enumerate(district.services):
            for phrase in set(self._phrases(number, service)):
                for word in phrase.words:
                    self._phrases_of.setdefault(word, []).append(phrase)
                    users.setdefault(word, set()).add(number)
        total = len(district.services)
        self._worth = {
            word: log(1 + total / len(of)) / log(1 + total) for word, of in users.items()
        }
        self._remembered: dict[str, dict[int, float]] = {}

    def suggest(self, text: str, kind: Kind | None = None, most: int = 3) -> tuple[Suggestion, ...]:
        """At most `most` services, the likeliest first; those that do not take `kind` are left out."""
        met = self._met(text)
        touched = {phrase for word in met for phrase in self._phrases_of[word]}
        scores: dict[int, list[float]] = {}
        for phrase in touched:
            if kind is None or kind in self._services[phrase.service].kinds:
                scores.setdefault(phrase.service, []).append(self._score(phrase, met))
        found: list[Suggestion] = []
        for number, of_phrases in scores.items():
            of_phrases.sort(reverse=True)
            # More phrases of one service say the same thing again, so each counts for less.
            total = sum(score * _DAMPING**place for place, score in enumerate(of_phrases))
            score = round(total / (1 + total), 4)
            if score >= THRESHOLD:
                found.append(Suggestion(self._services[number].id, score))
        found.sort(key=lambda suggestion: (-suggestion.score, suggestion.service))
        return tuple(found[: max(0, most)])

    def _phrases(self, number: int, service: Service) -> Iterator[_Phrase]:
        weighted = [(keyword, 1.0) for keyword in service.keywords]
        weighted += [(service.name.hi, _NAME_WEIGHT), (service.name.en, _NAME_WEIGHT)]
        for text, weight in weighted:
            said = words(text)
            telling = tuple(dict.fromkeys(self._word(word) for word in _telling(said)))
            if telling:
                yield _Phrase(number, telling, weight)
            if len(said) == 2 and telling:  # `hand pump` is also written in one word
                yield _Phrase(number, (self._word("".join(said)),), weight)

    def _word(self, word: str) -> int:
        """The number of a word of the vocabulary, indexed when new."""
        key = fold(word)
        known = self._vocabulary.get(key)
        if known is not None:
            return known
        number = self._vocabulary[key] = len(self._latin)
        latin = min(romanised(word), key=len)
        self._latin.append(latin)
        for form in {key, *romanised(word)}:
            self._spelt.setdefault(form, set()).add(number)
        self._heard.setdefault(skeleton(word), set()).add(number)
        trigrams = _trigrams(latin)
        self._sizes.append(len(trigrams))
        for trigram in trigrams:
            self._trigrams.setdefault(trigram, []).append(number)
        return number

    def _met(self, text: str) -> dict[int, float]:
        """Words of the vocabulary that the text meets, and how nearly (0 to 1)."""
        said = words(text)[:_MOST_WORDS]
        met: dict[int, float] = {}
        for word in set(_telling(said)):
            for number, likeness in self._like(word).items():
                met[number] = max(met.get(number, 0.0), likeness)
        for first, second in pairwise(said):
            for number in self._spelt.get(fold(first + second), ()):
                met[number] = 1.0
        return met

    def _like(self, word: str) -> dict[int, float]:
        known = self._remembered.get(word)
        if known is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            known = self._remembered[word] = self._alike(word)
        return known

    def _alike(self, word: str) -> dict[int, float]:
        latin = min(romanised(word), key=len)
        found: dict[int, float] = {}
        if len(latin) >= _SHORTEST_ALIKE:
            trigrams = _trigrams(latin)
            shared = Counter(n for trigram in trigrams for n in self._trigrams.get(trigram, ()))
            for number, count in shared.items():
                if 2 * count < _LEAST_SHARED * (len(trigrams) + self._sizes[number]):
                    continue
                ratio = fuzz.ratio(latin, self._latin[number])
                if ratio >= _LEAST_RATIO:
                    found[number] = _ALIKE * ratio / 100
        sound = skeleton(word)
        if len(sound) >= 3:  # two consonants sound like too much
            found.update(dict.fromkeys(self._heard.get(sound, ()), _SOUNDS_ALIKE))
        for form in {fold(word), *romanised(word)}:
            found.update(dict.fromkeys(self._spelt.get(form, ()), 1.0))
        return found

    def _score(self, phrase: _Phrase, met: dict[int, float]) -> float:
        whole = sum(self._worth[word] for word in phrase.words)
        said = sum(self._worth[word] * met.get(word, 0.0) for word in phrase.words)
        return phrase.weight * said * said / whole


def _telling(said: Iterable[str]) -> list[str]:
    stop = common_words("stop")
    return [w for w in said if fold(w) not in stop and not w.isdigit() and len(w) > 1]


def _trigrams(word: str) -> set[str]:
    padded = f"^{word}$"
    return {padded[at : at + 3] for at in range(len(padded) - 2)}
