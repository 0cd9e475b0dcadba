"""A month of 2 000 cases, worked out again from its records, is what was lived through: row by row."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.kernel.contracts import events as e
from services.kernel.contracts.codec import Record, receive
from services.kernel.domain.timer import VOICE
from tests.conftest import sample
from tests.integration.sla.month import BEGINNING, END, Month
from tests.integration.sla.replaying import Documents, compared, quietly, readable, replayed

CASES = 2_000
SEED = 20260302
UNTIL = END + timedelta(days=2)
DONE = (
    "filed emergency", "filed without service", "assign", "transfer", "take_over", "ask_citizen", "answer",
    "mark_asked", "reply", "resolve", "confirm", "close", "reopen", "reject", "withdraw", "merge", "unmerge",
    "resolve while merged", "reject while merged", "change_service", "plan_feedback", "end_feedback",
)  # fmt: skip
SAID = {
    "warnings": e.SlaWarned.TYPE,
    "breaches": e.SlaBreached.TYPE,
    "escalations": e.SlaEscalated.TYPE,
    "lapses": e.SlaLapsed.TYPE,
    "recalculations": e.SlaRecalculated.TYPE,
}


@dataclass
class Lived:
    """`mid`: within the worker's longest absence, with what there was then."""

    month: Month
    mid: datetime
    records: list[Record]
    documents: Documents


@pytest.fixture(scope="module")
def lived() -> Lived:
    month = Month(SEED, CASES, sample("janjgir-champa"), sample("sakti"))
    since, until = month.longest_absence
    mid = since + (until - since) / 2

    async def live() -> Lived:
        await month.live(mid)
        records, documents = month.as_it_stands()
        await month.live()
        return Lived(month, mid, records, documents)

    with quietly():
        return asyncio.run(live())


def some(records: list[Record]) -> list[Record]:
    """The records of every tenth case."""
    return [record for record in records if (record.key or b"").endswith(b"7")]


def test_a_month_of_two_thousand_cases_is_the_same_row_by_row(lived: Lived) -> None:
    month = lived.month
    found = compared(replayed(month, month.records, UNTIL), month.documents)
    assert found.differing == 0, readable(found)
    assert (found.cases, found.behind, found.gone_on) == (CASES, 0, 0)
    # nothing that was said was left out
    assert {name: found.rows[name] for name in SAID} == {n: month.counted[t] for n, t in SAID.items()}


def test_all_that_can_happen_has_happened_in_that_month(lived: Lived) -> None:
    counted = lived.month.counted
    happened = (*DONE, *SAID.values(), e.NoticeDelivered.TYPE, e.NoticeFailed.TYPE)
    assert [what for what in (*happened, "unmet", "repeated", "reopened") if counted[what] < 10] == []
    rooms = [document["sla"] for document in lived.month.documents.values()]
    asked = [question for room in rooms for question in room.get("questions", ())]
    kinds = {
        "put by voice": sum(q.get("how") == VOICE for q in asked),
        "never delivered": sum("delivered_at" not in q and "closed_at" in q for q in asked),
        "answered": sum("until" in q and q.get("closed_at", END) < q["until"] for q in asked),
        "open for too long": sum("until" in q and q["until"] < q.get("closed_at", END) for q in asked),
        "a newer service": sum(room["service"] == "brand-new" for room in rooms),
        "never recalculated": sum(room["directory_version"] < 3 for room in rooms),
    }
    assert [kind for kind, count in kinds.items() if count < 10] == [], kinds


def test_the_order_of_the_topic_makes_no_difference(lived: Lived) -> None:
    month = lived.month
    found = compared(replayed(month, some(month.records)[::-1], UNTIL), month.documents)
    assert found.differing == 0, readable(found)


def test_while_the_living_clock_is_down_it_has_said_the_beginning_of_what_it_must(
    lived: Lived,
) -> None:
    found = compared(replayed(lived.month, some(lived.records), lived.mid), lived.documents)
    assert found.differing == 0, readable(found)
    assert 0 < found.behind < found.cases


@pytest.mark.parametrize("day", [4, 13, 20, 27])
def test_an_instant_in_the_past_is_compared_by_what_was_said_until_then(
    lived: Lived, day: int
) -> None:
    """Also where what was done later made more of it fall due."""
    until, records = BEGINNING + timedelta(days=day, hours=7), some(lived.month.records)
    lives = replayed(lived.month, records, until)
    found = compared(lives, lived.month.documents)
    assert found.differing == 0, readable(found)
    assert found.behind == 0
    assert 0 < found.gone_on <= found.cases
    # nothing of what was done later is taken
    by_then = replayed(lived.month, [r for r in records if receive(r).time <= until], until)
    assert [(one.ticket, one.timer, one.announced) for one in lives] == [
        (one.ticket, one.timer, one.announced) for one in by_then
    ]


def test_a_delivery_that_is_lost_shows(lived: Lived) -> None:
    """The comparison can fail. So it can in the tests below: one fact less, or another, and the very case
    is named."""
    month = lived.month
    for ticket, document in month.documents.items():
        asked = document["sla"].get("questions", ())
        told = {f"{ticket}/case/{q['event']}" for q in asked if q.get("how") not in (None, VOICE)}
        records = of(ticket, month)
        kept = [record for record in records if value(record).get("about") not in told]
        # what is lost at the end may as well have come after the topic was read
        if told and last_notice(kept) == last_notice(records):
            break
    assert differing(month, kept) == {ticket}


def test_an_act_an_hour_later_shows(lived: Lived) -> None:
    month = lived.month
    ticket, met = next(
        (ticket, document["sla"]["met"]["first_response"])
        for ticket, document in month.documents.items()
        if "first_response" in document["sla"].get("met", {})
    )
    records = [
        shifted(record, timedelta(hours=1)) if receive(record).time == met else record
        for record in of(ticket, month)
    ]
    assert differing(month, records) == {ticket}


@pytest.mark.parametrize(
    "kind", [e.SlaRecalculated.TYPE, e.CaseTransferred.TYPE, e.CaseReopened.TYPE, e.CaseMerged.TYPE]
)
def test_what_is_never_told_shows(lived: Lived, kind: str) -> None:
    kept = [r for r in some(lived.month.records) if r.header("ce_type") != kind]
    assert len(differing(lived.month, kept)) > 5


def test_a_breach_that_was_said_at_another_instant_or_twice_shows(lived: Lived) -> None:
    month = lived.month
    breached = next(r for r in month.records if r.header("ce_type") == e.SlaBreached.TYPE)
    ticket = (breached.key or b"").decode()
    moved = [shifted(r, timedelta(seconds=1)) if r is breached else r for r in of(ticket, month)]
    assert differing(month, moved) == {ticket}
    n = month.documents[ticket]["sla"]["n"] + 1
    headers = tuple(
        (name, f"{ticket}/sla/{n}".encode() if name == "ce_id" else text)
        for name, text in breached.headers
    )
    assert differing(month, [*of(ticket, month), replace(breached, headers=headers)]) == {ticket}


def of(ticket: str, month: Month) -> list[Record]:
    return [record for record in month.records if record.key == ticket.encode()]


def last_notice(records: list[Record]) -> int:
    return max((one.id.n for one in map(receive, records) if one.id.room == "notices"), default=0)


def value(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.value or b"")
    return found


def shifted(record: Record, by: timedelta) -> Record:
    """Recorded as of another instant."""
    event = value(record)
    event["at"] = (datetime.fromisoformat(event["at"]) + by).isoformat()
    return replace(record, value=json.dumps(event).encode())


def differing(month: Month, records: list[Record]) -> set[str]:
    """The cases that are told of, as people read it."""
    found = compared(replayed(month, records, UNTIL), month.documents)
    told = {line.partition(":")[0] for line in found.lines}
    assert len(told) == min(found.differing, 10)
    return told
