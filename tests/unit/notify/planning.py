"""A planner, an event and facts of a case: for the tests of who is told what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.kernel.contracts import events as e
from services.kernel.domain.directory import District
from services.kernel.domain.naming import Names
from services.kernel.domain.reasons import reasons
from services.notify.adapters.book_file import load_book
from services.notify.core.people import Facts
from services.notify.core.planning import PlannedMessage, Planner

BOOK = load_book()
CONTACTS = Names("secret")
PLANNER = Planner(BOOK, CONTACTS, reasons())
TICKET = "2600104237"
JOINED = "2600104245"
PHONE = "+919876543210"
AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)  # 10:00 in the district
OFFICER = "phe-nawagarh-1"  # reads Hindi
HEAD = "phe-head-1"
SDM = "sdm-janjgir-1"  # reads English
COLLECTOR = "collector-1"  # reads English
SEALED = {"nonce": "bm9uY2U=", "data": "c2VhbGVk"}
FACTS = Facts(
    channel="web",
    language="hi",
    confidential=False,
    service="hand-pump",
    department="phe",
    block="nawagarh",
    phone=PHONE,
    holder=OFFICER,
)


def event(model: type[e.CaseEvent], **fields: Any) -> e.CaseEvent:
    known: dict[str, Any] = {"ticket": TICKET, "district": "janjgir-champa", "at": AT}
    if issubclass(model, e.CaseFiled):
        known |= {"kind": "complaint", "channel": "web", "language": "hi", "directory_version": 1}
        known["sealed"] = SEALED
    elif issubclass(model, e.Act):
        known |= {"state": "assigned", "by": {"role": "officer", "id": OFFICER}}
    if issubclass(model, e.CaseAssigned):
        known |= {"department": "phe", "officer": OFFICER, "directory_version": 1, "reason": ""}
    if issubclass(model, e.CaseReopened):
        known |= {"cycle": 2}
    if issubclass(model, (e.QuestionAsked, e.QuestionMarked)):
        known |= {"question": 1}
    if issubclass(model, (e.CaseMerged, e.CaseUnmerged)):
        known |= {"parent": "2600000017"}
    if issubclass(model, (e.RejectionProposed, e.CaseRejected)):
        known |= {"reason": "duplicate"}
    if issubclass(model, e.Clock):
        known |= {"target": "resolve", "due_at": AT}
    if issubclass(model, e.SlaWarned):
        known |= {"percent": 75}
    if issubclass(model, e.SlaEscalated):
        known |= {"rung": 1, "to": "head", "officer": HEAD}
    return model.model_validate(known | fields)


def planned(
    what: e.CaseEvent,
    facts: Facts,
    directory: District,
    *,
    now: datetime = AT,
    joined: Mapping[str, Facts] | None = None,
) -> dict[str, PlannedMessage]:
    """By audience; where several of an audience are told, the last one's."""
    found = PLANNER.plan(f"{TICKET}/{what.ROOMS[0]}/1", what, facts, directory, now, joined)
    assert len({message.id for message in found}) == len(found)
    return {message.audience: message for message in found}


def templates(found: Mapping[str, PlannedMessage]) -> dict[str, str]:
    return {audience: message.template for audience, message in found.items()}


URGENT: dict[str, Any] = {"priority": "urgent"}
SECRET: dict[str, Any] = {"confidential": True}
BOTH = URGENT | SECRET

TOLD: list[tuple[type[e.CaseEvent], dict[str, Any], dict[str, str]]] = [
    (e.CaseFiled, {}, {"citizen": "citizen_filed"}),
    (e.CaseFiled, SECRET, {"citizen": "citizen_filed"}),
    (e.CaseFiled, URGENT, {"citizen": "citizen_filed"}),
    (
        e.CaseFiled,
        {"danger": True, "priority": "emergency"},
        {"citizen": "citizen_filed_danger", "operator": "operator_emergency"},
    ),
    (
        e.CaseFiled,
        {"danger": True, "confidential": True, "phone": None},
        {"operator": "operator_emergency"},
    ),
    (e.CaseAssigned, {}, {"citizen": "citizen_assigned", "officer": "officer_assigned"}),
    (
        e.CaseAssigned,
        {"priority": "emergency"},
        {"citizen": "citizen_assigned", "officer": "officer_assigned_urgent"},
    ),
    (
        e.CaseAssigned,
        BOTH,
        {"citizen": "citizen_assigned_discreet", "officer": "officer_case_discreet"},
    ),
    (e.CaseTransferred, {}, {"citizen": "citizen_transferred", "officer": "officer_assigned"}),
    (
        e.CaseTransferred,
        URGENT,
        {"citizen": "citizen_transferred", "officer": "officer_assigned_urgent"},
    ),
    (
        e.CaseTransferred,
        BOTH,
        {"citizen": "citizen_assigned_discreet", "officer": "officer_case_discreet"},
    ),
    (e.CaseUnmerged, {}, {"holder": "officer_assigned"}),
    (e.CaseUnmerged, URGENT, {"holder": "officer_assigned_urgent"}),
    (e.CaseUnmerged, BOTH, {"holder": "officer_case_discreet"}),
    (e.QuestionAsked, {}, {"citizen": "citizen_question"}),
    (e.QuestionAsked, SECRET, {"citizen": "citizen_question_discreet"}),
    (e.QuestionMarked, {}, {}),
    (e.QuestionAnswered, {}, {"holder": "officer_answered"}),
    (e.QuestionAnswered, SECRET, {"holder": "officer_news_discreet"}),
    (e.CaseReplied, {}, {"citizen": "citizen_replied"}),
    (e.CaseReplied, SECRET, {"citizen": "citizen_news_discreet"}),
    (e.CaseReminded, {}, {"holder": "officer_reminded"}),
    (e.CaseReminded, SECRET, {"holder": "officer_news_discreet"}),
    (e.CaseMerged, {}, {"citizen": "citizen_merged"}),
    (e.CaseMerged, SECRET, {"citizen": "citizen_news_discreet"}),
    (e.SlaWarned, {}, {"holder": "officer_warned"}),
    (e.SlaWarned, SECRET, {"holder": "officer_warned_discreet"}),
    (e.SlaWarned, {"holder": None}, {}),
    (e.SlaBreached, {}, {"holder": "officer_breached"}),
    (e.SlaBreached, BOTH, {"holder": "officer_breached_discreet"}),
    (e.SlaBreached, {"holder": None}, {}),
    (e.CaseResolved, {}, {"citizen": "citizen_resolved"}),
    (e.CaseResolved, SECRET, {"citizen": "citizen_resolved"}),
    (e.FeedbackPlanned, {}, {"citizen": "citizen_callback"}),
    (e.CaseConfirmed, {}, {"citizen": "citizen_confirmed"}),
    (e.CaseClosed, {}, {"citizen": "citizen_closed"}),
    (e.CaseReopened, {}, {"citizen": "citizen_reopened", "officer": "officer_reopened"}),
    (e.CaseReopened, SECRET, {"citizen": "citizen_reopened", "officer": "officer_case_discreet"}),
    (e.RejectionProposed, {}, {"head": "head_decision"}),
    (e.RejectionProposed, SECRET, {"head": "head_decision_discreet"}),
    (e.CaseRejected, {}, {"citizen": "citizen_rejected"}),
    (e.CaseRejected, SECRET, {"citizen": "citizen_rejected_discreet"}),
    (e.CaseWithdrawn, {}, {"citizen": "citizen_withdrawn", "holder": "officer_withdrawn"}),
    (
        e.CaseWithdrawn,
        SECRET,
        {"citizen": "citizen_withdrawn", "holder": "officer_withdrawn_discreet"},
    ),
    (e.CaseWithdrawn, {"holder": None}, {"citizen": "citizen_withdrawn"}),
    (e.CaseTakenOver, {}, {}),
    (e.CaseAcknowledged, {}, {}),
    (e.CaseStarted, {}, {}),
    (e.FeedbackEnded, {}, {}),
    (e.SlaLapsed, {}, {}),
]
