"""What an actor may see of a case and do with it, beyond what his role alone says.

The lifecycle knows roles; here it is about persons: whose case it is, who may read the citizen's name,
and that nobody approves a rejection that he proposed himself.
"""

from __future__ import annotations

from services.kernel.domain import lifecycle
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Forbidden, IllegalAction
from services.kernel.domain.people import Actor, Scope, visible

STAFF: tuple[str, ...] = ("operator", "officer", "head", "sdm", "collector", "admin")
"""Roles that work at the desk."""
_READS_PERSONAL = ("operator", "head", "sdm", "collector")
_OF_A_COLLEAGUE = ("note",)
"""What an officer may do with a case of his office that is another's."""


_WAITING = frozenset({"merge", "unmerge"})
"""What happens to a parent does not reach its children yet: nobody may put a case where it is forgotten."""


NOBODY = ""
"""The id of who holds no post: no officer of a directory has it."""


def resolved_actor(actor: Actor, directory: District) -> Actor:
    """Who the actor is by the directory of now, whatever his token says.

    The Collector is one person: his token need not name him. Who claims a post above an officer's that
    he does not hold is nobody, and sees nothing.
    """
    if actor.district != directory.id:
        return actor
    if actor.role == "collector" and actor.id is None:
        return Actor(actor.role, directory.collector, actor.district)
    if not _holds(actor, directory):
        return Actor(actor.role, NOBODY, actor.district)
    return actor


def _holds(actor: Actor, directory: District) -> bool:
    if actor.role == "head":
        return any(department.head == actor.id for department in directory.departments)
    if actor.role == "sdm":
        known = directory.officer_by_id.get(actor.id or NOBODY)
        return known is not None and known.subdivision is not None
    return actor.role != "collector" or actor.id == directory.collector


def sees(scope: Scope, case: Case, directory: District) -> bool:
    """Whether `scope` admits the case; the office of the official it names is that of now."""
    named = directory.officer_by_id.get(case.named_official) if case.named_official else None
    return scope.admits(
        district=case.district,
        department=case.department,
        office=case.office,
        officer=case.officer,
        block=case.place.block,
        confidential=case.confidential,
        named_official=case.named_official,
        named_office=named.office if named else None,
    )


def reads_personal(actor: Actor, case: Case) -> bool:
    """Whether this actor needs the citizen's name, number and words. Asked of cases that he sees, by
    an actor who was resolved: then his role is a post that he holds."""
    if actor.role == "officer":
        return actor.id is not None and actor.id == case.officer
    return actor.role in _READS_PERSONAL


def finds_by_personal(actor: Actor) -> bool:
    """Whether the actor may search by name and phone, and list cases by whether their recordings are written
    down: by what only those read whom `reads_personal` admits. An officer finds only his own cases by it."""
    return actor.role in (*_READS_PERSONAL, "officer")


def works(actor: Actor, case: Case, directory: District) -> bool:
    """Whether the case is this actor's to act on; others of the office may only note something."""
    if actor.role in ("operator", "admin"):
        return True
    if actor.id is not None and actor.id == case.officer:
        return True
    scope = visible(actor, directory)
    if (
        case.district in scope.districts
        or case.department in scope.departments
        or case.place.block in scope.blocks
    ):
        return True
    # nobody was on duty when it was placed: whoever of the office is back may take it up
    return case.officer is None and case.office in scope.offices and not case.confidential


def allowed(actor: Actor, case: Case, directory: District) -> tuple[str, ...]:
    """The actions that `actor` may do now, in the order of a case's life."""
    if actor.role not in STAFF or not sees(visible(actor, directory), case, directory):
        return ()
    proposal = case.proposal is not None
    found = lifecycle.allowed(case.state, actor.role, proposal=proposal)
    return tuple(
        action
        for action in found
        if _forbidden(actor, action, case, directory) is None
        and case.has_room(
            action, lifecycle.step(case.state, action, actor.role, proposal=proposal)
        )
    )


def check(actor: Actor, action: str, case: Case, directory: District) -> None:
    """Raises Invalid (no such action), IllegalAction with what is allowed, Forbidden."""
    try:
        lifecycle.step(case.state, action, actor.role, proposal=case.proposal is not None)
    except IllegalAction as error:
        raise IllegalAction(error.state, error.action, allowed(actor, case, directory)) from None
    reason = _forbidden(actor, action, case, directory)
    if reason is not None:
        raise Forbidden(reason, field="action")


def _forbidden(actor: Actor, action: str, case: Case, directory: District) -> str | None:
    if action in _WAITING:
        return "cases cannot be merged yet"
    if action not in _OF_A_COLLEAGUE and not works(actor, case, directory):
        return "the case is with another officer"
    if action == "reject" and actor.id is not None and actor.id == _proposer(case):
        return "a rejection is approved by somebody else than proposed it"
    return None


def _proposer(case: Case) -> str | None:
    """Who proposed the rejection that awaits its approval."""
    last = next((e for e in reversed(case.history) if e.action == "propose_rejection"), None)
    return last.person if last is not None else None
