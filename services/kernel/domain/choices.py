"""Whether a citizen's message says that he wants no more messages, or wants them again. Pure.

The words lie in `data/choices.json`; an installation may have its own (`adapters/choices.py`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from services.kernel.domain.data_file import data_file

LONGEST = 100
"""Characters. Whoever writes more says more than that."""


def plain(text: str) -> str:
    """Folded, in one line, without punctuation, with the marks that belong to Indic letters."""
    # a joiner between two letters is no gap
    seen = (c for c in text if unicodedata.category(c) != "Cf")
    folded = unicodedata.normalize("NFC", "".join(seen)).casefold()
    kept = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in folded)
    return " ".join("".join(kept).split())


@dataclass(frozen=True)
class Choices:
    """Of messages that say nothing else: the words of each list, as `plain` leaves them."""

    stop: frozenset[str]
    start: frozenset[str]

    @staticmethod
    def of(stop: Iterable[str], start: Iterable[str]) -> Choices:
        return Choices(frozenset(map(plain, stop)), frozenset(map(plain, start)))

    def wants(self, text: str | None) -> bool | None:
        """False: no more messages. True: again, if he has stopped them; people begin a conversation with
        the same words. None: the text is about something else."""
        words = plain(text) if text is not None and len(text) <= LONGEST else ""
        if words in self.stop:
            return False
        return True if words in self.start else None


@cache
def choices() -> Choices:
    """The built-in words."""
    data: dict[str, list[str]] = data_file("choices")
    return Choices.of(data["stop"], data["start"])
