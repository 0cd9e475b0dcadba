"""Recordings that nobody has written down: who finds their cases, who is told of them, how they go."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from services.desk.adapters import query as queries
from services.desk.core import filters
from services.desk.core.ports import Query
from services.desk.models import CasesPage, CaseWhole
from services.desk.testing import NOW
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District
from services.kernel.domain.people import Actor, Role, visible
from tests import media_samples as samples

MakeCase = Callable[..., Case]
OFFICER, COLLEAGUE = "phe-akaltara-1", "phe-akaltara-2"
VOICE, FILM, PHOTO = ("m-" + letter * 24 for letter in "abc")
LINK = re.compile(r'<a id="t-unwritten" href="([^"]+)">([^<]+)</a>')
MARK = '<span class="flag waits">'


@pytest.fixture
def spoken(bench: Any, make_case: MakeCase) -> str:
    """A case of two recordings and a photo; beside it a case without any, which is put too."""
    bench.put(make_case(2, media=(PHOTO,)))
    case = make_case(1, text="", media=(VOICE, PHOTO, FILM), unwritten=(VOICE, FILM))
    bench.media.put(VOICE, samples.voice_note(2))
    bench.media.put(PHOTO, samples.png(), "image/png", "image")
    bench.media.put(FILM, samples.MP4, "video/mp4", "video")
    put: str = bench.put(case)
    return put


async def _tickets(bench: Any, role: Role = "operator", person: str | None = None, **given: str) -> list[str]:
    answer = await bench.get("/api/v1/cases", role, person, **given)
    assert answer.status_code == 200
    CasesPage.model_validate(answer.json())
    return [item["ticket"] for item in answer.json()["items"]]


async def _page(
    bench: Any, path: str = "/", role: Role = "operator", person: str | None = None, language: str = "en"
) -> str:
    bench.client.cookies.clear()
    await bench.client.post("/login", data={"token": bench.token(role, person)})
    answer = await bench.client.get(path, params={"lang": language} if "?" not in path else None)
    return str(answer.text)


# ---------------------------------------------------------------- the filter


async def test_the_list_of_what_is_to_be_written_down(
    bench: Any, spoken: str, make_case: MakeCase
) -> None:
    other = make_case(2).ticket
    assert await _tickets(bench, unwritten="true") == [spoken]
    assert await _tickets(bench, unwritten="false") == [other]
    assert sorted(await _tickets(bench, unwritten="")) == sorted([spoken, other])
    for one, left in ((VOICE, [spoken]), (FILM, [])):
        assert (await bench.act(spoken, "note", media=[one], note="शब्द")).status_code == 200
        assert await _tickets(bench, unwritten="true") == left
    assert "unwritten" not in bench.cases.documents[spoken]["case"]


@pytest.mark.parametrize("value", ["true", "false"])
async def test_who_does_not_read_the_words_does_not_filter_by_it(
    bench: Any, spoken: str, value: str
) -> None:
    answer = await bench.get("/api/v1/cases", "admin", unwritten=value)
    assert answer.status_code == 403
    assert answer.json()["error"]["field"] == "unwritten"
    assert await _tickets(bench, "officer", COLLEAGUE, unwritten=value) == []
    assert spoken in await _tickets(bench, "officer", COLLEAGUE)


def _match(directory: District, actor: Actor, value: str) -> dict[str, Any]:
    given = filters.parse({"unwritten": value}, directory, "secret" * 8)
    scope = visible(actor, directory)
    return queries.match(Query(actor, scope, given, NOW))


@pytest.mark.parametrize("value", ["true", "false"])
def test_what_is_asked_of_the_store(janjgir: District, value: str) -> None:
    collector = _match(janjgir, Actor("collector", "collector-1", janjgir.id), value)
    assert collector["case.unwritten"] == {"$exists": value == "true"}
    assert "case.officer" not in collector
    officer = _match(janjgir, Actor("officer", OFFICER, janjgir.id), value)
    assert len(officer["$or"]) > 1
    assert {way["case.officer"] for way in officer["$or"]} == {OFFICER}
    admin = _match(janjgir, Actor("admin", None, janjgir.id), value)
    assert admin["_id"] == {"$in": []}


# ---------------------------------------------------------------- what a case tells


@pytest.mark.parametrize(
    ("role", "person", "count"),
    [
        ("operator", None, 2),
        ("officer", OFFICER, 2),
        ("head", "phe-head-1", 2),
        ("collector", None, 2),
        ("officer", COLLEAGUE, None),
        ("admin", None, None),
    ],
)
async def test_how_many_is_told_to_who_reads_the_words(
    bench: Any, spoken: str, role: Role, person: str | None, count: int | None
) -> None:
    items = (await bench.get("/api/v1/cases", role, person)).json()["items"]
    told = {item["ticket"]: item["unwritten"] for item in items}
    assert told.pop(spoken) == count
    assert set(told.values()) == {None if count is None else 0}
    case = (await bench.get(f"/api/v1/cases/{spoken}", role, person)).json()
    CaseWhole.model_validate(case)
    assert case["unwritten"] == count
    marked = [one["id"] for one in case["media"] if one["unwritten"]]
    assert marked == ([] if count is None else [VOICE, FILM])
    for path in ("/", f"/cases/{spoken}"):
        page = await _page(bench, path, role, person)
        assert (MARK in page) == (count is not None), path


async def test_of_an_erased_case_nothing_is_told(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case(text=None, name=None, phone=None, media=(VOICE,), erased=True))
    assert await _tickets(bench, unwritten="true") == []
    assert (await bench.get(f"/api/v1/cases/{ticket}")).json()["unwritten"] is None


@pytest.mark.parametrize(
    ("role", "person", "sees"),
    [
        ("operator", None, True),
        ("officer", OFFICER, True),
        ("officer", COLLEAGUE, False),
        ("admin", None, False),
    ],
)
async def test_the_history_names_files_only_to_who_sees_them(
    bench: Any, spoken: str, role: Role, person: str | None, sees: bool
) -> None:
    """A note that names a file tells that the file is a recording, and what was once known could be named."""
    assert (await bench.act(spoken, "attach", media=[VOICE])).status_code == 200
    assert (await bench.act(spoken, "note", media=[VOICE], note="शब्द")).status_code == 200
    answer = await bench.get(f"/api/v1/cases/{spoken}", role, person)
    told = [(one["action"], one["data"]) for one in answer.json()["history"]]
    data = {"media": [VOICE]} if sees else {}
    assert told == [("attach", data), ("note", data)]
    page = await _page(bench, f"/cases/{spoken}", role, person)
    assert ("wrote down what a recording says" in page) == sees
    assert (VOICE in answer.text, VOICE in page) == (sees, sees)


async def test_who_may_not_hear_a_recording_does_not_take_it_from_the_list(bench: Any, spoken: str) -> None:
    """A colleague of the office may note something of another's case, but not that he heard it."""
    answer = await bench.act(spoken, "note", "officer", COLLEAGUE, media=[VOICE], note="शब्द")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "media"
    assert (await bench.act(spoken, "note", "officer", COLLEAGUE, note="शब्द")).status_code == 200
    assert bench.case(spoken).unwritten == (VOICE, FILM)
    assert (await bench.act(spoken, "note", "officer", OFFICER, media=[VOICE], note="शब्द")).status_code == 200
    assert bench.case(spoken).unwritten == (FILM,)


# ---------------------------------------------------------------- the pages


async def test_an_operator_is_told_how_many_wait_and_led_to_them(
    bench: Any, spoken: str, make_case: MakeCase
) -> None:
    # also of cases that are not open: a citizen may say in his own voice that it is not done
    resolved = bench.put(make_case(3, state="resolved", media=(VOICE,), unwritten=(VOICE,)))
    found = LINK.search(await _page(bench))
    assert found is not None
    assert found[2] == "Recordings not yet written down: 3"
    listed = await _page(bench, html.unescape(found[1]))
    assert re.findall(r'id="c-(\d+)"', listed) == sorted([spoken, resolved])
    assert '<option value="true" selected>' in listed
    hindi = LINK.search(await _page(bench, language="hi"))
    assert hindi is not None
    assert hindi[2] == "रिकॉर्डिंग जो अभी लिखी नहीं गईं: 3"


async def test_the_link_is_there_only_while_something_waits(bench: Any, spoken: str) -> None:
    answer = await bench.act(spoken, "note", media=[VOICE, FILM], note="शब्द")
    assert answer.status_code == 200
    page = await _page(bench)
    assert LINK.search(page) is None
    assert MARK not in page


@pytest.mark.parametrize(
    ("role", "person", "offered"),
    [("officer", OFFICER, True), ("head", "phe-head-1", True), ("admin", None, False)],
)
async def test_others_are_not_sent_to_work_that_is_not_theirs(
    bench: Any, spoken: str, role: Role, person: str | None, offered: bool
) -> None:
    page = await _page(bench, "/", role, person)
    assert LINK.search(page) is None
    assert ('<select id="unwritten"' in page) == offered


async def test_a_role_that_may_not_filter_by_it_is_told_so(bench: Any, spoken: str) -> None:
    page = await _page(bench, "/?unwritten=true&lang=en", "admin")
    assert "cannot filter by recordings" in page
    assert spoken not in page


async def test_the_table_tells_when_the_number_has_changed(bench: Any, spoken: str) -> None:
    """An operator's page stands open: what others write down goes from it by itself."""
    page = await _page(bench)
    first = LINK.search(page)
    assert first is not None
    await bench.act(spoken, "note", media=[FILM], note="शब्द")
    table = (await bench.client.get("/fragments/cases")).text
    then = LINK.search(table)
    assert then is not None
    assert (first[2][-1], then[2][-1]) == ("2", "1")


def _file(page: str, id_: str) -> str:
    found = re.search(rf'<figure class="file" id="{id_}">.*?</figure>', page, re.S)
    assert found is not None
    return found[0]


async def test_the_page_of_the_case_marks_each(bench: Any, spoken: str) -> None:
    page = await _page(bench, f"/cases/{spoken}")
    assert [MARK in _file(page, one) for one in (VOICE, FILM, PHOTO)] == [True, True, False]
    await bench.act(spoken, "note", media=[VOICE], note="शब्द")
    page = await _page(bench, f"/cases/{spoken}")
    assert [MARK in _file(page, one) for one in (VOICE, FILM, PHOTO)] == [False, True, False]


@pytest.mark.parametrize("state", ["refused", "gone", "missing"])
async def test_what_can_never_be_heard_is_written_down_as_that(
    bench: Any, spoken: str, state: str
) -> None:
    """Or it would wait for ever."""
    del bench.media.files[VOICE]
    if state == "missing":
        del bench.media.known[VOICE]
    else:
        bench.media.put(VOICE, state=state, reason="gone")
    page = _file(await _page(bench, f"/cases/{spoken}"), VOICE)
    assert "Write down why it could not be heard" in page
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    fields = {name: html.unescape(value) for name, value in fields.items()}
    answer = await bench.client.post(f"/cases/{spoken}/actions", data={**fields, "note": "फ़ाइल नहीं आई"})
    assert answer.status_code == 303
    assert bench.case(spoken).unwritten == (FILM,)
    page = _file(await _page(bench, f"/cases/{spoken}"), VOICE)
    assert "<form" not in page
    assert MARK not in page


async def test_what_is_still_being_fetched_is_not_asked_for(bench: Any, spoken: str) -> None:
    del bench.media.files[VOICE]
    bench.media.put(VOICE)
    page = _file(await _page(bench, f"/cases/{spoken}"), VOICE)
    assert MARK in page
    assert "<form" not in page


@pytest.mark.parametrize("lost", [False, True])
async def test_of_two_who_write_it_down_at_once_the_second_keeps_his_words(
    bench: Any, spoken: str, lost: bool
) -> None:
    """And reads what the first one wrote; also where the file never came and nothing waits any more."""
    if lost:
        del bench.media.files[VOICE]
        bench.media.put(VOICE, state="gone", reason="gone")
    form = _file(await _page(bench, f"/cases/{spoken}"), VOICE)
    fields = {k: html.unescape(v) for k, v in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    assert (await bench.act(spoken, "note", media=[VOICE], note="पहले के शब्द")).status_code == 200
    answer = await bench.client.post(f"/cases/{spoken}/actions", data={**fields, "note": "दूसरे के शब्द"})
    assert answer.status_code == 409
    shown = _file(answer.text, VOICE)
    assert "<blockquote>पहले के शब्द</blockquote>" in shown
    assert ">दूसरे के शब्द</textarea>" in shown
    assert MARK not in shown
