"""The Cloud API's limits on what can be sent inside the 24 hours, and those hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.standins.content import Content, Refused, read_content
from services.standins.registry import Registry
from services.standins.window import Windows

NOTHING = Registry({}, {})


def button(id_: Any, title: Any, type_: str = "reply") -> dict[str, Any]:
    return {"type": type_, "reply": {"id": id_, "title": title}}


def buttons(*buttons: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"type": "button", "body": {"text": "ठीक है?"}, "action": {"buttons": list(buttons)}}
    return {**given, **more}


def row(id_: Any, title: Any, **more: Any) -> dict[str, Any]:
    return {"id": id_, "title": title, **more}


def listed(*sections: dict[str, Any], button: Any = "चुनें", **more: Any) -> dict[str, Any]:
    action = {"button": button, "sections": list(sections)}
    return {"type": "list", "body": {"text": "विभाग?"}, "action": action, **more}


def read(interactive: Any) -> Content:
    return read_content({"type": "interactive", "interactive": interactive}, NOTHING)


YES, NO = button("1", "हाँ"), button("2", "नहीं")
ROWS = [row(str(n), f"विभाग {n}") for n in range(10)]


def test_reply_buttons() -> None:
    found = read(buttons(YES, NO, button("i" * 256, "t" * 20)))
    assert (found.kind, found.text, found.is_free) == ("interactive", "ठीक है?", True)
    assert found.buttons == (("1", "हाँ"), ("2", "नहीं"), ("i" * 256, "t" * 20))
    whole = read(
        buttons(YES, header={"type": "text", "text": "ऊपर"}, footer={"text": "नीचे"}),
    )
    assert whole.text == "ऊपर\n\nठीक है?\n\nनीचे"


def test_lists() -> None:
    found = read(listed({"title": "क", "rows": ROWS[:4]}, {"title": "ख", "rows": ROWS[4:]}))
    assert found.buttons == tuple((str(n), f"विभाग {n}") for n in range(10))
    found = read(listed({"rows": [row("r" * 200, "t" * 24, description="d" * 72)]}))
    assert len(found.buttons) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        buttons(),
        buttons(YES, NO, button("3", "x"), button("4", "y")),
        buttons(YES, button("1", "x")),
        buttons(YES, button("2", "हाँ")),
        buttons(button("1", "t" * 21)),
        buttons(button("1", "👍" * 11)),
        buttons(button("1", " ")),
        buttons(button("i" * 257, "x")),
        buttons(button("", "x")),
        buttons(YES, body={"text": "b" * 1025}),
        buttons(YES, body={"text": ""}),
        buttons(YES, header={"type": "text", "text": "h" * 61}),
        buttons(YES, footer={"text": "f" * 61}),
        listed(),
        listed({"rows": []}),
        listed({"rows": [*ROWS, row("10", "x")]}),
        listed({"title": "क", "rows": ROWS}, {"title": "ख", "rows": [row("10", "x")]}),
        listed({"rows": [row("1", "x"), row("1", "y")]}),
        listed({"rows": [row("1", "t" * 25)]}),
        listed({"rows": [row("r" * 201, "x")]}),
        listed({"rows": [row("1", "x", description="d" * 73)]}),
        listed({"title": "t" * 25, "rows": ROWS}),
        listed({"rows": ROWS}, button="b" * 21),
    ],
)
def test_beyond_a_limit(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        read(wrong)
    assert (refusal.value.code, refusal.value.status) == (131009, 400)


@pytest.mark.parametrize(
    "wrong",
    [
        5,
        {},
        {"type": "flow", "action": {}},
        {"type": "button", "body": {"text": "x"}},
        buttons(YES, body="x"),
        buttons(button("1", 5)),
        buttons(button("1", "x", "url")),
        buttons({"type": "reply"}),
        buttons(YES, header={"type": "image"}),
        buttons(YES, footer="x"),
        {"type": "button", "body": {"text": "x"}, "action": {"buttons": "x"}},
        listed({"rows": "x"}),
        listed({"rows": ROWS[:1]}, {"rows": ROWS[1:2]}),
        listed({"rows": ROWS}, button=None),
        listed({"rows": [row("1", "x", description=5)]}),
    ],
)
def test_no_shape_of_theirs(wrong: Any) -> None:
    with pytest.raises(Refused) as refusal:
        read(wrong)
    assert refusal.value.code == 100


def test_kinds_that_are_not_sent_yet() -> None:
    with pytest.raises(Refused, match="Param type"):
        read_content({"type": "image", "image": {"body": "x"}}, NOTHING)


def test_the_window_closes_24_hours_after_the_last_word() -> None:
    now = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
    windows = Windows(most=2)
    assert not windows.is_open("1", now)
    windows.wrote("1", now)
    assert windows.is_open("1", now + timedelta(hours=24, seconds=-1))
    assert not windows.is_open("1", now + timedelta(hours=24))
    windows.wrote("2", now)
    windows.wrote("1", now + timedelta(hours=1))
    windows.wrote("3", now)
    assert [windows.is_open(phone, now) for phone in "123"] == [True, False, True]
