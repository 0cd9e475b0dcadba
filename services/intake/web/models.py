"""What the JSON API takes and answers. The names here are the API's; strict: nothing is converted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.kernel.domain.filing import (
    MOST_LANDMARK,
    MOST_NAME,
    MOST_PLACE,
    MOST_TEXT,
    Application,
    Fault,
    Faulty,
)

MOST_FIELD = 100
"""Characters of a field's name that are told back."""
NO_NUL = r"^[^\x00]*$"
SAYS_SOMETHING = r"^[^\x00]*[^\s\x00-\x1f\x7f-\x9f][^\x00]*$"
"""As near as a pattern comes to it: joiners and marks alone say nothing either."""


def _text(most: int, about: str, **more: Any) -> Any:
    # documented here, checked by the core after trimming, for every intake alike
    documented = {"maxLength": most, "pattern": NO_NUL, **more}
    return Field(default=None, description=about, json_schema_extra=documented)


class _In(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PlaceIn(_In):
    """Where it is. A village that is not of the directory is kept in the citizen's words."""

    block: str | None = _text(MOST_PLACE, "Id or name of a development block of the district.")
    village: str | None = _text(MOST_PLACE, "Id or name of a village or town.")
    landmark: str | None = _text(MOST_LANDMARK, "What it is near to.")
    lat: Annotated[float, Field(ge=-90, le=90)] | None = Field(
        default=None, description="Degrees north, WGS 84; only together with lng."
    )
    lng: Annotated[float, Field(ge=-180, le=180)] | None = Field(
        default=None, description="Degrees east, WGS 84; only together with lat."
    )


class CitizenIn(_In):
    """Whose case it is. Both may be missing: a case needs no phone and no name."""

    name: str | None = _text(MOST_NAME, "As the citizen writes it.")
    phone: str | None = _text(
        MOST_NAME, "An Indian number, or another country's with its +.", examples=["9876543210"]
    )


class CaseIn(_In):
    """A complaint, suggestion or demand."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "complaint",
                    "text": "हैंडपंप तीन दिन से खराब है",
                    "place": {"block": "akaltara", "village": "Tarod", "landmark": "स्कूल के पास"},
                    "citizen": {"name": "रामकली", "phone": "9876543210"},
                }
            ]
        }
    )

    kind: Literal["complaint", "suggestion", "demand"]
    text: str = Field(
        description="What happened, in the citizen's own words; counted after trimming.",
        json_schema_extra={"minLength": 1, "maxLength": MOST_TEXT, "pattern": SAYS_SOMETHING},
    )
    service: str | None = _text(MOST_NAME, "Id of a service of the district's directory.")
    district: str | None = _text(
        MOST_NAME, "Id of the district; the installation's own by default."
    )
    place: PlaceIn | None = None
    citizen: CitizenIn | None = None
    on_behalf_of: str | None = _text(
        MOST_NAME, "Whose trouble it is, when filed for another person."
    )
    confidential: bool | None = Field(
        default=None, description="Only the person who works it and his superiors are to see it."
    )
    named_official: str | None = _text(
        MOST_NAME, "Id of the official whom it is about; he and his office do not receive it."
    )
    language: Literal["hi", "en"] | None = Field(
        default=None, description="Of answers; hi by default."
    )


class EmergencyOut(BaseModel):
    """Told at once when the words tell of danger to life."""

    number: str
    control_room: str
    text: str


class Accepted(BaseModel):
    """A receipt is stored. `number` is the ticket as it is written to people."""

    ticket: str = Field(examples=["2600104237"])
    number: str = Field(examples=["JC-2600104237"])
    kind: str
    received_at: datetime
    status_url: str
    emergency: EmergencyOut | None = None


class FaultOut(BaseModel):
    """One wrong field. `allowed` lists what would be taken, where that is a list."""

    field: str
    reason: str
    code: str | None = None
    allowed: list[str] | None = None


class ErrorOut(BaseModel):
    """`code` is stable; `field` and `reason` are the first fault's, `faults` are all of them."""

    code: str
    reason: str
    field: str | None = None
    allowed: list[str] | None = None
    faults: list[FaultOut] | None = None
    retry_after: int | None = Field(default=None, description="Seconds.")


class Problem(BaseModel):
    """Every answer of 400 and above."""

    error: ErrorOut


class Named(BaseModel):
    """A thing of the directory with its name in the language asked for."""

    id: str
    name: str


class LineOut(BaseModel):
    """A step of the case's way, in plain words. `note`: what was written for the citizen."""

    at: datetime
    text: str
    note: str | None = None


class StatusOut(BaseModel):
    """Where a case stands, for the one who has its link. `state` is `received` before it is routed."""

    ticket: str
    number: str
    kind: str
    state: str
    state_text: str
    filed_at: datetime
    service: Named | None = None
    block: Named | None = None
    village: str | None = None
    deadline: datetime | None = None
    overdue: bool = False
    paused: bool = Field(
        default=False, description="The time limit stands still until the citizen has answered."
    )
    closes_at: datetime | None = Field(
        default=None, description="When it counts as settled, if the citizen says nothing."
    )
    question: str | None = Field(default=None, description="What the citizen is asked just now.")
    history: list[LineOut] = []


def read_case(value: dict[str, Any], default_district: str) -> Application:
    """The application that a request's JSON says. Raises Faulty with every fault of form."""
    try:
        given = CaseIn.model_validate(value)
    except ValidationError as error:
        raise Faulty(_fault(dict(fault)) for fault in error.errors(include_input=False)) from None
    place = given.place or PlaceIn()
    citizen = given.citizen or CitizenIn()
    return Application(
        district=given.district or default_district,
        kind=given.kind,
        text=given.text,
        language=given.language or "hi",
        service=given.service,
        block=place.block,
        village=place.village,
        landmark=place.landmark,
        lat=place.lat,
        lng=place.lng,
        name=citizen.name,
        phone=citizen.phone,
        on_behalf_of=given.on_behalf_of,
        confidential=bool(given.confidential),
        named_official=given.named_official,
    )


_CODES = {"missing": "missing", "extra_forbidden": "unknown_field", "literal_error": "not_allowed"}


def _fault(fault: dict[str, Any]) -> Fault:
    field = ".".join(str(part) for part in fault["loc"])[:MOST_FIELD] or "body"
    if fault["type"] == "extra_forbidden":
        return Fault(field, "unknown_field", "there is no such field")
    # pydantic's message says what is wanted and, without the input, nothing of what was given
    return Fault(field, _CODES.get(fault["type"], "invalid"), fault["msg"])
