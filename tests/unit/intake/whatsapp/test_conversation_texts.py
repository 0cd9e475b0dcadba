"""The chatbot's texts: every one that is asked for is there and every one that is there is asked for, with
the values that it names; titles fit buttons and lists; what starts a command stops no messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
import yaml

from services.intake.following import RECEIVED
from services.intake.texts import read
from services.intake.whatsapp.conversation.adapters.wording import PACKAGE, load_voice, load_words
from services.intake.whatsapp.conversation.core import card, cases
from services.intake.whatsapp.conversation.core.model import Tongue
from services.kernel.domain import lifecycle
from services.kernel.domain.choices import choices
from services.kernel.domain.directory import KINDS, LANGUAGES
from services.kernel.domain.media import MediaKind
from services.kernel.domain.whatsapp_limits import MOST_BUTTON_TITLE, MOST_ROW_TITLE, utf16_units
from tests.conftest import sample

ROOT = Path(str(resources.files(PACKAGE)))
OWN = read(PACKAGE)
SHARED = read("services.intake", "data/saying.yaml")
TEXTS = {**SHARED, **OWN}
CHHATTISGARHI: Mapping[str, str] = yaml.safe_load((ROOT / "data/chhattisgarhi.yaml").read_text("utf-8"))
WORDS = yaml.safe_load((ROOT / "data/words.yaml").read_text("utf-8"))
SAYING = {"say": 0, "ask": 0, "text": 0, "_blocks": 0}
"""Methods that say a text, with the place of its key."""
ACTS = ("confirm", "reopen", "answer", "attach", "remind", "withdraw", "rate", "media")
STATES = (*lifecycle.STATES, RECEIVED)
FILLED: Mapping[str, Iterable[object]] = {
    r"kind\.\w+": KINDS,
    r"story\.ask\.\w+": KINDS,
    r"card\.\w+": get_args(MediaKind),
    r"case\.\w+": cases._ORDER,
    r"correct\.\w+": card._OPENS,
    r"state\.\w+": STATES,
    r"short\.\w+": STATES,
    r"rating\.\w+": cases.STARS,
    r"done\.\w+": ACTS,
}
"""What stands in the place of a name within a key."""
NO_VALUES = {"urgent", "fallback", "list_key", "means"}
IN_LISTS_ALONE = ("case.", "correct.", "service.", "place.unknown", "pick.", "rating.")
"""Titles that never stand on a button: they may be longer."""


@dataclass(frozen=True)
class Use:
    """A key in the code, as a pattern (of `kind.{kind}` it is `kind\\.\\w+`), with the values that go with
    it; None where they are not to be seen there."""

    where: str
    pattern: str
    values: frozenset[str] | None
    is_title: bool = False

    @property
    def keys(self) -> list[str]:
        """All that it stands for."""
        names = FILLED.get(self.pattern)
        if names is None:
            return [self.pattern.replace("\\", "")]
        return [self.pattern.replace("\\.", ".").replace(r"\w+", str(name)) for name in names]


def _pattern(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in node.values]
        return "".join(parts)
    return None


def _keys(node: ast.expr) -> Iterator[str]:
    """Of `a if b else c` both."""
    if isinstance(node, ast.IfExp):
        yield from _keys(node.body)
        yield from _keys(node.orelse)
    elif (found := _pattern(node)) is not None:
        yield found


def _uses() -> Iterator[Use]:
    for path in sorted((ROOT / "core").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            where = f"{path.name}:{node.lineno}"
            names = {k.arg for k in node.keywords}
            values = None if None in names else frozenset(n for n in names if n) - NO_VALUES
            if name in SAYING and node.args:
                yield from (Use(where, key, values) for key in _keys(node.args[SAYING[name]]))
            # stage.option(id, key, …) and option(stage, step, value, key, …)
            at = 1 if isinstance(node.func, ast.Attribute) else 3
            if name == "option" and len(node.args) > at:
                yield from (Use(where, key, frozenset(), True) for key in _keys(node.args[at]))
            for keyword in node.keywords:
                if keyword.arg == "list_key":
                    yield from (Use(where, key, frozenset(), True) for key in _keys(keyword.value))


def _strings() -> set[str]:
    """Every string of the code, and of f-strings their patterns."""
    found = set()
    for path in [*(ROOT / "core").glob("*.py"), *(ROOT / "adapters").glob("*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.expr) and (pattern := _pattern(node)) is not None:
                found.add(pattern)
    return found


USES = list(_uses())


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.where}-{use.pattern}")
def test_a_text_that_is_asked_for_is_there(use: Use) -> None:
    assert not [key for key in use.keys if key not in TEXTS]


def test_the_code_was_read() -> None:
    assert len(USES) > 100
    assert {"core", "data"} <= {path.name for path in ROOT.iterdir()}


def test_every_text_is_asked_for() -> None:
    patterns = [re.compile(one) for one in _strings() if "." in one or one in OWN]
    assert not [key for key in OWN if not any(one.fullmatch(key) for one in patterns)]


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.where}-{use.pattern}")
def test_a_text_names_no_value_that_it_is_not_given(use: Use) -> None:
    """It would fail where it is said."""
    given = use.values
    for key in use.keys if given is not None else ():
        assert placeholders(TEXTS[key].hi) <= (given or set()), key


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_name_the_same_values(key: str) -> None:
    assert placeholders(TEXTS[key].hi) == placeholders(TEXTS[key].en)
    assert TEXTS[key].hi.strip() and TEXTS[key].en.strip()


@pytest.mark.parametrize("key", CHHATTISGARHI)
def test_chhattisgarhi_says_what_hindi_says(key: str) -> None:
    assert placeholders(CHHATTISGARHI[key]) == placeholders(TEXTS[key].hi)
    assert CHHATTISGARHI[key].count("*") == TEXTS[key].hi.count("*")


TITLES = sorted({key for use in USES if use.is_title for key in use.keys})


@pytest.mark.parametrize("key", TITLES)
def test_titles_fit_where_they_stand(key: str) -> None:
    most = MOST_ROW_TITLE if key.startswith(IN_LISTS_ALONE) else MOST_BUTTON_TITLE
    voice = load_voice()
    for tongue in get_args(Tongue):
        title = voice.say(key, tongue)
        assert 0 < utf16_units(title) <= most, (tongue, title, utf16_units(title))


def test_titles_that_stand_together_differ() -> None:
    groups = ("confirm.", "cancel.", "withdraw.", "call.", "case.", "kind.c kind.s kind.d", "park.")
    for tongue in ("hi", "en"):
        for group in groups:
            heads = tuple(group.split())
            titles = [getattr(TEXTS[key], tongue) for key in TITLES if key.startswith(heads)]
            assert len(titles) == len(set(titles)) > 1, group


@pytest.mark.parametrize("district", ["janjgir-champa", "sakti"])
def test_a_districts_services_and_blocks_fit_rows(district: str) -> None:
    read_ = sample(district)
    named = [one.name for one in read_.services] + [one.name for one in read_.blocks]
    long = [name.hi for name in named for lang in LANGUAGES if utf16_units(name.say(lang)) > MOST_ROW_TITLE]
    assert not long


def test_no_text_speaks_down() -> None:
    """Hindi has a word for children and servants; nobody here is spoken to in it."""
    low = re.compile(r"(?<![\u0900-\u097f])(तू|तुम|तेरा|तेरी|तुम्हारा|तुम्हारी|करो|बताओ|लिखो)(?![\u0900-\u097f])")
    assert not [key for key, text in OWN.items() if low.search(text.hi)]


# ------------------------------------------------------------------ words that are understood

PHRASES = [
    (section, id_, phrase)
    for section in ("commands", "answers")
    for id_, said in WORDS[section].items()
    for phrase in said
]


def test_no_command_stops_or_starts_messages() -> None:
    assert not [phrase for _, _, phrase in PHRASES if choices().wants(phrase) is not None]


def test_every_phrase_is_understood() -> None:
    words = load_words()
    for section, id_, phrase in PHRASES:
        meant = {words.command(phrase)} if section == "commands" else words.answers(phrase)
        assert id_ in meant, phrase


def test_every_meaning_is_the_meaning_of_something() -> None:
    """An answer that no option and no rule asks for is a leftover."""
    tails = {one.rpartition(".")[2].replace("\\", "") for one in _strings()}
    tails |= set(KINDS)
    assert not [id_ for id_ in WORDS["answers"] if id_ not in tails]
