"""The page of a case as a browser without JavaScript meets it: how it stands, and the citizen's word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.intake.web import texts
from services.intake.web.testing import MemoryIntake
from services.kernel.domain.case import Act, CasePlace, Entry
from services.kernel.domain.causes import cause_of
from services.kernel.domain.directory import District, Leave
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.lifecycle import ACTIONS, STATES
from services.kernel.domain.people import Actor
from tests.unit.intake.browsing import Read, filed, form_of, resolved


async def test_wrong_links_are_one_kind_page(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await filed(client, read_page, intake)
    pages = [
        await client.get(f"/s/{ticket}/wrong"),
        await client.get(f"/s/0000000000/{path[-22:]}"),
    ]
    pages.append(await client.post(f"/s/{ticket}/wrong", data={"act": "confirm"}))
    assert {page.status_code for page in pages} == {404}
    assert len({page.text for page in pages}) == 1
    mistyped = await client.get("/sss", headers={"accept": "text/html"})
    assert mistyped.status_code == 404
    assert read_page(mistyped).language == "hi"
    assert (await client.get("/sss")).json()["error"]["code"] == "unknown"


async def test_satisfied_closes_once_however_often_it_is_pressed(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await resolved(client, read_page, intake)
    page = read_page(await client.get(path))
    assert page.texts["resolution"] == "बन गया"
    sent = form_of(page, "confirm")
    answers = [await client.post(path, data=sent) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {303}
    assert answers[0].headers["location"] == answers[1].headers["location"]
    case = intake.case(ticket)
    assert (case.state, len(case.history)) == ("closed", 2)
    assert (case.history[-1].role, case.history[-1].person) == ("citizen", None)
    after = read_page(await client.get(answers[0].headers["location"]))
    assert "धन्यवाद" in after.texts["notice"]


async def test_not_satisfied_needs_a_reason_and_opens_the_case_again(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await resolved(client, read_page, intake)
    sent = {**form_of(read_page(await client.get(path)), "reopen"), "reason": " \r\n"}
    refused = await client.post(path, data=sent)
    assert refused.status_code == 422
    page = read_page(refused)
    assert page.texts["reason-fault"]
    again = form_of(page, "reopen")
    assert again["token"] == sent["token"]
    done = await client.post(path, data={**again, "reason": "पानी नहीं आता"})
    assert parse_qs(urlsplit(done.headers["location"]).query)["done"] == ["reopen"]
    case = intake.case(ticket)
    assert (case.state, case.cycle, case.history[-1].note) == ("assigned", 2, "पानी नहीं आता")
    seen = await client.get(path)
    assert "पानी नहीं आता" in seen.text


async def test_an_act_that_came_too_late_is_told_kindly_with_the_fresh_state(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await resolved(client, read_page, intake)
    sent = form_of(read_page(await client.get(path)), "confirm")
    intake.vault.new(ticket)
    operator = Actor("operator", "op-1", intake.district)
    await intake.store.act(ticket, Act("reopen", by=operator, cause="by telephone"))
    answer = await client.post(path, data=sent)
    assert answer.status_code == 409
    page = read_page(answer)
    assert page.texts["notice"]
    assert page.texts["state"] == texts.load().say("state.assigned", "hi")


async def test_store_away_while_answering_keeps_reason_and_token(
    client: httpx.AsyncClient,
    read_page: Read,
    intake: MemoryIntake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticket, path = await resolved(client, read_page, intake)
    sent = {**form_of(read_page(await client.get(path)), "reopen"), "reason": "नहीं हुआ"}
    write = intake.store._rooms.write

    async def away(drafts: object) -> set[int]:
        raise Unavailable("the store")

    monkeypatch.setattr(intake.store._rooms, "write", away)
    answer = await client.post(path, data=sent)
    assert answer.status_code == 503
    page = read_page(answer)
    assert page.values["reason"] == "नहीं हुआ"
    assert form_of(page, "reopen")["token"] == sent["token"]
    monkeypatch.setattr(intake.store._rooms, "write", write)
    assert (await client.post(path, data=sent)).status_code == 303
    assert intake.case(ticket).cycle == 2


async def test_a_question_is_answered_on_the_page(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await filed(client, read_page, intake)
    at = intake.clock.advance(hours=1)
    asked = Entry(1, at, "ask_citizen", "awaiting_citizen", "officer", note="कौन सा?")
    intake.route(ticket, state="awaiting_citizen", history=(asked,))
    sent = form_of(read_page(await client.get(path)), "answer")
    assert (await client.post(path, data={**sent, "answer": "x" * 1001})).status_code == 422
    assert (await client.post(path, data={**sent, "answer": "स्कूल वाला"})).status_code == 303
    assert intake.case(ticket).state == "in_progress"


async def test_a_form_sent_again_with_other_words_does_not_say_that_it_is_done(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    """Back, rewritten, sent again: neither lost behind a "thank you", nor taken for another question."""
    ticket, path = await filed(client, read_page, intake)
    at = intake.clock.advance(hours=1)
    asked = Entry(1, at, "ask_citizen", "awaiting_citizen", "officer", note="कौन सा?")
    intake.route(ticket, state="awaiting_citizen", history=(asked,))
    sent = {**form_of(read_page(await client.get(path)), "answer"), "answer": "स्कूल वाला"}
    assert (await client.post(path, data=sent)).status_code == 303
    other = {**sent, "answer": "मंदिर वाला"}
    assert (await client.post(path, data=other)).status_code == 409
    officer = Actor("officer", "officer-1", intake.district)
    await intake.store.act(ticket, Act("ask_citizen", by=officer))
    refused = await client.post(path, data=other)
    assert refused.status_code == 409
    page = read_page(refused)
    assert page.values["answer"] == "मंदिर वाला"
    again = await client.post(path, data=sent)
    assert again.status_code == 303, "the same words again are the first outcome"
    assert intake.case(ticket).state == "awaiting_citizen"
    fresh = {**form_of(page, "answer"), "answer": "मंदिर वाला"}
    assert (await client.post(path, data=fresh)).status_code == 303
    notes = [e.note for e in intake.case(ticket).history if e.action == "answer"]
    assert notes == ["स्कूल वाला", "मंदिर वाला"]


async def test_a_forms_token_is_not_the_key_of_staff(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await resolved(client, read_page, intake)
    operator = Actor("operator", None, intake.district)
    cause = cause_of(operator, "k", {"action": "confirm", "words": None})
    sent = {**form_of(read_page(await client.get(path)), "confirm"), "token": cause}
    assert (await client.post(path, data=sent)).status_code == 303
    case = intake.case(ticket)
    assert case.state == "closed"
    assert case.by_cause(cause) is None


async def test_a_closed_case_is_opened_again_only_within_the_districts_window(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake, janjgir: District
) -> None:
    closed_at = intake.clock()
    _, path = await resolved(client, read_page, intake, state="closed", closed_at=closed_at)
    sent = {**form_of(read_page(await client.get(path)), "reopen"), "reason": "फिर ख़राब"}
    intake.clock.advance(days=janjgir.reopen_days, seconds=1)
    assert "reason" not in read_page(await client.get(path)).values
    assert (await client.post(path, data=sent)).status_code == 409


async def test_a_resolved_case_says_when_it_counts_as_settled(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await resolved(client, read_page, intake)
    told = "Counts as settled then"
    assert told not in (await client.get(f"{path}?lang=en")).text
    closes = intake.clock() + timedelta(days=7)
    intake.cases.documents[ticket]["sla"]["lapses_at"] = closes
    assert told in (await client.get(f"{path}?lang=en")).text
    key = path.removeprefix("/s/")
    seen = (await client.get(f"/api/v1/status/{key}")).json()
    assert seen["closes_at"] == closes.isoformat().replace("+00:00", "Z")
    intake.cases.documents[ticket]["case"]["state"] = "closed"
    assert told not in (await client.get(f"{path}?lang=en")).text


async def test_a_question_says_that_the_time_stands_still(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await filed(client, read_page, intake)
    intake.route(ticket, state="awaiting_citizen")
    told = "समय रुका हुआ है"
    assert told not in (await client.get(path)).text
    until = intake.clock() + timedelta(days=2)
    intake.cases.documents[ticket]["sla"]["paused_until"] = until
    assert told in (await client.get(path)).text
    key = path.removeprefix("/s/").partition("?")[0]
    assert (await client.get(f"/api/v1/status/{key}")).json()["paused"]
    intake.clock.advance(days=2)
    assert told not in (await client.get(path)).text


async def test_unknown_acts_are_refused(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await resolved(client, read_page, intake)
    for sent in ({"act": "close"}, {"act": ""}, {}, {"act": "confirm", "officer": "x"}):
        assert (await client.post(path, data=sent)).status_code in (415, 422)
    assert intake.case(ticket).state == "resolved"


async def test_the_page_is_in_the_language_of_the_case(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await filed(client, read_page, intake)
    assert read_page(await client.get(path)).language == "hi"
    intake.route(ticket, language="en")
    assert read_page(await client.get(path)).language == "en"
    assert read_page(await client.get(f"{path}?lang=hi")).language == "hi"


async def test_every_state_and_step_has_its_words(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    ticket, path = await filed(client, read_page, intake)
    at = intake.clock()
    steps = tuple(
        Entry(n, at, action, "assigned", "officer") for n, action in enumerate(ACTIONS, 1)
    )
    for state in STATES:
        intake.route(ticket, state=state, history=steps)
        for language in ("hi", "en"):
            answer = await client.get(path, params={"lang": language})
            assert answer.status_code == 200
            assert read_page(answer).texts["state"]


async def test_reopened_it_goes_to_somebody_who_is_there(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake, janjgir: District
) -> None:
    """Who had it keeps it; on leave, a colleague has it; with nobody there, it goes up."""
    team = [f"phe-akaltara-{n}" for n in (1, 2, 3)]
    for gone, expected in (
        ([], team[:1]),
        (team[:1], team[1:]),
        (team, ["phe-head-1"]),
        ([*team, "phe-head-1", "sdm-akaltara-1", "collector-1"], ["collector-1"]),
    ):
        ticket, path = await resolved(
            client,
            read_page,
            intake,
            office="phe-akaltara",
            officer=team[0],
            place=CasePlace(block="akaltara"),
        )
        today = intake.clock().date()
        officers = tuple(
            replace(o, leave=(Leave(today, today),)) if o.id in gone else o
            for o in janjgir.officers
        )
        intake.directories.put(replace(janjgir, officers=officers))
        version = (await intake.directories.newest(janjgir.id)).version
        sent = {**form_of(read_page(await client.get(path)), "reopen"), "reason": "नहीं बना"}
        assert (await client.post(path, data=sent)).status_code == 303
        case = intake.case(ticket)
        assert case.officer in expected
        officer = janjgir.officer_by_id[case.officer or ""]
        assert (case.department, case.office) == ("phe", officer.office)
        told = case.history[-1].data
        assert told["directory_version"] == version
        assert told["reason"] == f"The citizen reopened it; {officer.name.en} works it"
        assert officer.name.hi in told["reason_hi"]
        # the office is told by name, the citizen is not
        assert officer.name.hi not in (await client.get(path)).text
