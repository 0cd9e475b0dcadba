"""A village that is named in free text, among whatever else is told. Pure.

Nobody is asked again what he has told, and nobody is taken for one of another village: what is found here
must be nearly certain. A name counts if it stands there as it is written (in either script, whatever the
spelling), or nearly so beside a word that says that a village is named (`ग्राम`, `gaon`). Names that are
words of every day, first names, or the names of blocks, count only beside such a word; and none counts as
part of the name of a person, of another unit (district, block, police station, post office), of a road, or
of what lies next to the place. The words are in `data/place_words.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.kernel.domain.data_file import data_file
from services.kernel.domain.directory import District
from services.kernel.domain.gazetteer import (
    CLEAR,
    LONG_NAME,
    Gazetteer,
    VillageMatch,
    consonants,
    kin,
    scores_of,
)
from services.kernel.domain.spelling import common_words, fold, romanised, words

_MOST_WORDS = 800  # of a text
_LONGEST_RUN = 3
_SHORTEST_JOINED = 7  # letters of a name that is written in several words
_SHORTEST_ALONE = 5  # letters of a name that counts by itself
_SHORTEST_SAID = 4  # letters of one that counts as a place: "… में"
_SHORTEST_ALIKE = LONG_NAME  # letters of one that may be misspelt
_MOST_MISSPELT = 6  # words of a text that are compared with every name
_LEAST_ALIKE = 0.85
_LONGEST_LINK = 3
_SENTENCE = re.compile(r"[।॥!?;\n]+")


@dataclass(frozen=True)
class _Mention:
    """Villages of one name in the text. `sure`: a word beside it says that it is a village."""

    villages: frozenset[int]
    sure: bool
    score: float = 1.0


def mentioned_village(district: District, text: str) -> VillageMatch | None:
    """The one village that `text` names, with near certainty; `score` 1 where the name is as written.

    Of several of one name in different blocks the one whose block is named too; none where several
    villages are named, or the block is another's.
    """
    gazetteer = Gazetteer.of(district)
    sentences: list[_Sentence] = []
    left = _MOST_WORDS
    for part in _SENTENCE.split(text):
        sentences.append(_Sentence(gazetteer, words(part)[: max(0, left)]))
        left -= len(sentences[-1].raw)
    mentions = [one for sentence in sentences for one in sentence.mentions()]
    if not any(one.sure for one in mentions):
        beside = [(sentence, at) for sentence in sentences for at in sentence.beside()]
        for sentence, at in beside[:_MOST_MISSPELT]:
            mentions += sentence.misspelt(at)
    mentions = [one for one in mentions if one.sure] or mentions
    if not mentions:
        return None
    blocks_said = {block for sentence in sentences for block in sentence.blocks(said_so=True)}
    blocks_named = {block for sentence in sentences for block in sentence.blocks(said_so=False)}
    villages = frozenset.intersection(*(one.villages for one in mentions))
    matches = [gazetteer.places[number] for number in villages]
    if blocks_said:
        matches = [(block, village) for block, village in matches if block.id in blocks_said]
    if len(matches) > 1:
        matches = [(block, village) for block, village in matches if block.id in blocks_named]
    if len(matches) != 1:
        return None
    return VillageMatch(*matches[0], max(one.score for one in mentions))


class _Sentence:
    """Words in their order: `raw` as they are typed, `said` folded."""

    def __init__(self, gazetteer: Gazetteer, raw: Sequence[str]) -> None:
        self._gazetteer = gazetteer
        self._words = _words()
        self.raw = raw
        self.said = [fold(word) for word in raw]

    def blocks(self, *, said_so: bool) -> Iterator[str]:
        """Ids of blocks that are named; `said_so`: by a word beside them."""
        for at, word in enumerate(self.said):
            if not said_so or self._is(at - 1, "block") or self._is(at + 1, "block"):
                yield from self._gazetteer.blocks.get(word, ())

    # ---------------------------------------------------------------- names as they are written

    def mentions(self) -> Iterator[_Mention]:
        at = 0
        while at < len(self.said):
            length = self._district_at(at)
            if length:
                at += length
                continue
            for length in range(min(_LONGEST_RUN, len(self.said) - at), 0, -1):
                villages = self._called(at, length)
                if villages:
                    mention = self._mention(villages, at, at + length)
                    if mention is not None:
                        yield mention
                    at += length - 1
                    break
            at += 1

    def _called(self, at: int, length: int) -> frozenset[int]:
        """The villages that are called as the words from `at` on."""
        known = self._gazetteer.villages
        if length > 1:
            joined = "".join(self.said[at : at + length])
            parts = self.said[at : at + length]
            if len(joined) < _SHORTEST_JOINED or any(self._says_little(part) for part in parts):
                return frozenset()
            return known.get("".join(self.raw[at : at + length])) or known.get(joined) or frozenset()
        raw, folded = self.raw[at], self.said[at]
        found = known.get(folded) or known.get(raw)
        if not found and consonants(folded) in self._gazetteer.sounds:
            found = next((known[form] for form in romanised(raw) if form in known), None)
        return found or frozenset()

    def _says_little(self, word: str) -> bool:
        return word in common_words("stop") or word in self._words["before"]

    def _district_at(self, at: int) -> int:
        """How many words from `at` on are the name of the district, if that is more than one."""
        name = self._gazetteer.district
        if len(name) < 2 or len(self.said) - at < len(name):
            return 0
        return len(name) if all(self.said[at + n] in name[n] for n in range(len(name))) else 0

    def _mention(self, villages: frozenset[int], start: int, end: int) -> _Mention | None:
        """None where it does not count."""
        word = self.said[start] if end - start == 1 else ""
        unit = word in self._gazetteer.units
        common = word in self._gazetteer.own or word in self._words["common"]
        before = self._village_before(start, by_name=common)
        after = self._village_after(end, by_itself=common, town=unit)
        if self._is_another(start, end, before=before):
            return None
        if before or after:
            return _Mention(villages, sure=True)
        if common or not self._counts_alone(start, end):
            return None
        return _Mention(villages, sure=False)

    def _counts_alone(self, start: int, end: int) -> bool:
        letters = len(max(romanised("".join(self.raw[start:end])), key=len))
        if letters >= _SHORTEST_ALONE:
            return True
        return letters >= _SHORTEST_SAID and self._is(end, "in")

    # ---------------------------------------------------------------- what stands beside a name

    def _is(self, at: int, which: str) -> bool:
        return 0 <= at < len(self.said) and self.said[at] in self._words[which]

    def _village_before(self, start: int, *, by_name: bool) -> bool:
        """`ग्राम X`, `gaon ka naam X`; `by_name`: between the two only what says that a name comes."""
        named = False
        for at in range(start - 1, max(start - 2 - _LONGEST_LINK, -1), -1):
            if self._is(at, "before"):
                direct = at == start - 1
                return (direct or named or not by_name) and not self._is_weight(at)
            named = named or self._is(at, "name")
            if not (self._is(at, "link") or self._is(at, "name")):
                return False
        return False

    def _village_after(self, end: int, *, by_itself: bool, town: bool) -> bool:
        """`X गांव`, `X का निवासी`; `town`: X नगर."""
        if self._is(end, "after") or (town and self._is(end, "town")):
            return True
        return not by_itself and self._is(end, "link") and self._is(end + 1, "after")

    def _is_weight(self, at: int) -> bool:
        """`500 ग्राम` is no village."""
        return at > 0 and (self.said[at - 1].isdigit() or self._is(at - 1, "weight"))

    def _is_another(self, start: int, end: int, *, before: bool) -> bool:
        """Whether it names a person, another unit, a road or what lies next to the place."""
        if self._is(start - 1, "unit_before") or self._is(start - 1, "block"):
            return True
        if self._is(start - 1, "before") and self._is(start - 2, "block"):
            return True  # जनपद पंचायत X
        near = self._is_near(end)
        if before:
            return near
        if self._is(start - 1, "name") or self._is(start - 1, "person_before"):
            return True
        if near or self._is(end, "person_after"):
            return True
        if self._is(end, "unit_after") or self._is(end, "block"):
            # X थाना, but not X थाना Y, where it is Y's
            return not self._is_name(end + 1) or self.said[start] in self._gazetteer.blocks
        return False

    def _is_near(self, end: int) -> bool:
        """`X के पास`, `X जाने वाली सड़क`, `X और Y के बीच`."""
        if self._is(end, "and") and self._is_name(end + 1):
            end += 2
        return self._is(end, "near") or (self._is(end, "in") and self._is(end + 1, "near"))

    def _is_name(self, at: int) -> bool:
        if at >= len(self.said):
            return False
        return self.said[at] in self._gazetteer.blocks or bool(self._called(at, 1))

    # ---------------------------------------------------------------- misspelt names

    def beside(self) -> Iterator[int]:
        """Where unknown words stand beside one that says that a village is named."""
        for at, word in enumerate(self.said):
            before = self._is(at - 1, "before") and not self._is_weight(at - 1)
            if len(word) < _SHORTEST_ALIKE - 1 or not (before or self._is(at + 1, "after")):
                continue
            common = word in self._words["common"] or word in self._gazetteer.own
            known = common or self._says_little(word) or bool(self._called(at, 1))
            if not known and not self._is_another(at, at + 1, before=before):
                yield at

    def misspelt(self, at: int) -> Iterator[_Mention]:
        """The village that the word there is likely to be, if one is by far the likeliest."""
        gazetteer = self._gazetteer
        said = {self.raw[at], self.said[at], *romanised(self.raw[at])}
        scores = scores_of(said, gazetteer.long_forms, gazetteer.long_owners)
        best = max(scores.values(), default=0.0)
        if best < _LEAST_ALIKE:
            return
        likely = frozenset(number for number, score in scores.items() if best - score < CLEAR)
        if len({gazetteer.places[number][1].name for number in likely}) == 1:
            yield _Mention(likely, sure=True, score=best)


@lru_cache(maxsize=1)
def _words() -> Mapping[str, frozenset[str]]:
    """The lists of the data file, folded."""
    lists = data_file("place_words")
    return {
        name: frozenset(form for text in texts for form in _forms(text))
        for name, texts in lists.items()
    }


def _forms(text: str) -> Iterator[str]:
    for word in words(text):
        yield from (fold(word),) if text.startswith("=") else kin(word)
