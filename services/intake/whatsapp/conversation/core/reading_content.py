"""What a message holds, by its type. Pure; nothing here raises.

A type that says nothing that we could use, or lacks what it lives by, is "other", with the words that are
in it. So a "text" always has words, a "choice" its id, a "media" its file, a "reaction", an "edited" and a
"revoked" the message that they are about. `context` (what it replies to) is read by the caller; `referral`
(an advertisement that led here) says nothing that the citizen said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.intake.whatsapp.conversation.core.inbound import Location, Media, MediaKind, Sort
from services.intake.whatsapp.conversation.core.reading_fields import id_of, object_of
from services.kernel.domain.media import is_provider_id
from services.kernel.domain.whatsapp_people import number_of, tapped_of, word, words_of

MOST_CHOICE = 256
"""Characters of an id of ours, on a button."""
_MIME = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")
_DIGEST = re.compile(r"[A-Za-z0-9+/_-]{1,86}={0,2}")


@dataclass(frozen=True)
class Content:
    """The fields of `Inbound` that depend on the type."""

    sort: Sort
    text: str = field(default="", repr=False)
    choice: str = ""
    media: Media | None = None
    location: Location | None = None
    about: str | None = None


_NOTHING = Content("other")


def content_of(item: Mapping[str, Any]) -> Content:
    """By `type`; one that nobody knows yet is "other"."""
    kind = item.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    return reader(item) if reader is not None else _NOTHING


def _text(item: Mapping[str, Any]) -> Content:
    return _words(words_of(object_of(item, "text").get("body")))


def _words(text: str) -> Content:
    return Content("text", text) if text else _NOTHING


def _tapped(item: Mapping[str, Any]) -> Content:
    """A quick reply under a template of ours, a button, a row. What has a title but no id is as if it were
    typed. The answer of a form is none: we send no forms."""
    id_, title = tapped_of(item)
    return Content("choice", title, choice=id_[:MOST_CHOICE]) if id_ else _words(title)


def _media(kind: MediaKind, name: str = "", *, voice: bool = False) -> Callable[..., Content]:
    def read(item: Mapping[str, Any]) -> Content:
        told = object_of(item, name or kind)
        caption = words_of(told.get("caption"))
        id_ = word(told.get("id"))
        if not is_provider_id(id_):
            return _words(caption)  # the file is lost, his words are not
        media = Media(
            id=id_,
            kind=kind,
            mime=_matching(_MIME, words_of(told.get("mime_type")).partition(";")[0].strip().lower()),
            sha256=_matching(_DIGEST, word(told.get("sha256"))),
            voice=voice or told.get("voice") is True,
        )
        return Content("media", caption, media=media)

    return read


def _matching(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""


def _location(item: Mapping[str, Any]) -> Content:
    told = object_of(item, "location")
    name, address = words_of(told.get("name")), words_of(told.get("address"))
    words = address if name in address else ", ".join(part for part in (name, address) if part)
    lat, lng = _degrees(told.get("latitude"), 90), _degrees(told.get("longitude"), 180)
    if lat is None or lng is None:
        return _words(words)  # a place by its name alone
    return Content("location", location=Location(lat, lng, words))


def _degrees(value: object, most: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # false for what is no number at all (NaN), and before a huge one is made a float
    return float(value) if -most <= value <= most else None


def _contacts(item: Mapping[str, Any]) -> Content:
    """Visiting cards: the first number on them, as exactly as it is told."""
    cards = item.get("contacts")
    for card in cards if isinstance(cards, list | tuple) else ():
        phones = card.get("phones") if isinstance(card, Mapping) else None
        for phone in phones if isinstance(phones, list | tuple) else ():
            if isinstance(phone, Mapping):
                number = number_of(phone.get("wa_id")) or words_of(word(phone.get("phone")))
                if number:
                    return Content("contact", number)
    return Content("contact")


def _reaction(item: Mapping[str, Any]) -> Content:
    told = object_of(item, "reaction")
    about = id_of(told.get("message_id"))
    return Content("reaction", words_of(told.get("emoji")), about=about) if about else _NOTHING


def _edit(item: Mapping[str, Any]) -> Content:
    """`edit: {original_message_id, message: {type, <type>: …}}`, to businesses that also use the phone app;
    to others an edit comes as "unsupported". The form is young, so its likely other spellings are taken too:
    another name of the id, the new text without a message around it, a message without its type."""
    told = object_of(item, "edit")
    about = _original(told)
    now = object_of(told, "message") or told
    kind = now.get("type")
    names = [kind] if isinstance(kind, str) else [name for name, value in now.items() if value]
    found = (object_of(now, name) for name in names if isinstance(name, str))
    said = (words_of(one.get("body")) or words_of(one.get("caption")) for one in found)
    text = next((words for words in said if words), "")
    return Content("edited", text, about=about) if about else Content("other", text)


def _revoke(item: Mapping[str, Any]) -> Content:
    """`revoke: {original_message_id}`; see `_edit`."""
    about = _original(object_of(item, "revoke"))
    return Content("revoked", about=about) if about else _NOTHING


def _original(told: Mapping[str, Any]) -> str | None:
    names = ("original_message_id", "message_id", "id")
    return next((found for name in names if (found := id_of(told.get(name)))), None)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Content]] = {
    "text": _text,
    "button": _tapped,
    "interactive": _tapped,
    "image": _media("image"),
    "audio": _media("audio"),
    "voice": _media("audio", "voice", voice=True),
    "video": _media("video"),
    "document": _media("document"),
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
}
"""Missing on purpose: sticker, order, system, unsupported, unknown."""
