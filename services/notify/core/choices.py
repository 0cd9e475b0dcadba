"""Whether a citizen's message says that he wants no more messages, or wants them again. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


def plain(text: str) -> str:
    """Folded, in one line, without punctuation, with the marks that belong to Indic letters."""
    # a joiner between two letters is no gap
    seen = (c for c in text if unicodedata.category(c) != "Cf")
    folded = unicodedata.normalize("NFC", "".join(seen)).casefold()
    kept = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in folded)
    return " ".join("".join(kept).split())


@dataclass(frozen=True)
class Choices:
    stop: frozenset[str]
    start: frozenset[str]

    @staticmethod
    def of(stop: Iterable[str], start: Iterable[str]) -> Choices:
        return Choices(frozenset(map(plain, stop)), frozenset(map(plain, start)))

    def wants(self, text: str | None) -> bool | None:
        """False: no more messages. True: again. None: the text is about something else."""
        words = plain(text) if text is not None and len(text) <= 100 else ""
        if words in self.stop:
            return False
        return True if words in self.start else None
