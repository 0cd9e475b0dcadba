"""What Meta and DLT are taken to have registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from services.kernel.adapters.settings import Settings
from services.standins.registry import load_registry

SETTINGS = Settings()

BOOK = """
longest: {ticket: 17}
something_new: [1, 2]
templates:
  both:
    variables: [ticket, name]
    buttons: [{id: "1", hi: हाँ, en: "Yes"}]
    whatsapp: {name: own_v1, hi: "आवेदन {ticket}", en: "{name}: case {ticket}"}
    sms:
      hi: {id: "1", text: "आवेदन {ticket} ({name})"}
    email:
      hi: {subject: "आवेदन {ticket}", text: "…"}
  mail_only:
    variables: []
    email: {hi: {subject: s, text: t}, en: {subject: s, text: t}}
"""


def write(folder: Path) -> Path:
    folder.mkdir()
    (folder / "templates.yaml").write_text(BOOK, encoding="utf-8")
    return folder


def test_what_is_neither_whatsapps_nor_sms_is_passed_over(tmp_path: Path) -> None:
    registry = load_registry(write(tmp_path / "book"))
    assert set(registry.whatsapp) == {("own_v1", "hi"), ("own_v1", "en")}
    assert registry.whatsapp["own_v1", "hi"].variables == ("ticket",)
    assert registry.whatsapp["own_v1", "en"].fill(["JC-1", "आशा"]) == "आशा: case JC-1"
    assert set(registry.sms) == {"1"}


def test_a_text_matches_with_up_to_30_characters_for_a_variable(tmp_path: Path) -> None:
    text = load_registry(write(tmp_path / "book")).sms["1"]
    assert text.matches("आवेदन JC-1 (आशा)")
    assert text.matches(f"आवेदन {'x' * 30} (आशा)")
    assert not text.matches(f"आवेदन {'x' * 31} (आशा)")
    assert not text.matches("आवेदन  (आशा)")
    assert not text.matches("आवेदन JC-1 (आशा).")
    assert not text.matches("Win a prize")


async def test_the_installations_own_book_is_read(tmp_path: Path, standins_in: Any) -> None:
    book = write(tmp_path / "book")
    async with standins_in(tmp_path, notify_book=book) as at, httpx.AsyncClient() as http:
        given = {
            "username": SETTINGS.kannel_username,
            "password": SETTINGS.kannel_password.get_secret_value(),
            "from": SETTINGS.sms_sender,
            "to": "919876543210",
            "text": "आवेदन JC-1 (आशा)",
            "coding": "2",
            "charset": "UTF-8",
        }
        await http.get(f"{at.url}/kannel/cgi-bin/sendsms", params=given)
        (got,) = (await http.get(f"{at.url}/api/messages")).json()["messages"]
        assert (got["accepted"], got["template"]) == (True, "1")


def test_the_built_in_book() -> None:
    registry = load_registry()
    assert registry.whatsapp
    assert registry.sms
