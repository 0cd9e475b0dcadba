"""The lifecycle of a case as one table: who may do what in which state, and what is announced.

Read it top to bottom as the life of a case. `lifecycle.py` answers questions from it and draws it
for docs/lifecycle.md. It knows roles, not persons or windows: whose case it is, whom the case
names, who proposed what he would now approve, how long a case may be reopened: that is checked
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal[
    "filed",
    "triage",
    "assigned",
    "acknowledged",
    "in_progress",
    "awaiting_citizen",
    "resolved",
    "closed",
    "rejected",
    "withdrawn",
    "merged",
]
Action = Literal[
    "triage",
    "assign",
    "acknowledge",
    "start",
    "ask_citizen",
    "mark_asked",
    "answer",
    "attach",
    "reply",
    "note",
    "remind",
    "change_service",
    "transfer",
    "take_over",
    "resolve",
    "plan_feedback",
    "end_feedback",
    "confirm",
    "close",
    "reopen",
    "propose_rejection",
    "refuse_rejection",
    "reject",
    "withdraw",
    "merge",
    "unmerge",
    "rate",
]
Role = Literal[
    "citizen", "operator", "officer", "head", "sdm", "collector", "admin", "ops", "rule", "routing"
]
Requires = Literal["proposal", "no_proposal"]

MEANING: dict[State, str] = {
    "filed": "received and numbered; no office has been looked for yet",
    "triage": "no office could be told from what was filed: a person decides",
    "assigned": "with an office (and, where somebody is on duty, an officer) that has not reacted",
    "acknowledged": "the office has seen it and has taken it on",
    "in_progress": "it is being worked on",
    "awaiting_citizen": "the citizen has been asked something",
    "resolved": "the office says that it is done; the citizen has not said so yet",
    "closed": "the citizen is satisfied, or said nothing until the confirmation window was over",
    "rejected": "not taken up, for a reason from the list, with the head's approval",
    "withdrawn": "the citizen took it back",
    "merged": "another case (the parent) is worked on for it; it follows that one's end",
}
"""Every state, in the order of a case's life, with what it means to those who work with it."""

# Merged is open: its citizen still waits, and its clock counts on (though it fires nothing).
# Resolved is not: the office owes nothing for now, and the clock is held until a reopening.
OPEN_STATES: tuple[State, ...] = (
    "filed",
    "triage",
    "assigned",
    "acknowledged",
    "in_progress",
    "awaiting_citizen",
    "merged",
)
"""States in which an answer is still owed to the citizen and the clock may run."""

END_STATES: tuple[State, ...] = ("closed", "rejected", "withdrawn")
"""States in which nothing more happens by itself."""

REJECTION_REASONS: tuple[str, ...] = (
    "duplicate",
    "sub_judice",
    "policy_matter",
    "no_details",
    "abusive",
    "outside_district",
    "personal_grievance_of_staff",
    "private_dispute",
    "right_to_information",
    "unfounded",
)
"""Why a case may be rejected; the texts are in data/reasons.json. An id is never used again."""


@dataclass(frozen=True)
class Way:
    """`roles` may lead a case from any of `states` to `to` (None: it stays where it is).

    `requires` looks at the flag beside the state: whether a proposed rejection awaits its approval.
    """

    states: tuple[State, ...]
    to: State | None
    roles: tuple[Role, ...]
    requires: Requires | None = None


@dataclass(frozen=True)
class Transition:
    """One action. `event` is the CloudEvents type that announces it, one for each action.

    `needs` and `optional` are the data fields that must and may come with it; what the case knows
    by itself (a question's number, a cycle) is not among them. `citizen_words`: what a citizen, or
    an operator for him, writes with it is the citizen's own words, so he may always see it.
    """

    action: Action
    ways: tuple[Way, ...]
    event: str
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    citizen_words: bool = False


# The office's side: whoever works a case, by posting or because he took it over.
_OFFICE: tuple[Role, ...] = ("officer", "head", "sdm", "collector")
_ABOVE: tuple[Role, ...] = ("head", "sdm", "collector")
# The citizen's side: himself, or an operator to whom he speaks.
_CITIZEN: tuple[Role, ...] = ("citizen", "operator")
_PEOPLE: tuple[Role, ...] = (*_CITIZEN, *_OFFICE)

_ACCEPTED: tuple[State, ...] = ("acknowledged", "in_progress", "awaiting_citizen")
# In an office's hands. All of these have a department, which `filed` and `triage` may lack.
_PLACED: tuple[State, ...] = ("assigned", *_ACCEPTED)
_EVERY: tuple[State, ...] = tuple(MEANING)

_PLACEMENT = ("service", "office", "officer", "directory_version", "reason", "reason_hi")

TABLE: tuple[Transition, ...] = (
    # ------------------------------------------------------------------ finding an office
    Transition(
        "triage",
        (Way(("filed",), "triage", ("routing",)),),
        event="samvad.case.triaged.v1",
        needs=("reason",),
        optional=("suggested", "reason_hi"),
    ),
    # A person places what is in triage and hands a case to a colleague of the same office. Not
    # while a question is open: the answer would find its door shut. (Transfer and take_over do move
    # it then, for a wrong office is worse.) The department is always named, so every case beyond
    # triage has one. `officer` may be missing: nobody is on duty, and it escalates.
    Transition(
        "assign",
        (
            Way(("filed", "triage"), "assigned", ("routing",)),
            Way(
                ("triage", "assigned", "acknowledged", "in_progress"),
                "assigned",
                ("operator", *_ABOVE, "admin"),
            ),
        ),
        event="samvad.case.assigned.v1",
        needs=("department",),
        optional=_PLACEMENT,
    ),
    # ------------------------------------------------------------------ working on it
    Transition(
        "acknowledge",
        (Way(("assigned",), "acknowledged", _OFFICE),),
        event="samvad.case.acknowledged.v1",
    ),
    # From assigned too: who begins has seen it. The clock takes `started` for the acknowledgement
    # when none came before, at the same instant; it asks for no second click.
    Transition(
        "start",
        (Way(("assigned", "acknowledged"), "in_progress", _OFFICE),),
        event="samvad.case.started.v1",
    ),
    # A further question may follow before the first is answered; the state stays. Not from
    # assigned: a question must not be what an office does instead of taking the case on.
    Transition(
        "ask_citizen",
        (Way(_ACCEPTED, "awaiting_citizen", _OFFICE),),
        event="samvad.question.asked.v1",
    ),
    # By an operator only: the mark pauses the office's clock, so the office may not set it itself.
    Transition(
        "mark_asked",
        (Way(("awaiting_citizen",), None, ("operator",)),),
        event="samvad.question.marked.v1",
    ),
    # The office may write down what it was told in person: that sets its own clock going again.
    Transition(
        "answer",
        (Way(("awaiting_citizen",), "in_progress", _PEOPLE),),
        event="samvad.question.answered.v1",
        citizen_words=True,
    ),
    # Also while resolved: a photo of what was done, or of what was not, is wanted before the end.
    # Words without media are welcome too; they answer no question and change no deadline.
    Transition(
        "attach",
        (Way((*OPEN_STATES, "resolved"), None, _PEOPLE),),
        event="samvad.case.attached.v1",
        optional=("media",),
        citizen_words=True,
    ),
    # Only the office's own reply counts as its first response, so operators have `note`. Not from
    # assigned, as for a question; while resolved it may explain what it did.
    Transition(
        "reply",
        (Way((*_ACCEPTED, "resolved"), None, _OFFICE),),
        event="samvad.case.replied.v1",
    ),
    # What is known about a case does not end with it: staff may note something in any state.
    Transition(
        "note",
        (Way(_EVERY, None, ("operator", *_OFFICE)),),
        event="samvad.case.noted.v1",
        optional=("media",),
    ),
    Transition(
        "remind",
        (Way(OPEN_STATES, None, _CITIZEN),),
        event="samvad.case.reminded.v1",
        citizen_words=True,
    ),
    # The state stays: what a case is about and who works it are two facts, and the targets follow
    # the service without a new acknowledgement. Another department's service is no change: a transfer
    # takes it along. Not in triage: there the assignment names the service with the department.
    Transition(
        "change_service",
        (Way(_PLACED, None, ("operator", *_OFFICE)),),
        event="samvad.case.service-changed.v1",
        needs=("service",),
        optional=("department", "priority"),
    ),
    # "Not my department". The admin moves the cases of an office or officer that is retired.
    Transition(
        "transfer",
        (Way(_PLACED, "assigned", ("operator", *_OFFICE, "admin")),),
        event="samvad.case.transferred.v1",
        needs=("department",),
        optional=_PLACEMENT,
    ),
    Transition(
        "take_over",
        (Way(_PLACED, "assigned", _ABOVE),),
        event="samvad.case.taken-over.v1",
        needs=("officer",),
        optional=("service", "department", "office", "directory_version", "reason", "reason_hi"),
    ),
    # ------------------------------------------------------------------ the citizen's word
    # Not from assigned: nobody has done what he has not taken on. From awaiting_citizen the open
    # question lapses. Routing moves a merged case along when its parent is resolved.
    Transition(
        "resolve",
        (Way(_ACCEPTED, "resolved", _OFFICE), Way(("merged",), "resolved", ("routing",))),
        event="samvad.case.resolved.v1",
        optional=("outcome",),
    ),
    Transition(
        "plan_feedback",
        (Way(("resolved",), None, ("operator",)),),
        event="samvad.feedback.planned.v1",
    ),
    Transition(
        "end_feedback",
        (Way(("resolved",), None, ("operator",)),),
        event="samvad.feedback.ended.v1",
        needs=("outcome",),
    ),
    # The two ways to closed. The office has neither: it never closes its own work.
    Transition(
        "confirm",
        (Way(("resolved",), "closed", _CITIZEN),),
        event="samvad.case.confirmed.v1",
        citizen_words=True,
    ),
    Transition(
        "close",
        (Way(("resolved",), "closed", ("rule",)),),
        event="samvad.case.closed.v1",
    ),
    # Without a placement it goes back to where it was. Not from withdrawn: that was his own wish.
    Transition(
        "reopen",
        (Way(("resolved", "closed", "rejected"), "assigned", (*_CITIZEN, *_ABOVE)),),
        event="samvad.case.reopened.v1",
        optional=("department", *_PLACEMENT),
        citizen_words=True,
    ),
    # ------------------------------------------------------------------ proposed, then approved
    # From assigned too: what cannot be taken up need not be taken on. The collector proposes
    # nothing, since nobody is above him to approve it; he hands the case to an office.
    Transition(
        "propose_rejection",
        (Way(_PLACED, None, ("officer", "head", "sdm"), requires="no_proposal"),),
        event="samvad.rejection.proposed.v1",
        needs=("reason",),
    ),
    Transition(
        "refuse_rejection",
        (Way(_PLACED, None, _ABOVE, requires="proposal"),),
        event="samvad.rejection.refused.v1",
    ),
    # The reason is the proposal's; a merged case has none of its own and is told its parent's.
    Transition(
        "reject",
        (
            Way(_PLACED, "rejected", _ABOVE, requires="proposal"),
            Way(("merged",), "rejected", ("routing",)),
        ),
        event="samvad.case.rejected.v1",
        optional=("reason",),
    ),
    # ------------------------------------------------------------------ other ends and detours
    # While resolved he confirms instead.
    Transition(
        "withdraw",
        (Way(OPEN_STATES, "withdrawn", _CITIZEN),),
        event="samvad.case.withdrawn.v1",
        citizen_words=True,
    ),
    # Not before it has an office: what is detached again returns to assigned and must be
    # somebody's. From triage, assign it to the parent's office, then merge.
    Transition(
        "merge",
        (Way(_PLACED, "merged", ("operator", *_OFFICE)),),
        event="samvad.case.merged.v1",
        needs=("parent",),
    ),
    # Routing detaches it when the parent ends without an answer (it is withdrawn).
    Transition(
        "unmerge",
        (Way(("merged",), "assigned", (*_PEOPLE, "routing")),),
        event="samvad.case.unmerged.v1",
        citizen_words=True,
    ),
    # While resolved too: people are asked whether they are satisfied and how much in one breath.
    # By an operator for those who have only a telephone. A later rating replaces the earlier one.
    Transition(
        "rate",
        (Way(("resolved", "closed"), None, _CITIZEN),),
        event="samvad.case.rated.v1",
        needs=("rating",),
        citizen_words=True,
    ),
)
"""Every action there is. `ops` (who run the software) act on no case."""
