"""What the conversation knows, says and asks for: plain values. Pure.

A `Conversation` is all that is remembered of one person between two messages. A turn takes it, one inbound
message and the `World` of that moment, and gives the conversation after it, what is said, and at most one
thing to be done (`File` or `Acts`) whose outcome then makes the next turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal

from services.intake.following import Followed
from services.intake.whatsapp.conversation.core.inbound import Inbound, Media
from services.kernel.domain.choices import Choices
from services.kernel.domain.directory import District, Kind, Language
from services.kernel.domain.filing import Application, Suggest
from services.kernel.domain.media import RECORDINGS, MediaKind

Tongue = Literal["hi", "en", "hne"]
"""Hindi, English, Chhattisgarhi; the last has strings of its own where they are given, else Hindi's."""
Step = Literal["kind", "story", "service", "place", "village", "name", "phone", "confirm"]
FLOW: tuple[Step, ...] = (
    "kind", "story", "service", "place", "village", "name", "phone", "confirm"
)  # fmt: skip
"""The questions about a draft, in their order; the first that is not answered is asked."""

MOST_PARKED = 3
MOST_OFFERED = 10
MOST_REMEMBERED = 20
MOST_TOLD = 40
MOST_PENDING = 10


@dataclass(frozen=True)
class Part:
    """Words of one message, so that an edit or a revocation finds them again."""

    message: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Attachment:
    """A file that came with a message; `id` is the store's."""

    message: str
    id: str
    kind: MediaKind


def recordings(media: Iterable[Attachment]) -> tuple[str, ...]:
    """The ids of those that somebody can listen to and write down."""
    return tuple(one.id for one in media if one.kind in RECORDINGS)


@dataclass(frozen=True)
class Draft:
    """A case that is being told. `number` counts the drafts of a conversation and stands in the ids of its
    buttons. `done`: the questions that are answered, in the order in which they were: undo takes the last.
    `elsewhere`: the village that his words seemed to name is not the one; `full`: he was told that no more
    files can be kept; `card`: what `told` was on the latest card."""

    number: int
    kind: Kind = "complaint"
    parts: tuple[Part, ...] = ()
    media: tuple[Attachment, ...] = ()
    service: str | None = None
    block: str | None = None
    village: str | None = None
    village_text: str | None = field(default=None, repr=False)
    landmark: str | None = field(default=None, repr=False)
    lat: float | None = field(default=None, repr=False)
    lng: float | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    on_behalf_of: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    confidential: bool = False
    elsewhere: bool = False
    full: bool = False
    card: str = ""
    warned: bool = False
    done: tuple[Step, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts)

    @property
    def is_blank(self) -> bool:
        """Nothing was told in it yet."""
        return not self.parts and not self.media

    @property
    def messages(self) -> tuple[str, ...]:
        """In which it was told; each once."""
        said = [part.message for part in self.parts] + [one.message for one in self.media]
        return tuple(dict.fromkeys(said))

    @property
    def told(self) -> str:
        """A digest of all that a card shows but the files: those of an album may come after it."""
        shown = (
            self.kind, self.text, self.service, self.block, self.village, self.village_text, self.landmark,
            self.lat, self.lng, self.name, self.on_behalf_of, self.phone, self.confidential,
        )  # fmt: skip
        return sha256(repr(shown).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def step(self) -> Step:
        """The question that is open."""
        return next((step for step in FLOW if step not in self.done), "confirm")


@dataclass(frozen=True)
class Option:
    """Something that can be tapped, or said: by its number, by its title, or by any answer (`answers` of
    words.yaml) that is the last part of its id or in `means`."""

    id: str
    title: str
    description: str = ""
    means: tuple[str, ...] = ()


At = Literal[
    "idle",  # nothing is open
    "draft",  # a question about the draft
    "behalf",  # for whom it is filed
    "correct",  # which answer is to be changed
    "cancel",  # is the draft to be thrown away?
    "park",  # one draft is open, and another is begun
    "parked",  # is the one that was put aside to be gone on with now?
    "resume",  # he is back after a long time
    "pick",  # which of his cases
    "case",  # one case is looked at
    "answer",  # the words that answer a question
    "reason",  # why a case is opened again
    "rating",
    "withdraw",
    "add",  # more words or photos for a case
    "call",  # shall we call him?
    "call_phone",  # on which number
]


@dataclass(frozen=True)
class Conversation:
    """`at`: what is being talked about; `draft` the one in hand, `parked` others that are not filed yet.
    `ticket`: the case that is talked about; `purpose`: what a case is picked for. `pending`: messages that
    wait until it is clear what they belong to. `failures`: how often in a row the same question was not
    answered. `names`: whose name was given on this phone, the latest first. `filed`: of the latest drafts,
    the ticket that each became, by its number; `told`: the case that a message of ours, or of his, was about;
    `noticed`: the case of such a message of ours, where it came after all that was asked here. `album`: where
    the photo of his last message went, by ticket or number of a draft: those right after it go there too.
    `tokens`, `flooded`: how many messages he may still send just now; see flood.py."""

    tongue: Tongue | None = None
    at: At = "idle"
    draft: Draft | None = None
    parked: tuple[Draft, ...] = ()
    drafts: int = 0
    offered: tuple[Option, ...] = ()
    ticket: str | None = None
    purpose: str | None = None
    pending: tuple[Inbound, ...] = ()
    failures: int = 0
    names: tuple[str, ...] = field(default=(), repr=False)
    filed: tuple[tuple[int, str], ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    noticed: str | None = None
    album: str | None = None
    opted_out: bool = False
    tokens: float | None = None
    flooded: bool = False
    last_at: datetime | None = None

    @property
    def language(self) -> Language:
        return "en" if self.tongue == "en" else "hi"


class CasesWanted(Exception):
    """The turn needs the person's own cases: it is to be taken again in a world that has them."""


@dataclass(frozen=True)
class World:
    """What is so at the moment of a turn. `suggest`: services that words may be about, likeliest first.
    `known`: the person's own cases, newest first; None: not looked up. """

    directory: District
    now: datetime
    suggest: Suggest = field(repr=False)
    choices: Choices = field(repr=False)
    known: Sequence[Followed] | None = None

    @property
    def cases(self) -> Sequence[Followed]:
        """Raises CasesWanted."""
        if self.known is None:
            raise CasesWanted
        return self.known

    def case(self, ticket: str | None) -> Followed | None:
        """His case of that ticket; None where it is not his. Raises CasesWanted."""
        if ticket is None:
            return None
        return next((one for one in self.cases if one.ticket == ticket), None)


@dataclass(frozen=True)
class Fallback:
    """What is said outside the provider's 24 hours, and by SMS: a template with its values."""

    template: str
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """One message to the person: words alone, up to three buttons, or a list of up to ten rows."""

    text: str = field(repr=False)
    buttons: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, str, str], ...] = ()
    list_button: str = ""
    urgent: bool = False
    fallback: Fallback | None = None


# ------------------------------------------------------------------ what is to be done


@dataclass(frozen=True)
class File:
    """A case to be filed, with its key: the message that confirmed it."""

    draft: int
    key: str
    application: Application


@dataclass(frozen=True)
class CitizenAct:
    """An act on a case of the lifecycle's. `words`: the citizen's; `media`: ids of the store, `recordings`
    those of them that are sound or film."""

    action: str
    words: str | None = field(default=None, repr=False)
    media: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    rating: int | None = None


@dataclass(frozen=True)
class Acts:
    """Acts on one case, in their order; their cause is the message `key`."""

    ticket: str
    key: str
    acts: tuple[CitizenAct, ...]


Effect = File | Acts


@dataclass(frozen=True)
class Callback:
    """A person wants to be called. `ticket`: about which case, where it is about one."""

    key: str
    phone: str = field(repr=False)
    name: str | None = field(default=None, repr=False)
    words: str | None = field(default=None, repr=False)
    ticket: str | None = None


@dataclass(frozen=True)
class Wanted:
    """A file to be fetched from the provider and kept under `id`."""

    id: str
    media: Media


# ------------------------------------------------------------------ what came of it


@dataclass(frozen=True)
class Filed:
    """`link`: by which the citizen follows the case on the web."""

    draft: int
    ticket: str
    number: str
    link: str = field(repr=False)


@dataclass(frozen=True)
class NotFiled:
    """It cannot be filed as it is; `fields` are those of the JSON API that are wrong."""

    draft: int
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Acted:
    """All of them are done."""

    ticket: str
    acts: tuple[CitizenAct, ...]
    followed: Followed


@dataclass(frozen=True)
class NotActed:
    """`acts` were not done: the case does not allow them any more, or it is full."""

    ticket: str
    acts: tuple[CitizenAct, ...]
    followed: Followed | None


Outcome = Filed | NotFiled | Acted | NotActed


@dataclass(frozen=True)
class Turn:
    """What a step made: the conversation after it, what is said, what is to be done, what goes on beside."""

    conversation: Conversation
    replies: tuple[Reply, ...] = ()
    effect: Effect | None = None
    callbacks: tuple[Callback, ...] = ()
    wanted: tuple[Wanted, ...] = ()
