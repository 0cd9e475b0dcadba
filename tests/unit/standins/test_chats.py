"""The parts behind the phones, alone: bounded, kept over a restart, and broken by nothing that is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.standins.chats import Chats
from services.standins.journal import Taken
from services.standins.phone_log import PhoneLog
from services.standins.phones import TYPING, Phones
from services.standins.window import Windows

PHONE, USER = "919876543210", "IN.1001"
NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
TEXT = {"from": PHONE, "id": "in-1", "type": "text", "text": {"body": "x"}}


def taken(to: str, n: int) -> Taken:
    return Taken(
        id=f"out-{n}", at=NOW, provider="whatsapp", to=to, kind="text", template="", language="hi",
        text=str(n), key="", identity=str(n), accepted=True,
    )  # fmt: skip


def test_it_is_bounded() -> None:
    phones = Phones(most=5)
    for n in range(20):
        phones.got(taken(f"9198765432{n % 4}0", n))
        phones.wrote(phones.met("", f"IN.{n}"), f"in-{n}", NOW, {"kind": "text", "text": str(n)})
    kept = [phones.author(f"in-{n}") is not None for n in range(20)]
    assert kept == [False] * 17 + [True] * 3
    # who has no message left is forgotten, but not whom one knows by his user id alone
    assert [phones.known(f"9198765432{n}0") is None for n in range(4)] == [True, True, False, False]
    assert phones.known("IN.0") is not None
    assert phones.told("in-0", "read") is False


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=12)
    | st.sampled_from([PHONE, USER, "system", "edit", "text", "interactive", "image", "9" * 30]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["from", "from_user_id", "id", "type", "text", "body", "interactive", "image", "system",
             "edit", "location", "contacts", "context", "timestamp", "wa_id", "profile", "name",
             "user_id", "message", "original_message_id", "phones", "latitude"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.lists(st.tuples(JUNK, JUNK), max_size=6))
def test_whatever_is_sent_is_shown_or_not_and_breaks_nothing(items: list[tuple[Any, Any]]) -> None:
    log = PhoneLog()
    chats = Chats(Phones(), Windows(), log)
    for item, contact in items:
        if isinstance(item, dict):
            chats.heard(item, contact if isinstance(contact, dict) else None, NOW)
    again = Chats(Phones(), Windows(), log)
    again.restore([])
    for address in (PHONE, USER):
        seen = [
            [orjson.loads(orjson.dumps(m.as_json())) for m in one.since(phone, 0, 100)]
            for one in (chats, again)
            if (phone := one.phone(address))
        ]
        assert len(seen) in (0, 2)
        assert not seen or seen[0] == seen[1]


def test_a_log_forgets_its_oldest_lines_and_survives_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "phones.jsonl"
    log = PhoneLog(path, most=3)
    for n in range(20):
        log.add({"n": n})
    assert [entry["n"] for entry in log.entries()] == [17, 18, 19]
    assert len(path.read_bytes().splitlines()) <= 12
    log.close()
    with path.open("ab") as file:
        file.write(b'{"n": cut')
    again = PhoneLog(path, most=3)
    again.add({"n": 20})
    assert [entry["n"] for entry in again.entries()] == [19, 20]
    again.clear()
    again.close()
    assert path.read_bytes() == b""


def test_an_answer_that_does_not_come_is_not_being_written_for_ever() -> None:
    chats = Chats(Phones(), Windows(), PhoneLog())
    chats.heard(TEXT, None, NOW)
    assert chats.read_by_us("in-1", NOW)
    phone = chats.phone(PHONE)
    assert phone is not None
    assert phone.typing_until == NOW + TYPING == NOW + timedelta(seconds=25)
    assert chats.read_by_us("in-1", None)
    assert phone.typing_until is None


def test_a_number_that_somebody_else_gets_is_his() -> None:
    phones = Phones()
    first = phones.met(PHONE, USER)
    phones.moved(PHONE, USER, to_number="919876543299", to_user="")
    second = phones.met(PHONE, "")
    assert second is not first
    assert phones.addresses(USER) == ("919876543299", USER)
    # the second one gets the first one's new number too
    phones.moved(PHONE, "", to_number="919876543299", to_user="")
    assert phones.known("919876543299") is second
    assert phones.addresses(USER) == (USER,)
    phones.moved("", USER, to_number="", to_user="IN.2")
    assert phones.known("919876543299") is second
