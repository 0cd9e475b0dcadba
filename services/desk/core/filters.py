"""What a list of cases is asked for: the parameters of a request, checked against directory and lifecycle.

An empty value counts as none, as a form sends its empty fields. A name or value that is not known is
refused with what would be taken: a mistyped filter must not silently show another list.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.desk.core.cursor import Position
from services.kernel.domain import lifecycle, phones, tickets
from services.kernel.domain.directory import KINDS, PRIORITIES, District
from services.kernel.domain.errors import Invalid

OPEN, ALL = "open", "all"
STATE_VALUES: tuple[str, ...] = (OPEN, ALL, *lifecycle.STATES)
LEAST, DEFAULT, MOST = 1, 50, 200
LONGEST_SEARCH = 200
_SHOWN = 60

NAMES: tuple[str, ...] = (
    "state",
    "department",
    "officer",
    "kind",
    "overdue",
    "unwritten",
    "q",
    "block",
    "service",
    "priority",
    "cursor",
    "limit",
)


@dataclass(frozen=True)
class Search:
    """What was typed. A number of ten digits may be both a ticket and a phone number."""

    text: str
    ticket: str | None = None
    phone: str | None = None

    @property
    def exact(self) -> bool:
        return self.ticket is not None or self.phone is not None


@dataclass(frozen=True)
class Filters:
    """Each narrows the list where it is not None. `state`: one of STATE_VALUES; None is mostly open.
    `unwritten`: whether it has a recording that nobody has written down yet."""

    state: str | None = None
    department: str | None = None
    officer: str | None = None
    kind: str | None = None
    overdue: bool | None = None
    unwritten: bool | None = None
    search: Search | None = None
    block: str | None = None
    service: str | None = None
    priority: str | None = None
    after: Position | None = None
    limit: int = DEFAULT

    @property
    def open(self) -> bool | None:
        """Whether the cases are open; None for both. A ticket number finds its case in any state."""
        if self.state is None:
            return None if self.search is not None and self.search.ticket is not None else True
        if self.state == ALL:
            return None
        return True if self.state == OPEN else lifecycle.is_open(self.state)


UNWRITTEN = Filters(state=ALL, unwritten=True)
"""What waits to be written down. A case may be resolved, and its citizen says in a voice note that it is not
done."""


def parse(given: Mapping[str, str], district: District, cursor_secret: str) -> Filters:
    """Raises Invalid naming the parameter and what it takes."""
    for name in given:
        if name not in NAMES:
            raise Invalid(f"no such parameter; there are {', '.join(NAMES)}", field=name[:80] or "query")
    values = {name: value for name, value in given.items() if value}
    return Filters(
        state=_one_of(values, "state", STATE_VALUES),
        department=_one_of(values, "department", [d.id for d in district.departments]),
        officer=_one_of(values, "officer", [o.id for o in district.officers]),
        kind=_one_of(values, "kind", KINDS),
        overdue=_yes_or_no(values, "overdue"),
        unwritten=_yes_or_no(values, "unwritten"),
        search=_search(values.get("q", "").strip()),
        block=_one_of(values, "block", [b.id for b in district.blocks]),
        service=_one_of(values, "service", [s.id for s in district.services]),
        priority=_one_of(values, "priority", PRIORITIES),
        after=Position.read(values["cursor"], cursor_secret) if "cursor" in values else None,
        limit=_limit(values.get("limit")),
    )


def _one_of(values: Mapping[str, str], name: str, allowed: Collection[str]) -> str | None:
    value = values.get(name)
    if value is not None and value not in allowed:
        raise Invalid(f"is not one of {listed(allowed)}", field=name)
    return value


def _yes_or_no(values: Mapping[str, str], name: str) -> bool | None:
    value = _one_of(values, name, ("true", "false"))
    return None if value is None else value == "true"


def listed(names: Collection[str]) -> str:
    """The names for a message, cut where there are very many."""
    shown = list(names)[:_SHOWN]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT
    # four digits at most: int() of a very long text is slow and then refused by Python itself
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and LEAST <= int(text) <= MOST):
        raise Invalid(f"is a whole number from {LEAST} to {MOST}", field="limit")
    return int(text)


def _search(text: str) -> Search | None:
    if not text:
        return None
    if len(text) > LONGEST_SEARCH:
        raise Invalid(f"has {LONGEST_SEARCH} characters at most", field="q")
    if not any(char.isalnum() for char in text):
        raise Invalid("needs a ticket number, a phone number or words", field="q")
    return Search(text=text, ticket=tickets.parse(text), phone=_phone(text))


def _phone(text: str) -> str | None:
    try:
        return phones.normalise(text)
    except Invalid:
        return None
