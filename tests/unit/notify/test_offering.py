"""Buttons and lists: what Meta takes goes out so, and everything else in plain words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kernel.domain.whatsapp_limits import MOST_TEXT, cut, utf16_units
from services.notify.adapters.whatsapp import request_body
from services.notify.core.offering import in_plain
from services.notify.core.provider import Outgoing
from services.standins.content import read_content
from services.standins.registry import Registry
from tests.unit.notify.provider_server import MESSAGE

OPEN = replace(MESSAGE, in_window=True, registered="", text="किस गाँव की बात है?")
ROWS = (("v:naila", "Naila", "Janjgir block"), ("v:tarod", "Tarod", ""))
LIST = replace(OPEN, rows=ROWS, list_button="गाँव चुनें")


def sent(message: Outgoing, **change: Any) -> dict[str, Any]:
    body = request_body(replace(message, **change))
    assert body is not None
    return body


def test_a_list_inside_the_window() -> None:
    assert sent(LIST)["interactive"] == {
        "type": "list",
        "body": {"text": "किस गाँव की बात है?"},
        "action": {
            "button": "गाँव चुनें",
            "sections": [
                {
                    "rows": [
                        {"id": "v:naila", "title": "Naila", "description": "Janjgir block"},
                        {"id": "v:tarod", "title": "Tarod"},
                    ]
                }
            ],
        },
    }


def test_outside_the_window_there_is_a_template_or_nothing() -> None:
    assert request_body(replace(LIST, in_window=False)) is None
    assert sent(LIST, in_window=False, registered="filed_v1")["type"] == "template"


def row(**change: str) -> tuple[tuple[str, str, str], ...]:
    made = {"id": "a", "title": "A", "said": ""} | change
    return ((made["id"], made["title"], made["said"]),)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"rows": row(title="x" * 24)}, "interactive"),
        ({"rows": row(title="x" * 25)}, "text"),
        ({"rows": row(title="👍" * 13)}, "text"),
        ({"rows": row(title="")}, "text"),
        ({"rows": row(title=" ")}, "text"),
        ({"rows": row(id="x" * 200)}, "interactive"),
        ({"rows": row(id="x" * 201)}, "text"),
        ({"rows": row(id="")}, "text"),
        ({"rows": row(said="x" * 72)}, "interactive"),
        ({"rows": row(said="x" * 73)}, "text"),
        ({"rows": row(said=" ")}, "interactive"),
        ({"rows": tuple((f"{n}", f"row {n}", "") for n in range(10))}, "interactive"),
        ({"rows": tuple((f"{n}", f"row {n}", "") for n in range(11))}, "text"),
        ({"rows": (("a", "A", ""), ("a", "B", ""))}, "text"),
        ({"rows": (("a", "A", ""), ("b", "A", ""))}, "text"),
        ({"list_button": "x" * 20}, "interactive"),
        ({"list_button": "x" * 21}, "text"),
        ({"list_button": ""}, "text"),
        ({"text": "x" * 1024}, "interactive"),
        ({"text": "x" * 1025}, "text"),
        ({"text": " "}, "text"),
        # one of the two can be shown
        ({"buttons": (("a", "A"),)}, "text"),
        ({"rows": ()}, "text"),
    ],
)
def test_the_limits(change: dict[str, Any], kind: str) -> None:
    assert sent(LIST, **change)["type"] == kind


def test_what_does_not_fit_is_numbered_beneath_the_text() -> None:
    rows = (("a", "x" * 25, "first"), *ROWS[1:])
    assert sent(LIST, rows=rows)["text"]["body"] == (
        f"किस गाँव की बात है?\n\n1. {'x' * 25} – first\n2. Tarod"
    )
    four = tuple((c, c.upper()) for c in "abcd")
    assert sent(OPEN, buttons=four)["text"]["body"] == (
        "किस गाँव की बात है?\n\n1. A\n2. B\n3. C\n4. D"
    )
    assert sent(OPEN, text="", buttons=four[:2])["text"]["body"] == "1. A\n2. B"


def test_a_text_that_is_too_long_is_cut_before_its_options_are() -> None:
    long = sent(LIST, text="दो शब्द " * 1000)["text"]["body"]
    assert utf16_units(long) <= MOST_TEXT
    assert long.endswith("…\n\n1. Naila – Janjgir block\n2. Tarod")
    assert sent(OPEN, text="x" * 5000)["text"]["body"] == f"{'x' * 4095}…"
    assert sent(OPEN, text="x" * 5000, registered="filed_v1")["type"] == "template"


def test_nothing_to_say_is_not_sent() -> None:
    assert request_body(replace(OPEN, text=" \n")) is None


WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
SIZES = st.sampled_from([0, 1, 19, 20, 21, 24, 25, 72, 73, 200, 201, 256, 257])
PART = st.one_of(WORDS, SIZES.map(lambda size: "क" * size), SIZES.map(lambda size: "👍" * size))
TEXT = st.one_of(WORDS, st.sampled_from([1024, 1025, 4096, 4097, 9000]).map(lambda n: "क " * (n // 2)))


@given(
    text=TEXT,
    buttons=st.lists(st.tuples(PART, PART), max_size=5),
    rows=st.lists(st.tuples(PART, PART, PART), max_size=12),
    button=PART,
)
@example(text="x", buttons=[("\n", "\t")], rows=[], button="")
@example(text="", buttons=[], rows=[("", "", "")], button="")
def test_whatever_is_offered_is_taken(
    text: str, buttons: list[Any], rows: list[Any], button: str
) -> None:
    """Judged by the stand-in's checks, which are Meta's."""
    message = replace(
        OPEN, text=text, buttons=tuple(buttons), rows=tuple(rows), list_button=button
    )
    body = request_body(message)
    if body is None:
        assert not text.strip() and not buttons and not rows
        return
    content = read_content(body, cast(Registry, None))
    if content.kind == "interactive":
        assert content.text == text
        assert [title for _, title in content.buttons] == [one[1] for one in buttons or rows]
    else:
        assert utf16_units(content.text) <= MOST_TEXT
        count = len(buttons) + len(rows)
        assert not count or f"{count}. " in content.text


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])), most=st.integers(-1, 20))
def test_what_is_cut_fits(text: str, most: int) -> None:
    short = cut(text, most)
    assert utf16_units(short) <= max(most, 0) or short == text
    assert short == text or short == "" or short.endswith("…")


def test_lines_are_kept() -> None:
    assert in_plain("one\n\ntwo  ") == "one\n\ntwo  "
    assert cut("one\ntwo", 5) == "one…"
