"""What anybody was told of a case: over the API and on the page, with nobody's number shown to who does
not need it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import pytest

from services.desk.core import notices
from services.desk.core.notices import PartRow
from services.desk.core.texts import Texts
from services.desk.notice_models import NoticeShape, NoticesShape
from services.desk.testing import NOW
from services.kernel.contracts.notices import AttemptRow, MessageRow, MessageState
from services.kernel.domain.case import Case
from services.kernel.domain.people import Actor, Role

MakeCase = Callable[..., Case]
OFFICER = "phe-akaltara-1"
PHONE = "+919876543210"
PLANNED = NOW - timedelta(hours=2)


def message(number: int, ticket: str, **fields: Any) -> MessageRow:
    """A message planned `number` minutes after PLANNED, to the citizen unless told otherwise."""
    return MessageRow(
        **{
            "_id": f"m-{number}",
            "ticket": ticket,
            "event": "samvad.case.filed.v1",
            "event_id": f"{ticket}/intake/1",
            "event_at": PLANNED,
            "audience": "citizen",
            "channel": "sms",
            "template": "citizen_filed",
            "language": "hi",
            "urgent": False,
            "state": "sent",
            "created_at": PLANNED + timedelta(minutes=number),
            "sent_at": PLANNED + timedelta(minutes=number, seconds=1),
            **fields,
        }
    )


@pytest.fixture
def told(bench: Any, make_case: MakeCase) -> str:
    """A case of which a citizen, the officer, co-complainants and the call centre were told."""
    ticket: str = bench.put(make_case())
    bench.notices.rows[ticket] = [
        message(1, ticket),
        message(
            2,
            ticket,
            event="samvad.case.assigned.v1",
            audience="officer",
            person=OFFICER,
            channel="email",
            state="failed",
            reason="sms_406_number",
            failed_at=PLANNED + timedelta(minutes=9),
            attempts=(
                AttemptRow(
                    channel="whatsapp",
                    provider="whatsapp",
                    claimed_at=PLANNED + timedelta(minutes=3),
                    outcome="permanent",
                    reason="whatsapp_131026_undeliverable",
                ),
                AttemptRow(
                    channel="sms",
                    provider="mobile_seva",
                    claimed_at=PLANNED + timedelta(minutes=4),
                    outcome="accepted",
                    failed_at=PLANNED + timedelta(minutes=9),
                    reason="kannel_16",
                ),
            ),
        ),
        message(3, ticket, audience="co_complainants", state="delivered"),
        message(4, ticket, audience="operator", channel="email", state="planned", sent_at=None),
    ]
    return ticket


async def test_each_message_has_what_is_known_of_it(bench: Any, told: str) -> None:
    answer = await bench.get(f"/api/v1/cases/{told}/notices", "officer", OFFICER)
    assert answer.status_code == 200
    body = answer.json()
    NoticesShape.model_validate(body)
    assert body["more"] is False
    assert [item["audience"] for item in body["items"]] == [
        "citizen", "officer", "co_complainants", "operator",
    ]  # fmt: skip
    first, second = body["items"][:2]
    assert set(first) == set(NoticeShape.model_fields)
    assert first["event_id"] == f"{told}/intake/1"
    assert first["planned_at"] == "2026-01-05T04:01:00+00:00"
    assert first["sent_at"] == "2026-01-05T04:01:01+00:00"
    assert second["state"] == "failed"
    assert second["reason"] == "sms_406_number"
    assert [(a["provider"], a["outcome"]) for a in second["attempts"]] == [
        ("whatsapp", "permanent"), ("mobile_seva", "accepted"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "person", "phone"),
    [
        ("officer", OFFICER, PHONE),
        ("operator", "op-1", PHONE),
        ("head", "phe-head-1", PHONE),
        ("collector", None, PHONE),
        ("officer", "phe-akaltara-2", "•••••• 3210"),
        ("admin", "admin-1", "•••••• 3210"),
    ],
)
async def test_only_who_needs_the_number_reads_it(
    bench: Any, told: str, role: Role, person: str | None, phone: str
) -> None:
    answer = await bench.get(f"/api/v1/cases/{told}/notices", role, person)
    to = [item["to"] for item in answer.json()["items"]]
    assert to[0] == {"phone": phone, "person": None, "name": None}
    assert to[1]["phone"] is None
    assert to[1]["person"] == OFFICER
    assert set(to[1]["name"]) == {"hi", "en"} and to[1]["name"]["en"] != OFFICER
    assert to[2] == {"phone": "••••••", "person": None, "name": None}
    assert to[3] == {"phone": None, "person": None, "name": None}
    if phone != PHONE:
        assert "43210" not in answer.text


async def test_a_person_whom_the_directory_has_not_is_told_by_his_id(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case(phone=None))
    bench.notices.rows[ticket] = [message(1, ticket, audience="holder", person="gone-1"), message(2, ticket)]
    items = (await bench.get(f"/api/v1/cases/{ticket}/notices")).json()["items"]
    assert items[0]["to"]["name"] == {"hi": "gone-1", "en": "gone-1"}
    assert items[1]["to"]["phone"] is None, "erased, or never known"


@pytest.mark.parametrize(
    ("phone", "shown"),
    [(PHONE, "•••••• 3210"), ("+35312345", "•••••• 2345"), ("1234567", "••••••"), ("", "••••••")],
)
def test_a_masked_number_shows_four_digits_at_most(phone: str, shown: str) -> None:
    assert notices.masked(phone) == shown


async def test_who_may_not_see_the_case_is_told_that_there_is_none(bench: Any, told: str) -> None:
    stranger = await bench.get(f"/api/v1/cases/{told}/notices", "officer", "pwd-district-1")
    case = await bench.get(f"/api/v1/cases/{told}", "officer", "pwd-district-1")
    assert (stranger.status_code, stranger.json()) == (404, case.json())
    assert (await bench.client.get(f"/api/v1/cases/{told}/notices")).status_code == 401
    wrong = await bench.get("/api/v1/cases/123/notices")
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "ticket")
    bench.cases.down = True
    down = await bench.get(f"/api/v1/cases/{told}/notices")
    assert down.status_code == 503 and int(down.headers["Retry-After"]) > 0


async def test_the_newest_are_told_of_very_many(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    bench.notices.rows[ticket] = [message(n, ticket) for n in range(notices.MOST + 1)]
    body = (await bench.get(f"/api/v1/cases/{ticket}/notices")).json()
    assert (len(body["items"]), body["more"]) == (notices.MOST, True)
    assert body["items"][0]["planned_at"] == "2026-01-05T04:01:00+00:00", "the oldest is left out"
    assert "older messages" in await _page(bench, ticket, "en", "operator")


async def _page(bench: Any, ticket: str, language: str, role: Role, person: str | None = None) -> str:
    bench.client.cookies.clear()
    await bench.client.post("/login", data={"token": bench.token(role, person)})
    answer = await bench.client.get(f"/cases/{ticket}?lang={language}")
    assert answer.status_code == 200
    section = re.search(r'<section class="messages">.*?</section>', answer.text, re.S)
    assert section is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", section[0]))


async def test_the_page_tells_it_in_words(bench: Any, told: str) -> None:
    english = await _page(bench, told, "en", "officer", OFFICER)
    assert english.strip().startswith("Messages Call centre filed · e-mail to be sent 05-01-2026 09:34")
    for words in (
        f"Citizen: {PHONE} filed · SMS sent 05-01-2026 09:31",
        "assigned · e-mail failed 05-01-2026 09:39 the number is wrong (sms_406_number)",
        "How it was tried 05-01-2026 09:33 · WhatsApp: could not be sent it cannot be delivered to this "
        "number (whatsapp_131026_undeliverable)",
        "05-01-2026 09:34 · SMS: failed kannel_16",
        "Citizen of a case joined to this: •••••• filed · SMS delivered",
    ):
        assert words in english, words
    hindi = await _page(bench, told, "hi", "officer", "phe-akaltara-2")
    assert "संदेश" in hindi and "नागरिक: •••••• 3210" in hindi
    assert PHONE not in hindi


async def test_a_page_without_messages_says_so(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    assert "Nobody has been told anything yet." in await _page(bench, ticket, "en", "operator")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("overtaken", "a later message says more"),
        ("claim_lapsed", "sending was cut off; it is not sent again"),
        ("sms_403_credits", "the credit for messages is used up (sms_403_credits)"),
        ("whatsapp_132001_template_x", "its template is not approved (whatsapp_132001_template_x)"),
        ("smtp_recipient_550_5.1.1", "the mail server did not take the address (smtp_recipient_550_5.1.1)"),
        ("kannel_refused_0000000b", "the network refused it (kannel_refused_0000000b)"),
        ("kannel_undelivered", "the network could not deliver it (kannel_undelivered)"),
        ("sms_http_503", "sms_http_503"),
        ("kannel_16", "kannel_16"),
        ("never_heard_of", "never_heard_of"),
        (None, ""),
    ],
)
def test_a_reason_in_words_or_as_its_code(texts: Texts, code: str | None, said: str) -> None:
    assert notices.reason(code, texts, "en") == said


def part(ticket: str, whole: dict[str, Any]) -> PartRow:
    """A message to an officer that went as a part of summary `whole`."""
    fields = {"state": "collapsed", "reason": "summarised", "sent_at": None, "summary": "s"}
    row = message(1, ticket, audience="officer", person=OFFICER, **fields)
    return PartRow(**row.model_dump(by_alias=True), whole={"_id": "s", "channel": "sms", **whole})


async def test_of_a_message_that_went_in_a_summary_it_is_told_what_became_of_that(
    bench: Any, make_case: MakeCase
) -> None:
    ticket = bench.put(make_case())
    sent, delivered = PLANNED + timedelta(minutes=30), PLANNED + timedelta(minutes=31)
    whole = {"state": "delivered", "channel": "whatsapp", "sent_at": sent, "delivered_at": delivered}
    bench.notices.rows[ticket] = [part(ticket, whole), message(2, ticket)]
    body = (await bench.get(f"/api/v1/cases/{ticket}/notices")).json()
    NoticesShape.model_validate(body)
    first, second = body["items"]
    assert (first["state"], first["reason"], first["sent_at"]) == ("collapsed", "summarised", None)
    assert first["summary"] == {
        "state": "delivered",
        "channel": "whatsapp",
        "sent_at": "2026-01-05T04:30:00+00:00",
        "delivered_at": "2026-01-05T04:31:00+00:00",
        "read_at": None,
        "failed_at": None,
    }
    assert second["summary"] is None
    english = await _page(bench, ticket, "en", "operator")
    assert "several messages were put into one in a summary, delivered 05-01-2026 10:01 · WhatsApp" in english
    assert english.count("in a summary") == 1
    assert "सारांश में, पहुँचा 05-01-2026 10:01" in await _page(bench, ticket, "hi", "operator")


@pytest.mark.parametrize("state", get_args(MessageState))
async def test_every_state_of_a_summary_has_words(
    bench: Any, make_case: MakeCase, texts: Texts, state: MessageState
) -> None:
    """And the instant of that state alone; one that has not gone out yet has none."""
    ticket = bench.put(make_case())
    failed = PLANNED + timedelta(minutes=40)
    bench.notices.rows[ticket] = [part(ticket, {"state": state, "failed_at": failed})]
    at = " 05-01-2026 10:10" if state == "failed" else ""
    said = texts.say(f"notice_state.{state}", "en")
    assert f"in a summary, {said}{at} · SMS" in await _page(bench, ticket, "en", "operator")


@pytest.mark.parametrize("state", get_args(MessageState))
async def test_every_state_has_its_instant(
    bench: Any, make_case: MakeCase, texts: Texts, state: MessageState
) -> None:
    """The one of the state itself, not of an earlier one."""
    case = make_case()
    at = {name: NOW + timedelta(hours=hour) for hour, name in enumerate(
        ("sent_at", "delivered_at", "read_at", "failed_at"), start=1
    )}  # fmt: skip
    row = message(0, case.ticket, **{**at, "state": state})
    directory = await bench.directories.newest("janjgir-champa")
    operator = Actor("operator", "op-1", directory.id)
    line = notices.lines(notices.items([row], case, operator, directory), texts, "en")[0]
    assert line["at"] == at.get(f"{state}_at", row.created_at)
    assert line["tries"] == []

