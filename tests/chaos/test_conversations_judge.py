"""The judge of conversations names every way in which the line could fail a citizen, and the citizens of the
storm answer whatever they may be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos import conversations_judge as judge
from tests.chaos.conversations_citizen import WORDS, Citizen, Reply, Strange
from tests.chaos.conversations_judge import Receipt, Talk

TICKET, OTHER = "2600000017", "2600000023"


def filed(key: str, ticket: str = TICKET) -> Reply:
    return Reply(f"m-{key}", key, f"JC-{ticket}, see http://x/s/{ticket}/abc")


def named(key: str, ticket: str = TICKET) -> Reply:
    return Reply(f"m-{key}", key, f"already JC-{ticket}")


def well() -> Talk:
    """Two messages, of which the second filed."""
    return Talk(
        number=4,
        ticket=TICKET,
        asked=("wa/a", "wa/b"),
        replies=[Reply("m1", "wa/a/0", "Shall we register it?"), filed("wa/b/0")],
        receipts=[Receipt(TICKET, has_case=True)],
        stored=1,
        handled={"wa/a", "wa/b"},
    )


def judged(talk: Talk, *unknown: str) -> list[str]:
    return [
        *judge.cases([talk]),
        *judge.numbers([talk], unknown),
        *judge.answers([talk], unknown),
    ]


def test_a_talk_that_went_well_is_well() -> None:
    assert judged(well()) == []


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda t: replace(t, receipts=[]), "0 receipts"),
        (lambda t: replace(t, receipts=[*t.receipts, Receipt(OTHER, has_case=True)]), "2 receipts"),
        (lambda t: replace(t, receipts=[Receipt(TICKET, has_case=False)]), "has no case"),
        (lambda t: replace(t, replies=t.replies[:1]), "told 0 times"),
        (lambda t: replace(t, replies=[*t.replies, filed("wa/b/1")]), "told 2 times"),
        (lambda t: replace(t, replies=[*t.replies, named("wa/b/1")]), "his number 2 times"),
        (lambda t: replace(t, replies=[t.replies[0], filed("wa/b/0", OTHER)]), f"told of ['{OTHER}']"),
        (lambda t: replace(t, ticket=OTHER), f"holds {OTHER}"),
        (lambda t: replace(t, handled={"wa/b"}), "wa/a was not handled"),
        (lambda t: replace(t, stored=2), "2 conversations"),
        (lambda t: replace(t, replies=t.replies[1:]), "no answer to wa/a"),
        (lambda t: replace(t, replies=[*t.replies, t.replies[0]]), "wa/a/0 came 2 times"),
        (
            lambda t: replace(t, replies=[*t.replies, replace(t.replies[0], key="wa/a/1")]),
            "wa/a says the same 2 times",
        ),
        (
            lambda t: replace(t, replies=[*t.replies, Reply("m9", "wa/c/0", "?")]),
            "wa/c/0 answers nothing",
        ),
    ],
)
def test_whatever_went_wrong_is_named(spoil: Callable[[Talk], Talk], found: str) -> None:
    wrong = judged(spoil(well()))
    assert any(found in line for line in wrong), wrong


def test_two_citizens_with_one_ticket_are_named() -> None:
    assert judge.cases([well(), replace(well(), number=5)]) == [f"{TICKET} is 2 citizens'"]


def test_who_asked_again_may_be_told_his_number_twice_and_the_case_once() -> None:
    talk = replace(well(), asks_again=True, asked=("wa/a", "wa/b", "wa/c"))
    talk = replace(talk, handled=set(talk.asked), replies=[*talk.replies, named("wa/c/0")])
    assert judged(talk) == []
    again = [filed("wa/c/0") if reply.key == "wa/c/0" else reply for reply in talk.replies]
    assert any("told 2 times" in line for line in judged(replace(talk, replies=again)))


def test_a_reply_that_is_unknown_may_be_missing_and_no_other() -> None:
    talk = replace(well(), replies=well().replies[1:])
    assert judged(talk, "wa/a/0") == []
    assert judged(talk, "wa/z/0") != []
    assert judge.unknown_of({"wa/a/0:x": "unknown", "wa/b/0:x": "sent"}) == {"wa/a/0"}


# ------------------------------------------------------------------ citizens


def asks(*ids: str, text: str = "?", listed: bool = False) -> Reply:
    return Reply("m", "wa/a/0", text, tuple((id_, id_.upper()) for id_ in ids), listed)


def test_a_citizen_answers_step_by_step_until_he_has_his_number() -> None:
    one = Citizen(0)
    assert WORDS in one.first()["text"]["body"]
    (choice,) = one.answer(asks("1.service.road", "1.service.list", "1.service.unknown", listed=True))
    assert choice["interactive"]["list_reply"] == {"id": "1.service.road", "title": "1.SERVICE.ROAD"}
    (village,) = one.answer(asks("1.place.block/a", "1.place.unknown", listed=True))
    assert village["type"] == "text"
    (name,) = one.answer(asks("1.name.0", "1.name.behalf"))
    assert name["type"] == "text"
    (yes,) = one.answer(asks("1.confirm.yes", "1.confirm.edit", "1.confirm.cancel"))
    assert yes["interactive"]["button_reply"]["id"] == "1.confirm.yes"
    assert one.answer(filed("wa/a/0")) == []
    assert one.ticket == TICKET


def test_who_was_not_told_his_number_asks_for_his_cases_and_finds_it_there() -> None:
    one = Citizen(0)
    one.first()
    one.answer(asks("1.confirm.yes", "1.confirm.edit"))
    one.insisted += 1
    (cases,) = one.answer(asks("menu.new", "menu.cases", "menu.human"))
    assert cases["interactive"]["button_reply"]["id"] == "menu.cases"
    assert one.answer(replace(asks("case.1.remind"), text=f"JC-{TICKET}: in work")) == []
    assert one.ticket == TICKET


def test_who_taps_twice_confirms_twice() -> None:
    said = Citizen(4).answer(asks("1.confirm.yes", "1.confirm.edit"))
    assert len(said) == 2
    assert said[0] == said[1]


def test_who_types_digits_types_the_place_of_what_he_means() -> None:
    (said,) = Citizen(5).answer(asks("1.confirm.cancel", "1.confirm.yes"))
    assert said["text"]["body"] == "२"


def test_who_begins_with_the_menu_tells_his_story_when_he_is_asked_for_it() -> None:
    one = Citizen(2)
    one.first()
    (menu,) = one.answer(asks("menu.new", "menu.cases"))
    assert menu["interactive"]["button_reply"]["id"] == "menu.new"
    assert one.answer(asks()) == []
    (kind,) = one.answer(asks("1.kind.complaint", "1.kind.demand"))
    assert kind["interactive"]["button_reply"]["id"] == "1.kind.complaint"
    (story,) = one.answer(asks())
    assert WORDS in story["text"]["body"]
    assert one.answer(asks()) == []


def test_who_hides_his_number_is_known_by_his_id_alone() -> None:
    one = Citizen(6)
    assert one.address == one.user
    assert "from" not in one.item("wamid.1", 0.0, one.first())
    assert "wa_id" not in one.contact


def test_what_nobody_would_know_how_to_answer_is_strange() -> None:
    one = Citizen(0)
    one.first()
    with pytest.raises(Strange):
        one.answer(asks("menu.human", "menu.back", text="stuck"))
    with pytest.raises(Strange):
        one.answer(asks("case.1.remind"))
