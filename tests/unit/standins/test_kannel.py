"""Kannel's sendsms and its delivery reports. The answers are those of a Kannel 1.4.5."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.kernel.adapters.settings import Settings
from services.standins import dlr
from services.standins.courier import Patience
from services.standins.dlr import Sms, fill
from services.standins.registry import load_registry

SETTINGS = Settings()
SEND = "/kannel/cgi-bin/sendsms"
PHONE = "919876543210"
LOGIN = {
    "username": SETTINGS.kannel_username,
    "password": SETTINGS.kannel_password.get_secret_value(),
    "from": SETTINGS.sms_sender,
}
SMS = load_registry().sms
ENGLISH = next(id_ for id_, one in SMS.items() if one.text.isascii())
HINDI = next(id_ for id_, one in SMS.items() if not one.text.isascii())


def text_of(id_: str, value: str = "42") -> str:
    return SMS[id_].fill([value] * len(SMS[id_].variables))


def asked(**more: str) -> dict[str, str]:
    given = {**LOGIN, "to": PHONE, "text": text_of(ENGLISH)}
    return given | {name.replace("_", "-"): value for name, value in more.items()}


def unicode(**more: str) -> dict[str, str]:
    return asked(text=text_of(HINDI), coding="2", charset="UTF-8", **more)


async def taken(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/api/messages")).json()["messages"]
    return found


async def settled(http: httpx.AsyncClient) -> bool:
    return (await http.get("/api/receipts")).json()["pending"] == 0


async def test_texts_arrive(http: httpx.AsyncClient) -> None:
    answer = await http.get(SEND, params=asked())
    assert (answer.status_code, answer.text) == (202, "0: Accepted for delivery")
    assert answer.headers["content-type"].startswith("text/html")
    assert (await http.get(SEND, params=unicode(to="+" + PHONE))).status_code == 202
    english, hindi = await taken(http)
    assert (english["text"], english["template"], english["segments"]) == (
        text_of(ENGLISH), ENGLISH, -(-len(text_of(ENGLISH)) // 153)
    )  # fmt: skip
    assert (hindi["text"], hindi["template"], hindi["to"]) == (text_of(HINDI), HINDI, PHONE)
    assert (hindi["language"], hindi["accepted"], hindi["status"]) == ("hi", True, "")
    assert hindi["segments"] == -(-len(text_of(HINDI)) // 67)


async def test_a_post_has_its_parameters_in_headers(http: httpx.AsyncClient) -> None:
    given = unicode(dlr_mask="0")
    text, _ = given.pop("text"), given.pop("charset")
    headers = {f"X-Kannel-{name}": value for name, value in given.items()}
    headers["Content-Type"] = "text/plain; charset=UTF-8"
    answer = await http.post(SEND, content=text.encode(), headers=headers)
    assert (answer.status_code, answer.text) == (202, "0: Accepted for delivery")
    assert [m["text"] for m in await taken(http)] == [text]
    form = await http.post(SEND, data=unicode())
    assert (form.status_code, form.text) == (400, "Invalid content-type")


@pytest.mark.parametrize(
    ("given", "status", "answer"),
    [
        ({"password": "x"}, 403, "Authorization failed for sendsms"),
        ({"username": "x"}, 403, "Authorization failed for sendsms"),
        ({"to": None}, 400, "Missing receiver number, rejected"),
        ({"to": ""}, 400, "Empty receiver number not allowed, rejected"),
        ({"to": "abc"}, 400, "Number(s) has/have been denied by white- and/or black-lists."),
        ({"from": None}, 400, "Sender missing and no global set, rejected"),
        ({"dlr-url": "ftp://x"}, 400, "DLR-URL field misformed, rejected"),
        ({"dlr-mask": "99"}, 400, "DLR-Mask field misformed, rejected"),
        ({"coding": "7"}, 400, "Coding field misformed, rejected"),
        ({"priority": "9"}, 400, "Priority field misformed, rejected"),
        ({"charset": "klingon"}, 400, "Charset or body misformed, rejected"),
    ],
)
async def test_what_kannel_refuses(
    given: dict[str, str | None], status: int, answer: str, http: httpx.AsyncClient
) -> None:
    whole = {name: value for name, value in {**asked(), **given}.items() if value is not None}
    found = await http.get(SEND, params=whole)
    assert (found.status_code, found.text) == (status, answer)
    assert await taken(http) == []


async def test_hindi_in_the_wrong_coding_is_what_the_phone_would_show(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get(SEND, params=unicode() | {"coding": "0"})).status_code == 202
    (got,) = await taken(http)
    assert "???" in got["text"]
    assert (got["accepted"], got["code"]) == (False, "dlt")


async def test_reports_are_told_by_the_mask(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    url = f"{listener.url}?m=a%%3Ab&d=%d&i=%F&s=%A&p=%p&smsc=%i&at=%T&own=%I"
    wanted = {"1": ["1"], "19": ["1"], "31": ["8", "1"], "2": [], "0": []}
    for mask in wanted:
        await http.get(SEND, params=asked(dlr_mask=mask, dlr_url=f"{url}&mask={mask}", smsc="bsnl"))
    await eventually(lambda: settled(http), "all are told")
    by_mask = {
        mask: [q["d"] for q in listener.queries if q["mask"] == mask] for mask in wanted
    }
    assert {mask: sorted(kinds) for mask, kinds in by_mask.items()} == {
        mask: sorted(kinds) for mask, kinds in wanted.items()
    }
    last = next(query for query in listener.queries if query["d"] == "1")
    assert (last["m"], last["p"], last["smsc"]) == ("a:b", PHONE, "bsnl")
    assert last["at"].isdigit()
    assert "stat:DELIVRD" in last["s"]
    assert last["i"] in {m["id"] for m in await taken(http)}
    assert last["own"] != last["i"]
    assert next(query for query in listener.queries if query["d"] == "8")["s"] == "ACK/"
    assert [m["key"] for m in await taken(http)] == ["a:b"] * 5


async def test_a_text_that_dlt_does_not_know_is_rejected_by_the_operator(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    url = f"{listener.url}?d=%d&s=%A"
    for wrong in (
        {"text": "Win a prize"},
        {"from": "OTHERS"},
        {"meta-data": f"?smpp?PE_ID=1&TEMPLATE_ID={HINDI}"},
    ):
        answer = await http.get(SEND, params=asked(dlr_mask="19", dlr_url=url) | wrong)
        assert (answer.status_code, answer.text) == (202, "0: Accepted for delivery")
    await eventually(lambda: settled(http), "all are told")
    assert [query["d"] for query in listener.queries] == ["16"] * 3
    assert listener.queries[0]["s"].startswith("NACK/0x00000045/")
    assert {(m["accepted"], m["code"], m["status"]) for m in await taken(http)} == {
        (False, "dlt", "failed")
    }
    right = asked(meta_data=f"?smpp?PE_ID=1&TEMPLATE_ID={ENGLISH}")
    await http.get(SEND, params=right)
    assert (await taken(http))[-1]["accepted"] is True


async def test_failures_on_request(
    http: httpx.AsyncClient, listener: Any, eventually: Callable[..., Any]
) -> None:
    url = f"{listener.url}?d=%d&s=%A&n="

    async def answer(n: int, **behaviour: Any) -> tuple[int, str]:
        await http.post("/api/behaviour", json={"provider": "kannel", **behaviour})
        found = await http.get(SEND, params=asked(dlr_mask="31", dlr_url=f"{url}{n}"))
        return found.status_code, found.text

    later = "Temporal failure, try again later."
    assert await answer(0, http_status=503) == (503, later)
    assert await answer(1, fail_code=403) == (403, "Not routable. Do not try again.")
    assert (await answer(2, throttle_per_second=1))[0] == 202
    # the second within the second, of which the first may have been the end of another one
    await http.get(SEND, params=asked())
    assert (await http.get(SEND, params=asked())).text == later
    assert await answer(3, receipt_fail_code=27) == (202, "0: Accepted for delivery")
    assert await answer(4, receipt_delay_ms=1) == (202, "3: Queued for later delivery")
    assert (await answer(5, receipts="drop"))[0] == 202
    await eventually(lambda: settled(http), "all are told")
    told = [(query["n"], query["d"]) for query in listener.queries]
    assert sorted(told) == [
        ("2", "1"), ("2", "8"), ("3", "2"), ("3", "8"), ("4", "1"), ("4", "4"), ("4", "8")
    ]  # fmt: skip
    failed = next(query for query in listener.queries if query["d"] == "2")
    assert "stat:UNDELIV err:027" in failed["s"]


async def test_a_report_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
    http: httpx.AsyncClient,
    listener: Any,
    eventually: Callable[..., Any],
) -> None:
    listener.answers = [503, 302]
    await http.get(SEND, params=asked(dlr_mask="1", dlr_url=f"{listener.url}?d=%d"))
    await eventually(lambda: settled(http), "it is taken")
    assert len(listener.queries) == 3
    assert (await http.get("/api/receipts")).json() == {"pending": 0, "sent": 1, "failed": 0}


async def test_doubles_are_told_by_our_key_else_by_phone_and_text(
    http: httpx.AsyncClient,
) -> None:
    async def count() -> int:
        found: int = (await http.get("/api/duplicates")).json()["count"]
        return found

    for url in ("http://127.0.0.1:1/?m=one", "http://127.0.0.1:1/?m=two", ""):
        await http.get(SEND, params=asked(dlr_url=url))
    await http.get(SEND, params=asked(to="919876543211"))
    await http.get(SEND, params=asked(to="919876543212 919876543213", dlr_url="http://x.invalid/?m=3"))
    assert await count() == 0
    await http.get(SEND, params=asked(dlr_url="http://127.0.0.1:1/?m=one&a=again", to="919876543219"))
    assert await count() == 1
    await http.get(SEND, params=asked())
    assert await count() == 2


def test_escapes() -> None:
    at = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
    sms = Sms(
        id="foreign", to=PHONE, sender="SAMVAD", text="x", mask=31, url="u", meta_data="?a=1",
        account="acc", smsc="bs nl", user="samvad",
    )  # fmt: skip
    filled = fill("%p|%P|%d|%A|%i|%T|%F|%D|%o|%n|%t|%C|%%|%x|%2F|%D0|100%", sms, 1, "a b/", at)
    assert filled == (
        f"{PHONE}|SAMVAD|1|a+b%2F|bs+nl|1767587400|foreign|%3Fa%3D1|acc|samvad|"
        "2026-01-05+04:30:00|UTF-8|%|%x|%2F|%3Fa%3D10|100%"
    )
    assert fill("%F", sms, dlr.TO_OPERATOR, "ACK/", at) == ""
    assert Patience(tries=8, first_pause=0.5, longest_pause=10.0) == dlr.PATIENCE
