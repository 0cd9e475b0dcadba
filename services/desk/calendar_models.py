"""The shapes of a holiday's preview, for the OpenAPI description. What is sent is made in
`kernel/adapters/recalculation_preview.py`, what comes in is checked in `core/holidays.py`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from services.desk.core import holidays
from services.desk.models import Shape

_NAME = {
    "type": "string",
    "minLength": 1,
    "maxLength": holidays.LONGEST_NAME,
    "pattern": f"^{holidays.NAME}$",
}


class OfCase(Shape):
    ticket: str
    number: str = Field(description="The ticket with the district's letters, as people write it.")


class MoveShape(OfCase):
    """Null: it was, or will be, no limit. Of a paused limit: the latest that it can become."""

    service: str | None
    target: Literal["acknowledge", "first_response", "resolve", "lapse"] = Field(
        description="`lapse`: when a resolved case counts as settled, if the citizen says nothing."
    )
    from_: AwareDatetime | None = Field(alias="from")
    to: AwareDatetime | None
    due_at_once: bool = Field(description="Its new instant is past: it would be told at once.")


class StayShape(OfCase):
    service: str | None
    target: Literal["acknowledge", "first_response", "resolve"]
    breached_at: AwareDatetime
    would_be: AwareDatetime | None = Field(description="When the limit would have been used up.")


class StuckShape(OfCase):
    reason: str


class CalendarPreview(Shape):
    """Numbers of cases count all that you may see; each list has the nearest 500."""

    district: str
    at: AwareDatetime
    changed: list[str] = Field(description="What clocks count by that would differ.")
    clocks: int
    moving: int
    at_once: int = Field(description="Of those moving, the ones with a limit that would be past.")
    keeping: int = Field(description="Cases with a recorded breach that stays.")
    stuck: int
    furthest_seconds: int = Field(description="How far a limit moves at most.")
    moves: list[MoveShape] = Field(description="By the new instant.")
    staying: list[StayShape]
    unmovable: list[StuckShape]
    truncated: bool = Field(description="A list is longer than what is listed.")


def request() -> dict[str, Any]:
    """The body as JSON Schema."""
    holiday = {
        "type": "object",
        "properties": {
            "calendar": {
                "type": "string",
                "pattern": "^[a-z0-9][a-z0-9-]{0,63}$",
                "description": "An id of the directory's calendars.",
            },
            "day": {
                "type": "string",
                "pattern": f"^{holidays.DAY}$",
                "description": "A day in the calendar's zone that is no holiday of it yet.",
            },
            "name": {
                "type": "object",
                "properties": {"hi": _NAME, "en": _NAME},
                "required": ["hi", "en"],
                "additionalProperties": False,
            },
        },
        "required": ["calendar", "day", "name"],
        "additionalProperties": False,
    }
    return {
        "title": "DeclaredHolidays",
        "type": "object",
        "properties": {
            "holidays": {
                "type": "array", "minItems": 1, "maxItems": holidays.MOST, "items": holiday
            }
        },
        "required": ["holidays"],
        "additionalProperties": False,
    }
