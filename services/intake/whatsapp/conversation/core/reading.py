"""The provider's message objects → `Inbound`: who wrote, when, and what. Pure; nothing here raises.

What comes may hold anything in any place: a field of another type than the documented one counts as not
there. Number and instant are read as notify reads them, so that both hear the same person at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from services.intake.whatsapp.conversation.core.inbound import Inbound, Person
from services.intake.whatsapp.conversation.core.reading_content import content_of
from services.intake.whatsapp.conversation.core.reading_fields import (
    id_of,
    name_of,
    number_of,
    object_of,
    user_of,
    word,
)
from services.kernel.domain import tickets

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
    change = _change_of(item)
    person = change.person if change else _person(item, contacts)
    if person is None:
        return None
    content = content_of(item)
    changed = change is not None and (change.number or change.user) is not None
    return Inbound(
        id=id_of(item.get("id")) or _made_id(item),
        at=at,
        written_at=_written_at(change.timestamp if change else item.get("timestamp"), at),
        sort="changed" if changed else content.sort,
        person=person,
        text=content.text,
        choice=content.choice,
        media=content.media,
        location=content.location,
        replies_to=id_of(object_of(item, "context").get("id")),
        about=content.about,
        now_number=change.number if change else None,
        now_user=change.user if change else None,
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


# ------------------------------------------------------------------- who


def _person(item: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]) -> Person | None:
    number = number_of(item.get("from"))
    # who shows no number may come with his user id in the number's place
    user = user_of(item.get("from_user_id")) or user_of(item.get("from"))
    contact = _contact(contacts, number, user)
    number = number or number_of(contact.get("wa_id"))
    user = user or user_of(contact.get("user_id")) or user_of(contact.get("wa_id"))
    if number is None and user is None:
        return None
    profile = object_of(contact, "profile")
    name = name_of(profile.get("name"), MOST_PROFILE) or name_of(profile.get("username"), MOST_PROFILE)
    return Person(number=number, user=user, profile=name)


def _contact(
    contacts: Sequence[Mapping[str, Any]], number: str | None, user: str | None
) -> Mapping[str, Any]:
    """What is said of the sender. A single contact is his, in whatever form it writes his number."""
    known = [contact for contact in contacts if isinstance(contact, Mapping)]
    for contact in known:
        if user is not None and user == user_of(contact.get("user_id")):
            return contact
        if number is not None and number == number_of(contact.get("wa_id")):
            return contact
    return known[0] if len(known) == 1 else {}


# ------------------------------------------------------------------- who he is now


class _Change(NamedTuple):
    """`person`: who he was; `number` and `user`: what is new, None where it is as it was."""

    person: Person | None
    number: str | None
    user: str | None
    timestamp: object


def _change_of(item: Mapping[str, Any]) -> _Change | None:
    """What tells of another number or user id, in the forms that it had over the years:

    - system messages `user_changed_number` and `user_changed_user_id`, with the new `wa_id`, `user_id` and
      the `previous_user_id`; before that `customer_changed_number` with `new_wa_id` and `customer`;
    - `user_id_update`, withdrawn in 2026: a list under a change's field of that name, whose `user_id`
      holds `previous` and `current`. It was documented with one entry, and that one is read.
    """
    match item:
        case {"type": "system", "system": {"type": "user_changed_number" | "customer_changed_number"}}:
            return _changed(item, item["system"], number=True)
        case {"type": "system", "system": {"type": "user_changed_user_id" | "user_id_update"}}:
            return _changed(item, item["system"], number=False)
        case {"field": "user_id_update", "value": {"user_id_update": [Mapping() as told, *_]}}:
            return _changed({"from": told.get("wa_id"), **told}, told, number=False)
    return None


def _changed(item: Mapping[str, Any], told: Mapping[str, Any], *, number: bool) -> _Change:
    both = object_of(told, "user_id")
    wrote = user_of(item.get("from_user_id"))
    now = user_of(told.get("user_id")) or user_of(told.get("new_user_id")) or user_of(both.get("current"))
    was = user_of(told.get("previous_user_id")) or user_of(both.get("previous"))
    # the sender may be named by the new id or by the old one
    now = now or (wrote if was is not None else None)
    was = was or (wrote if wrote != now else None)
    old = number_of(item.get("from")) or number_of(told.get("customer"))
    new = (number_of(told.get("wa_id")) or number_of(told.get("new_wa_id"))) if number else None
    if old is None and was is None:
        # nobody that we could know has changed, but somebody wrote
        person = Person(number=new, user=now) if new or now else None
        return _Change(person, None, None, item.get("timestamp"))
    return _Change(
        Person(number=old, user=was),
        number=new if new != old else None,
        user=now if now != was else None,
        timestamp=item.get("timestamp"),
    )


# ------------------------------------------------------------------- when, and under which id


def _written_at(timestamp: object, at: datetime) -> datetime:
    text = word(timestamp)
    if text.isascii() and text.isdigit() and len(text) < 12:
        return min(at, datetime.fromtimestamp(int(text), UTC))
    return at


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
