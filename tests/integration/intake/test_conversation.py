"""The conversation's worker on the real store: each message is answered once, each case filed once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from services.kernel.adapters import case_document, mongo
from services.kernel.adapters.case_folding import opened
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.contracts.codec import Record
from services.kernel.contracts.envelope import Filing
from services.kernel.contracts.events import CaseFiled
from services.kernel.domain import tickets
from services.kernel.domain.errors import Retry
from services.kernel.domain.media import media_id
from tests.integration.intake.talking import Line, texts

PHONE = "919999900001"
STORY = "तरौद में हमारा हैंडपंप खराब है"
WAY = (STORY, "@1.service.hand-pump", "@1.place.village/akaltara/tarod", "राम कुमार")


@pytest.fixture
async def line(database: mongo.Database, directory: DirectoryStore) -> Line:
    return Line.of(database)


async def test_a_case_is_filed_and_its_number_told(line: Line) -> None:
    await line.talk(PHONE, *WAY)
    (reply,) = await line.talk(PHONE, "@1.confirm.yes")
    (receipt,) = await line.receipts()
    assert receipt["_id"] in (reply.text or "")
    assert reply.to == f"+{PHONE}"
    assert reply.channels == ("whatsapp", "sms")
    assert reply.values["ticket"].endswith(receipt["_id"])
    assert receipt["channel"] == "whatsapp"


async def test_a_message_that_comes_again_is_answered_once(line: Line) -> None:
    record = line.text(PHONE, STORY)
    first = await line.hear(record)
    assert first
    assert not await line.hear(record, record)
    assert line.keys() == [*dict.fromkeys(line.keys())]
    # another process does not know that Kafka has it: it is published again, under its own keys
    after = Line.of(line.database, line.broker)
    assert not await after.hear(record)
    assert len(line.keys()) == 2 * len(first)
    assert len(set(line.keys())) == len(first)


async def test_a_confirmation_that_comes_twice_files_once(line: Line) -> None:
    await line.talk(PHONE, *WAY)
    record = line.tap(PHONE, "1.confirm.yes")
    await line.hear(record, record)
    await line.hear(record)
    again = await line.talk(PHONE, "@1.confirm.yes")
    assert len(await line.receipts()) == 1
    assert (await line.receipts())[0]["_id"] in texts(again)


async def test_a_crash_between_filing_and_writing_files_once(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.talk(PHONE, *WAY)
    record = line.tap(PHONE, "1.confirm.yes")
    await line.hear_in_vain(record, monkeypatch)
    assert len(await line.receipts()) == 1
    (reply,) = await line.hear(record)
    assert len(await line.receipts()) == 1
    assert (await line.receipts())[0]["_id"] in (reply.text or "")


async def test_replies_are_not_lost_while_kafka_is_away(line: Line) -> None:
    record = line.text(PHONE, STORY)
    line.broker.down = True
    with pytest.raises(Retry):
        await line.hear(record)
    line.broker.down = False
    assert await line.hear(record)
    assert len(line.keys()) == len(set(line.keys()))


async def test_a_batch_keeps_each_senders_order(line: Line) -> None:
    phones = [f"9199999{n:05}" for n in range(20)]
    batch = [
        line.tap(phone, word[1:]) if word.startswith("@") else line.text(phone, word)
        for word in (*WAY, "@1.confirm.yes")
        for phone in phones
    ]
    await line.hear(*batch)
    receipts = await line.receipts()
    assert len(receipts) == len(phones)
    assert len({receipt["client"] for receipt in receipts}) == len(phones)


async def test_recordings_wait_with_their_case_to_be_written_down(line: Line) -> None:
    """A voice note is what is filed; another for the open case joins it, and a photo does not."""

    def sent(kind: str, name: str) -> Record:
        return line.text(PHONE, "", f"wamid.{name}", type=kind, **{kind: {"id": f"10{len(name)}"}})

    await line.hear(sent("audio", "voice"), sent("image", "photo"))
    await line.talk(PHONE, "पता नहीं", "पता नहीं", "राम कुमार", "हाँ")
    (receipt,) = await line.receipts()
    ticket = receipt["_id"]
    event = CaseFiled.model_validate_json(bytes(receipt["event"]["value"]))
    voice, photo = media_id("wamid.voice"), media_id("wamid.photo")
    assert (event.media, event.recordings) == ((voice, photo), (voice,))
    # as routing opens and places it
    case = replace(opened(event, Filing()), state="assigned", department="phe")
    room = {**case_document.to_fields(case), "n": 1, "seen": {}, "outbox": []}
    await line.database["cases"].insert_one({"_id": ticket, "case": room})
    await line.talk(PHONE, f"@case.{ticket}.attach")
    film = sent("video", "films")
    await line.hear(film)
    await line.talk(PHONE, f"@case.{ticket}.attach")
    await line.hear(sent("image", "later"))
    await line.hear(film)
    stored = await line.database["cases"].find_one({"_id": ticket})
    assert stored is not None
    assert stored["case"]["unwritten"] == [voice, media_id("wamid.films")]
    attached = [entry["data"]["media"] for entry in stored["case"]["history"]]
    assert attached == [[media_id("wamid.films")], [media_id("wamid.later")]]


async def test_two_workers_on_one_person_answer_each_message_once(line: Line) -> None:
    other = Line.of(line.database, line.broker)
    records = [line.text(PHONE, word) for word in ("नमस्ते", STORY, "menu")]
    await asyncio.gather(
        line.service.turns.handle(records), other.service.turns.handle(records)
    )
    keys = line.keys()
    by_message = {key.rpartition("/")[0] for key in keys}
    assert len(by_message) == len(records)


async def filed(line: Line, phone: str) -> str:
    """The ticket of a case that is filed from `phone`."""
    before = {receipt["_id"] for receipt in await line.receipts()}
    await line.talk(phone, *WAY, "@1.confirm.yes")
    (ticket,) = {receipt["_id"] for receipt in await line.receipts()} - before
    return str(ticket)


async def test_who_shows_no_number_is_answered_by_his_id_and_keeps_his_cases(line: Line) -> None:
    for words in WAY:
        choice = words[1:] if words.startswith("@") else ""
        await line.hear(line.hidden("IN.1", "" if choice else words, choice))
    (asked,) = await line.hear(line.hidden("IN.1", choice="1.phone.skip"))
    assert asked.to == "IN.1"
    (done,) = await line.hear(line.hidden("IN.1", choice="1.confirm.yes"))
    (receipt,) = await line.receipts()
    assert receipt["_id"] in (done.text or "")
    assert done.channels == ("whatsapp",)
    # from now on he shows both: he is the same person
    shown = line.text(PHONE, "status", from_user_id="IN.1")
    assert receipt["_id"] in texts(await line.hear(shown))
    assert receipt["_id"] in texts(await line.talk(PHONE, "स्थिति"))


async def test_a_changed_number_keeps_its_cases_and_the_old_one_shows_nothing(line: Line) -> None:
    ticket = await filed(line, PHONE)
    new = "919999900002"
    system = {"type": "user_changed_number", "wa_id": new}
    moved = line.text(PHONE, "", type="system", system=system)
    assert not await line.hear(moved)
    assert ticket in texts(await line.talk(new, "स्थिति"))
    assert ticket not in texts(await line.talk(PHONE, "स्थिति"))
    assert ticket not in texts(await line.talk(PHONE, ticket))


async def test_a_changed_user_id_keeps_its_cases(line: Line) -> None:
    await line.hear(line.hidden("IN.1", STORY))
    system = {"type": "user_changed_user_id", "user_id": "IN.2", "previous_user_id": "IN.1"}
    item = {"id": "wamid.s", "from_user_id": "IN.1", "type": "system", "system": system}
    await line.hear(line.record(item))
    # the draft is still his
    (reply,) = await line.hear(line.hidden("IN.2", choice="1.service.hand-pump"))
    assert "तरौद" in (reply.text or "")


async def test_two_who_turn_out_to_be_one_have_the_cases_of_both(line: Line) -> None:
    ticket = await filed(line, PHONE)
    for words in WAY:
        choice = words[1:] if words.startswith("@") else ""
        await line.hear(line.hidden("IN.7", "" if choice else words, choice))
    await line.hear(line.hidden("IN.7", choice="1.phone.skip"))
    await line.hear(line.hidden("IN.7", choice="1.confirm.yes"))
    tickets = {receipt["_id"] for receipt in await line.receipts()}
    assert len(tickets) == 2
    (reply,) = await line.hear(line.text(PHONE, "status", from_user_id="IN.7"))
    assert {row[0].removeprefix("pick.") for row in reply.rows} >= tickets
    assert ticket in tickets
    stored = await line.database["conversations"].find({}).to_list(None)
    real = [[n for n in one["names"] if not n.startswith("gone:")] for one in stored]
    assert sorted(map(len, real)) == [0, 2]


async def test_somebody_elses_ticket_shows_nothing(line: Line) -> None:
    ticket = await filed(line, PHONE)
    (reply,) = await line.talk("919999900077", ticket)
    (unknown,) = await line.talk("919999900077", tickets.make(26, 7_000_000))
    (wrong,) = await line.talk("919999900077", f"JC-{int(ticket) + 1}")
    assert (reply.text, reply.buttons) == (unknown.text, unknown.buttons)
    assert (reply.text, reply.buttons) == (wrong.text, wrong.buttons)


async def test_a_wish_to_be_called_goes_to_the_call_centre_once(line: Line) -> None:
    await line.talk(PHONE, "बात करनी है")
    record = line.tap(PHONE, "call.yes")
    await line.hear(record)
    await Line.of(line.database, line.broker).hear(record)
    asked = {request.key: (request, caller) for request, caller in line.callbacks()}
    ((request, caller),) = asked.values()
    assert caller.phone == f"+{PHONE}"
    assert (request.reason, request.ticket) == ("asked_by_citizen", None)


async def test_no_words_and_no_number_lie_open_in_the_store(line: Line) -> None:
    await line.talk(PHONE, *WAY)
    document = await line.database["conversations"].find_one({})
    assert document is not None
    stored = str(document)
    for said in ("हैंडपंप", "राम", PHONE, PHONE[2:]):
        assert said not in stored


async def test_what_was_talked_about_is_forgotten_after_a_month(line: Line) -> None:
    ticket = await filed(line, PHONE)
    await line.talk(PHONE, STORY)
    await line.service.conversations.forget(line.clock.advance(days=31))
    document = await line.database["conversations"].find_one({})
    assert document is not None and "touched_at" not in document and not document["outbox"]
    (reply,) = await line.talk(PHONE, "स्थिति")
    assert ticket in (reply.text or "")
    assert not await line.service.conversations.forget(line.clock())


async def test_rubbish_is_answered_or_left_alone_and_stops_nobody(line: Line) -> None:
    rubbish = [
        line.record({}),
        line.record({"id": 5, "from": ["x"], "type": {}}),
        line.record({"from": PHONE, "id": "wamid.r1", "type": "order", "order": {"x": [1]}}),
        line.record({"from": PHONE, "id": "wamid.r2", "type": "interactive", "interactive": []}),
        line.record({"id": "wamid.s", "status": "read"}, kind="status"),
        line.record({"field": "account_update", "value": {}}, kind="other"),
    ]
    assert await line.hear(*rubbish, line.text(PHONE, STORY))
