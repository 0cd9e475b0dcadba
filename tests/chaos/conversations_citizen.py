"""A citizen on WhatsApp: reads what he is asked and answers it, from his first words until he has his number.
Pure.

Each has habits of his own, by his number: one greets, one tells his story at once, one taps, one types the
digit, one sends a pin, one hides his number, one taps twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

WORDS = "ZQXTALK"
"""In every story, so that it is known again where it may not be."""
_STORIES = {
    "hi": (
        "हमारे मोहल्ले का हैंडपंप तीन हफ्ते से खराब है",
        "बिजली रोज शाम को चली जाती है और रात भर नहीं आती",
        "कचरा गाड़ी दो हफ्ते से नहीं आई, नाली के पास ढेर लगा है",
    ),
    "en": (
        "The hand pump in our street has been broken for three weeks",
        "The road to the school is broken since the rains",
    ),
}
_DANGER = "खेत में बिजली का तार टूटकर गिर गया है, उसमें करंट है"
_VILLAGES = ("तरौद", "कपिस्दा", "शिवरीनारायण", "मुलमुला")
_NAMES = ("रामकली साहू", "सुखराम यादव", "दुलारी पटेल")
_LINK = re.compile(r"/s/([0-9]{10})/")
_NUMBER = re.compile(r"\b[A-Z]{2}-([0-9]{10})\b")
_UNHELPFUL = ("list", "unknown", "page/", "dept/")
"""Rows of the list of services that name none."""
_DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")

Content = dict[str, Any]
"""What of an entry of `messages` is the message itself."""


@dataclass(frozen=True)
class Reply:
    """A message of the chatbot, as the phone shows it. `key`: which message it answers, and which of the
    answers to that it is; `options`: (id, title); `listed`: as rows of a list."""

    id: str
    key: str
    text: str
    options: tuple[tuple[str, str], ...] = ()
    listed: bool = False

    @staticmethod
    def of(taken: Mapping[str, Any]) -> Reply:
        """From the stand-in's own record of it."""
        return Reply(
            id=taken["id"],
            key=taken["key"].partition(":")[0],
            text=taken["text"],
            options=tuple((id_, title) for id_, title in taken["buttons"]),
            listed=taken["layout"].get("type") == "list",
        )

    @property
    def announced(self) -> str | None:
        """The ticket of which it tells that it is filed now."""
        found = _LINK.search(self.text)
        return found[1] if found else None

    @property
    def tickets(self) -> set[str]:
        """All that it names."""
        return set(_NUMBER.findall(self.text))


class Strange(Exception):
    """Something is asked that nobody would know how to answer."""


@dataclass
class Citizen:
    """`number`: which one he is, from 0. `wrote`: the ids of his messages; `insisted`: how often he wrote
    again what was not answered; `ticket`: as he was told it."""

    number: int
    wrote: list[str] = field(default_factory=list)
    insisted: int = 0
    ticket: str | None = None
    _has_told: bool = False
    _has_confirmed: bool = False
    _has_pinned: bool = False
    _is_asked_to_tell: bool = False

    @property
    def phone(self) -> str:
        """As the provider writes it, without +."""
        return f"9199997{self.number:05d}"

    @property
    def hides(self) -> bool:
        """Whether he shows businesses no number."""
        return self.number % 8 == 6

    @property
    def user(self) -> str:
        return f"IN.Q{self.phone[::-1]}"

    @property
    def address(self) -> str:
        """Where he is answered."""
        return self.user if self.hides else self.phone

    @property
    def taps_twice(self) -> bool:
        return self.number % 5 == 4

    @property
    def contact(self) -> dict[str, Any]:
        shown = {} if self.hides else {"wa_id": self.phone}
        return {"profile": {"name": self._name}, **shown, "user_id": self.user}

    def item(self, id_: str, at: float, content: Content) -> dict[str, Any]:
        """The entry of `messages`. `at`: Unix time."""
        shown = {} if self.hides else {"from": self.phone}
        return {**shown, "from_user_id": self.user, "id": id_, "timestamp": str(int(at)), **content}

    # ------------------------------------------------------------ what he says

    def first(self) -> Content:
        if self._language == "en":
            return _text("English")
        return _text("नमस्ते") if self.number % 5 in (1, 2) else self._story()

    def answer(self, reply: Reply) -> list[Content]:
        """What he writes when he has read it; nothing where it asks nothing. Raises Strange."""
        if reply.tickets and self._has_confirmed:
            (self.ticket,) = reply.tickets
            return []
        ids = [id_ for id_, _ in reply.options]
        if not ids:
            # only the question for his story has no buttons; all else that has none tells something
            return [self._story()] if self._is_asked_to_tell and not self._has_told else []
        asked = {id_.split(".")[1] if id_[0].isdigit() else id_.split(".")[0] for id_ in ids}
        if "confirm" in asked:
            self._has_confirmed = True
            tapped = self._tap(reply, _ending(ids, ".confirm.yes"))
            return [tapped, tapped] if self.taps_twice else [tapped]
        answers: Mapping[str, Callable[[], Content]] = {
            "kind": lambda: self._kind(reply, ids),
            "service": lambda: self._service(reply, ids),
            "place": lambda: self._place(reply, ids),
            "village": lambda: self._village(reply, ids),
            "name": lambda: self._own_name(reply, ids),
            "phone": lambda: self._own_phone(reply, ids),
            "menu": lambda: self._begin(reply),
        }
        for what, answer in answers.items():
            if what in asked:
                return [answer()]
        raise Strange(f"{sorted(asked)}: {ids}")

    @property
    def _language(self) -> str:
        return "en" if self.number % 4 == 3 else "hi"

    @property
    def _name(self) -> str:
        return _NAMES[self.number % len(_NAMES)]

    def _story(self) -> Content:
        self._has_told = True
        stories = _STORIES[self._language]
        text = _DANGER if self.number % 10 == 7 else stories[self.number % len(stories)]
        return _text(f"{text} {WORDS}")

    def _begin(self, reply: Reply) -> Content:
        """The menu; in the midst of it only where he has insisted, and the chatbot has lost the thread."""
        if self.insisted and self._has_told:
            ids = [id_ for id_, _ in reply.options]
            onward = ("menu.continue", "menu.back", *(["menu.cases"] if self._has_confirmed else []))
            known = [id_ for id_ in onward if id_ in ids]
            if known:
                return self._tap(reply, known[0])
        if self._has_told:
            raise Strange("the menu, in the midst of it")
        if self.number % 5 == 2:
            return self._tap(reply, "menu.new")
        return self._story()

    def _kind(self, reply: Reply, ids: list[str]) -> Content:
        self._is_asked_to_tell = True
        return self._tap(reply, _ending(ids, ".kind.complaint"))

    def _service(self, reply: Reply, ids: list[str]) -> Content:
        named = [id_ for id_ in ids if not id_.partition(".service.")[2].startswith(_UNHELPFUL)]
        return self._tap(reply, named[0] if named else _ending(ids, ".service.unknown"))

    def _place(self, reply: Reply, ids: list[str]) -> Content:
        villages = [id_ for id_ in ids if ".place.village/" in id_]
        blocks = [id_ for id_ in ids if ".place.block/" in id_]
        if villages:
            return self._tap(reply, villages[0])
        if self.number % 3 == 0:
            return _text(_VILLAGES[self.number % len(_VILLAGES)])
        if self.number % 3 == 1 or self._has_pinned:
            return self._tap(reply, blocks[self.number % len(blocks)])
        self._has_pinned = True
        return {"type": "location", "location": {"latitude": 22.01, "longitude": 82.58}}

    def _village(self, reply: Reply, ids: list[str]) -> Content:
        if self.number % 2:
            return self._tap(reply, _ending(ids, ".village.skip"))
        return _text("पुराना पारा")

    def _own_name(self, reply: Reply, ids: list[str]) -> Content:
        known = [id_ for id_ in ids if id_.endswith(".name.0")]
        return self._tap(reply, known[0]) if known and self.number % 2 else _text(self._name)

    def _own_phone(self, reply: Reply, ids: list[str]) -> Content:
        if self.number % 16 == 6:
            return self._tap(reply, _ending(ids, ".phone.skip"))
        return _text(self.phone[2:])

    def _tap(self, reply: Reply, id_: str) -> Content:
        """Taps it, or types its digit."""
        place, title = next((n, t) for n, (i, t) in enumerate(reply.options, 1) if i == id_)
        if self.number % 6 == 5:
            return _text(str(place).translate(_DEVANAGARI) if self.number % 4 == 1 else str(place))
        kind = "list_reply" if reply.listed else "button_reply"
        return {"type": "interactive", "interactive": {"type": kind, kind: {"id": id_, "title": title}}}


def _text(words: str) -> Content:
    return {"type": "text", "text": {"body": words}}


def _ending(ids: list[str], end: str) -> str:
    """Raises Strange where nothing ends so."""
    found = next((id_ for id_ in ids if id_.endswith(end)), None)
    if found is None:
        raise Strange(f"no {end} in {ids}")
    return found
