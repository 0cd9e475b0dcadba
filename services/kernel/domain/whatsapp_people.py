"""Who wrote by WhatsApp, when, and in what words; and who has another number or user id now. Pure.

Every service that hears what came by WhatsApp reads it here, so that all of them hear the same person say the
same at the same time. Made for what strangers may send: nothing here raises, and a field of another type than
the documented one counts as not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MOST_WORDS = 8_000
"""Characters of what somebody wrote. The provider lets 4096 through; what is longer is cut."""
_NUMBER = re.compile(r"\+?([1-9][0-9]{7,14})")
_USER = re.compile(r"[A-Za-z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
"""Country, a dot, letters and digits; with ENT between them it is one of several businesses together."""
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER_CHANGES = frozenset({"user_changed_number", "customer_changed_number"})
_USER_CHANGES = frozenset({"user_changed_user_id", "user_id_update"})


@dataclass(frozen=True)
class Sender:
    """Who wrote: `number` in E.164, `user` his user id; either may be None."""

    number: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)

    @property
    def addresses(self) -> tuple[str, ...]:
        """By which he is reached, the one that is used first; none of who cannot be told."""
        return tuple(one for one in (self.number, self.user) if one is not None)


@dataclass(frozen=True)
class Move:
    """Who was reached at `old` is reached at `new` now."""

    old: str = field(repr=False)
    new: str = field(repr=False)


@dataclass(frozen=True)
class Change:
    """Who was `was` has another number or user id, told at `at`.

    `number` and `user`: what is new, None where it is as it was, or not told; one of them is told. `moves`:
    each address that is his no more. Of a user id that somebody has got beside his number there is none.
    """

    was: Sender
    at: datetime
    number: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    moves: tuple[Move, ...] = ()


# ------------------------------------------------------------------- who


def sender_of(item: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]] = ()) -> Sender:
    """Of one entry of a webhook's `messages`; `contacts` is what its body says of people. What the provider
    itself tells of somebody (`system`) was written by nobody."""
    if item.get("type") == "system":
        return Sender()
    named = _named(item)
    contact = contact_of(item, contacts)
    return Sender(
        named.number or number_of(contact.get("wa_id")),
        named.user or user_of(contact.get("user_id")) or user_of(contact.get("wa_id")),
    )


def contact_of(item: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What is said of the sender, {} for nothing. A single contact is his, in whatever form it writes his
    number."""
    named = _named(item)
    known = [contact for contact in contacts if isinstance(contact, Mapping)]
    for contact in known:
        if named.user is not None and named.user == user_of(contact.get("user_id")):
            return contact
        if named.number is not None and named.number == number_of(contact.get("wa_id")):
            return contact
    return known[0] if len(known) == 1 else {}


def _named(item: Mapping[str, Any]) -> Sender:
    # who shows no number may come with his user id in the number's place
    user = user_of(item.get("from_user_id")) or user_of(item.get("from"))
    return Sender(number_of(item.get("from")), user)


# ------------------------------------------------------------------- when


def written_at(item: Mapping[str, Any], at: datetime) -> datetime:
    """When it was written, by the provider, never later than we received it (`at`): what it sends again later
    opens no window anew."""
    text = word(item.get("timestamp"))
    if text.isascii() and text.isdigit() and len(text) < 12:
        return min(at, datetime.fromtimestamp(int(text), UTC))
    return at


# ------------------------------------------------------------------- in what words


def typed_text(item: Mapping[str, Any]) -> str:
    """What may be a wish for no more messages (`choices.py`): what was typed, or the title of what was
    tapped; "" for all else.

    Not what stands beside something (a caption, the name of a pin) or corrects something (an edit): "stopped"
    under a photo of a pump is about the pump, even where the photo was lost.
    """
    match item:
        case {"type": "text", "text": {"body": body}}:
            return words_of(body)
    return tapped_of(item)[1]


def tapped_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """Id and title of what was tapped: a quick reply under a template, a button or a row of a list; each ""
    where it is not told. The answer of a form (nfm_reply) is none."""
    match item:
        case {"type": "button", "button": Mapping() as reply}:
            return words_of(word(reply.get("payload"))), words_of(reply.get("text"))
        case {"type": "interactive", "interactive": Mapping() as holder}:
            for name in ("button_reply", "list_reply"):
                told = holder.get(name)
                if isinstance(told, Mapping) and told:
                    return words_of(word(told.get("id"))), words_of(told.get("title"))
    return "", ""


# ------------------------------------------------------------------- who he is now


def changes_of(item: Mapping[str, Any], at: datetime) -> tuple[Change, ...]:
    """What a message, or a change of the webhook, received at `at`, tells of other numbers or user ids, in
    the forms that it had over the years:

    - system messages `user_changed_number` and `user_changed_user_id`, with the new `wa_id`, `user_id` and
      the `previous_user_id`; before that `customer_changed_number` with `new_wa_id` and `customer`;
    - `user_id_update`, withdrawn in 2026: a list under a change's field of that name, whose `user_id` holds
      `previous` and `current`.

    Nothing where nothing is new, or nobody can be told whose it is.
    """
    match item:
        case {"type": "system", "system": {"type": str(kind)} as told}:
            if kind in _NUMBER_CHANGES or kind in _USER_CHANGES:
                wrote = Sender(number_of(item.get("from")), user_of(item.get("from_user_id")))
                of_number = kind in _NUMBER_CHANGES
                return tuple(_changes(wrote, told, written_at(item, at), of_number=of_number))
        case {"field": "user_id_update", "value": {"user_id_update": [*entries]}}:
            return tuple(
                change
                for told in entries
                if isinstance(told, Mapping)
                for change in _changes(
                    Sender(number_of(told.get("wa_id"))),
                    told,
                    written_at(told, at),
                    of_number=False,
                )
            )
    return ()


def _changes(
    wrote: Sender, told: Mapping[str, Any], at: datetime, *, of_number: bool
) -> Iterator[Change]:
    """One or none. `of_number`: whether it is the number that changed; a user id changes with it."""
    both = told.get("user_id")
    pair: Mapping[str, Any] = both if isinstance(both, Mapping) else {}
    user = user_of(both) or user_of(told.get("new_user_id")) or user_of(pair.get("current"))
    old_user = user_of(told.get("previous_user_id")) or user_of(pair.get("previous"))
    # the sender may be named by the new id or by the old one
    user = user or (wrote.user if old_user is not None else None)
    old_user = old_user or (wrote.user if wrote.user != user else None)
    old = wrote.number or number_of(told.get("customer"))
    number = number_of(told.get("wa_id")) or number_of(told.get("new_wa_id"))
    if not of_number:
        number = None
    was = Sender(old, old_user)
    new_number, new_user = _unless(number, old), _unless(user, old_user)
    if was.addresses and (new_number or new_user):
        ways = [(old, number or user)] if of_number else []
        ways.append((old_user, user or number))
        moves = (Move(a, b) for a, b in ways if a is not None and b is not None and a != b)
        yield Change(was, at, new_number, new_user, tuple(moves))


def _unless(new: str | None, old: str | None) -> str | None:
    return new if new != old else None


# ------------------------------------------------------------------- single fields


def word(value: object) -> str:
    """An id or a number as text, however it is written; "" for what is neither."""
    if isinstance(value, str):
        return value
    # of thousands of digits there is no text
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    return ""


def number_of(value: object) -> str | None:
    """E.164 of a number in international form, with or without its +."""
    found = _NUMBER.fullmatch(word(value))
    return f"+{found[1]}" if found else None


def user_of(value: object) -> str | None:
    """The id of a person who need not show a number (`IN.13491208655302741918`)."""
    text = word(value)
    return text if _USER.fullmatch(text) else None


def words_of(value: object) -> str:
    """What somebody wrote: trimmed, cut, and with what no store takes replaced."""
    if not isinstance(value, str):
        return ""
    return _UNKEEPABLE.sub("\ufffd", value[: 2 * MOST_WORDS].strip()[:MOST_WORDS]).strip()
