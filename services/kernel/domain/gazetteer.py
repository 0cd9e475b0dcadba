"""The names of a directory's places, in all their spellings, and how like them a word is. Pure."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from services.kernel.domain.directory import Block, District, Text, Village
from services.kernel.domain.spelling import common_words, fold, romanised, words

LONG_NAME = 6
CLEAR = 0.04
"""By how much the likeliest place must lead the next."""
"""Letters from which on a name is known again though it is misspelt."""
_MOST_FORMS = 16
_SHORTEST_SLIP = 5  # letters of a name in which one may be wrong
_SHORTEST_TWO_SLIPS = 9
_MOST_GAZETTEERS = 50
_NOT_CONSONANTS = re.compile("[^क-मरलस-ह]+")
"""Without य and व too, which are written as vowels as well (लटिया, लटिआ)."""


@dataclass(frozen=True)
class VillageMatch:
    """A village that may be meant. `score` is in (0, 1]; 1 is the name as written."""

    block: Block
    village: Village
    score: float


class Gazetteer:
    """The names of one version of a directory, ready to be compared.

    `forms[n]` is a spelling of the village `places[owners[n]]`; `long_forms`: those that are long enough to
    be known again though they are misspelt. `villages`, `blocks`: of each spelling those that are so called,
    by their place in `places` and by their ids. `sounds`: the consonants of the villages' names.
    `district`: the words of the district's name, each in all its spellings; `units`: they and the blocks'
    names; `own`: with the words of its services and departments.
    """

    def __init__(self, district: District) -> None:
        self.places = [(block, village) for block in district.blocks for village in block.villages]
        self.forms, self.owners = spelt((v.name, v.aliases) for _, v in self.places)
        long = [at for at, form in enumerate(self.forms) if len(form) >= LONG_NAME]
        self.long_forms = [self.forms[at] for at in long]
        self.long_owners = [self.owners[at] for at in long]
        self.villages = _by_form(self.forms, self.owners)
        called = _by_form(*spelt((block.name, block.aliases) for block in district.blocks))
        self.blocks = {f: {district.blocks[n].id for n in of_it} for f, of_it in called.items()}
        self.sounds = frozenset(consonants(form) for form in self.forms) - {""}
        hi, en = words(district.name.hi), words(district.name.en)
        parts = zip(hi, en, strict=True) if len(hi) == len(en) else ((word,) for word in hi)
        self.district = tuple(frozenset().union(*map(kin, of_it)) for of_it in parts)
        said = [district.name, *(one.name for one in district.services)]
        said += [department.name for department in district.departments]
        phrases = [phrase for text in said for phrase in (text.hi, text.en)]
        phrases += [keyword for service in district.services for keyword in service.keywords]
        self.own = frozenset(
            form for phrase in phrases for word in words(phrase) for form in kin(word)
        ) | frozenset(self.blocks)
        self.units = frozenset(self.blocks).union(*self.district)

    @staticmethod
    def of(district: District) -> Gazetteer:
        """Made once for a directory, for as long as it is the same value in memory."""
        known = _GAZETTEERS.get(id(district))
        if known is None or known[0] is not district:
            known = _GAZETTEERS[id(district)] = (district, Gazetteer(district))
            while len(_GAZETTEERS) > _MOST_GAZETTEERS:
                _GAZETTEERS.popitem(last=False)
        return known[1]


_GAZETTEERS: OrderedDict[int, tuple[District, Gazetteer]] = OrderedDict()


def spelt(named: Iterable[tuple[Text, tuple[str, ...]]]) -> tuple[list[str], list[int]]:
    """Every spelling of each of `named`, and beside it whose it is, by its place."""
    forms: list[str] = []
    owners: list[int] = []
    for number, (name, aliases) in enumerate(named):
        of_one = {form for spelling in (name.hi, name.en, *aliases) for form in spellings(spelling)}
        forms += sorted(of_one)
        owners += [number] * len(of_one)
    return forms, owners


def _by_form(forms: Iterable[str], owners: Iterable[int]) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for form, owner in zip(forms, owners, strict=True):
        found.setdefault(form, set()).add(owner)
    return {form: frozenset(of_it) for form, of_it in found.items()}


def kin(word: str) -> frozenset[str]:
    """A word folded, in its own script and in Latin letters."""
    return frozenset((fold(word), *romanised(word)))


def consonants(word: str) -> str:
    """Of a folded word in Devanagari; "" of any other. Words of one sound have the same, and it is cheap."""
    return _NOT_CONSONANTS.sub("", word)


@lru_cache(maxsize=65_536)
def spellings(name: str) -> tuple[str, ...]:
    """The spellings of a name, its words joined: as it is written, and folded (`नया पारा`, `Nayapara`)."""
    said = named_words(name)
    if not said:
        return ()
    forms = {"".join(said), "".join(fold(word) for word in said)}
    for number, parts in enumerate(product(*(romanised(word) for word in said))):
        if number == _MOST_FORMS:
            break
        forms.add("".join(parts))
    return tuple(sorted(forms))


def named_words(name: str) -> list[str]:
    """`अकलतरा (नगर)` is asked for by its name alone; a village that is called Nagar keeps its own."""
    address = common_words("address")
    said = words(name)
    return [word for word in said if fold(word) not in address] or said


def scores_of(runs: Iterable[str], forms: Sequence[str], owners: Sequence[int]) -> dict[int, float]:
    """How well the runs name each owner of a form, by its number; those not named are left out."""
    scores: dict[int, float] = {}
    for run in runs:
        for at, likeness in alike(run, forms):
            owner = owners[at]
            scores[owner] = max(scores.get(owner, 0.0), round(likeness, 4))
    return scores


def alike(run: str, forms: Sequence[str]) -> Iterator[tuple[int, float]]:
    """The places in `forms` of those that `run` may be, and how likely: 1 is the same.

    What is alike in most of its letters; and, in names of five and more, where a finger slipped: a letter was
    left out, doubled or struck before its neighbour. One letter for another is no such slip: many a village
    is called as others are but for that (रोगदा, रोहदा).
    """
    for _, score, at in process.extract(
        run, forms, scorer=fuzz.ratio, processor=None, limit=None, score_cutoff=_least(len(run))
    ):
        if score >= _least(len(forms[at])):
            yield at, score / 100
    for _, slips, at in process.extract(
        run, forms, scorer=OSA.distance, processor=None, limit=None, score_cutoff=2
    ):
        form = forms[at]
        if slips <= _most_slips(len(form)) and not _is_another(run, form):
            yield at, 1 - slips / max(len(run), len(form))


def _is_another(run: str, form: str) -> bool:
    """Whether it has as many letters, and other ones."""
    return len(run) == len(form) and sorted(run) != sorted(form)


def _least(length: int) -> float:
    """The likeness (of 100) that a name of `length` letters needs."""
    if length <= 4:
        return 100.0
    return 88.0 if length == 5 else 82.0


def _most_slips(length: int) -> int:
    """How many letters of a name of `length` may be wrong."""
    return (length >= _SHORTEST_SLIP) + (length >= _SHORTEST_TWO_SLIPS)


def clear_match(matches: Sequence[VillageMatch]) -> VillageMatch | None:
    """The likeliest, where it leads the next clearly; `matches` the likeliest first."""
    if not matches or (len(matches) > 1 and matches[0].score - matches[1].score < CLEAR):
        return None
    return matches[0]
