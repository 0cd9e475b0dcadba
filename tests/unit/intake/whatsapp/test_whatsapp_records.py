"""What is appended: a record a message, a status and whatever else; nothing is refused for its shape."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from services.intake.whatsapp.webhook.body import DEEPEST, read, take_apart
from services.intake.whatsapp.webhook.records import MOST_VALUE, Records
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.catalogue import TYPES
from services.kernel.domain.naming import Names
from tests.unit.intake.whatsapp.calling import NUMBER, Webhook, body, change, shapes, value

WHEN = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
TEXT = shapes("messages")[0]
READ = shapes("statuses")[2]


def received_count(kind: str) -> float:
    return REGISTRY.get_sample_value("samvad_whatsapp_received_total", {"kind": kind}) or 0.0


@pytest.mark.parametrize("item", shapes("messages"), ids=lambda item: item["id"])
async def test_every_documented_message_is_kept_as_it_came(
    webhook: Webhook, item: dict[str, Any]
) -> None:
    assert (await webhook.send(body(change(messages=[item])))).status_code == 200
    (record,), (event,) = webhook.records(), webhook.received()
    assert event.item == item
    assert (event.kind, event.number, event.district) == ("message", NUMBER, "janjgir-champa")
    assert event.at == webhook.clock()
    assert record.header("ce_id") == item["id"]
    sender = f"phone:+{item['from']}" if "from" in item else f"user:{item['from_user_id']}"
    assert record.key == webhook.names.of(sender).encode()


@pytest.mark.parametrize("item", shapes("statuses"), ids=lambda item: item["status"])
async def test_every_documented_status_is_kept_as_it_came(
    webhook: Webhook, item: dict[str, Any]
) -> None:
    assert (await webhook.send(body(change(statuses=[item])))).status_code == 200
    (record,), (event,) = webhook.records(), webhook.received()
    assert (event.kind, event.item) == ("status", item)
    assert record.header("ce_id") == f"{item['id']}/{item['status']}"
    to = item.get("recipient_id")
    name = f"phone:+{to}" if to else f"user:{item['recipient_user_id']}"
    assert record.key == webhook.names.of(name).encode()


@pytest.mark.parametrize("item", shapes("changes"), ids=lambda item: str(item.get("field")))
async def test_other_changes_are_kept_whole(webhook: Webhook, item: dict[str, Any]) -> None:
    before = received_count("other")
    assert (await webhook.send(body(item))).status_code == 200
    (event,) = webhook.received()
    assert (event.kind, event.item) == ("other", item)
    assert received_count("other") == before + 1


async def test_a_record_is_a_cloud_event_of_the_catalogue(webhook: Webhook) -> None:
    await webhook.send(body(change(messages=[TEXT])))
    (record,) = webhook.records()
    topic, row = TYPES[WhatsAppReceived.TYPE]
    assert record.topic == topic.name
    assert row.producers == ("intake-whatsapp",)
    headers = {name: text.decode() for name, text in record.headers}
    traceparent = headers.pop("traceparent")
    assert traceparent.startswith("00-")
    assert headers == {
        "ce_specversion": "1.0",
        "ce_id": "wamid.T1=",
        "ce_source": "/samvad/intake-whatsapp",
        "ce_type": "samvad.whatsapp.received.v1",
        "ce_time": "2026-01-05T04:30:00.000+00:00",
        "content-type": "application/json",
    }


async def test_several_entries_and_changes_in_their_order(webhook: Webhook) -> None:
    messages, statuses = shapes("messages")[:3], shapes("statuses")[:2]
    sent = body(change(messages=messages[:2]), change(statuses=statuses))
    sent["entry"] += body(change(messages=messages[2:]))["entry"]
    assert (await webhook.send(sent)).status_code == 200
    assert [event.item for event in webhook.received()] == [*messages[:2], *statuses, messages[2]]


async def test_a_thousand_updates_in_one_body(webhook: Webhook) -> None:
    before = received_count("status")
    statuses = [{**READ, "id": f"wamid.{n}"} for n in range(1000)]
    assert (await webhook.send(body(change(statuses=statuses)))).status_code == 200
    assert len({record.header("ce_id") for record in webhook.records()}) == 1000
    assert {record.key for record in webhook.records()} == {webhook.records()[0].key}
    assert received_count("status") == before + 1000


async def test_what_comes_twice_goes_on_twice_under_one_id(webhook: Webhook) -> None:
    for _ in range(2):
        await webhook.send(body(change(messages=[TEXT], statuses=[READ], errors=[{"code": 1}])))
    ids = [record.header("ce_id") for record in webhook.records()]
    assert len(ids) == 6
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3


async def test_a_person_is_one_key_whatever_he_does(webhook: Webhook) -> None:
    """The form is notify's too: a receipt is to meet the message that it is of."""
    await webhook.send(body(change(messages=[TEXT]), change(statuses=[READ])))
    assert {record.key for record in webhook.records()} == {
        Names("contact-secret").phone("+919999900301").encode()
    }
    assert Names("contact-secret").phone("+919999900301") == "0c26736ab05681117a4dc246a510fcd3"


async def test_a_message_is_told_of_its_sender_and_of_nobody_else(webhook: Webhook) -> None:
    ram = {"profile": {"name": "Ram"}, "wa_id": "919999900301"}
    sita = {"profile": {"name": "Sita"}, "user_id": "IN.1001"}
    mohan = {"profile": {"name": "Mohan"}, "wa_id": "919999900399"}
    by_user = next(item for item in shapes("messages") if item["id"] == "wamid.U1=")
    stranger = {"id": "wamid.Z", "type": "text"}
    await webhook.send(
        body(change(contacts=[ram, sita, mohan], messages=[TEXT, by_user, stranger]))
    )
    assert [event.contacts for event in webhook.received()] == [(ram,), (sita,), ()]


async def test_a_single_contact_is_the_single_sender_s(webhook: Webhook) -> None:
    """The contact's number may be written in a newer form than the sender's."""
    contact = {"profile": {"name": "Ram"}, "wa_id": "919999900300"}
    await webhook.send(body(change(contacts=[contact], messages=[TEXT])))
    await webhook.send(body(change(contacts=[contact], messages=[TEXT, {**TEXT, "id": "wamid.2"}])))
    assert [event.contacts for event in webhook.received()] == [(contact,), (), ()]


async def test_a_number_brings_its_district() -> None:
    webhook = Webhook(districts={"200": "sakti"})
    other = value(messages=[TEXT])
    other["metadata"] = {"phone_number_id": "200"}
    await webhook.send(body({"field": "messages", "value": other}, change(messages=[TEXT])))
    assert [(event.number, event.district) for event in webhook.received()] == [
        ("200", "sakti"),
        (NUMBER, "janjgir-champa"),
    ]
    await webhook.http.aclose()


async def test_errors_beside_messages_are_told_too(webhook: Webhook) -> None:
    errors = [{"code": 130429, "title": "Rate limit hit"}]
    await webhook.send(body(change(messages=[TEXT], errors=errors, novelty={"a": 1})))
    kinds = [(event.kind, event.item) for event in webhook.received()]
    rest = {"field": "messages", "value": {"errors": errors, "novelty": {"a": 1}}}
    assert kinds == [("message", TEXT), ("other", rest)]


@pytest.mark.parametrize(
    ("sent", "ignored", "kept"),
    [
        ({}, 1, 0),
        ({"object": "page"}, 1, 0),
        ({"entry": []}, 1, 0),
        ({"entry": {"changes": []}}, 1, 0),
        ({"entry": ["x", 3, None]}, 3, 0),
        ({"entry": [{"changes": {"field": "messages"}}]}, 1, 0),
        ({"entry": [{"changes": [[], "x"]}]}, 2, 0),
        (body(change(messages={"0": TEXT})), 1, 0),
        (body(change(messages="wamid", statuses=5)), 2, 0),
        (body(change(messages=[TEXT, [TEXT], "x", None, 1.5])), 4, 1),
        (body(change(contacts="Ram", messages=[TEXT])), 1, 1),
        (body({"field": "messages", "value": []}), 0, 1),
        (body({"field": ["messages"], "value": value(messages=[TEXT])}), 0, 1),
    ],
)
async def test_what_has_another_shape_is_counted_and_hinders_nothing(
    webhook: Webhook, sent: dict[str, Any], ignored: int, kept: int
) -> None:
    before = received_count("ignored")
    assert (await webhook.send(sent)).status_code == 200
    assert received_count("ignored") == before + ignored
    assert len(webhook.records()) == kept


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"id": None, "from": None},
        {"id": "", "from": ""},
        {"id": {"a": 1}, "from": ["9"]},
        {"id": "w\u0000", "from": "9\u0000"},
        {"id": "w\nx: y", "from": "नौ"},
        {"id": "w" * 600, "from": "9" * 600},
        {"id": "w", "status": {"x": 1}, "recipient_id": True},
        {"id": "w", "status": "ré\u0000ad", "recipient_id": 1e400},
    ],
    ids=lambda item: str(item)[:40],
)
async def test_without_a_usable_id_a_piece_is_named_by_what_it_holds(
    webhook: Webhook, item: dict[str, Any]
) -> None:
    raw = json.dumps(body(change(messages=[item], statuses=[item]))).replace("Infinity", "1e400")
    for _ in range(2):
        assert (await webhook.send(raw.encode())).status_code == 200
    message, status, *again = webhook.records()
    assert [record.header("ce_id") for record in again] == [
        message.header("ce_id"),
        status.header("ce_id"),
    ]
    for record, kind in ((message, "message"), (status, "status")):
        ce_id = record.header("ce_id") or ""
        assert ce_id.isascii()
        assert 1 <= len(ce_id) <= 40
        assert ce_id == "w" or ce_id.startswith(f"{kind}/")
        assert record.key is not None
        assert len(record.key) == 32


async def test_numbers_written_as_numbers_are_the_same_person(webhook: Webhook) -> None:
    for written in ("919999900301", "+919999900301", 919999900301):
        await webhook.send(body(change(messages=[{**TEXT, "from": written}])))
    assert len({record.key for record in webhook.records()}) == 1


async def test_what_no_store_takes_is_replaced_and_the_rest_goes_through(webhook: Webhook) -> None:
    deep: Any = "bottom"
    for _ in range(500):
        deep = [deep]
    text = {"body": "a\u0000b\ud83d", "k\ud800": "🙏", "deep": deep}
    raw = json.dumps(body(change(messages=[{**TEXT, "text": text, "n": 0}])))
    raw = raw.replace('"n": 0', f'"n": [{"9" * 5000}, 1e999, -{2**63}, {2**63}, 1e3]')
    assert (await webhook.send(raw.encode())).status_code == 200
    (event,) = webhook.received()
    assert event.item["n"] == ["9" * 5000, "1e999", -(2**63), str(2**63), 1000.0]
    kept = event.item["text"]
    assert (kept["body"], kept["k\ufffd"]) == ("a\ufffdb\ufffd", "🙏")
    levels, inner = 0, kept["deep"]
    while isinstance(inner, list):
        levels, inner = levels + 1, inner[0]
    assert inner is None
    # above it: body, entries, entry, changes, change, value, messages, message, text
    assert levels == DEEPEST - 9


async def test_what_grew_beyond_the_topic_s_limit_is_counted(webhook: Webhook) -> None:
    before = received_count("ignored")
    numbers = ",".join(["1e15"] * 500_000)  # each is written out with sixteen digits
    raw = json.dumps(body(change(messages=[{**TEXT, "n": 0}, TEXT])))
    raw = raw.replace('"n": 0', f'"n": [{numbers}]')
    grown, _ = take_apart(read(raw.encode())).pieces
    records = Records(webhook.names, {}, "janjgir-champa")
    assert len(records.message(grown, webhook.clock()).value) > MOST_VALUE > len(raw)
    assert (await webhook.send(raw.encode())).status_code == 200
    assert [event.item for event in webhook.received()] == [TEXT]
    assert received_count("ignored") == before + 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PLACES = [
    ("entry",),
    ("entry", 0),
    ("entry", 0, "changes"),
    ("entry", 0, "changes", 0),
    ("entry", 0, "changes", 0, "field"),
    ("entry", 0, "changes", 0, "value"),
    ("entry", 0, "changes", 0, "value", "metadata"),
    ("entry", 0, "changes", 0, "value", "metadata", "phone_number_id"),
    ("entry", 0, "changes", 0, "value", "contacts"),
    ("entry", 0, "changes", 0, "value", "contacts", 0),
    ("entry", 0, "changes", 0, "value", "messages"),
    ("entry", 0, "changes", 0, "value", "messages", 0),
    ("entry", 0, "changes", 0, "value", "messages", 0, "id"),
    ("entry", 0, "changes", 0, "value", "messages", 0, "from"),
    ("entry", 0, "changes", 0, "value", "statuses", 0, "id"),
    ("entry", 0, "changes", 0, "value", "statuses", 0, "status"),
    ("entry", 0, "changes", 0, "value", "statuses", 0, "recipient_id"),
]


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(PLACES), anything=JSON)
def test_anything_anywhere_can_be_appended_and_read(place: tuple[Any, ...], anything: Any) -> None:
    contact = {"profile": {"name": "Ram"}, "wa_id": TEXT["from"]}
    sent = copy.deepcopy(body(change(contacts=[contact], messages=[TEXT], statuses=[READ])))
    holder: Any = sent
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = anything
    taken = take_apart(read(json.dumps(sent).encode()))
    records = Records(Names("contact-secret"), {}, "janjgir-champa")
    assert taken.pieces or taken.ignored
    for piece in taken.pieces:
        message = records.message(piece, WHEN)
        back = WhatsAppReceived.model_validate_json(message.value)
        assert (back.kind, back.item) == (piece.kind, piece.item)
        for _, header in message.headers:
            header.decode()
