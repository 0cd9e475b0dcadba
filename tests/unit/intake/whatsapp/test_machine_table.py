"""What is talked about after a message, by what was talked about before: `machine_table.txt` has a row for
each place in the conversation and a column for each message. A draft's place is its open question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import pytest

from services.intake.whatsapp.conversation.core.inbound import Person
from services.intake.whatsapp.conversation.core.model import FLOW, At, Conversation
from tests.conftest import sample
from tests.unit.intake.whatsapp.walking import Action, Walk

TABLE = Path(__file__).with_name("machine_table.txt")
DISTRICT = sample("janjgir-champa")
NUMBERED = Person("+919999900001", None, "राम कुमार")
UNNUMBERED = Person(None, "IN.1001", "राम कुमार")


def say(*words: str) -> list[Action]:
    return [("say", text) for text in words]


STORY = "मेरा हैंडपंप खराब है"
_CONFIRM = say(STORY, "1", "तरौद", "राम कुमार")
_FILED = [*_CONFIRM, *say("हाँ")]
_CASE = [*_FILED, *say("स्थिति")]
_RESOLVED: list[Action] = [*_FILED, ("office", 0, "resolve")]
_ASKED: list[Action] = [*_FILED, ("office", 0, "ask_citizen")]
PLACES: Mapping[str, Sequence[Action]] = {
    "idle": say("नमस्ते"),
    "kind": say("नई शिकायत"),
    "story": say("शिकायत करनी है"),
    "service": say(STORY),
    "place": say(STORY, "1"),
    "village": say(STORY, "1", "अकलतरा"),
    "name": say(STORY, "1", "तरौद"),
    "phone": _CONFIRM,
    "confirm": _CONFIRM,
    "behalf": say(STORY, "1", "तरौद", "किसी और के लिए"),
    "correct": [*_CONFIRM, *say("बदलें")],
    "cancel": say(STORY, "रद्द"),
    "park": say(STORY, "नई शिकायत"),
    "parked": [*say(STORY, "नई शिकायत", "2", "1"), *_CONFIRM[:-1], *say("राम", "हाँ")],
    "resume": [*say(STORY), ("wait", 3700), *say("नमस्ते")],
    "pick": [*_ASKED, *say("बीस दिन से खराब है")],
    "case": _CASE,
    "answer": [*_ASKED, *say("स्थिति", "1")],
    "reason": [*_RESOLVED, *say("2")],
    "rating": [*_RESOLVED, *say("1")],
    "withdraw": [*_CASE, *say("3")],
    "add": [*_CASE, *say("1")],
    "call": say("बात करनी है"),
    "call_phone": say("बात करनी है", "हाँ"),
}
"""How each is come to."""
MESSAGES: Mapping[str, Action] = {
    "greeting": ("say", "नमस्ते"),
    "story": ("say", "सड़क टूट गई है"),
    "1": ("say", "1"),
    "yes": ("say", "हाँ"),
    "no": ("say", "नहीं"),
    "???": ("say", "???"),
    "photo": ("media", "image", ""),
    "voice": ("media", "audio", ""),
    "pin": ("pin", ""),
    "sticker": ("other",),
    "menu": ("say", "मेनू"),
    "help": ("say", "मदद"),
    "new": ("say", "नई शिकायत"),
    "status": ("say", "स्थिति"),
    "person": ("say", "बात करनी है"),
    "back": ("say", "पीछे"),
    "cancel": ("say", "रद्द"),
    "restart": ("say", "फिर से शुरू"),
    "thanks": ("say", "धन्यवाद"),
    "english": ("say", "English"),
    "stop": ("say", "STOP"),
}


def come_to(place: str) -> Walk:
    walk = Walk(DISTRICT, UNNUMBERED if place in ("phone", "call_phone") else NUMBERED)
    for action in PLACES[place]:
        walk.take(action)
    return walk


def place_of(conversation: Conversation) -> str:
    draft = conversation.draft
    return draft.step if conversation.at == "draft" and draft is not None else conversation.at


def read_table() -> dict[tuple[str, str], str]:
    head, *rows = [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines() if line.strip()]
    return {(row[0], name): cell for row in rows for name, cell in zip(head, row[1:], strict=True)}


def test_the_table_has_every_place_and_every_message() -> None:
    places = {*get_args(At), *FLOW} - {"draft"}
    assert places == PLACES.keys()
    assert set(read_table()) == {(place, message) for place in PLACES for message in MESSAGES}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_come_to(place: str) -> None:
    assert place_of(come_to(place).phone.conversation) == place


@pytest.mark.parametrize("place", PLACES)
def test_what_comes_after(place: str) -> None:
    table, found = read_table(), {}
    for message, action in MESSAGES.items():
        walk = come_to(place)
        walk.take(action)
        found[message] = place_of(walk.phone.conversation)
    assert found == {message: table[place, message] for message in MESSAGES}
