"""Which block and village a citizen's words name, in either script and however spelt.

A first version: names and aliases are compared with every run of up to three words of the text, after
folding, by edit distance. The shorter a name, the more exactly it must be said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from rapidfuzz import fuzz, process

from services.kernel.domain.directory import Block, District, Text, Village
from services.kernel.domain.spelling import common_words, fold, romanised, words

MOST_VILLAGES = 5

_MOST_WORDS = 12  # of a text that names a place
_LONGEST_RUN = 3
_MOST_FORMS = 16
_CLEAR = 0.04  # by how much the best block must lead


@dataclass(frozen=True)
class VillageMatch:
    """A village that may be meant. `score` is in (0, 1]; 1 is the name as written."""

    block: Block
    village: Village
    score: float


def match_block(district: District, text: str) -> Block | None:
    """The one block that `text` names; None if it names none, or two about equally well."""
    for block in district.blocks:
        if block.id == text.strip().lower():
            return block
    scores = _scores(text, ((block.name, block.aliases) for block in district.blocks))
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    if not ranked or (len(ranked) > 1 and ranked[0][1] - ranked[1][1] < _CLEAR):
        return None
    return district.blocks[ranked[0][0]]


def match_village(
    district: District, text: str, block: str | None = None
) -> tuple[VillageMatch, ...]:
    """Up to five villages that `text` may name, the likeliest first; only of `block` if it is given.

    Villages of one name in several blocks all come, with the same score: somebody has to ask.
    """
    places = [
        (of, village)
        for of in district.blocks
        if block is None or of.id == block
        for village in of.villages
    ]
    scores = _scores(text, ((village.name, village.aliases) for _, village in places))
    found = [VillageMatch(*places[number], score) for number, score in scores.items()]
    found.sort(key=lambda match: (-match.score, match.block.id, match.village.id))
    return tuple(found[:MOST_VILLAGES])


def _scores(text: str, named: Iterable[tuple[Text, tuple[str, ...]]]) -> dict[int, float]:
    """How well the text names each of `named`, by its place in it; those not named are left out."""
    forms: list[str] = []
    owners: list[int] = []
    for number, (name, aliases) in enumerate(named):
        for spelling in (name.hi, name.en, *aliases):
            for form in _forms(spelling):
                forms.append(form)
                owners.append(number)
    scores: dict[int, float] = {}
    for run in _runs(text):
        least = _least(len(run))
        for _, score, at in process.extract(
            run, forms, scorer=fuzz.ratio, processor=None, limit=None, score_cutoff=least
        ):
            if score >= _least(len(forms[at])):
                owner = owners[at]
                scores[owner] = max(scores.get(owner, 0.0), round(score / 100, 4))
    return scores


def _runs(text: str) -> set[str]:
    """Runs of one to three words, joined, each in its own script and in Latin letters."""
    address = common_words("address")
    given = words(text)[:_MOST_WORDS]
    said = [word for word in given if fold(word) not in address] or given
    runs: set[str] = set()
    for start in range(len(said)):
        for end in range(start + 1, min(start + _LONGEST_RUN, len(said)) + 1):
            part = said[start:end]
            runs.add("".join(fold(word) for word in part))
            runs.add("".join(romanised(word)[-1] for word in part))
    return {run for run in runs if len(run) > 1}


@lru_cache(maxsize=65_536)
def _forms(name: str) -> tuple[str, ...]:
    """The folded spellings of a name, its words joined: `नया पारा`, `Nayapara`, `naya para`."""
    address = common_words("address")
    said = words(name)
    # `अकलतरा (नगर)` is asked for by its name alone; a village that is called Nagar keeps its own.
    said = [word for word in said if fold(word) not in address] or said
    if not said:
        return ()
    forms = {"".join(fold(word) for word in said)}
    for number, parts in enumerate(product(*(romanised(word) for word in said))):
        if number == _MOST_FORMS:
            break
        forms.add("".join(parts))
    return tuple(sorted(forms))


def _least(length: int) -> float:
    """The likeness (of 100) that a name of `length` letters needs."""
    if length <= 3:
        return 100.0
    return 85.0 if length <= 5 else 80.0
