"""What a citizen sent, as the conversation reads it: the provider's shapes are left behind. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from services.kernel.domain.media import MediaKind as MediaKind

Sort = Literal[
    "text",  # words, typed
    "choice",  # a button or a row of a list was tapped
    "media",  # a photo, a voice note, a video or a document, perhaps with a caption
    "location",
    "contact",  # a visiting card: the first number on it is in `text`
    "reaction",  # an emoji put to a message of ours (`about`); empty `text`: taken back
    "edited",  # the message `about` now says `text`
    "revoked",  # the message `about` was taken back
    "changed",  # the person has another number or user id now (`now_number`, `now_user`)
    "other",  # a sticker, an order, what the provider itself cannot show, and what nobody knows yet
]


@dataclass(frozen=True)
class Media:
    """A file with the provider. `id` is the provider's, good for seven days; `sha256` as it tells it
    (base64), "" where it does not; `mime` without parameters."""

    id: str
    kind: MediaKind
    mime: str = ""
    sha256: str = ""
    voice: bool = False


@dataclass(frozen=True)
class Location:
    """A pin. `words`: the name and address that came with it."""

    lat: float
    lng: float
    words: str = field(default="", repr=False)


@dataclass(frozen=True)
class Person:
    """Who wrote. `number` in E.164 or None, `user` the user id or None: at least one of the two is known.
    `profile`: how he calls himself."""

    number: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    profile: str = field(default="", repr=False)


@dataclass(frozen=True)
class Inbound:
    """One message. `id`: the provider's, never empty. `at`: when we received it; `written_at`: when it was
    written, by the provider, never later than `at`.

    `text`: the words, the caption, or the title of what was tapped; `choice`: the id of what was tapped;
    `replies_to`: the id of the message that it answers; `about`: of the one that it edits, revokes or reacts
    to."""

    id: str
    at: datetime
    written_at: datetime
    sort: Sort
    person: Person
    text: str = field(default="", repr=False)
    choice: str = ""
    media: Media | None = None
    location: Location | None = None
    replies_to: str | None = None
    about: str | None = None
    now_number: str | None = field(default=None, repr=False)
    now_user: str | None = field(default=None, repr=False)
