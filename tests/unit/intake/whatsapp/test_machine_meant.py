"""What people say beside what was asked: nothing comes of it that they have not meant, nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from services.intake.whatsapp.conversation.core.model import Acts, File
from tests.unit.intake.whatsapp.test_machine_table import (
    DISTRICT,
    NUMBERED,
    PLACES,
    STORY,
    place_of,
    say,
)
from tests.unit.intake.whatsapp.walking import Action, Walk

_FILED = [*PLACES["confirm"], *say("हाँ")]
_SECOND = say("राशन दुकान से राशन नहीं मिला", "1", "तरौद", "सीता")
_RESOLVED: list[Action] = [*_FILED, ("office", 0, "resolve")]
MORE: Mapping[str, Sequence[Action]] = {
    "told it is resolved": _RESOLVED,
    "resolved some time ago": [*_RESOLVED, *say("मेनू")],
    "resolved, and another filed": [*_RESOLVED, *say("नई शिकायत", "1"), *_SECOND, *say("हाँ")],
    "resolved during another card": [*_FILED, *_SECOND, ("office", 0, "resolve")],
    "closed": [*_RESOLVED, *say("1", "5")],
}


def come(place: str) -> Walk:
    walk = Walk(DISTRICT, NUMBERED)
    for action in {**PLACES, **MORE}[place]:
        walk.take(action)
    return walk


def acts_of(walk: Walk, text: str) -> list[str]:
    """What is done for it: the acts on cases, and `file`."""
    done = len(walk.town.done)
    walk.say(text)
    found: list[str] = []
    for effect, _ in walk.town.done[done:]:
        found += ["file"] if isinstance(effect, File) else [act.action for act in effect.acts]
        assert isinstance(effect, (File, Acts))
    return found


def test_the_places_are_come_to() -> None:
    states = {
        place: sorted(one.state for one in come(place).town.cases.values()) for place in MORE
    }
    assert states == {
        "told it is resolved": ["resolved"],
        "resolved some time ago": ["resolved"],
        "resolved, and another filed": ["assigned", "resolved"],
        "resolved during another card": ["resolved"],
        "closed": ["closed"],
    }


@pytest.mark.parametrize(
    ("place", "text", "acts", "after"),
    [
        # a question confirms nothing, files nothing, takes nothing back
        ("told it is resolved", "ho gaya?", [], "idle"), ("told it is resolved", "1?", [], "idle"),
        ("told it is resolved", "हो गया", ["confirm"], "rating"), ("confirm", "thik hai?", [], "confirm"),
        ("withdraw", "ठीक है?", [], "withdraw"), ("cancel", "haan?", [], "cancel"),
        # what is to be registered is neither thrown away nor taken back, and says nothing of another case
        ("cancel", "दर्ज कर दो", [], "service"), ("cancel", "sab sahi hai", [], "cancel"),
        ("withdraw", "दर्ज कर दो", [], "withdraw"), ("withdraw", "sab sahi hai", [], "withdraw"),
        ("resolved during another card", "दर्ज कर दो", ["file"], "idle"),
        ("confirm", "bhej do", ["file"], "idle"),
        ("call", "दर्ज कर दो", [], "call"),
        ("withdraw", "nahi wapas lo", [], "idle"), ("cancel", "cancel mat karo", [], "service"),
        # yes, some time later, may be about anything
        ("resolved, and another filed", "ठीक है", [], "case"),
        ("resolved, and another filed", "हो गया", [], "case"),
        ("resolved, and another filed", "bahut accha", [], "case"),
        ("resolved, and another filed", "1", [], "case"),
        ("resolved some time ago", "हाँ", [], "case"),
        ("resolved some time ago", "हो गया", ["confirm"], "rating"),
        ("resolved some time ago", "नहीं हुआ", [], "reason"),
        # no reason to open it again
        ("reason", "हो गया", [], "case"), ("reason", "1", [], "case"), ("reason", "2", [], "reason"),
        ("reason", "bahut accha", [], "case"), ("reason", "kyu", [], "reason"),
        ("reason", "bekar", ["reopen"], "idle"),
        ("told it is resolved", "kar do", [], "idle"), ("told it is resolved", "1 star", [], "reason"),
        ("cancel", "accha", [], "cancel"), ("cancel", "haan kar do", [], "idle"),
        ("rating", "1 star", ["rate"], "idle"),
        # a new trouble in place of stars; praise; no stars
        ("rating", "स्टाफ ने गाली दी", [], "pick"), ("rating", "aap ne accha kaam kiya", [], "idle"),
        ("rating", "ho gaya kya", [], "pick"), ("rating", "4/5", [], "idle"),
        ("rating", "accha", ["rate"], "idle"),
        ("closed", "accha", [], "idle"),
        # what he answers
        ("answer", "kal", ["answer"], "idle"),
    ],
)  # fmt: skip
def test_nothing_comes_of_it_that_he_has_not_meant(
    place: str, text: str, acts: list[str], after: str
) -> None:
    walk = come(place)
    assert acts_of(walk, text) == acts
    assert place_of(walk.phone.conversation) == after


@pytest.mark.parametrize("place", ["story", "service", "place", "village", "name", "behalf", "confirm"])
@pytest.mark.parametrize("text", ["kyu", "ye kaun hai", "ho gaya?", "sahi hai?"])
def test_a_question_that_tells_nothing_is_no_answer(place: str, text: str) -> None:
    walk = come(place)
    before = walk.phone.conversation.draft
    assert acts_of(walk, text) == []
    assert (walk.phone.conversation.draft, place_of(walk.phone.conversation)) == (before, place)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("name", "nali jam hai"), ("name", "पर मुझसे राशन दुकान में ठग"),
        ("name", "haan lekin abhi bhi kharab hai"),
        ("behalf", "gaon me peene ke pani ki kami hai"), ("place", "pump kharab hai"),
        ("place", "mera naam bpl list se kata"), ("village", "haan lekin abhi bhi kharab hai"),
        ("correct", "पिता की मृत्यु के बाद फौती नामांतरण लंबित है"),
        ("correct", "दो महीने से पानी नहीं आ रहा है"),
        ("cancel", "kaam nahi hua"),
    ],
)  # fmt: skip
def test_what_he_tells_in_place_of_an_answer_is_in_the_story(place: str, text: str) -> None:
    walk = come(place)
    walk.say(text)
    draft = walk.phone.conversation.draft
    assert draft is not None
    assert draft.text == f"{STORY}\n{text}"
    assert (draft.on_behalf_of, draft.village_text) == (None, None)


def test_what_he_tells_in_place_of_taking_it_back_begins_a_case() -> None:
    walk = come("withdraw")
    walk.say("राशन दुकान से राशन नहीं मिला")
    draft = walk.phone.conversation.draft
    assert draft is not None and draft.text == "राशन दुकान से राशन नहीं मिला"


@pytest.mark.parametrize(("text", "acts"), [("ठीक है", []), ("हो गया", ["confirm"])])
def test_of_several_that_are_resolved_he_says_which(text: str, acts: list[str]) -> None:
    walk = come("told it is resolved")
    for action in [*say("नई शिकायत", "1"), *_SECOND, *say("हाँ"), ("office", 1, "resolve"), *say("मेनू", text)]:
        walk.take(action)
    assert place_of(walk.phone.conversation) == "pick"
    assert acts_of(walk, "1") == acts


def test_danger_beside_a_village_is_told_and_the_village_taken() -> None:
    walk = come("place")
    walk.say("tarood me bijli ka taar gir gaya hai")
    draft = walk.phone.conversation.draft
    assert draft is not None and (draft.village, draft.step) == ("tarod", "name")
    assert draft.text.endswith("taar gir gaya hai")


def test_words_beside_a_block_are_kept() -> None:
    walk = come("place")
    walk.say("baloda le 9 km he")
    draft = walk.phone.conversation.draft
    assert draft is not None and (draft.block, draft.landmark) == ("baloda", "baloda le 9 km he")


@pytest.mark.parametrize(
    "name", ["Radha Bai", "Bijli Bai", "Badal Singh", "R. K. Sahu", "Mary Ekka", "Shyam Lal Kumar Das Sahu"]
)
def test_a_name_is_taken(name: str) -> None:
    walk = come("name")
    walk.say(name)
    draft = walk.phone.conversation.draft
    assert draft is not None and draft.name == name


def test_whose_name_is_not_understood_may_leave_it_out() -> None:
    walk = come("name")
    walk.say("Card")
    shown = walk.say("Card")
    assert "छोड़ दें" in [title for one in shown for _, title, _ in one.options]
    walk.say("छोड़ दें")
    draft = walk.phone.conversation.draft
    assert draft is not None and (draft.step, draft.name) == ("confirm", None)


def test_of_a_closed_case_is_said_that_it_can_be_opened_again() -> None:
    walk = come("closed")
    shown = walk.say("fir se bigad gaya hai")
    assert "फिर से खोली जा सकती है" in shown[0].text
