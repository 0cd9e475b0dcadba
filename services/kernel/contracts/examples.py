"""One made-up event of every type, all fields filled in. No person, number or case here is real.

`generate.py` stores them once as bytes; the stored bytes are what later versions must still read.
They are sealed with a key that everybody knows, and are good for nothing but tests and reading.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.kernel.contracts import events as e
from services.kernel.contracts.catalogue import TYPES
from services.kernel.contracts.codec import Beside, Message, announce, beside_the_case
from services.kernel.contracts.envelope import Filing, Words, seal

TICKET = "2600104237"
PARENT = "2600098761"
DISTRICT = "janjgir-champa"
KEY = bytes(range(32))
"""The data key of the made-up case."""
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FILED_AT = datetime(2026, 1, 5, 4, 30, 0, 123000, tzinfo=UTC)

FILING = Filing(
    text="हैंडपंप तीन दिन से खराब है। No water for three days.",
    name="Ramkali (made up)",
    phone="+910000000000",
    user_id="IN.0000000000000000",
    on_behalf_of="her neighbour",
    landmark="the school",
    village="Village A",
    lat=21.97,
    lng=82.58,
)
WORDS = Words(note="मैकेनिक कल आएगा। The mechanic comes tomorrow.", public=True)

OFFICER = e.By(role="officer", id="officer-17")
HEAD = e.By(role="head", id="officer-2")
OPERATOR = e.By(role="operator", id="operator-3")
CITIZEN = e.By(role="citizen")
ROUTING = e.By(role="routing")
RULE = e.By(role="rule")


@dataclass(frozen=True, slots=True)
class Example:
    """An event with what its envelope holds, and the message that it is published as."""

    event: e.Model
    content: e.Model | None
    message: Message

    @property
    def type(self) -> str:
        return str(getattr(self.event, "TYPE"))  # noqa: B009 (RecordDead is not an Event)


def examples() -> dict[str, Example]:
    """Every type's example. Each call seals anew, so the ciphertext differs from call to call."""
    return {example.type: example for example in (*_of_the_case(), *_beside_the_case())}


def _of_the_case() -> Iterator[Example]:
    numbers: dict[e.Room, int] = {}
    for model, content, fields in _case_events():
        at = fields.pop("at", None) or FILED_AT + timedelta(hours=sum(numbers.values()))
        if content is not None:
            fields["sealed"] = seal(content, KEY, TICKET)
        event = model(district=DISTRICT, ticket=TICKET, at=at, **fields)
        topic, row = TYPES[event.TYPE]
        assert row.room is not None
        n = numbers[row.room] = numbers.get(row.room, 0) + 1
        announced = announce(event, row.room, n, TRACEPARENT)
        yield Example(event, content, announced.message(topic.name, f"/samvad/{row.room}"))


def _case_events() -> Iterator[tuple[type[e.CaseEvent], e.Model | None, dict[str, Any]]]:
    def act(
        model: type[e.Act], state: str, by: e.By, **more: Any
    ) -> tuple[type[e.CaseEvent], e.Model | None, dict[str, Any]]:
        return model, WORDS, {"state": state, "by": by, "cause": "form-8d1f", "via": "whatsapp", **more}

    assigned = {
        "service": "handpump-repair",
        "department": "phed",
        "office": "phed-akaltara",
        "officer": "officer-17",
        "directory_version": 7,
        "reason": "the office of the block",
        "reason_hi": "विकासखंड का कार्यालय",
    }
    yield (
        e.CaseFiled,
        FILING,
        {
            "kind": "complaint",
            "channel": "web",
            "language": "hi",
            "priority": "urgent",
            "service": "handpump-repair",
            "suggested": ("handpump-repair", "piped-water"),
            "place": e.Place(block="akaltara", village="village-a"),
            "directory_version": 7,
            "confidential": True,
            "named_official": "officer-9",
            "dangers": ("violence",),
            "has_phone": True,
            "has_user_id": True,
            "media": ("media-39", "media-40"),
            "recordings": ("media-40",),
        },
    )
    two = ("handpump-repair", "piped-water")
    yield act(
        e.CaseTriaged,
        "triage",
        ROUTING,
        suggested=two,
        reason="two services fit equally",
        reason_hi="दो सेवाएँ समान रूप से मेल खाती हैं",
    )
    yield act(e.CaseAssigned, "assigned", ROUTING, **assigned)
    yield act(e.CaseTransferred, "assigned", OFFICER, **assigned)
    yield act(e.CaseTakenOver, "assigned", HEAD, **assigned)
    yield act(e.CaseAcknowledged, "acknowledged", OFFICER)
    yield act(e.CaseStarted, "in_progress", OFFICER)
    yield act(e.QuestionAsked, "awaiting_citizen", OFFICER, question=1)
    yield act(e.QuestionMarked, "awaiting_citizen", OPERATOR, question=1)
    yield act(e.QuestionAnswered, "in_progress", CITIZEN, question=1)
    two_files = {"media": ("media-41", "media-42"), "recordings": ("media-41",)}
    yield act(e.CaseAttached, "in_progress", CITIZEN, **two_files)
    yield act(e.CaseReplied, "in_progress", OFFICER)
    yield act(e.CaseNoted, "in_progress", OFFICER, media=("media-41",))
    yield act(e.CaseReminded, "in_progress", CITIZEN)
    yield act(
        e.ServiceChanged,
        "in_progress",
        OFFICER,
        service="piped-water",
        department="phed",
        priority="normal",
    )
    yield act(e.CaseResolved, "resolved", OFFICER, outcome="repaired")
    yield act(e.FeedbackPlanned, "resolved", OPERATOR)
    yield act(e.FeedbackEnded, "resolved", OPERATOR, outcome="reached")
    yield act(e.CaseConfirmed, "closed", CITIZEN)
    yield act(e.CaseReopened, "assigned", CITIZEN, cycle=2, **assigned)
    yield act(e.RejectionProposed, "assigned", OFFICER, reason="sub_judice")
    yield act(e.RejectionRefused, "assigned", HEAD)
    yield act(e.CaseRejected, "rejected", HEAD, reason="sub_judice")
    yield act(e.CaseWithdrawn, "withdrawn", CITIZEN)
    yield act(e.CaseMerged, "merged", OFFICER, parent=PARENT)
    yield act(e.CaseUnmerged, "assigned", CITIZEN, parent=PARENT)
    yield act(e.CaseClosed, "closed", RULE)
    yield act(e.CaseRated, "closed", CITIZEN, rating=4)

    due = FILED_AT + timedelta(days=3)
    clock = {"cycle": 1, "target": "first_response", "due_at": due}
    yield e.SlaWarned, None, {**clock, "at": due - timedelta(hours=2), "percent": 75}
    yield e.SlaBreached, None, {**clock, "at": due}
    yield (
        e.SlaEscalated,
        None,
        {**clock, "at": due, "rung": 1, "to": "head", "officer": "officer-2"},
    )
    yield e.SlaLapsed, None, {"cycle": 1}
    yield e.SlaRecalculated, None, {"directory_version": 8, "cause": "holiday-2026-01-07"}
    notice = {"about": f"{TICKET}/case/7", "audience": "citizen", "channel": "sms"}
    yield e.NoticeDelivered, None, notice
    yield e.NoticeFailed, None, {**notice, "reason": "not_reachable"}


def _beside_the_case() -> Iterator[Example]:
    at = FILED_AT
    yield _beside(
        e.DirectoryPublished(district=DISTRICT, version=7, at=at), None, DISTRICT, f"{DISTRICT}/7"
    )
    recipient = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
    message = e.MessageRequested(
        district=DISTRICT,
        key="code-51c2",
        recipient=recipient,
        template="login_code",
        at=at,
        # what has no case is bound to its key in place of a ticket
        sealed=seal(WORDS, KEY, "code-51c2"),
        wrapped_key="made-up:bWFkZSB1cA==",
    )
    yield _beside(message, WORDS, recipient, message.key)
    received = e.WhatsAppReceived(
        district=DISTRICT,
        kind="status",
        number="100000000000001",
        at=at,
        item={"id": "wamid.HBgL", "status": "delivered", "timestamp": "1767607200"},
    )
    yield _beside(received, None, recipient, "wamid.HBgL/delivered")
    callback = e.CallbackRequested(
        district=DISTRICT,
        key="callback-77",
        ticket=TICKET,
        person="officer-2",
        reason="undeliverable",
        at=at,
        sealed=seal(WORDS, KEY, TICKET),
        wrapped_key="made-up:bWFkZSB1cA==",
    )
    yield _beside(callback, WORDS, callback.key, callback.key)
    dead = e.RecordDead(
        consumer="sla",
        reason="ce_type is missing",
        topic="samvad.complaints.v1",
        partition=3,
        offset=1017,
        key=b64encode(TICKET.encode()).decode(),
        headers=(("ce_id", b64encode(f"{TICKET}/case/4".encode()).decode()),),
        value=b64encode(b"{}").decode(),
        at=at,
    )
    yield _beside(dead, None, TICKET, f"sla/{dead.topic}/{dead.partition}/{dead.offset}")


def _beside(
    event: Beside,
    content: e.Model | None,
    key: str,
    ce_id: str,
) -> Example:
    topic, row = TYPES[event.TYPE]
    message = beside_the_case(
        event,
        topic.name,
        row.producers[0],
        key=key.encode(),
        ce_id=ce_id,
        traceparent=TRACEPARENT,
    )
    return Example(event, content, message)
