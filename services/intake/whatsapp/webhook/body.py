"""A webhook's body, taken apart: every message and every status, as the provider sent it. Pure.

The provider adds types, fields and shapes at any time, and sends what was refused again for days, together
with all that came with it. So nothing is refused here for its shape: what is neither a message nor a status
is kept as what it is, what cannot be kept is counted, and the rest goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from services.kernel.adapters.http import Malformed
from services.kernel.domain.whatsapp_people import word

Kind = Literal["message", "status", "other"]
DEEPEST = 40
"""Levels of a body that are kept, far more than any documented shape has; null stands for what lies deeper.
The store takes 100, a reader of JSON 200 at most."""
MESSAGES = "messages"
"""The change field under which messages and statuses come."""
_LONG = re.compile(rb"[0-9]{19}")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_SHARED = frozenset({"messaging_product", "metadata", "contacts"})
_LIST_OF: Mapping[str, Kind] = {"messages": "message", "statuses": "status"}
_PEOPLE: Mapping[Kind, tuple[str, str]] = {
    "message": ("from", "from_user_id"),
    "status": ("recipient_id", "recipient_user_id"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One message or status, or what of a change is neither (`item` is then a change: field and value).

    `number`: the id of the business number, empty where none is told. `contacts`: what the body says of the
    person at the other end.
    """

    kind: Kind
    number: str
    item: dict[str, Any] = field(repr=False)
    contacts: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @property
    def wamid(self) -> str:
        """The provider's id; empty where there is none."""
        return word(self.item.get("id"))

    @property
    def people(self) -> tuple[str, str]:
        """Number, without +, and user id of who sent it, or of a status of who was sent it; either may be
        empty."""
        number, user = _PEOPLE.get(self.kind, ("", ""))
        return word(self.item.get(number)), word(self.item.get(user))


@dataclass(frozen=True, slots=True)
class Taken:
    """`ignored`: parts of the body in which nothing could be found."""

    pieces: tuple[Piece, ...]
    ignored: int


def read(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body, with what no store takes replaced: NUL and unpaired surrogates by U+FFFD,
    numbers beyond 64 bits by their digits as text, levels beyond DEEPEST by null. Raises Malformed."""
    sound = _sound(raw)
    if sound is not None:
        return sound
    try:
        value = json.loads(
            raw.decode(), parse_int=_whole, parse_float=_fraction, parse_constant=_no_number
        )
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at position {error.start}", field="body") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg} at position {error.pos}", field="body") from None
    except RecursionError:
        raise Malformed("not JSON: nested too deep to be read", field="body") from None
    if not isinstance(value, dict):
        raise Malformed("the body must be a JSON object", field="body")
    kept: dict[str, Any] = _kept(value, 1)
    return kept


def _sound(raw: bytes) -> dict[str, Any] | None:
    """The object of a body in which nothing has to be replaced, as nearly all are; None where it might."""
    if b"\\u0000" in raw or _LONG.search(raw) is not None:
        return None
    try:
        value = orjson.loads(raw)  # which refuses unpaired surrogates, infinity and NaN
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    brackets = raw.count(b"{") + raw.count(b"[")
    return value if brackets <= DEEPEST or not _is_deep(value, 1) else None


def _is_deep(value: Any, level: int) -> bool:
    """Whether there is more in it than DEEPEST levels."""
    if isinstance(value, dict):
        inner: Any = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return level > DEEPEST or any(_is_deep(one, level + 1) for one in inner)


def take_apart(body: Mapping[str, Any]) -> Taken:
    """All that a body holds, in its order; nothing is ever refused."""
    search = _Search()
    pieces = tuple(
        piece
        for entry in search.objects(body, "entry")
        for change in search.objects(entry, "changes")
        for piece in search.pieces(change)
    )
    nothing = not pieces and not search.ignored
    return Taken(pieces, search.ignored + nothing)


class _Search:
    """Looks through one body and counts what is not of the shape that it would have to be."""

    def __init__(self) -> None:
        self.ignored = 0

    def objects(self, holder: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
        """The objects of the list `name`, where there is one."""
        found = holder.get(name)
        if found is not None and not isinstance(found, list):
            self.ignored += 1
            return
        for one in found or ():
            if isinstance(one, dict):
                yield one
            else:
                self.ignored += 1

    def pieces(self, change: dict[str, Any]) -> Iterator[Piece]:
        value = change.get("value")
        number = _number(value)
        if change.get("field") != MESSAGES or not isinstance(value, dict):
            yield Piece("other", number, change)
            return
        contacts = tuple(self.objects(value, "contacts"))
        found = [
            Piece(kind, number, item)
            for name, kind in _LIST_OF.items()
            for item in self.objects(value, name)
        ]
        by_name: dict[str, list[dict[str, Any]]] = {}
        for contact in contacts:
            for name in {word(contact.get("wa_id")), word(contact.get("user_id"))} - {""}:
                by_name.setdefault(name, []).append(contact)
        for piece in found:
            told = _about(piece, contacts, by_name, alone=len(found) == 1)
            yield Piece(piece.kind, number, piece.item, told)
        rest = {k: v for k, v in value.items() if k not in _SHARED and k not in _LIST_OF}
        if rest:  # errors, and whatever comes to be told beside messages and statuses
            yield Piece("other", number, {"field": MESSAGES, "value": rest})


def _about(
    piece: Piece,
    contacts: tuple[dict[str, Any], ...],
    by_name: Mapping[str, Sequence[dict[str, Any]]],
    *,
    alone: bool,
) -> tuple[dict[str, Any], ...]:
    """What is said of this piece's person, and of nobody else. The number of a contact may be written
    otherwise than the sender's (old and new forms), so a single one belongs to a single piece."""
    if alone and len(contacts) == 1:
        return contacts
    his = [one for name in piece.people if name for one in by_name.get(name, ())]
    return tuple({id(one): one for one in his}.values())


def _number(value: object) -> str:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return word(metadata.get("phone_number_id")) if isinstance(metadata, dict) else ""


def _kept(value: Any, level: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (dict, list)) and level > DEEPEST:
        return None
    if isinstance(value, dict):
        return {_text(name): _kept(inner, level + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_kept(inner, level + 1) for inner in value]
    return value


def _text(text: str) -> str:
    return _UNKEEPABLE.sub(_REPLACEMENT, text)


def _whole(digits: str) -> int | str:
    if len(digits) > 20:
        return digits
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else digits


def _fraction(digits: str) -> float | str:
    number = float(digits)
    return digits if number in (float("inf"), float("-inf")) else number


def _no_number(name: str) -> None:
    raise Malformed(f"not JSON: {name} is no number", field="body")
