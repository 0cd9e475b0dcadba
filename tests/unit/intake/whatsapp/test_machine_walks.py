"""Whatever is sent, in whatever order: nothing raises, every reply fits the provider, nothing is filed that
was not confirmed, no two stories mix, and there is always a way on."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.whatsapp.conversation.core.inbound import Person
from tests.conftest import sample
from tests.unit.intake.whatsapp.walking import NUMBER, Action, Walk, walks

PEOPLE = st.sampled_from(
    [
        Person(NUMBER, None, "Ram Kumar"),
        Person(NUMBER, None, "🌸"),
        Person(NUMBER, "IN.1001", "राम " * 30),
        Person(None, "IN.1001", "सीता"),
    ]
)
DISTRICT = sample("janjgir-champa")
WALKS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MOST_STEPS = 25


def walked(person: Person, steps: list[Action]) -> Walk:
    walk = Walk(DISTRICT, person)
    for step in steps:
        walk.take(step)
    return walk


@WALKS
@given(person=PEOPLE, steps=walks)
def test_whatever_is_sent(person: Person, steps: list[Action]) -> None:
    walk = walked(person, steps)
    walk.check_store()
    assert walked(person, steps).log == walk.log


@WALKS
@given(person=PEOPLE, steps=walks)
def test_an_open_draft_can_be_filed_by_answering(person: Person, steps: list[Action]) -> None:
    walk = at_rest(walked(person, steps))
    if walk.phone.conversation.draft is None:
        walk.say("नई शिकायत")
    walk.town.refuse = 0
    number = walk.phone.conversation.drafts
    draft = walk.phone.conversation.draft
    number = draft.number if draft is not None else number
    for _ in range(MOST_STEPS):
        if number in dict(walk.phone.conversation.filed):
            return
        answer_what_is_asked(walk)
    raise AssertionError(f"stuck at {walk.phone.conversation}")


@WALKS
@given(person=PEOPLE, steps=walks)
def test_an_open_draft_can_be_cancelled(person: Person, steps: list[Action]) -> None:
    walk = at_rest(walked(person, steps))
    draft = walk.phone.conversation.draft
    if draft is None:
        return
    walk.say("रद्द करो")
    if walk.phone.conversation.draft is not None:
        walk.say("हाँ")
    after = walk.phone.conversation
    assert after.draft is None
    assert draft.number not in dict(after.filed)


@WALKS
@given(person=PEOPLE, steps=walks)
def test_the_menu_answers_from_everywhere(person: Person, steps: list[Action]) -> None:
    walk = at_rest(walked(person, steps))
    shown = walk.say("मेनू")
    assert {"menu.new", "menu.cases", "menu.human"} <= {o[0] for one in shown for o in one.options}


def at_rest(walk: Walk) -> Walk:
    """Nobody is flooded any more."""
    walk.town.now += timedelta(minutes=5)
    return walk


def answer_what_is_asked(walk: Walk) -> None:
    """The plainest answer to what is asked now, by what is offered where something is."""
    conversation = walk.phone.conversation
    draft = conversation.draft
    if draft is None or conversation.at != "draft":
        continued = [o.id for o in conversation.offered if o.id.endswith(".continue")]
        walk.tap(continued[0]) if continued else walk.say("मेनू")
        return
    offered = {option.id.partition(".")[2] for option in conversation.offered}
    plain = {
        "kind": "kind.complaint",
        "service": "service.unknown",
        "place": "place.unknown",
        "village": "village.skip",
        "phone": "phone.skip",
        "confirm": "confirm.yes",
    }
    if draft.step == "story":
        walk.say("हमारे गाँव का हैंडपंप खराब है")
    elif draft.step == "name":
        walk.say("राम कुमार")
    elif plain[draft.step] in offered:
        walk.tap(f"{draft.number}.{plain[draft.step]}")
    else:
        others = [o.id for o in conversation.offered if o.id in ("menu.back", "menu.continue")]
        others += [o.id for o in conversation.offered if o.id.endswith("place.other")]
        walk.tap(others[0]) if others else walk.say("?")
