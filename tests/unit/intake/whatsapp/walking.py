"""Somebody who sends anything at all, in any order, to the machine in its town in memory; and what must hold
whatever he does."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.intake.whatsapp.conversation.adapters.conversation_store import Remembered
from services.intake.whatsapp.conversation.core.inbound import Inbound, Location, Media, Person
from services.intake.whatsapp.conversation.core.model import (
    Acted,
    Acts,
    Draft,
    File,
    Filed,
    Outcome,
    Reply,
)
from services.intake.whatsapp.conversation.core.stage import BURST
from services.kernel.contracts.envelope import new_data_key, seal, unseal
from services.kernel.domain.choices import choices
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Refused
from tests.conversation.limits import fault_of
from tests.conversation.town import WORDS, Phone, Shown, Town, without_service

AT_FIRST = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
NUMBER = "+919999900001"
KEY = new_data_key()
Action = tuple[Any, ...]

# ------------------------------------------------------------------ what he may send

_PHRASES = sorted({*WORDS.commands, *WORDS.meanings, *WORDS.numbers})
_SAID = [
    "मेरा हैंडपंप खराब है", "transformer jal gaya", "The street light is broken", "राशन नहीं मिला",
    "हमर पारा के बोरिंग बिगड़ गे हे", "बिजली का तार टूटकर गिर गया करंट है", "तरौद में सड़क टूट गई है",
    "तरौद", "champa", "अकलतरा", "करौद", "राम कुमार", "मेरे नाम से", "नाम गलत है", "9876543210",
    "JC-2600001013", "2600001013", "26000010", "नमस्ते", "hello", "👍", "🙏🙏", "STOP", "start", "बंद", "शुरू",
    "1", "2", "३", "9", "0", "yes", "नहीं", "साले", "x", "?", "…", "abc", "घोघरा के पास स्कूल के पीछे वाली गली में",
]  # fmt: skip
_JUNK = st.text(min_size=1, max_size=60)
_LONG = st.sampled_from(["अ " * 2048, "a" * 4096, "🙏" * 1000, "\u200d" * 50, "1" * 4096, "क\u093c" * 500])
words = st.one_of(
    st.sampled_from(_SAID),
    st.sampled_from(_SAID),
    st.sampled_from(_PHRASES),
    _JUNK,
    st.integers(1, 12).map(str),
    _LONG,
)
_kinds = st.sampled_from(["image", "audio", "video", "document"])
_office = st.sampled_from(["acknowledge", "start", "ask_citizen", "reply", "resolve", "close", "reject"])
_spans = st.sampled_from([1, 15, 40, 600, 3700, 90_000, 300_000, 3_000_000])
actions: st.SearchStrategy[Action] = st.one_of(
    st.tuples(st.just("say"), words),
    st.tuples(st.just("say"), words),
    st.tuples(st.just("tap_now"), st.integers(0, 9)),
    st.tuples(st.just("tap_now"), st.integers(0, 3)),
    st.tuples(st.just("tap_now"), st.integers(0, 1)),
    st.tuples(st.just("tap"), st.integers(0, 500)),
    st.tuples(st.just("tap_id"), st.text(max_size=30)),
    st.tuples(st.just("media"), _kinds, st.one_of(st.just(""), words)),
    st.tuples(st.just("media"), _kinds, st.just("")),
    st.tuples(st.just("pin"), st.sampled_from(["", "तरौद", "Akaltara", "कहीं"])),
    st.tuples(st.just("card"), st.sampled_from(["9876543210", "", "abc"])),
    st.tuples(st.just("other")),
    st.tuples(st.just("react"), st.integers(0, 50)),
    st.tuples(st.just("edit"), st.integers(0, 50), words),
    st.tuples(st.just("revoke"), st.integers(0, 50)),
    st.tuples(st.just("reply"), st.integers(0, 50), words),
    st.tuples(st.just("wait"), _spans),
    st.tuples(st.just("office"), st.integers(0, 9), _office),
    st.tuples(st.just("refuse")),
    st.tuples(st.just("lose")),
)


_FILED: list[Action] = [
    ("say", "मेरा हैंडपंप खराब है"), ("tap_now", 0), ("say", "तरौद"), ("say", "राम कुमार"), ("tap_now", 0),
]  # fmt: skip
_BEGUN: list[Action] = [("say", "राशन दुकान से राशन नहीं मिला"), ("tap_now", 0), ("say", "तरौद")]
STARTS: list[list[Action]] = [
    [],
    _BEGUN,
    [*_BEGUN, ("say", "सीता")],
    _FILED,
    [*_FILED, ("office", 0, "resolve")],
    [*_FILED, ("office", 0, "ask_citizen"), ("say", "मेनू")],
    [*_FILED, ("office", 0, "ask_citizen"), *_BEGUN],
    [*_BEGUN, ("say", "नई शिकायत"), ("tap_now", 1), ("say", "शिकायत"), ("say", "सड़क टूट गई है")],
    [*_FILED, *_FILED, ("office", 1, "resolve"), ("say", "स्थिति"), ("tap_now", 1)],
    [*_FILED, ("office", 0, "ask_citizen"), ("say", "स्थिति"), ("tap_now", 0)],
    [*_FILED, ("office", 0, "resolve"), ("say", "2")],
    [*_FILED, ("office", 0, "resolve"), ("say", "1")],
    [*_FILED, ("say", "स्थिति"), ("tap_now", 0)],
    [*_FILED, ("say", "स्थिति"), ("tap_now", 2)],
    [*_BEGUN, ("say", "सीता"), ("say", "बदलें")],
    [*_BEGUN, ("say", "किसी और के लिए")],
    [*_BEGUN, ("say", "रद्द")],
    [*_BEGUN, ("say", "सीता"), ("refuse",), ("tap_now", 0)],
    [("media", "image", ""), ("media", "image", ""), ("wait", 3700), ("media", "image", "")],
]
"""What went before, so that walks come far."""
walks = st.tuples(st.sampled_from(STARTS), st.lists(actions, min_size=1, max_size=30)).map(
    lambda both: [*both[0], *both[1]]
)

# ------------------------------------------------------------------ what must hold


class WatchedTown(Town):
    """Tells what was asked to be done, and what came of it."""

    def __init__(self, directory: District, now: datetime) -> None:
        super().__init__(directory, now)
        self.done: list[tuple[File | Acts, Outcome]] = []

    def _carry_out(self, effect: File | Acts, phone: Phone) -> Outcome:
        outcome = super()._carry_out(effect, phone)
        self.done.append((effect, outcome))
        return outcome


@dataclass
class Walk:
    """`person`: who walks. All that is said of him after is checked at every step."""

    directory: District
    person: Person
    town: WatchedTown = field(init=False)
    log: list[object] = field(default_factory=list)
    _sent: list[str] = field(default_factory=list)
    _offered: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _after_media: bool = False
    _card: tuple[object, ...] | None = None
    _sinks: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.town = WatchedTown(self.directory, AT_FIRST)

    @property
    def phone(self) -> Phone:
        return self.town.phone(self.person)

    def take(self, action: Action) -> None:
        what, *told = action
        if what == "wait":
            self.town.now += timedelta(seconds=told[0])
        elif what == "office":
            self._office(*told)
        elif what == "refuse":
            self.town.refuse = 1
        elif what == "lose":
            self.town.directory = without_service(self.directory, "hand-pump")
        else:
            inbound = self._inbound(what, told)
            if inbound is not None:
                self.send(inbound)

    def say(self, text: str) -> list[Shown]:
        return self.send(self._inbound("say", [text], token=False))

    def tap(self, choice: str, title: str = "…") -> list[Shown]:
        return self.send(self._made("choice", text=title, choice=choice))

    def send(self, inbound: Inbound | None) -> list[Shown]:
        assert inbound is not None
        self.town.now += timedelta(seconds=2)
        inbound = replace(inbound, at=self.town.now, written_at=self.town.now)
        before, done, turns = self.phone.memory, len(self.town.done), len(self.phone.turns)
        shown = self.town.hear(inbound)
        self._sent.append(inbound.id)
        was_media = self._after_media
        if not self._is_for_others(inbound):
            self._after_media = inbound.media is not None
        self.log += [inbound.sort, *((one.text, one.options) for one in shown)]
        taken = self.phone.turns[turns:]
        replies = [reply for turn in taken for reply in turn.replies]
        for reply in replies:
            assert not fault_of(reply), (fault_of(reply), reply)
        silent = self._is_silent(inbound, before, after_media=was_media)
        assert replies or silent, (inbound, before.conversation)
        for effect, outcome in self.town.done[done:]:
            self._check_done(effect, outcome, inbound, before.conversation.draft)
        self._remember_card(replies)
        self._offered += [id_ for one in shown for id_, _, _ in one.options]
        return shown

    # ------------------------------------------------------------ making messages

    def _inbound(self, what: str, told: Sequence[Any], *, token: bool = True) -> Inbound | None:
        if what == "say":
            return self._made("text", text=self._marked(told[0]) if token else told[0])
        if what in ("tap", "tap_now"):
            ids = self._offered if what == "tap" else [o.id for o in self.phone.conversation.offered]
            return self._made("choice", text="…", choice=ids[told[0] % len(ids)]) if ids else None
        if what == "tap_id":
            return self._made("choice", text="…", choice=told[0]) if told[0] else None
        if what == "media":
            media = Media("provider", told[0], voice=told[0] == "audio")
            return self._made("media", text=self._marked(told[1]), media=media)
        if what == "pin":
            return self._made("location", location=Location(21.9, 82.4, told[0]))
        if what == "card":
            return self._made("contact", text=told[0])
        if what == "other":
            return self._made("other")
        if what == "react":
            return self._made("reaction", text="👍", about=self._shown(told[0]))
        if what in ("edit", "revoke"):
            about = self._sent[told[0] % len(self._sent)] if self._sent else "unknown"
            if what == "revoke":
                return self._made("revoked", about=about)
            return self._made("edited", text=self._marked(told[1]), about=about)
        return self._made("text", text=self._marked(told[1]), replies_to=self._shown(told[0]))

    def _made(self, sort: Any, **more: Any) -> Inbound:
        now = self.town.now
        return Inbound(f"in-{next(self._numbers)}", now, now, sort, self.person, **more)

    def _marked(self, text: str) -> str:
        """With a word of its own, if it may be a story: where that is found again it went."""
        if len(text) > 20 and text.strip() and len(text) < 4000:
            return f"{text} q{next(self._numbers)}q"
        return text

    def _shown(self, number: int) -> str:
        shown = self.phone.shown
        return shown[number % len(shown)].id if shown else "unknown"

    def _office(self, number: int, action: str) -> None:
        cases = sorted(self.town.cases)
        if not cases:
            return
        words = "no_details" if action == "reject" else "कृपया बताइए"
        with suppress(Refused):  # the lifecycle may not let it
            self.town.office(cases[number % len(cases)], action, words)

    # ------------------------------------------------------------ checking

    def _is_silent(self, inbound: Inbound, before: Any, *, after_media: bool) -> bool:
        conversation = self.phone.conversation
        if inbound.sort in ("edited", "revoked") or conversation.flooded:
            return True
        if self._is_for_others(inbound):
            return True
        # a photo right after another one
        last = before.conversation.last_at
        soon = last is not None and self.town.now - last < BURST
        return inbound.media is not None and after_media and soon

    def _is_for_others(self, inbound: Inbound) -> bool:
        """What changes nothing, or is answered by whoever keeps the choice."""
        wants = choices().wants(inbound.text) if inbound.sort in ("text", "choice") else None
        return inbound.sort == "reaction" or wants is not None

    def _check_done(
        self, effect: File | Acts, outcome: Outcome, inbound: Inbound, draft: Draft | None
    ) -> None:
        if isinstance(effect, Acts):
            said = " ".join(act.words or "" for act in effect.acts)
            if isinstance(outcome, Acted):
                self._sink(said, effect.ticket)
            return
        assert draft is not None and effect.draft == draft.number
        assert _content(draft) == self._card, "filed what no card had shown"
        assert inbound.choice == f"{draft.number}.confirm.yes" or inbound.sort == "text"
        application = effect.application
        if isinstance(outcome, Filed):
            assert draft.number not in dict(before_filed(self.phone, outcome)), "filed twice"
        told = [application.text, application.village, application.landmark]
        self._sink(" ".join(filter(None, told)), f"draft {draft.number}")

    def _sink(self, said: str, where: object) -> None:
        """A token goes to one place alone."""
        for word in said.split():
            if word[:1] == "q" and word[-1:] == "q" and word[1:-1].isdigit():
                assert self._sinks.setdefault(word, where) == where, (word, where, self._sinks[word])

    def _remember_card(self, replies: Sequence[Reply]) -> None:
        draft = self.phone.conversation.draft
        if draft is None:
            return
        if any(f"{draft.number}.confirm.yes" in dict(reply.buttons) for reply in replies):
            self._card = _content(draft)

    def check_store(self) -> None:
        """What is remembered comes back from its envelope as it was."""
        memory = self.phone.memory
        sealed = seal(Remembered(memory=memory), KEY, "x")
        assert unseal(sealed, Remembered, KEY, "x").memory == memory


def before_filed(phone: Phone, outcome: Filed) -> Sequence[tuple[int, str]]:
    """Drafts that were filed before this outcome."""
    filed = phone.conversation.filed
    return [one for one in filed if one != (outcome.draft, outcome.ticket)]


def _content(draft: Draft) -> tuple[object, ...]:
    """What a card shows, but for files: those of one album may follow it."""
    return (
        draft.number, draft.kind, draft.text, draft.service, draft.block, draft.village, draft.village_text,
        draft.landmark, draft.lat, draft.lng, draft.name, draft.on_behalf_of, draft.phone, draft.confidential,
    )  # fmt: skip
