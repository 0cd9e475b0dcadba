"""What citizens send beside words, at the desk: who sees it, how it is answered, how it is written down."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from services.desk.core import media
from services.desk.models import CaseWhole
from services.kernel.domain.case import Case, Entry
from services.kernel.domain.media import Refusal
from tests import media_samples as samples

MakeCase = Callable[..., Case]
OFFICER = "phe-akaltara-1"
VOICE, PHOTO, PAPER, LATER = ("m-" + letter * 24 for letter in "abcd")
NOTE = samples.voice_note(20)


def _history(case: Case, *acts: tuple[str, Mapping[str, Any], str | None]) -> Case:
    entries = tuple(
        Entry(2 + n, case.filed_at, action, case.state, "citizen", data=data, note=note)
        for n, (action, data, note) in enumerate(acts)
    )
    return replace(case, history=entries)


@pytest.fixture
def ticket(bench: Any, make_case: MakeCase) -> str:
    """A case without words: a voice note and a photo with the filing, a document later."""
    case = make_case(text="", channel="whatsapp", media=(VOICE, PHOTO))
    case = _history(case, ("attach", {"media": (PAPER,)}, "रसीद"))
    bench.media.put(VOICE, NOTE)
    bench.media.put(PHOTO, samples.png(), "image/png", "image", ticket=case.ticket)
    bench.media.put(PAPER, samples.PDF, "application/pdf", "document")
    put: str = bench.put(case, n=2)
    return put


async def _page(bench: Any, ticket: str, role: str = "operator", person: str | None = None) -> str:
    bench.client.cookies.clear()
    await bench.client.post("/login", data={"token": bench.token(role, person)})
    answer = await bench.client.get(f"/cases/{ticket}", params={"lang": "en"})
    assert answer.status_code == 200
    return str(answer.text)


# ---------------------------------------------------------------- the case


async def test_the_api_tells_each_file_with_where_it_lies(bench: Any, ticket: str) -> None:
    case = (await bench.get(f"/api/v1/cases/{ticket}")).json()
    CaseWhole.model_validate(case)
    assert case["text"] == ""
    assert [(one["id"], one["entry"], one["state"]) for one in case["media"]] == [
        (VOICE, 0, "kept"), (PHOTO, 0, "kept"), (PAPER, 2, "kept")
    ]  # fmt: skip
    first = case["media"][0]
    assert (first["kind"], first["voice"], first["size"]) == ("audio", True, len(NOTE))
    file = await bench.get(f"/api/v1{first['path']}")
    assert (file.status_code, file.content) == (200, NOTE)


async def test_the_page_shows_and_plays_and_offers(bench: Any, ticket: str) -> None:
    page = await _page(bench, ticket)
    assert f'<audio controls preload="metadata" src="/cases/{ticket}/media/{VOICE}">' in page
    assert f'<img src="/cases/{ticket}/media/{PHOTO}"' in page
    assert f'href="/cases/{ticket}/media/{PAPER}" download' in page
    assert "No words were written" not in page
    # what came later stands with the entry by which it came
    assert page.index(PAPER) > page.index('class="history"') > page.index(PHOTO)
    headers = (await bench.client.get(f"/cases/{ticket}")).headers
    assert "media-src 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("wanted", None, "being fetched from WhatsApp"),
        ("refused", "too_large", "too large"),
        ("refused", "not_taken", "not taken"),
        ("refused", "empty", "empty"),
        ("refused", "damaged", "damaged"),
        ("gone", "gone", "any more"),
    ],
)
async def test_what_is_not_there_is_told_in_plain_words(
    bench: Any, ticket: str, state: str, reason: Refusal | None, words: str
) -> None:
    bench.media.put(VOICE, state=state, reason=reason)
    del bench.media.files[VOICE]
    page = await _page(bench, ticket)
    assert words in page
    assert f"/media/{VOICE}" not in page
    assert (await bench.get(f"/api/v1/cases/{ticket}/media/{VOICE}")).status_code == 404


async def test_a_file_that_nobody_knows_is_told_as_missing(bench: Any, ticket: str) -> None:
    del bench.media.known[VOICE]
    assert "This file is not here" in await _page(bench, ticket)
    case = (await bench.get(f"/api/v1/cases/{ticket}")).json()
    CaseWhole.model_validate(case)
    assert case["media"][0]["state"] == "missing"


async def test_every_word_is_there_in_both_languages(bench: Any) -> None:
    for language in ("hi", "en"):
        for reason in ("empty", "too_large", "not_taken", "damaged", "gone"):
            assert bench.texts.say(f"file.why_{reason}", language)


# ---------------------------------------------------------------- who sees it


@pytest.mark.parametrize(
    ("role", "person", "sees"),
    [
        ("operator", None, True),
        ("officer", OFFICER, True),
        ("head", "phe-head-1", True),
        ("collector", None, True),
        ("admin", None, False),
        ("officer", "phe-akaltara-2", False),
    ],
)
async def test_who_reads_the_words_sees_the_files(
    bench: Any, ticket: str, role: str, person: str | None, sees: bool
) -> None:
    case = (await bench.get(f"/api/v1/cases/{ticket}", role, person)).json()
    assert [one["id"] for one in case["media"]] == ([VOICE, PHOTO, PAPER] if sees else [])
    page = await _page(bench, ticket, role, person)
    assert (f"/media/{VOICE}" in page) == sees
    for path in (f"/api/v1/cases/{ticket}/media/{VOICE}", f"/cases/{ticket}/media/{VOICE}"):
        answer = await bench.get(path, role, person)
        assert answer.status_code == (200 if sees else 404), path
        assert (answer.content == NOTE) == sees


async def test_who_does_not_see_the_case_gets_the_same_answer_as_for_none(
    bench: Any, ticket: str
) -> None:
    path = f"/api/v1/cases/{ticket}/media/{VOICE}"
    stranger = await bench.get(path, "head", "pwd-head-1")
    assert stranger.status_code == 404
    assert (await bench.client.get(path)).status_code == 401
    bench.client.cookies.clear()
    page = await bench.client.get(f"/cases/{ticket}/media/{VOICE}")
    assert NOTE not in page.content
    assert 'name="token"' in page.text


async def test_a_file_is_had_by_its_own_case_alone(
    bench: Any, ticket: str, make_case: MakeCase
) -> None:
    """Neither by guessing its id, nor by adding it to a case that one sees."""
    other = bench.put(make_case(2, media=("m-" + "e" * 24,)), n=1)
    bench.media.put("m-" + "e" * 24, NOTE, ticket=other)
    assert (await bench.get(f"/api/v1/cases/{other}/media/{VOICE}")).status_code == 404
    assert (await bench.get(f"/api/v1/cases/{ticket}/media/{'m-' + 'e' * 24}")).status_code == 404
    added = await bench.act(ticket, "attach", media=["m-" + "e" * 24])
    assert added.status_code == 200
    assert (await bench.get(f"/api/v1/cases/{ticket}/media/{'m-' + 'e' * 24}")).status_code == 404
    case = (await bench.get(f"/api/v1/cases/{ticket}")).json()
    assert case["media"][-1]["state"] == "missing"
    assert case["media"][-1]["kind"] is None


async def test_an_erased_case_shows_none(bench: Any, make_case: MakeCase) -> None:
    bench.media.put(VOICE, NOTE)
    ticket = bench.put(make_case(text=None, name=None, phone=None, media=(VOICE,), erased=True))
    assert (await bench.get(f"/api/v1/cases/{ticket}")).json()["media"] == []
    assert (await bench.get(f"/api/v1/cases/{ticket}/media/{VOICE}")).status_code == 404
    page = await _page(bench, ticket)
    assert VOICE not in page
    assert "Personal data have been erased" in page


# ---------------------------------------------------------------- how it is answered


@pytest.mark.parametrize(
    ("id_", "mime", "how"),
    [
        (VOICE, "audio/ogg", "inline"),
        (PHOTO, "image/png", "inline"),
        (PAPER, "application/pdf", "attachment"),
    ],
)
async def test_a_file_can_be_nothing_but_itself(
    bench: Any, ticket: str, id_: str, mime: str, how: str
) -> None:
    answer = await bench.get(f"/api/v1/cases/{ticket}/media/{id_}")
    headers = answer.headers
    assert headers["content-type"] == mime
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "private, no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("; sandbox")
    assert headers["accept-ranges"] == "bytes"
    extension = {"audio/ogg": "ogg", "image/png": "png", "application/pdf": "pdf"}[mime]
    name = f"JC-{ticket}-{id_[2:8]}.{extension}"
    assert headers["content-disposition"] == f'{how}; filename="{name}"'
    assert int(headers["content-length"]) == len(answer.content)


async def test_a_part_of_it(bench: Any, ticket: str) -> None:
    path = f"/api/v1/cases/{ticket}/media/{VOICE}"
    size = len(NOTE)
    assert size > 1000

    async def ask(**headers: str) -> Any:
        return await bench.client.get(path, headers={**bench.bearer("operator"), **headers})

    part = await ask(Range="bytes=990-1009")
    assert (part.status_code, part.content) == (206, NOTE[990:1010])
    assert part.headers["content-range"] == f"bytes 990-1009/{size}"
    assert part.headers["content-length"] == "20"
    whole = await ask(Range="bytes=0-")
    assert (whole.status_code, whole.content) == (206, NOTE)
    behind = await ask(Range=f"bytes={size}-")
    assert behind.status_code == 416
    assert behind.headers["content-range"] == f"bytes */{size}"
    for headers in ({"Range": "bytes=0-1,4-5"}, {"Range": "bytes=0-1", "If-Range": '"x"'}):
        assert (await ask(**headers)).status_code == 200


async def test_a_store_that_is_away_is_told_before_the_answer_begins(bench: Any, ticket: str) -> None:
    async def pieces(start: int, end: int) -> Any:
        bench.cases.down = True
        await bench.media.of([])
        yield b""

    bench.media.files[VOICE].pieces = pieces
    answer = await bench.get(f"/api/v1/cases/{ticket}/media/{VOICE}")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"


# ---------------------------------------------------------------- writing it down


def _form(page: str, id_: str) -> dict[str, str]:
    for form in re.findall(r"<form[^>]*>.*?</form>", page, re.S):
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        if fields.get("media") == id_:
            return {name: html.unescape(value) for name, value in fields.items()}
    raise AssertionError(f"no form for {id_}")


async def test_an_operator_writes_down_what_is_said_and_the_officer_reads_it(
    bench: Any, ticket: str
) -> None:
    page = await _page(bench, ticket)
    fields = _form(page, VOICE)
    answer = await bench.client.post(
        f"/cases/{ticket}/actions", data={**fields, "note": "हैंडपंप से लाल पानी आता है"}
    )
    assert answer.status_code == 303
    entry = bench.case(ticket).history[-1]
    assert (entry.action, entry.data, entry.public) == ("note", {"media": [VOICE]}, False)
    page = await _page(bench, ticket, "officer", OFFICER)
    assert page.index(VOICE) < page.index("हैंडपंप से लाल पानी आता है") < page.index(PHOTO)
    case = (await bench.get(f"/api/v1/cases/{ticket}", "officer", OFFICER)).json()
    words = case["media"][0]["words"]
    assert (words["text"], words["role"]) == ("हैंडपंप से लाल पानी आता है", "operator")
    assert [one["words"] for one in case["media"][1:]] == [None, None]
    CaseWhole.model_validate(case)


async def test_what_is_written_again_counts_and_the_first_stays_in_the_history(
    bench: Any, ticket: str
) -> None:
    for words in ("पहली बार", "दूसरी बार"):
        answer = await bench.act(ticket, "note", media=[VOICE], note=words)
        assert answer.status_code == 200
    case = (await bench.get(f"/api/v1/cases/{ticket}")).json()
    assert case["media"][0]["words"]["text"] == "दूसरी बार"
    assert [one["note"] for one in case["history"]][-2:] == ["पहली बार", "दूसरी बार"]
    assert len(case["media"]) == 3, "a note brings no file"


async def test_only_recordings_are_written_down(bench: Any, ticket: str) -> None:
    page = await _page(bench, ticket)
    assert _form(page, VOICE)["action"] == "note"
    for id_ in (PHOTO, PAPER):
        with pytest.raises(AssertionError):
            _form(page, id_)


@pytest.mark.parametrize("given", [["m-" + "e" * 24], [VOICE, "m-" + "e" * 24], ["nothing"], "x", [7]])
async def test_a_note_names_files_of_its_case(bench: Any, ticket: str, given: Any) -> None:
    answer = await bench.act(ticket, "note", media=given, note="शब्द")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "media"
    assert bench.case(ticket).history[-1].action == "attach"


async def test_who_was_too_late_keeps_his_words_beside_the_recording(bench: Any, ticket: str) -> None:
    fields = _form(await _page(bench, ticket), VOICE)
    assert (await bench.act(ticket, "acknowledge", "officer", OFFICER)).status_code == 200
    answer = await bench.client.post(
        f"/cases/{ticket}/actions", data={**fields, "note": "आधी बात"}
    )
    assert answer.status_code == 409
    assert answer.text.count("आधी बात") == 1
    assert answer.text.index("आधी बात") < answer.text.index(PHOTO)


# ---------------------------------------------------------------- the pure part


def test_files_stand_where_they_came_first(make_case: MakeCase) -> None:
    case = _history(
        make_case(media=(VOICE, PHOTO, VOICE)),
        ("attach", {"media": (PHOTO, PAPER)}, None),
        ("note", {"media": (VOICE,)}, "शब्द"),
        ("attach", {"media": (LATER,)}, None),
        ("attach", {}, "केवल शब्द"),
    )
    assert media.ids(case) == (VOICE, PHOTO, PAPER, LATER)
