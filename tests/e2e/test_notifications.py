"""People are told, on the whole line: questions that stop the clock, channels that fail, receipts, wishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.cli.stack import Stack
from services.desk.adapters.digests import StoredDigestCases, StoredDigestNotes
from services.desk.adapters.texts import load_texts
from services.desk.handlers.digests import Digests
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.kafka import Publisher
from services.kernel.contracts.beside import MessageRequested, WhatsAppReceived
from services.kernel.contracts.codec import Message
from services.kernel.contracts.topics import MESSAGES, WHATSAPP_INBOUND
from tests.e2e.client import Line, until
from tests.e2e.hostile import garbage
from tests.e2e.telling import QUESTION, Telling, about, new_phone, state_of, telling, tries
from tests.e2e.test_line import PUMP, TAP

RESOLVED = "samvad.case.resolved.v1"
REFUSED_SMS = {"provider": "sms", "fail_code": 413}
"""Of this message, not of the number: the next channel is taken."""
NOBODY = {"provider": "whatsapp", "receipt_fail_code": 131026}
MORNING = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
"""A Monday, 9:30 in India."""


@pytest.fixture
async def told(line: Stack) -> AsyncIterator[Telling]:
    at = Line(line)
    async with telling(at) as one:
        yield one
    await at.http.aclose()


async def filed(told: Telling, filing: dict[str, Any], phone: str) -> str:
    receipt = await told.at.filed(**{**filing, "citizen": {"name": "सीता", "phone": phone}})
    ticket: str = receipt["ticket"]
    return ticket


async def delivered_question(
    told: Telling, ticket: str, officer: str, version: int, collector: str, words: str
) -> tuple[httpx.Response, dict[str, Any]]:
    """The officer's act, and what became of the question's message once it was delivered."""
    asked = await told.at.act(
        ticket,
        officer,
        action="ask_citizen",
        expected_version=version,
        note=words,
        public=True,
    )
    assert asked.status_code == 200, asked.text
    items = await told.notices_where(
        ticket,
        collector,
        lambda found: state_of(found, QUESTION) == "delivered",
        "question delivered",
    )
    question = about(items, QUESTION)
    assert question is not None
    return asked, question


async def test_a_question_that_reached_a_phone_stops_the_clock_until_it_is_answered(
    told: Telling,
) -> None:
    at, phone = told.at, new_phone()
    ticket = await filed(told, PUMP, phone)
    collector = at.token("collector")
    officer, version = await told.in_progress(ticket, "janjgir-champa")
    assert not (await told.sla(ticket, collector))["paused"]

    await told.behave(REFUSED_SMS)
    asked, question = await delivered_question(told, ticket, officer, version, collector, "कौन सा पंप?")
    assert tries(question) == [
        ("sms", "permanent", "sms_413_rejected"),
        ("whatsapp", "accepted", None),
    ]
    assert question["delivered_at"] >= question["sent_at"] >= asked.json()["at"]
    assert "कौन सा पंप?" in (await told.told_of(ticket, phone))[-1]["text"]
    stopped = await until(lambda: paused(told, ticket, collector, True), "the clock to stand", 10)
    assert stopped["paused_until"] is not None

    answered = await at.act(
        ticket,
        at.token("operator", "op-1"),
        action="answer",
        expected_version=asked.json()["version"],
        note="स्कूल के पास वाला",
    )
    assert answered.status_code == 200, answered.text
    going = await until(lambda: paused(told, ticket, collector, False), "the clock to go on", 10)
    (resolve,) = (one for one in going["targets"] if one["target"] == "resolve")
    (stood,) = (one for one in resolve["segments"] if one["kind"] == "paused")
    assert (stood["question"], stood["how"]) == (1, "whatsapp")
    assert stood["from"] >= question["delivered_at"]
    assert stood["to"] == answered.json()["at"]
    await told.notices_where(
        ticket,
        collector,
        lambda found: state_of(found, "samvad.question.answered.v1", "holder") == "delivered",
        "the officer told of the answer",
    )


async def paused(told: Telling, ticket: str, token: str, wanted: bool) -> dict[str, Any] | None:
    clock = await told.sla(ticket, token)
    return clock if clock["paused"] is wanted else None


async def test_a_code_that_whatsapp_cannot_deliver_goes_by_sms_and_the_next_one_at_once(
    told: Telling,
) -> None:
    phone = new_phone()
    await told.behave(NOBODY)
    await told.publish([told.request(f"test/{phone}/1", phone, "100200")])

    async def both(code: str, count: int) -> list[dict[str, Any]] | None:
        found = await told.told_of(code, phone)
        return found if len(found) >= count else None

    first = await until(lambda: both("100200", 2), "the code by both channels", 15)
    assert [(one["provider"], one["accepted"]) for one in first] == [
        ("whatsapp", True),
        ("sms", True),
    ]
    await told.as_usual()
    await told.publish([told.request(f"test/{phone}/2", phone, "300400")])
    (again,) = await until(lambda: both("300400", 1), "the second code", 15)
    assert again["provider"] == "sms"


async def test_whom_no_channel_reaches_an_operator_is_asked_to_call(told: Telling) -> None:
    at, phone = told.at, new_phone()
    ticket = await filed(told, PUMP, phone)
    collector = at.token("collector")
    officer, version = await told.in_progress(ticket, "janjgir-champa")
    await told.behave(REFUSED_SMS, NOBODY)
    resolved = await at.act(
        ticket, officer, action="resolve", expected_version=version, note="पंप ठीक है", public=True
    )
    assert resolved.status_code == 200, resolved.text
    items = await told.notices_where(
        ticket,
        collector,
        lambda found: state_of(found, RESOLVED) == "failed",
        "failed on all channels",
    )
    await told.as_usual()
    failed = about(items, RESOLVED)
    assert failed is not None
    assert failed["reason"] == "whatsapp_131026_undeliverable"
    assert [channel for channel, _, _ in tries(failed)] == ["sms", "whatsapp"]

    async def asked() -> list[dict[str, Any]]:
        return await told.callbacks(ticket)

    (request,) = await until(asked, "a call-back on the topic", 15)
    assert request["reason"] == "undeliverable"
    assert request["key"].startswith(failed["event_id"] + ":")
    assert "person" not in request
    assert phone[3:] not in str(request)


async def test_a_district_with_kannel_hears_of_deliveries_and_goes_on_where_there_was_none(
    told: Telling,
) -> None:
    at, phone = told.at, new_phone()
    ticket = await filed(told, TAP, phone)
    collector = at.token("collector", district="sakti")
    officer, version = await told.in_progress(ticket, "sakti")
    asked, question = await delivered_question(told, ticket, officer, version, collector, "Which pole?")
    assert [(one["channel"], one["provider"]) for one in question["attempts"]] == [
        ("sms", "kannel")
    ]
    assert question["attempts"][0]["delivered_at"] is not None
    await until(lambda: paused(told, ticket, collector, True), "the clock to stand", 10)

    await told.behave({"provider": "kannel", "receipt_fail_code": 2})
    resolved = await at.act(
        ticket,
        officer,
        action="resolve",
        expected_version=asked.json()["version"],
        note="Wire replaced.",
        public=True,
    )
    assert resolved.status_code == 200, resolved.text
    items = await told.notices_where(
        ticket,
        collector,
        lambda found: state_of(found, RESOLVED) == "delivered",
        "by the next channel",
    )
    done = about(items, RESOLVED)
    assert done is not None
    assert tries(done) == [
        ("sms", "accepted", "kannel_undelivered"),
        ("whatsapp", "accepted", None),
    ]


async def test_who_wants_no_messages_gets_none_but_answers_to_what_he_does(told: Telling) -> None:
    at, phone = told.at, new_phone()
    ticket = await filed(told, PUMP, phone)
    collector = at.token("collector")
    officer, version = await told.in_progress(ticket, "janjgir-champa")
    await told.write(phone, "बंद करें।")

    async def out() -> bool:
        return await told.opted_out(phone)

    await until(out, "the wish to be known", 15)
    before = len(await told.told_of(ticket, phone))
    resolved = await at.act(
        ticket, officer, action="resolve", expected_version=version, note="पंप ठीक है", public=True
    )
    assert resolved.status_code == 200, resolved.text
    items = await told.notices_where(
        ticket, collector, lambda found: state_of(found, RESOLVED) == "failed", "not sent"
    )
    refused = about(items, RESOLVED)
    assert refused is not None
    assert tries(refused) == [("sms", "permanent", "opted_out")]
    confirmed = await at.act(
        ticket,
        at.token("operator", "op-1"),
        action="confirm",
        expected_version=resolved.json()["version"],
    )
    assert confirmed.status_code == 200, confirmed.text
    await told.notices_where(
        ticket,
        collector,
        lambda found: state_of(found, "samvad.case.confirmed.v1") == "sent",
        "thanked all the same",
    )
    after = await told.told_of(ticket, phone)
    assert len(after) == before + 1, after
    assert not await told.callbacks(ticket)

    await told.write(phone, "START")

    async def back() -> bool:
        return not await told.opted_out(phone)

    await until(back, "the second wish", 15)


async def test_of_two_wishes_in_one_body_the_last_one_counts(told: Telling) -> None:
    """After an outage the provider sends many messages in one body, which we receive at one instant."""
    for last, words in (("STOP", ("STOP", "START", "STOP")), ("START", ("STOP", "START"))):
        phone = new_phone()
        said = [
            {"from": phone[1:], "id": f"wamid.{phone}{n}", "type": "text", "text": {"body": word}}
            for n, word in enumerate(words)
        ]
        assert (await told.webhook(*said)).status_code == 200
        # what comes after it to the same phone is in the same partition, and so is read later
        mark = f"test/{phone}/mark"
        status = {
            "id": mark,
            "recipient_id": phone[1:],
            "status": "read",
            "biz_opaque_callback_data": mark,
        }
        lost = await told.of_no_message()
        assert (await told.webhook(status, kind="statuses")).status_code == 200

        async def read(lost: float = lost) -> bool:
            return await told.of_no_message() > lost

        await until(read, "notify to have read both bodies", 15)
        assert await told.opted_out(phone) is (last == "STOP"), words


async def test_rubbish_beside_the_cases_is_set_aside_and_stops_nobody(
    told: Telling, line: Stack
) -> None:
    phone = new_phone()
    pid = line.pid("notify")
    topics = {
        "notify-messages": told.rubbish(MESSAGES, MessageRequested.TYPE, phone),
        "notify-receipts": told.rubbish(WHATSAPP_INBOUND, WhatsAppReceived.TYPE, phone),
    }
    parked = told.database["parked"]
    before = {name: await parked.count_documents({"consumer": name}) for name in topics}
    of_no_type = [
        Message(
            topic, one.key or b"", tuple((k, v or b"") for k, v in one.headers), one.value or b""
        )
        for topic in (MESSAGES, WHATSAPP_INBOUND)
        for one in garbage(7, 20)
    ]
    await told.publish([*of_no_type, *topics["notify-messages"], *topics["notify-receipts"]])
    forged = [
        {"id": "wamid.no", "status": word, "biz_opaque_callback_data": "2600000009/case/1:nobody"}
        for word in ("failed", "read", "delivered", "sent", "no status at all")
    ]
    assert (await told.webhook(*forged * 200, kind="statuses")).status_code == 200

    # behind all of it: a code, and a case whose officer hears of it by WhatsApp, with its receipt
    await told.publish([told.request(f"test/{phone}/good", phone, "500600")])

    async def good() -> list[dict[str, Any]]:
        return await told.told_of("500600", phone)

    assert len(await until(good, "the code", 20)) == 1
    ticket = await filed(told, PUMP, new_phone())
    await told.notices_where(
        ticket,
        told.at.token("collector"),
        lambda found: (
            state_of(found, "samvad.case.assigned.v1", "officer") in ("delivered", "sent")
            and state_of(found, "samvad.case.filed.v1") == "sent"
        ),
        "told of the case",
    )

    async def set_aside() -> bool:
        found = {name: await parked.count_documents({"consumer": name}) for name in topics}
        return found == {name: before[name] + len(topics[name]) for name in topics}

    await until(set_aside, "each one to be set aside", 20)
    assert line.pid("notify") == pid
    assert await told.told_of("rubbish", phone) == []

    # given up, as ops would: the line is shared with tests that want it whole
    await parked.delete_many({"consumer": {"$in": list(topics)}})

    async def nothing_left() -> bool:
        return not await told.at.metric("notify", "samvad_parked_records")

    await until(nothing_left, "nothing to be set aside any more", 20)


async def test_the_collectors_morning_digest_arrives(told: Telling, line: Stack) -> None:
    """Asked for as the desk asks, on a morning long past."""
    settings = told.settings
    database = told.database
    publisher = Publisher(settings.kafka, client_id="test-digests")
    digests = Digests(
        DirectoryStore(database),
        StoredDigestCases(database),
        StoredDigestNotes(database),
        publisher,
        settings.keys,
        told.names,
        load_texts(),
        line.url("desk"),
    )
    try:
        await digests.round(MORNING)
    finally:
        await publisher.stop()

    async def arrived() -> list[dict[str, Any]]:
        url = line.url("standins", "/api/messages")
        answer = await told.at.http.get(url, params={"provider": "smtp", "limit": 1000})
        return [one for one in answer.json()["messages"] if "05-01-2026" in one["subject"]]

    found = await until(arrived, "the digest in a mailbox", 15)
    assert {one["to"] for one in found} >= {"collector-1@example.org"}
    assert all(one["accepted"] for one in found)


async def test_a_desk_that_is_pressed_twice_tells_once(told: Telling) -> None:
    at, phone = told.at, new_phone()
    ticket = await filed(told, PUMP, phone)
    officer, version = await told.in_progress(ticket, "janjgir-champa")
    answers = await asyncio.gather(
        *(
            at.act(
                ticket,
                officer,
                action="reply",
                expected_version=version,
                note="आज देखेंगे।",
                public=True,
            )
            for _ in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    items = await told.notices_where(
        ticket,
        at.token("collector"),
        lambda found: state_of(found, "samvad.case.replied.v1") == "sent",
        "told of the reply",
    )
    assert len(items) == 4
    assert await at.duplicates() == 0
