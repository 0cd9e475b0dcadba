"""Meta's objects in a webhook, made of what was written: an entry of `messages`, one of `contacts`. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.standins.media_store import Medium
from services.standins.written import Media, Written

Item = dict[str, Any]
DISPLAYED = "15550000001"
"""The business's number, as people see it."""


def item_of(written: Written, medium: Medium | None, wamid: str, now: datetime, author: str) -> Item:
    """The entry of `messages`. `medium`: the file that it names. `author`: the number of whoever wrote the
    message that it answers."""
    at = written.written_at or now
    item: Item = {**_sender(written), "id": wamid, "timestamp": str(int(at.timestamp()))}
    context = written.context
    if context is not None:
        item["context"] = {**({"from": author} if author else {}), "id": context}
    (name,) = written.contents
    return {**item, **_CONTENTS[name](written, medium)}


def contact_of(written: Written) -> Item | None:
    """The entry of `contacts`; none for what the provider itself tells."""
    if written.system is not None:
        return None
    number = _digits(written.sender)
    name = written.name or number or written.username or written.user_id
    profile = {"name": name, **({"username": written.username} if written.username else {})}
    contact: Item = {"profile": profile}
    if number:
        contact["wa_id"] = number
    if written.user_id:
        contact["user_id"] = written.user_id
    return contact


def media_of(written: Written) -> Media | None:
    """What it says of a file."""
    (name,) = written.contents
    content = getattr(written, name)
    return content if isinstance(content, Media) else None


def _sender(written: Written) -> Item:
    sender: Item = {}
    if written.sender:
        sender["from"] = _digits(written.sender)
    if written.user_id:
        sender["from_user_id"] = written.user_id
    if written.system is not None and written.system.user_id:
        # told by the new id alone
        return {"from_user_id": written.system.user_id}
    return sender


def _digits(number: str | None) -> str:
    return (number or "").removeprefix("+")


def _text(written: Written, _: Medium | None) -> Item:
    return {"type": "text", "text": {"body": written.text}}


def _button(written: Written, _: Medium | None) -> Item:
    assert written.button is not None
    return _interactive("button_reply", {"id": written.button.id, "title": written.button.title})


def _row(written: Written, _: Medium | None) -> Item:
    assert written.row is not None
    reply = written.row.model_dump(include={"id", "title"})
    if written.row.description:
        reply["description"] = written.row.description
    return _interactive("list_reply", reply)


def _interactive(kind: str, reply: Item) -> Item:
    return {"type": "interactive", "interactive": {"type": kind, kind: reply}}


def _quick_reply(written: Written, _: Medium | None) -> Item:
    assert written.quick_reply is not None
    return {"type": "button", "button": written.quick_reply.model_dump()}


def _media(kind: str) -> Callable[[Written, Medium | None], Item]:
    def make(written: Written, medium: Medium | None) -> Item:
        told: Media = getattr(written, kind)
        part: Item = {
            "id": medium.id if medium else told.id or "",
            "mime_type": told.mime_type or (medium.mime_type if medium else "application/octet-stream"),
            "sha256": told.sha256 or (_base64(medium.sha256) if medium else ""),
        }
        if kind == "audio":
            is_ogg = part["mime_type"].startswith("audio/ogg")
            part["voice"] = is_ogg if told.voice is None else told.voice
        if kind == "sticker":
            part["animated"] = False
        for name in ("caption", "filename"):
            if value := getattr(told, name):
                part[name] = value
        return {"type": kind, kind: part}

    return make


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


def _location(written: Written, _: Medium | None) -> Item:
    assert written.location is not None
    place = written.location.model_dump()
    return {"type": "location", "location": {k: v for k, v in place.items() if v != ""}}


def _contacts(written: Written, _: Medium | None) -> Item:
    cards = []
    for card in written.contacts or ():
        name = {"formatted_name": card.name, "first_name": card.name}
        phones = [{"phone": card.phone, "type": "CELL"}] if card.phone else []
        cards.append({"name": name, "phones": phones})
    return {"type": "contacts", "contacts": cards}


def _reaction(written: Written, _: Medium | None) -> Item:
    assert written.reaction is not None
    part = {"message_id": written.reaction.message_id}
    # one that is taken back comes without an emoji
    return {
        "type": "reaction",
        "reaction": {**part, **({"emoji": written.reaction.emoji} if written.reaction.emoji else {})},
    }


def _edit(written: Written, _: Medium | None) -> Item:
    assert written.edit is not None
    return {
        "type": "edit",
        "edit": {
            "original_message_id": written.edit.message_id,
            "message": {"type": "text", "text": {"body": written.edit.text}},
        },
    }


def _revoke(written: Written, _: Medium | None) -> Item:
    assert written.revoke is not None
    return {"type": "revoke", "revoke": {"original_message_id": written.revoke.message_id}}


def _system(written: Written, _: Medium | None) -> Item:
    change = written.system
    assert change is not None
    name = written.name or "User"
    if change.number is not None:
        new = _digits(change.number)
        body = f"User {name} changed from {_digits(written.sender) or written.user_id} to {new}"
        told = {"body": body, "wa_id": new, "type": "user_changed_number"}
    else:
        body = f"User {name} changed from {written.user_id} to {change.user_id}"
        told = {"body": body, "user_id": change.user_id or "", "type": "user_changed_user_id"}
        if written.user_id:
            told["previous_user_id"] = written.user_id
    return {"type": "system", "system": told}


def _unsupported(written: Written, _: Medium | None) -> Item:
    assert written.unsupported is not None
    title, details = "Message type unknown", "Message type is currently not supported."
    error = {"code": 131051, "title": title, "message": title, "error_data": {"details": details}}
    return {
        "type": "unsupported",
        "unsupported": {"type": written.unsupported.type},
        "errors": [error],
    }


_CONTENTS: dict[str, Callable[[Written, Medium | None], Item]] = {
    "text": _text,
    "button": _button,
    "quick_reply": _quick_reply,
    "row": _row,
    **{kind: _media(kind) for kind in ("image", "audio", "video", "document", "sticker")},
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
    "system": _system,
    "unsupported": _unsupported,
}
