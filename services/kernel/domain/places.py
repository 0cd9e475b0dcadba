"""Which block and village a citizen's words name, in either script and however spelt.

Asked for a place, people write little else: `match_block` and `match_village` compare names and aliases with
every run of up to three words, after folding and as they are typed, by edit distance; the shorter a name, the
more exactly it must be said. In free text a village is one word among many, and half of the words of every
day are somewhere a village: `mentioned_village` looks for it there.
"""

from __future__ import annotations

from services.kernel.domain.directory import Block, District
from services.kernel.domain.gazetteer import (
    CLEAR,
    Gazetteer,
    VillageMatch,
    clear_match,
    named_words,
    scores_of,
    spelt,
)
from services.kernel.domain.mentions import mentioned_village
from services.kernel.domain.spelling import fold, romanised, words

__all__ = [
    "MOST_VILLAGES", "VillageMatch", "clear_match", "match_block", "match_village", "mentioned_village",
]  # fmt: skip

MOST_VILLAGES = 5

_MOST_WORDS = 12  # of a text that names a place
_LONGEST_RUN = 3


def match_block(district: District, text: str) -> Block | None:
    """The one block that `text` names; None if it names none, or two about equally well."""
    for block in district.blocks:
        if block.id == text.strip().lower():
            return block
    forms, owners = spelt((block.name, block.aliases) for block in district.blocks)
    scores = scores_of(_runs(text), forms, owners)
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    if not ranked or (len(ranked) > 1 and ranked[0][1] - ranked[1][1] < CLEAR):
        return None
    return district.blocks[ranked[0][0]]


def match_village(
    district: District, text: str, block: str | None = None
) -> tuple[VillageMatch, ...]:
    """Up to five villages that `text` may name, the likeliest first; only of `block` if it is given.

    Villages of one name in several blocks all come, with the same score: somebody has to ask.
    """
    gazetteer = Gazetteer.of(district)
    scores = scores_of(_runs(text), gazetteer.forms, gazetteer.owners)
    found = [VillageMatch(*gazetteer.places[number], score) for number, score in scores.items()]
    found = [match for match in found if block is None or match.block.id == block]
    found.sort(key=lambda match: (-match.score, match.block.id, match.village.id))
    return tuple(found[:MOST_VILLAGES])


def _runs(text: str) -> set[str]:
    """Runs of one to three words, joined: as typed, folded, and in Latin letters."""
    said = named_words(" ".join(words(text)[:_MOST_WORDS]))
    runs: set[str] = set()
    for start in range(len(said)):
        for end in range(start + 1, min(start + _LONGEST_RUN, len(said)) + 1):
            part = said[start:end]
            runs.add("".join(part))
            runs.add("".join(fold(word) for word in part))
            runs.add("".join(romanised(word)[-1] for word in part))
    return {run for run in runs if len(run) > 1}
