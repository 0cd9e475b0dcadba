"""Rules of the machine that a transcript does not show: what is fetched, what is told outside the provider's
24 hours, what is looked up, what is kept and what is forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml

from services.intake.whatsapp.conversation.core import machine as timing
from services.intake.whatsapp.conversation.core.inbound import Inbound, Person
from services.intake.whatsapp.conversation.core.machine import remember
from services.intake.whatsapp.conversation.core.model import (
    MOST_PARKED,
    MOST_PENDING,
    MOST_REMEMBERED,
    MOST_TOLD,
    CasesWanted,
    Conversation,
    File,
    Reply,
)
from services.kernel.domain.filing import MOST_TEXT
from services.kernel.domain.media import MOST_MEDIA, media_id
from services.notify.adapters.book_file import DATA, TEMPLATES
from tests.conftest import sample
from tests.conversation.town import MACHINE
from tests.unit.intake.whatsapp.walking import NUMBER, Action, Walk

DISTRICT = sample("janjgir-champa")
PERSON = Person(NUMBER, None, "राम कुमार")
STORY = "मेरा हैंडपंप खराब है"


def walk(*steps: str | Action, person: Person = PERSON) -> Walk:
    """Strings are what he says."""
    made = Walk(DISTRICT, person)
    for step in steps:
        made.take(("say", step) if isinstance(step, str) else step)
    return made


def replies(made: Walk) -> Iterator[Reply]:
    return (reply for turn in made.phone.turns for reply in turn.replies)


FILED = (STORY, "1", "तरौद", "राम कुमार", "हाँ")

# ------------------------------------------------------------------ what is looked up


@pytest.mark.parametrize("text", ["नमस्ते", "मेनू", "मदद", "नई शिकायत", "???", "English", "बात करनी है"])
def test_nothing_is_looked_up_for_what_needs_no_case(text: str) -> None:
    made = walk()
    MACHINE.step(Conversation(), _inbound(made, text), made.town.world(made.phone))


@pytest.mark.parametrize("text", ["स्थिति", "JC-2600001013", STORY, "1"])
def test_cases_are_asked_for_where_they_count(text: str) -> None:
    made = walk()
    with pytest.raises(CasesWanted):
        MACHINE.step(Conversation(), _inbound(made, text), made.town.world(made.phone))


def _inbound(made: Walk, text: str) -> Inbound:
    return Inbound("in", made.town.now, made.town.now, "text", made.person, text)


# ------------------------------------------------------------------ files


def test_a_file_is_fetched_once_under_an_id_of_its_message() -> None:
    said = ("पता नहीं", "पता नहीं", "राम कुमार", "हाँ")
    made = walk(("media", "image", ""), ("media", "audio", ""), *said)
    wanted = [one for turn in made.phone.turns for one in turn.wanted]
    assert [one.id for one in wanted] == [media_id("in-1"), media_id("in-2")]
    (case,) = made.town.cases.values()
    assert case.case is not None
    assert case.case.media == tuple(one.id for one in wanted)
    assert case.case.unwritten == (media_id("in-2"),)


def test_a_recording_for_an_open_case_waits_to_be_written_down() -> None:
    made = walk(*FILED, ("office", 0, "ask_citizen"), ("media", "audio", ""), ("say", "हाँ"))
    (followed,) = made.town.cases.values()
    assert followed.case is not None
    assert followed.case.unwritten == (media_id("in-6"),)
    his = [entry.action for entry in followed.case.history if entry.role == "citizen"]
    assert his == ["attach", "answer"]


def test_a_draft_takes_so_many_files_and_what_is_said_with_more() -> None:
    made = walk(STORY, *[("media", "image", "")] * MOST_MEDIA, ("media", "image", "और यह भी देखिए साहब"))
    draft = made.phone.conversation.draft
    assert draft is not None and len(draft.media) == MOST_MEDIA
    assert "और यह भी देखिए साहब" in draft.text
    more = [("media", "image", "")] * 3
    told = replies(walk(STORY, *[("media", "image", "")] * MOST_MEDIA, *more))
    assert sum(f" {MOST_MEDIA} " in reply.text for reply in told) == 1


def test_what_waits_is_fetched_when_it_is_known_where_it_goes() -> None:
    made = walk(*FILED, ("office", 0, "ask_citizen"), ("media", "image", ""))
    assert not any(turn.wanted for turn in made.phone.turns[-1:])
    made.take(("say", "हाँ"))
    assert [one.id for turn in made.phone.turns for one in turn.wanted] == [media_id("in-6")]


# ------------------------------------------------------------------ words


def test_a_story_has_as_many_letters_as_a_case_takes() -> None:
    long = "पानी नहीं आ रहा है। " * 300
    made = walk(STORY, long, long, ("edit", 0, long))
    draft = made.phone.conversation.draft
    assert draft is not None and MOST_TEXT - 10 < len(draft.text) <= MOST_TEXT


def test_danger_is_told_of_once_for_a_draft_and_again_for_the_next() -> None:
    wire = "बिजली का तार टूटकर गिर गया है करंट है"
    made = walk(wire, f"{wire} अभी भी", "1", "तरौद", "राम कुमार", "हाँ", wire)
    urgent = [reply for reply in replies(made) if reply.urgent]
    assert len(urgent) == 2 and all("112" in reply.text for reply in urgent)


# ------------------------------------------------------------------ outside the 24 hours


def test_templates_are_given_the_values_that_they_name() -> None:
    templates = yaml.safe_load((DATA / TEMPLATES).read_text("utf-8"))["templates"]
    done: Action = ("office", 0, "resolve")
    steps: list[str | Action] = [*FILED, done, "2", "अभी भी खराब है पूरा", done, "1"]
    steps += [*FILED, "स्थिति", "1", "वापस लें", "हाँ"]
    fallbacks = [reply.fallback for reply in replies(walk(*steps)) if reply.fallback]
    assert Counter(one.template for one in fallbacks) == {
        "citizen_filed": 2,
        "citizen_reopened": 1,
        "citizen_confirmed": 1,
        "citizen_withdrawn": 1,
    }
    for one in fallbacks:
        variables = set(templates[one.template]["variables"])
        texts = [text["text"] for text in templates[one.template].get("sms", {}).values()]
        named = {name for name in ("at",) if any(f"{{{name}}}" in text for text in texts)}
        assert variables | named <= one.values.keys() | {"at"}
        assert named <= one.values.keys()
        assert all(one.values.values())


# ------------------------------------------------------------------ what is kept


def test_only_so_much_is_kept() -> None:
    steps: list[str | Action] = []
    for number in range(MOST_REMEMBERED + 3):
        steps += [STORY, "1", "तरौद", f"राम {'अआइईउऊएऐओऔ'[number % 10]}कुमार", "हाँ", ("wait", 60)]
    known = walk(*steps).phone.conversation
    assert len(known.filed) == MOST_REMEMBERED
    assert len(known.told) <= MOST_TOLD
    assert len(known.names) <= 5
    assert known.drafts == MOST_REMEMBERED + 3


def test_no_more_drafts_wait_than_are_told_of() -> None:
    made = walk()
    for number in range(MOST_PARKED + 2):
        made.say(f"सड़क नंबर {number} टूट गई है")
        made.say("नई शिकायत")
        if number < MOST_PARKED:
            made.tap(f"park.{number + 1}.new")
    known = made.phone.conversation
    assert len(known.parked) == MOST_PARKED
    assert not [option.id for option in known.offered if option.id.endswith(".new")]
    before = known.draft
    made.tap("park.1.new")  # of an earlier question
    assert made.phone.conversation.draft == before
    assert made.phone.conversation.parked == known.parked


def test_no_more_waits_than_is_kept() -> None:
    asked = (*FILED, ("office", 0, "ask_citizen"))
    made = walk(*asked, *[("media", "image", "")] * (MOST_PENDING + 3))
    assert len(made.phone.conversation.pending) == MOST_PENDING


def test_a_message_of_ours_is_remembered_once() -> None:
    once = remember(Conversation(), "out-1", "2600001013")
    assert once.told == (("out-1", "2600001013"),)
    assert once.noticed == "2600001013"
    assert remember(once, "out-1", "2600001013") is once


# ------------------------------------------------------------------ what is forgotten


@pytest.mark.parametrize(
    ("steps", "after", "forgotten"),
    [
        (("स्थिति", "3"), timing.RESUME_AFTER, True),  # a "yes" of next day withdraws nothing
        (("स्थिति", "1"), timedelta(minutes=15), True),  # what comes later may be something new
        (("स्थिति", "1"), timedelta(minutes=10), False),
        ((("office", 0, "resolve"), "2"), timedelta(hours=5), False),
        ((("office", 0, "resolve"), "2"), timing.FORGET_AFTER, True),
    ],
)
def test_what_was_asked_is_forgotten_in_time(
    steps: tuple[str | Action, ...], after: timedelta, forgotten: bool
) -> None:
    made = walk(*FILED, *steps)
    before = made.phone.conversation.at
    made.town.now += after + timedelta(seconds=1)
    made.say("???")
    assert (made.phone.conversation.at != before) is forgotten


def test_a_yes_of_the_next_day_withdraws_nothing() -> None:
    made = walk(*FILED, "स्थिति", "3", ("wait", 90_000), "हाँ")
    (case,) = made.town.cases.values()
    assert case.state == "assigned"


def test_a_number_after_hours_does_not_file() -> None:
    made = walk(*FILED[:-1], ("wait", 7200), "1")
    assert not made.town.cases
    assert made.phone.conversation.at == "resume"


def test_a_reaction_is_no_sign_of_life() -> None:
    made = walk(*FILED[:-1], ("wait", 7200), ("react", 0), "1")
    assert made.phone.conversation.at == "resume"


# ------------------------------------------------------------------ one at a time


def test_a_draft_that_is_taken_up_puts_the_one_in_hand_aside() -> None:
    made = walk("सड़क टूट गई है", "नई शिकायत", "2", "शिकायत", *FILED)
    assert made.phone.conversation.at == "parked"
    made.say("राशन दुकान से राशन नहीं मिला")
    made.tap("park.take")
    known = made.phone.conversation
    assert known.draft is not None and known.draft.text == "सड़क टूट गई है"
    assert [draft.text for draft in known.parked] == ["राशन दुकान से राशन नहीं मिला"]


def test_a_card_of_before_a_correction_files_nothing() -> None:
    made = walk(*FILED[:-1], "बदलें", "विषय")
    made.tap("1.confirm.yes")
    assert not made.town.cases
    draft = made.phone.conversation.draft
    assert draft is not None and draft.step == "service"


@pytest.mark.parametrize(
    ("faults", "step"),
    [
        (("text",), "story"),
        (("citizen.name",), "name"),
        (("place.village",), "place"),
        (("media",), "service"),
    ],
)
def test_what_cannot_be_filed_is_asked_again(faults: tuple[str, ...], step: str) -> None:
    made = walk(*FILED[:-1], ("refuse",))
    made.town.faults = faults
    made.say("हाँ")
    draft = made.phone.conversation.draft
    assert draft is not None and draft.step == step
    assert bool(draft.parts) is (step != "story")


def test_what_is_confidential_can_be_made_open_again() -> None:
    made = walk(*FILED[:-1], "बदलें", "गोपनीय रखें", "बदलें", "गोपनीय न रखें", "हाँ")
    (case,) = made.town.cases.values()
    assert case.case is not None and not case.case.confidential


@pytest.mark.parametrize(
    ("person", "steps", "user_id"),
    [
        (PERSON, FILED, None),
        (Person(None, "IN.1001", "मीरा"), (*FILED[:-1], "छोड़ दें", "हाँ"), "IN.1001"),
    ],
)
def test_who_shows_no_number_is_reached_by_his_id(
    person: Person, steps: tuple[str, ...], user_id: str | None
) -> None:
    ((effect, _),) = walk(*steps, person=person).town.done
    assert isinstance(effect, File) and effect.application.user_id == user_id


def test_an_answer_to_a_message_is_about_that_whatever_else_was_asked() -> None:
    made = walk(*FILED, ("office", 0, "resolve"))
    notice = made.phone.shown[-1].id
    made.say("मेनू")
    made.send(replace(_inbound(made, "1"), id="in-x", replies_to=notice))
    (case,) = made.town.cases.values()
    assert case.state == "closed"


def test_what_is_filed_is_what_was_shown() -> None:
    made = walk(*FILED[:-1], "मेनू", ("edit", 0, "मेरा हैंडपंप और नल दोनों खराब हैं"))
    shown = made.tap("1.confirm.yes")
    assert not made.town.cases
    assert "हैंडपंप और नल" in shown[-1].text
    made.tap("1.confirm.yes")
    assert len(made.town.cases) == 1


def test_a_call_is_promised_about_the_case_that_is_looked_at() -> None:
    made = walk(*FILED, "स्थिति", "बात करनी है", "हाँ")
    (call,) = made.town.callbacks
    assert call.ticket == next(iter(made.town.cases))
    assert (call.phone, call.name) == (NUMBER, "राम कुमार")


def test_words_for_a_case_that_moved_on_are_kept_with_it() -> None:
    made = walk(*FILED, ("office", 0, "ask_citizen"), "स्थिति", "1", ("refuse",), "स्कूल वाला पंप है")
    (case,) = made.town.cases.values()
    assert case.case is not None
    last = case.case.history[-1]
    assert (last.action, last.note) == ("attach", "स्कूल वाला पंप है")


def test_an_old_button_throws_no_other_draft_away() -> None:
    made = walk("सड़क टूट गई है", "नई शिकायत")
    old = next(o.id for o in made.phone.conversation.offered if o.id.endswith(".drop"))
    made.tap(old.replace(".drop", ".new"))
    made.say("बिजली बंद है")
    before = made.phone.conversation
    made.tap(old)
    assert made.phone.conversation.draft == before.draft
    assert made.phone.conversation.parked == before.parked


def test_a_tapped_stop_is_heard_as_a_typed_one() -> None:
    made = walk("सड़क टूट गई है")
    draft = made.phone.conversation.draft
    made.tap("anything", "STOP")
    assert made.phone.conversation.opted_out
    assert made.phone.conversation.draft == draft


def test_who_floods_is_still_told_whom_to_call_in_danger() -> None:
    made = walk()
    for number in range(300):
        made.say(f"सड़क {number} टूटी है")
        if made.phone.conversation.flooded:
            break
    assert made.phone.conversation.flooded
    shown = made.say("बिजली का तार टूटकर गिर गया है, करंट है")
    assert any("112" in one.text for one in shown)
