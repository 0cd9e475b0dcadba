"""From a webhook's body to what the conversation hears."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.whatsapp.conversation.core.inbound import Inbound, Location, Media, Person
from services.intake.whatsapp.conversation.core.reading import heard_of, read, read_all
from services.intake.whatsapp.webhook import body as webhook
from services.kernel.domain import tickets
from services.kernel.domain.naming import Names
from services.kernel.domain.whatsapp_people import MOST_WORDS, typed_text
from tests.unit.intake.whatsapp.calling import body, change, shapes

AT = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
CASES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("shapes_reading.yaml").read_text("utf-8")
)
RAM = Person(number="+919999900301")
TEXT = shapes("messages")[0]


def read_body(sent: dict[str, Any]) -> list[Inbound | None]:
    """Every message of a body, through the webhook's hands."""
    taken = webhook.take_apart(webhook.read(json.dumps(sent).encode()))
    return [read(piece.item, piece.contacts, AT) for piece in taken.pieces]


def read_one(item: dict[str, Any], *contacts: dict[str, Any]) -> Inbound:
    (inbound,) = read_body(body(change(contacts=list(contacts), messages=[item])))
    assert inbound is not None
    return inbound


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_documented_shape(case: dict[str, Any]) -> None:
    sent = case.get("change") or change(
        contacts=case.get("contacts", []), messages=[case.get("message")]
    )
    (inbound,) = read_body(body(sent))
    if case["read"] is None:
        assert inbound is None
        return
    item = case.get("message", {})
    told = dict(case["read"])
    seconds = int(item.get("timestamp", "1767607215"))
    expected = Inbound(
        id=item["id"] if item else "",
        at=AT,
        written_at=datetime.fromtimestamp(seconds, UTC),
        sort=told.pop("sort"),
        person=Person(**told.pop("person")) if "person" in told else RAM,
        media=Media(**told.pop("media")) if "media" in told else None,
        location=Location(**told.pop("location")) if "location" in told else None,
        **told,
    )
    assert inbound is not None
    if not item:  # a change has no id
        assert inbound.id.startswith("made/")
        inbound = replace(inbound, id="")
    assert asdict(inbound) == asdict(expected)


@pytest.mark.parametrize("item", shapes("messages"), ids=lambda item: item["id"])
def test_every_shape_that_the_webhook_keeps_is_heard(item: dict[str, Any]) -> None:
    assert read_one(item).id == item["id"]


BESIDE = {"a photo whose file the provider lost", "a pin off the earth"}
"""Words that stand alone by accident: a story, and no wish for no more messages."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_may_be_a_wish_is_what_was_typed_or_tapped(case: dict[str, Any]) -> None:
    """Whoever keeps the wish and whoever talks must take the same messages for one, or nobody answers."""
    told = case["read"] or {"sort": "other"}
    wish = case["name"] not in BESIDE and told["sort"] in ("text", "choice")
    assert typed_text(case.get("message") or case["change"]) == (told["text"] if wish else "")


def test_each_of_several_people_has_another_user_id() -> None:
    entries = [
        {"user_id": {"previous": f"IN.{n}", "current": f"IN.{n + 10}"}, "timestamp": f"176760721{n}"}
        for n in range(3)
    ]
    item = {"field": "user_id_update", "value": {"user_id_update": entries}}
    heard = read_all(item, (), AT)
    assert [(one.person.user, one.now_user) for one in heard] == [
        ("IN.0", "IN.10"), ("IN.1", "IN.11"), ("IN.2", "IN.12"),
    ]  # fmt: skip
    assert [one.written_at.second for one in heard] == [10, 11, 12]
    assert {one.sort for one in heard} == {"changed"}
    assert len({one.id for one in heard}) == 3
    assert read(item, (), AT) == heard[0]
    assert read_all(item, (), AT) == heard


def test_of_several_senders_each_has_his_own_name() -> None:
    people = [
        {"profile": {"name": "Ram"}, "wa_id": "919999900301"},
        {"profile": {"name": "Sita"}, "user_id": "IN.1001"},
        {"profile": {"name": "Mohan"}, "wa_id": "919999900399"},
    ]
    by_user = next(item for item in shapes("messages") if item["id"] == "wamid.U1=")
    stranger = {**TEXT, "id": "wamid.Z", "from": "919999900377"}
    heard = read_body(body(change(contacts=people, messages=[TEXT, by_user, stranger])))
    assert [one.person.profile for one in heard if one is not None] == ["Ram", "Sita", ""]
    # as they would lie in a record whose contacts nobody has sorted out
    unsorted = read(TEXT, people, AT)
    assert unsorted is not None
    assert unsorted.person.profile == "Ram"


@pytest.mark.parametrize(
    "sender",
    [{}, {"from": ""}, {"from": None}, {"from": "12345"}, {"from": "0919999900301"}, {"from": True},
     {"from": ["919999900301"]}, {"from": "+"}, {"from": "9" * 600}, {"from": 10**5000},
     {"from_user_id": "no id"}, {"from": "९१९९९९९००३०१"}],
    ids=lambda sender: str(sender)[:40] if sender.get("from") != 10**5000 else "huge",
)  # fmt: skip
def test_who_cannot_be_told_is_not_heard(sender: dict[str, Any]) -> None:
    item = {name: value for name, value in TEXT.items() if name != "from"}
    assert read({**item, **sender}, (), AT) is None


def test_a_number_written_as_a_number_is_one() -> None:
    assert read_one({**TEXT, "from": 919999900301}).person == RAM


@pytest.mark.parametrize("given_id", [None, "", 0.5, {"a": 1}, "w\nx", "w" * 600, "नौ", ["x"]])
def test_without_a_usable_id_it_is_named_by_what_it_holds(given_id: Any) -> None:
    item = {**TEXT, "id": given_id}
    one = read_one(item)
    assert one.id.isascii()
    assert one.id.startswith("made/")
    assert read_one(dict(reversed(item.items()))).id == one.id
    assert read_one({**item, "text": {"body": "other"}}).id != one.id
    assert read_one({**item, "from": "919999900399"}).id != one.id
    assert read_one({**item, "timestamp": "1767607201"}).id != one.id


@pytest.mark.parametrize(
    ("timestamp", "written_at"),
    [
        ("1767607200", datetime(2026, 1, 5, 10, 0, tzinfo=UTC)),
        (1767607200, datetime(2026, 1, 5, 10, 0, tzinfo=UTC)),
        (str(int(AT.timestamp())), AT),
        (str(int(AT.timestamp()) + 1), AT),
        ("99999999999", AT),
        ("1767607200000", AT),
        ("", AT),
        ("yesterday", AT),
        ("-5", AT),
        ("१७६७६०७२००", AT),
        (1767607200.5, AT),
        (True, AT),
        (None, AT),
        ({}, AT),
    ],
)
def test_when_it_was_written(timestamp: Any, written_at: datetime) -> None:
    inbound = read_one({**TEXT, "timestamp": timestamp})
    assert (inbound.at, inbound.written_at) == (AT, written_at)


def test_what_no_store_takes_and_what_has_no_end() -> None:
    text = "क" * 100_000
    assert read_one({**TEXT, "text": {"body": text}}).text == "क" * MOST_WORDS
    raw = read({**TEXT, "text": {"body": "a\x00b\ud83d\ud800"}}, (), AT)
    assert raw is not None
    assert raw.text == "a\ufffdb\ufffd\ufffd"
    named = {"wa_id": "919999900301", "profile": {"name": "राम" * 100_000}}
    assert len(read_one(TEXT, named).person.profile) == 100


def test_its_words_and_its_people_do_not_show_in_a_log() -> None:
    case = next(case for case in CASES if case["name"] == "another number, and with it another user id")
    inbound = read_one(case["message"])
    shown = repr(replace(inbound, text="secret", location=Location(1.0, 2.0, "secret")))
    assert "secret" not in shown
    assert "9999900" not in shown
    assert "IN.100" not in shown


# ------------------------------------------------------------------- anything anywhere

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**200, 2**201)
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.sampled_from(["text", "image", "button", "system", "edit", "user_id_update", "wamid.X", "IN.1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["id", "type", "text", "body", "message", "from", "phones", "user_id"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=14,
)
KNOWN = [case["message"] for case in CASES if "message" in case]
KNOWN += [case["change"] for case in CASES if "change" in case]


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, one in inner for place in places_in(one, (*path, name)))]


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    changed = copy.deepcopy(value)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = by
    return changed


def is_sound(inbound: Inbound) -> None:
    """What the conversation may rely on."""
    assert 0 < len(inbound.id) <= 512
    assert inbound.person.number or inbound.person.user
    assert inbound.written_at <= inbound.at
    assert len(inbound.text) <= MOST_WORDS
    needed = {
        "text": inbound.text,
        "choice": inbound.choice,
        "media": inbound.media,
        "location": inbound.location,
        "reaction": inbound.about,
        "edited": inbound.about,
        "revoked": inbound.about,
        "changed": inbound.now_number or inbound.now_user,
    }
    assert needed.get(inbound.sort, True)
    for sort, field in needed.items():
        if sort not in (inbound.sort, "text", "reaction", "edited", "revoked"):
            assert not field
    assert json.loads(json.dumps(asdict(inbound), default=str).encode())
    f"{asdict(inbound)}".encode()


@settings(max_examples=400, deadline=None)
@given(data=st.data(), anything=JSON, people=JSON)
def test_anything_anywhere_is_read_or_left(data: st.DataObject, anything: Any, people: Any) -> None:
    known = data.draw(st.sampled_from(KNOWN))
    path = data.draw(st.sampled_from(places_in(known)[1:]))
    contacts = people if isinstance(people, list) else [people]
    inbound = read(replaced(known, path, anything), contacts, AT)
    if inbound is not None:
        is_sound(inbound)
        assert read(replaced(known, path, anything), contacts, AT) == inbound


@settings(max_examples=300, deadline=None)
@given(
    item=st.dictionaries(
        st.sampled_from(["id", "from", "from_user_id", "type", "context", "text", "system", "edit"])
        | st.text(max_size=5),
        JSON,
        max_size=8,
    )
)
def test_any_object_is_read_or_left(item: dict[str, Any]) -> None:
    for one in (item, {**item, "from": "919999900301"}):
        inbound = read(one, (), AT)
        assert (inbound,) == (read_all(one, (), AT)[:1] or (None,))
        for each in read_all(one, (), AT):
            is_sound(each)
        heard = heard_of(one)
        assert heard is None or all(heard)


def test_an_object_without_a_bottom_is_read() -> None:
    deep: Any = "x"
    for _ in range(2_500):
        deep = {"id": [deep]}
    inbound = read({**TEXT, "id": None, "context": deep, "text": deep}, (), AT)
    assert inbound is not None
    assert inbound.sort == "other"


# ------------------------------------------------------------------- statuses of messages about a case

TICKET = tickets.make(26, 10_423)
KEY = f"{TICKET}/case/3:{Names('secret').phone('+919999900301')}"
STATUS = {"id": "wamid.OUT1=", "status": "delivered", "recipient_id": "919999900301"}


@pytest.mark.parametrize("status", ["sent", "delivered", "read"])
@pytest.mark.parametrize("room", ["intake", "case", "sla", "notices"])
def test_a_message_about_a_case_is_known_by_the_provider_s_id(status: str, room: str) -> None:
    item = {**STATUS, "status": status, "biz_opaque_callback_data": KEY.replace("/case/", f"/{room}/")}
    assert heard_of(item) == ("wamid.OUT1=", TICKET)


@pytest.mark.parametrize(
    "change",
    [
        {"biz_opaque_callback_data": None},
        {"biz_opaque_callback_data": "choice/20260105T103000:0c26"},
        {"biz_opaque_callback_data": TICKET},
        {"biz_opaque_callback_data": f"{TICKET}/case/3"},
        {"biz_opaque_callback_data": f"{TICKET}/case/3:"},
        {"biz_opaque_callback_data": f"{TICKET}/case/x:0c26"},
        {"biz_opaque_callback_data": f"{TICKET}/case/٣:0c26"},
        {"biz_opaque_callback_data": f"{TICKET}/cellar/3:0c26"},
        {"biz_opaque_callback_data": f"{int(TICKET) + 1}/case/3:0c26"},
        {"biz_opaque_callback_data": f" {KEY}"},
        {"biz_opaque_callback_data": KEY + "x" * 500},
        {"biz_opaque_callback_data": {"key": KEY}},
        {"id": ""},
        {"id": None},
        {"id": {"a": 1}},
        {"status": "failed"},
        {"status": "deleted"},
        {"status": ["sent"]},
        {"status": None},
    ],
    ids=str,
)
def test_any_other_status_tells_of_no_case(change: dict[str, Any]) -> None:
    item = {**STATUS, "biz_opaque_callback_data": KEY, **change}
    assert heard_of(item) is None


@pytest.mark.parametrize("item", shapes("statuses"), ids=lambda item: item["status"])
def test_statuses_of_other_messages(item: dict[str, Any]) -> None:
    assert heard_of(item) is None


def test_a_minute_in_the_future_is_now() -> None:
    ahead = AT + timedelta(minutes=1)
    assert read_one({**TEXT, "timestamp": str(int(ahead.timestamp()))}).written_at == AT
