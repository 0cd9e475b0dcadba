"""Whose conversation it is when numbers and user ids change, meet, or come into other hands."""

from __future__ import annotations

import pytest

from services.intake.whatsapp.conversation.adapters.conversation_store import GONE
from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.contracts.codec import Record
from services.kernel.domain.errors import Unknown
from tests.integration.intake.talking import Line, texts

PHONE, OTHER, THIRD = "919999900001", "919999900002", "919999900003"
STORY = "तरौद में हमारा हैंडपंप खराब है"


@pytest.fixture
async def line(database: mongo.Database, directory: DirectoryStore) -> Line:
    return Line.of(database)


def moved(line: Line, old: str, new: str) -> Record:
    system = {"type": "user_changed_number", "wa_id": new}
    return line.text(old, "", type="system", system=system)


async def filed(line: Line, phone: str, **more: object) -> str:
    """The ticket of a case that is filed from `phone`, whatever its draft's number."""
    before = {receipt["_id"] for receipt in await line.receipts()}
    for words in (STORY, "1", "1", "राम कुमार", "हाँ"):
        await line.hear(line.text(phone, words, **more))
    (ticket,) = {receipt["_id"] for receipt in await line.receipts()} - before
    return str(ticket)


async def names(line: Line) -> list[list[str]]:
    stored = await line.database["conversations"].find({}).to_list(None)
    return [[name for name in one["names"] if not name.startswith(GONE)] for one in stored]


async def test_any_number_of_people_may_turn_out_to_be_one(line: Line) -> None:
    for number in range(3):
        phone, user = f"91999990001{number}", f"IN.{number}"
        await line.hear(line.text(phone, "नमस्ते"))
        await line.hear(line.hidden(user, "नमस्ते"))
        assert await line.hear(line.text(phone, "मेनू", from_user_id=user))
    assert sorted(map(len, await names(line))) == [0, 0, 0, 2, 2, 2]


async def test_several_numbers_may_come_to_where_somebody_was_before(line: Line) -> None:
    # the one who had the number before wrote long ago
    for phone in (OTHER, THIRD):
        await line.hear(line.text(phone, "नमस्ते"))
    line.clock.advance(days=90)
    tickets = [await filed(line, PHONE), await filed(line, "919999900009")]
    await line.hear(moved(line, PHONE, OTHER))
    await line.hear(moved(line, "919999900009", THIRD))
    assert tickets[0] in texts(await line.talk(OTHER, "स्थिति"))
    assert tickets[1] in texts(await line.talk(THIRD, "स्थिति"))


async def test_a_draft_is_kept_when_two_turn_out_to_be_one(line: Line) -> None:
    await line.talk(PHONE, "नमस्ते")
    await line.hear(line.hidden("IN.5", STORY))
    (reply,) = await line.hear(line.text(PHONE, "1", from_user_id="IN.5"))
    # the subject is answered, and the place is asked
    assert "तरौद" in (reply.text or "")


async def test_a_button_of_one_chat_files_nothing_of_the_other(line: Line) -> None:
    """Both begin to number their drafts anew: after they are one, old buttons and repeats are stale."""
    for words in (STORY, "1", "1", "राम कुमार"):
        await line.hear(line.text(PHONE, words))
    for words in ("राशन कार्ड नहीं बना है", "1", "नैला", "सीता", "छोड़ दें"):
        await line.hear(line.hidden("IN.5", words))
    confirm = line.hidden("IN.5", choice="1.confirm.yes", wamid="wamid.confirm")
    await line.hear(confirm)
    assert len(await line.receipts()) == 1
    await line.hear(line.text(PHONE, "मेनू", from_user_id="IN.5"))
    assert not await line.hear(confirm)
    again = await line.hear(line.hidden("IN.5", choice="1.confirm.yes", wamid="wamid.again"))
    assert again and len(await line.receipts()) == 1


async def test_a_join_that_is_not_written_leaves_the_other_as_it_was(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.talk(PHONE, "नमस्ते")
    for words in (STORY, "1", "1", "सीता", "छोड़ दें", "हाँ"):
        await line.hear(line.hidden("IN.5", words))
    (receipt,) = await line.receipts()
    both = line.text(PHONE, "स्थिति", from_user_id="IN.5")
    await line.hear_in_vain(both, monkeypatch)
    assert receipt["_id"] in texts(await line.hear(both))


async def test_a_number_with_another_user_id_is_another_person(line: Line) -> None:
    ticket = await filed(line, PHONE, from_user_id="IN.1")
    status = await line.hear(line.text(PHONE, "स्थिति", from_user_id="IN.2"))
    assert ticket not in texts(status)
    own = await filed(line, PHONE, from_user_id="IN.2")
    shown = texts(await line.hear(line.text(PHONE, own, from_user_id="IN.2")))
    assert own in shown
    # who had it before is still known by his id, and has his case
    assert ticket in texts(await line.hear(line.hidden("IN.1", "स्थिति")))
    assert own not in texts(await line.hear(line.hidden("IN.1", own)))


async def test_a_number_that_was_left_without_a_word_is_not_his_any_more(line: Line) -> None:
    ticket = await filed(line, PHONE, from_user_id="IN.1")
    await line.hear(line.text(OTHER, "नमस्ते", from_user_id="IN.1"))
    assert ticket in texts(await line.hear(line.text(OTHER, "स्थिति", from_user_id="IN.1")))
    assert ticket not in texts(await line.talk(PHONE, "स्थिति"))


async def test_a_notice_that_comes_late_takes_along_what_was_told_before_it(line: Line) -> None:
    ticket = await filed(line, PHONE)
    notice = moved(line, PHONE, OTHER)
    line.clock.advance(minutes=2)
    new = await filed(line, OTHER)
    await line.talk(OTHER, "राशन कार्ड नहीं बना है")
    await line.hear(notice)
    (reply,) = await line.talk(OTHER, "मेरी शिकायतें")
    assert {row[0].removeprefix("pick.") for row in reply.rows} >= {ticket, new}
    (asked,) = await line.talk(OTHER, "पीछे")
    assert asked.text  # the draft is still there to go back in


async def test_a_message_for_a_district_without_a_directory_is_set_aside(line: Line) -> None:
    await line.database["directory_versions"].delete_many({})
    record = line.text(PHONE, STORY)
    with pytest.raises(Unknown):
        await line.service.turns.handle([record])  # so the follower parks it, and it can be requeued
    assert not await line.database["conversations"].count_documents({})
