"""Who wrote by WhatsApp, what, and who is reached elsewhere now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.adapters.whatsapp_people import (
    Changed,
    Sender,
    changes_of,
    is_of_the_system,
    sender_of,
    text_of,
    written_at,
)
from tests.unit.notify.test_provider_receipts import JSON

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
OLD, NEW = "+919876543210", "+919812345678"
USER, NEW_USER = "IN.13491208655302741918", "IN.20000000000000000002"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"type": "text", "text": {"body": "बंद"}}, "बंद"),
        ({"type": "button", "button": {"text": "STOP", "payload": "p"}}, "STOP"),
        (
            {
                "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "हाँ"}},
            },
            "हाँ",
        ),
        (
            {
                "type": "interactive",
                "interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Water"}},
            },
            "Water",
        ),
        ({"type": "interactive", "interactive": {"nfm_reply": {}}}, None),
        ({"type": "image", "image": {"id": "1", "caption": "x"}}, None),
        ({"type": "text", "text": {"body": 3}}, None),
        ({"type": "text"}, None),
        ({}, None),
    ],
)
def test_what_was_written(item: dict[str, Any], text: str | None) -> None:
    assert text_of({"from": "919876543210", **item}) == text


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

    def test_personal_data_do_not_show(self) -> None:
        shown = repr((Sender(OLD, USER), Changed(OLD, USER)))
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


@pytest.mark.parametrize(("item", "changes"), CHANGES)
def test_another_number_or_user_id(item: dict[str, Any], changes: list[tuple[str, str]]) -> None:
    assert [(change.old, change.new) for change in changes_of(item)] == changes


def test_what_the_system_says_was_written_by_nobody() -> None:
    assert is_of_the_system(CHANGES[0][0])
    assert not is_of_the_system({"type": "text"})


FIELDS = ["type", "text", "from", "from_user_id", "system", "field", "value", "timestamp", "button"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON),
    st.lists(st.dictionaries(st.sampled_from(["wa_id", "user_id"]), JSON), max_size=2),
    st.dictionaries(
        st.sampled_from(["wa_id", "user_id", "previous_user_id", "new_wa_id", "customer"]), JSON
    ),
)
def test_nothing_of_a_message_is_a_fault(
    item: dict[str, Any], contacts: list[dict[str, Any]], told: dict[str, Any]
) -> None:
    sender_of(item, contacts)
    text_of(item)
    changes_of(item)
    assert written_at(item, AT) <= AT
    for kind in ("user_changed_number", "user_changed_user_id"):
        for change in changes_of({**item, "type": "system", "system": {**told, "type": kind}}):
            assert change.old != change.new
