"""What the e-mails with tables are filled with. Texts are in the reader's language, as they are shown."""

from __future__ import annotations

from pydantic import (
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from services.kernel.contracts.base import Model

_ADDRESS = TypeAdapter(HttpUrl)


class CaseRow(Model):
    """A case. `due`: local date and time; `overdue_by`: a length of time, empty where it is in time."""

    ticket: str = Field(min_length=1)
    service: str
    due: str
    state: str
    overdue_by: str


class DepartmentRow(Model):
    name: str = Field(min_length=1)
    open: int = Field(ge=0)
    overdue: int = Field(ge=0)
    due_today: int = Field(ge=0)


class Totals(Model):
    """Numbers of cases in the district, in the order in which they are shown."""

    open: int = Field(ge=0)
    overdue: int = Field(ge=0)
    due_today: int = Field(ge=0)
    filed_yesterday: int = Field(ge=0)
    closed_yesterday: int = Field(ge=0)
    breached_yesterday: int = Field(ge=0)


class Digest(Model):
    """`date` as DD-MM-YYYY; `desk` is the address of the desk."""

    district: str = Field(min_length=1)
    date: str = Field(pattern=r"^[0-9]{2}-[0-9]{2}-[0-9]{4}$")
    desk: str

    @field_validator("desk")
    @classmethod
    def _leads_to_a_page(cls, value: str) -> str:
        try:
            _ADDRESS.validate_python(value)
        except ValidationError:
            raise ValueError("must be an http(s) address") from None
        return value


class OfficerDigest(Digest):
    """An officer's cases. The counts are of all, also of those that are not listed."""

    officer: str = Field(min_length=1)
    overdue: tuple[CaseRow, ...]
    overdue_count: int = Field(ge=0)
    due_today: tuple[CaseRow, ...]
    due_today_count: int = Field(ge=0)

    @field_validator("overdue_count", "due_today_count")
    @classmethod
    def _counts_what_is_listed(cls, value: int, info: ValidationInfo) -> int:
        if value < len(info.data.get((info.field_name or "").removesuffix("_count"), ())):
            raise ValueError("must not be less than are listed")
        return value

    @property
    def overdue_more(self) -> int:
        return self.overdue_count - len(self.overdue)

    @property
    def due_today_more(self) -> int:
        return self.due_today_count - len(self.due_today)


class CollectorDigest(Digest):
    """The district's cases. `longest_overdue`: the first of those whose limit is over, by deadline."""

    totals: Totals
    departments: tuple[DepartmentRow, ...]
    longest_overdue: tuple[CaseRow, ...]


TABLES: dict[str, type[Digest]] = {
    "digest_officer": OfficerDigest,
    "digest_collector": CollectorDigest,
}
"""The templates whose e-mails hold tables."""
