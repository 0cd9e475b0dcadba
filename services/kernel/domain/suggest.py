"""Which services a citizen's words are about: a ranked guess that he or an operator confirms.

Every service has phrases: its names and keywords, in either script. The words of the text meet the words
of a phrase by sense (`suggest_words.py`). A word counts for more the fewer services use it; a phrase for
more the more of it was said, and said together; a service for more if what speaks for it stands together.
A word that only tells where (`school ke samne`) and what comes before the point (`… lekin`) count for less
(`suggest_text.py`). Words of no meaning count for nothing, so that a greeting suggests nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

from services.kernel.domain.directory import District, Kind, Service
from services.kernel.domain.spelling import words
from services.kernel.domain.suggest_text import Reading, read
from services.kernel.domain.suggest_words import Vocabulary

THRESHOLD = 0.28  # of the score, which is in [0, 1): below it a guess is noise
CLEAR = 0.8  # of the likeliest's score: where the next has no more, it is clear which is meant

_NAME_WEIGHT = 0.85
_WEAK_WORTH = 0.25
_OF_NUMBERS = 0.5  # 108 is an ambulance, and how far it is to the town
_DAMPING = 0.85  # of each further word: a story touches on much
_TOGETHER = 12  # words of a story, within which what is said of a service counts in full
_ELSEWHERE = 0.4
_PARTLY = 1.5  # what is lacking of a phrase counts so much the more
_CLOSE = 3  # words between those of a phrase, that take nothing from it
_FAR = 0.08  # what each further one takes
_FARTHEST = 0.5


@dataclass(frozen=True)
class Suggestion:
    """A service's id; `score` is in [0, 1), comparable within one answer only."""

    service: str
    score: float


def clear_suggestion(found: Sequence[Suggestion]) -> Suggestion | None:
    """The likeliest, where it leads the next clearly; `found` the likeliest first."""
    if not found or (len(found) > 1 and found[1].score > CLEAR * found[0].score):
        return None
    return found[0]


@dataclass(frozen=True)
class _Phrase:
    service: int
    senses: tuple[int, ...]
    weight: float


class Suggester:
    """Suggests services of one version of a directory. Build it once a version: it is an index."""

    def __init__(self, district: District) -> None:
        self._services = district.services
        self._vocabulary = Vocabulary(_place_names(district))
        self._phrases_of: dict[int, list[_Phrase]] = {}
        self._learn(district.services)
        phrases = dict.fromkeys(
            phrase
            for number, service in enumerate(district.services)
            for phrase in self._phrases(number, service)
        )
        used: dict[int, Counter[int]] = {}
        weak = self._vocabulary.weak  # these strengthen a phrase and do not bring it
        for phrase in phrases:
            for sense in phrase.senses:
                used.setdefault(sense, Counter())[phrase.service] += 1
                if sense not in weak:
                    self._phrases_of.setdefault(sense, []).append(phrase)
        self._worth = {sense: self._worth_of(sense, uses) for sense, uses in used.items()}
        self._whole = {p.senses: sum(self._worth[sense] for sense in p.senses) for p in phrases}

    def suggest(self, text: str, kind: Kind | None = None, most: int = 3) -> tuple[Suggestion, ...]:
        """At most `most` services, the likeliest first; those that do not take `kind` are left out."""
        met = read(text, self._vocabulary)
        touched = {phrase for sense in met for phrase in self._phrases_of.get(sense, ())}
        # More phrases of one service say the same thing again: each word counts once, for the best.
        said: dict[int, dict[int, float]] = {}
        for phrase in touched:
            if kind is not None and kind not in self._services[phrase.service].kinds:
                continue
            of_words = said.setdefault(phrase.service, {})
            for sense, worth in self._scores(phrase, met):
                of_words[sense] = max(of_words.get(sense, 0.0), worth)
        found: list[Suggestion] = []
        for number, scores in said.items():
            total = _total(scores, met)
            score = round(total / (1 + total), 4)
            if score >= THRESHOLD:
                found.append(Suggestion(self._services[number].id, score))
        found.sort(key=lambda suggestion: (-suggestion.score, suggestion.service))
        return tuple(found[: max(0, most)])

    def _worth_of(self, sense: int, uses: Mapping[int, int]) -> float:
        """What a word is worth, up to 1, by how often each service uses it: a service that does so rarely
        beside another one takes little from it."""
        if sense in self._vocabulary.weak:
            return _WEAK_WORTH
        total, most = len(self._services), max(uses.values())
        users = sum(sqrt(count / most) for count in uses.values())
        worth = log(1 + total / users) / log(1 + total)
        return worth * _OF_NUMBERS if sense in self._vocabulary.numbers else worth

    def _learn(self, services: Sequence[Service]) -> None:
        """The words of the keywords, Devanagari first: those in Latin letters may be spellings of them."""
        said = [word for one in services for text in _texts(one) for word in words(text)]
        for word in sorted(said, key=str.isascii):
            if self._vocabulary.is_telling(word):
                self._vocabulary.sense(word)

    def _phrases(self, number: int, service: Service) -> Iterator[_Phrase]:
        weighted = [(keyword, 1.0) for keyword in service.keywords]
        weighted += [(service.name.hi, _NAME_WEIGHT), (service.name.en, _NAME_WEIGHT)]
        for text, weight in weighted:
            said = [word for word in words(text) if self._vocabulary.is_telling(word)]
            senses = tuple(dict.fromkeys(self._vocabulary.sense(word) for word in said))
            if not senses:
                continue
            yield _Phrase(number, senses, weight)
            if len(said) == 2 and self._vocabulary.weak.isdisjoint(senses):
                self._vocabulary.compound("".join(said), senses)

    def _scores(self, phrase: _Phrase, met: Reading) -> Iterator[tuple[int, float]]:
        """What each word of the phrase that was said is worth."""
        said = [sense for sense in phrase.senses if sense in met]
        whole = self._whole[phrase.senses]
        complete = (sum(self._worth[one] * met[one].likeness for one in said) / whole) ** _PARTLY
        if len(said) > 1:
            gap = _gap([met[sense].places for sense in said])
            complete *= max(_FARTHEST, 1 - _FAR * max(0, gap - _CLOSE))
        for sense in said:
            yield sense, phrase.weight * self._worth[sense] * met[sense].weight * complete


def _total(scores: Mapping[int, float], met: Reading) -> float:
    """What the words are worth together: those that stand together, and a part of the others."""
    best_first = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    damped = {sense: worth * _DAMPING**place for place, (sense, worth) in enumerate(best_first)}
    everything = sum(damped.values())
    spoken = sorted((place, sense) for sense in damped for place in met[sense].places)
    together = 0.0
    inside: Counter[int] = Counter()
    start = 0
    sum_inside = 0.0
    for place, sense in spoken:
        inside[sense] += 1
        if inside[sense] == 1:
            sum_inside += damped[sense]
        while place - spoken[start][0] > _TOGETHER:
            gone = spoken[start][1]
            start += 1
            inside[gone] -= 1
            if not inside[gone]:
                sum_inside -= damped[gone]
        together = max(together, sum_inside)
    return together + _ELSEWHERE * max(0.0, everything - together)


def _place_names(district: District) -> Iterator[str]:
    for block in district.blocks:
        named = [(block.name, block.aliases), *((v.name, v.aliases) for v in block.villages)]
        for name, aliases in named:
            for spelling in (name.hi, name.en, *aliases):
                yield from words(spelling)


def _texts(service: Service) -> tuple[str, ...]:
    return (*service.keywords, service.name.hi, service.name.en)


def _gap(places: Sequence[Sequence[int]]) -> int:
    """The words that lie between, where the words with these places (each in order) come nearest."""
    rarest = min(places, key=len)
    nearest: int | None = None
    for place in rarest:
        span = max(abs(_nearest(others, place) - place) for others in places)
        nearest = span if nearest is None else min(nearest, span)
    return max(0, (nearest or 0) - (len(places) - 1))


def _nearest(places: Sequence[int], to: int) -> int:
    at = bisect_left(places, to)
    return min(places[max(0, at - 1) : at + 1], key=lambda place: abs(place - to))
