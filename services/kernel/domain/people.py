"""Who acts, and who may see which case.

Rights come from the directory of now, not only from the role that a session claims: an officer who was
retired, or who no longer heads a department, sees nothing by it. `visible` says the whole of an actor's
rights as one value that the desk turns into a query; `may_see` asks the same value about one case, so
the list and the page can never disagree.

A citizen's own case is not judged here (he proves it by ticket and phone), and the machines (`rule`,
`routing`, `ops`) look at no case.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from services.kernel.domain.directory import District, Officer
from services.kernel.domain.lifecycle_table import Role

_OF_THE_DIRECTORY = ("officer", "head", "sdm", "collector")
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Actor:
    """Who does something. `id`: the officer's or user's id; "rule" is the clock, "routing" the router."""

    role: Role
    id: str | None
    district: str


@dataclass(frozen=True)
class Scope:
    """What an actor sees, in fields of a case.

    A case of `district` is seen when its district, department, office, officer or block is in the set
    of that name. A confidential one needs `confidential_districts` in the place of `districts`, and
    `offices` does not count for it. Whatever else holds, a case is hidden whose named official or named
    office is in `hidden_officers` or `hidden_offices`.
    """

    district: str
    districts: frozenset[str] = _NONE
    departments: frozenset[str] = _NONE
    offices: frozenset[str] = _NONE
    officers: frozenset[str] = _NONE
    blocks: frozenset[str] = _NONE
    confidential_districts: frozenset[str] = _NONE
    hidden_offices: frozenset[str] = _NONE
    hidden_officers: frozenset[str] = _NONE

    @property
    def empty(self) -> bool:
        """Whether no case at all can be seen."""
        return not (
            self.districts or self.departments or self.offices or self.officers or self.blocks
        )

    def admits(
        self,
        *,
        district: str,
        department: str | None,
        office: str | None,
        officer: str | None,
        block: str | None,
        confidential: bool,
        named_official: str | None,
        named_office: str | None,
    ) -> bool:
        if district != self.district:
            return False
        if named_official in self.hidden_officers or named_office in self.hidden_offices:
            return False
        whole = self.confidential_districts if confidential else self.districts
        return (
            district in whole
            or officer in self.officers
            or department in self.departments
            or block in self.blocks
            or (office in self.offices and not confidential)
        )


def visible(actor: Actor, directory: District) -> Scope:
    """Everything that `actor` may see. An unknown or retired officer, or another district: nothing.

    Remembered for as long as the directory is the same value in memory: one request asks many times.
    """
    key = (id(directory), actor)
    known = _SCOPES.get(key)
    if known is None or known[0] is not directory:
        known = _SCOPES[key] = (directory, _visible(actor, directory))
        while len(_SCOPES) > _MOST_SCOPES:
            _SCOPES.popitem(last=False)
    return known[1]


_SCOPES: OrderedDict[tuple[int, Actor], tuple[District, Scope]] = OrderedDict()
_MOST_SCOPES = 1_000


def _visible(actor: Actor, directory: District) -> Scope:
    nothing = Scope(district=actor.district)
    if actor.district != directory.id:
        return nothing
    known = directory.officer_by_id.get(actor.id) if actor.id is not None else None
    hidden_offices, hidden_officers = _hidden(known, actor.id, directory)
    if actor.role in ("operator", "admin"):
        return Scope(
            district=directory.id,
            districts=frozenset({directory.id}),
            hidden_offices=hidden_offices,
            hidden_officers=hidden_officers,
        )
    if actor.role not in _OF_THE_DIRECTORY or known is None or known.retired:
        return nothing
    whole = _NONE
    if actor.role == "collector" and known.id == directory.collector:
        whole = frozenset({directory.id})
    return Scope(
        district=directory.id,
        districts=whole,
        departments=_headed(known, directory) if actor.role != "officer" else _NONE,
        offices=frozenset({known.office}),
        officers=frozenset({known.id}),
        blocks=_blocks(known, directory) if actor.role == "sdm" else _NONE,
        confidential_districts=whole,
        hidden_offices=hidden_offices,
        hidden_officers=hidden_officers,
    )


def may_see(
    actor: Actor,
    *,
    district: str,
    department: str | None,
    officer: str | None,
    confidential: bool,
    named_official: str | None,
    named_office: str | None,
    directory: District,
    office: str | None = None,
    block: str | None = None,
) -> bool:
    """Whether `actor` may see a case with these fields. See `Scope` for the rule.

    `named_office` may be None: the office of a named official is known to the directory, and everyone
    who sits there is kept away by the name alone.
    """
    return visible(actor, directory).admits(
        district=district,
        department=department,
        office=office,
        officer=officer,
        block=block,
        confidential=confidential,
        named_official=named_official,
        named_office=named_office,
    )


def _hidden(
    known: Officer | None, id_: str | None, directory: District
) -> tuple[frozenset[str], frozenset[str]]:
    """Offices and officers that a complaint must not name if this person is to see it: his own office
    and everyone of it, the retired too. For the Collector only he himself: there is no level above to
    which a complaint about his clerk could go."""
    if known is None:
        return _NONE, frozenset({id_}) if id_ is not None else _NONE
    if known.id == directory.collector:
        return _NONE, frozenset({known.id})
    colleagues = {other.id for other in directory.officers if other.office == known.office}
    return frozenset({known.office}), frozenset(colleagues)


def _headed(known: Officer, directory: District) -> frozenset[str]:
    return frozenset(d.id for d in directory.departments if d.head == known.id)


def _blocks(known: Officer, directory: District) -> frozenset[str]:
    if known.subdivision is None:
        return _NONE
    return frozenset(b.id for b in directory.blocks if b.subdivision == known.subdivision)
