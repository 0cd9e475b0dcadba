"""The stand-ins themselves: what they keep, what they show, and where they refuse to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.adapters.settings import DEVELOPMENT_MASTER_KEY, SECRETS, Settings
from services.standins.app import NotForProduction, create_app
from services.standins.behaviour import Behaviour, Behaviours
from services.standins.journal import Journal, Taken
from services.standins.registry import load_registry
from services.standins.sms import text_of

NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
SETTINGS = Settings()
TOKEN = {"Authorization": f"Bearer {SETTINGS.whatsapp_token.get_secret_value()}"}
SEND = f"/whatsapp/{SETTINGS.whatsapp_phone_number_id}/messages"

_REGISTERED = next(iter(load_registry().whatsapp))
NAMED = {"name": _REGISTERED[0], "language": {"code": _REGISTERED[1]}}


def text_message(to: str, text: str, key: str = "") -> dict[str, Any]:
    body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": text}}
    return {**body, "biz_opaque_callback_data": key} if key else body


def entry(n: int, identity: str | None = None, *, accepted: bool = True) -> Taken:
    at = NOW + timedelta(seconds=n)
    name = identity or str(n)
    return Taken(
        str(n), at, "sms", "919876543210", "singlemsg", "1", "en", f"text {n}", "", name, accepted
    )


def test_they_refuse_production(tmp_path: Path) -> None:
    secrets = dict.fromkeys(
        (*SECRETS, "whatsapp_token", "whatsapp_app_secret", "whatsapp_verify_token", "sms_password",
         "sms_secure_key"),
        "a-secret-of-this-installation-alone",
    )  # fmt: skip
    secrets["master_keys"] = DEVELOPMENT_MASTER_KEY.replace("dev:", "prod:")
    settings = Settings(
        env="production",
        home=tmp_path,
        whatsapp_url="https://whatsapp.example/v23.0",
        public_url="https://samvad.example",
        sms_url="https://sms.example/send",
        **secrets,  # type: ignore[arg-type]
    )
    with pytest.raises(NotForProduction):
        create_app(settings)
    assert list(tmp_path.iterdir()) == []


class TestJournal:
    def test_doubles_are_counted_over_a_restart(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "messages.jsonl"
        first = Journal(path)
        first.add(entry(1, "same"))
        first.add(entry(2, "other"))
        first.close()
        with path.open("ab") as file:
            file.write(b'{"id": "cut sho')
        second = Journal(path)
        second.add(entry(3, "same"))
        count, found = second.duplicates()
        assert (count, found[0]["times"], len(found)) == (1, 2, 1)
        second.close()
        third = Journal(path)
        assert [taken.id for taken in third.find()] == ["3", "2", "1"]
        assert third.duplicates()[0] == 1
        third.clear()
        third.close()
        assert len(Journal(path)) == 0

    def test_what_was_refused_is_no_double(self) -> None:
        journal = Journal()
        journal.add(entry(1, "same", accepted=False))
        journal.add(entry(2, "same"))
        assert journal.duplicates() == (0, [])

    def test_it_is_bounded(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "m.jsonl", most=5)
        for n in range(23):
            journal.add(entry(n, "same" if n in (0, 22) else None))
        assert [taken.id for taken in journal.find()] == ["22", "21", "20", "19", "18"]
        assert journal.duplicates()[0] == 0
        journal.close()
        assert len((tmp_path / "m.jsonl").read_bytes().splitlines()) <= 20

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30))
    def test_the_count_is_what_is_beyond_the_first(self, sent: list[tuple[str, bool]]) -> None:
        journal = Journal(most=20)
        for n, (identity, accepted) in enumerate(sent):
            journal.add(entry(n, identity, accepted=accepted))
        kept = [identity for identity, accepted in sent[-20:] if accepted]
        count, found = journal.duplicates()
        assert count == len(kept) - len(set(kept))
        assert sum(len(double["at"]) - 1 for double in found) == count

    def test_a_status_only_goes_further_and_outlives_a_restart(self, tmp_path: Path) -> None:
        path = tmp_path / "m.jsonl"
        journal = Journal(path)
        journal.add(entry(1))
        journal.add(entry(2))
        for status in ("delivered", "sent", "read", "delivered"):
            journal.mark("1", status)
        journal.mark("nobody", "sent")
        assert [taken.status for taken in journal.find()] == ["", "read"]
        journal.mark("2", "failed")
        journal.mark("2", "delivered")
        journal.close()
        for _ in range(2):
            again = Journal(path)
            assert [taken.status for taken in again.find()] == ["failed", "read"]
            found = again.one("1")
            assert found is not None
            assert found.status == "read"
            again.close()
        assert again.one("3") is None

    def test_statuses_are_bounded_too(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "m.jsonl", most=5)
        for n in range(40):
            journal.add(entry(n))
            for status in ("sent", "delivered", "read"):
                journal.mark(str(n), status)
        journal.close()
        assert len((tmp_path / "m.jsonl").read_bytes().splitlines()) <= 20
        again = Journal(tmp_path / "m.jsonl", most=5)
        assert [(t.id, t.status) for t in again.find()] == [(str(n), "read") for n in range(39, 34, -1)]
        again.close()

    def test_lines_of_before_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "m.jsonl"
        old = {name: value for name, value in entry(1).as_json().items() if name not in
               ("subject", "html", "buttons", "status")}  # fmt: skip
        wrong = ({**old, "buttons": [5]}, {**old, "status": "eaten"}, {"of": "1", "status": "x"}, None)
        path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in (old, *wrong)))
        journal = Journal(path)
        assert list(journal.find()) == [entry(1)]
        journal.add(replace(entry(2), buttons=(("1", "हाँ"),), subject="s", html="<p>"))
        journal.close()
        assert next(Journal(path).find()) == replace(
            entry(2), buttons=(("1", "हाँ"),), subject="s", html="<p>"
        )

    def test_filters(self) -> None:
        journal = Journal()
        for n in range(3):
            journal.add(entry(n))
        assert [t.id for t in journal.find(since=NOW + timedelta(seconds=1))] == ["2", "1"]
        assert [t.id for t in journal.find(text="text 1")] == ["1"]
        assert len(list(journal.find(to="09876543210"))) == 3
        assert list(journal.find(to="12345")) == []
        assert list(journal.find(provider="whatsapp")) == []
        journal.add(replace(entry(9), to="Asha9876543210@example.in"))
        assert len(list(journal.find(to="09876543210"))) == 3
        assert len(list(journal.find(to="asha9876543210@EXAMPLE.in"))) == 1


class TestBehaviours:
    def test_throttling_counts_a_rolling_second(self) -> None:
        now = 100.0
        behaviours = Behaviours(lambda: now)
        behaviours.set(Behaviour(provider="sms", throttle_per_second=2))
        assert [behaviours.rule("sms").throttled for _ in range(4)] == [False, False, True, True]
        now = 101.0
        assert [behaviours.rule("sms").throttled for _ in range(3)] == [False, False, True]
        assert not behaviours.rule("whatsapp").fails

    def test_it_ends_after_so_many_times(self) -> None:
        behaviours = Behaviours(lambda: 0.0)
        behaviours.set(Behaviour(provider="sms", fail_code=403, times=2))
        assert [behaviours.rule("sms").fails for _ in range(3)] == [True, True, False]
        behaviours.set(Behaviour(provider="sms", http_status=500))
        assert behaviours.rule("sms").fails
        behaviours.reset()
        assert not behaviours.rule("sms").fails
        assert behaviours.current() == []


async def test_free_text_can_be_sent_too(http: httpx.AsyncClient) -> None:
    sent = text_message("+919876543210", "नमस्ते")
    assert (await http.post(SEND, json=sent, headers=TOKEN)).json()["error"]["code"] == 131047
    await http.post("/api/inbound", json={"from": "919876543210", "text": "1"})
    answer = await http.post(SEND, json=sent, headers=TOKEN)
    assert answer.status_code == 200
    body = answer.json()
    assert body["contacts"] == [{"input": "919876543210", "wa_id": "919876543210"}]
    assert body["messages"][0]["id"].startswith("wamid.")
    got = (await http.get("/api/messages", params={"to": "9876543210"})).json()
    assert [m["text"] for m in got["messages"]] == ["नमस्ते"]
    assert (await http.get("/health/ready")).json()["ready"] is True
    assert (await http.delete("/api/messages")).json() == {"forgotten": 1}
    assert (await http.get("/api/messages")).json() == {"count": 0, "messages": []}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 100),
        ({"messaging_product": "whatsapp"}, 131009),
        (text_message("112", "x"), 131009),
        (text_message("919876543210", ""), 100),
        (text_message("919876543210", "x" * 4097), 100),
        (text_message("919876543210", "x", "k" * 513), 100),
        ({"messaging_product": "whatsapp", "to": "919876543210", "type": "template"}, 100),
    ],
)
async def test_bad_bodies(body: dict[str, Any], code: int, http: httpx.AsyncClient) -> None:
    answer = await http.post(SEND, json=body, headers=TOKEN)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": [1]},
        {"type": {"a": 1}},
        {"type": 5},
        {"to": {}, "type": ["template"]},
        {"to": {}},
        {"type": "template", "template": {"name": "x", "language": 5}},
        {"type": "template", "template": {"name": "x", "language": "hi"}},
        {"type": "template", "template": {"name": "x", "language": {"code": ["hi"]}}},
        {"type": "template", "template": {"name": {}, "language": {"code": "hi"}}},
        {"type": "template", "template": {"name": "x"}},
        *(
            {"type": "template", "template": {**NAMED, "components": components}}
            for components in (
                5,
                "x",
                {},
                ["x"],
                [None],
                [{"type": "body", "parameters": 5}],
                [{"type": "body", "parameters": ["x"]}],
                [{"type": "body", "parameters": [{"type": "text", "text": {}}]}],
            )
        ),
        {"text": {"body": {"text": 5}}},
        {"text": {"body": []}},
        {"text": "x"},
    ],
    ids=str,
)
async def test_shapes_that_no_client_sends_are_refused_as_meta_does(
    wrong: dict[str, Any], http: httpx.AsyncClient
) -> None:
    body = {**text_message("919876543210", "x"), **wrong}
    answer = await http.post(SEND, json=body, headers=TOKEN)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] in (100, 131009)
    assert error["type"] == "OAuthException"
    assert error["error_data"]["details"] == error["message"]
    assert (await http.get("/api/messages")).json()["count"] == 0


async def test_a_broken_body_and_a_foreign_sender(http: httpx.AsyncClient) -> None:
    assert (await http.post(SEND, content=b"{", headers=TOKEN)).status_code == 400
    elsewhere = await http.post("/whatsapp/5/messages", json={}, headers=TOKEN)
    assert elsewhere.json()["error"]["code"] == 100
    assert (await http.post(SEND, json={})).json()["error"]["code"] == 190


@pytest.mark.parametrize(
    "body",
    [{}, {"provider": "pigeon"}, {"provider": "sms", "delay_ms": -1}, {"provider": "sms", "x": 1}],
)
async def test_a_behaviour_that_makes_no_sense(body: Any, http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/behaviour", json=body)).status_code == 422
    assert (await http.get("/api/behaviour")).json() == {"behaviour": []}


async def test_a_since_that_is_no_instant(http: httpx.AsyncClient) -> None:
    for since in ("yesterday", "2026-01-05T10:00:00"):
        answer = await http.get("/api/messages", params={"since": since})
        assert answer.status_code == 422


async def test_a_restart_forgets_nothing(
    tmp_path: Path, standins_in: Callable[[Path], Any]
) -> None:
    body = text_message("919876543210", "x", "key")
    for expected in (0, 1, 2):
        async with standins_in(tmp_path) as at, httpx.AsyncClient(base_url=at.url) as client:
            await client.post("/api/inbound", json={"from": "919876543210", "text": "1"})
            await client.post(SEND, json=body, headers=TOKEN)
            assert (await client.get("/api/duplicates")).json()["count"] == expected


def test_entities() -> None:
    form = {"smsservicetype": "unicodemsg", "content": "&#2344;&#55357;&#56397; x"}
    assert text_of(form) == "न👍 x"
    assert text_of(form | {"content": "&#55357;"}) == "\N{REPLACEMENT CHARACTER}"
    assert text_of(form | {"smsservicetype": "singlemsg"}) == form["content"]
