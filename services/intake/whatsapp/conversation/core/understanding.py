"""What a citizen's words mean to a conversation: commands, answers, numbers, his language. Pure.

The words lie in `data/words.yaml`, in Hindi, Chhattisgarhi, romanised Hindi and English. A phrase is met
when the whole message is it, in any spelling that folds to the same: a complaint that merely holds the word
"cancel" cancels nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz import fuzz

from services.intake.whatsapp.conversation.core.model import Option, Tongue
from services.kernel.domain.spelling import fold, romanised, words

MOST_WORDS = 7
"""Words of the longest phrase: what is longer is a story."""
MOST_CORRECTING = 5
"""Words of a message that says what is wrong on the card; what is longer may be part of the story."""
SHORTEST_SENTENCE = 3
SHORTEST_MISSPELT = 6
ALIKE = 88.0
_KEYCAP = "\u20e3"
_SELECTORS = "\ufe0e\ufe0f"


def plain(text: str) -> str:
    """Folded words in one line; nothing for what has no letters or digits."""
    return _plain(text[:400])


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return " ".join(fold(word) for word in words(text))


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
class Words:
    """The word lists, folded. `commands` and `answers`: whole messages; `frames`: what people put before and
    after a name; `greetings` and `openers`: words of which a greeting is made, the former of nothing else;
    `corrections`: words that tell that something is wrong, and what; the rest are single words that tell a
    language, a kind, or abuse."""

    commands: Mapping[str, str]
    meanings: Mapping[str, frozenset[str]]
    numbers: Mapping[str, int]
    frames: Mapping[str, tuple[str, ...]]
    corrections: Mapping[str, frozenset[str]]
    greetings: frozenset[str]
    openers: frozenset[str]
    empty: frozenset[str]
    beside_numbers: frozenset[str]
    english: frozenset[str]
    chhattisgarhi: frozenset[str]
    chhattisgarhi_or_not: frozenset[str]
    abuse: frozenset[str]
    verbs: frozenset[str]
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
        meanings: dict[str, set[str]] = {}
        for id_, said in data["answers"].items():
            for phrase in _folded(said):
                meanings.setdefault(phrase, set()).add(id_)
        single = {name: frozenset(_folded(said)) for name, said in data["words"].items()}
        return Words(
            commands=commands,
            meanings={phrase: frozenset(ids) for phrase, ids in meanings.items()},
            numbers={
                phrase: int(number)
                for number, said in data["numbers"].items()
                for phrase in _folded(said)
            },
            frames={
                where: tuple(sorted(_folded(said), key=len, reverse=True))
                for where, said in data["frames"].items()
            },
            corrections={id_: frozenset(_folded(said)) for id_, said in data["corrections"].items()},
            greetings=single["greetings"],
            openers=single["openers"] | single["greetings"],
            empty=single["empty"],
            beside_numbers=single["beside_numbers"],
            english=single["english"],
            chhattisgarhi=single["chhattisgarhi"],
            chhattisgarhi_or_not=single["chhattisgarhi_or_not"],
            abuse=single["abuse"],
            verbs=single["verbs"],
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

    def answers(self, text: str) -> frozenset[str]:
        """yes, no, skip …: all that a short message may answer."""
        return self.meanings.get(plain(text), frozenset())

    def verdict(self, text: str) -> str | None:
        """yes or no, where the message says that, or 1 or 2 for it."""
        meant = self.answers(text) & {"yes", "no"}
        if len(meant) == 1:
            return next(iter(meant))
        return {1: "yes", 2: "no"}.get(self.number(text) or 0)

    def is_nod(self, text: str) -> bool:
        """Whether it says no more than that he has read it: yes, no, or a sign of the hand."""
        return bool(self.answers(text) & {"yes", "no"}) or is_sign(text)

    def number(self, text: str) -> int | None:
        """The number that a message is, in digits or as a word, also as `number 2`."""
        number = number_of(text)
        if number is not None:
            return number
        said = plain(text)
        if said in self.numbers:
            return self.numbers[said]
        bare = [word for word in said.split() if word not in self.beside_numbers]
        return (number_of(bare[0]) or self.numbers.get(bare[0])) if len(bare) == 1 else None

    def option(
        self, text: str, offered: Sequence[Option], *, numbered: bool = True
    ) -> Option | None:
        """Which of what was offered the message means: by number, by its own words, by yes and no."""
        number = self.number(text)
        if number is not None and not numbered:
            return None
        if number is not None:
            return offered[number - 1] if 0 < number <= len(offered) else None
        said = plain(text)
        if not said:
            return None
        for option in offered:
            if said in (plain(option.title), plain(option.description)):
                return option
        meant = self.answers(text)
        for option in offered:
            if meant & {option.id.rpartition(".")[2], *option.means}:
                return option
        if len(said) < SHORTEST_MISSPELT:
            return None
        likely = [o for o in offered if fuzz.ratio(said, plain(o.title)) >= ALIKE]
        return likely[0] if len(likely) == 1 else None

    def is_greeting(self, text: str) -> bool:
        """Whether there is nothing in it but what one begins with."""
        said = plain(text).split()
        return bool(said) and all(word in self.openers or word in self.empty for word in said)

    def only_greets(self, text: str) -> bool:
        """Whether it is a greeting and cannot be a name, as `राम` and `जय` are."""
        said = plain(text).split()
        repeated = len(said) > 1 and len(set(said)) == 1
        certain = repeated or len(said) > 2 or any(word in self.greetings for word in said)
        return certain and self.is_greeting(text)

    def name_in(self, text: str) -> str:
        """`text` without what people say around a name: `मेरा नाम … है`."""
        words_ = text.split()
        for where in ("before", "after"):
            for phrase in self.frames[where]:
                count = phrase.count(" ") + 1
                part = words_[:count] if where == "before" else words_[-count:]
                if count < len(words_) and plain(" ".join(part)) == phrase:
                    words_ = words_[count:] if where == "before" else words_[:-count]
                    break
        return " ".join(words_)

    def correction(self, text: str) -> str | None:
        """What a short message says is wrong: a field of the card, or "" for what it does not name."""
        said = plain(text).split()
        if not 0 < len(said) <= MOST_CORRECTING:
            return None
        wrong = self.corrections["wrong"]
        if not any(word in wrong for word in said):
            return None
        for field_, named in self.corrections.items():
            if field_ != "wrong" and any(word in named for word in said):
                return field_
        return "" if all(word in wrong or word in self.empty for word in said) else None

    def is_abuse(self, text: str) -> bool:
        """Short, and with a word that is meant to hurt: a story may quote one."""
        said = plain(text).split()
        return 0 < len(said) <= MOST_WORDS and any(word in self.abuse for word in said)

    def is_sentence(self, text: str) -> bool:
        """Whether it says something of something, as no name of a person or a place does."""
        said = plain(self.name_in(text)).split()
        return len(said) >= SHORTEST_SENTENCE and any(word in self.verbs for word in said)

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
        certain = self.chhattisgarhi.intersection(said)
        likely = certain | self.chhattisgarhi_or_not.intersection(said)
        if len(likely) >= 2 and (deva or certain):
            return "hne"
        telling = [word for word in said if word not in self.openers and not word.isdigit()]
        if deva:
            return "hi" if telling else None
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


def is_sign(text: str) -> bool:
    """Whether it is made of emoji alone."""
    kept = [char for char in text if not char.isspace() and char not in _SELECTORS + "\u200d"]
    return bool(kept) and all(unicodedata.category(char) in ("So", "Sk") for char in kept)


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
