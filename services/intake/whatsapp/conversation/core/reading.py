"""The provider's message objects → `Inbound`: who wrote, when, and what. Pure; nothing here raises.

What comes may hold anything in any place: a field of another type than the documented one counts as not
there. Who wrote and when is read as every service reads it (`domain/whatsapp_people.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from services.intake.whatsapp.conversation.core.inbound import Inbound, Person
from services.intake.whatsapp.conversation.core.reading_content import content_of
from services.intake.whatsapp.conversation.core.reading_fields import id_of, name_of, object_of
from services.kernel.domain import tickets
from services.kernel.domain.whatsapp_people import (
    changes_of,
    contact_of,
    sender_of,
    written_at,
)

MOST_PROFILE = 100
"""Characters of the name by which somebody calls himself."""
MOST_KEY = 512
"""Characters that the provider echoes of what we gave it with a message."""
_HEARD = frozenset({"sent", "delivered", "read"})
_ROOMS = frozenset({"intake", "case", "sla", "notices"})
_DEEPEST = 40


def read(
    item: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]], at: datetime
) -> Inbound | None:
    """One message as it was kept (`WhatsAppReceived.item` and `.contacts`), received at `at`.

    None where nobody can be told who wrote it. A person who changed his number or user id is told as who
    he was. An item without a usable id gets one from what it holds, the same every time.
    """
    return next(iter(read_all(item, contacts, at)), None)


def read_all(
    item: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]], at: datetime
) -> tuple[Inbound, ...]:
    """As `read`, of an item that may tell of several people: a `user_id_update` is a list."""
    changes = changes_of(item, at)
    if not changes:
        inbound = _message(item, contacts, at)
        return (inbound,) if inbound is not None else ()
    return tuple(
        Inbound(
            id=_id(item) if n == 0 else _made_id({"of": item, "n": n}),
            at=at,
            written_at=change.at,
            sort="changed",
            person=Person(number=change.was.number, user=change.was.user),
            now_number=change.number,
            now_user=change.user,
        )
        for n, change in enumerate(changes)
    )


def _message(
    item: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]], at: datetime
) -> Inbound | None:
    sender = sender_of(item, contacts)
    if not sender.addresses:
        return None
    profile = object_of(contact_of(item, contacts), "profile")
    name = name_of(profile.get("name"), MOST_PROFILE) or name_of(profile.get("username"), MOST_PROFILE)
    content = content_of(item)
    return Inbound(
        id=_id(item),
        at=at,
        written_at=written_at(item, at),
        sort=content.sort,
        person=Person(number=sender.number, user=sender.user, profile=name),
        text=content.text,
        choice=content.choice,
        media=content.media,
        location=content.location,
        replies_to=id_of(object_of(item, "context").get("id")),
        about=content.about,
    )


def heard_of(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """From a status of a message about a case that was sent, delivered or read: the provider's id and the
    ticket. None for every other status.

    Our key, which the provider echoes, is then `<ticket>/<room>/<n>:<recipient>`.
    """
    status, key = item.get("status"), item.get("biz_opaque_callback_data")
    wamid = id_of(item.get("id"))
    if wamid is None or not isinstance(status, str) or status not in _HEARD:
        return None
    if not isinstance(key, str) or len(key) > MOST_KEY:
        return None
    event, colon, recipient = key.partition(":")
    ticket, _, rest = event.partition("/")
    room, _, n = rest.partition("/")
    if not (colon and recipient and room in _ROOMS and n.isascii() and n.isdigit()):
        return None
    return (wamid, ticket) if tickets.parse(ticket) == ticket else None


# ------------------------------------------------------------------- under which id


def _id(item: Mapping[str, Any]) -> str:
    return id_of(item.get("id")) or _made_id(item)


def _made_id(item: Mapping[str, Any]) -> str:
    text = json.dumps(_plain(item, 1), sort_keys=True)
    return f"made/{sha256(text.encode()).hexdigest()[:32]}"


def _plain(value: object, level: int) -> Any:
    """`value` as JSON can write it, whatever it is."""
    if value is None or isinstance(value, bool | str | float):
        return value
    if isinstance(value, int):
        return hex(value)  # a decimal of thousands of digits is refused
    if level < _DEEPEST and isinstance(value, Mapping):
        return {str(name): _plain(inner, level + 1) for name, inner in value.items()}
    if level < _DEEPEST and isinstance(value, list | tuple):
        return [_plain(inner, level + 1) for inner in value]
    return None
