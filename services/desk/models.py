"""The shapes of answers and of an act, for the OpenAPI description. What is sent is made in `core/view.py`,
what comes in is checked in `core/acts.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.desk.core import acts
from services.kernel.domain.directory import PRIORITIES
from services.kernel.domain.lifecycle import ACTIONS, REJECTION_REASONS


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Name(Shape):
    hi: str
    en: str


class Names(Shape):
    """Names of the ids, in both languages."""

    service: Name | None
    department: Name | None
    office: Name | None
    officer: Name | None
    block: Name | None
    village: Name | None


class PlaceIds(Shape):
    block: str | None
    village: str | None


class PlaceWhole(PlaceIds):
    """The citizen's own words about the place are null for those who do not need them."""

    village_text: str | None
    landmark: str | None
    lat: float | None
    lng: float | None


class CitizenShape(Shape):
    """Null and masked for those who do not work the case."""

    name: str | None
    phone: str | None
    on_behalf_of: str | None


class CaseShort(Shape):
    ticket: str
    number: str = Field(description="The ticket with the district's letters, as people write it.")
    version: int = Field(description="Send it as `expected_version` with the next act.")
    state: str
    kind: str
    channel: str
    priority: str
    service: str | None
    department: str | None
    office: str | None
    officer: str | None
    place: PlaceIds
    citizen: CitizenShape
    filed_at: AwareDatetime
    updated_at: AwareDatetime
    deadline: AwareDatetime | None
    overdue: bool
    unwritten: int | None = Field(
        description="Recordings that nobody has written down yet; null for those who do not read the "
        "citizen's words."
    )
    confidential: bool
    names: Names


class QuestionShape(Shape):
    n: int
    asked_at: AwareDatetime
    marked_at: AwareDatetime | None
    answered_at: AwareDatetime | None


class EntryShape(Shape):
    n: int
    at: AwareDatetime
    action: str
    state: str
    role: str
    person: str | None
    note: str | None
    public: bool
    data: dict[str, Any] = Field(
        description="What went with the action; `media` only for those who see the case's files."
    )


class TargetShape(Shape):
    due_at: AwareDatetime | None
    warn_at: AwareDatetime | None
    met_at: AwareDatetime | None
    warned_at: AwareDatetime | None
    breached_at: AwareDatetime | None
    working_seconds: int | None
    calendar_days: int | None


class SlaShape(Shape):
    deadline: AwareDatetime | None
    policy: str | None
    calendar: str | None
    directory_version: int | None
    paused_until: AwareDatetime | None
    lapses_at: AwareDatetime | None
    targets: dict[str, TargetShape]


class SegmentShape(Shape):
    """A stretch `[from, to)`. `by`, `why`, `question`, `how` are a pause's; `name` a holiday's."""

    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime
    kind: Literal["worked", "off_hours", "holiday", "paused"]
    seconds: float
    name: Name | None
    by: str | None
    why: str | None
    question: int | None
    how: str | None


class LimitShape(Shape):
    """Lengths in seconds of what counts: working time, or all time for a limit in calendar days. `ended`:
    the case ended before it was met."""

    target: str
    state: Literal["running", "paused", "breached", "met", "met_late", "ended"]
    allowed: float
    burnt: float
    left: float = Field(description="Negative once it is overdue.")
    working_seconds: int | None
    calendar_days: int | None
    started_at: AwareDatetime
    until: AwareDatetime = Field(description="Where the segments end.")
    due_at: AwareDatetime = Field(description="Of a paused limit the latest that it can become.")
    warn_at: AwareDatetime | None
    warned_at: AwareDatetime | None
    met_at: AwareDatetime | None
    breached_at: AwareDatetime | None = Field(
        description="The first breach on record; before `started_at` it is an earlier office's."
    )
    repeats: int = Field(description="How often the top of its ladder was told again.")
    segments: list[SegmentShape]
    sentence: Name


class Sentence(Shape):
    hi: str | None
    en: str | None


class ClockShape(Shape):
    ticket: str
    at: AwareDatetime
    state: Literal["running", "paused", "resolved", "ended", "no_clock"]
    paused: bool
    paused_until: AwareDatetime | None = Field(description="When it goes on at the latest.")
    lapses_at: AwareDatetime | None = Field(
        description="When a resolved case counts as settled, if the citizen says nothing."
    )
    policy: str | None
    calendar: str | None
    directory_version: int | None
    cycle: int | None
    targets: list[LimitShape]
    sentence: Sentence


class WordsShape(Shape):
    """What somebody wrote down of it: the note of that `entry` of the history."""

    text: str
    entry: int
    at: AwareDatetime
    role: str
    person: str | None


class FileShape(Shape):
    """Something that the citizen sent. `entry`: of the history, 0 for the filing. `state`: wanted (it is
    being fetched), kept, refused or gone (then with a `reason`), missing (nothing is known of it)."""

    id: str
    entry: int
    kind: Literal["image", "audio", "video", "document"] | None
    voice: bool
    state: Literal["wanted", "kept", "refused", "gone", "missing"]
    reason: Literal["empty", "too_large", "not_taken", "damaged", "gone"] | None
    mime: str | None
    size: int | None = Field(description="Bytes.")
    received_at: AwareDatetime | None
    path: str | None = Field(description="Where it lies, below `/api/v1`; null while it is not kept.")
    words: WordsShape | None
    unwritten: bool = Field(description="A recording of which nobody has written down what it says.")


class CaseWhole(CaseShort):
    place: PlaceWhole
    language: str
    text: str | None = Field(description="Empty where the citizen sent files alone.")
    media: list[FileShape] = Field(description="Empty for those who do not read the citizen's words.")
    cycle: int
    question: QuestionShape | None
    proposal: str | None
    rejection: str | None
    parent: str | None
    rating: int | None
    resolved_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    named_official: str | None
    dangers: list[str]
    suggested: list[str]
    erased: bool
    directory_version: int
    history: list[EntryShape]
    sla: SlaShape | None
    allowed: list[str] = Field(description="What you may do with the case now.")
    people: dict[str, Name] = Field(description="Names of the persons in the history.")


class TotalsShape(Shape):
    """Everything that matches, however long the page is."""

    all: int
    by_state: dict[str, int]
    overdue: int


class CasesPage(Shape):
    items: list[CaseShort]
    next_cursor: str | None
    totals: TotalsShape


class ActDone(Shape):
    ticket: str
    version: int
    state: str
    at: AwareDatetime
    allowed: list[str]
    repeated: bool = Field(description="The same key had brought it about before.")


class Fault(BaseModel):
    """`code` is stable. From `action` on: told with a conflict, so that the asker can go on."""

    code: str
    reason: str
    field: str | None = None
    action: str | None = None
    state: str | None = Field(None, description="The case's state as it is now.")
    version: int | None = Field(None, description="The case's version as it is now.")
    expected_version: int | None = None
    allowed: list[str] | None = Field(None, description="What the asker may do with the case now.")
    retry_after: int | None = Field(None, description="Seconds.")


class Problem(BaseModel):
    """Every answer of 400 and above."""

    error: Fault


_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
"""Control characters other than line breaks and tabs, which no note may have."""
_WORDS = rf"^[^{_CONTROL}]*$"
_SAYS_SOMETHING = rf"^[^{_CONTROL}]*[^{_CONTROL}\s][^{_CONTROL}]*$"
_ID = {"pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"}
_PUBLIC = "Whether the citizen is to read the note; by default as the action has it."

_COMMON: Mapping[str, dict[str, Any]] = {
    "expected_version": {
        "type": "integer",
        "minimum": 0,
        "maximum": acts.MOST_VERSION,
        "description": "The version of the case that was seen.",
    },
    "note": {
        "type": "string",
        "maxLength": acts.LONGEST_NOTE,
        "pattern": _WORDS,
        "description": "Words that go with it; counted after trimming.",
    },
    "public": {"type": "boolean", "description": _PUBLIC},
}
_OWN: Mapping[str, dict[str, Any]] = {
    "officer": {"type": "string", **_ID, "description": "Who is to work it."},
    "office": {"type": "string", **_ID, "description": "Where it is to be worked."},
    "department": {"type": "string", **_ID, "description": "Whose it is to be."},
    "service": {"type": "string", **_ID, "description": "Of the department that has or gets it."},
    "priority": {"type": "string", "enum": list(PRIORITIES)},
    "outcome": {"type": "string", **_ID},
    "reason": {"type": "string", "enum": list(REJECTION_REASONS)},
    "media": {
        "type": "array",
        "maxItems": acts.MOST_MEDIA,
        "items": {"type": "string", **_ID},
        "description": "Ids of files. Of a note: files of the case whose words it writes down.",
    },
    "rating": {"type": "integer", "minimum": 1, "maximum": 5},
}
"""The fields that go with some actions only. Ids are those of the newest directory."""


def act_request() -> dict[str, Any]:
    """The body of an act as JSON Schema: one shape for all actions that take the same."""
    shapes: dict[str, tuple[list[str], dict[str, Any]]] = {}
    for action in ACTIONS:
        shape = _shape(action)
        shapes.setdefault(repr(shape), ([], shape))[0].append(action)
    return {
        "title": "ActRequest",
        "description": "An action with its own fields at top level. A field that is null counts as none.",
        "oneOf": [
            {
                **shape,
                "title": ", ".join(actions),
                "properties": {
                    "action": {"type": "string", "enum": actions}, **shape["properties"]
                },
            }
            for actions, shape in shapes.values()
        ],
    }


def _shape(action: str) -> dict[str, Any]:
    """What goes with `action`, without its name."""
    own = {name: dict(_OWN[name]) for name in acts.FIELDS.get(action, ())}
    fields = {**{name: dict(about) for name, about in _COMMON.items()}, **own}
    needed = [name for name in acts.needed(action) if name in own]
    if action in acts.NEEDS_NOTE:
        fields["note"]["pattern"] = _SAYS_SOMETHING
        needed.append("note")
    if action in acts.FOR_THE_CITIZEN:
        fields["public"] = {"type": ["boolean", "null"], "enum": [True, None], "description": _PUBLIC}
    if action == "end_feedback":
        fields["outcome"] = {"type": "string", "enum": list(acts.FEEDBACK_OUTCOMES)}
    required = ["expected_version", *needed]
    for name in fields.keys() - set(required):
        fields[name] = _or_null(fields[name])
    shape: dict[str, Any] = {
        "type": "object",
        "properties": fields,
        "required": ["action", *required],
        "additionalProperties": False,
    }
    if action == "attach":
        some = {"media": {"type": "array", "minItems": 1}}
        words = {"note": {"type": "string", "pattern": _SAYS_SOMETHING}}
        shape["anyOf"] = [
            {"properties": some, "required": ["media"]},
            {"properties": words, "required": ["note"]},
        ]
    return shape


def _or_null(field: dict[str, Any]) -> dict[str, Any]:
    if isinstance(field["type"], list):
        return field
    choices = {"enum": [*field["enum"], None]} if "enum" in field else {}
    return {**field, "type": [field["type"], "null"], **choices}
