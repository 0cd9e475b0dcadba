"""Forms of the pages, filled in by nobody in his senses: refused kindly or taken, never a fault of ours.

What is typed comes back as text, never as markup; nobody is sent to another site.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cli.stack import Stack
from tests.e2e.client import Line, until
from tests.e2e.test_line import PUMP

FORM = "application/x-www-form-urlencoded"
MARKUP = "<b id=zq>&\"'"
WORDS = st.sampled_from(
    ["", " ", "yes", MARKUP, "\x00", "\u202e\u200d", "-1", "1" * 30, "//evil.example/", "ड़" * 300]
) | st.text(max_size=30)
TOO_MANY = st.just("क" * 4001)


@dataclass(frozen=True)
class Page:
    """Where a form is sent to. `taken`: values with which it is taken; `fields`: all that it has."""

    process: str
    path: str
    taken: Mapping[str, str]
    fields: tuple[str, ...]
    cookies: dict[str, str] = field(default_factory=dict)


def filled(page: Page) -> st.SearchStrategy[tuple[str, bytes]]:
    """A content type and a body: mostly the form with some fields changed, sometimes anything."""
    names = st.sampled_from(page.fields) | st.text(max_size=8)
    pairs = st.builds(
        lambda changed, extra: [*{**page.taken, **changed}.items(), *extra],
        st.dictionaries(names, WORDS | TOO_MANY, max_size=3),
        st.lists(st.tuples(names, WORDS), max_size=1),
    )
    bodies = pairs.map(lambda fields: (FORM, urlencode(fields, errors="replace").encode()))
    types = [FORM, "multipart/form-data", "multipart/form-data; boundary=x", "application/json", "a/b;c", ""]
    pieces = st.sampled_from(
        [b"--x\r\n", b'Content-Disposition: form-data; name="text"\r\n\r\n', b"--x--", b"%", b"=", b"&" * 50]
    ) | st.binary(max_size=20)
    return bodies | bodies | st.tuples(
        st.sampled_from(types), st.lists(pieces, max_size=6).map(b"".join)
    )


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as made:
        yield made


@pytest.fixture(scope="module")
def pages(line: Stack) -> Mapping[str, Page]:
    return asyncio.run(forms_of(line))


async def forms_of(line: Stack) -> Mapping[str, Page]:
    """The forms of the running line, of a case that is there and an officer who has it."""
    at = Line(line)
    receipt = await at.filed(**PUMP)
    ticket, link = receipt["ticket"], urlsplit(receipt["status_url"]).path
    case = await at.case_where(ticket, at.token("collector"), lambda c: c["officer"], "routed")
    officer = at.token("officer", case["officer"])
    cookies = {"samvad_desk": officer}
    url = line.url("desk", f"/cases/{ticket}")
    shown = (await at.http.get(url, headers={"Cookie": f"samvad_desk={officer}"})).text
    csrf = shown.partition('name="csrf" value="')[2].partition('"')[0]
    await at.http.aclose()
    note = {"csrf": csrf, "action": "note", "version": str(case["version"]), "note": "देखा"}
    return {
        "filing": Page("intake-web", "/", {"kind": "complaint", "text": "नल टूटा है"}, (
            "kind", "text", "service", "block", "village", "landmark", "name", "phone", "on_behalf_of",
            "confidential", "token", "lang", "district",
        )),
        "citizen's act": Page("intake-web", link, {"act": "reopen", "reason": "नहीं हुआ"}, (
            "act", "token", "lang", "reason", "answer"
        )),
        "officer's act": Page("desk", f"/cases/{ticket}/actions", note, (
            "csrf", "action", "version", "note", "key", "officer", "department", "service", "reason",
            "outcome", "rating", "public",
        ), cookies),
        "log-in": Page("desk", "/login", {"token": officer, "next": "/"}, ("token", "next")),
        "log-out": Page("desk", "/logout", {}, ("next",), cookies),
    }  # fmt: skip


EXPECTED: Mapping[str, set[int]] = {
    "filing": {303, 400, 415, 422},
    "citizen's act": {400, 409, 415, 422},
    "officer's act": {303, 403, 409, 422},
    "log-in": {303, 401},
    "log-out": {303},
}
"""What must have been answered, so that the form was tried both ways; more may be."""


@pytest.mark.parametrize("name", EXPECTED)
def test_no_form_makes_a_page_fail(
    line: Stack, client: httpx.Client, pages: Mapping[str, Page], name: str
) -> None:
    page = pages[name]
    url = line.url(page.process, page.path)
    answered: Counter[int] = Counter()
    cookie = "; ".join(f"{key}={value}" for key, value in page.cookies.items())

    @settings(
        derandomize=True, database=None, deadline=None, max_examples=60,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(filled(page))
    def send(form: tuple[str, bytes]) -> None:
        headers = {"Content-Type": form[0], **({"Cookie": cookie} if cookie else {})}
        answer = client.post(url, content=form[1], headers=headers)
        answered[answer.status_code] += 1
        assert answer.status_code < 500, answer.text
        if answer.status_code == 303:
            where = urlsplit(answer.headers["location"])
            assert where.netloc == "" and where.path.startswith("/"), answer.headers["location"]
        else:
            assert answer.headers["content-type"].startswith(("text/html", "application/json"))
            assert MARKUP not in answer.text

    send()
    assert EXPECTED[name] <= set(answered), answered


@pytest.mark.parametrize(
    ("process", "path", "names"),
    [
        ("intake-web", "/", ("lang", "district")),
        ("desk", "/", ("q", "state", "cursor", "limit", "done", "lang")),
        ("desk", "/fragments/cases", ("q", "state", "cursor", "limit", "seen")),
    ],
)
def test_no_address_makes_a_page_fail(
    line: Stack, client: httpx.Client, process: str, path: str, names: tuple[str, ...]
) -> None:
    url = line.url(process, path)
    cookie = f"samvad_desk={Line(line).token('collector')}"

    @settings(derandomize=True, database=None, deadline=None, max_examples=40)
    @given(st.lists(st.tuples(st.sampled_from(names) | st.text(max_size=5), WORDS), max_size=3))
    def ask(query: list[tuple[str, str]]) -> None:
        answer = client.get(f"{url}?{urlencode(query, errors='replace')}", headers={"Cookie": cookie})
        assert answer.status_code < 500, answer.text
        assert MARKUP not in answer.text

    ask()


async def test_what_was_filed_so_has_its_case(line: Stack) -> None:
    at = Line(line)

    async def accounted() -> bool:
        audit: Mapping[str, Any] = await asyncio.to_thread(at.audit)
        return audit["unaccounted"] == audit["doubled"] == 0 and audit["accepted"] == audit["stored"]

    await until(accounted, "every receipt to have its case")
    await at.http.aclose()
