"""Who wrote by WhatsApp, what, and who has another number or user id now: read from the provider's formats.

Pure, and made for what strangers may send: nothing here raises, and what is not understood is not there. Who
somebody is, is read as the conversation with him reads it: both must give him one name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_NUMBER = re.compile(r"\+?([1-9][0-9]{7,14})")
_USER = re.compile(r"[A-Za-z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
"""Country, a dot, letters and digits; with ENT between them it is one of several businesses together."""
_NUMBER_CHANGES = frozenset({"user_changed_number", "customer_changed_number"})
_USER_CHANGES = frozenset({"user_changed_user_id", "user_id_update"})


@dataclass(frozen=True)
class Sender:
    """Who wrote: `number` in E.164, `user` his user id; either may be None."""

    number: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)

    @property
    def addresses(self) -> tuple[str, ...]:
        """By which he is reached, the one that is used first."""
        return tuple(one for one in (self.number, self.user) if one is not None)


@dataclass(frozen=True)
class Changed:
    """Who had the address `old` has the address `new` now."""

    old: str = field(repr=False)
    new: str = field(repr=False)


def sender_of(item: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]] = ()) -> Sender:
    """Of one entry of a webhook's `messages`; `contacts` is what its body says of people."""
    number = _number(item.get("from"))
    # who shows no number may come with his user id in the number's place
    user = _user(item.get("from_user_id")) or _user(item.get("from"))
    contact = _contact(contacts, number, user)
    return Sender(
        number or _number(contact.get("wa_id")),
        user or _user(contact.get("user_id")) or _user(contact.get("wa_id")),
    )


def text_of(item: Mapping[str, Any]) -> str | None:
    """What was written or tapped; None for a photo, a voice note and the like."""
    match item:
        case {"type": "text", "text": {"body": str(text)}}:
            return text
        case {"type": "button", "button": {"text": str(text)}}:
            return text
        case {"type": "interactive", "interactive": {"button_reply": {"title": str(text)}}}:
            return text
        case {"type": "interactive", "interactive": {"list_reply": {"title": str(text)}}}:
            return text
    return None


def written_at(item: Mapping[str, Any], at: datetime) -> datetime:
    """When it was written, by the provider, never later than we received it: what it sends again later opens
    no window anew."""
    text = _word(item.get("timestamp"))
    if text.isascii() and text.isdigit() and len(text) < 12:
        return min(at, datetime.fromtimestamp(int(text), UTC))
    return at


def is_of_the_system(item: Mapping[str, Any]) -> bool:
    """Whether it is the provider that tells something of a person, who wrote nothing."""
    return item.get("type") == "system"


def changes_of(item: Mapping[str, Any]) -> tuple[Changed, ...]:
    """What a system message, or a change of the webhook, tells of another number or user id, in the forms
    that it had over the years:

    - system messages `user_changed_number` and `user_changed_user_id`, with the new `wa_id` or `user_id` and
      the `previous_user_id`; before that `customer_changed_number` with `new_wa_id`;
    - `user_id_update`, withdrawn in 2026: a list under a change's field of that name, whose `user_id` holds
      `previous` and `current`.
    """
    match item:
        case {"type": "system", "system": {"type": str(kind)} as told}:
            if kind in _NUMBER_CHANGES:
                return tuple(_changes(item, told, number=True))
            if kind in _USER_CHANGES:
                return tuple(_changes(item, told, number=False))
        case {"field": "user_id_update", "value": {"user_id_update": [*entries]}}:
            return tuple(
                change
                for told in entries
                if isinstance(told, Mapping)
                for change in _changes({}, told, number=False)
            )
    return ()


def _changes(
    item: Mapping[str, Any], told: Mapping[str, Any], *, number: bool
) -> Iterator[Changed]:
    """`number`: whether it is the number that changed; a user id changes with it."""
    both = told.get("user_id")
    pair: Mapping[str, Any] = both if isinstance(both, Mapping) else {}
    wrote = _user(item.get("from_user_id"))
    new_user = _user(both) or _user(told.get("new_user_id")) or _user(pair.get("current"))
    old_user = _user(told.get("previous_user_id")) or _user(pair.get("previous"))
    # the sender may be named by the new id or by the old one
    new_user = new_user or (wrote if old_user is not None else None)
    old_user = old_user or (wrote if wrote != new_user else None)
    old = new = None
    if number:
        old = _number(item.get("from")) or _number(told.get("customer"))
        new = _number(told.get("wa_id")) or _number(told.get("new_wa_id"))
    for before, now in ((old, new or new_user), (old_user, new_user or new)):
        if before is not None and now is not None and before != now:
            yield Changed(before, now)


def _contact(
    contacts: Sequence[Mapping[str, Any]], number: str | None, user: str | None
) -> Mapping[str, Any]:
    """What is said of the sender. A single contact is his, in whatever form it writes his number."""
    for contact in contacts:
        if user is not None and user == _user(contact.get("user_id")):
            return contact
        if number is not None and number == _number(contact.get("wa_id")):
            return contact
    return contacts[0] if len(contacts) == 1 else {}


def _word(value: object) -> str:
    """An id or a number as text, however it is written; empty for what is neither."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    return ""


def _number(value: object) -> str | None:
    found = _NUMBER.fullmatch(_word(value))
    return f"+{found[1]}" if found else None


def _user(value: object) -> str | None:
    text = _word(value)
    return text if _USER.fullmatch(text) else None
