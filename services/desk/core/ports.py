"""What the desk needs of the outside, as the handlers see it; the adapters give it, tests stand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from services.desk.core.clock_view import Clock
from services.desk.core.cursor import Position
from services.desk.core.digests import Day, DistrictFigures, Listed
from services.desk.core.filters import Filters
from services.desk.core.view import Row
from services.kernel.contracts.notices import MessageRow
from services.kernel.domain.case import Act, Case
from services.kernel.domain.directory import District
from services.kernel.domain.lifecycle import STATES
from services.kernel.domain.media import Medium
from services.kernel.domain.people import Actor, Scope


@dataclass(frozen=True)
class Query:
    """Which cases: what the actor sees, narrowed by what he asks for, at `now` (for "overdue")."""

    actor: Actor
    scope: Scope
    filters: Filters
    now: datetime


@dataclass(frozen=True)
class Totals:
    """Everything that matches, however long the page is."""

    all: int = 0
    overdue: int = 0
    by_state: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of(rows: Sequence[Row], now: datetime) -> Totals:
        """Counted from the cases themselves, in the order of the states."""
        counts = Counter(row.case.state for row in rows)
        return Totals(
            all=len(rows),
            overdue=sum(row.overdue(now) for row in rows),
            by_state={state: counts[state] for state in STATES if state in counts},
        )


class Lists(Protocol):
    """Reads many cases. Everything raises Unavailable when the store is away."""

    async def page(self, query: Query) -> tuple[list[Row], Position | None]:
        """Up to `limit` cases from the cursor on; the last one's position when more follow."""
        ...

    async def totals(self, query: Query) -> Totals:
        """Of all that matches; the query's cursor and limit do not count."""
        ...

    async def unwritten(self, query: Query) -> int:
        """How many recordings of all that matches nobody has written down yet."""
        ...

    async def open_cases(self, officers: Sequence[str]) -> Mapping[str, int]:
        """How many open cases each has; who has none is missing."""
        ...


class Stored(Protocol):
    """A case as it was read. `n`: its version; `document`: the whole, with the rooms of others."""

    @property
    def case(self) -> Case: ...
    @property
    def n(self) -> int: ...
    @property
    def document(self) -> Mapping[str, Any]: ...


class Done(Protocol):
    """An act that was carried out, now or (`repeated`) when the same cause came first."""

    @property
    def case(self) -> Case: ...
    @property
    def n(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def repeated(self) -> bool: ...


class Cases(Protocol):
    """The case store."""

    async def load(self, ticket: str) -> Stored:
        """Raises Unknown, also while a case is filed and not yet routed; Unavailable."""
        ...

    async def act(
        self,
        ticket: str,
        act: Act,
        *,
        expected_version: int | None = None,
        seen: Any = None,
    ) -> Done:
        """`seen`: what `load` gave just now, so that it need not be read again. Raises StaleVersion for
        another version than expected, and what `case.perform` raises."""
        ...


class Clocks(Protocol):
    async def explain(self, sla: Mapping[str, Any], at: datetime) -> Clock | None:
        """Why the limits of room `sla` are what they are; None while no clock was armed.

        Raises Unavailable."""
        ...


class Previews(Protocol):
    async def make(
        self, scope: Scope, before: District, after: District, now: datetime
    ) -> Mapping[str, Any]:
        """What `after` would do to the clocks within `scope`, as values for JSON. Raises Unavailable."""
        ...


class Notices(Protocol):
    async def of(self, ticket: str, limit: int) -> tuple[list[MessageRow], bool]:
        """The newest `limit` messages of a case, oldest first; whether there are older ones.

        Raises Unavailable."""
        ...


class KeptFile(Protocol):
    """A file of `size` bytes, of a type that its own bytes told."""

    @property
    def mime(self) -> str: ...
    @property
    def size(self) -> int: ...

    def pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`. Raises Unavailable."""
        ...


class Media(Protocol):
    """What citizens sent beside words. Everything raises Unavailable."""

    async def of(self, ids: Collection[str]) -> Mapping[str, Medium]:
        """What is known of each; who is unknown is missing."""
        ...

    async def open(self, id_: str) -> KeptFile:
        """Raises Unknown for what is not kept (yet, or any more)."""
        ...


class DigestCases(Protocol):
    """What digests tell of a district's cases at `now` of a day. Everything raises Unavailable."""

    async def owing(self, district: str, day: Day) -> set[str]:
        """Officers with an open case whose limit to resolve is over or will be within the day."""
        ...

    async def due(
        self,
        district: str,
        officer: str,
        hidden: Collection[str],
        since: datetime | None,
        until: datetime,
        limit: int,
    ) -> Listed:
        """One officer's open cases due from `since` (None: ever) and before `until`: the first `limit`, and
        how many there are. `hidden`: named officials whose cases are kept from him."""
        ...

    async def figures(
        self, district: str, hidden: Collection[str], day: Day, now: datetime, limit: int
    ) -> DistrictFigures:
        """The numbers count every case; `limit` and `hidden` are of the cases that are shown."""
        ...


class DigestNotes(Protocol):
    """Which days' digests were asked for. Everything raises Unavailable."""

    async def asked(self, district: str, day: date) -> bool: ...

    async def note(self, district: str, day: date, at: datetime, asked: Mapping[str, int]) -> None:
        """All of them were, so many of each kind; noting it again changes nothing."""
        ...


class Directories(Protocol):
    async def newest(self, district: str) -> District:
        """Raises Unknown for a district without a directory, Unavailable."""
        ...
