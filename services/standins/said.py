"""What a phone shows of a message: of one that was written on it (Meta's object in a webhook) and of one that
was sent to it. Pure, and made for objects that may hold anything.

`kind`: text, tap (a button or a row), image, audio, video, document, sticker, location, contacts, system,
template, interactive, or other, with `text` and what else there is to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.standins.journal import Taken

MEDIA = ("image", "audio", "video", "document", "sticker")
MOST_TEXT = 8_000
Said = dict[str, Any]


def said_of_item(item: Mapping[str, Any]) -> Said:
    """Of one entry of a webhook's `messages`."""
    said = _said(item)
    answered = text_of(object_of(item, "context"), "id")
    return {**said, "replies_to": answered} if answered else said


def said_of_taken(taken: Taken) -> Said:
    """Of a message that the stand-in took."""
    said: Said = {"kind": taken.kind, "text": taken.text, "language": taken.language}
    if taken.template:
        said["template"] = taken.template
    if taken.layout:
        said["layout"] = taken.layout
    if taken.replies_to:
        said["replies_to"] = taken.replies_to
    return said


def _said(item: Mapping[str, Any]) -> Said:
    kind = text_of(item, "type")
    part = object_of(item, kind)
    if kind == "text":
        return {"kind": "text", "text": text_of(part, "body")}
    if kind == "button":
        return {"kind": "tap", "text": text_of(part, "text")}
    if kind == "interactive":
        reply = object_of(part, text_of(part, "type"))
        return {
            "kind": "tap",
            "text": text_of(reply, "title"),
            "description": text_of(reply, "description"),
        }
    if kind in MEDIA:
        medium: Said = {name: text_of(part, name) for name in ("id", "mime_type", "filename")}
        medium["voice"] = part.get("voice") is True
        return {"kind": kind, "text": text_of(part, "caption"), "media": medium}
    if kind == "location":
        return {"kind": kind, "text": text_of(part, "name"), "location": _place(part)}
    if kind == "contacts":
        return {"kind": kind, "text": _cards(item.get("contacts"))}
    if kind == "system":
        return {"kind": kind, "text": text_of(part, "body")}
    return {"kind": "other", "text": kind}


def _place(part: Mapping[str, Any]) -> dict[str, Any]:
    place: dict[str, Any] = {name: text_of(part, name) for name in ("name", "address")}
    for name in ("latitude", "longitude"):
        value = part.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        place[name] = value if number else None
    return place


def _cards(contacts: object) -> str:
    lines = []
    for contact in contacts if isinstance(contacts, list) else ():
        if isinstance(contact, Mapping):
            name = text_of(object_of(contact, "name"), "formatted_name")
            phones = contact.get("phones")
            first = phones[0] if isinstance(phones, list) and phones else None
            number = text_of(first, "phone") if isinstance(first, Mapping) else ""
            lines.append(", ".join(filter(None, (name, number))))
    return "\n".join(lines)[:MOST_TEXT]


def object_of(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name) if name else None
    return found if isinstance(found, Mapping) else {}


def text_of(holder: Mapping[str, Any], name: str) -> str:
    found = holder.get(name)
    return found[:MOST_TEXT] if isinstance(found, str) else ""
