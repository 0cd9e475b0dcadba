"""What another version of the directory would do to the clocks of a district, before it is applied."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from services.kernel.adapters import mongo
from services.kernel.adapters.directory.changes import differences
from services.kernel.adapters.directory.rules import RulesOf
from services.kernel.adapters.periodic import give_way
from services.kernel.adapters.timer_document import from_fields
from services.kernel.domain import tickets
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Retry, Unavailable, Unknown
from services.kernel.domain.moves import Move, Moved, Stay, moved
from services.kernel.domain.timer import Rules

COUNTED_BY = ("calendars", "policies", "ladders")
SETTINGS = ("zone", "confirm_days", "triage_policy")
"""What of a directory clocks count by; a service may name another policy."""
BATCH = 500
_NEVER = datetime.max.replace(tzinfo=UTC)
T = TypeVar("T")


@dataclass(frozen=True)
class Listed(Generic[T]):
    """What becomes of a limit of a case."""

    ticket: str
    service: str | None
    what: T


@dataclass
class Preview:
    """Numbers of cases count all; the lists have the nearest, as many as were asked for (`most`).

    `keeping`: cases with a breach that stays. `furthest`: how far a limit moves at most."""

    most: int
    clocks: int = 0
    moving: int = 0
    at_once: int = 0
    keeping: int = 0
    stuck: int = 0
    furthest: timedelta = timedelta(0)
    moves: list[Listed[Move]] = field(default_factory=list)
    stays: list[Listed[Stay]] = field(default_factory=list)
    unmovable: list[tuple[str, str]] = field(default_factory=list)
    truncated: bool = False

    def add(self, ticket: str, service: str | None, result: Moved) -> None:
        self.moving += bool(result.moves)
        self.at_once += any(move.at_once for move in result.moves)
        self.keeping += bool(result.stays)
        for move in result.moves:
            if move.before is not None and move.after is not None:
                self.furthest = max(self.furthest, abs(move.after - move.before))
        self.moves += [Listed(ticket, service, move) for move in result.moves]
        self.stays += [Listed(ticket, service, stay) for stay in result.stays]
        if max(len(self.moves), len(self.stays)) > 2 * self.most:
            self.cut()

    def cannot(self, ticket: str, why: str) -> None:
        self.stuck += 1
        self.unmovable.append((ticket, why))
        if len(self.unmovable) > 2 * self.most:
            self.cut()

    def cut(self) -> None:
        """Sort, and keep no more than was asked for."""
        self.moves = self._nearest(self.moves, _due)
        self.stays = self._nearest(self.stays, _breached)
        self.unmovable = self._nearest(self.unmovable, lambda one: one)

    def _nearest(self, found: list[T], key: Callable[[T], Any]) -> list[T]:
        self.truncated = self.truncated or len(found) > self.most
        return sorted(found, key=key)[: self.most]


def _due(one: Listed[Move]) -> tuple[datetime, str]:
    return one.what.after or _NEVER, one.ticket


def _breached(one: Listed[Stay]) -> tuple[datetime, str]:
    return one.what.breached_at, one.ticket


Clocks = AsyncIterator[tuple[str, dict[str, Any]]]


async def preview(
    clocks: Clocks, rules: RulesOf, after: District, now: datetime, *, most: int
) -> Preview:
    """What `after`, which need not be stored yet, would do to `clocks` (tickets and rooms `sla`); `most` of
    each kind is listed. Raises Unavailable."""
    found = Preview(most)
    wanted = Rules(after)
    async for ticket, room in clocks:
        found.clocks += 1
        await give_way(found.clocks)
        timer = from_fields(room)
        try:
            before = await rules.get(timer.district, timer.directory_version)
            result = moved(timer, before, wanted, now)
        except Unavailable:
            raise
        except Retry as error:  # a version that the store does not have
            found.cannot(ticket, str(error))
        except Unknown as error:
            found.cannot(ticket, error.reason)
        else:
            found.add(ticket, timer.service, result)
    found.cut()
    return found


async def stored_clocks(cases: mongo.Collection, query: dict[str, Any]) -> Clocks:
    """Tickets and rooms `sla` of the cases that match, a batch at a time. Raises Unavailable."""
    async with mongo.store_errors():
        async for document in cases.find(query, {"sla": 1}, batch_size=BATCH):
            yield document["_id"], document["sla"]


def changed(before: District | None, after: District) -> list[str]:
    """What clocks count by that differs, as `calendars/office` or the name of a setting."""
    if before is None:
        return []
    found = differences(before, after)
    lists = {name: found.of(name) for name in COUNTED_BY}
    named = [
        f"{name}/{id_}"
        for name, change in lists.items()
        for id_ in (*change.added, *change.changed, *change.retired)
    ]
    policies = {service.id: service.policy for service in before.services}
    services = [
        f"services/{service.id}"
        for service in after.services
        if service.id in policies and policies[service.id] != service.policy
    ]
    return [*named, *services, *(name for name in found.settings if name in SETTINGS)]


def as_object(
    found: Preview, district: District, now: datetime, changes: list[str]
) -> dict[str, Any]:
    """For JSON; instants are text in ISO 8601."""

    def instant(at: datetime | None) -> str | None:
        return at.isoformat() if at is not None else None

    def of(one: Listed[Any]) -> dict[str, Any]:
        number = tickets.show(district.code, one.ticket)
        return {"ticket": one.ticket, "number": number, "service": one.service}

    return {
        "district": district.id,
        "at": instant(now),
        "changed": changes,
        "clocks": found.clocks,
        "moving": found.moving,
        "at_once": found.at_once,
        "keeping": found.keeping,
        "stuck": found.stuck,
        "furthest_seconds": int(found.furthest.total_seconds()),
        "moves": [
            {
                **of(one),
                "target": one.what.limit,
                "from": instant(one.what.before),
                "to": instant(one.what.after),
                "due_at_once": one.what.at_once,
            }
            for one in found.moves
        ],
        "staying": [
            {
                **of(one),
                "target": one.what.target,
                "breached_at": instant(one.what.breached_at),
                "would_be": instant(one.what.would_be),
            }
            for one in found.stays
        ],
        "unmovable": [
            {"ticket": ticket, "number": tickets.show(district.code, ticket), "reason": why}
            for ticket, why in found.unmovable
        ],
        "truncated": found.truncated,
    }
