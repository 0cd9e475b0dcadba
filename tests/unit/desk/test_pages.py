"""The pages as a browser without scripts meets them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.desk.api import build
from services.kernel.domain.case import Case

OFFICER = "phe-akaltara-1"
MakeCase = Callable[..., Case]


@pytest.fixture
def browser(bench: Any) -> Callable[..., Any]:
    """A log-in: `await browser("officer", "id")`; its client keeps cookies and follows nothing."""

    async def enter(role: str, person: str | None = None) -> httpx.AsyncClient:
        client: httpx.AsyncClient = bench.client
        client.cookies.clear()
        token = bench.token(role, person)
        answer = await client.post("/login", data={"token": token, "next": "/"})
        assert answer.status_code == 303
        return client

    return enter


def _hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of an action's form."""
    for form in re.findall(r"<form[^>]*>.*?</form>", page, re.S):
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        if fields.get("action") == action:
            return {name: html.unescape(value) for name, value in fields.items()}
    raise AssertionError(f"no form for {action}")


async def test_who_is_not_known_is_asked_for_a_token(bench: Any, make_case: MakeCase) -> None:
    ticket = bench.put(make_case())
    for path in ("/", f"/cases/{ticket}"):
        answer = await bench.client.get(path)
        assert answer.status_code == 200
        assert 'name="token"' in answer.text
        assert "हैंडपंप" not in answer.text
        assert "रामलाल" not in answer.text


async def test_the_token_lies_in_a_cookie_that_no_script_reads(bench: Any) -> None:
    answer = await bench.client.post("/login", data={"token": bench.token("operator")})
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


async def test_in_production_the_cookie_travels_over_https_only(bench: Any) -> None:
    app = build(bench.desk, bench.texts, {}, token_secret=_secret(bench), secure=True)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://desk") as client:
        answer = await client.post("/login", data={"token": bench.token("operator")})
        assert "secure" in answer.headers["Set-Cookie"].lower()


def _secret(bench: Any) -> str:
    return str(bench.desk._secret)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\N{DEVANAGARI LETTER A}"])
async def test_a_wrong_token_is_told_kindly(bench: Any, token: str) -> None:
    answer = await bench.client.post("/login", data={"token": token})
    assert answer.status_code == 401
    assert "टोकन मान्य नहीं" in answer.text


async def test_a_role_without_cases_does_not_get_in(bench: Any) -> None:
    answer = await bench.client.post("/login", data={"token": bench.token("ops")})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/cases/2600000016?lang=en", "/cases/2600000016?lang=en"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
    ],
)
async def test_logging_in_leads_to_no_other_site(bench: Any, asked: str, led: str) -> None:
    data = {"token": bench.token("operator"), "next": asked}
    answer = await bench.client.post("/login", data=data)
    assert answer.headers["Location"] == led


async def test_the_list(bench: Any, make_case: MakeCase, browser: Any) -> None:
    now = bench.clock()
    late = bench.put(make_case(1), deadline=now - timedelta(hours=5))
    soon = bench.put(make_case(2), deadline=now + timedelta(hours=3, minutes=10))
    client = await browser("head", "phe-head-1")
    page = (await client.get("/", params={"lang": "en"})).text
    assert page.index(late) < page.index(soon)
    assert "overdue by 5 h" in page
    assert "due in 3 h" in page
    assert "Hand pump broken" in page
    assert "Ramesh Kumar Sahu" in page
    assert "रामलाल" not in page
    hindi = (await client.get("/", params={"lang": "hi"})).text
    assert "5 घंटे विलंबित" in hindi
    assert "हैंडपंप खराब" in hindi
    # the choice is remembered
    assert "5 घंटे विलंबित" in (await client.get("/")).text


async def test_text_of_others_is_shown_not_obeyed(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    ticket = bench.put(make_case(text="<script>alert(1)</script>", name='"><b>x'))
    client = await browser("operator")
    page = (await client.get(f"/cases/{ticket}")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    answer = await client.get("/", params={"q": '"><script>x</script>'})
    assert "<script>x" not in answer.text


async def test_a_ticket_number_leads_to_its_case(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    ticket = bench.put(make_case(state="closed"))
    client = await browser("operator")
    answer = await client.get("/", params={"q": f"jc-{ticket}"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/cases/{ticket}"


async def test_a_wrong_filter_is_told_on_the_page(bench: Any, browser: Any) -> None:
    client = await browser("operator")
    answer = await client.get("/", params={"state": "nonsense", "lang": "en"})
    assert answer.status_code == 422
    assert "A filter in this address is not right" in answer.text


async def test_the_table_alone_and_nothing_when_it_is_the_same(
    bench: Any, make_case: MakeCase, tmp_path: Path
) -> None:
    """What htmx asks for every few seconds: the table, or nothing while nothing has changed."""
    script = tmp_path / "htmx.org" / "dist" / "htmx.min.js"
    script.parent.mkdir(parents=True)
    script.write_text("")
    ticket = bench.put(make_case())
    app = build(bench.desk, bench.texts, {}, token_secret=_secret(bench), assets=tmp_path)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        await client.post("/login", data={"token": bench.token("operator")})
        page = (await client.get("/", params={"state": "all"})).text
        assert f'src="/assets/{script.relative_to(tmp_path)}"' in page
        assert "<noscript><meta" in page
        polled = re.search(r'hx-get="([^"]+)"', page)
        assert polled is not None
        address = html.unescape(polled[1])
        assert "state=all" in address
        assert (await client.get(address)).status_code == 204
        await bench.act(ticket, "acknowledge", "officer", OFFICER)
        answer = await client.get(address)
        assert answer.status_code == 200
        assert "s-acknowledged" in answer.text
        assert "<html" not in answer.text


async def test_without_htmx_the_page_loads_itself_again(bench: Any, browser: Any) -> None:
    client = await browser("operator")
    page = (await client.get("/")).text
    assert "<noscript>" not in page
    assert 'http-equiv="refresh"' in page
    assert "hx-get" not in page


async def test_the_table_says_when_the_session_is_over(bench: Any) -> None:
    answer = await bench.client.get("/fragments/cases")
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/"


async def test_acting_on_a_case(bench: Any, make_case: MakeCase, browser: Any) -> None:
    ticket = bench.put(make_case())
    client = await browser("officer", OFFICER)
    page = (await client.get(f"/cases/{ticket}")).text
    form = _hidden(page, "acknowledge")
    answer = await client.post(f"/cases/{ticket}/actions", data=form)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/cases/{ticket}?done=acknowledge"
    assert bench.case(ticket).state == "acknowledged"
    # sent twice by an impatient finger: done once
    again = await client.post(f"/cases/{ticket}/actions", data=form)
    assert again.status_code == 303
    assert bench.version(ticket) == 2
    assert "हो गया" in (await client.get(answer.headers["Location"])).text


async def test_a_form_of_another_session_is_refused(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    ticket = bench.put(make_case())
    client = await browser("officer", "phe-akaltara-2")
    other = _hidden((await client.get(f"/cases/{ticket}")).text, "note")
    client = await browser("officer", OFFICER)
    for csrf in (other["csrf"], "", "ऀ"):
        data = {**other, "csrf": csrf, "note": "x"}
        answer = await client.post(f"/cases/{ticket}/actions", data=data)
        assert answer.status_code == 403
    assert bench.version(ticket) == 1


async def test_a_post_from_another_site_is_refused(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    ticket = bench.put(make_case())
    client = await browser("officer", OFFICER)
    form = _hidden((await client.get(f"/cases/{ticket}")).text, "acknowledge")
    for path, data in (
        (f"/cases/{ticket}/actions", form),
        ("/login", {"token": bench.token("operator")}),
        ("/logout", {}),
    ):
        for origin in ("https://evil.example", "http://[", "http://desk]", "null", "", "desk"):
            answer = await client.post(path, data=data, headers={"Origin": origin})
            assert answer.status_code == 403, (path, origin)
    own = {"Origin": "http://desk"}
    answer = await client.post(f"/cases/{ticket}/actions", data=form, headers=own)
    assert answer.status_code == 303


async def test_somebody_else_was_first(bench: Any, make_case: MakeCase, browser: Any) -> None:
    ticket = bench.put(make_case(state="in_progress"))
    client = await browser("officer", OFFICER)
    form = _hidden((await client.get(f"/cases/{ticket}?lang=en")).text, "resolve")
    await bench.act(ticket, "note", "head", "phe-head-1", note="जल्दी करें")
    written = {**form, "note": "नया पंप लगा दिया"}
    answer = await client.post(f"/cases/{ticket}/actions", data=written)
    assert answer.status_code == 409
    assert "Somebody else has just acted" in answer.text
    assert "जल्दी करें" in answer.text  # the fresh state
    assert "नया पंप लगा दिया</textarea>" in answer.text  # what was written is not lost
    fresh = {**_hidden(answer.text, "resolve"), "note": "नया पंप लगा दिया"}
    answer = await client.post(f"/cases/{ticket}/actions", data=fresh)
    assert answer.status_code == 303
    assert bench.case(ticket).state == "resolved"


async def test_a_form_sent_before_with_other_words_loses_none_of_them(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    """Back, rewritten, sent again: the browser sends the old form's key."""
    ticket = bench.put(make_case())
    client = await browser("officer", OFFICER)
    form = _hidden((await client.get(f"/cases/{ticket}?lang=en")).text, "note")
    path = f"/cases/{ticket}/actions"
    assert (await client.post(path, data={**form, "note": "पहले"})).status_code == 303
    answer = await client.post(path, data={**form, "note": "बाद में"})
    assert answer.status_code == 409
    assert "This form was sent before" in answer.text
    assert "बाद में</textarea>" in answer.text
    fresh = {**_hidden(answer.text, "note"), "note": "बाद में"}
    assert (await client.post(path, data=fresh)).status_code == 303
    assert [entry.note for entry in bench.case(ticket).history] == ["पहले", "बाद में"]


async def test_a_case_that_left_ones_sight_leads_back_to_the_list(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    ticket = bench.put(make_case())
    client = await browser("officer", OFFICER)
    form = _hidden((await client.get(f"/cases/{ticket}")).text, "transfer")
    data = {**form, "department": "pwd", "note": "सड़क का है"}
    answer = await client.post(f"/cases/{ticket}/actions", data=data)
    assert answer.headers["Location"] == "/?done=transfer"
    assert (await client.get(f"/cases/{ticket}")).status_code == 404


async def test_what_is_missing_is_said_beside_what_was_written(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    ticket = bench.put(make_case())
    client = await browser("officer", OFFICER)
    form = _hidden((await client.get(f"/cases/{ticket}?lang=en")).text, "propose_rejection")
    answer = await client.post(f"/cases/{ticket}/actions", data={**form, "note": "वही शिकायत"})
    assert answer.status_code == 422
    assert "Please choose a reason from the list" in answer.text
    assert "वही शिकायत</textarea>" in answer.text


@pytest.mark.parametrize(
    ("action", "chosen", "told"),
    [
        ("change_service", {"service": "road"}, "दूसरे विभाग की सेवा"),
        ("transfer", {"department": "phe"}, "कोई दूसरा विभाग"),
        ("propose_rejection", {"reason": "dull"}, "सूची से कारण"),
        ("assign", {"officer": "pwd-district-1"}, "इन अधिकारी को नहीं"),
        ("note", {"note": ""}, "कृपया शब्द लिखें"),
        ("note", {"note": "\x0bअ\x07"}, "नियंत्रण-चिह्न"),
        ("attach", {"note": " "}, "कृपया शब्द लिखें या"),
    ],
)
async def test_a_refusal_is_told_in_the_readers_language(
    bench: Any,
    make_case: MakeCase,
    browser: Any,
    action: str,
    chosen: dict[str, str],
    told: str,
) -> None:
    ticket = bench.put(make_case())
    client = await browser("head", "phe-head-1")
    form = _hidden((await client.get(f"/cases/{ticket}?lang=hi")).text, action)
    answer = await client.post(f"/cases/{ticket}/actions", data={**form, **chosen})
    assert answer.status_code == 422
    said = re.search(r'role="alert">([^<]*)<', answer.text)
    assert said is not None
    assert told in said[1]
    assert not re.search("[A-Za-z]", said[1])


async def test_a_transfer_may_name_the_service_and_a_change_stays_in_the_department(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    ticket = bench.put(make_case())
    client = await browser("head", "phe-head-1")
    page = (await client.get(f"/cases/{ticket}")).text
    offered = {
        action: re.search(rf'<select id="{action}-service"([^>]*)>(.*?)</select>', page, re.S)
        for action in ("change_service", "transfer")
    }
    change, transfer = offered["change_service"], offered["transfer"]
    assert change is not None
    assert transfer is not None
    assert ("required" in change[1], "required" in transfer[1]) == (True, False)
    assert 'value="dirty-water"' in change[2]
    assert 'value="road"' not in change[2]
    assert 'value="road"' in transfer[2]
    assert 'value="dirty-water"' not in transfer[2]
    data = {**_hidden(page, "transfer"), "department": "pwd", "service": "road"}
    answer = await client.post(f"/cases/{ticket}/actions", data=data)
    assert answer.status_code == 303
    assert (bench.case(ticket).department, bench.case(ticket).service) == ("pwd", "road")


@pytest.mark.parametrize(
    "broken", [{"version": ""}, {"version": "x"}, {"action": "fly"}, {"key": "ñ"}]
)
async def test_a_form_that_was_tampered_with_breaks_nothing(
    bench: Any, make_case: MakeCase, browser: Any, broken: dict[str, str]
) -> None:
    ticket = bench.put(make_case())
    client = await browser("officer", OFFICER)
    form = _hidden((await client.get(f"/cases/{ticket}")).text, "acknowledge")
    answer = await client.post(f"/cases/{ticket}/actions", data={**form, **broken})
    assert answer.status_code == 422
    assert bench.version(ticket) == 1


async def test_the_store_away_is_told_and_tried_again(
    bench: Any, make_case: MakeCase, browser: Any
) -> None:
    client = await browser("operator")
    bench.cases.down = True
    answer = await client.get("/")
    assert answer.status_code == 503
    assert 'http-equiv="refresh"' in answer.text


async def test_the_session_ends_with_the_token_and_with_logging_out(
    bench: Any, browser: Any
) -> None:
    client = await browser("operator")
    assert "logout" in (await client.get("/")).text
    await client.post("/logout")
    assert "logout" not in (await client.get("/")).text
    client = await browser("operator")
    bench.clock.advance(hours=13)
    answer = await client.get("/")
    assert answer.status_code == 401
    assert "सत्र समाप्त" in answer.text


async def test_pages_run_no_foreign_script(bench: Any, browser: Any) -> None:
    client = await browser("operator")
    answer = await client.get("/")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
