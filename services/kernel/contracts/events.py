"""Every event of a case's life, as it travels on `samvad.complaints.v1`, and the few beside it.

An event is an accepted fact: it happened, it is numbered within its room, nobody may refuse it.
The CloudEvents attributes (id, source, type, time, subject) travel as headers and are not repeated
here; see `codec.py`. Within a version only optional fields are added; readers ignore fields they
don't know. Nothing here is personal: names, phones and everybody's free words travel in `sealed`
(`envelope.py`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from services.kernel.contracts.base import By as By
from services.kernel.contracts.base import CaseEvent as CaseEvent
from services.kernel.contracts.base import Event as Event
from services.kernel.contracts.base import Model as Model
from services.kernel.contracts.base import Place as Place
from services.kernel.contracts.base import Room as Room
from services.kernel.contracts.base import Sealed as Sealed
from services.kernel.contracts.beside import CallbackRequested as CallbackRequested
from services.kernel.contracts.beside import DirectoryPublished as DirectoryPublished
from services.kernel.contracts.beside import MessageRequested as MessageRequested
from services.kernel.contracts.beside import RecordDead as RecordDead
from services.kernel.contracts.beside import WhatsAppReceived as WhatsAppReceived
from services.kernel.domain.directory import Kind, Language, Priority, Target
from services.kernel.domain.lifecycle_table import Role

# ---------------------------------------------------------------- room intake


class CaseFiled(CaseEvent):
    """A case was accepted and a receipt given. `suggested`: services guessed from the words. `media` are ids
    of the store, `recordings` those of them that are sound or film: somebody can write down what they say.
    `has_user_id`: WhatsApp reaches the citizen by one, since he shows it no number."""

    TYPE = "samvad.case.filed.v1"
    ROOMS = ("intake",)

    kind: Kind
    channel: str
    language: Language
    priority: Priority = "normal"
    service: str | None = None
    suggested: tuple[str, ...] = ()
    place: Place = Place()
    directory_version: int
    confidential: bool = False
    named_official: str | None = None
    dangers: tuple[str, ...] = ()
    has_phone: bool = False
    has_user_id: bool = False
    media: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    sealed: Sealed


# ---------------------------------------------------------------- room case


class Act(CaseEvent):
    """An act on a case: the state after it and who did it. The request's key stays in the case's history:
    a provider's message id can hold a phone number. `via`: the channel in which the citizen did it, where
    that has told him already."""

    ROOMS = ("case",)

    state: str
    by: By
    via: str | None = None
    sealed: Sealed | None = None


class CaseTriaged(Act):
    """No office could be told from what was filed: a person decides. `reason` is for people."""

    TYPE = "samvad.case.triaged.v1"
    suggested: tuple[str, ...] = ()
    reason: str
    reason_hi: str | None = None


class CaseAssigned(Act):
    """`officer` None: the office has nobody on duty and no head. `reason` is for people to read."""

    TYPE = "samvad.case.assigned.v1"
    service: str | None = None
    department: str
    office: str | None = None
    officer: str | None = None
    directory_version: int
    reason: str
    reason_hi: str | None = None


class CaseTransferred(CaseAssigned):
    """To another office or department ("not my department"); the clock keeps what was burnt."""

    TYPE = "samvad.case.transferred.v1"


class CaseTakenOver(CaseAssigned):
    """A higher officer made the case his own."""

    TYPE = "samvad.case.taken-over.v1"


class CaseReopened(CaseAssigned):
    """Back to assigned, a new cycle of the ladder. `cycle` counts from 1 (the filing)."""

    TYPE = "samvad.case.reopened.v1"
    cycle: int = Field(ge=2)


class CaseAcknowledged(Act):
    TYPE = "samvad.case.acknowledged.v1"


class CaseStarted(Act):
    TYPE = "samvad.case.started.v1"


class QuestionAsked(Act):
    """The officer needs something of the citizen. `question` numbers a case's questions from 1."""

    TYPE = "samvad.question.asked.v1"
    question: int = Field(ge=1)


class QuestionMarked(Act):
    """An operator put the question by voice: it counts as delivered from here on."""

    TYPE = "samvad.question.marked.v1"
    question: int = Field(ge=1)


class QuestionAnswered(Act):
    TYPE = "samvad.question.answered.v1"
    question: int | None = None


class CaseAttached(Act):
    """Something was added. `media` are ids of the store, never addresses; `recordings` those of them that are
    sound or film."""

    TYPE = "samvad.case.attached.v1"
    media: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()


class CaseReplied(Act):
    """A response to the citizen, first or further, with content (an acknowledgement has none)."""

    TYPE = "samvad.case.replied.v1"


class CaseNoted(Act):
    """`media`: the recordings that the note writes down, where it does."""

    TYPE = "samvad.case.noted.v1"
    media: tuple[str, ...] = ()


class CaseReminded(Act):
    """The citizen asks what became of it. It changes no deadline."""

    TYPE = "samvad.case.reminded.v1"


class ServiceChanged(Act):
    """The case was about something else; targets change from the filing on."""

    TYPE = "samvad.case.service-changed.v1"
    service: str
    department: str
    priority: Priority | None = None


class CaseResolved(Act):
    """The officer says that it is done. It is not closed: the citizen is asked."""

    TYPE = "samvad.case.resolved.v1"
    outcome: str | None = None


class FeedbackPlanned(Act):
    TYPE = "samvad.feedback.planned.v1"


class FeedbackEnded(Act):
    TYPE = "samvad.feedback.ended.v1"
    outcome: Literal["reached", "unreached"]


class CaseConfirmed(Act):
    """The citizen is satisfied, himself or through an operator: the case is closed."""

    TYPE = "samvad.case.confirmed.v1"


class CaseClosed(Act):
    """Closed by rule: the confirmation window lapsed."""

    TYPE = "samvad.case.closed.v1"


class RejectionProposed(Act):
    TYPE = "samvad.rejection.proposed.v1"
    reason: str


class RejectionRefused(Act):
    TYPE = "samvad.rejection.refused.v1"


class CaseRejected(Act):
    """The head approved the proposed rejection. `reason` is an id of the list of reasons."""

    TYPE = "samvad.case.rejected.v1"
    reason: str


class CaseWithdrawn(Act):
    TYPE = "samvad.case.withdrawn.v1"


class CaseMerged(Act):
    """This case joins `parent` (several people, one trouble)."""

    TYPE = "samvad.case.merged.v1"
    parent: str


class CaseUnmerged(Act):
    TYPE = "samvad.case.unmerged.v1"
    parent: str


class CaseRated(Act):
    TYPE = "samvad.case.rated.v1"
    rating: int = Field(ge=1, le=5)


# ---------------------------------------------------------------- room sla


class Clock(CaseEvent):
    """What the clock says of a target in a cycle. `at` is the due instant, not when it was seen."""

    ROOMS = ("sla",)

    cycle: int = Field(default=1, ge=1)
    target: Target
    due_at: AwareDatetime


class SlaWarned(Clock):
    TYPE = "samvad.sla.warned.v1"
    percent: int


class SlaBreached(Clock):
    TYPE = "samvad.sla.breached.v1"


class SlaEscalated(Clock):
    """The ladder's `rung` (from 1) was reached: `to` is a role, `officer` who that is, if known.

    `why`: "repeated" for the top rung again, while nothing happens; "reopened" for the head, who is told
    at once that a new cycle began, and whose rung is the first that is his.
    """

    TYPE = "samvad.sla.escalated.v1"
    rung: int = Field(ge=1)
    to: Role
    officer: str | None = None
    why: Literal["unmet", "repeated", "reopened"] = "unmet"


class SlaLapsed(CaseEvent):
    """The confirmation window is over; the case store closes the case if it is still resolved."""

    TYPE = "samvad.sla.lapsed.v1"
    ROOMS = ("sla",)
    cycle: int = 1


class SlaRecalculated(CaseEvent):
    """Targets were computed again under another directory version; recorded breaches stay."""

    TYPE = "samvad.sla.recalculated.v1"
    ROOMS = ("sla",)
    directory_version: int
    cause: str


# ---------------------------------------------------------------- room notices


class Notice(CaseEvent):
    """A message's outcome, as the provider's receipt told it. `about`: the event's id."""

    ROOMS = ("notices",)

    about: str
    audience: str
    channel: str


class NoticeDelivered(Notice):
    """The person has it: a receipt says so, or the set time is over after which a channel without receipts
    counts as having delivered what it accepted. Stamped when we learn it, later than `sla.last_fired`."""

    TYPE = "samvad.notice.delivered.v1"


class NoticeFailed(Notice):
    """It cannot be delivered: every channel has failed."""

    TYPE = "samvad.notice.failed.v1"
    reason: str


def _leaves(cls: type[Event]) -> list[type[Event]]:
    found = [cls] if "TYPE" in cls.__dict__ else []
    return found + [leaf for sub in cls.__subclasses__() for leaf in _leaves(sub)]


EVENTS: dict[str, type[Event]] = {cls.TYPE: cls for cls in _leaves(Event)}
"""Every event by its CloudEvents type."""
