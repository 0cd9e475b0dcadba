"""What a citizen's words mean to a conversation: commands, answers, numbers, his language. Pure.

The words lie in `data/words.yaml`, in Hindi, Chhattisgarhi, romanised Hindi and English. A phrase is met
when the whole message is it, in any spelling that folds to the same: a complaint that merely holds the word
"cancel" cancels nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from services.intake.whatsapp.conversation.core.model import Option, Tongue
from services.kernel.domain.spelling import fold, romanised, words

MOST_WORDS = 6
"""Words of the longest phrase: what is longer is a story."""
SHORTEST_MISSPELT = 6
ALIKE = 88.0
_KEYCAP = "\u20e3"
_SELECTORS = "\ufe0e\ufe0f"


def plain(text: str) -> str:
    """Folded words in one line; nothing for what has no letters or digits."""
    return " ".join(fold(word) for word in words(text[:400]))


def number_of(text: str) -> int | None:
    """The number that a message is, in digits of any script, as `2`, `२`, `2.` or a keycap."""
    bare = text.strip().strip(".)( -:" + _SELECTORS + _KEYCAP)
    bare = bare.translate({ord(c): None for c in _SELECTORS + _KEYCAP})
    if not 0 < len(bare) <= 2:
        return None
    digits = [unicodedata.decimal(char, None) for char in bare]
    if any(digit is None for digit in digits):
        return None
    return int("".join(str(digit) for digit in digits))


@dataclass(frozen=True)
class Phrases:
    """What one meaning is said by."""

    id: str
    said: frozenset[str]


@dataclass(frozen=True)
class Words:
    """The word lists, folded. `commands` and `answers`: whole messages; `openers`: words that a greeting may
    be made of; the rest are single words that tell a language, a kind, or abuse."""

    commands: Mapping[str, str]
    answers: Mapping[str, frozenset[str]]
    numbers: Mapping[str, int]
    openers: frozenset[str]
    empty: frozenset[str]
    english: frozenset[str]
    chhattisgarhi: frozenset[str]
    abuse: frozenset[str]
    kinds: Mapping[str, tuple[str, ...]]
    _long: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @staticmethod
    def of(data: Mapping[str, Mapping[str, Sequence[str]]]) -> Words:
        """From the file's lists. Raises ValueError where one phrase has two meanings."""
        commands: dict[str, str] = {}
        for id_, said in data["commands"].items():
            for phrase in _folded(said):
                if commands.setdefault(phrase, id_) != id_:
                    raise ValueError(f"`{phrase}` means {id_} and {commands[phrase]}")
        single = {name: frozenset(_folded(said)) for name, said in data["words"].items()}
        return Words(
            commands=commands,
            answers={id_: frozenset(_folded(said)) for id_, said in data["answers"].items()},
            numbers={
                phrase: int(number)
                for number, said in data["numbers"].items()
                for phrase in _folded(said)
            },
            openers=single["openers"],
            empty=single["empty"],
            english=single["english"],
            chhattisgarhi=single["chhattisgarhi"],
            abuse=single["abuse"],
            kinds={kind: tuple(sorted(_folded(said))) for kind, said in data["kinds"].items()},
            _long=tuple((p, i) for p, i in commands.items() if len(p) >= SHORTEST_MISSPELT),
        )

    def command(self, text: str) -> str | None:
        """The command that the message is, also with a typing error in a long one."""
        said = plain(text)
        if not said or said.count(" ") >= MOST_WORDS:
            return None
        found = self.commands.get(said)
        if found is not None or len(said) < SHORTEST_MISSPELT:
            return found
        score, found = max(
            ((fuzz.ratio(said, phrase), id_) for phrase, id_ in self._long), default=(0.0, None)
        )
        return found if score >= ALIKE else None

    def answer(self, text: str) -> str | None:
        """yes, no, skip …: what a short message answers."""
        said = plain(text)
        return next((id_ for id_, phrases in self.answers.items() if said in phrases), None)

    def number(self, text: str) -> int | None:
        """The number that a message is, in digits or as a word."""
        number = number_of(text)
        return number if number is not None else self.numbers.get(plain(text))

    def option(self, text: str, offered: Sequence[Option]) -> Option | None:
        """Which of what was offered the message means: by number, by its own words, by yes and no."""
        number = self.number(text)
        if number is not None:
            return offered[number - 1] if 0 < number <= len(offered) else None
        said = plain(text)
        if not said:
            return None
        for option in offered:
            if said == plain(option.title):
                return option
        meant = self.answer(text)
        if meant is not None:
            for option in offered:
                if option.id.rpartition(".")[2] == meant:
                    return option
        if len(said) < SHORTEST_MISSPELT:
            return None
        likely = [o for o in offered if fuzz.ratio(said, plain(o.title)) >= ALIKE]
        return likely[0] if len(likely) == 1 else None

    def is_greeting(self, text: str) -> bool:
        """Whether there is nothing in it but what one begins with."""
        said = plain(text).split()
        return bool(said) and all(word in self.openers or word in self.empty for word in said)

    def is_abuse(self, text: str) -> bool:
        """Short, and with a word that is meant to hurt: a story may quote one."""
        said = plain(text).split()
        return 0 < len(said) <= MOST_WORDS and any(word in self.abuse for word in said)

    def kind_of(self, text: str) -> str:
        """What a story is by its own words; a complaint unless it says otherwise."""
        said = f" {plain(text)} "
        for kind, phrases in self.kinds.items():
            if any(f" {phrase} " in said for phrase in phrases):
                return kind
        return "complaint"

    def tongue_of(self, text: str) -> Tongue | None:
        """The language of a message; None where it has no word that tells."""
        said = plain(text).split()
        deva = any("\u0900" <= char <= "\u097f" for word in said for char in word)
        if sum(word in self.chhattisgarhi for word in said) >= 2:
            return "hne"
        if deva:
            return "hi"
        telling = [word for word in said if word not in self.openers and not word.isdigit()]
        english = sum(word in self.english for word in telling)
        if english and 2 * english >= len(telling):
            return "en"
        return "hi" if len(telling) >= 2 else None


def says_something(text: str) -> bool:
    """Whether there is a word in it, beyond digits and signs."""
    return sum(char.isalpha() for char in text) >= 2


def looks_like_ticket(text: str) -> bool:
    """Whether it is a ticket number with a wrong digit, or one too many or few, and nothing else."""
    bare = [char for char in text if not char.isspace() and char not in "-–."]
    digits = sum(unicodedata.decimal(char, None) is not None for char in bare)
    letters = len(bare) - digits
    return 8 <= digits <= 12 and letters <= 4 and all(
        char.isascii() and char.isalpha() for char in bare[:letters]
    )


def _folded(said: Iterable[str]) -> list[str]:
    """Each phrase as it is compared; a Devanagari one also as it is typed in Latin letters."""
    found: list[str] = []
    for phrase in said:
        parts = words(phrase)
        if not parts:
            raise ValueError(f"`{phrase}` has no word")
        found.append(" ".join(fold(part) for part in parts))
        spelt = [list(romanised(part)) or [fold(part)] for part in parts]
        if len(parts) == 1:
            found.extend(spelt[0])
        else:
            found.append(" ".join(min(forms, key=len) for forms in spelt))
    return list(dict.fromkeys(found))
