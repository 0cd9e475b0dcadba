"""The shapes of the answers, for the OpenAPI description. What is sent is made in `core/view.py`."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

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
    data: dict[str, Any]


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
    held_since: AwareDatetime | None
    targets: dict[str, TargetShape]


class CaseWhole(CaseShort):
    place: PlaceWhole
    language: str
    text: str | None
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
    """More fields by code: a conflict has action, state, version and allowed."""

    code: str
    reason: str
    field: str | None = None


class Problem(BaseModel):
    error: Fault


class ActRequest(Shape):
    """An action with its own fields at top level. Ids are those of the newest directory."""

    action: str = Field(json_schema_extra={"enum": list(ACTIONS)})
    expected_version: int = Field(ge=0)
    note: str | None = Field(None, max_length=4000)
    public: bool | None = Field(None, description="Whether the citizen is to read the note.")
    officer: str | None = Field(None, description="assign, transfer, reopen")
    office: str | None = Field(None, description="assign, transfer, reopen")
    department: str | None = Field(None, description="assign, transfer, reopen")
    service: str | None = Field(
        None,
        description="assign, transfer, reopen: goes along, a service of the department that gets it; "
        "change_service: another service of the same department",
    )
    priority: str | None = Field(None, description="change_service")
    outcome: str | None = Field(None, description="resolve; end_feedback: reached, unreached")
    reason: str | None = Field(
        None,
        description="propose_rejection",
        json_schema_extra={"enum": [*REJECTION_REASONS, None]},
    )
    media: list[str] | None = Field(None, max_length=10, description="attach; or words in note")
    rating: int | None = Field(None, ge=1, le=5, description="rate")
