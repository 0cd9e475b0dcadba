"""Who wrote by WhatsApp, when, in what words, and who is reached elsewhere now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.domain.choices import choices
from services.kernel.domain.whatsapp_people import (
    MOST_WORDS,
    Change,
    Move,
    Sender,
    changes_of,
    contact_of,
    number_of,
    sender_of,
    tapped_of,
    typed_text,
    user_of,
    word,
    words_of,
    written_at,
)

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
OLD, NEW = "+919876543210", "+919812345678"
USER, NEW_USER = "IN.13491208655302741918", "IN.20000000000000000002"


def reply(kind: str, told: object) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, kind: told}}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"type": "text", "text": {"body": "बंद"}}, "बंद"),
        ({"type": "text", "text": {"body": f" \n stop{' ' * 200}"}}, "stop"),
        ({"type": "button", "button": {"text": " STOP ", "payload": "p"}}, "STOP"),
        (reply("button_reply", {"id": "1", "title": "हाँ"}), "हाँ"),
        (reply("button_reply", {"title": "हाँ"}), "हाँ"),
        (reply("list_reply", {"id": "1", "title": "Water", "description": "stop"}), "Water"),
        (reply("nfm_reply", {"body": "stop"}), ""),
        (reply("button_reply", "stop"), ""),
        ({"type": "interactive", "interactive": "stop"}, ""),
        ({"type": "image", "image": {"id": "1", "caption": "बंद"}}, ""),
        ({"type": "image", "image": {"caption": "बंद"}}, ""),
        ({"type": "location", "location": {"name": "बंद"}}, ""),
        ({"type": "reaction", "reaction": {"message_id": "1", "emoji": "🛑"}}, ""),
        ({"type": "edit", "edit": {"id": "1", "message": {"type": "text", "text": {"body": "x"}}}}, ""),
        ({"type": "system", "system": {"body": "stop"}}, ""),
        ({"type": "image", "text": {"body": "stop"}, "button": {"text": "stop"}}, ""),
        ({"type": "text", "text": {"body": 3}}, ""),
        ({"type": "text"}, ""),
        ({}, ""),
    ],
)
def test_what_may_be_a_wish_for_no_more_messages(item: dict[str, Any], text: str) -> None:
    assert typed_text({"from": "919876543210", **item}) == text


def test_a_wish_is_one_however_many_spaces_stand_around_it() -> None:
    assert choices().wants(typed_text({"type": "text", "text": {"body": "stop" + " " * 200}})) is False


@pytest.mark.parametrize(
    ("item", "tapped"),
    [
        ({"type": "button", "button": {"text": "हाँ", "payload": "yes/1"}}, ("yes/1", "हाँ")),
        ({"type": "button", "button": {"text": "हाँ"}}, ("", "हाँ")),
        (reply("list_reply", {"id": 7}), ("7", "")),
        (
            {"type": "interactive", "interactive": {"button_reply": {}, "list_reply": {"id": "a"}}},
            ("a", ""),
        ),
        ({"type": "text", "button": {"text": "हाँ", "payload": "yes/1"}}, ("", "")),
    ],
)
def test_what_was_tapped(item: dict[str, Any], tapped: tuple[str, str]) -> None:
    assert tapped_of(item) == tapped


class TestWhoWrote:
    @pytest.mark.parametrize("sender", ["919876543210", "+919876543210", 919876543210])
    def test_by_his_number(self, sender: Any) -> None:
        assert sender_of({"from": sender}) == Sender(OLD)

    @pytest.mark.parametrize("sender", [None, "", "0123456789", "9" * 16, "९८", [], True])
    def test_nobody(self, sender: Any) -> None:
        assert sender_of({"from": sender}).addresses == ()

    @pytest.mark.parametrize(
        "item", [{"from_user_id": USER}, {"from": USER}, {"from": "", "from_user_id": USER}]
    )
    def test_by_his_user_id_alone(self, item: dict[str, Any]) -> None:
        assert sender_of(item).addresses == (USER,)

    def test_the_number_comes_first_where_both_are_told(self) -> None:
        both = sender_of({"from": OLD[1:], "from_user_id": USER})
        assert both == Sender(OLD, USER)
        assert both.addresses == (OLD, USER)

    def test_what_the_body_says_of_him(self) -> None:
        his = {"wa_id": OLD[1:], "user_id": USER}
        other = {"wa_id": NEW[1:], "user_id": NEW_USER}
        assert sender_of({"from_user_id": USER}, (his,)) == Sender(OLD, USER)
        assert sender_of({"from_user_id": USER}, (other, his)) == Sender(OLD, USER)
        assert sender_of({"from": OLD[1:]}, (other, his)) == Sender(OLD, USER)
        # of several, none of which is his, nothing is believed
        third = {"wa_id": "919800000000"}
        assert sender_of({"from_user_id": USER}, (other, third)) == Sender(None, USER)

    def test_a_single_contact_is_his_in_whatever_form_and_among_what_is_none(self) -> None:
        his = {"wa_id": "5215512345678", "profile": {"name": "Juan"}}
        strange: list[Any] = [None, "x", his]
        assert contact_of({"from": "525512345678"}, strange) == his
        assert sender_of({"from": "525512345678"}, strange) == Sender("+525512345678")
        assert contact_of({"from": OLD[1:]}, ()) == {}

    def test_what_the_provider_itself_tells_was_written_by_nobody(self) -> None:
        told = {"type": "system", "from": OLD[1:], "from_user_id": USER}
        assert sender_of(told, ({"wa_id": OLD[1:]},)).addresses == ()

    def test_personal_data_do_not_show(self) -> None:
        change = Change(Sender(OLD, USER), AT, OLD, USER, (Move(OLD, USER),))
        shown = repr((Sender(OLD, USER), change))
        assert OLD not in shown
        assert USER not in shown


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("1767587300", AT - timedelta(seconds=100)),
        (1767587300, AT - timedelta(seconds=100)),
        ("1767587500", AT),
        ("", AT),
        ("९", AT),
        ("123456789012", AT),
        ("999999999999", AT),
        (None, AT),
        (-5, AT),
    ],
)
def test_when_it_was_written(timestamp: Any, at: datetime) -> None:
    assert written_at({"timestamp": timestamp}, AT) == at


def system(kind: str, sender: dict[str, Any], **told: Any) -> dict[str, Any]:
    return {"type": "system", **sender, "system": {"type": kind, "body": "made up", **told}}


FROM_OLD = {"from": OLD[1:]}
CHANGES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (system("user_changed_number", FROM_OLD, wa_id=NEW[1:]), [(OLD, NEW)]),
    (system("customer_changed_number", FROM_OLD, new_wa_id=NEW[1:]), [(OLD, NEW)]),
    (
        system("customer_changed_number", {}, new_wa_id=NEW[1:], customer=OLD[1:]),
        [(OLD, NEW)],
    ),
    (
        system(
            "user_changed_number",
            {**FROM_OLD, "from_user_id": NEW_USER},
            wa_id=NEW[1:],
            user_id=NEW_USER,
            previous_user_id=USER,
        ),
        [(OLD, NEW), (USER, NEW_USER)],
    ),
    # the new number is not shown any more
    (
        system("user_changed_number", FROM_OLD, user_id=NEW_USER, previous_user_id=USER),
        [(OLD, NEW_USER), (USER, NEW_USER)],
    ),
    (
        system("user_changed_user_id", {"from_user_id": NEW_USER}, previous_user_id=USER),
        [(USER, NEW_USER)],
    ),
    (
        system("user_changed_user_id", {"from_user_id": USER}, user_id=NEW_USER),
        [(USER, NEW_USER)],
    ),
    (
        system("user_id_update", {"from_user_id": USER}, new_user_id=NEW_USER),
        [(USER, NEW_USER)],
    ),
    # his number is as it was
    (
        system(
            "user_changed_user_id", FROM_OLD, wa_id=NEW[1:], user_id=NEW_USER, previous_user_id=USER
        ),
        [(USER, NEW_USER)],
    ),
    (
        {
            "field": "user_id_update",
            "value": {
                "user_id_update": [
                    {"wa_id": OLD[1:], "user_id": {"previous": USER, "current": NEW_USER}},
                    "nothing",
                ]
            },
        },
        [(USER, NEW_USER)],
    ),
    (system("user_changed_number", FROM_OLD, wa_id=OLD[1:]), []),
    (system("user_changed_number", FROM_OLD), []),
    (system("user_changed_number", {}, wa_id=NEW[1:]), []),
    (system("user_changed_number", FROM_OLD, wa_id="soon"), []),
    (system("user_changed_user_id", {"from_user_id": USER}), []),
    (system("user_changed_user_id", {"from_user_id": USER}, user_id=USER), []),
    (system("user_joined", FROM_OLD, wa_id=NEW[1:]), []),
    ({"type": "system", "from": OLD[1:], "system": "x"}, []),
    ({"type": "text", "from": OLD[1:], "system": {"type": "user_changed_number"}}, []),
    ({"field": "user_id_update", "value": {"user_id_update": {}}}, []),
]


@pytest.mark.parametrize(("item", "moves"), CHANGES)
def test_who_is_reached_elsewhere(item: dict[str, Any], moves: list[tuple[str, str]]) -> None:
    told = [move for change in changes_of(item, AT) for move in change.moves]
    assert [(move.old, move.new) for move in told] == moves
    if not moves:
        assert changes_of(item, AT) == ()


def test_who_he_was_and_what_is_new() -> None:
    both = system(
        "user_changed_number",
        {**FROM_OLD, "from_user_id": NEW_USER, "timestamp": "1767587300"},
        wa_id=NEW[1:],
        previous_user_id=USER,
    )
    (change,) = changes_of(both, AT)
    assert change.was == Sender(OLD, USER)
    assert (change.number, change.user) == (NEW, NEW_USER)
    assert change.at == AT - timedelta(seconds=100)


def test_who_has_got_a_user_id_beside_his_number_is_reached_as_before() -> None:
    (change,) = changes_of(system("user_changed_user_id", FROM_OLD, user_id=USER), AT)
    assert (change.was, change.number, change.user) == (Sender(OLD), None, USER)
    assert change.moves == ()


def test_where_the_number_stays_nobody_moves() -> None:
    sender = {**FROM_OLD, "from_user_id": USER}
    assert changes_of(system("user_changed_number", sender, wa_id=OLD[1:]), AT) == ()


def test_a_list_of_people_with_other_user_ids() -> None:
    entries: list[Any] = [
        {
            "wa_id": OLD[1:],
            "user_id": {"previous": USER, "current": NEW_USER},
            "timestamp": "1767587300",
        },
        "nothing",
        {"user_id": {"previous": "IN.3", "current": "IN.3"}},
        {"user_id": {"previous": "IN.4", "current": "IN.5"}},
    ]
    item = {"field": "user_id_update", "value": {"user_id_update": entries}}
    assert changes_of(item, AT) == (
        Change(
            Sender(OLD, USER), AT - timedelta(seconds=100), None, NEW_USER, (Move(USER, NEW_USER),)
        ),
        Change(Sender(None, "IN.4"), AT, None, "IN.5", (Move("IN.4", "IN.5"),)),
    )


# ------------------------------------------------------------------- single fields


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), ("", ""), (7, "7"), (-7, "-7"), (10**20 - 1, "9" * 20), (10**20, ""), (10**5000, ""),
     (True, ""), (1.5, ""), (None, ""), ([], "")],
    ids=range(11),
)  # fmt: skip
def test_an_id_as_text(value: object, text: str) -> None:
    assert word(value) == text


def test_words_are_trimmed_cut_and_kept_by_every_store() -> None:
    assert words_of(" a\x00b\ud800 ") == "a\ufffdb\ufffd"
    assert words_of("क" * 100_000) == "क" * MOST_WORDS
    assert words_of(5) == ""


@pytest.mark.parametrize(
    ("value", "user"),
    [(USER, USER), ("IN.ENT.2", "IN.ENT.2"), ("IN.", None), ("IND.1", None), ("IN.1\n", None), (1, None)],
)
def test_a_user_id(value: object, user: str | None) -> None:
    assert user_of(value) == user


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**19, 10**21)
    | st.sampled_from([OLD, OLD[1:], NEW[1:], USER, NEW_USER, "system", "text", "button", "interactive"])
    | st.text(st.characters(codec=None), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["body", "button_reply", "title", "previous", "current", "user_id"]),
            inner,
        )
    ),
    max_leaves=8,
)
FIELDS = ["type", "text", "from", "from_user_id", "system", "field", "value", "timestamp", "button",
          "interactive"]  # fmt: skip
TOLD = ["wa_id", "user_id", "previous_user_id", "new_wa_id", "new_user_id", "customer", "timestamp"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON),
    st.lists(st.dictionaries(st.sampled_from(["wa_id", "user_id"]), JSON) | JSON, max_size=2),
    st.dictionaries(st.sampled_from(TOLD), JSON),
)
def test_nothing_of_a_message_is_a_fault(
    item: dict[str, Any], contacts: list[Any], told: dict[str, Any]
) -> None:
    sender = sender_of(item, contacts)
    assert sender.number == number_of(sender.number)
    assert sender.user == user_of(sender.user)
    assert typed_text(item) == typed_text(item).strip()
    assert written_at(item, AT) <= AT
    listed = {"field": "user_id_update", "value": {"user_id_update": [told, item]}}
    kinds = ("user_changed_number", "user_changed_user_id")
    systems = [{**item, "type": "system", "system": {**told, "type": kind}} for kind in kinds]
    for change in (one for told_of in (item, listed, *systems) for one in changes_of(told_of, AT)):
        assert change.was.addresses
        assert change.number or change.user
        assert change.at <= AT
        assert change.number != change.was.number or change.number is None
        for move in change.moves:
            assert move.old in change.was.addresses
            assert move.new in (change.number, change.user)
