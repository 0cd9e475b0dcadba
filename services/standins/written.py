"""What `POST /api/inbound` takes: messages as tests and the phone's page tell them, or Meta's objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from services.kernel.adapters.http import check_text, check_values
from services.kernel.domain.errors import Invalid
from services.standins.content import MOST_BUTTON_ID, MOST_TEXT

Spread = Literal["one", "changes", "entries"]
MOST_IN_ONE_BODY = 1000
MOST_REPEATS = 10
CONTENTS = (
    "text", "button", "quick_reply", "row", "image", "audio", "video", "document", "sticker", "location",
    "contacts", "reaction", "edit", "revoke", "system", "unsupported",
)  # fmt: skip
"""A message holds one of them."""


def _sound(text: str) -> str:
    try:
        return check_text(text, "")
    except Invalid as error:
        raise ValueError(error.reason) from None


Text = Annotated[str, AfterValidator(_sound)]
Words = Annotated[Text, Field(min_length=1, max_length=MOST_TEXT)]
Short = Annotated[Text, Field(max_length=100)]
Id = Annotated[str, Field(pattern=r"^[!-~]{1,512}$")]
Number = Annotated[str, Field(pattern=r"^\+?[1-9][0-9]{6,14}$")]
UserId = Annotated[str, Field(pattern=r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Button(_Strict):
    """A reply button that was tapped."""

    id: Annotated[Text, Field(min_length=1, max_length=MOST_BUTTON_ID)]
    title: Annotated[Text, Field(min_length=1, max_length=MOST_TEXT)]


class Row(Button):
    """A row of a list that was chosen."""

    description: Short = ""


class QuickReply(_Strict):
    """A button under a template that was tapped."""

    payload: Annotated[Text, Field(max_length=MOST_BUTTON_ID)]
    text: Words


class Media(_Strict):
    """A file by the id of `POST /api/media`, or a sample by its name; with neither, one that nobody has.
    `mime_type` and `sha256` (base64) are told in place of the file's own; `voice`: a voice note, as audio in
    Ogg is if nothing else is said."""

    id: Id | None = None
    sample: Short | None = None
    caption: Annotated[Text, Field(max_length=MOST_TEXT)] = ""
    filename: Short = ""
    voice: bool | None = None
    mime_type: Short | None = None
    sha256: Short | None = None


class Location(_Strict):
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)
    name: Short = ""
    address: Annotated[Text, Field(max_length=300)] = ""


class Card(_Strict):
    """A visiting card."""

    name: Short
    phone: Short = ""


class Reaction(_Strict):
    """`emoji` empty: taken back."""

    message_id: Id
    emoji: Annotated[Text, Field(max_length=20)] = ""


class Edit(_Strict):
    message_id: Id
    text: Words


class Revoke(_Strict):
    message_id: Id


class Change(_Strict):
    """The person's new number, or his new user id."""

    number: Number | None = None
    user_id: UserId | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.number is None) == (self.user_id is None):
            raise ValueError("number or user_id")
        return self


class Unsupported(_Strict):
    """What the provider cannot show; `type` is what it was."""

    type: Short = "unknown"


class Written(_Strict):
    """One message, of whoever has `from`, `user_id` or both. `context`: the id of the message that it
    answers. `written_at`: when, if not now. `id`: the provider's, if it is to be this one."""

    sender: Number | None = Field(default=None, alias="from")
    user_id: UserId | None = None
    name: Short = ""
    username: Short = ""
    phone_number_id: Annotated[str, Field(pattern=r"^[0-9]{1,32}$")] | None = None
    id: Id | None = None
    context: Id | None = None
    written_at: AwareDatetime | None = None

    text: Words | None = None
    button: Button | None = None
    quick_reply: QuickReply | None = None
    row: Row | None = None
    image: Media | None = None
    audio: Media | None = None
    video: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    location: Location | None = None
    contacts: Annotated[list[Card], Field(min_length=1, max_length=20)] | None = None
    reaction: Reaction | None = None
    edit: Edit | None = None
    revoke: Revoke | None = None
    system: Change | None = None
    unsupported: Unsupported | None = None

    @property
    def contents(self) -> list[str]:
        return [name for name in CONTENTS if getattr(self, name) is not None]


class Raw(_Strict):
    """Meta's own objects, as they are to be sent: an entry of `messages` or `statuses`, and of `contacts`."""

    item: dict[str, Any]
    contact: dict[str, Any] | None = None
    field: Literal["messages", "statuses"] = "messages"
    phone_number_id: Annotated[str, Field(pattern=r"^[0-9]{1,32}$")] | None = None


class Batch(_Strict):
    """What one body holds, in its order: all in one change, in a change each or in an entry each."""

    spread: Spread = "one"
    messages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_IN_ONE_BODY)]


Sent = Written | Raw
M = TypeVar("M", bound=BaseModel)


def read_request(body: dict[str, Any]) -> tuple[list[Sent], Spread | None, int]:
    """The messages of a request, how they lie in the body (None: as it comes) and how often the body goes.
    Raises RequestValidationError and Invalid."""
    check_values(body)
    repeat = _repeat(body.pop("repeat", 1))
    if "messages" not in body:
        return [_read_one(body, ())], None, repeat
    batch = _validated(Batch, body, ())
    found = [_read_one(one, ("messages", n)) for n, one in enumerate(batch.messages)]
    return found, batch.spread, repeat


def _read_one(body: dict[str, Any], place: tuple[str | int, ...]) -> Sent:
    if "item" in body:
        return _validated(Raw, body, place)
    written = _validated(Written, body, place)
    if written.sender is None and written.user_id is None:
        raise _fault((*place, "from"), "Field required, or user_id")
    if not written.contents:
        raise _fault((*place, "text"), f"Field required, or one of {', '.join(CONTENTS[1:])}")
    if len(written.contents) > 1:
        raise _fault((*place, written.contents[1]), "a message holds one thing")
    return written


def _validated(model: type[M], body: dict[str, Any], place: tuple[str | int, ...]) -> M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError(
            [{**fault, "loc": ("body", *place, *fault["loc"])} for fault in faults]
        ) from None


def _repeat(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_REPEATS:
        return value
    raise _fault(("repeat",), f"a number from 1 to {MOST_REPEATS}")


def _fault(place: tuple[str | int, ...], reason: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", *place), "msg": reason, "type": "value_error"}])
