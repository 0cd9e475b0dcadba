"""From what a citizen brought, by whatever channel, to what is filed. Pure.

`consider` checks an application against the directory, looks for danger, finds the place and tells what
travels openly and what is personal. All faults are told at once, each by the field's path in the JSON API
(`citizen.phone`), a code that finds the citizen's words in data files, and a reason in English.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import TypeVar

from services.kernel.domain import danger, phones, places, spelling
from services.kernel.domain.directory import (
    KINDS,
    LANGUAGES,
    District,
    Kind,
    Language,
    Priority,
)
from services.kernel.domain.errors import Invalid
from services.kernel.domain.filing_values import Fault as Fault
from services.kernel.domain.filing_values import (
    Wrong,
    choice,
    clean,
    degrees,
    line,
    says_something,
    too_long,
)
from services.kernel.domain.filing_values import not_allowed as not_allowed
from services.kernel.domain.media import MOST_MEDIA, is_media_id
from services.kernel.domain.suggest import Suggestion

MOST_TEXT = 4000
"""Characters of what a citizen may write, trimmed."""
MOST_NAME = 100
MOST_PLACE = 100
MOST_LANDMARK = 200
MOST_USER_ID = 200
MOST_SUGGESTED = 3

_LONGEST_WORD = 32
_MOST_DOUBTFUL = 3
_DOUBTFUL = "\u093c\u0900\u0901\u0902"  # nukta and the nasals: each is written in two ways

Suggest = Callable[[str, Kind], tuple[Suggestion, ...]]
"""Services that a text may be about, best first."""


@dataclass(frozen=True)
class Application:
    """What a citizen brought, as he gave it, unchecked. None and "" are the same: not given.

    `media`: ids of files that he sent; a voice note may be all that he says. `recordings`: those of them that
    are sound or film. `user_id`: by which WhatsApp reaches a person who shows it no number."""

    district: str
    kind: str | None = None
    text: str | None = None
    language: str | None = "hi"
    service: str | None = None
    block: str | None = None
    village: str | None = None
    landmark: str | None = None
    lat: float | None = None
    lng: float | None = None
    name: str | None = None
    phone: str | None = None
    on_behalf_of: str | None = None
    confidential: bool = False
    named_official: str | None = None
    user_id: str | None = None
    media: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()

    def digest(self) -> str:
        """SHA-256, hex, of all that was given: equal for two requests that say the same. Without
        `recordings`, which follow from `media`: what was filed before there were any has the same digest."""
        given = {
            f.name: value
            for f in fields(self)
            if f.name != "recordings"
            and (value := getattr(self, f.name)) not in (None, "", ())
            and value is not False
        }
        # ASCII escapes, so that even an unpaired surrogate has a digest
        return sha256(json.dumps(given, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Considered:
    """An application that can be filed. From `text` on everything is personal and travels sealed. `text` is
    "" only where there are `media`."""

    kind: Kind
    language: Language
    priority: Priority
    dangers: tuple[str, ...]
    service: str | None
    suggested: tuple[str, ...]
    block: str | None
    village: str | None
    confidential: bool
    named_official: str | None
    directory_version: int
    media: tuple[str, ...]
    recordings: tuple[str, ...]
    text: str
    name: str | None
    phone: str | None
    user_id: str | None
    on_behalf_of: str | None
    landmark: str | None
    village_text: str | None
    lat: float | None
    lng: float | None


class Faulty(Invalid):
    """One or more fields are wrong; `field` and `reason` are the first one's."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults[0].reason, field=self.faults[0].field)


def _suggested(suggest: Suggest, text: str, kind: Kind) -> tuple[str, ...]:
    return tuple(one.service for one in suggest(comparable(text), kind)[:MOST_SUGGESTED])


def consider(application: Application, directory: District, suggest: Suggest) -> Considered:
    """What is filed for `application` in `directory`. Raises Faulty with every fault."""
    faults: list[Fault] = []
    check = _Checks(application, directory, faults)
    kind = check.kind()
    text = check.text()
    language = check.language()
    service = check.service(kind)
    block = check.block()
    village_words = check.line("place.village", application.village, MOST_PLACE)
    landmark = check.line("place.landmark", application.landmark, MOST_LANDMARK)
    lat, lng = check.position()
    name = check.line("citizen.name", application.name, MOST_NAME)
    phone = check.phone()
    user_id = check.line("citizen.user_id", application.user_id, MOST_USER_ID)
    on_behalf_of = check.line("on_behalf_of", application.on_behalf_of, MOST_NAME)
    named_official = check.official()
    media = check.media()
    recordings = check.recordings()
    if faults or not (kind and language) or text is None or media is None or recordings is None:
        raise Faulty(faults)
    village = _village(directory, village_words, block)
    found = danger.find(text)
    return Considered(
        kind=kind,
        language=language,
        priority=danger.gravest(found),
        dangers=rules(found),
        service=service,
        suggested=_suggested(suggest, text, kind) if text and not service else (),
        block=village.block,
        village=village.id,
        confidential=application.confidential,
        named_official=named_official,
        directory_version=directory.version,
        media=media,
        recordings=recordings,
        text=text,
        name=name,
        phone=phone,
        user_id=user_id,
        on_behalf_of=on_behalf_of,
        landmark=landmark,
        village_text=village.words,
        lat=lat,
        lng=lng,
    )


def rules(found: Iterable[danger.Danger]) -> tuple[str, ...]:
    """The rules that found danger, each once."""
    return tuple(dict.fromkeys(one.rule for one in found))


def dangers(text: str) -> tuple[str, ...]:
    """The rules that find danger in `text`, each once."""
    return rules(danger.find(text))


def comparable(text: str) -> str:
    """`text` without words that no language has. Comparing tries every spelling of a word, and the
    spellings double with each doubtful letter: a made-up word must not cost seconds."""
    return " ".join(word for word in spelling.words(text) if _is_plausible(word))


def _is_plausible(word: str) -> bool:
    doubtful = sum(char in _DOUBTFUL for char in unicodedata.normalize("NFD", word))
    return len(word) <= _LONGEST_WORD and doubtful <= _MOST_DOUBTFUL


T = TypeVar("T")


class _Checks:
    """One check a field; a fault is noted and the field is then None."""

    def __init__(self, given: Application, directory: District, faults: list[Fault]) -> None:
        self._given = given
        self._directory = directory
        self._faults = faults

    def _noting(self, check: Callable[[], T]) -> T | None:
        try:
            return check()
        except Wrong as wrong:
            self._faults.append(wrong.fault)
            return None

    def line(self, field: str, value: str | None, most: int) -> str | None:
        return self._noting(lambda: line(field, value, most))

    def kind(self) -> Kind | None:
        return self._noting(lambda: choice("kind", self._given.kind, KINDS, None))

    def language(self) -> Language | None:
        return self._noting(lambda: choice("language", self._given.language, LANGUAGES, "hi"))

    def text(self) -> str | None:
        def check() -> str:
            text = clean("text", self._given.text or "").strip()
            if not says_something(text):
                if self._given.media:
                    return ""
                raise Wrong(Fault("text", "missing", "text says nothing"))
            if len(text) > MOST_TEXT:
                raise Wrong(too_long("text", MOST_TEXT))
            return text

        return self._noting(check)

    def service(self, kind: Kind | None) -> str | None:
        def check() -> str | None:
            wanted = line("service", self._given.service, MOST_NAME)
            if wanted is None:
                return None
            of_kind = [s.id for s in self._directory.services if kind is None or kind in s.kinds]
            if wanted not in of_kind:
                if wanted in self._directory.service_by_id:
                    raise Wrong(not_allowed("service", f"takes no {kind}", of_kind))
                raise Wrong(not_allowed("service", "no such service", of_kind))
            return wanted

        return self._noting(check)

    def block(self) -> str | None:
        def check() -> str | None:
            words = line("place.block", self._given.block, MOST_PLACE)
            if words is None or words in self._directory.block_by_id:
                return words
            found = places.match_block(self._directory, comparable(words))
            if found is None:
                raise Wrong(
                    not_allowed("place.block", "no such block", self._directory.block_by_id)
                )
            return found.id

        return self._noting(check)

    def position(self) -> tuple[float | None, float | None]:
        lat = self._noting(lambda: degrees("place.lat", self._given.lat, 90))
        lng = self._noting(lambda: degrees("place.lng", self._given.lng, 180))
        if (self._given.lat is None) != (self._given.lng is None):
            absent = "place.lat" if self._given.lat is None else "place.lng"
            self._faults.append(Fault(absent, "missing", "lat and lng come together"))
        return lat, lng

    def phone(self) -> str | None:
        def check() -> str | None:
            words = line("citizen.phone", self._given.phone, MOST_NAME)
            if words is None:
                return None
            try:
                return phones.normalise(words)
            except Invalid as error:
                raise Wrong(Fault("citizen.phone", "invalid", error.reason)) from None

        return self._noting(check)

    def media(self) -> tuple[str, ...] | None:
        def check() -> tuple[str, ...]:
            ids = tuple(dict.fromkeys(self._given.media))
            if len(ids) > MOST_MEDIA:
                raise Wrong(Fault("media", "too_long", f"more than {MOST_MEDIA} files"))
            if not all(is_media_id(one) for one in ids):
                raise Wrong(Fault("media", "invalid", "no id of a file"))
            return ids

        return self._noting(check)

    def recordings(self) -> tuple[str, ...] | None:
        def check() -> tuple[str, ...]:
            media, some = dict.fromkeys(self._given.media), set(self._given.recordings)
            if not some <= media.keys():
                raise Wrong(Fault("recordings", "invalid", "not among the media"))
            return tuple(one for one in media if one in some)

        return self._noting(check)

    def official(self) -> str | None:
        def check() -> str | None:
            named = line("named_official", self._given.named_official, MOST_NAME)
            if named is not None and named not in self._directory.officer_by_id:
                reason = "no such officer; an id of the district's directory is wanted"
                raise Wrong(Fault("named_official", "not_allowed", reason))
            return named

        return self._noting(check)


@dataclass(frozen=True)
class _Village:
    """`words`: the citizen's own, kept unless they are the village's name or id to the letter."""

    block: str | None
    id: str | None
    words: str | None


def _village(directory: District, words: str | None, block: str | None) -> _Village:
    """Which village is meant. What fits several about equally well stays the citizen's words alone."""
    if words is None:
        return _Village(block, None, None)
    by_id = [
        (of.id, village.id)
        for of in directory.blocks
        if block is None or of.id == block
        for village in of.villages
        if village.id == words
    ]
    if len(by_id) == 1:
        return _Village(*by_id[0], None)
    best = places.clear_match(places.match_village(directory, comparable(words), block))
    if best is None:
        return _Village(block, None, words)
    spellings = (best.village.name.hi, best.village.name.en, *best.village.aliases)
    to_the_letter = words.casefold() in {spelling.casefold() for spelling in spellings}
    return _Village(best.block.id, best.village.id, None if to_the_letter else words)
