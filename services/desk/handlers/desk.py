"""What people do at the desk: look at a case, list cases, act on one. Knows ports only.

The order of an act: the same request again, by its key, is answered with its first outcome, and the key with
another request is refused; then who may see the case;
then the version that was seen; then the lifecycle; then the ids that were named, against the newest
directory; then the case store, which checks version and lifecycle once more in its guarded write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.desk.core import acts, rights
from services.desk.core.clock_view import Clock
from services.desk.core.filters import UNWRITTEN, Filters, parse
from services.desk.core.placing import Wanted, place
from services.desk.core.ports import Cases, Clocks, Directories, Lists, Query, Stored, Totals
from services.desk.core.texts import Texts
from services.desk.core.view import Row
from services.kernel.domain import duty, lifecycle, tickets
from services.kernel.domain.case import Act, Case
from services.kernel.domain.directory import LANGUAGES, District, Language, Officer
from services.kernel.domain.errors import (
    Conflict,
    Forbidden,
    IllegalAction,
    Invalid,
    KeyReused,
    StaleVersion,
    Unknown,
)
from services.kernel.domain.people import Actor, visible


@dataclass(frozen=True)
class Seat:
    """Somebody at the desk with the directory of now."""

    actor: Actor
    directory: District


@dataclass(frozen=True)
class Page:
    """`next_cursor` None: nothing follows."""

    rows: list[Row]
    next_cursor: str | None
    totals: Totals
    filters: Filters
    now: datetime


@dataclass(frozen=True)
class Outcome:
    """What an act came to. `repeated`: the same key brought it about before."""

    ticket: str
    version: int
    state: str
    at: datetime
    allowed: tuple[str, ...]
    repeated: bool


class Refusal(Exception):
    """An act that was not carried out, with the case as it stands now for the answer."""

    def __init__(
        self, error: Conflict, action: str, version: int, state: str, allowed: tuple[str, ...]
    ) -> None:
        super().__init__(error.reason)
        self.error = error
        self.action = action
        self.version = version
        self.state = state
        self.allowed = allowed


class Desk:
    """One for a process; it keeps nothing between calls."""

    def __init__(
        self,
        cases: Cases,
        lists: Lists,
        directories: Directories,
        clocks: Clocks,
        texts: Texts,
        clock: Callable[[], datetime],
        cursor_secret: str,
    ) -> None:
        self._cases = cases
        self._lists = lists
        self._directories = directories
        self._clocks = clocks
        self._texts = texts
        self._secret = cursor_secret
        self.now = clock

    async def seat(self, actor: Actor) -> Seat:
        """Raises Unknown for a district without a directory, Unavailable."""
        directory = await self._directories.newest(actor.district)
        return Seat(rights.resolved_actor(actor, directory), directory)

    async def look(self, seat: Seat, written: str) -> Row:
        """The case of a ticket number as somebody wrote it. Raises Invalid, Unknown."""
        return _row(await self._visible(seat, _ticket(written)))

    async def clock(self, row: Row, at: datetime) -> Clock | None:
        """Why the case is due when it is, as of `at`; None while it has no clock. Raises Unavailable."""
        return await self._clocks.explain(row.sla, at)

    async def list(self, seat: Seat, given: Mapping[str, str]) -> Page:
        """Raises Invalid naming a parameter, Forbidden for what the role may not search or filter by."""
        filters = parse(given, seat.directory, self._secret)
        if not rights.finds_by_personal(seat.actor):
            if filters.search is not None and not filters.search.ticket:
                raise Forbidden("this role does not search by name or phone", field="q")
            if filters.unwritten is not None:
                raise Forbidden("this role does not see what citizens sent", field="unwritten")
        query = self._query(seat, filters)
        rows, more = await self._lists.page(query)
        if more is None and filters.after is None:
            totals = Totals.of(rows, query.now)  # the page is all there is
        else:
            totals = await self._lists.totals(query)
        cursor = more.write(self._secret) if more is not None else None
        return Page(rows, cursor, totals, filters, query.now)

    async def unwritten(self, seat: Seat) -> int:
        """How many recordings, of cases in any state, wait to be written down by whoever sits here: that is
        an operator's work, and for others it is none. Raises Unavailable."""
        if seat.actor.role != "operator":
            return 0
        return await self._lists.unwritten(self._query(seat, UNWRITTEN))

    async def act(
        self, seat: Seat, written: str, body: Mapping[str, Any], key: str | None
    ) -> Outcome:
        """Raises Invalid, Unknown, Forbidden, Refusal (a conflict with the fresh state)."""
        ticket = _ticket(written)
        key = acts.check_key(key)
        request = acts.parse(body)
        cause = acts.cause_of(seat.actor, key, request) if key is not None else None
        stored = await self._cases.load(ticket)
        again = self._again(seat, stored.case, cause)
        if again is not None:
            return again
        _must_see(seat, stored.case)
        try:
            if request.expected_version != stored.n:
                raise StaleVersion(request.expected_version, stored.n)
            rights.check(seat.actor, request.action, stored.case, seat.directory)
            act = Act(
                action=request.action,
                by=seat.actor,
                cause=cause,
                note=request.note,
                public=acts.is_public(request, seat.actor),
                data=await self._data(seat, stored.case, request),
            )
            done = await self._cases.act(
                ticket, act, expected_version=request.expected_version, seen=stored
            )
        except Conflict as error:
            fresh = await self._cases.load(ticket)
            # two requests with one key at the same time: the other was first
            again = self._again(seat, fresh.case, cause)
            if again is not None:
                return again
            raise self._refusal(seat, fresh, request.action, error) from error
        if done.repeated:
            again = self._again(seat, done.case, cause)
            if again is not None:
                return again
        allowed = rights.allowed(seat.actor, done.case, seat.directory)
        return Outcome(ticket, done.n, done.case.state, done.at, allowed, done.repeated)

    def _again(self, seat: Seat, case: Case, cause: str | None) -> Outcome | None:
        """The first outcome of the same request by the same person; None when it is the first.

        He may see it though the case has meanwhile left his sight. Raises KeyReused.
        """
        entry = case.by_key(cause) if cause is not None else None
        if entry is None:
            return None
        if entry.cause != cause:
            raise KeyReused("the key was used before for another request", field="Idempotency-Key")
        allowed = rights.allowed(seat.actor, case, seat.directory)
        return Outcome(case.ticket, entry.n, entry.state, entry.at, allowed, repeated=True)

    def _query(self, seat: Seat, filters: Filters) -> Query:
        return Query(seat.actor, visible(seat.actor, seat.directory), filters, self.now())

    async def _visible(self, seat: Seat, ticket: str) -> Stored:
        stored = await self._cases.load(ticket)
        _must_see(seat, stored.case)
        return stored

    def _refusal(self, seat: Seat, fresh: Stored, action: str, error: Conflict) -> Refusal:
        allowed = rights.allowed(seat.actor, fresh.case, seat.directory)
        if isinstance(error, StaleVersion):
            error = StaleVersion(error.expected, fresh.n)
        if isinstance(error, IllegalAction):
            error = IllegalAction(fresh.case.state, error.action, allowed)
        return Refusal(error, action, fresh.n, fresh.case.state, allowed)

    async def _data(self, seat: Seat, case: Case, request: acts.Request) -> dict[str, Any]:
        directory = seat.directory
        acts.check_data(request, case, seat.actor, directory, self.now())
        data = dict(request.data)
        if request.action in acts.PLACING:
            return await self._placement(seat, case, request)
        if request.action == "change_service":
            data["department"] = directory.service_by_id[data["service"]].department
        return data

    async def _placement(self, seat: Seat, case: Case, request: acts.Request) -> dict[str, Any]:
        """Who works it from now on, with the version that says so and the reason for people to read."""
        data: dict[str, Any]
        if request.action == "take_over":
            data = {"officer": seat.actor.id}
            if data["officer"] is None:
                raise Invalid("the token names no person who could take it over", field="action")
        else:
            data = await self._chosen(seat, case, request)
        data["directory_version"] = seat.directory.version
        optional = lifecycle.transition(request.action).optional
        for field, language in (("reason", "en"), ("reason_hi", "hi")):
            if field in optional and language in LANGUAGES:
                data[field] = self._reason(seat, request.action, {**_kept(case), **data}, language)
        return data

    async def _chosen(self, seat: Seat, case: Case, request: acts.Request) -> dict[str, Any]:
        directory = seat.directory
        day = self.now().astimezone(ZoneInfo(directory.zone)).date()
        wanted = Wanted(**request.data)
        if request.action == "reopen" and not wanted:
            again = duty.successors(case, directory, day)
            return duty.placement(case, await self._least_busy(again), directory)
        if request.action == "transfer":
            _must_move(case, wanted, directory)
        found = place(case, wanted, directory, day, same_department=request.action == "assign")
        officer = await self._least_busy(found.officers)
        data: dict[str, Any] = {
            "department": found.department,
            "office": officer.office if officer is not None else found.office,
            "officer": officer.id if officer is not None else None,
        }
        if found.service is not None:
            data["service"] = found.service
        return data

    async def _least_busy(self, officers: Sequence[Officer]) -> Officer | None:
        if len(officers) < 2:
            return next(iter(officers), None)
        loads = await self._lists.open_cases([officer.id for officer in officers])
        return duty.fewest(officers, loads)

    def _reason(self, seat: Seat, action: str, data: Mapping[str, Any], language: Language) -> str:
        """The sentence: who sent it to whom."""
        directory = seat.directory
        by = directory.officer_by_id.get(seat.actor.id or "")
        role = self._texts.say(f"role.{seat.actor.role}", language)
        officer = directory.officer_by_id.get(data.get("officer") or "")
        department = directory.department_by_id.get(data.get("department") or "")
        to = officer.name if officer else department.name if department else None
        return self._texts.say(
            f"placed.{action}",
            language,
            by=f"{by.name.say(language)} ({role})" if by is not None else role,
            to=to.say(language) if to is not None else "",
        )


def _kept(case: Case) -> dict[str, Any]:
    return {"officer": case.officer, "department": case.department}


def _row(stored: Stored) -> Row:
    return Row(stored.case, stored.n, stored.document.get("sla") or {})


def _ticket(written: str) -> str:
    ticket = tickets.parse(written)
    if ticket is None:
        raise Invalid("is not a ticket number; please check the digits", field="ticket")
    return ticket


def _must_see(seat: Seat, case: Case) -> None:
    """A stranger is told the same as if there were no such case."""
    if not rights.sees(visible(seat.actor, seat.directory), case, seat.directory):
        raise Unknown("there is no such case", field="ticket")


def _must_move(case: Case, wanted: Wanted, directory: District) -> None:
    if wanted.officer is not None and wanted.officer == case.officer:
        raise Invalid("has the case already", field="officer")
    if wanted.officer is not None or wanted.office is not None:
        return
    service = directory.service_by_id.get(wanted.service) if wanted.service is not None else None
    to = wanted.department or (service.department if service is not None else None)
    if to in (case.department, None):
        raise Invalid("has the case already: name an office or an officer", field="department")
