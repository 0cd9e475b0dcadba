"""The pages: every message as its recipient sees it, shown and never obeyed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import yaml

from services.kernel.adapters.settings import Settings
from services.standins import page
from services.standins.behaviour import ProviderName
from services.standins.journal import FURTHER, Journal, Taken
from services.standins.page import Page
from services.standins.said import MEDIA

SETTINGS = Settings()
TOKEN = {"Authorization": f"Bearer {SETTINGS.whatsapp_token.get_secret_value()}"}
SEND = f"/whatsapp/{SETTINGS.whatsapp_phone_number_id}/messages"
HTML = '<h1 style="color:red">दैनिक सूची</h1><script>alert("1")</script>'
FOLDER = Path(page.__file__).parent
SCRIPTS = sorted((FOLDER / "static").glob("*.js"))


def taken(provider: str, to: str = "919876543210", **more: Any) -> Taken:
    plain = Taken(
        id="1", at=datetime(2026, 1, 5, 4, 30, tzinfo=UTC), provider=provider, to=to, kind="text",
        template="", language="hi", text="नमस्ते", key="", identity="one", accepted=True,
    )  # fmt: skip
    return replace(plain, **more)


def inbox(*messages: Taken, lang: str = "en", **query: str) -> str:
    journal = Journal()
    for message in messages:
        journal.add(message)
    given = {"group": "", "to": "", "only": "", "still": "", **query}
    return Page().inbox(journal, lang=lang, **given)


def words(text: str) -> str:
    """What is to be read on a page."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)
    return " ".join(unescape(text).split())


async def free_text(http: httpx.AsyncClient, to: str, text: str, key: str) -> None:
    await http.post("/api/inbound", json={"from": to, "text": "1"})
    body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": text}}
    answer = await http.post(SEND, json={**body, "biz_opaque_callback_data": key}, headers=TOKEN)
    assert answer.status_code == 200


async def test_the_inbox(http: httpx.AsyncClient, eventually: Callable[..., Any]) -> None:
    for n, to in enumerate(("919876543210", "919876543211", "919876543210")):
        await free_text(http, to, f"<b>{n}</b> & नमस्ते", "same" if n else "first")
    found = await http.get("/")
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert found.headers["content-security-policy"].startswith("default-src 'none'")
    assert '<html lang="hi">' in found.text
    assert 'http-equiv="refresh"' in found.text
    assert "width=device-width" in found.text
    assert "<script" not in found.text
    # newest first, and what was written is shown, not obeyed
    order = [found.text.index(f"&lt;b&gt;{n}&lt;/b&gt; &amp; नमस्ते") for n in (2, 1, 0)]
    assert order == sorted(order)
    assert "दोहराए गए संदेश: 1" in words(found.text)
    english = (await http.get("/", params={"lang": "en", "group": "phone"})).text
    assert "Messages sent twice: 1" in words(english)
    assert english.count("<h2>") == 2
    one = (await http.get("/", params={"lang": "en", "to": "919876543211"})).text
    assert one.count("<li") == 1
    doubled = (await http.get("/", params={"lang": "en", "only": "doubled", "still": "1"})).text
    assert doubled.count("<li") == doubled.count("2 times received") == 2
    assert "http-equiv" not in doubled
    assert (await http.get("/", params={"lang": '"><x'})).status_code == 200

    async def ticked() -> bool:
        return (await http.get("/", params={"lang": "en"})).text.count("✓✓") == 3

    await eventually(ticked, "all are told to be delivered")


async def test_the_empty_inbox(http: httpx.AsyncClient) -> None:
    assert "No messages yet." in (await http.get("/?lang=en")).text


def test_whatsapp_with_buttons_and_ticks() -> None:
    buttons = (("1:JC", "हाँ"), ("2:JC", "<नहीं>"))
    shown = inbox(taken("whatsapp", buttons=buttons, status="read"))
    assert words(shown).endswith(
        "नमस्ते WhatsApp · +919876543210 · 05-01-2026 10:00:00 · ✓✓ Read हाँ <नहीं>"
    )
    assert '<ol class="tapped" lang="hi">' in shown
    assert "✓ Sent" in words(inbox(taken("whatsapp", status="sent")))
    assert "✓✓ पहुँचा" in words(inbox(taken("whatsapp", status="delivered"), lang="hi"))
    failed = inbox(taken("whatsapp", status="failed"))
    assert "Not delivered" in words(failed)
    assert "✓" not in failed


def test_sms_with_its_parts() -> None:
    shown = inbox(taken("sms", segments=2), taken("kannel", accepted=False, code="dlt"))
    assert "SMS (Mobile Seva) · +919876543210 · 05-01-2026 10:00:00 · 2 parts" in words(shown)
    assert "Not taken by the provider (dlt)" in words(shown)
    assert 'class="kannel refused"' in shown


async def test_a_mail_is_shown_where_it_can_do_nothing(
    running: Any, http: httpx.AsyncClient
) -> None:
    mail = taken("smtp", "asha@example.in", subject="<आज>", html=HTML)
    shown = inbox(mail)
    assert words(shown).endswith(
        "<आज> नमस्ते See it as laid out E-mail · asha@example.in · 05-01-2026 10:00:00"
    )
    assert "दैनिक सूची" not in shown
    assert 'href="/mail/1?lang=en"' in shown
    whole = Page().mail(mail, lang="en")
    (frame,) = re.findall(r"<iframe[^>]*>", whole)
    assert 'sandbox=""' in frame
    assert unescape(re.findall(r'srcdoc="([^"]*)"', frame)[0]) == HTML
    assert "<script" not in whole
    assert "<iframe" not in Page().mail(replace(mail, html=""), lang="hi")
    missing = await http.get("/mail/nothing")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "unknown"


def test_every_word_is_there_in_both_languages() -> None:
    texts = yaml.safe_load((FOLDER / "data" / "texts.yaml").read_text(encoding="utf-8"))
    assert all(set(text) == {"hi", "en"} and all(text.values()) for text in texts.values())
    used = {*get_args(ProviderName), *(f"status_{status}" for status in FURTHER if status)}
    for template in (FOLDER / "templates").glob("*.html"):
        used |= set(re.findall(r"say\([\"'](\w+)[\"']\)", template.read_text(encoding="utf-8")))
    used |= {f"phone_status_{status}" for status in FURTHER if status}
    used |= {f"phone_kind_{kind}" for kind in (*MEDIA, "location", "contacts", "other")}
    used |= {f"phone_{name}" for script in SCRIPTS for name in said_by(script)}
    assert used == set(texts)


def said_by(script: Path) -> set[str]:
    """The names of texts in a script, also of a pair of which one is chosen."""
    text = script.read_text(encoding="utf-8")
    calls = " ".join(re.findall(r"\b(?:say|item)\(([^()]*?)[,)]", text))
    return set(re.findall(r"\"(\w+)\"", calls)) | {"latitude", "longitude"}


@pytest.mark.parametrize("lang", ["hi", "en"])
def test_nothing_is_asked_of_other_places(lang: str) -> None:
    shown = inbox(taken("whatsapp"), taken("smtp", "a@example.in", html=HTML), lang=lang, still="1")
    assert not re.findall(r"(?:src|href|action)=\"(?![?/])", shown)
