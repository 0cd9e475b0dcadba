"""What a citizen's words mean to a conversation: commands, answers, numbers, his language. Pure.

The words lie in `data/words.yaml`, in Hindi, Chhattisgarhi, romanised Hindi and English. A phrase is met
when the whole message is it, in any spelling that folds to the same, and a recipe (`made_of`) when a short
message is made of nothing but its words: a complaint that merely holds the word "cancel" cancels nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from services.intake.whatsapp.conversation.core.model import Option, Tongue
from services.intake.whatsapp.conversation.core.numbers import SELECTORS, number_of
from services.intake.whatsapp.conversation.core.phrases import alike, folded, is_question
from services.kernel.domain.spelling import fold, words

MOST_WORDS = 8
"""Words of the longest phrase: what is longer is a story."""
MOST_CORRECTING = 5
"""Words of a message that says what is wrong on the card; what is longer may be part of the story."""
MOST_NAME = 4
"""Words of a name that somebody tells among other things."""
SHORTEST_SENTENCE = 3
SHORTEST_MISSPELT = 6
ALIKE = 88.0
_VERDICTS = {"yes": {"yes", "right", "done", "superb"}, "no": {"no", "undone", "poor", "awful"}}
_WIPED = ("story", "media")
"""What is lost when it is told again: that it is wrong must be said."""


def plain(text: str) -> str:
    """Folded words in one line; nothing for what has no letters or digits."""
    return _plain(text[:400])


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return " ".join(fold(word) for word in words(text))


@dataclass(frozen=True)
class Words:
    """The word lists, folded. `commands` and `meanings`: whole messages; `recipes`: of which words others are
    made that mean the same, one of each list at least and beside them only `little`; `frames`: what people
    put before and after a name; `greetings` and `openers`: words of which a greeting is made, the former of
    nothing else; `corrections`: words that tell that something is wrong, and what; `no_names`: words that no
    name of a person has, but before `surnames`; `asking`: of which a question is made that tells nothing;
    `praise`: of thanks; the rest are single words that tell a language, a kind, or abuse."""

    commands: Mapping[str, str]
    meanings: Mapping[str, frozenset[str]]
    recipes: Sequence[tuple[str, Sequence[frozenset[str]]]]
    numbers: Mapping[str, int]
    frames: Mapping[str, tuple[str, ...]]
    corrections: Mapping[str, frozenset[str]]
    greetings: frozenset[str]
    openers: frozenset[str]
    empty: frozenset[str]
    little: frozenset[str]
    no_names: frozenset[str]
    beside_places: frozenset[str]
    elsewhere: frozenset[str]
    amiss: frozenset[str]
    beside_numbers: frozenset[str]
    asking: frozenset[str]
    praise: frozenset[str]
    surnames: frozenset[str]
    english: frozenset[str]
    chhattisgarhi: frozenset[str]
    chhattisgarhi_or_not: frozenset[str]
    abuse: frozenset[str]
    verbs: frozenset[str]
    kinds: Mapping[str, tuple[str, ...]]
    _long: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    _command_ids: frozenset[str] = field(default=frozenset(), repr=False)
    _answer_ids: frozenset[str] = field(default=frozenset(), repr=False)

    @staticmethod
    def of(data: Mapping[str, Mapping[str, Any]]) -> Words:
        """From the file's lists. Raises ValueError where one phrase has two meanings, or a recipe none."""
        commands: dict[str, str] = {}
        for id_, said in data["commands"].items():
            for phrase in folded(said):
                if commands.setdefault(phrase, id_) != id_:
                    raise ValueError(f"`{phrase}` means {id_} and {commands[phrase]}")
        meanings: dict[str, set[str]] = {}
        for id_, said in data["answers"].items():
            for phrase in folded(said):
                meanings.setdefault(phrase, set()).add(id_)
        recipes = [
            (id_, [frozenset(folded(some.split())) for some in recipe])
            for id_, made in data["made_of"].items()
            for recipe in made
        ]
        unknown = {id_ for id_, _ in recipes} - data["commands"].keys() - data["answers"].keys()
        if unknown:
            raise ValueError(f"`{min(unknown)}` is no command and no answer")
        single = {name: frozenset(folded(said)) for name, said in data["words"].items()}
        return Words(
            commands=commands,
            meanings={phrase: frozenset(ids) for phrase, ids in meanings.items()},
            recipes=recipes,
            numbers={
                phrase: int(number)
                for number, said in data["numbers"].items()
                for phrase in folded(said)
            },
            frames={
                where: tuple(sorted(folded(said), key=len, reverse=True))
                for where, said in data["frames"].items()
            },
            corrections={id_: frozenset(folded(said)) for id_, said in data["corrections"].items()},
            greetings=single["greetings"],
            openers=single["openers"] | single["greetings"],
            empty=single["empty"],
            little=single["little"],
            no_names=single["no_names"],
            beside_places=single["beside_places"],
            elsewhere=single["elsewhere"],
            amiss=single["amiss"],
            beside_numbers=single["beside_numbers"],
            asking=single["asking"],
            praise=single["praise"],
            surnames=single["surnames"],
            english=single["english"],
            chhattisgarhi=single["chhattisgarhi"],
            chhattisgarhi_or_not=single["chhattisgarhi_or_not"],
            abuse=single["abuse"],
            verbs=single["verbs"],
            kinds={kind: tuple(sorted(folded(said))) for kind, said in data["kinds"].items()},
            _long=tuple((p, i) for p, i in commands.items() if len(p) >= SHORTEST_MISSPELT),
            _command_ids=frozenset(data["commands"]),
            _answer_ids=frozenset(data["answers"]),
        )

    def command(self, text: str) -> str | None:
        """The command that the message is, also with a typing error in a long one."""
        said = plain(text)
        if not said or said.count(" ") >= MOST_WORDS:
            return None
        found = self.commands.get(said) or next(iter(self._made(said, self._command_ids)), None)
        if found is not None or said in self.meanings or len(said) < SHORTEST_MISSPELT:
            return found
        likely = ((alike(said, phrase), id_) for phrase, id_ in self._long)
        score, found = max(likely, default=(0.0, None))
        return found if score >= ALIKE else None

    def answers(self, text: str) -> frozenset[str]:
        """yes, no, skip …: all that a short message may answer. Whoever asks "done?" answers nothing."""
        return frozenset() if is_question(text) else self._answers(text)

    def _answers(self, text: str) -> frozenset[str]:
        said = plain(text)
        once = set(said.split())
        found = self.meanings.get(once.pop() if len(once) == 1 else said)
        return frozenset(self._made(said, self._answer_ids)) if found is None else found

    def _made(self, said: str, ids: frozenset[str]) -> list[str]:
        """Which of `ids` a message means by the words of which it is made."""
        parts = said.split()
        if not 0 < len(parts) <= MOST_WORDS:
            return []
        return [
            id_
            for id_, lists in self.recipes
            if id_ in ids
            and all(any(part in some for part in parts) for some in lists)
            and all(part in self.little or any(part in some for some in lists) for part in parts)
        ]

    def only_answers(self, text: str) -> bool:
        """Whether it answers a question and tells nothing: that nothing was done is told."""
        said = self.answers(text)
        return "undone" not in said and bool(said - {"done"})

    def only_asks(self, text: str) -> bool:
        """Whether it is a question that tells nothing: `क्यों`, `ye kya hai`, `सही है?`."""
        parts = plain(text).split()
        if not 0 < len(parts) <= MOST_WORDS:
            return False
        if is_question(text) and self._answers(text):
            return True
        return not self.asking.isdisjoint(parts) and all(
            part in self.asking or part in self.little for part in parts
        )

    def tells(self, text: str) -> bool:
        """Whether there are words in it that tell something: "yes", "wrong" and "why?" tell nothing."""
        return says_something(text) and not self.only_answers(text) and not self.only_asks(text)

    def verdict(self, text: str) -> str | None:
        """yes or no, where the message says that, or that it is done or not, or 1 or 2 for it."""
        if is_question(text):
            return None
        said = self.answers(text)
        meant = {verdict for verdict, ids in _VERDICTS.items() if said & ids}
        if len(meant) == 1:
            return meant.pop()
        return {1: "yes", 2: "no"}.get(self.number(text) or 0)

    def is_nod(self, text: str) -> bool:
        """Whether it says no more than that he has read it: yes, no, nothing more, or a sign of the hand."""
        said = self.answers(text)
        nods = said & {"yes", "right", "no", "file", "nothing"}
        return bool(nods and "undone" not in said) or is_sign(text)

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
        """Which of what was offered the message means: by its own words, by yes and no, by number."""
        said, number = plain(text), self.number(text)
        if not said or (number is not None and not numbered) or is_question(text):
            return None
        for option in offered:
            if said in (plain(option.title), plain(option.description)):
                return option
        meant = self.answers(text)
        for option in offered:
            if meant & {option.id.rpartition(".")[2], *option.means}:
                return option
        if number is not None:
            return offered[number - 1] if 0 < number <= len(offered) else None
        if len(said) < SHORTEST_MISSPELT:
            return None
        likely = [o for o in offered if alike(said, plain(o.title)) >= ALIKE]
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
        """`text` without what people say around a name: `मेरा नाम … है`, `dadi ka naam …`."""
        words_ = text.split()
        for where in ("before", "after"):
            for phrase in self.frames[where]:
                count = phrase.count(" ") + 1
                part = words_[:count] if where == "before" else words_[-count:]
                if count < len(words_) and plain(" ".join(part)) == phrase:
                    words_ = words_[count:] if where == "before" else words_[:-count]
                    break
        said = [plain(word) for word in words_[:MOST_NAME]]
        named = next((at for at, word in enumerate(said, start=1) if word in self.frames["naming"]), 0)
        return " ".join(words_[named:] or words_)

    def name_told(self, text: str) -> str:
        """The name that somebody gives among other things: `… मेरा नाम X है …`; "" for none."""
        words_ = text.split()
        said = [plain(word) for word in words_]
        for phrase in self.frames["telling"]:
            count = phrase.count(" ") + 1
            for at in range(count, len(said)):
                if " ".join(said[at - count : at]) == phrase:
                    return self._name_from(words_[at:], said[at:])
        return ""

    def _name_from(self, words_: Sequence[str], said: Sequence[str]) -> str:
        ends = self.frames["ends"]
        first = 1 if said[0] in ends else 0
        end = next((at for at, word in enumerate(said) if at >= first and word in ends), len(said))
        named = said[first:end]
        if not 0 < len(named) <= MOST_NAME or not self.beside_places.isdisjoint(named):
            return ""
        if self.is_no_name(" ".join(words_[first:end])):
            return ""
        return " ".join(word.strip(",.।") for word in words_[first:end])

    def is_no_name(self, text: str) -> bool:
        """Whether it has a word that no name has: `नाम क्यों चाहिए`; which may be one before a surname:
        `बिजली बाई`."""
        said = plain(text).split()
        if len(said) == 2 and said[1] in self.surnames:
            return said[0] in self.asking
        return not self.no_names.isdisjoint(said)

    def has_surname(self, text: str) -> bool:
        return not self.surnames.isdisjoint(plain(text).split())

    def beside_place(self, text: str) -> list[str]:
        """The words of `text` that may be a place's name, or tell where in it: `गाँव` and `में` do not."""
        return [word for word in text.split() if plain(word) not in self.beside_places]

    def is_elsewhere(self, text: str) -> bool:
        """Whether it names another district and nothing else."""
        told = self.beside_place(text)
        return bool(told) and all(plain(word) in self.elsewhere for word in told)

    def is_amiss(self, text: str) -> bool:
        """Whether it tells that something is not, or no more, as it should be."""
        return not self.amiss.isdisjoint(plain(text).split())

    def is_praise(self, text: str) -> bool:
        """Whether there is thanks or praise in it."""
        return not self.praise.isdisjoint(plain(text).split())

    def field_named(self, text: str) -> str | None:
        """Which field of the card a short message names."""
        said = plain(text).split()
        if not 0 < len(said) <= MOST_CORRECTING:
            return None
        fields = (id_ for id_, named in self.corrections.items() if not named.isdisjoint(said))
        return next((id_ for id_ in fields if id_ != "wrong"), None)

    def correction(self, text: str) -> str | None:
        """What a short message says is wrong: a field of the card, or "" for what it does not name."""
        said = plain(text).split()
        wrong = self.corrections["wrong"]
        named = self.field_named(text)
        if len(said) > MOST_CORRECTING or (wrong.isdisjoint(said) and named is None):
            return None
        if named is not None and not wrong.isdisjoint(said):
            return named
        if named in _WIPED:
            return None
        only = wrong if named is None else self.corrections[named]
        return named or "" if all(word in only or word in self.empty for word in said) else None

    def is_abuse(self, text: str) -> bool:
        """Short, and with a word that is meant to hurt: a story may quote one."""
        said = plain(text).split()
        return 0 < len(said) <= MOST_WORDS and any(word in self.abuse for word in said)

    def is_sentence(self, text: str) -> bool:
        """Whether it says something of something, as no name of a person or a place does."""
        whole = plain(text).split()
        if len(whole) >= SHORTEST_SENTENCE and whole[-1] in self.verbs and self.is_amiss(text):
            return True
        said = plain(self.name_in(text)).split()
        # a verb comes last: `Gaya Prasad` is a name
        return len(said) >= SHORTEST_SENTENCE and any(word in self.verbs for word in said[1:])

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
        hindi = any(word in self.verbs and word not in self.english for word in said[1:])
        if english and not hindi and 2 * english >= len(telling):
            return "en"
        return "hi" if len(telling) >= 2 else None


def says_something(text: str) -> bool:
    """Whether there is a word in it, beyond digits and signs."""
    return sum(char.isalpha() for char in text) >= 2


def is_sign(text: str) -> bool:
    """Whether it is made of emoji alone."""
    kept = [char for char in text if not char.isspace() and char not in SELECTORS + "\u200d"]
    return bool(kept) and all(unicodedata.category(char) in ("So", "Sk") for char in kept)
