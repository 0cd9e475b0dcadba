"""What a citizen sees of a message to the Cloud API, and Meta's limits on it.

Template name and language (132001), number of parameters (132000), no line breaks, tabs or runs of spaces in
a parameter; texts, reply buttons and lists within their lengths (100, 131009).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.standins.registry import Registry

MOST_TEXT = 4096
MOST_BODY = 1024
MOST_HEADER = MOST_FOOTER = 60
MOST_BUTTONS, MOST_BUTTON_ID, MOST_BUTTON_TITLE = 3, 256, 20
MOST_ROWS, MOST_ROW_ID, MOST_ROW_TITLE, MOST_ROW_DESCRIPTION = 10, 200, 24, 72
MOST_SECTION_TITLE = 24


class Refused(Exception):
    """Meta's error: its code, and the status of the answer."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Content:
    """`buttons`: (id, title) of what can be tapped. `is_free`: no template, for the 24 hours alone.

    `layout` is how a phone shows an interactive message: `type` (button or list), `header`, `body`, `footer`,
    and either `buttons` [{id, title}] or `button` (what opens the list) and `sections` [{title, rows [{id,
    title, description}]}]; empty for others.
    """

    kind: str
    text: str
    template: str = ""
    language: str = ""
    buttons: tuple[tuple[str, str], ...] = ()
    layout: dict[str, Any] = field(default_factory=dict)

    @property
    def is_free(self) -> bool:
        return self.kind != "template"


def read_content(body: dict[str, Any], registry: Registry) -> Content:
    """Raises Refused with Meta's code."""
    kind = body.get("type", "text")
    if not isinstance(kind, str):
        raise Refused(100, "(#100) Param type must be a string")
    part = body.get(kind)
    if not isinstance(part, dict):
        raise Refused(100, f"(#100) The parameter {kind} is required.")
    if kind == "template":
        return _template(part, registry)
    if kind == "interactive":
        return _interactive(part)
    if kind != "text":
        raise Refused(100, "(#100) Param type must be one of {text, interactive, template}")
    text = part.get("body")
    if not isinstance(text, str) or not 0 < len(text) <= MOST_TEXT:
        raise Refused(100, f"(#100) Param text['body'] must have 1 to {MOST_TEXT} characters")
    return Content(kind, text)


def _template(part: dict[str, Any], registry: Registry) -> Content:
    name, language = part.get("name"), _object(part.get("language"), "language").get("code")
    if not isinstance(name, str) or not isinstance(language, str):
        raise Refused(100, "(#100) Param template must have a name and a language code")
    registered = registry.whatsapp.get((name, language))
    if registered is None:
        raise Refused(
            132001, f"(#132001) Template name does not exist in the translation: {name} ({language})",
            404,
        )  # fmt: skip
    given = [
        _parameter(parameter)
        for component in _objects(part.get("components"), "components")
        if component.get("type") == "body"
        for parameter in _objects(component.get("parameters"), "parameters")
    ]
    if len(given) != len(registered.variables):
        raise Refused(
            132000,
            "(#132000) Number of parameters does not match the expected number of params: "
            f"{len(given)} instead of {len(registered.variables)}",
        )
    if any(not text or re.search(r"[\n\t]| {5}", text) for text in given):
        raise Refused(
            132018, "(#132018) Param text cannot have new-line/tab characters or be empty"
        )
    return Content("template", registered.fill(given), name, language)


def _interactive(part: dict[str, Any]) -> Content:
    kind = part.get("type")
    action = _object(part.get("action"), "action")
    if kind == "button":
        tapped = _buttons(action)
        shown: dict[str, Any] = {"buttons": [{"id": id_, "title": title} for id_, title in tapped]}
    elif kind == "list":
        sections = _sections(action)
        tapped = [(row["id"], row["title"]) for section in sections for row in section["rows"]]
        shown = {"button": action["button"], "sections": sections}
    else:
        raise Refused(100, "(#100) Param interactive['type'] must be one of {button, list}")
    body = _within(_object(part.get("body"), "body").get("text"), "body", MOST_BODY)
    header = footer = ""
    if part.get("header") is not None:
        given = _object(part["header"], "header")
        if given.get("type") != "text":
            raise Refused(100, "(#100) Param header['type'] must be text")
        header = _within(given.get("text"), "header", MOST_HEADER)
    if part.get("footer") is not None:
        footer = _within(_object(part["footer"], "footer").get("text"), "footer", MOST_FOOTER)
    layout = {"type": kind, "header": header, "body": body, "footer": footer, **shown}
    text = "\n\n".join(filter(None, (header, body, footer)))
    return Content("interactive", text, buttons=tuple(tapped), layout=layout)


def _buttons(action: dict[str, Any]) -> list[tuple[str, str]]:
    buttons = _some(action.get("buttons"), "buttons", MOST_BUTTONS)
    found = []
    for button in buttons:
        if button.get("type") != "reply":
            raise Refused(100, "(#100) Param button['type'] must be reply")
        reply = _object(button.get("reply"), "reply")
        id_ = _within(reply.get("id"), "reply id", MOST_BUTTON_ID)
        found.append((id_, _within(reply.get("title"), "reply title", MOST_BUTTON_TITLE)))
    _all_different([id_ for id_, _ in found], "reply id")
    _all_different([title for _, title in found], "reply title")
    return found


def _sections(action: dict[str, Any]) -> list[dict[str, Any]]:
    _within(action.get("button"), "button", MOST_BUTTON_TITLE)
    sections = _some(action.get("sections"), "sections", MOST_ROWS)
    found: list[dict[str, Any]] = []
    ids: list[str] = []
    for section in sections:
        title = section.get("title")
        if len(sections) > 1 or title is not None:
            title = _within(title, "section title", MOST_SECTION_TITLE)
        rows = [_row(row) for row in _some(section.get("rows"), "rows", MOST_ROWS)]
        found.append({"title": title or "", "rows": rows})
        ids += [row["id"] for row in rows]
    if len(ids) > MOST_ROWS:
        raise _no_value(f"rows must be {MOST_ROWS} at most in all")
    _all_different(ids, "row id")
    return found


def _row(row: dict[str, Any]) -> dict[str, str]:
    id_ = _within(row.get("id"), "row id", MOST_ROW_ID)
    title = _within(row.get("title"), "row title", MOST_ROW_TITLE)
    description = ""
    if row.get("description") is not None:
        description = _within(row["description"], "row description", MOST_ROW_DESCRIPTION)
    return {"id": id_, "title": title, "description": description}


def _within(value: object, name: str, most: int) -> str:
    """A text that is not empty and has `most` characters at most, also if they are counted in UTF-16."""
    if not isinstance(value, str):
        raise Refused(100, f"(#100) Param {name} must be a string")
    if not value.strip() or len(value.encode("utf-16-le", "surrogatepass")) // 2 > most:
        raise _no_value(f"{name} must have 1 to {most} characters")
    return value


def _some(value: object, name: str, most: int) -> list[dict[str, Any]]:
    found = _objects(value, name)
    if not 0 < len(found) <= most:
        raise _no_value(f"{name} must be 1 to {most}")
    return found


def _all_different(values: Sequence[str], name: str) -> None:
    if len(set(values)) != len(values):
        raise _no_value(f"every {name} must be another")


def _no_value(why: str) -> Refused:
    return Refused(131009, f"(#131009) Parameter value is not valid: {why}")


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(100, f"(#100) Param {name} must be an object")
    return value


def _objects(value: object, name: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Refused(100, f"(#100) Param {name} must be an array")
    return [_object(one, name) for one in value]


def _parameter(parameter: dict[str, Any]) -> str:
    text = parameter.get("text", "")
    if not isinstance(text, str):
        raise Refused(100, "(#100) Param text must be a string")
    return text
