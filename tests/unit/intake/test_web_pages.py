"""The form and the site around it as a browser without JavaScript meets them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time
from importlib import resources
from urllib.parse import urlsplit

import httpx
import pytest

from services.intake.web import texts
from services.intake.web.api import build
from services.intake.web.testing import MemoryIntake
from services.kernel.domain.directory import Calendar, Window
from tests.unit.intake.browsing import WORDS, Read, blank, filed

FORM = {"content-type": "application/x-www-form-urlencoded"}


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
