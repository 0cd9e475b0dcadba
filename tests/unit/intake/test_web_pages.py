"""The pages as a browser without JavaScript meets them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import time
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.intake.web import texts
from services.intake.web.api import build
from services.intake.web.testing import MemoryIntake
from services.kernel.domain.case import Act, Entry
from services.kernel.domain.directory import Calendar, District, Window
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.lifecycle import ACTIONS, STATES
from services.kernel.domain.people import Actor

Read = Callable[[httpx.Response], Any]
WORDS = "हैंडपंप ख़राब है"
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def blank(client: httpx.AsyncClient, read_page: Read, query: str = "") -> dict[str, str]:
    """The form as it comes, all fields empty."""
    values: dict[str, str] = read_page(await client.get(f"/{query}")).values
    return values


async def filed(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> tuple[str, str]:
    """A new case's ticket and the path of its page."""
    values = await blank(client, read_page)
    answer = await client.post("/", data={**values, "kind": "complaint", "text": WORDS})
    path = urlsplit(answer.headers["location"]).path
    return path.split("/")[2], path


async def resolved(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake, **fields: object
) -> tuple[str, str]:
    ticket, path = await filed(client, read_page, intake)
    at = intake.clock.advance(hours=3)
    entry = Entry(1, at, "resolve", "resolved", "officer", "officer-1", note="बन गया", public=True)
    given = {"state": "resolved", "history": (entry,), "resolved_at": at, **fields}
    intake.route(ticket, **given)
    return ticket, path


def form_of(page: Any, act: str) -> dict[str, str]:
    """What pressing the button of `act` sends: the fields of its own form."""
    sent: dict[str, str] = {}
    for tag, given in page.tags:
        if tag == "form":
            sent = {}
        if tag == "input":
            sent[given["name"]] = given["value"]
        if tag == "button" and given.get("value") == act:
            return {**sent, "act": act}
    raise AssertionError(f"no button for {act}")


async def test_the_form_is_in_hindi_and_on_request_in_english(
    client: httpx.AsyncClient, read_page: Read
) -> None:
    hindi = read_page(await client.get("/"))
    english = read_page(await client.get("/?lang=en"))
    assert (hindi.language, english.language) == ("hi", "en")
    assert ("a", "?lang=en") in [(tag, given.get("href")) for tag, given in hindi.tags]
    names = {
        given.get("name") for tag, given in hindi.tags if tag in ("input", "select", "textarea")
    }
    assert names >= {
        "kind", "text", "service", "block", "village", "landmark", "name", "phone", "on_behalf_of",
        "confidential", "token",
    }  # fmt: skip
    groups = [given["label"] for tag, given in english.tags if tag == "optgroup"]
    assert len(groups) > 5


async def test_sending_leads_to_the_cases_page(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    values = await blank(client, read_page)
    sent = {
        **values,
        "kind": "suggestion",
        "text": WORDS,
        "service": "hand-pump",
        "block": "baloda",
    }
    answer = await client.post("/", data={**sent, "confidential": "yes", "on_behalf_of": "माँ"})
    assert answer.status_code == 303
    ticket = answer.headers["location"].split("/")[2]
    event = intake.receipts.event(ticket)
    assert (event.kind, event.service, event.place.block) == ("suggestion", "hand-pump", "baloda")
    assert event.confidential
    assert not event.has_phone
    page = read_page(await client.get(answer.headers["location"]))
    assert page.texts["number"] == "JC" + ticket
    assert page.texts["link"].endswith(urlsplit(answer.headers["location"]).path)


async def test_pressing_twice_gives_one_ticket_and_other_words_a_fresh_form(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    values = {**await blank(client, read_page), "kind": "complaint", "text": WORDS}
    first = await client.post("/", data=values)
    again = await client.post("/", data=values)
    assert first.headers["location"] == again.headers["location"]
    changed = await client.post("/", data={**values, "text": "कुछ और"})
    assert changed.status_code == 409
    page = read_page(changed)
    assert page.values["text"] == "कुछ और"
    assert page.values["token"] != values["token"]
    assert (await client.post("/", data={**page.values, "kind": "complaint"})).status_code == 303
    assert len(intake.receipts.stored) == 2


async def test_errors_keep_everything_that_was_typed(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    typed = {
        **await blank(client, read_page),
        "kind": "demand",
        "text": "  ",
        "service": "hand-pump",
        "block": "akaltara",
        "village": '"><script>alert(1)</script>',
        "landmark": "पीपल & नीम",
        "name": "रामकली",
        "phone": "१२३",
        "on_behalf_of": "माँ",
        "confidential": "yes",
    }
    answer = await client.post("/", data=typed)
    assert answer.status_code == 422
    assert "<script" not in answer.text
    page = read_page(answer)
    kept = {name: page.values.get(name, "") for name in typed}
    assert kept == {**typed, "text": "  "}
    assert "लिखिए" in page.texts["text-fault"]
    assert "नंबर" in page.texts["phone-fault"]
    assert not intake.receipts.stored


async def test_store_away_is_503_with_words_kept_and_the_call_centre(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    values = {**await blank(client, read_page), "kind": "complaint", "text": WORDS, "name": "अ"}
    intake.down()
    answer = await client.post("/", data=values)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    page = read_page(answer)
    assert {name: page.values[name] for name in ("text", "name", "kind", "token")} == {
        name: values[name] for name in ("text", "name", "kind", "token")
    }
    assert "7970001634" in page.texts["notice"]
    assert "सुबह 10 बजे से शाम 6 बजे तक" in page.texts["notice"]
    assert (await client.get("/")).status_code == 200  # it can be filled in meanwhile
    intake.down(False)
    assert (await client.post("/", data=page.values)).status_code == 303


async def test_store_away_from_the_start_keeps_the_words_as_well(
    intake: MemoryIntake, read_page: Read
) -> None:
    intake.down()
    app, _ = build(intake.parts, {})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert (await client.get("/")).status_code == 503
        sent = {"kind": "demand", "text": WORDS, "block": "baloda", "service": "road"}
        answer = await client.post("/", data=sent)
    assert answer.status_code == 503
    assert {name: read_page(answer).values[name] for name in sent} == sent


async def test_danger_is_shown_with_numbers_to_press(
    client: httpx.AsyncClient, read_page: Read
) -> None:
    values = await blank(client, read_page)
    sent = {**values, "kind": "complaint", "text": "बिजली का तार टूटकर गिरा है, करंट आ रहा है"}
    answer = await client.post("/", data=sent)
    page = read_page(await client.get(answer.headers["location"]))
    calls = [given.get("href") for tag, given in page.tags if tag == "a"]
    assert {"tel:112", "tel:1077"} <= set(calls)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"kind=%ff", FORM, 400),
        (b"&".join(b"a%d=1" % n for n in range(99)), FORM, 400),
        (b"kind=complaint&kind=demand", FORM, 422),
        (b"colour=red", FORM, 422),
        (b"text=a%00b&kind=complaint", FORM, 422),
        (b"confidential=perhaps&kind=complaint&text=x", FORM, 422),
        (b"district=nowhere&kind=complaint&text=x", FORM, 422),
        (b"{}", {"content-type": "application/json"}, 415),
        (b"text=" + b"x" * 300_000, FORM, 413),
    ],
)
async def test_broken_forms_are_refused(
    client: httpx.AsyncClient,
    intake: MemoryIntake,
    content: bytes,
    headers: dict[str, str],
    status: int,
) -> None:
    assert (await client.post("/", content=content, headers=headers)).status_code == status
    assert not intake.receipts.stored


async def test_pages_run_no_script_tell_no_referrer_and_cases_are_not_indexed(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake
) -> None:
    _, path = await filed(client, read_page, intake)
    for address in ("/", path, "/s/1/2"):
        answer = await client.get(address)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "<script" not in answer.text
        assert " style=" not in answer.text
    assert "noindex" in (await client.get(path)).headers["x-robots-tag"]


async def test_assets_are_served_from_the_package(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    for address in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page):
        answer = await client.get(address)
        assert answer.status_code == 200
        assert "max-age" in answer.headers["cache-control"]
    assert len((await client.get("/assets/samvad.css")).content) < 16_000
    assert (await client.get("/assets/../app.py")).status_code == 404


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


async def test_a_closed_case_is_opened_again_only_within_the_districts_window(
    client: httpx.AsyncClient, read_page: Read, intake: MemoryIntake, janjgir: District
) -> None:
    closed_at = intake.clock()
    _, path = await resolved(client, read_page, intake, state="closed", closed_at=closed_at)
    sent = {**form_of(read_page(await client.get(path)), "reopen"), "reason": "फिर ख़राब"}
    intake.clock.advance(days=janjgir.reopen_days, seconds=1)
    assert "reason" not in read_page(await client.get(path)).values
    assert (await client.post(path, data=sent)).status_code == 409


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


def test_templates_carry_no_words_and_every_key_has_both_languages() -> None:
    known = texts.load()
    folder = resources.files("services.intake.web").joinpath("templates")
    for template in folder.iterdir():
        source = template.read_text(encoding="utf-8")
        assert not re.search("[\u0900-\u097f]", source), template.name
        for key in re.findall(r"\bt\('([a-z_.0-9]+)'(?! ~)", source):
            if not key.endswith("."):
                assert key in known, key
        # what macros add to a tag is no text, though it stands between no angle brackets
        source = source.replace("-fault", "").replace("-hint", "").replace('="true"', "")
        source = re.sub("aria-[a-z]+", "", source)
        words = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<[^>]+>", "", source, flags=re.DOTALL)
        assert not re.search("[A-Za-z]{2,}", words), (template.name, words.split())


@pytest.mark.parametrize(
    ("week", "said"),
    [
        (
            {"mon": "10-18", "tue": "10-18", "sat": "10-14"},
            ("Monday to Tuesday, 10 am to 6 pm", "Saturday, 10 am to 2 pm"),
        ),
        (
            dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "0-0"),
            ("every day, day and night",),
        ),
        ({}, ()),
    ],
)
def test_hours_are_said_as_people_say_them(week: dict[str, str], said: tuple[str, ...]) -> None:
    windows: dict[str, tuple[Window, ...]] = {
        day: (Window(*(time(int(hour)) for hour in span.split("-"))),) for day, span in week.items()
    }
    calendar = Calendar("c", "Asia/Kolkata", windows)
    assert texts.load().hours(calendar, "en") == said


async def test_a_site_behind_a_path_keeps_its_links_there(
    intake: MemoryIntake, read_page: Read
) -> None:
    parts = replace(intake.parts, public_url="https://example.gov.in/samvad/")
    app, _ = build(parts, {})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.1:8000") as client:
        page = read_page(await client.get("/"))
        sent = {**page.values, "kind": "complaint", "text": WORDS}
        answer = await client.post("/", data=sent)
        assert answer.headers["location"].startswith("/samvad/s/")
        shown = await client.get(answer.headers["location"].removeprefix("/samvad"))
    assert "https://example.gov.in/samvad/s/" in read_page(shown).texts["link"]
    actions = [given["action"] for tag, given in page.tags if tag == "form"]
    assert actions == ["/samvad/"]
